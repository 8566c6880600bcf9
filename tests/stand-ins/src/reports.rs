//! An API that describes itself in OpenAPI, asks for a key, and gives reports of a megabyte.

use crate::service::Service;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// Its name in records and scripts.
pub const REPORTS: &str = "reports";
/// What it wants in the header `x-api-key`.
pub const KEY: &str = "key-of-the-reports-5b20e7";
const HOST: &str = "reports.example.com";
/// Of a report, in lines of 64 bytes: 1 MiB.
const LINES: usize = 1 << 14;

pub(crate) fn service() -> Service {
    let router = Router::new().route("/openapi.json", get(async || Json(document())));
    let router = router.route("/reports/{year}", get(report));
    Service { name: REPORTS.to_owned(), hosts: &[HOST], below: "", router }
}

async fn report(Path(year): Path<u16>, headers: HeaderMap) -> Response {
    if headers.get("x-api-key").is_none_or(|given| given != KEY) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let lines: Vec<_> = (0..LINES).map(|number| line(year, number)).collect();
    lines.concat().into_response()
}

fn line(year: u16, number: usize) -> String {
    let text = format!("Report of {year}, line {number}.");
    format!("{text:<63}\n")
}

fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Reports", "version": "1" },
        "servers": [{ "url": format!("https://{HOST}") }],
        "paths": { "/reports/{year}": { "get": {
            "operationId": "getReport",
            "description": "The whole report of a year",
            "parameters": [{ "name": "year", "in": "path", "required": true, "schema": { "type": "integer" } }],
            "responses": { "200": { "description": "Its text", "content": { "text/plain": { "schema": { "type": "string" } } } } },
        } } },
    })
}
