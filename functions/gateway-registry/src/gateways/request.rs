//! What people ask for, checked before anything is written.

use crate::control::{Jwt, WantedGateway};
use crate::identity;
use crate::names::{check_gateway_name, check_length};
use functions_shared::Refusal;
use http_api::fields::Fields;
use serde_json::{Value, json};

/// Where gateways are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) stage: &'a str,
    pub(crate) role: &'a str,
}

impl Place<'_> {
    /// AgentCore's name has the stage in front, if it was not given so: roles of one stage may not touch gateways of another.
    fn full_name(&self, field: &str, name: &str) -> Result<String, Refusal> {
        check_gateway_name(field, name)?;
        let prefix = format!("{}-", self.stage);
        let full = if name.starts_with(&prefix) { name.to_owned() } else { prefix + name };
        check_gateway_name(field, &full)?;
        Ok(full)
    }
}

/// A gateway to be made.
#[derive(Debug)]
pub(crate) struct NewGateway {
    pub(crate) wanted: WantedGateway,
    pub(crate) team: Option<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) request_id: String,
    pub(crate) digest: String,
}

impl NewGateway {
    /// `{gateway_name, description, auth_config: {user_pool_id, client_id, discovery_url}}`, opened by tokens.
    pub(crate) fn with_jwt(body: Value, place: &Place<'_>) -> Result<Self, Refusal> {
        Self::read(body, place, |fields| Ok(("CUSTOM_JWT", Some(jwt(fields, place.region)?))))
    }

    /// `{gateway_name, description}`, open to everybody.
    pub(crate) fn without_auth(body: Value, place: &Place<'_>) -> Result<Self, Refusal> {
        Self::read(body, place, |_| Ok(("NONE", None)))
    }

    fn read(
        body: Value,
        place: &Place<'_>,
        authorizer: impl FnOnce(&mut Fields) -> Result<(&'static str, Option<Jwt>), Refusal>,
    ) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(body)?;
        let name = place.full_name("gateway_name", &fields.required_text("gateway_name")?)?;
        let description = description(&mut fields)?;
        let (authorizer_type, jwt) = authorizer(&mut fields)?;
        let wanted = WantedGateway { name, description, authorizer_type: authorizer_type.to_owned(), jwt };
        let (team, created_by) = (fields.text("team")?, fields.text("created_by")?);
        let request_id = identity::request_id(fields.text("request_id")?)?;
        fields.finish()?;
        let digest = identity::digest(&json!({ "wanted": wanted, "team": team }));
        Ok(Self { wanted, team, created_by, request_id, digest })
    }
}

fn description(fields: &mut Fields) -> Result<Option<String>, Refusal> {
    let description = fields.text("description")?.filter(|text| !text.is_empty());
    if let Some(text) = &description {
        check_length("description", text, 1..=200)?;
    }
    Ok(description)
}

/// Tokens of a pool of Cognito, or of the issuer that the URL describes.
fn jwt(fields: &mut Fields, region: &str) -> Result<Jwt, Refusal> {
    let config = fields.object("auth_config")?.ok_or_else(|| Refusal::invalid("auth_config", "is missing"))?;
    let mut config = Fields::at("auth_config", Value::Object(config))?;
    let pool = config.text("user_pool_id")?;
    let url = match (config.text("discovery_url")?, pool) {
        (Some(url), _) => checked_discovery_url(url)?,
        (None, Some(pool)) => pool_url(&pool, region)?,
        (None, None) => {
            return Err(Refusal::invalid("auth_config.discovery_url", "is missing, and so is user_pool_id"));
        }
    };
    let mut clients = texts(&mut config, "allowed_clients")?;
    clients.extend(config.text("client_id")?);
    let jwt = Jwt {
        discovery_url: url,
        allowed_clients: clients,
        allowed_audience: texts(&mut config, "allowed_audience")?,
        allowed_scopes: texts(&mut config, "allowed_scopes")?,
    };
    config.finish()?;
    Ok(jwt)
}

/// Where Cognito describes a pool.
fn pool_url(pool: &str, region: &str) -> Result<String, Refusal> {
    let is_id = pool.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) && !pool.is_empty();
    if !is_id {
        return Err(Refusal::invalid(
            "auth_config.user_pool_id",
            "must be the id of a pool, such as eu-central-1_a1B2c3D4e",
        ));
    }
    Ok(format!("https://cognito-idp.{region}.amazonaws.com/{pool}/.well-known/openid-configuration"))
}

/// The service takes both documents (`.+/\.well-known/(openid-configuration|oauth-authorization-server)`); HTTPS is ours to ask for.
fn checked_discovery_url(url: String) -> Result<String, Refusal> {
    const DOCUMENTS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    let host = url.strip_prefix("https://").unwrap_or_default();
    let fits = DOCUMENTS.iter().any(|document| host.strip_suffix(document).is_some_and(|host| !host.is_empty()));
    if fits {
        return Ok(url);
    }
    let rule = format!("must be https:// and end in {} or {}", DOCUMENTS[0], DOCUMENTS[1]);
    Err(Refusal::invalid("auth_config.discovery_url", rule))
}

fn texts(fields: &mut Fields, name: &str) -> Result<Vec<String>, Refusal> {
    let list = fields.list(name)?.unwrap_or_default();
    let texts: Option<_> = list.iter().map(|entry| entry.as_str().map(str::to_owned)).collect();
    texts.ok_or_else(|| fields.refuse(name, "must be a list of texts"))
}

/// A change of a gateway.
#[derive(Debug)]
pub(crate) struct GatewayChange {
    name: Option<String>,
    description: Option<String>,
    authorizer_type: Option<String>,
    jwt: Option<Jwt>,
    pub(crate) request_id: String,
    pub(crate) digest: String,
}

impl GatewayChange {
    /// `{name, protocol_type, authorizer_type, role_arn, description, auth_config}`; what is left out stays.
    pub(crate) fn read(body: Value, place: &Place<'_>) -> Result<Self, Refusal> {
        let request = body.clone();
        let mut fields = Fields::of_body(body)?;
        let name = fields.text("name")?.map(|name| place.full_name("name", &name)).transpose()?;
        check_is(&mut fields, "protocol_type", "MCP")?;
        check_is(&mut fields, "role_arn", place.role)?;
        let description = description(&mut fields)?;
        let authorizer_type = authorizer_type(&mut fields)?;
        let has_config = fields.object("auth_config")?;
        let jwt = has_config.map(|config| jwt_of(&config, place.region)).transpose()?;
        let request_id = identity::request_id(fields.text("request_id")?)?;
        fields.finish()?;
        Ok(Self { name, description, authorizer_type, jwt, request_id, digest: identity::digest(&request) })
    }

    /// What the gateway is to be after it.
    pub(crate) fn applied(self, now: &WantedGateway) -> Result<WantedGateway, Refusal> {
        let wanted = WantedGateway {
            name: self.name.unwrap_or_else(|| now.name.clone()),
            description: self.description.or_else(|| now.description.clone()),
            authorizer_type: self.authorizer_type.unwrap_or_else(|| now.authorizer_type.clone()),
            jwt: self.jwt.or_else(|| now.jwt.clone()),
        };
        match (wanted.authorizer_type.as_str(), &wanted.jwt) {
            ("CUSTOM_JWT", None) => Err(Refusal::invalid("auth_config", "is missing: CUSTOM_JWT needs it")),
            ("CUSTOM_JWT", Some(_)) => Ok(wanted),
            _ => Ok(WantedGateway { jwt: None, ..wanted }),
        }
    }
}

fn jwt_of(config: &serde_json::Map<String, Value>, region: &str) -> Result<Jwt, Refusal> {
    jwt(&mut Fields::of_body(json!({ "auth_config": config }))?, region)
}

fn authorizer_type(fields: &mut Fields) -> Result<Option<String>, Refusal> {
    const TYPES: [&str; 4] = ["CUSTOM_JWT", "AWS_IAM", "NONE", "AUTHENTICATE_ONLY"];
    match fields.text("authorizer_type")? {
        Some(kind) if !TYPES.contains(&kind.as_str()) => {
            Err(fields.refuse("authorizer_type", &format!("must be one of {}", TYPES.join(", "))))
        }
        kind => Ok(kind),
    }
}

/// A field that may be there, if it says what holds anyway.
fn check_is(fields: &mut Fields, name: &str, expected: &str) -> Result<(), Refusal> {
    match fields.text(name)? {
        Some(text) if text != expected => Err(fields.refuse(name, &format!("must be {expected}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> =
        Place { region: "eu-central-1", stage: "dev", role: "arn:aws:iam::123456789012:role/gateway" };

    fn with_jwt(change: Value) -> Result<NewGateway, Refusal> {
        let mut body =
            json!({"gateway_name": "golf", "auth_config": {"user_pool_id": "eu-central-1_a", "client_id": "c"}});
        let (Some(members), Value::Object(change)) = (body.as_object_mut(), change) else { panic!("objects") };
        members.extend(change);
        NewGateway::with_jwt(body, &PLACE)
    }

    #[test]
    fn a_pool_stands_for_its_discovery_url() {
        let jwt = with_jwt(json!({})).expect("a gateway").wanted.jwt.expect("tokens");
        let url = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a/.well-known/openid-configuration";
        assert_eq!((jwt.discovery_url.as_str(), jwt.allowed_clients), (url, vec!["c".to_owned()]));
    }

    #[test]
    fn both_forms_of_a_discovery_url_are_taken() {
        for document in ["openid-configuration", "oauth-authorization-server"] {
            let url = format!("https://a.example/.well-known/{document}");
            assert!(with_jwt(json!({"auth_config": {"discovery_url": url}})).is_ok(), "{url}");
        }
        for url in ["https://a.example", "http://a.example/.well-known/openid-configuration", "https:///.well-known/x"]
        {
            let refusal = with_jwt(json!({"auth_config": {"discovery_url": url}})).expect_err(url);
            assert_eq!(refusal.field(), Some("auth_config.discovery_url"));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (change, field) in [
            (json!({"gateway_name": null}), "gateway_name"),
            (json!({"gateway_name": "a_b"}), "gateway_name"),
            (json!({"gateway_name": "a".repeat(46)}), "gateway_name"),
            (json!({"description": "x".repeat(201)}), "description"),
            (json!({"auth_config": null}), "auth_config"),
            (json!({"auth_config": {}}), "auth_config.discovery_url"),
            (json!({"auth_config": {"user_pool_id": "../x"}}), "auth_config.user_pool_id"),
            (json!({"request_id": "a b"}), "request_id"),
            (json!({"colour": "red"}), "colour"),
        ] {
            assert_eq!(with_jwt(change).expect_err(field).field(), Some(field));
        }
    }

    #[test]
    fn a_change_keeps_what_it_leaves_out() {
        let now = with_jwt(json!({"description": "Golf"})).expect("a gateway").wanted;
        let role = PLACE.role;
        let read = |body: Value| GatewayChange::read(body, &PLACE);
        let renamed = read(json!({"name": "golf-2", "role_arn": role})).expect("a change").applied(&now).expect("one");
        assert_eq!(renamed, WantedGateway { name: "dev-golf-2".to_owned(), ..now.clone() });
        let open = read(json!({"authorizer_type": "NONE"})).expect("a change").applied(&now).expect("one");
        assert_eq!((open.authorizer_type.as_str(), open.jwt), ("NONE", None));
        assert!(read(json!({"role_arn": "arn:aws:iam::123456789012:role/admin"})).is_err());
        assert!(read(json!({"authorizer_type": "OPEN"})).is_err());
    }
}
