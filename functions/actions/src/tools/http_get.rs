//! `http_get`: a page of the web as text.

use std::time::Duration;

use http::header;
use http_guard::Limits;

use crate::action::{Action, Need, Running, Services};
use crate::page_text::{self, Body};
use crate::parameters::{Arguments, Kind, Parameter};
use crate::tool_error::ToolError;
use crate::user_agent::USER_AGENT;

const URL: &str = "url";

pub(crate) static ACTION: Action = Action {
    name: "http_get",
    aliases: &[],
    description: "Fetches a page from the web as readable text: the main content of HTML, the entries of a feed, the text of a PDF file. A long \
        page comes as its beginning and a handle; give the handle to document_search to find passages in the whole.",
    tags: &["web"],
    needs: Need::Nothing,
    changes: false,
    parameters: &[Parameter::required(URL, Kind::Text, "Address of the page, beginning with https://.")],
    run,
};

/// A page is held in memory as it came and as text. Of other pages than PDF files less is read.
pub(crate) const LIMITS: Limits = Limits { bytes: 20 << 20, time: Duration::from_secs(20), redirects: 5 };

const HEADERS: [(header::HeaderName, &str); 2] =
    [(header::USER_AGENT, USER_AGENT), (header::ACCEPT, page_text::ACCEPT)];

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let page = services.web.get(arguments.text(URL), &HEADERS).await;
        let page = page.map_err(|error| ToolError::new(format!("`{URL}`: {error}")))?;
        if !page.status.is_success() {
            return Err(ToolError::new(format!("`{URL}`: the server answered {}", page.status)));
        }
        let body = Body { url: &page.url, content_type: page.content_type.as_deref(), bytes: &page.body };
        page_text::of(body, services.pdf.as_ref()).await.map_err(|error| ToolError::new(format!("`{URL}`: {error}")))
    })
}
