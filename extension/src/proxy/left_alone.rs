//! Decides whether a response is left alone: it is forwarded unchanged, because its reader could not hydrate it. Only this
//! module decides it.

use long_content::envelope::Envelope;
use long_content::offload::{self, Limits};
use long_content::store::ContentStore;

use super::sandbox::Proxy;
use super::{Outcome, is_streaming};
use crate::error::Failure;
use crate::invocations::Invocation;
use crate::payload::Payload;
use crate::wire::Fields;

impl<S: ContentStore> Proxy<S> {
    /// Whether the responses to events in this envelope are left alone (O5).
    pub(super) fn leaves_alone(&self, envelope: Envelope) -> bool {
        !self.config.offload.applies(envelope == Envelope::Plain)
    }

    /// Whether the response to an event may still have to be left alone, once the event's envelope is known.
    pub(super) fn may_be_left_alone(&self, invocation: &Invocation) -> bool {
        !invocation.is_left_alone && self.leaves_alone(Envelope::Exposed)
    }

    /// Whether the outcome of an invocation is forwarded while the runtime sends it, and is not searched. For an unknown
    /// invocation, only the settings decide.
    pub(super) fn passes(&self, outcome: Outcome, fields: &Fields, known: Option<&Invocation>) -> bool {
        let is_stream = outcome == Outcome::Response && is_streaming(fields);
        is_stream || known.map_or_else(|| self.leaves_alone(Envelope::Plain), |known| known.is_left_alone)
    }

    /// Handles the response of an unknown invocation: neither its reader is known nor the references that its event
    /// contained. It is forwarded unchanged, unless its reader could take some of its text for a reference (O9).
    pub(super) fn leave_unknown(response: Payload) -> Result<Payload, Failure> {
        let response = response.whole();
        let has_look_alike = offload::plan(&response, &Limits::default()).has_look_alike();
        if has_look_alike { Err(Failure::unknown_invocation()) } else { Ok(response.into()) }
    }
}
