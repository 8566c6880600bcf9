//! Gateways.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::api_error::{Answer, ApiError};
use crate::names::{check_length, name, ten, text};
use crate::store::{Gateway, Store, page};

const AUTHORIZERS: [&str; 4] = ["CUSTOM_JWT", "AWS_IAM", "NONE", "AUTHENTICATE_ONLY"];
/// Letters and digits in a name.
const LONGEST_NAME: usize = 48;

pub(crate) fn create(store: &mut Store, body: &Value) -> Answer {
    check(body)?;
    if let Some(id) = store.made_before("CreateGateway", body)? {
        return Ok((202, described(store.gateway(&id)?)));
    }
    check_name_is_free(store, name(body, LONGEST_NAME)?, None)?;
    if store.gateways.len() >= store.most_gateways {
        return Err(ApiError::quota("the account has as many gateways as it may"));
    }
    let id = format!("{}-{}", name(body, LONGEST_NAME)?.trim_end_matches('-').to_ascii_lowercase(), ten());
    let mut thing = store.new_thing("CreateGateway", body);
    thing.asked.insert("gatewayUrl".to_owned(), json!(format!("{}/{id}/mcp", store.url)));
    thing.asked.insert("_tags".to_owned(), body["tags"].clone());
    let arn = store.arn("bedrock-agentcore", &format!("gateway/{id}"));
    let gateway = Gateway { id: id.clone(), arn, thing, targets: BTreeMap::new() };
    let answer = described(&gateway);
    store.gateways.insert(id.clone(), gateway);
    store.remember("CreateGateway", body, &id);
    Ok((202, answer))
}

pub(crate) fn get(store: &mut Store, id: &str) -> Answer {
    if !store.gateway(id)?.thing.read() {
        store.gateways.remove(id);
    }
    Ok((200, described(store.gateway(id)?)))
}

pub(crate) fn update(store: &mut Store, id: &str, body: &Value) -> Answer {
    check(body)?;
    store.gateway(id)?.thing.check_idle()?;
    check_name_is_free(store, name(body, LONGEST_NAME)?, Some(id))?;
    let change = store.change("UpdateGateway", body);
    let gateway = store.gateway(id)?;
    let kept = ["gatewayUrl", "_tags"].map(|name| (name.to_owned(), gateway.thing.asked[name].clone()));
    gateway.thing.apply(change);
    gateway.thing.asked.extend(kept);
    Ok((202, described(gateway)))
}

pub(crate) fn delete(store: &mut Store, id: &str) -> Answer {
    let reads = store.script.settle_after;
    let gateway = store.gateway(id)?;
    gateway.thing.check_idle()?;
    if !gateway.targets.is_empty() {
        return Err(ApiError::conflict("the gateway has targets; delete them first"));
    }
    gateway.thing.delete(reads);
    Ok((202, json!({ "gatewayId": id, "status": "DELETING", "statusReasons": [] })))
}

pub(crate) fn list(store: &Store, query: &HashMap<String, String>) -> Value {
    let summary = |gateway: &Gateway| {
        let mut summary = described(gateway);
        if let Some(members) = summary.as_object_mut() {
            const SUMMARY: [&str; 8] = [
                "gatewayId",
                "name",
                "status",
                "description",
                "createdAt",
                "updatedAt",
                "authorizerType",
                "protocolType",
            ];
            members.retain(|name, _| SUMMARY.contains(&name.as_str()));
        }
        summary
    };
    page(store.gateways.values().map(summary).collect(), query)
}

/// As the replies describe it.
pub(crate) fn described(gateway: &Gateway) -> Value {
    let mut described = gateway.thing.described(json!({ "gatewayId": gateway.id, "gatewayArn": gateway.arn }));
    if let Some(members) = described.as_object_mut() {
        members.remove("_tags");
    }
    described
}

fn check_name_is_free(store: &Store, name: &str, own: Option<&str>) -> Result<(), ApiError> {
    let is_taken = |gateway: &Gateway| gateway.thing.name() == name && Some(gateway.id.as_str()) != own;
    if store.gateways.values().any(is_taken) {
        return Err(ApiError::conflict(format!("there is a gateway {name} already")));
    }
    Ok(())
}

fn check(body: &Value) -> Result<(), ApiError> {
    name(body, LONGEST_NAME)?;
    check_length(body, "description", 200)?;
    if !text(body, "roleArn")?.contains(":role/") {
        return Err(ApiError::invalid("roleArn", "does not match its pattern"));
    }
    if !AUTHORIZERS.contains(&text(body, "authorizerType")?) {
        return Err(ApiError::invalid("authorizerType", "is none of the model's"));
    }
    if body["protocolType"].as_str().is_some_and(|protocol| protocol != "MCP") {
        return Err(ApiError::invalid("protocolType", "must be MCP"));
    }
    check_authorizer(body)
}

fn check_authorizer(body: &Value) -> Result<(), ApiError> {
    if body["authorizerType"] != "CUSTOM_JWT" {
        return Ok(());
    }
    let jwt = &body["authorizerConfiguration"]["customJWTAuthorizer"];
    let url = jwt["discoveryUrl"].as_str().unwrap_or_default();
    let is_one = ["openid-configuration", "oauth-authorization-server"]
        .iter()
        .any(|document| url.strip_suffix(&format!("/.well-known/{document}")).is_some_and(|host| !host.is_empty()));
    if is_one { Ok(()) } else { Err(ApiError::invalid("discoveryUrl", "does not match its pattern")) }
}
