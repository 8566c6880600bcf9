//! Paths and what they do. Each call is recorded, and may be scripted to fail.

use std::collections::HashMap;
use std::future::pending;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Json, Router};
use serde_json::Value;

use crate::account::AgentCore;
use crate::api_error::{Answer, ApiError};
use crate::call::Call;
use crate::script::Fault;
use crate::store::Store;
use crate::{gateways, mcp, oauth_providers, providers, tags, targets};

type Api = State<AgentCore>;
type Parameters = Query<HashMap<String, String>>;

/// The model's paths end in a slash, and the SDK for Rust leaves it out: both are served.
pub(crate) fn router(agentcore: AgentCore) -> Router {
    let collections = [
        ("/gateways", post(create_gateway).get(list_gateways)),
        ("/gateways/{gateway}", get(get_gateway).put(update_gateway).delete(delete_gateway)),
        ("/gateways/{gateway}/targets", post(create_target).get(list_targets)),
        ("/gateways/{gateway}/targets/{target}", get(get_target).put(update_target).delete(delete_target)),
    ];
    let both = |router: Router<AgentCore>, (path, methods): (&str, MethodRouter<AgentCore>)| {
        router.route(path, methods.clone()).route(&format!("{path}/"), methods)
    };
    collections
        .into_iter()
        .fold(Router::new(), both)
        .route("/gateways/{gateway}/synchronizeTargets", put(synchronize_targets))
        .route("/identities/{operation}", post(identity))
        .route("/tags/{arn}", get(list_tags))
        .merge(mcp::router())
        .with_state(agentcore)
}

impl AgentCore {
    /// Does one call, unless the script says otherwise.
    async fn call(
        &self,
        operation: &'static str,
        body: Value,
        work: impl FnOnce(&mut Store, &Value) -> Answer,
    ) -> Response {
        let fault = self.recorded(operation, &body);
        let (is_done, failed) = fault.as_ref().map_or((true, None), Fault::parts);
        let answer = is_done.then(|| work(&mut self.store(), &body));
        match (fault, failed, answer) {
            (None, _, Some(Ok((status, body)))) => answered(status, body),
            (None, _, Some(Err(error))) | (Some(_), Some(error), _) => error.into_response(),
            _ => pending().await,
        }
    }

    fn recorded(&self, operation: &'static str, body: &Value) -> Option<Fault> {
        let mut store = self.store();
        store.calls.push(Call::new(operation, body.clone()));
        store.script.fault(operation)
    }
}

fn answered(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("BUG: a status of the model");
    if status == StatusCode::NO_CONTENT { status.into_response() } else { (status, Json(body)).into_response() }
}

fn json_of(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

async fn create_gateway(State(api): Api, body: Bytes) -> Response {
    api.call("CreateGateway", json_of(&body), gateways::create).await
}

async fn list_gateways(State(api): Api, Query(query): Parameters) -> Response {
    api.call("ListGateways", Value::Null, |store, _| Ok((200, gateways::list(store, &query)))).await
}

async fn get_gateway(State(api): Api, Path(id): Path<String>) -> Response {
    api.call("GetGateway", Value::Null, |store, _| gateways::get(store, &id)).await
}

async fn update_gateway(State(api): Api, Path(id): Path<String>, body: Bytes) -> Response {
    api.call("UpdateGateway", json_of(&body), |store, body| gateways::update(store, &id, body)).await
}

async fn delete_gateway(State(api): Api, Path(id): Path<String>) -> Response {
    api.call("DeleteGateway", Value::Null, |store, _| gateways::delete(store, &id)).await
}

async fn create_target(State(api): Api, Path(id): Path<String>, body: Bytes) -> Response {
    api.call("CreateGatewayTarget", json_of(&body), |store, body| targets::create(store, &id, body)).await
}

async fn list_targets(State(api): Api, Path(id): Path<String>, Query(query): Parameters) -> Response {
    api.call("ListGatewayTargets", Value::Null, |store, _| targets::list(store, &id, &query)).await
}

async fn get_target(State(api): Api, Path((gateway, id)): Path<(String, String)>) -> Response {
    api.call("GetGatewayTarget", Value::Null, |store, _| targets::get(store, &gateway, &id)).await
}

async fn update_target(State(api): Api, Path((gateway, id)): Path<(String, String)>, body: Bytes) -> Response {
    api.call("UpdateGatewayTarget", json_of(&body), |store, body| targets::update(store, &gateway, &id, body)).await
}

async fn delete_target(State(api): Api, Path((gateway, id)): Path<(String, String)>) -> Response {
    api.call("DeleteGatewayTarget", Value::Null, |store, _| targets::delete(store, &gateway, &id)).await
}

async fn synchronize_targets(State(api): Api, Path(id): Path<String>, body: Bytes) -> Response {
    api.call("SynchronizeGatewayTargets", json_of(&body), |store, body| targets::synchronize(store, &id, body)).await
}

async fn list_tags(State(api): Api, Path(arn): Path<String>) -> Response {
    api.call("ListTagsForResource", Value::Null, |store, _| tags::list(store, &arn)).await
}

async fn identity(State(api): Api, Path(operation): Path<String>, body: Bytes) -> Response {
    let body = json_of(&body);
    match operation.as_str() {
        "CreateApiKeyCredentialProvider" => api.call("CreateApiKeyCredentialProvider", body, providers::create).await,
        "GetApiKeyCredentialProvider" => api.call("GetApiKeyCredentialProvider", body, providers::get).await,
        "UpdateApiKeyCredentialProvider" => api.call("UpdateApiKeyCredentialProvider", body, providers::update).await,
        "DeleteApiKeyCredentialProvider" => api.call("DeleteApiKeyCredentialProvider", body, providers::delete).await,
        "ListApiKeyCredentialProviders" => {
            api.call("ListApiKeyCredentialProviders", body, |store, body| Ok((200, providers::list(store, body)))).await
        }
        _ => oauth(&api, &operation, body).await,
    }
}

/// The same of providers of OAuth tokens.
async fn oauth(api: &AgentCore, operation: &str, body: Value) -> Response {
    match operation {
        "CreateOauth2CredentialProvider" => {
            api.call("CreateOauth2CredentialProvider", body, oauth_providers::create).await
        }
        "GetOauth2CredentialProvider" => api.call("GetOauth2CredentialProvider", body, oauth_providers::get).await,
        "UpdateOauth2CredentialProvider" => {
            api.call("UpdateOauth2CredentialProvider", body, oauth_providers::update).await
        }
        "DeleteOauth2CredentialProvider" => {
            api.call("DeleteOauth2CredentialProvider", body, oauth_providers::delete).await
        }
        "ListOauth2CredentialProviders" => {
            api.call("ListOauth2CredentialProviders", body, |store, body| Ok((200, oauth_providers::list(store, body))))
                .await
        }
        _ => ApiError::named("UnknownOperationException", "the stand-in has no such operation").into_response(),
    }
}
