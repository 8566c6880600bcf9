//! One invocation: a tool call becomes a tool result, whatever happens. A state machine also has values shown and results fitted.

use std::time::{Duration, Instant, SystemTime};

use actions::{Action, Arguments, Need, PdfProgram, Requests, Services, ToolError};
use bytes::Bytes;
use functions_content::{Asking, ContentError, ContentTable, LONGEST, beginning, opened, preview};
use functions_shared::{Failure, LambdaEvent, Variables};
use http_guard::{AllowedHosts, Network};
use secrets::Secrets;
use serde_json::Value;
use tokio::time::timeout_at;

use crate::answer::Answer;
use crate::envelope::{ToolCall, ToolResult};
use crate::fit::fitted;
use crate::gateway::tool_name;
use crate::show::shown;

/// A tool that is not done by then is given up, so that the model hears of it before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_secs(1);

/// How long a tool may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(1);

/// What lives as long as the sandbox.
#[derive(Debug)]
pub struct State {
    tools: Vec<&'static Action>,
    services: Services,
    contents: Option<ContentTable>,
    /// The layer offloads longer strings.
    threshold: usize,
}

impl State {
    /// Reads the variables:
    /// - `TOOL_NAMES`: the tools that may be called, separated by commas; all of them that need nothing but the web if it is not set.
    /// - `ALLOWED_HOSTS`: the hosts that `http_get` may ask (`example.com, *.example.org`); every public one if it is not set.
    /// - `HTTP_REQUEST_HOSTS`: the hosts that `http_request` may ask, and the header and the key of the secret that one gets
    ///   (`status.example.com, api.example.com=x-api-key:EXAMPLE_KEY`); without it there is no `http_request`.
    /// - `AGENT_CONTEXT_TABLE` and the others of the layer: where long results are kept, and what leaves a response.
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub fn new(variables: &Variables) -> Result<Self, Failure> {
        let mut tools = actions::chosen(variables.optional(actions::TOOL_NAMES)?)?;
        tools.retain(|action| action.needs == Need::Nothing);
        let allowed = variables.parsed("ALLOWED_HOSTS")?.unwrap_or(AllowedHosts::AnyPublic);
        let network = network(variables)?;
        let requests = variables.parsed("HTTP_REQUEST_HOSTS")?.map(|hosts| Requests::new(&network, hosts));
        tools.extend(
            requests.iter().flat_map(|_| actions::TABLE.iter().filter(|action| action.needs == Need::Requests)),
        );
        let contents = ContentTable::from_variables(variables)?;
        let threshold = variables.parsed("MAX_CONTENT_SIZE")?.unwrap_or(5000);
        let services = Services { requests, ..Services::new(&network, allowed) };
        Ok(Self { tools, services, contents, threshold })
    }
}

impl State {
    /// With a program that reads PDF files; without one they are refused.
    #[must_use]
    pub fn with_pdf(mut self, program: PdfProgram) -> Self {
        self.services.pdf = Some(program);
        self
    }

    /// Whether a host of `http_request` has a credential.
    pub fn needs_request_secret(&self) -> bool {
        self.services.requests.as_ref().is_some_and(Requests::need_a_secret)
    }

    /// With the secret that has the credentials of the hosts of `http_request`.
    #[must_use]
    pub fn with_request_secret(mut self, secrets: Secrets, name: String) -> Self {
        self.services.requests = self.services.requests.map(|requests| requests.with_secret(secrets, name));
        self
    }
}

/// Only a build for tests asks for variables here.
fn network(variables: &Variables) -> Result<Network, Failure> {
    let text = |name| variables.optional(name).ok().flatten().map(str::to_owned);
    Network::from_variables(text).map_err(|error| Failure::new("InvalidVariable", error.to_string()))
}

/// Answers one event. What goes wrong with a tool's call is in the answer, in words for the model.
///
/// # Errors
/// - `LongContent.StoreUnavailable`: what is shown or fitted is too long, and could not be stored. Trying again may help.
/// - `ToolFailed`: a tool that an AgentCore gateway called failed. The gateway tells its client so.
pub async fn handle(state: &State, event: LambdaEvent<Value>) -> Result<Answer, Failure> {
    let LambdaEvent { payload, context } = event;
    let asking = Asking { tenant: context.tenant_id.as_deref(), until: deadline(context.deadline()) };
    if let Some(name) = tool_name(&context) {
        return state.call_of_gateway(name, payload, asking).await;
    }
    match payload["type"].as_str() {
        Some("show") => state.show(&payload, asking).await.map_err(|error| unavailable(&error)),
        Some("open") => Box::pin(state.open(payload, asking)).await,
        Some("fit") => state.fit(payload, asking).await.map_err(|error| unavailable(&error)),
        _ => Ok(Answer::Result(state.call(payload, asking).await)),
    }
}

fn unavailable(error: &ContentError) -> Failure {
    Failure::new("LongContent.StoreUnavailable", error.to_string())
}

/// A deadline on the clock that timers use, less what answering takes. One that has passed already says nothing: stand-ins for
/// the Runtime API make one up.
fn deadline(deadline: SystemTime) -> Instant {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(MARGIN)
}

impl State {
    async fn call(&self, event: Value, asking: Asking<'_>) -> ToolResult {
        match ToolCall::of(event) {
            Ok(call) => {
                let (name, id) = (call.name.clone(), call.id.clone());
                let answer = async { self.short(self.run(call, self.contents.as_ref(), asking).await?, asking).await };
                ToolResult::new(name.clone(), id, self.in_time(&name, answer, asking).await)
            }
            Err(result) => result,
        }
    }

    /// The clients of a gateway have no layer: they get the whole text, and their arguments open no handles.
    async fn call_of_gateway(&self, name: &str, input: Value, asking: Asking<'_>) -> Result<Answer, Failure> {
        let failed = |error: ToolError| Failure::new("ToolFailed", error.to_string());
        let call = ToolCall::of_gateway(name, input).map_err(failed)?;
        let text = self.in_time(name, self.run(call, None, asking), asking).await.map_err(failed)?;
        Ok(Answer::Plain(serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// `{"type": "show", "value": …, "longest": bytes}`.
    async fn show(&self, event: &Value, asking: Asking<'_>) -> Result<Answer, ContentError> {
        let longest = event["longest"].as_u64().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(LONGEST);
        let value = shown(&event["value"], longest, self.contents.as_ref(), asking).await?;
        Ok(Answer::Shown { value })
    }

    /// `{"type": "open", "input": …, "input_schema": …}`. A handle that cannot be opened is a failure by name, since it is not this
    /// function that answers the model.
    async fn open(&self, mut event: Value, asking: Asking<'_>) -> Result<Answer, Failure> {
        let input = match (event["input"].take(), &self.contents) {
            (Value::Object(input), Some(contents)) => {
                // The layer takes out what is long.
                opened(input, &event["input_schema"], usize::MAX, contents, asking).await
            }
            (input, _) => Ok(input),
        };
        let refused = |error: ContentError| {
            let unknown = || Failure::new("UnknownHandle", error.to_string());
            if error.is_temporary() { unavailable(&error) } else { unknown() }
        };
        Ok(Answer::Opened { input: input.map_err(refused)? })
    }

    /// `{"type": "fit", "reply": …}`.
    async fn fit(&self, mut event: Value, asking: Asking<'_>) -> Result<Answer, ContentError> {
        let (content, is_error) = fitted(event["reply"].take(), self.threshold, self.contents.as_ref(), asking).await?;
        Ok(Answer::Fitted { content, is_error })
    }

    /// The whole text of a tool's result. Handles in the call are looked up in `contents`.
    async fn run(
        &self,
        call: ToolCall,
        contents: Option<&ContentTable>,
        asking: Asking<'_>,
    ) -> Result<String, ToolError> {
        let action = self.find(&call.name).ok_or_else(|| self.unknown(&call.name))?;
        let mut arguments = Arguments::of(action.parameters, call.input)?.with_handles(call.handles);
        arguments.open_handles(action.parameters, contents, asking).await?;
        (action.run)(&self.services, arguments).await
    }

    async fn in_time(
        &self,
        name: &str,
        answer: impl Future<Output = Result<String, ToolError>>,
        asking: Asking<'_>,
    ) -> Result<String, ToolError> {
        let late = || self.find(name).map_or_else(|| self.unknown(name), Action::unfinished);
        timeout_at(asking.until.into(), answer).await.unwrap_or_else(|_| Err(late()))
    }

    fn find(&self, name: &str) -> Option<&'static Action> {
        self.tools.iter().find(|action| action.is_called(name)).copied()
    }

    fn unknown(&self, name: &str) -> ToolError {
        let names: Vec<_> = self.tools.iter().map(|action| action.name).collect();
        ToolError::new(format!(
            "`name`: there is no tool `{}`; the tools are {}",
            beginning(name, 64),
            names.join(", ")
        ))
    }

    /// The text itself, or what a model sees of a longer one. Without a content table there is no other place for it.
    async fn short(&self, text: String, asking: Asking<'_>) -> Result<String, ToolError> {
        match &self.contents {
            Some(contents) if text.len() > LONGEST => {
                let text = Bytes::from(text);
                let handle = Box::pin(contents.put(text.clone(), asking)).await?;
                Ok(preview(std::str::from_utf8(&text).expect("BUG: it was a text"), handle))
            }
            _ => Ok(text),
        }
    }
}
