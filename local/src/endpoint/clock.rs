//! The one clock: the engine keeps it, and the tables follow.

use super::upstream::{AnyResponse, BoxError, Upstream, unreachable, whole};
use crate::table::TableClock;
use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use serde::Deserialize;

pub(super) const PATH: &str = "/_lambda-local/clock";

/// What the engine answers; a refusal has no offset.
#[derive(Deserialize)]
struct State {
    /// Seconds ahead of the machine's clock.
    offset: f64,
}

/// Hands the change on; what the clock says afterwards is the answer.
pub(super) async fn change(engine: &Upstream, tables: &TableClock, request: Request<Incoming>) -> AnyResponse {
    match told(engine, tables, request).await {
        Ok((head, body)) => whole(Response::from_parts(head, Full::new(body))),
        Err(error) => unreachable(&error),
    }
}

/// Lets the tables go by the clock that the engine has, which it may have kept from an earlier start.
pub(super) async fn follow(engine: &Upstream, tables: &TableClock) -> Result<(), BoxError> {
    let request = Request::get(PATH).body(Full::new(Bytes::new())).expect("BUG: the path is one");
    told(engine, tables, request).await.map(drop)
}

async fn told<B>(engine: &Upstream, tables: &TableClock, request: Request<B>) -> Result<(Parts, Bytes), BoxError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (head, body) = engine.send(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    if let Ok(State { offset }) = serde_json::from_slice(&body) {
        tables.set_ahead(offset).await?;
    }
    Ok((head, body))
}
