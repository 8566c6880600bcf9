//! `authorizer`: lets a request of an HTTP API in by an API key or a JWT (Lambda authorizer, payload 2.0, simple responses).
//!
//! - `x-api-key`: one of the keys in the secret that `AUTHORIZER_KEYS_SECRET` names, a JSON object of keys by the caller's name. Keys of
//!   fewer than 20 characters let nobody in.
//! - `authorization: Bearer …`: a JWT (RFC 7519) that the issuer `JWT_ISSUER` gave for the audience `JWT_AUDIENCE`, signed by RS256 with a key
//!   from `JWT_JWKS_URL`.
//!
//! Everything else is denied: no credentials, an event that cannot be read, a secret or a key set that cannot be fetched. The context of
//! an allowed request has the caller's name: `key:` and the key's name, or `jwt:` and the subject.

mod api_keys;
mod bearer;
mod handler;
mod settings;

pub use handler::{Authorizer, Decision, handle};
