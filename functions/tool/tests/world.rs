//! A function with a content table and the web of one test: `documents.test` and whatever else a test starts.

use actions::PdfProgram;
use functions_shared::{LambdaEvent, Variables};
use lambda_local::table::{ContentTable, TableConfig};
use lambda_runtime::Context;
use serde_json::{Value, json};
use tool::{Answer, State, ToolResult, handle};

use crate::site::{Asked, Authority, Reply, Site};

pub const TABLE: &str = "AgentContext-test";

pub struct World {
    pub authority: Authority,
    /// `documents.test`.
    pub site: Site,
    pub table: ContentTable,
}

impl World {
    pub async fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let site = Site::start(&authority, "documents.test", answer).await;
        let config = TableConfig { name: TABLE.to_owned(), sweep_interval: 0, ..TableConfig::default() };
        Self { authority, site, table: ContentTable::start(config).await.expect("a table") }
    }

    /// A function with a content table.
    pub fn function(&self) -> Function {
        self.function_with([("AGENT_CONTEXT_TABLE", TABLE)])
    }

    /// A function with a content table that reads PDF files by the program that is shipped.
    pub fn function_that_reads_pdf(&self) -> Function {
        let Function(state) = self.function();
        Function(state.with_pdf(PdfProgram::at(env!("CARGO_BIN_EXE_tool"))))
    }

    /// A function with these variables besides those that say where everything is.
    pub fn function_with<const N: usize>(&self, more: [(&str, &str); N]) -> Function {
        let (endpoints, authority, table) =
            (self.site.named("documents.test"), self.authority.path(), self.table.endpoint());
        let usual = [
            ("TEST_ENDPOINTS", endpoints.as_str()),
            ("TEST_CA_FILE", &authority),
            ("AWS_ENDPOINT_URL_DYNAMODB", &table),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let variables: Variables = usual.into_iter().chain(more).collect();
        Function(State::new(&variables).expect("a state"))
    }
}

/// A function in a sandbox that has started.
pub struct Function(pub State);

impl Function {
    /// The result of one call, whatever it is.
    pub async fn call(&self, name: &str, input: Value) -> ToolResult {
        self.answer(json!({ "name": name, "id": "tu_1", "input": input })).await
    }

    pub async fn answer(&self, event: Value) -> ToolResult {
        self.answer_in(Context::default(), event).await
    }

    /// The result of one call in an invocation of which this is known.
    pub async fn answer_in(&self, context: Context, event: Value) -> ToolResult {
        match self.given(context, event).await {
            Answer::Result(result) => result,
            other => panic!("no result: {other:?}"),
        }
    }

    /// What one event of any kind gives.
    pub async fn given(&self, context: Context, event: Value) -> Answer {
        handle(&self.0, LambdaEvent::new(event, context)).await.expect("a tool's failure is a result")
    }

    /// The same as JSON.
    pub async fn service(&self, event: Value) -> Value {
        serde_json::to_value(self.given(Context::default(), event).await).expect("JSON")
    }

    /// The text of a call that succeeds.
    pub async fn text(&self, name: &str, input: Value) -> String {
        let result = self.call(name, input).await;
        assert!(!result.is_error, "{}", result.content);
        result.content
    }

    /// The text of a call that fails.
    pub async fn error(&self, name: &str, input: Value) -> String {
        let result = self.call(name, input).await;
        assert!(result.is_error, "{}", result.content);
        result.content
    }
}
