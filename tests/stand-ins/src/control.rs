//! The control interface, for tests in other languages, below `/_stand-ins/`.
//!
//! - `GET /_stand-ins/calls` lists every call, as [`Call`](crate::Call) in JSON; `DELETE` forgets them.
//! - `POST /_stand-ins/faults` with `{"service": "ntfy", "fault": {"kind": "status", "status": 429, "retry_after": 1}, "times": 2}` plans a
//!   [`Fault`]; without `times` it lasts. `DELETE` ends all of them.
//! - `PUT /_stand-ins/token` with a token as the body: what the golf provider gives from now on in place of its own; `DELETE` ends that.
//! - `POST /_stand-ins/sign` with `{"claims": {…}, "header": {…}}`: the token that `https://issuer.example.com` signs; without `header` with its
//!   own. `POST /_stand-ins/rotate`: that issuer signs with another key from now on, and publishes only that.
//! - `PUT /_stand-ins/upstream` with the URL of AWS on this machine as the body: where the relay sends what it gets.
//! - `PUT /_stand-ins/mcp` with the host name of a function URL there: what `https://mcp.example.com` leads to.
//! - `PUT /_stand-ins/guest` with the URL of a server of others: what `https://guest.example.com` leads to.

use crate::aws::Aws;
use crate::fault::{Fault, Script};
use crate::oauth::OAuth;
use crate::record::Record;
use crate::service::Service;
use axum::routing::{MethodRouter, get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// What paths of the control interface begin with.
pub const PREFIX: &str = "/_stand-ins/";

#[derive(Deserialize)]
struct Plan {
    service: String,
    fault: Fault,
    times: Option<u64>,
}

#[derive(Deserialize)]
struct Unsigned {
    claims: Value,
    header: Option<Value>,
}

pub(crate) fn service(record: Record, script: Script, oauth: OAuth, issuer: OAuth, aws: Aws) -> Service {
    let router = Router::new().route("/_stand-ins/calls", calls(record)).route("/_stand-ins/faults", faults(script));
    let relay = aws.clone();
    let router = router.route("/_stand-ins/upstream", put(async move |url: String| relay.relay_to(&url)));
    let (deployed, others) = (aws.clone(), aws);
    let router = router.route("/_stand-ins/mcp", put(async move |host: String| deployed.mcp_is_at(&host)));
    let router = router.route("/_stand-ins/guest", put(async move |url: String| others.guest_is_at(&url)));
    let router = router.route("/_stand-ins/token", token(oauth)).route("/_stand-ins/sign", signature(issuer.clone()));
    let router = router.route("/_stand-ins/rotate", post(async move || issuer.rotate()));
    Service { name: "control".to_owned(), hosts: &[], below: "", router }
}

fn calls(record: Record) -> MethodRouter {
    let cleared = record.clone();
    get(async move || Json(record.calls())).delete(async move || cleared.clear())
}

fn faults(script: Script) -> MethodRouter {
    let cleared = script.clone();
    post(async move |Json(plan): Json<Plan>| {
        match plan.times {
            Some(times) => script.plan(&plan.service, plan.fault, times),
            None => script.always(&plan.service, plan.fault),
        }
        StatusCode::NO_CONTENT
    })
    .delete(async move || cleared.clear())
}

fn token(oauth: OAuth) -> MethodRouter {
    let own = oauth.clone();
    put(async move |token: String| oauth.give(&token)).delete(async move || own.give_own())
}

fn signature(issuer: OAuth) -> MethodRouter {
    post(async move |Json(Unsigned { claims, header }): Json<Unsigned>| {
        let key = issuer.key();
        Json(header.map_or_else(|| key.sign(&claims), |header| key.sign_with(&header, &claims)))
    })
}
