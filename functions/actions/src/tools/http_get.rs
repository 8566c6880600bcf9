//! `http_get`: a page of the web as text.

use std::time::Duration;

use http::header;
use http_guard::Limits;

use crate::action::{Action, Running, Services, USER_AGENT};
use crate::page_text;
use crate::parameters::{Arguments, Kind, Parameter};
use crate::tool_error::ToolError;

const URL: &str = "url";

pub(crate) static ACTION: Action = Action {
    name: "http_get",
    description: "Fetches a page from the web as readable text. A long page comes as its beginning and a handle; give the handle to \
        document_search to find passages in the whole.",
    parameters: &[Parameter::required(URL, Kind::Text, "Address of the page, beginning with https://.")],
    run,
};

/// A page is held in memory as it came and as text.
pub(crate) const LIMITS: Limits = Limits { bytes: 8 << 20, time: Duration::from_secs(20), redirects: 5 };

const HEADERS: [(header::HeaderName, &str); 2] =
    [(header::USER_AGENT, USER_AGENT), (header::ACCEPT, page_text::ACCEPT)];

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let page = services.web.get(arguments.text(URL), &HEADERS).await;
        let page = page.map_err(|error| ToolError::new(format!("`{URL}`: {error}")))?;
        if !page.status.is_success() {
            return Err(ToolError::new(format!("`{URL}`: the server answered {}", page.status)));
        }
        page_text::of(page.content_type.as_deref(), &page.body)
    })
}
