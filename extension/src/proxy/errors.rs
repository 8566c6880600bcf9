//! What happens to an error that a runtime reports (O11). A state machine that catches the error writes it into `Cause`, a
//! text in which the next function's layer looks for references (H2). So the proxy stores each text of the error that looks
//! like a reference, as in a response (O4). It stores nothing else of the error.
//!
//! If such a text cannot be stored within a second, the proxy breaks its marker (the prefix of a reference): the function
//! has failed already, and its caller must get the error. An error keeps its form, because Lambda and state machines read
//! its members. If so many of its strings look like references that whole objects or arrays would have to be stored, the
//! proxy breaks all markers instead. It also breaks all markers in the error of an unknown invocation (O9).

use std::time::Duration;

use bytes::Bytes;
use long_content::markers;
use long_content::outgoing::Terms;
use long_content::reference::Kind;
use long_content::store::ContentStore;

use super::notices;
use super::sandbox::Proxy;
use crate::error::Failure;
use crate::invocations::Invocation;
use crate::metrics::Sizes;

/// How long storing an error's text may take.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the text of an error is not stored.
#[derive(Debug, thiserror::Error)]
enum Unstored {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("too many of its texts read like references")]
    TooMany,
    #[error("its event did not come through this extension, or came more than 16 minutes ago")]
    UnknownInvocation,
}

impl<S: ContentStore> Proxy<S> {
    /// Returns the error without anything that could be taken for a reference, except references that its invocation's event
    /// contained.
    pub(super) async fn disarm(&self, id: &str, error: Bytes, is_known: bool, invocation: &mut Invocation) -> Bytes {
        let before = error.len();
        let stored =
            if is_known { self.store_look_alikes(&error, invocation).await } else { Err(Unstored::UnknownInvocation) };
        let why = match stored {
            Ok(None) => None,
            Ok(Some(stored)) => {
                invocation.work.response = Some(Sizes { before, after: stored.len() });
                return stored;
            }
            Err(why) => Some(why),
        };
        let (broken, markers) = markers::break_all(&error, &invocation.kept);
        if markers > 0 {
            let why = why.map_or_else(|| "it is not JSON".to_owned(), |why| why.to_string());
            tracing::warn!(request_id = id, markers, error = why, "text like a reference was altered in an error");
            invocation.work.broken_markers += markers;
        }
        broken
    }

    /// Stores the texts of an error that look like references, and returns the error with references in their places; `None`
    /// if there are no such texts.
    async fn store_look_alikes(&self, error: &Bytes, invocation: &mut Invocation) -> Result<Option<Bytes>, Unstored> {
        let until = invocation.store_until(self.config.store_timeout.min(STORE_TIMEOUT));
        let keys = match self.keys.known() {
            Some(keys) => keys,
            None => self.keys.get(until).await.map_err(|error| Failure::no_keys(&error))?,
        };
        let terms = Terms {
            max_content_size: usize::MAX,
            max_payload_size: None,
            keep: vec![],
            ..self.terms(invocation, keys)
        };
        let outgoing = self.decide(error, terms, invocation).await?;
        if outgoing.is_invalid {
            invocation.work.left_invalid += 1;
            notices::invalid_json();
        }
        if outgoing.contents.is_empty() {
            return Ok(None);
        }
        if outgoing.contents.iter().any(|(reference, _)| reference.kind == Kind::Verbatim) {
            return Err(Unstored::TooMany);
        }
        Ok(Some(self.store_all(outgoing, until, &mut invocation.work).await?))
    }
}
