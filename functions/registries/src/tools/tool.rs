//! A tool as the registry holds it: what it takes, and which function runs it.

use super::function_arn::FunctionArn;
use super::remote::{Auth, Described, Remote, Transport, digest};
use crate::fields::Fields;
use crate::names::Names;
use crate::rows::Row;
use crate::{moment, status};
use functions_shared::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A tool. In the table, `input_schema`, `output_schema`, `tags` and `auth` are JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Words in lower case joined by underscores, 3 to 64 bytes.
    pub tool_name: String,
    /// What the model is told about it.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its input.
    pub input_schema: Value,
    /// JSON Schema of its result.
    #[serde(default)]
    pub output_schema: Value,
    /// How it is reached.
    #[serde(default)]
    pub transport: Transport,
    /// Where it is, if an MCP server has it.
    #[serde(flatten)]
    pub remote: Option<Remote>,
    /// The function that runs it, or the MCP client that calls it.
    pub lambda_arn: String,
    /// That function's name.
    #[serde(default)]
    pub lambda_function_name: String,
    /// What it is written in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// What it is filed under.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether agents may have it.
    pub status: ToolStatus,
    /// What it becomes again when the registry of gateways, which has disabled it, offers it again. What a person has disabled has none,
    /// and only a person activates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<ToolStatus>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// Whether a person must agree to each call. [`Tool::needs_approval`] has the exception.
    #[serde(default)]
    pub human_approval_required: bool,
    /// Whether that holds for requests that only read, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reads_need_approval: bool,
    /// The registry holds the latest only.
    #[serde(default)]
    pub version: String,
    /// RFC 3339, UTC, to the millisecond.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// The same, of the last change.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub updated_at: String,
}

/// Whether agents may have a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolStatus {
    /// They may.
    Active,
    /// Not any more: there is another one.
    Deprecated,
    /// Not now.
    Disabled,
}

impl Row for Tool {
    const NESTED: &'static [&'static str] = &["input_schema", "output_schema", "tags", "auth"];
}

/// What tools may be called.
pub(super) const NAMES: Names = Names::Underscored;

impl Tool {
    /// The tool that `body` registers, run by a function of the same account and region as `registry`.
    pub fn registered(body: Value, registry: &FunctionArn) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(body)?;
        fields.ignore(&["created_at", "updated_at", "revision", "registered_by", "withheld"]);
        let tool_name = tool_name(&mut fields)?;
        let function = function(&mut fields, registry)?;
        let description = fields.text("description")?.unwrap_or_default();
        let input_schema = fields.nested("input_schema")?.ok_or_else(|| fields.refuse("input_schema", "is missing"))?;
        let transport = Transport::read(&mut fields)?;
        let now = moment::now();
        let tool = Self {
            transport,
            remote: Remote::read(&mut fields, transport, &tool_name, (&description, &input_schema))?,
            tool_name,
            description,
            input_schema,
            output_schema: fields.nested("output_schema")?.unwrap_or_else(|| json!({})),
            lambda_arn: function.to_string(),
            lambda_function_name: function.name,
            language: fields.text("language")?.unwrap_or_else(|| "rust".to_owned()),
            tags: tags(&mut fields)?,
            status: fields.text("status")?.map_or(Ok(ToolStatus::Active), |text| ToolStatus::read(&text))?,
            withheld: None,
            author: fields.text("author")?.unwrap_or_else(|| "system".to_owned()),
            human_approval_required: fields.truth("human_approval_required")?.unwrap_or(false),
            reads_need_approval: fields.truth("reads_need_approval")?.unwrap_or(false),
            version: fields.text("version")?.unwrap_or_else(|| "latest".to_owned()),
            created_at: now.clone(),
            updated_at: now,
        };
        check_index_key(&fields, "language", &tool.language)?;
        check_index_key(&fields, "author", &tool.author)?;
        fields.finish()?;
        Ok(tool)
    }

    /// Takes over when `earlier` was made, the row that this one is written over. `keeps_status`: also its status.
    pub(super) fn inherit(&mut self, earlier: &Self, keeps_status: bool) {
        self.created_at.clone_from(&earlier.created_at);
        if keeps_status {
            (self.status, self.withheld) = (earlier.status, earlier.withheld);
        }
    }

    /// The tool of a server that is asked by `auth` and says `said` of it. `None` if the row says so already, or is no server's.
    pub fn followed(&self, auth: &Auth, said: Option<&Described>) -> Option<Self> {
        let now = self.remote.as_ref()?;
        let mut tool = self.clone();
        let mut remote = Remote { auth: auth.clone(), ..now.clone() };
        if let Some(said) = said {
            remote.remote_digest = digest(&said.description, &said.input_schema);
            (tool.description, tool.input_schema) = (said.description.clone(), said.input_schema.clone());
        }
        if remote == *now {
            return None;
        }
        (tool.remote, tool.updated_at) = (Some(remote), moment::now());
        Some(tool)
    }
}

/// The tool that sends any request, and the methods of requests that only read.
const HTTP_REQUEST: &str = "http_request";
const READS: [&str; 2] = ["GET", "HEAD"];

impl Tool {
    /// Whether a person must agree to a call with this input. A request that only reads needs no approval, unless the row says so; only the
    /// function `tools` is trusted to read its input like this. The state machine has the same rule (`Found` in
    /// `functions/statemachines/agent.asl.json`).
    pub fn needs_approval(&self, input: &Value, tools: Option<&str>) -> bool {
        let is_request = self.tool_name == HTTP_REQUEST && tools == Some(&self.lambda_arn);
        let reads =
            || input.get("method").is_none_or(|method| method.as_str().is_some_and(|name| READS.contains(&name)));
        self.human_approval_required && (self.reads_need_approval || !(is_request && reads()))
    }
}

impl ToolStatus {
    /// Reads a status.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        status::read(text, "active, deprecated or disabled")
    }

    /// As the row holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deprecated => "deprecated",
            Self::Disabled => "disabled",
        }
    }
}

/// The name that the model calls; `tool_id`, the same in the spelling of functions, may be beside it.
fn tool_name(fields: &mut Fields) -> Result<String, Refusal> {
    let name = NAMES.required(fields, "tool_name")?;
    match Names::Hyphenated.optional(fields, "tool_id")? {
        Some(id) if id != name.replace('_', "-") => Err(fields.refuse("tool_id", "must be tool_name with hyphens")),
        _ => Ok(name),
    }
}

fn function(fields: &mut Fields, registry: &FunctionArn) -> Result<FunctionArn, Refusal> {
    let function = FunctionArn::read("lambda_arn", &fields.required_text("lambda_arn")?)?;
    if (&function.region, &function.account) != (&registry.region, &registry.account) {
        let reason = format!("must be a function of account {} in {}", registry.account, registry.region);
        return Err(fields.refuse("lambda_arn", &reason));
    }
    match fields.text("lambda_function_name")? {
        Some(name) if name != function.name => {
            Err(fields.refuse("lambda_function_name", "must be the function of lambda_arn"))
        }
        _ => Ok(function),
    }
}

fn tags(fields: &mut Fields) -> Result<Vec<String>, Refusal> {
    let list = fields.list("tags")?.unwrap_or_default();
    let texts: Option<_> = list.into_iter().map(|tag| tag.as_str().map(str::to_owned)).collect();
    texts.ok_or_else(|| fields.refuse("tags", "must be texts"))
}

/// An index refuses an empty key, and a long one.
fn check_index_key(fields: &Fields, name: &str, text: &str) -> Result<(), Refusal> {
    if (1..=256).contains(&text.len()) { Ok(()) } else { Err(fields.refuse(name, "must be 1 to 256 bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "arn:aws:lambda:eu-central-1:123456789012:function:tool-registry-dev";
    const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:tool-weather-dev";

    fn with(change: &Value) -> Result<Tool, Refusal> {
        let mut body = json!({"tool_name": "get_weather", "input_schema": {"type": "object"}, "lambda_arn": FUNCTION});
        let (Some(body_fields), Some(changes)) = (body.as_object_mut(), change.as_object()) else { panic!("objects") };
        body_fields.extend(changes.clone());
        Tool::registered(body, &FunctionArn::read("registry", REGISTRY).expect("an ARN"))
    }

    #[test]
    fn name_schema_and_function_are_enough() {
        let tool = with(&json!({})).expect("a tool");
        assert_eq!((tool.lambda_function_name.as_str(), tool.version.as_str()), ("tool-weather-dev", "latest"));
        assert_eq!((tool.status, tool.human_approval_required), (ToolStatus::Active, false));
    }

    #[test]
    fn a_request_that_only_reads_needs_no_approval_unless_the_row_says_so() {
        let of = |name: &str, reads: bool| {
            let more = json!({"human_approval_required": true, "reads_need_approval": reads});
            Tool { tool_name: name.to_owned(), ..with(&more).expect("a tool") }
        };
        let request = of("http_request", false);
        let tools = Some(request.lambda_arn.as_str());
        for (input, needs) in [
            (json!({}), false),
            (json!({"method": "GET"}), false),
            (json!({"method": "HEAD"}), false),
            (json!({"method": "POST"}), true),
            (json!({"method": "get"}), true),
            (json!({"method": null}), true),
            (json!({"method": ["GET"]}), true),
        ] {
            assert_eq!(request.needs_approval(&input, tools), needs, "{input}");
            assert!(request.needs_approval(&input, None), "another function: {input}");
            assert!(of("http_requests", false).needs_approval(&input, tools), "another tool: {input}");
            assert!(of("http_request", true).needs_approval(&input, tools), "the row says so: {input}");
            assert!(
                !with(&json!({})).expect("a tool").needs_approval(&input, tools),
                "a tool without approval: {input}"
            );
        }
    }

    #[test]
    fn a_name_is_snake_case() {
        for name in ["getWeather", "get-weather", "Get_weather", "_get", "get_", "get__weather", "g", "9get"] {
            assert_eq!(with(&json!({"tool_name": name})).unwrap_err().field(), Some("tool_name"), "{name}");
        }
    }

    #[test]
    fn an_id_is_the_name_in_kebab_case() {
        assert!(with(&json!({"tool_id": "get-weather"})).is_ok());
        for id in ["get_weather", "Get-Weather", "get-weather-", "get-wind"] {
            assert_eq!(with(&json!({"tool_id": id})).unwrap_err().field(), Some("tool_id"), "{id}");
        }
    }

    #[test]
    fn a_function_is_of_the_registrys_account_and_region() {
        for arn in [
            "arn:aws:lambda:eu-central-1:999999999999:function:f",
            "arn:aws:lambda:us-east-1:123456789012:function:f",
            "arn:aws:s3:::bucket",
            "tool-weather-dev",
        ] {
            assert_eq!(with(&json!({"lambda_arn": arn})).unwrap_err().field(), Some("lambda_arn"), "{arn}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (json!({"tool_name": null}), "tool_name: is missing"),
            (json!({"input_schema": null}), "input_schema: is missing"),
            (json!({"lambda_arn": null}), "lambda_arn: is missing"),
            (json!({"status": "on"}), "status: must be active, deprecated or disabled"),
            (json!({"tags": [1]}), "tags: must be texts"),
            (json!({"author": ""}), "author: must be 1 to 256 bytes"),
            (json!({"human_approval_required": "maybe"}), "human_approval_required: must be true or false"),
            (json!({"reads_need_approval": "maybe"}), "reads_need_approval: must be true or false"),
            (json!({"lambda_function_name": "other"}), "lambda_function_name: must be the function of lambda_arn"),
            (json!({"colour": "red"}), "colour: is not a known field"),
        ];
        for (change, reason) in cases {
            assert_eq!(with(&change).expect_err(reason).to_string(), reason);
        }
    }
}
