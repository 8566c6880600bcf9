//! Providers of API keys. None of the replies has a key.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api_error::{Answer, ApiError};
use crate::names::{check_length, provider_name, text};
use crate::store::{Provider, Store, page_of};

pub(crate) fn create(store: &mut Store, body: &Value) -> Answer {
    let name = provider_name(body)?;
    let key = key(body)?;
    if store.providers.contains_key(name) {
        return Err(ApiError::conflict(format!("there is a provider {name} already")));
    }
    let provider = Provider {
        arn: store.arn("bedrock-agentcore", &format!("token-vault/default/apikeycredentialprovider/{name}")),
        secret_arn: store.arn("secretsmanager", &format!("secret:bedrock-agentcore-identity!default/apikey/{name}")),
        key,
        created: Timestamp::now(),
    };
    let answer = described(name, &provider);
    store.providers.insert(name.to_owned(), provider);
    Ok((201, answer))
}

pub(crate) fn get(store: &mut Store, body: &Value) -> Answer {
    let name = provider_name(body)?;
    Ok((200, described(name, find(store, name)?)))
}

pub(crate) fn update(store: &mut Store, body: &Value) -> Answer {
    let (name, key) = (provider_name(body)?, key(body)?);
    let provider = find(store, name)?;
    provider.key = key;
    Ok((200, described(name, provider)))
}

pub(crate) fn delete(store: &mut Store, body: &Value) -> Answer {
    let name = provider_name(body)?;
    find(store, name)?;
    store.providers.remove(name);
    Ok((204, Value::Null))
}

pub(crate) fn list(store: &Store, body: &Value) -> Value {
    let summary = |(name, provider): (&String, &Provider)| {
        let mut summary = described(name, provider);
        if let Some(members) = summary.as_object_mut() {
            members.remove("apiKeySecretArn");
        }
        summary
    };
    page_of("credentialProviders", store.providers.iter().map(summary).collect(), body)
}

fn find<'a>(store: &'a mut Store, name: &str) -> Result<&'a mut Provider, ApiError> {
    store.providers.get_mut(name).ok_or_else(|| ApiError::not_found("provider", name))
}

fn key(body: &Value) -> Result<String, ApiError> {
    check_length(body, "apiKey", 65_536)?;
    text(body, "apiKey").map(str::to_owned)
}

fn described(name: &str, provider: &Provider) -> Value {
    let created = provider.created.as_second();
    json!({
        "name": name, "credentialProviderArn": provider.arn, "apiKeySecretArn": { "secretArn": provider.secret_arn },
        "createdTime": created, "lastUpdatedTime": created,
    })
}
