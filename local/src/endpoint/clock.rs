//! The one clock: the engine keeps it, and the tables follow.

use super::upstream::{AnyResponse, Upstream, unreachable, whole};
use crate::table::TableClock;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde::Deserialize;

pub(super) const PATH: &str = "/_lambda-local/clock";

/// What the engine answers; a refusal has no offset.
#[derive(Deserialize)]
struct State {
    /// Seconds ahead of the machine's clock.
    offset: f64,
}

pub(super) async fn change(engine: &Upstream, tables: &TableClock, request: Request<Incoming>) -> AnyResponse {
    let answer = match engine.send(request).await {
        Ok(answer) => answer,
        Err(error) => return unreachable(&error),
    };
    let (head, body) = answer.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return unreachable(&error),
    };
    if let Ok(State { offset }) = serde_json::from_slice(&body)
        && let Err(error) = tables.set_ahead(offset).await
    {
        return unreachable(&error);
    }
    whole(Response::from_parts(head, Full::new(body)))
}
