//! OAuth 2.0 tokens, asked for and remembered, and JWTs, verified by the keys of their issuer.
//!
//! - [`OAuth::token`] gets an access token by a [`Grant`] (RFC 6749, sections 4.3 and 4.4), and gives the same one until shortly before it
//!   expires.
//! - [`OAuth::verified`] gives the claims of a JWT, if it is signed (RS256 and nothing else) by a key that its issuer publishes (RFC 7517),
//!   is for this audience and is valid now.
//! - [`Credential`] is what does not change: an API key or a bearer token.
//!
//! Everything is asked through [`http_guard`], so that neither URL can lead to a private address. Nothing here prints a token, a
//! password or a key.

mod auth_error;
mod claims;
mod credential;
mod grant;
mod jwt;
mod key_sets;
mod provider;
mod signatures;
mod tokens;

pub use self::auth_error::{AuthError, TokenProblem};
pub use self::claims::Golfer;
pub use self::credential::{Credential, NotAHeader};
pub use self::grant::Grant;
pub use self::jwt::Issuer;
pub use self::provider::OAuth;
