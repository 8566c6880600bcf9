//! Providers of OAuth tokens. None of the replies has a client's secret.
//!
//! The model is silent on what a vendor's discovery is, and on when a provider is not `READY`: here the discovery is one of the
//! vendor's name, and every provider is ready at once.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api_error::{Answer, ApiError};
use crate::names::{check_length, provider_name, text};
use crate::store::{OauthProvider, Store, page_of};

/// The member of `oauth2ProviderConfigInput` that these vendors have; the others share one.
const OWN: [(&str, &str); 8] = [
    ("CustomOauth2", "customOauth2ProviderConfig"),
    ("GoogleOauth2", "googleOauth2ProviderConfig"),
    ("GithubOauth2", "githubOauth2ProviderConfig"),
    ("SlackOauth2", "slackOauth2ProviderConfig"),
    ("SalesforceOauth2", "salesforceOauth2ProviderConfig"),
    ("MicrosoftOauth2", "microsoftOauth2ProviderConfig"),
    ("AtlassianOauth2", "atlassianOauth2ProviderConfig"),
    ("LinkedinOauth2", "linkedinOauth2ProviderConfig"),
];
const SHARED: &str = "includedOauth2ProviderConfig";
const SHARING: [&str; 17] = [
    "XOauth2",
    "OktaOauth2",
    "OneLoginOauth2",
    "PingOneOauth2",
    "FacebookOauth2",
    "YandexOauth2",
    "RedditOauth2",
    "ZoomOauth2",
    "TwitchOauth2",
    "SpotifyOauth2",
    "DropboxOauth2",
    "NotionOauth2",
    "HubspotOauth2",
    "CyberArkOauth2",
    "FusionAuthOauth2",
    "Auth0Oauth2",
    "CognitoOauth2",
];
const CUSTOM: &str = "customOauth2ProviderConfig";

pub(crate) fn create(store: &mut Store, body: &Value) -> Answer {
    let name = provider_name(body)?;
    let (vendor, output) = (text(body, "credentialProviderVendor")?, output(body)?);
    if store.oauth_providers.contains_key(name) {
        return Err(ApiError::conflict(format!("there is a provider {name} already")));
    }
    let now = Timestamp::now();
    let provider = OauthProvider {
        arn: store.arn("bedrock-agentcore", &format!("token-vault/default/oauth2credentialprovider/{name}")),
        secret_arn: store.arn("secretsmanager", &format!("secret:bedrock-agentcore-identity!default/oauth2/{name}")),
        callback_url: format!("https://bedrock-agentcore.{}.amazonaws.com/identities/oauth2/callback", store.region),
        vendor: vendor.to_owned(),
        output,
        created: now,
        updated: now,
    };
    let answer = described(name, &provider);
    store.oauth_providers.insert(name.to_owned(), provider);
    Ok((201, answer))
}

pub(crate) fn get(store: &mut Store, body: &Value) -> Answer {
    let name = provider_name(body)?;
    Ok((200, described(name, find(store, name)?)))
}

pub(crate) fn update(store: &mut Store, body: &Value) -> Answer {
    let name = provider_name(body)?;
    let (vendor, output) = (text(body, "credentialProviderVendor")?, output(body)?);
    let provider = find(store, name)?;
    (provider.vendor, provider.output, provider.updated) = (vendor.to_owned(), output, Timestamp::now());
    Ok((200, described(name, provider)))
}

pub(crate) fn delete(store: &mut Store, body: &Value) -> Answer {
    let name = provider_name(body)?;
    find(store, name)?;
    store.oauth_providers.remove(name);
    Ok((204, Value::Null))
}

pub(crate) fn list(store: &Store, body: &Value) -> Value {
    const SUMMARY: [&str; 6] =
        ["name", "credentialProviderVendor", "credentialProviderArn", "createdTime", "lastUpdatedTime", "status"];
    let summary = |(name, provider): (&String, &OauthProvider)| {
        let mut summary = described(name, provider);
        if let Some(members) = summary.as_object_mut() {
            members.retain(|member, _| SUMMARY.contains(&member.as_str()));
        }
        summary
    };
    page_of("credentialProviders", store.oauth_providers.iter().map(summary).collect(), body)
}

fn find<'a>(store: &'a mut Store, name: &str) -> Result<&'a mut OauthProvider, ApiError> {
    store.oauth_providers.get_mut(name).ok_or_else(|| ApiError::not_found("provider", name))
}

/// `oauth2ProviderConfigOutput`: what the replies say of the input, which must be that of the vendor.
fn output(body: &Value) -> Result<Value, ApiError> {
    const FIELD: &str = "oauth2ProviderConfigInput";
    let vendor = text(body, "credentialProviderVendor")?;
    let own = OWN.iter().find(|(name, _)| *name == vendor).map(|(_, member)| *member);
    let member = own.or_else(|| SHARING.contains(&vendor).then_some(SHARED));
    let member = member.ok_or_else(|| ApiError::invalid("credentialProviderVendor", "is none of the model's"))?;
    let given = body[FIELD].as_object().filter(|members| members.len() == 1);
    let config = given.and_then(|members| members.get(member)).and_then(Value::as_object);
    let config = config.ok_or_else(|| ApiError::invalid(FIELD, &format!("must have exactly {member}")))?;
    let checked = Value::Object(config.clone());
    check_length(&checked, "clientSecret", 2048)?;
    let discovery = if member == CUSTOM { custom_discovery(config)? } else { vendors_discovery(&checked, vendor)? };
    let mut output = Map::from_iter([("oauthDiscovery".to_owned(), discovery)]);
    output.extend(config.get("clientId").map(|id| ("clientId".to_owned(), id.clone())));
    Ok(json!({ member: output }))
}

/// One of two: the URL of a document, or what it would say.
fn custom_discovery(config: &Map<String, Value>) -> Result<Value, ApiError> {
    const DOCUMENTS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    let refused = |rule: &str| ApiError::invalid("oauthDiscovery", rule);
    let discovery = config.get("oauthDiscovery").ok_or_else(|| refused("is missing"))?;
    let members = discovery.as_object().filter(|members| members.len() == 1);
    let fits = match members.and_then(|members| members.iter().next()) {
        Some((name, Value::String(url))) if name == "discoveryUrl" => {
            DOCUMENTS.iter().any(|end| url.strip_suffix(end).is_some_and(|host| !host.is_empty()))
        }
        Some((name, Value::Object(server))) if name == "authorizationServerMetadata" => {
            ["issuer", "authorizationEndpoint", "tokenEndpoint"].iter().all(|member| server.contains_key(*member))
        }
        _ => false,
    };
    if fits { Ok(discovery.clone()) } else { Err(refused("is neither a discoveryUrl nor authorizationServerMetadata")) }
}

fn vendors_discovery(config: &Value, vendor: &str) -> Result<Value, ApiError> {
    text(config, "clientId")?;
    check_length(config, "clientId", 256)?;
    let host = vendor.trim_end_matches("Oauth2").to_ascii_lowercase();
    Ok(json!({ "discoveryUrl": format!("https://{host}.example/.well-known/openid-configuration") }))
}

fn described(name: &str, provider: &OauthProvider) -> Value {
    json!({
        "name": name, "credentialProviderVendor": provider.vendor, "credentialProviderArn": provider.arn,
        "clientSecretArn": { "secretArn": provider.secret_arn }, "callbackUrl": provider.callback_url,
        "oauth2ProviderConfigOutput": provider.output, "status": "READY",
        "createdTime": provider.created.as_second(), "lastUpdatedTime": provider.updated.as_second(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        Store::new("https://agentcore.example".to_owned(), "eu-central-1".to_owned())
    }

    fn custom(name: &str) -> Value {
        let discovery = json!({ "discoveryUrl": "https://a.example/.well-known/openid-configuration" });
        let config = json!({ "oauthDiscovery": discovery, "clientId": "golf", "clientSecret": "hush-hush" });
        json!({ "name": name, "credentialProviderVendor": "CustomOauth2",
            "oauth2ProviderConfigInput": { "customOauth2ProviderConfig": config } })
    }

    #[test]
    fn a_provider_is_made_read_changed_listed_and_deleted_and_tells_no_secret() {
        let mut store = store();
        let (status, made) = create(&mut store, &custom("corporate")).expect("a provider");
        let config = &made["oauth2ProviderConfigOutput"]["customOauth2ProviderConfig"];
        assert_eq!((status, &config["clientId"]), (201, &json!("golf")));
        assert!(!made.to_string().contains("hush"), "{made}");
        assert!(create(&mut store, &custom("corporate")).is_err(), "a second one of the name");
        let google = json!({ "name": "corporate", "credentialProviderVendor": "GoogleOauth2",
            "oauth2ProviderConfigInput": { "googleOauth2ProviderConfig": { "clientId": "g", "clientSecret": "hush" } } });
        assert_eq!(update(&mut store, &google).expect("a change").0, 200);
        let name = json!({ "name": "corporate" });
        let (_, read) = get(&mut store, &name).expect("a provider");
        assert_eq!(
            (&read["credentialProviderVendor"], &read["credentialProviderArn"]),
            (&json!("GoogleOauth2"), &made["credentialProviderArn"])
        );
        let listed = list(&store, &json!({ "maxResults": 1 }));
        assert_eq!(listed["credentialProviders"][0]["name"], "corporate");
        assert_eq!(delete(&mut store, &name), Ok((204, Value::Null)));
        assert!(get(&mut store, &name).is_err() && delete(&mut store, &name).is_err());
    }

    #[test]
    fn what_the_model_does_not_allow_is_refused() {
        let with = |path: &str, value: Value| {
            let mut body = custom("corporate");
            *body.pointer_mut(path).expect("a member") = value;
            body
        };
        for body in [
            with("/name", json!("a.b")),
            with("/credentialProviderVendor", json!("OtherOauth2")),
            with("/credentialProviderVendor", json!("GoogleOauth2")),
            with("/oauth2ProviderConfigInput", json!({})),
            with("/oauth2ProviderConfigInput/customOauth2ProviderConfig", json!({ "clientId": "golf" })),
            with(
                "/oauth2ProviderConfigInput/customOauth2ProviderConfig/oauthDiscovery",
                json!({ "discoveryUrl": "https://a.example" }),
            ),
            with("/oauth2ProviderConfigInput/customOauth2ProviderConfig/clientSecret", json!("s".repeat(2049))),
        ] {
            assert!(create(&mut store(), &body).is_err(), "{body}");
        }
    }
}
