//! `http_request`: a request to one of the hosts that the function may ask, with the credential that the host has.

use http::{HeaderName, HeaderValue, Method, header};
use http_guard::{Call, Page};

use crate::action::{Action, Need, Running, Services};
use crate::parameters::{Arguments, Kind, Parameter};
use crate::requests::Requests;
use crate::tool_error::ToolError;
use crate::user_agent::USER_AGENT;

const METHOD: &str = "method";
const URL: &str = "url";
const HEADERS: &str = "headers";
const BODY: &str = "body";

const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Headers that say who asks, or whom, or for what: those come from the function and from `method` alone.
const REFUSED: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    // To servers that know them, the request has another method than the one that a person approves.
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
];

pub(crate) static ACTION: Action = Action {
    name: "http_request",
    aliases: &[],
    description: "Sends a request to an API of a host that this function may ask, and gives the status and the text of the response. Credentials are \
        added where they are needed; do not send any.",
    tags: &["web"],
    needs: Need::Requests,
    changes: true,
    parameters: &[
        Parameter::required(URL, Kind::Text, "Whole address, beginning with https://."),
        Parameter::optional(METHOD, Kind::Text, "GET, HEAD, POST, PUT, PATCH or DELETE; GET if left out."),
        Parameter::optional(HEADERS, Kind::Text, "Headers, each on a line: `Name: value`."),
        Parameter::optional(BODY, Kind::Content, "The body, or its handle. JSON, unless `headers` has a Content-Type."),
    ],
    run,
};

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let requests = services.requests.as_ref();
        let requests = requests.ok_or_else(|| ToolError::new("this function has no hosts that this tool may call"))?;
        let call = call(requests, &arguments)?;
        let host = host_of(arguments.text(URL));
        let call = requests.signed(call, &host).await?;
        let page = requests.guard.send(&call).await;
        report(&page.map_err(|error| ToolError::new(format!("`{URL}`: {error}")))?)
    })
}

/// The host as the guard compares it; of a URL that the guard refuses it may be any text.
fn host_of(url: &str) -> String {
    let url = url::Url::parse(url.trim()).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn call(requests: &Requests, arguments: &Arguments) -> Result<Call, ToolError> {
    let (url, body) = (arguments.text(URL), arguments.given_text(BODY));
    let bound = requests.bound_header(&host_of(url));
    let mut call = Call::of(method(arguments)?, url, body.unwrap_or_default().to_owned());
    call = call.header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    if body.is_some() {
        call = call.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for line in arguments.given_text(HEADERS).unwrap_or_default().lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = parsed(line)?;
        if REFUSED.contains(&name) || bound == Some(&name) {
            return Err(ToolError::new(format!("`{HEADERS}`: `{name}` is set by this function, and not by a call")));
        }
        call = call.header(name, value);
    }
    Ok(call)
}

/// Exactly as listed: the state machine compares the same text when it decides whether a person must approve.
fn method(arguments: &Arguments) -> Result<Method, ToolError> {
    let given = arguments.given_text(METHOD).unwrap_or("GET");
    let method = METHODS.into_iter().find(|method| method.as_str() == given);
    method.ok_or_else(|| ToolError::new(format!("`{METHOD}` is not one of GET, HEAD, POST, PUT, PATCH, DELETE")))
}

fn parsed(line: &str) -> Result<(HeaderName, HeaderValue), ToolError> {
    let wrong = || ToolError::new(format!("`{HEADERS}` has a line that is not `Name: value`"));
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    Ok((name.trim().parse().map_err(|_| wrong())?, value.trim().parse().map_err(|_| wrong())?))
}

fn report(Page { status, content_type, body, .. }: &Page) -> Result<String, ToolError> {
    let text = std::str::from_utf8(body);
    let text =
        text.map_err(|_| ToolError::new(format!("the server answered {status}, with a body that is not text")))?;
    let content_type = content_type.as_ref().map(|found| format!("Content-Type: {found}\n")).unwrap_or_default();
    Ok(format!("{status}\n{content_type}\n{text}"))
}
