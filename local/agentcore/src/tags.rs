//! Tags of gateways.

use serde_json::{Value, json};

use crate::api_error::{Answer, ApiError};
use crate::store::Store;

pub(crate) fn list(store: &mut Store, arn: &str) -> Answer {
    let (_, id) = arn.rsplit_once("gateway/").ok_or_else(|| ApiError::invalid("resourceArn", "must be a gateway's"))?;
    let tags = store.gateway(id)?.thing.asked.get("_tags").filter(|tags| tags.is_object()).cloned();
    Ok((200, json!({ "tags": tags.unwrap_or_else(|| Value::Object(serde_json::Map::new())) })))
}
