//! The claim check pattern for JSON payloads: long values travel as short references.
//!
//! - [`offload`] plans which values leave a response, and puts references in their places.
//! - [`batch`] finds the records of an event that holds many.
//! - [`encoded`] tells whether references are in base64 text, where they are not found.
//! - [`envelope`] tells callers that can hydrate from those that cannot.
//! - [`fit`] plans which further values leave when a response is still too large for its destination.
//! - [`hydrate`] plans which references are in an event, and puts the contents back.
//! - [`leaving`] is what both plan: values that leave, and the references in their places.
//! - [`locate`] says where in a document references are, for people who look at it.
//! - [`markers`] makes text that reads like a reference read like none, where it cannot be stored.
//! - [`outgoing`] is a whole response decided: both of the above, and what must be stored.
//! - [`keep`] names values of a response that stay inline.
//! - [`keys`] are the signing keys that make references unforgeable.
//! - [`part`] is a value inside of a content: its spelling, and where it is.
//! - [`placing`] decides which store a content goes to.
//! - [`reference`] is the text that travels: its grammar, and how contents get their names.
//! - [`screen`] tells, piece by piece, payloads that have nothing to replace from those worth a look.
//! - `signing` knows the keys of one process: given, or read from a secret.
//! - [`store`] keeps contents under their references.
//!
//! Plan, do, apply: the pure part (all but `store` and `signing`) decides and edits bytes and never waits; stores wait and never
//! parse. Payloads are spliced, never parsed and printed again: every byte outside a replaced value leaves as it came.

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
