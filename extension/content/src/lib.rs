//! The claim check pattern for JSON payloads: long values travel as short references.
//!
//! - [`offload`] plans which values are taken out of a response, and puts references in their places.
//! - [`batch`] finds the records of an event that is a batch.
//! - [`encoded`] determines whether references are in base64 text, where they are not hydrated.
//! - [`envelope`] distinguishes callers that can hydrate from those that cannot.
//! - [`fit`] plans which further values are taken out if a response is still too large for its destination.
//! - [`hydrate`] plans which references are in an event, and puts the contents back.
//! - [`leaving`] is the plan that `offload` and `fit` make: the values that are taken out, and the references in their
//!   places.
//! - [`locate`] finds the places of references in a document, for the tool.
//! - [`markers`] changes text that looks like a reference but cannot be stored, so that it does not look like one any more.
//! - [`outgoing`] combines `offload` and `fit`: the response to be sent, and the contents to be stored.
//! - [`keep`] names values of a response that stay inline.
//! - [`keys`] are the signing keys that make references unforgeable.
//! - [`part`] is a value inside of a content: how a reference spells it, and where it is.
//! - [`placing`] decides which store a content goes to.
//! - [`reference`] is the text in place of a content: its grammar, and how contents get their names.
//! - [`screen`] determines, piece by piece, whether a payload may have something to replace.
//! - `signing` knows the keys of one process: given, or read from a secret.
//! - [`store`] keeps contents under their references.
//!
//! The work has three steps: plan, store or read, apply. All modules except `store` and `signing` decide and edit bytes, and
//! never wait. Stores wait for the network, and never parse JSON. Payloads are spliced, never parsed and printed again:
//! every byte outside a replaced value is unchanged.

pub mod batch;
mod crowds;
pub mod encoded;
pub mod envelope;
mod escape;
pub mod fit;
mod gaps;
pub mod hydrate;
mod json;
pub mod keep;
pub mod keys;
pub mod leaving;
pub mod locate;
pub mod markers;
mod nested;
pub mod offload;
pub mod outgoing;
pub mod part;
pub mod placing;
pub mod reference;
pub mod screen;
mod seams;
#[cfg(feature = "dynamodb")]
pub mod signing;
pub mod store;
