//! Cross-origin resource sharing (<https://fetch.spec.whatwg.org/#http-cors-protocol>): which web pages may read replies.

use crate::request::Request;
use crate::response::Response;
use std::str::FromStr;

const METHODS: &str = "GET,POST,PUT,DELETE,OPTIONS";
const HEADERS: &str =
    "authorization,content-type,idempotency-key,x-amz-date,x-amz-security-token,x-api-key,x-request-id";
const EXPOSED: &str = "idempotency-replayed,location,retry-after";
/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "600";

/// The origins whose pages may read replies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// None but the API's own.
    #[default]
    None,
    /// All of them. Nothing is allowed that a browser would add by itself: no cookies.
    Any,
    /// These.
    Listed(Vec<String>),
}

/// An entry that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: give `*`, or origins such as https://app.example.com, separated by commas")]
pub struct NotAnOrigin(String);

impl Cors {
    /// The reply to a browser that asks what it may send. None if the request is another one.
    pub fn preflight(&self, request: &Request) -> Option<Response> {
        let asks = request.method == "OPTIONS" && request.header("access-control-request-method").is_some();
        asks.then(|| {
            let response = Response::no_content();
            let Some(origin) = self.allowed(request) else { return response };
            let response = response.with("access-control-allow-origin", origin).with("access-control-max-age", MAX_AGE);
            response.with("access-control-allow-methods", METHODS).with("access-control-allow-headers", HEADERS)
        })
    }

    /// The reply, for the page that asked.
    #[must_use]
    pub fn applied(&self, request: &Request, response: Response) -> Response {
        // A cache must not give one page's reply to another.
        let response = if matches!(self, Self::Listed(_)) { response.with("vary", "origin") } else { response };
        match self.allowed(request) {
            Some(origin) => {
                response.with("access-control-allow-origin", origin).with("access-control-expose-headers", EXPOSED)
            }
            None => response,
        }
    }

    /// What the reply says about the request's origin.
    fn allowed<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let origin = request.header("origin")?;
        match self {
            Self::None => None,
            Self::Any => Some("*"),
            Self::Listed(origins) => origins.iter().any(|listed| listed == origin).then_some(origin),
        }
    }
}

impl FromStr for Cors {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let entries: Vec<_> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        match entries.as_slice() {
            [] => Ok(Self::None),
            ["*"] => Ok(Self::Any),
            _ => entries.into_iter().map(origin).collect::<Result<_, _>>().map(Self::Listed),
        }
    }
}

/// Scheme, host and port, as a browser spells them: in lower case, without a path.
fn origin(text: &str) -> Result<String, NotAnOrigin> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_plain) { Err(NotAnOrigin(text.to_owned())) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(method: &str, headers: &Value) -> Request {
        let event = json!({"rawPath": "/", "headers": headers, "requestContext": {"http": {"method": method}}});
        Request::read(event).expect("an event").expect("a request")
    }

    fn headers(response: Response) -> Value {
        response.into_event()["headers"].take()
    }

    #[test]
    fn only_a_listed_origin_may_read_replies() {
        let cors: Cors = "https://a.example, https://b.example:8443".parse().expect("origins");
        for (origin, allowed) in [
            ("https://a.example", json!("https://a.example")),
            ("https://b.example:8443", json!("https://b.example:8443")),
            ("https://c.example", Value::Null),
            ("http://a.example", Value::Null),
            ("null", Value::Null),
        ] {
            let reply = headers(cors.applied(&request("GET", &json!({"Origin": origin})), Response::ok(json!(1))));
            assert_eq!(
                (&reply["access-control-allow-origin"], &reply["vary"]),
                (&allowed, &json!("origin")),
                "{origin}"
            );
        }
    }

    #[test]
    fn without_a_setting_no_origin_may_read_replies() {
        let asked =
            request("OPTIONS", &json!({"origin": "https://a.example", "access-control-request-method": "POST"}));
        let reply = headers(Cors::None.preflight(&asked).expect("a preflight"));
        assert_eq!(reply, json!({}));
    }

    #[test]
    fn a_preflight_is_answered_with_what_may_be_sent() {
        let asked =
            request("OPTIONS", &json!({"origin": "https://a.example", "access-control-request-method": "POST"}));
        let reply = Cors::Any.preflight(&asked).expect("a preflight");
        assert_eq!(reply.status, 204);
        let reply = headers(reply);
        assert_eq!(reply["access-control-allow-origin"], "*");
        assert!(reply["access-control-allow-headers"].as_str().expect("text").contains("idempotency-key"), "{reply}");
        assert_eq!(Cors::Any.preflight(&request("OPTIONS", &json!({}))), None);
        assert_eq!(Cors::Any.preflight(&request("GET", &json!({"access-control-request-method": "POST"}))), None);
    }

    #[test]
    fn what_is_no_origin_is_a_mistake() {
        for text in
            ["a.example", "https://a.example/", "https://a.example/b", "https://A.example", "*, https://a.example"]
        {
            assert!(text.parse::<Cors>().is_err(), "{text}");
        }
        assert_eq!(" , ".parse(), Ok(Cors::None));
    }
}
