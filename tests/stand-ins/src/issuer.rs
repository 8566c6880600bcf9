//! An issuer of JWTs by which callers say who they are. It publishes its keys; the control interface signs with them.

use crate::oauth::{OAuth, keys};
use crate::service::Service;
use axum::Router;
use axum::routing::get;

/// The name by which faults of the issuer's keys are planned.
pub const ISSUER: &str = "issuer";
/// A domain that is reserved for examples (RFC 2606).
const HOSTS: &[&str] = &["issuer.example.com"];

/// `GET /.well-known/jwks.json`.
pub(crate) fn service(oauth: &OAuth) -> Service {
    let router = Router::new().route("/.well-known/jwks.json", get(keys)).with_state(oauth.clone());
    Service { name: ISSUER.to_owned(), hosts: HOSTS, below: "/", router }
}
