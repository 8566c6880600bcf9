//! Where the engine invokes functions: a separate port that nobody else is told.
//!
//! `POST /functions` takes a description and answers with the path that invokes the function, which is one of the Invoke API's form.
//! `POST /schedules` says when a schedule is due.

use crate::answers::{ApiResponse, json_answer, not_found};
use crate::deployed::Deployed;
use crate::due::Question;
use crate::http_server::{HttpServer, listen_on_loopback};
use crate::invoke_api::{self, Named, Refused};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;

/// Serves on a free port.
pub(crate) async fn serve(deployed: Arc<Deployed>) -> std::io::Result<HttpServer> {
    HttpServer::serve(listen_on_loopback(0).await?, move || {
        let deployed = Arc::clone(&deployed);
        move |request| answer(Arc::clone(&deployed), request)
    })
}

async fn answer(deployed: Arc<Deployed>, request: Request<Incoming>) -> ApiResponse {
    if request.method() == Method::POST && request.uri().path() == "/functions" {
        return take(&deployed, request).await.unwrap_or_else(|refused| refused.answer());
    }
    if request.method() == Method::POST && request.uri().path() == "/schedules" {
        return due(request).await.unwrap_or_else(|refused| refused.answer());
    }
    let function = Named::by(&request).and_then(|named| deployed.get(&named.reference));
    match function {
        Some(function) => invoke_api::invoke(&function, None, request).await,
        None => not_found(request.uri().path()),
    }
}

async fn take(deployed: &Deployed, request: Request<Incoming>) -> Result<ApiResponse, Refused> {
    let (key, _) = deployed.take(read(request).await?);
    let invoke = format!("/2015-03-31/functions/{key}/invocations");
    Ok(json_answer(StatusCode::OK, json!({ "invoke": invoke }).to_string()))
}

async fn due(request: Request<Incoming>) -> Result<ApiResponse, Refused> {
    let question: Question = read(request).await?;
    let due = question
        .next()
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, "ValidationException", error.to_string()))?;
    Ok(json_answer(StatusCode::OK, json!({ "due": due }).to_string()))
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refused> {
    let unreadable = |error: String| Refused::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", error);
    let body = request.into_body().collect().await.map_err(|error| unreadable(error.to_string()))?.to_bytes();
    serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))
}
