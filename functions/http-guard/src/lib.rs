//! HTTP to addresses that somebody else chose, without reaching what is private.
//!
//! A URL that a model or a user wrote may name the metadata service, a database of the same network, or the function's own Runtime
//! API. A [`Guard`] fetches it only when all of this holds, for the URL itself and for each redirect:
//!
//! - It is `https://`, on port 443, without user info, and its host is a name spelt the way it is meant ([`Target`]). No IP address, no
//!   name of a local network, nothing that a parser must first decode, map or trim to find out what it says.
//! - The host is allowed ([`AllowedHosts`]).
//! - Every address that the name leads to is public ([`addresses`]). The connection goes to the very addresses that were
//!   checked: there is one lookup, so a name that changes its answer afterwards changes nothing.
//! - The server has a certificate for that name (TLS 1.2 or newer).
//!
//! Redirects, bytes and time are limited ([`Limits`]), also the bytes that a compressed body becomes. Proxy variables are not looked at,
//! and cookies not kept. A connection is used again for a few seconds, if the name still leads to its address.
//!
//! Credentials ([`Call::secret`]) go to the one host that they are for, and never to where it redirects. A POST is sent once: it is neither
//! redirected nor repeated where the server may have got it.
//!
//! # Test endpoints
//!
//! Tests need servers on this machine, which are everything but public. The feature `test-endpoints` makes two variables of
//! [`Network::from_variables`] count; without it nothing reads them:
//!
//! - `TEST_ENDPOINTS`: `documents.test=127.0.0.1:4433` entries, separated by commas, lead a name to a loopback address. (A name that
//!   occurs several times answers in turn, and `+` joins the addresses of one answer. An address in a name's place says where
//!   connections to it go, so that a test can count those that must not be.)
//! - `TEST_CA_FILE`: a PEM file with the certificate authority of those servers, trusted instead of the system's.
//!
//! Every other rule stays in force. A binary built with the feature holds the text of [`ENDPOINTS_MARKER`], and no other does:
//! packaging looks for it (`functions/shippable`).

pub mod addresses;
mod call;
mod compression;
#[cfg(not(feature = "test-endpoints"))]
mod endpoints;
#[cfg(feature = "test-endpoints")]
#[path = "test_endpoints.rs"]
mod endpoints;
mod fetch;
mod fetch_error;
mod hosts;
mod link;
mod marker;
mod network;
mod network_error;
mod stream;
mod target;

pub use self::call::Call;
pub use self::fetch::{Guard, Limits, Page};
pub use self::fetch_error::FetchError;
pub use self::hosts::{AllowedHosts, NotAHost};
pub use self::marker::ENDPOINTS_MARKER;
pub use self::network::Network;
pub use self::network_error::NetworkError;
pub use self::stream::Pieces;
pub use self::target::{Refusal, Target};
