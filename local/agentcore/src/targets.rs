//! Targets of gateways.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::api_error::{Answer, ApiError};
use crate::names::{check_length, name, ten};
use crate::store::{Store, Target, page};

/// Letters and digits in a name.
const LONGEST_NAME: usize = 100;
const KINDS: [&str; 3] = ["mcp", "http", "inference"];
const CREDENTIALS: [&str; 5] = ["GATEWAY_IAM_ROLE", "OAUTH", "API_KEY", "CALLER_IAM_CREDENTIALS", "JWT_PASSTHROUGH"];

pub(crate) fn create(store: &mut Store, gateway: &str, body: &Value) -> Answer {
    check(store, body)?;
    let gateway_arn = store.gateway(gateway)?.arn.clone();
    let operation = format!("CreateGatewayTarget {gateway}");
    if let Some(id) = store.made_before(&operation, body)? {
        return Ok((202, described(find(store, gateway, &id)?)));
    }
    check_room(store, gateway, name(body, LONGEST_NAME)?)?;
    let (id, thing) = (ten(), store.new_thing("CreateGatewayTarget", body));
    let target = Target { id: id.clone(), gateway_arn, thing };
    let answer = described(&target);
    store.gateway(gateway)?.targets.insert(id.clone(), target);
    store.remember(&operation, body, &id);
    Ok((202, answer))
}

pub(crate) fn get(store: &mut Store, gateway: &str, id: &str) -> Answer {
    if !find(store, gateway, id)?.thing.read() {
        store.gateway(gateway)?.targets.remove(id);
    }
    Ok((200, described(find(store, gateway, id)?)))
}

pub(crate) fn update(store: &mut Store, gateway: &str, id: &str, body: &Value) -> Answer {
    check(store, body)?;
    find(store, gateway, id)?.thing.check_idle()?;
    let change = store.change("UpdateGatewayTarget", body);
    let target = find(store, gateway, id)?;
    target.thing.apply(change);
    Ok((202, described(target)))
}

pub(crate) fn delete(store: &mut Store, gateway: &str, id: &str) -> Answer {
    let reads = store.script.settle_after;
    let target = find(store, gateway, id)?;
    target.thing.check_idle()?;
    target.thing.delete(reads);
    let arn = target.gateway_arn.clone();
    Ok((202, json!({ "gatewayArn": arn, "targetId": id, "status": "DELETING", "statusReasons": [] })))
}

/// A list counts as a read: a caller that waits for all of them to be gone asks for it.
pub(crate) fn list(store: &mut Store, gateway: &str, query: &HashMap<String, String>) -> Answer {
    let targets = &mut store.gateway(gateway)?.targets;
    targets.retain(|_, target| target.thing.read());
    let summary = |target: &Target| {
        let mut summary = described(target);
        if let Some(members) = summary.as_object_mut() {
            const SUMMARY: [&str; 6] = ["targetId", "name", "status", "description", "createdAt", "updatedAt"];
            members.retain(|name, _| SUMMARY.contains(&name.as_str()));
        }
        summary
    };
    Ok((200, page(targets.values().map(summary).collect(), query)))
}

pub(crate) fn synchronize(store: &mut Store, gateway: &str, body: &Value) -> Answer {
    let ids = body["targetIdList"].as_array().filter(|ids| ids.len() == 1);
    let ids = ids.ok_or_else(|| ApiError::invalid("targetIdList", "must have one entry"))?;
    let target = find(store, gateway, ids[0].as_str().unwrap_or_default())?;
    Ok((202, json!({ "targets": [described(target)] })))
}

/// As the replies describe it.
pub(crate) fn described(target: &Target) -> Value {
    let mut described = target.thing.described(json!({ "targetId": target.id, "gatewayArn": target.gateway_arn }));
    if described["credentialProviderConfigurations"].is_null() {
        described["credentialProviderConfigurations"] = json!([]);
    }
    described
}

fn find<'a>(store: &'a mut Store, gateway: &str, id: &str) -> Result<&'a mut Target, ApiError> {
    store.gateway(gateway)?.targets.get_mut(id).ok_or_else(|| ApiError::not_found("target", id))
}

fn check_room(store: &mut Store, gateway: &str, name: &str) -> Result<(), ApiError> {
    let most = store.most_targets;
    let gateway = store.gateway(gateway)?;
    gateway.thing.check_idle()?;
    if gateway.targets.values().any(|target| target.thing.name() == name) {
        return Err(ApiError::conflict(format!("the gateway has a target {name} already")));
    }
    if gateway.targets.len() >= most {
        return Err(ApiError::quota("the gateway has as many targets as it may"));
    }
    Ok(())
}

fn check(store: &Store, body: &Value) -> Result<(), ApiError> {
    name(body, LONGEST_NAME)?;
    check_length(body, "description", 200)?;
    let configuration = body["targetConfiguration"].as_object().filter(|kinds| kinds.len() == 1);
    let kind = configuration.and_then(|kinds| kinds.keys().next());
    if !kind.is_some_and(|kind| KINDS.contains(&kind.as_str())) {
        return Err(ApiError::invalid("targetConfiguration", "must have exactly one of mcp, http and inference"));
    }
    match body["credentialProviderConfigurations"].as_array().map(Vec::as_slice) {
        None => Ok(()),
        Some([credentials]) => check_credentials(store, credentials),
        Some(_) => Err(ApiError::invalid("credentialProviderConfigurations", "must have one entry")),
    }
}

fn check_credentials(store: &Store, credentials: &Value) -> Result<(), ApiError> {
    if !CREDENTIALS.contains(&credentials["credentialProviderType"].as_str().unwrap_or_default()) {
        return Err(ApiError::invalid("credentialProviderType", "is none of the model's"));
    }
    let provider = &credentials["credentialProvider"];
    let key = provider["apiKeyCredentialProvider"]["providerArn"].as_str();
    let tokens = provider["oauthCredentialProvider"]["providerArn"].as_str();
    let has_key = |arn: &str| store.providers.values().any(|provider| provider.arn == arn);
    let has_tokens = |arn: &str| store.oauth_providers.values().any(|provider| provider.arn == arn);
    if key.is_none_or(has_key) && tokens.is_none_or(has_tokens) {
        return Ok(());
    }
    Err(ApiError::invalid("providerArn", "there is no such provider"))
}
