//! An agent as the registry holds it: which prompt, which model, which tools, and with what limits.

use super::version::Version;
use crate::fields::Fields;
use crate::names::Names;
use crate::rows::Row;
use crate::{moment, status};
use functions_shared::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One version of an agent. In the table, `tools`, `parameters`, `observability` and `metadata` are JSON text; an empty text
/// may be the key of an index, which DynamoDB refuses, so that none is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Words in lower case joined by hyphens, 3 to 50 bytes.
    pub agent_name: String,
    /// Unique among the agent's.
    pub version: Version,
    /// Whether it is in use.
    pub status: AgentStatus,
    /// What the model is told first.
    pub system_prompt: String,
    /// What the agent is for.
    #[serde(default)]
    pub description: String,
    /// Whose model; with `llm_model` the key of a row of models.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub llm_provider: String,
    /// Which model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub llm_model: String,
    /// What the agent may call.
    #[serde(default)]
    pub tools: Vec<AgentTool>,
    /// Limits of a run, how the model is asked, and whatever else the agent needs.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Where its logs, metrics and traces go.
    #[serde(default)]
    pub observability: Map<String, Value>,
    /// Who made it, and what it is filed under.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// The stage.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub deployment_env: String,
    /// RFC 3339, UTC, to the millisecond.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// The same, of the last change.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub updated_at: String,
}

/// Whether a version is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentStatus {
    /// May be the one that runs.
    Active,
    /// Is tried out, and runs only where it is named.
    Testing,
    /// Is not to be used any more.
    Deprecated,
}

/// A tool that an agent may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentTool {
    /// Its name in the registry of tools.
    pub tool_name: String,
    /// Off: it stays in the list and is not given to the model.
    pub enabled: bool,
    /// The registry of tools holds the latest only.
    pub version: String,
    /// Of [`PRINT_OUTPUT`] alone, which needs no function: the JSON Schema of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
}

impl Row for Agent {
    const NESTED: &'static [&'static str] = &["tools", "parameters", "observability", "metadata"];
}

/// What an agent has that names none, from the function's variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDefaults {
    /// The stage of the registry.
    pub stage: String,
    /// Whose model.
    pub llm_provider: String,
    /// Which model.
    pub llm_model: String,
}

/// What agents may be called.
pub(super) const NAMES: Names = Names::Hyphenated;
/// One request reads the rows of so many tools.
const MAX_TOOLS: usize = 100;
/// What the model calls to answer in the form of a schema.
const PRINT_OUTPUT: &str = "print_output";
/// An execution has 25,000 events at most, and a turn may take dozens: `local/tests/agent/events.rs` counts them.
const MAX_ITERATIONS: u64 = 100;
/// As in the state machine and the template.
const DEFAULT_ITERATIONS: u64 = 10;
/// Bytes of JSON that prompt and tools may take in a state, beside the conversation and the results of a turn.
pub const MAX_INSTRUCTIONS: usize = 65_536;

impl Agent {
    /// The agent that `body` registers.
    ///
    /// Besides the row's own names it takes those of an agent's stack: `tool_configs` for `tools`, and `llm_config` for model
    /// and parameters.
    pub fn registered(body: Value, defaults: &AgentDefaults) -> Result<Self, Refusal> {
        let mut fields = Fields::of_body(with_stack_names_replaced(body)?)?;
        fields.ignore(&["created_at", "updated_at", "resolved_version", "revision", "registered_by"]);
        let now = moment::now();
        let agent = Self {
            agent_name: NAMES.required(&mut fields, "agent_name")?,
            version: fields.text("version")?.map_or(Ok(Version::first()), |text| Version::read("version", &text))?,
            status: fields.text("status")?.map_or(Ok(AgentStatus::Active), |text| AgentStatus::read(&text))?,
            system_prompt: fields.required_text("system_prompt")?,
            description: fields.required_text("description")?,
            llm_provider: model_part(&mut fields, "llm_provider", &defaults.llm_provider)?,
            llm_model: model_part(&mut fields, "llm_model", &defaults.llm_model)?,
            tools: tools(fields.list("tools")?.unwrap_or_default())?,
            parameters: parameters(fields.object("parameters")?.unwrap_or_default())?,
            observability: over(observability_defaults(), fields.object("observability")?),
            metadata: over(metadata_defaults(), fields.object("metadata")?),
            deployment_env: deployment_env(&mut fields, &defaults.stage)?,
            created_at: now.clone(),
            updated_at: now,
        };
        fields.finish()?;
        Ok(agent)
    }

    /// The version that follows when `changes` are made to this one: its successor unless `version` names another, and active
    /// unless the changes say otherwise. Objects are changed member by member.
    pub fn changed(&self, version: Option<Version>, changes: Value, defaults: &AgentDefaults) -> Result<Self, Refusal> {
        let changes = Fields::at("changes", with_stack_names_replaced(changes)?)?;
        let Ok(Value::Object(mut body)) = serde_json::to_value(self) else {
            return Err(Refusal::Unavailable("the base version cannot be read".to_owned()));
        };
        body.insert("version".to_owned(), json!(version.unwrap_or_else(|| self.version.successor())));
        body.remove("status");
        for fixed in ["agent_name", "version", "created_at", "updated_at"] {
            changes.must_not_hold(fixed)?;
        }
        for (name, change) in changes.rest() {
            let new = merged(body.remove(&name), change);
            body.insert(name, new);
        }
        Self::registered(Value::Object(body), defaults)
    }

    /// Whether it is in use and calls the tool.
    pub fn uses(&self, tool: &str) -> bool {
        self.status == AgentStatus::Active && self.enabled_tools().any(|name| name == tool)
    }

    /// What the prompt, and the tools that have their schema here, take in a state: bytes of JSON.
    pub fn instructions(&self) -> usize {
        let schemas = self.tools.iter().filter(|tool| tool.enabled).filter_map(|tool| tool.input_schema.as_ref());
        json!(self.system_prompt).to_string().len() + schemas.map(|schema| schema.to_string().len()).sum::<usize>()
    }

    /// The tools that the model is given.
    pub fn enabled_tools(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().filter(|tool| tool.enabled).map(|tool| tool.tool_name.as_str())
    }
}

impl AgentStatus {
    /// Reads a status.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        status::read(text, "active, testing or deprecated")
    }

    /// As the row holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Testing => "testing",
            Self::Deprecated => "deprecated",
        }
    }
}

/// Provider and model are joined by `#` to the key of a row.
fn model_part(fields: &mut Fields, name: &str, default: &str) -> Result<String, Refusal> {
    let text = fields.text(name)?.unwrap_or_else(|| default.to_owned());
    let fits = (1..=256).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != '#');
    if fits { Ok(text) } else { Err(fields.refuse(name, "must be 1 to 256 visible characters without #")) }
}

fn deployment_env(fields: &mut Fields, stage: &str) -> Result<String, Refusal> {
    let text = fields.text("deployment_env")?.unwrap_or_else(|| stage.to_owned());
    let fits = (2..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if fits {
        Ok(text)
    } else {
        Err(fields.refuse("deployment_env", "must be 2 to 20 letters in lower case and digits"))
    }
}

fn tools(list: Vec<Value>) -> Result<Vec<AgentTool>, Refusal> {
    if list.len() > MAX_TOOLS {
        return Err(Refusal::invalid("tools", format!("must be at most {MAX_TOOLS}")));
    }
    let mut tools: Vec<AgentTool> = Vec::new();
    for (index, entry) in list.into_iter().enumerate() {
        let place = format!("tools[{index}]");
        let tool = AgentTool::read(&place, entry)?;
        if tools.iter().any(|known| known.tool_name == tool.tool_name) {
            return Err(Refusal::invalid(format!("{place}.tool_name"), "is in the list twice"));
        }
        tools.push(tool);
    }
    Ok(tools)
}

impl AgentTool {
    /// A tool's name alone is the tool, enabled.
    fn read(place: &str, entry: Value) -> Result<Self, Refusal> {
        let entry = if entry.is_string() { json!({ "tool_name": entry }) } else { entry };
        let mut fields = Fields::at(place, entry)?;
        let tool = Self {
            tool_name: fields.required_text("tool_name")?,
            enabled: fields.truth("enabled")?.unwrap_or(true),
            version: fields.text("version")?.unwrap_or_else(|| "latest".to_owned()),
            input_schema: fields.object("input_schema")?.map(Value::Object),
        };
        fields.finish()?;
        if tool.input_schema.is_some() && tool.tool_name != PRINT_OUTPUT {
            let reason = format!("must be left out: the registry of tools has it (except for {PRINT_OUTPUT})");
            return Err(Refusal::invalid(format!("{place}.input_schema"), reason));
        }
        Ok(tool)
    }
}

/// Three that every run has, and those that are given. What is not given about the model is not sent to it: some refuse even the usual.
fn parameters(object: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut fields = Fields::at("parameters", Value::Object(object))?;
    let known = json!({
        "max_iterations": fields.whole_number("max_iterations", &(1..=MAX_ITERATIONS))?.unwrap_or(DEFAULT_ITERATIONS),
        "timeout_seconds": fields.whole_number("timeout_seconds", &(1..=86_400))?.unwrap_or(300),
        "max_tokens": fields.whole_number("max_tokens", &(1..=1_000_000))?.unwrap_or(4096),
    });
    let given = json!({
        "approval_timeout_seconds": fields.whole_number("approval_timeout_seconds", &(1..=604_800))?,
        "temperature": fields.number("temperature", &(0.0..=2.0))?,
        "top_p": fields.number("top_p", &(0.0..=1.0))?,
        "reasoning_effort": fields.text("reasoning_effort")?,
        "service_tier": fields.text("service_tier")?,
        "stop_sequences": fields.list("stop_sequences")?,
    });
    let mut parameters = over(known, Fields::at("parameters", given).map(|given| Some(given.rest()))?);
    parameters.extend(fields.rest());
    Ok(parameters)
}

fn observability_defaults() -> Value {
    json!({ "metrics_namespace": "AI-Agents", "trace_enabled": true, "log_level": "INFO" })
}

fn metadata_defaults() -> Value {
    json!({ "created_by": "system", "tags": [] })
}

/// The members of `object` over those of `defaults`.
fn over(defaults: Value, object: Option<Map<String, Value>>) -> Map<String, Value> {
    match merged(Some(defaults), Value::Object(object.unwrap_or_default())) {
        Value::Object(merged) => merged,
        _ => Map::new(),
    }
}

/// `change` in place of `old`; the members of an object in place of those of an object.
fn merged(old: Option<Value>, change: Value) -> Value {
    match (old, change) {
        (Some(Value::Object(mut old)), Value::Object(change)) => {
            old.extend(change);
            Value::Object(old)
        }
        (_, change) => change,
    }
}

/// `tool_configs` and `llm_config` as the row has them.
fn with_stack_names_replaced(body: Value) -> Result<Value, Refusal> {
    let Value::Object(mut body) = body else { return Ok(body) };
    if let Some(tools) = body.remove("tool_configs") {
        insert_once(&mut body, "tools", tools, "tool_configs")?;
    }
    if let Some(config) = Fields::of_body(json!({ "llm_config": body.remove("llm_config") }))?.object("llm_config")? {
        let mut config = Fields::at("llm_config", Value::Object(config))?;
        for (name, field) in [("provider", "llm_provider"), ("model", "llm_model")] {
            let Some(text) = config.text(name)? else { continue };
            insert_once(&mut body, field, Value::String(text), &format!("llm_config.{name}"))?;
        }
        let parameters = config.rest();
        if !parameters.is_empty() {
            insert_once(&mut body, "parameters", Value::Object(parameters), "llm_config")?;
        }
    }
    Ok(Value::Object(body))
}

fn insert_once(body: &mut Map<String, Value>, name: &str, value: Value, spelling: &str) -> Result<(), Refusal> {
    match body.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Refusal::invalid(spelling, format!("says the same as {name}, leave one of them out"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> AgentDefaults {
        AgentDefaults { stage: "dev".into(), llm_provider: "anthropic".into(), llm_model: "model-1".into() }
    }

    fn with(change: &Value) -> Result<Agent, Refusal> {
        let body = json!({"agent_name": "golf-agent", "system_prompt": "You are …", "description": "Plays golf"});
        Agent::registered(merged(Some(body), change.clone()), &defaults())
    }

    #[test]
    fn three_fields_are_enough() {
        let agent = with(&json!({})).expect("an agent");
        assert_eq!((agent.version, agent.status), (Version::first(), AgentStatus::Active));
        assert_eq!((agent.llm_provider.as_str(), agent.deployment_env.as_str()), ("anthropic", "dev"));
        let limits = json!({"max_iterations": 10, "timeout_seconds": 300, "max_tokens": 4096});
        assert_eq!(Value::Object(agent.parameters), limits);
    }

    #[test]
    fn what_is_said_about_the_model_is_kept_and_nothing_else_is_made_up() {
        let given = json!({"temperature": "0.5", "reasoning_effort": "low", "stop_sequences": ["END"], "own": [1]});
        let agent = with(&json!({"parameters": given})).expect("an agent");
        assert_eq!((&agent.parameters["temperature"], &agent.parameters["own"]), (&json!(0.5), &json!([1])));
        assert_eq!(agent.parameters["reasoning_effort"], "low");
        assert_eq!(agent.parameters.get("top_p"), None);
    }

    #[test]
    fn an_answers_schema_stands_with_print_output_alone() {
        let tools = json!([{"tool_name": "print_output", "input_schema": "{\"type\":\"object\"}"}, "get_weather"]);
        let agent = with(&json!({"tools": tools})).expect("an agent");
        assert_eq!(agent.tools[0].input_schema, Some(json!({"type": "object"})));
        let refusal = with(&json!({"tools": [{"tool_name": "get_weather", "input_schema": {}}]})).unwrap_err();
        assert_eq!(refusal.field(), Some("tools[0].input_schema"));
    }

    #[test]
    fn instructions_weigh_as_their_json() {
        let tools = json!([{"tool_name": "print_output", "input_schema": {"a": 1}}]);
        let agent = with(&json!({"system_prompt": "a\nb", "tools": tools})).expect("an agent");
        assert_eq!(agent.instructions(), r#""a\nb""#.len() + r#"{"a":1}"#.len());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (json!({"agent_name": null}), "agent_name: is missing"),
            (json!({"system_prompt": ""}), "system_prompt: must not be empty"),
            (json!({"description": 1}), "description: must be text"),
            (json!({"version": "1.0"}), "version: must be a version such as v1.0"),
            (json!({"status": "on"}), "status: must be active, testing or deprecated"),
            (json!({"tools": {}}), "tools: must be a list"),
            (json!({"tools": "["}), "tools: is not JSON: line 1, column 1"),
            (json!({"tools": [{"enabled": true}]}), "tools[0].tool_name: is missing"),
            (json!({"tools": ["a", "a"]}), "tools[1].tool_name: is in the list twice"),
            (
                json!({"parameters": {"max_iterations": 0}}),
                "parameters.max_iterations: must be a whole number from 1 to 100",
            ),
            (json!({"parameters": {"temperature": "hot"}}), "parameters.temperature: must be a number from 0 to 2"),
            (json!({"llm_model": "a#b"}), "llm_model: must be 1 to 256 visible characters without #"),
            (json!({"sytem": ""}), "sytem: is not a known field"),
        ];
        for (change, reason) in cases {
            assert_eq!(with(&change).expect_err(reason).to_string(), reason);
        }
    }

    #[test]
    fn a_name_is_words_with_hyphens() {
        for name in ["Golf", "golf_agent", "-golf", "golf-", "g", "go--lf", "9golf"] {
            assert_eq!(with(&json!({"agent_name": name})).unwrap_err().field(), Some("agent_name"), "{name}");
        }
    }

    #[test]
    fn a_stack_may_say_tool_configs_and_llm_config() {
        let config = json!({"provider": "openai", "model": "model-2", "max_tokens": 9});
        let agent = with(&json!({"tool_configs": ["http_get"], "llm_config": config})).expect("an agent");
        assert_eq!((agent.llm_provider.as_str(), agent.llm_model.as_str()), ("openai", "model-2"));
        assert_eq!(
            (agent.parameters["max_tokens"].as_u64(), agent.enabled_tools().next()),
            (Some(9), Some("http_get"))
        );
        assert!(with(&json!({"tool_configs": [], "tools": []})).is_err());
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let base = with(&json!({"status": "deprecated", "parameters": {"max_tokens": 9}})).expect("an agent");
        let next = base.changed(None, json!({"parameters": {"max_iterations": 7}}), &defaults()).expect("an agent");
        assert_eq!((next.version.to_string().as_str(), next.status), ("v1.1", AgentStatus::Active));
        assert_eq!(next.parameters["max_tokens"], 9);
        assert_eq!(next.parameters["max_iterations"], 7);
        assert_eq!(next.system_prompt, base.system_prompt);
    }

    #[test]
    fn a_change_keeps_the_name() {
        let base = with(&json!({})).expect("an agent");
        let refusal = base.changed(None, json!({"agent_name": "other"}), &defaults()).unwrap_err();
        assert_eq!(refusal.to_string(), "changes.agent_name: cannot be changed");
    }
}
