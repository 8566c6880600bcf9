//! From an HTTP request to a response: who calls, what is refused here, and what `rmcp` answers.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};
use rmcp::ServerHandler;
use serde_json::json;

use crate::answer::Written;
use crate::denied::Denied;
use crate::envelope::{self, LONGEST_BODY};
use crate::invocation::Invocation;
use crate::state::State;

/// Where clients look for the authorization server (RFC 9728, section 3.1).
const METADATA: &str = "/.well-known/oauth-protected-resource";
const METADATA_OF_MCP: &str = "/.well-known/oauth-protected-resource/mcp";

/// Both forms of a response that the protocol has.
const ACCEPT: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// Answers one request.
pub(crate) async fn respond<S: ServerHandler + Clone>(
    state: &State<S>,
    request: Request,
    invocation: Invocation,
) -> Written {
    match path(&request) {
        METADATA | METADATA_OF_MCP if request.method() == Method::GET => metadata(state),
        "" | "/mcp" => spoken(state, request, invocation).await,
        _ => problem(StatusCode::NOT_FOUND, "there is nothing at this path; the server is at /mcp"),
    }
}

/// For everybody: it says only where to get a token.
fn metadata<S>(state: &State<S>) -> Written {
    match &state.access.tokens {
        Some(tokens) => json_response(StatusCode::OK, &tokens.metadata()),
        None => problem(StatusCode::NOT_FOUND, "this server takes no access tokens"),
    }
}

/// Without the stage of an API that has a named one, and without a slash at the end.
fn path(request: &Request) -> &str {
    let path = request.raw_http_path().trim_end_matches('/');
    let stage = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.stage.as_deref().unwrap_or_default(),
        _ => "",
    };
    let behind_stage = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
    behind_stage.filter(|rest| !stage.is_empty() && (rest.is_empty() || rest.starts_with('/'))).unwrap_or(path)
}

async fn spoken<S: ServerHandler + Clone>(state: &State<S>, request: Request, invocation: Invocation) -> Written {
    let admitted = state.access.admit(request.headers(), request.request_context_ref()).await;
    if let Err(denied) = admitted {
        return refused(denied, challenge(state, &request));
    }
    if request.method() != Method::POST {
        let response = problem(StatusCode::METHOD_NOT_ALLOWED, "this path takes POST");
        return with(response, header::ALLOW, HeaderValue::from_static("POST"));
    }
    if request.body().len() > LONGEST_BODY {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body has more than {LONGEST_BODY} bytes"));
    }
    match envelope::check(request.body()) {
        Ok(()) => passed_on(state, request, invocation).await,
        Err(fault) => json_response(StatusCode::BAD_REQUEST, &fault.to_json()),
    }
}

/// How to authenticate (RFC 6750, section 3; RFC 9728, section 5.1).
fn challenge<S>(state: &State<S>, request: &Request) -> HeaderValue {
    let domain = state.access.tokens.as_ref().and(domain(request));
    let metadata = domain.map(|domain| format!("Bearer resource_metadata=\"https://{domain}{METADATA_OF_MCP}\""));
    let challenge = metadata.and_then(|metadata| HeaderValue::try_from(metadata).ok());
    challenge.unwrap_or(HeaderValue::from_static("Bearer"))
}

fn refused(denied: Denied, challenge: HeaderValue) -> Written {
    let text = denied.to_string();
    match denied {
        Denied::Unauthenticated => {
            let response = problem(StatusCode::UNAUTHORIZED, &text);
            with(response, header::WWW_AUTHENTICATE, challenge)
        }
        Denied::Unavailable => {
            let response = problem(StatusCode::SERVICE_UNAVAILABLE, &text);
            with(response, header::RETRY_AFTER, HeaderValue::from_static("1"))
        }
    }
}

/// To `rmcp`, which checks `Host`, `Origin` and the versions, and answers.
async fn passed_on<S: ServerHandler + Clone>(state: &State<S>, request: Request, invocation: Invocation) -> Written {
    let service = state.service(domain(&request));
    let (mut parts, body) = request.into_parts();
    accept_both(&mut parts.headers);
    parts.extensions.clear(); // What Lambda says of the request is not for tools.
    parts.extensions.insert(invocation);
    let request = http::Request::from_parts(parts, Full::new(bytes_of(body)));
    service.handle(request).await
}

/// The name by which AWS routed the request, which no caller chooses.
pub(crate) fn domain(request: &Request) -> Option<&str> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.domain_name.as_deref(),
        _ => None,
    }
}

/// A request without `Accept`, or with `*/*`, takes whatever comes (RFC 9110, section 12.5.1): so does `curl`.
fn accept_both(headers: &mut HeaderMap) {
    let takes_anything = headers.get(header::ACCEPT).is_none_or(|accept| accept == "*/*");
    if takes_anything {
        headers.insert(header::ACCEPT, ACCEPT);
    }
}

fn bytes_of(body: Body) -> Bytes {
    match body {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    }
}

fn problem(status: StatusCode, error: &str) -> Written {
    json_response(status, &json!({ "error": error }))
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Written {
    let mut response = Response::new(Full::from(body.to_string()).boxed());
    *response.status_mut() = status;
    with(response, header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

fn with(mut response: Written, name: HeaderName, value: HeaderValue) -> Written {
    response.headers_mut().insert(name, value);
    response
}
