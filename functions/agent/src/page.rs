//! The chat page: one HTML file that runs its own script, talks to its own origin, and loads nothing from elsewhere.

use crate::reply::Reply;
use uuid::Uuid;

/// The page, with a place for the nonce of its script and style.
const PAGE: &str = include_str!("page/index.html");
/// What the page is made of.
const NONCE: &str = "{{nonce}}";

/// The page, under a policy that allows nothing but its own script and style and requests to its own origin.
/// <https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP>
pub(crate) fn reply() -> Reply {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Reply::page(PAGE.replace(NONCE, &nonce))
        .with("content-security-policy", policy)
        .with("referrer-policy", "no-referrer")
        .with("cache-control", "no-store")
}
