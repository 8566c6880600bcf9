//! A tool of an MCP server: where the server is, how it is asked, what the tool is called there, and what was said of it.

use std::fmt::Write as _;

use crate::fields::Fields;
use functions_shared::Refusal;
use http_guard::{AllowedHosts, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a tool is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// The function of the row runs it.
    #[default]
    Lambda,
    /// The function of the row is an MCP client that calls it on a server.
    Mcp,
}

/// How an MCP server knows its caller. The row names a secret and holds none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Auth {
    /// It asks nobody.
    None,
    /// By `Authorization: Bearer …` (RFC 6750).
    Bearer {
        /// The secret's name in Secrets Manager.
        secret_name: String,
        /// The key of the secret's JSON object.
        secret_key: String,
    },
    /// By its own header.
    Header {
        /// The header's name, in lower case.
        header: String,
        /// The secret's name in Secrets Manager.
        secret_name: String,
        /// The key of the secret's JSON object.
        secret_key: String,
    },
}

/// What a row says of a tool on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// An `https://` URL.
    pub endpoint: String,
    /// How the server knows its caller.
    pub auth: Auth,
    /// What the tool is called on the server.
    pub remote_name: String,
    /// [`digest`] of description and schema. It is passed with each call, so that the client sees whether the server still says the same.
    pub remote_digest: String,
}

/// What a server says of one of its tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// In the server's words.
    pub description: String,
    /// JSON Schema of its input.
    pub input_schema: Value,
}

/// Fields that only tools of MCP servers have.
const FIELDS: [&str; 4] = ["endpoint", "auth", "remote_name", "remote_digest"];
/// The key of a secret if the row names none.
const USUAL_KEY: &str = "token";
/// Bytes of a tool's name on its server.
const LONGEST_NAME: usize = 256;
/// Headers that the protocol and HTTP itself need.
const RESERVED: [&str; 8] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "accept",
    "cookie",
    "accept-encoding",
];

impl Transport {
    /// The transport in `fields`, by default `lambda`.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Refusal> {
        match fields.text("transport")?.as_deref() {
            None | Some("lambda") => Ok(Self::Lambda),
            Some("mcp") => Ok(Self::Mcp),
            Some(_) => Err(fields.refuse("transport", "must be lambda or mcp")),
        }
    }
}

impl Remote {
    /// The server's part of a row whose tool is called `tool_name` here, and is described by these two.
    pub(super) fn read(
        fields: &mut Fields,
        transport: Transport,
        tool_name: &str,
        described: (&str, &Value),
    ) -> Result<Option<Self>, Refusal> {
        if transport == Transport::Lambda {
            let given = FIELDS.iter().find(|name| fields.holds(name));
            return given.map_or(Ok(None), |name| Err(fields.refuse(name, "is only for tools with transport mcp")));
        }
        fields.ignore(&["remote_digest"]);
        let remote_name = fields.text("remote_name")?.unwrap_or_else(|| tool_name.to_owned());
        if !(1..=LONGEST_NAME).contains(&remote_name.len()) || remote_name.chars().any(char::is_control) {
            return Err(
                fields.refuse("remote_name", &format!("must be 1 to {LONGEST_NAME} bytes without control characters"))
            );
        }
        let (description, schema) = described;
        let (endpoint, auth) = (endpoint(fields)?, Auth::read(fields)?);
        Ok(Some(Self { endpoint, auth, remote_name, remote_digest: digest(description, schema) }))
    }
}

/// The same rules as when it is asked, but for the list of hosts, which is the client's.
fn endpoint(fields: &mut Fields) -> Result<String, Refusal> {
    let text = fields.required_text("endpoint")?;
    let target = Target::parse(&text, &AllowedHosts::AnyPublic);
    let target = target.map_err(|refusal| fields.refuse("endpoint", &format!("is refused: {refusal}")))?;
    Ok(target.as_str().to_owned())
}

impl Auth {
    fn read(fields: &mut Fields) -> Result<Self, Refusal> {
        let Some(auth) = fields.nested("auth")? else { return Ok(Self::None) };
        let mut fields = Fields::at("auth", auth)?;
        let auth = match fields.required_text("type")?.as_str() {
            "none" => Self::None,
            "bearer" => Self::Bearer { secret_name: secret_name(&mut fields)?, secret_key: secret_key(&mut fields)? },
            "header" => Self::Header {
                header: header(&mut fields)?,
                secret_name: secret_name(&mut fields)?,
                secret_key: secret_key(&mut fields)?,
            },
            _ => return Err(fields.refuse("type", "must be none, bearer or header")),
        };
        fields.finish()?;
        Ok(auth)
    }
}

/// As Secrets Manager spells names.
fn secret_name(fields: &mut Fields) -> Result<String, Refusal> {
    let name = fields.required_text("secret_name")?;
    let is_name = name.len() <= 512 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&b));
    if is_name { Ok(name) } else { Err(fields.refuse("secret_name", "must be the name or the ARN of a secret")) }
}

fn secret_key(fields: &mut Fields) -> Result<String, Refusal> {
    Ok(fields.text("secret_key")?.filter(|key| !key.is_empty()).unwrap_or_else(|| USUAL_KEY.to_owned()))
}

fn header(fields: &mut Fields) -> Result<String, Refusal> {
    let name = fields.required_text("header")?.to_ascii_lowercase();
    let is_token = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_token && !RESERVED.contains(&name.as_str()) && !name.starts_with("mcp-") {
        return Ok(name);
    }
    Err(fields.refuse("header", "must be the name of a header that neither HTTP nor MCP uses"))
}

/// A fingerprint of a tool's description and input schema: equal if and only if both say the same, in whatever order of members.
///
/// 32 hexadecimal digits of BLAKE3.
pub fn digest(description: &str, input_schema: &Value) -> String {
    let mut text = String::new();
    spell(&Value::from(description), &mut text);
    spell(input_schema, &mut text);
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

/// JSON with members in order, whatever order the parser of this program keeps.
fn spell(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, member) in members {
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                spell(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(entries) => {
            out.push('[');
            for entry in entries {
                spell(entry, out);
                out.push(',');
            }
            out.push(']');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn remote(body: Value) -> Result<Option<Remote>, Refusal> {
        let mut fields = Fields::of_body(body).expect("an object");
        let transport = Transport::read(&mut fields)?;
        let remote = Remote::read(&mut fields, transport, "files_read", ("Reads", &json!({"type": "object"})))?;
        fields.finish().map(|()| remote)
    }

    #[test]
    fn an_endpoint_is_enough() {
        let remote = remote(json!({"transport": "mcp", "endpoint": "https://mcp.example.com/mcp"})).expect("one");
        let remote = remote.expect("a tool of a server");
        assert_eq!((remote.auth, remote.remote_name.as_str()), (Auth::None, "files_read"));
        assert_eq!(remote.remote_digest, digest("Reads", &json!({"type": "object"})));
    }

    #[test]
    fn a_secret_is_named_and_its_key_is_token_if_nothing_else_is_said() {
        let with = |auth: Value| {
            let body = json!({"transport": "mcp", "endpoint": "https://mcp.example.com/", "auth": auth});
            remote(body).expect("a row").expect("a tool of a server").auth
        };
        let bearer = Auth::Bearer { secret_name: "/a/b".to_owned(), secret_key: "token".to_owned() };
        assert_eq!(with(json!({"type": "bearer", "secret_name": "/a/b"})), bearer);
        assert_eq!(with(json!(r#"{"type": "bearer", "secret_name": "/a/b"}"#)), bearer);
        let header = json!({"type": "header", "header": "X-Api-Key", "secret_name": "a", "secret_key": "k"});
        let (secret_name, secret_key) = ("a".to_owned(), "k".to_owned());
        assert_eq!(with(header), Auth::Header { header: "x-api-key".to_owned(), secret_name, secret_key });
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mcp = |more: Value| {
            let mut body = json!({"transport": "mcp", "endpoint": "https://mcp.example.com/"});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            body
        };
        for (body, field) in [
            (json!({"transport": "stdio"}), "transport"),
            (json!({"transport": "mcp"}), "endpoint"),
            (json!({"endpoint": "https://mcp.example.com/"}), "endpoint"),
            (json!({"transport": "lambda", "remote_name": "a"}), "remote_name"),
            (mcp(json!({"endpoint": "http://mcp.example.com/"})), "endpoint"),
            (mcp(json!({"endpoint": "https://169.254.169.254/"})), "endpoint"),
            (mcp(json!({"endpoint": "https://user@mcp.example.com/"})), "endpoint"),
            (mcp(json!({"remote_name": ""})), "remote_name"),
            (mcp(json!({"auth": "basic"})), "auth"),
            (mcp(json!({"auth": {"type": "basic"}})), "auth.type"),
            (mcp(json!({"auth": {"type": "bearer"}})), "auth.secret_name"),
            (mcp(json!({"auth": {"type": "bearer", "secret_name": "a b"}})), "auth.secret_name"),
            (mcp(json!({"auth": {"type": "bearer", "secret_name": "a", "token": "t"}})), "auth.token"),
            (mcp(json!({"auth": {"type": "header", "header": "Host", "secret_name": "a"}})), "auth.header"),
            (mcp(json!({"auth": {"type": "header", "header": "a b", "secret_name": "a"}})), "auth.header"),
        ] {
            assert_eq!(remote(body.clone()).expect_err(field).field(), Some(field), "{body}");
        }
    }

    #[test]
    fn a_digest_changes_with_what_is_said_and_not_with_the_order_of_members() {
        let of = |text: &str| digest("Reads", &serde_json::from_str(text).expect("JSON"));
        assert_eq!(of(r#"{"a":1,"b":[{"c":2,"d":3}]}"#), of(r#"{"b":[{"d":3,"c":2}],"a":1}"#));
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":2}"#));
        assert_ne!(of(r#"{"a":[1,2]}"#), of(r#"{"a":[2,1]}"#));
        assert_ne!(digest("a", &json!({})), digest("b", &json!({})));
    }
}
