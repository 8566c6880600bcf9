//! A call of a tool: checked arguments, a deadline, and a result that a client can carry.

use std::sync::Arc;

use actions::{Action, Arguments, Services, ToolError};
use bytes::Bytes;
use functions_content::{Asking, ContentTable, Handle, NotAHandle, beginning};
use records::MessageType;
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, JsonObject};
use serde_json::Value;
use tokio::time::timeout_at;

use crate::listing::{ASYNC, GET_RESULT, ID, LENGTH, OFFSET, PAGE_PARAMETERS};
use crate::outbox::{Outbox, Progress};
use crate::pages::{Page, USUAL_PAGE};
use crate::replies;
use crate::web_actions::{self, QUEUEABLE, Queued};

/// The tools, and what they need.
#[derive(Debug)]
pub(crate) struct Toolbox {
    pub(crate) tools: Vec<&'static Action>,
    pub(crate) services: Services,
    pub(crate) contents: Option<ContentTable>,
    /// Where a call goes that is not waited for.
    pub(crate) outbox: Option<Arc<Outbox>>,
}

impl Toolbox {
    /// Calls a tool by any of its names. An unknown tool and arguments that do not fit are errors of the protocol (-32602); what goes
    /// wrong in the tool is a result.
    pub(crate) async fn call(
        &self,
        name: &str,
        arguments: JsonObject,
        asking: Asking<'_>,
    ) -> Result<CallToolResult, ErrorData> {
        if name == GET_RESULT {
            return self.get_result(arguments, asking).await;
        }
        let action = self.find(name).ok_or_else(|| self.unknown(name))?;
        let name = action.name;
        let mut arguments = arguments;
        let queued = self.queued(name, &mut arguments)?;
        let arguments = Arguments::of(action.parameters, arguments).map_err(|error| invalid(&error))?;
        let work = async {
            match (queued, &self.outbox) {
                (Some(queued), Some(outbox)) => posted(outbox, queued, asking).await,
                _ => self.run(action, arguments, asking).await,
            }
        };
        let outcome = timeout_at(asking.until.into(), work).await.unwrap_or_else(|_| Err(action.unfinished()));
        Ok(outcome.unwrap_or_else(|error| replies::failure(&error.to_string())))
    }

    /// Whether a tool's call may go to the queue.
    pub(crate) fn queues(&self, name: &str) -> bool {
        self.outbox.is_some() && QUEUEABLE.contains(&name)
    }

    /// The message in place of a call with `async: true`, which is not an argument of the tool.
    fn queued(&self, name: &str, arguments: &mut JsonObject) -> Result<Option<Queued>, ErrorData> {
        if !self.queues(name) {
            return Ok(None);
        }
        match arguments.remove(ASYNC) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(None),
            Some(Value::Bool(true)) => Ok(web_actions::of(name, arguments)),
            Some(_) => Err(ErrorData::invalid_params(format!("`{ASYNC}` is not true or false"), None)),
        }
    }

    /// The tool of this name, or of which it is another name.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Action> {
        self.tools.iter().find(|action| action.is_called(name)).copied()
    }

    fn unknown(&self, name: &str) -> ErrorData {
        let names: Vec<_> = self.tools.iter().map(|action| action.name).chain([GET_RESULT]).collect();
        let message = format!("`name`: there is no tool `{}`; the tools are {}", beginning(name, 64), names.join(", "));
        ErrorData::invalid_params(message, None)
    }

    async fn run(
        &self,
        action: &Action,
        mut arguments: Arguments,
        asking: Asking<'_>,
    ) -> Result<CallToolResult, ToolError> {
        arguments.open_handles(action.parameters, self.contents.as_ref(), asking).await?;
        let text = (action.run)(&self.services, arguments).await?;
        self.reply(text, asking).await
    }

    /// The result itself, or the beginning of a longer one. Without a content table there is no other place for it.
    async fn reply(&self, text: String, asking: Asking<'_>) -> Result<CallToolResult, ToolError> {
        match &self.contents {
            Some(contents) if text.len() > USUAL_PAGE => {
                let handle = contents.put(Bytes::from(text.clone()), asking).await?;
                Ok(replies::beginning(Page::of(&text, 0, USUAL_PAGE), &handle.to_string()))
            }
            _ => Ok(replies::whole(&text)),
        }
    }

    async fn get_result(&self, arguments: JsonObject, asking: Asking<'_>) -> Result<CallToolResult, ErrorData> {
        let arguments = Arguments::of(&PAGE_PARAMETERS, arguments).map_err(|error| invalid(&error))?;
        let (offset, length) = (arguments.integer(OFFSET), arguments.integer(LENGTH));
        let page = |text: &str| replies::page(Page::of(text, offset.unwrap_or(0), length.unwrap_or(USUAL_PAGE)));
        let found = self.found(arguments.text(ID), asking).await;
        Ok(match found {
            Ok(Found::Text(text)) => page(&text),
            Ok(Found::Waiting(status)) => replies::waiting(arguments.text(ID), status),
            Err(error) => replies::failure(&error.to_string()),
        })
    }

    /// What an id names: a long result, or what became of a queued call.
    pub(crate) async fn found(&self, id: &str, asking: Asking<'_>) -> Result<Found, ToolError> {
        match (Handle::of(id), &self.outbox) {
            (Some(handle), _) => self.text_of(handle, asking).await.map(Found::Text),
            (None, Some(outbox)) => self.worked_off(outbox.progress(id).await?, asking).await,
            (None, None) => {
                Err(ToolError::new(format!("`{ID}` is not the id of a result; give it exactly as a result spelt it")))
            }
        }
    }

    async fn worked_off(&self, progress: Progress, asking: Asking<'_>) -> Result<Found, ToolError> {
        match progress {
            Progress::Under(status) => Ok(Found::Waiting(status.as_str())),
            Progress::Failed(reason) => Err(ToolError::new(reason)),
            Progress::Done(result) => {
                match (result.response_body_ref.as_deref().and_then(Handle::of), result.error_message) {
                    (_, Some(error)) => Err(ToolError::new(error)),
                    (Some(whole), None) => self.text_of(whole, asking).await.map(Found::Text),
                    (None, None) => Ok(Found::Text(result.response_body.unwrap_or_default())),
                }
            }
        }
    }

    /// The text that a handle names.
    pub(crate) async fn text_of(
        &self,
        handle: Result<Handle, NotAHandle>,
        asking: Asking<'_>,
    ) -> Result<String, ToolError> {
        actions::text_of(handle, self.contents.as_ref(), asking).await
    }
}

/// What an id names.
pub(crate) enum Found {
    Text(String),
    /// Nothing yet: the status of the message.
    Waiting(&'static str),
}

async fn posted(outbox: &Outbox, queued: Queued, asking: Asking<'_>) -> Result<CallToolResult, ToolError> {
    let Queued { payload, arguments } = queued;
    let id = outbox.post(MessageType::WebAction, payload, arguments, asking.until).await?;
    Ok(replies::waiting(&id, "queued"))
}

fn invalid(error: &ToolError) -> ErrorData {
    ErrorData::invalid_params(error.to_string(), None)
}
