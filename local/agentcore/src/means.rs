//! Calls of tools: an HTTP request, or an invocation.

use http::{HeaderName, HeaderValue, Method};
use http_guard::Call;
use openapi::Request;
use serde_json::{Map, Value, json};

use crate::call_error::CallError;
use crate::offers::{Key, Means};
use crate::outside::Outside;

/// What a call gave: text for a model.
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) is_error: bool,
}

impl Means {
    /// Calls the tool that the gateway lists as `name`.
    pub(crate) async fn call(
        &self,
        outside: &Outside,
        gateway: &str,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Outcome, CallError> {
        match self {
            Self::Operation { document, id, key } => {
                let call = call(document.request(id, arguments)?, key.as_ref())?;
                let page = outside.guard.send(&call).await?;
                let text = String::from_utf8_lossy(&page.body).into_owned();
                Ok(Outcome { text, is_error: !page.status.is_success() })
            }
            Self::Function { arn } => {
                let custom = json!({ "bedrockAgentCoreGatewayId": gateway, "bedrockAgentCoreToolName": name });
                let returned = outside.machine.invoke(arn, &custom, &json!(arguments)).await?;
                let text = String::from_utf8_lossy(&returned.payload).into_owned();
                Ok(Outcome { text, is_error: returned.is_error })
            }
        }
    }
}

/// With the key where the target has it: in a header of the API's host alone, or in the query.
fn call(request: Request, key: Option<&Key>) -> Result<Call, CallError> {
    let broken = |what: &str| CallError::Target(format!("{what} cannot be sent"));
    let mut url = http_url(&request.url)?;
    if let Some(key) = key.filter(|key| key.is_in_query) {
        let separator = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{separator}{}={}", key.parameter, escaped(&key.text));
    }
    let host = host(&url);
    let method = Method::try_from(request.method.as_str()).map_err(|_| broken("the method"))?;
    let is_json = request.body.is_some();
    let mut call = Call::of(method, url, request.body.unwrap_or_default());
    if is_json {
        call = call.header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, text) in request.headers {
        let name = HeaderName::try_from(name).map_err(|_| broken("a header"))?;
        call = call.header(name, HeaderValue::try_from(text).map_err(|_| broken("a header"))?);
    }
    let Some(key) = key.filter(|key| !key.is_in_query) else { return Ok(call) };
    let name = HeaderName::try_from(&key.parameter).map_err(|_| broken("the key's header"))?;
    let value = HeaderValue::try_from(&key.text).map_err(|_| broken("the key"))?;
    Ok(call.secret(host, name, value))
}

fn http_url(url: &str) -> Result<String, CallError> {
    let is_https = url.starts_with("https://");
    if is_https { Ok(url.to_owned()) } else { Err(CallError::Target(format!("{url} is not https"))) }
}

fn host(url: &str) -> String {
    let rest = url.trim_start_matches("https://");
    rest.split(['/', '?', ':']).next().unwrap_or_default().to_ascii_lowercase()
}

fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}
