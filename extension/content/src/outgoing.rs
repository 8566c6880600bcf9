//! Decides a response: what is sent in its place, and what must be stored before.
//!
//! ```
//! use bytes::Bytes;
//! use long_content::outgoing::{Outgoing, Terms};
//! use long_content::reference::{Scope, Ttl};
//!
//! let terms = Terms { max_content_size: 8, ..Terms::new(Scope::new("AgentContext-dev"), Ttl::NONE) };
//! let outgoing = Outgoing::of(&Bytes::from(r#"{"text":"long\ntext"}"#), &terms).unwrap();
//! let (reference, content) = &outgoing.contents[0];
//! assert_eq!(outgoing.response, format!(r#"{{"text":"{reference}"}}"#));
//! assert_eq!(content, "long\ntext");
//! ```

use std::collections::HashSet;

use bytes::Bytes;

use crate::fit::{self, Destination, DoesNotFit};
use crate::keep::Pointer;
use crate::leaving::Leaving;
use crate::offload::{self, Limits, MAX_LOOK_ALIKES};
use crate::placing::Placing;
use crate::reference::{ContentRef, Reference, Scope, Ttl};

/// The terms on which a response is offloaded.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Strings of more bytes than this, of decoded UTF-8, are offloaded.
    pub max_content_size: usize,
    /// Bytes that the whole response may have, `None` for no limit.
    pub max_payload_size: Option<usize>,
    /// Values that stay inline, whatever their size.
    pub keep: Vec<Pointer>,
    /// References that the function got unchanged in its event.
    pub kept: Vec<Reference>,
    /// How many contents are stored, at most, because text looks like references.
    pub max_look_alikes: usize,
    /// The scope that may read what is stored.
    pub scope: Scope,
    /// How long it is kept.
    pub ttl: Ttl,
    /// The store that takes it.
    pub placing: Placing,
}

impl Terms {
    /// The defaults of the extension: strings of 5000 bytes, and a response that fits into a state of Step Functions with
    /// the rest of that state.
    pub fn new(scope: Scope, ttl: Ttl) -> Self {
        Self {
            max_content_size: 5_000,
            max_payload_size: Some(245_760),
            keep: vec![],
            kept: vec![],
            max_look_alikes: MAX_LOOK_ALIKES,
            scope,
            ttl,
            placing: Placing::default(),
        }
    }
}

/// A response about which everything is decided.
#[derive(Debug)]
pub struct Outgoing {
    /// What is sent; the same bytes if there is nothing to offload.
    pub response: Bytes,
    /// The scope of the contents.
    pub scope: Scope,
    /// What must be stored before the response is sent, each content once.
    pub contents: Vec<(ContentRef, Bytes)>,
    /// Whether text is offloaded only because it looks like a reference. Then the original response must never be sent.
    pub has_look_alike: bool,
    /// Whether nothing is offloaded because the response is not valid JSON, although something in it is long.
    pub is_invalid: bool,
}

impl Outgoing {
    /// Decides a response.
    pub fn of(response: &Bytes, terms: &Terms) -> Result<Self, DoesNotFit> {
        let limits = Limits {
            threshold: terms.max_content_size,
            keep: &terms.keep,
            kept: &terms.kept,
            max_look_alikes: terms.max_look_alikes,
        };
        let offload = offload::plan(response, &limits);
        let mut outgoing = Self {
            response: response.clone(),
            scope: terms.scope.clone(),
            contents: vec![],
            has_look_alike: offload.has_look_alike(),
            is_invalid: offload.is_invalid(),
        };
        outgoing.leave(&offload, terms);
        if let Some(max_size) = terms.max_payload_size {
            let is_signed = terms.scope.is_signed();
            let destination = Destination { max_size, keep: &terms.keep, ttl: terms.ttl, is_signed };
            let fit = fit::plan(&outgoing.response, &destination)?;
            outgoing.leave(&fit, terms);
        }
        Ok(outgoing)
    }

    fn leave(&mut self, leaving: &Leaving, terms: &Terms) {
        let contents = leaving.contents();
        let references: Vec<_> =
            contents.iter().map(|content| terms.placing.reference(&terms.scope, terms.ttl, content)).collect();
        let mut known: HashSet<_> = self.contents.iter().map(|(reference, _)| *reference).collect();
        for (reference, content) in references.iter().zip(contents) {
            if known.insert(*reference) {
                self.contents.push((*reference, content.bytes.clone()));
            }
        }
        self.response = leaving.apply(&references);
    }
}
