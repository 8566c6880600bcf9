//! Tools of this product, published as a function's. AgentCore's schemas have five keywords; what the others say goes into the
//! description, where a model reads it.

use crate::registry::Registry;
use functions_shared::Refusal;
use registries::tools::{Tool, ToolStatus};
use serde_json::{Map, Value, json};

/// `SchemaDefinition` of the service's model.
const KEYWORDS: [&str; 5] = ["type", "properties", "required", "items", "description"];
/// `SchemaType` of the service's model.
const TYPES: [&str; 6] = ["string", "number", "object", "array", "boolean", "integer"];

impl Registry {
    /// The function that answers a gateway's calls.
    pub(super) fn published_function(&self) -> Result<String, Refusal> {
        let function = self.gateway_tools.clone();
        function.ok_or_else(|| Refusal::invalid("tools", "cannot be published: the stack has no function for it"))
    }

    /// The tools as AgentCore reads them (`ToolDefinitions`), from their rows.
    pub(super) async fn published_tools(&self, names: &[String]) -> Result<String, Refusal> {
        let mut tools = vec![];
        for (index, name) in names.iter().enumerate() {
            let field = format!("tools[{index}]");
            let there = self.agents_tools.find(name).await?;
            let tool = there.map(|there| there.row).filter(|tool| tool.status == ToolStatus::Active);
            let tool = tool.ok_or_else(|| Refusal::unprocessable(&field, format!("there is no active tool {name}")))?;
            tools.push(definition(&tool));
        }
        Ok(Value::from(tools).to_string())
    }
}

/// `ToolDefinition`: name, description and schemas.
fn definition(tool: &Tool) -> Value {
    let mut definition = json!({
        "name": tool.tool_name,
        "description": if tool.description.is_empty() { &tool.tool_name } else { &tool.description },
        "inputSchema": schema(&tool.input_schema),
    });
    if tool.output_schema["type"].is_string() {
        definition["outputSchema"] = schema(&tool.output_schema);
    }
    definition
}

/// `SchemaDefinition`: what has no keyword there is said in words.
pub(crate) fn schema(schema: &Value) -> Value {
    let none = Map::new();
    let members = schema.as_object().unwrap_or(&none);
    let mut kept = Map::new();
    kept.insert("type".to_owned(), json!(kind(members)));
    if let Some(properties) = members.get("properties").and_then(Value::as_object) {
        let properties: Map<_, _> =
            properties.iter().map(|(name, member)| (name.clone(), self::schema(member))).collect();
        kept.insert("properties".to_owned(), properties.into());
    }
    if let Some(required) = members.get("required") {
        kept.insert("required".to_owned(), required.clone());
    }
    if let Some(items) = members.get("items") {
        kept.insert("items".to_owned(), self::schema(items));
    }
    if let Some(description) = description(members) {
        kept.insert("description".to_owned(), json!(description));
    }
    kept.into()
}

/// The first type that AgentCore has.
fn kind(members: &Map<String, Value>) -> &'static str {
    let named = |value: &Value| TYPES.into_iter().find(|kind| value == kind);
    match members.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find_map(named).unwrap_or("string"),
        Some(kind) => named(kind).unwrap_or("string"),
        None if members.contains_key("properties") => "object",
        None if members.contains_key("items") => "array",
        None => "string",
    }
}

/// `How many days. (minimum: 1, maximum: 7)`
fn description(members: &Map<String, Value>) -> Option<String> {
    let text = members.get("description").and_then(Value::as_str).unwrap_or_default();
    let others = members.iter().filter(|(name, _)| !KEYWORDS.contains(&name.as_str()));
    let others: Vec<_> = others.map(|(name, value)| format!("{name}: {}", said(value))).collect();
    match (text.is_empty(), others.is_empty()) {
        (true, true) => None,
        (false, true) => Some(text.to_owned()),
        (true, false) => Some(format!("({})", others.join(", "))),
        (false, false) => Some(format!("{text} ({})", others.join(", "))),
    }
}

fn said(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The stack that registers this product's tools, as the tests of templates write it down.
    const TEMPLATE: &str = include_str!("../../../../layer/tests/expected/tools.dev.json");

    #[test]
    fn what_agentcore_has_no_keyword_for_is_said_in_the_description() {
        let input = json!({"type": "object", "additionalProperties": false, "required": ["days"], "properties": {
            "days": {"type": "integer", "minimum": 1, "maximum": 7, "description": "How many days."},
            "document": {"type": "string", "format": "content"},
            "units": {"type": ["string", "null"], "enum": ["C", "F"]},
        }});
        let expected = json!({"type": "object", "description": "(additionalProperties: false)", "required": ["days"], "properties": {
            "days": {"type": "integer", "description": "How many days. (maximum: 7, minimum: 1)"},
            "document": {"type": "string", "description": "(format: content)"},
            "units": {"type": "string", "description": "(enum: [\"C\",\"F\"])"},
        }});
        let published = schema(&input);
        let sorted = |value: &Value| {
            serde_json::from_str::<std::collections::BTreeMap<String, Value>>(&value.to_string()).expect("an object")
        };
        assert_eq!(sorted(&published).keys().collect::<Vec<_>>(), sorted(&expected).keys().collect::<Vec<_>>());
        for name in ["document", "units"] {
            assert_eq!(published["properties"][name], expected["properties"][name]);
        }
        let days = published["properties"]["days"]["description"].as_str().expect("text");
        assert!(
            days.starts_with("How many days. (") && days.contains("minimum: 1") && days.contains("maximum: 7"),
            "{days}"
        );
    }

    /// The keywords of this product's own tools that AgentCore lacks. A new one is a decision: is it understood in words?
    #[test]
    fn the_keywords_that_move_are_these() {
        let mut found = BTreeSet::new();
        let template: Value = serde_json::from_str(TEMPLATE).expect("JSON");
        let resources = template["Resources"].as_object().into_iter().flatten().map(|(_, resource)| resource);
        for tool in resources.filter(|resource| resource["Type"] == "Custom::Tool") {
            for name in ["input_schema", "output_schema"] {
                let schema = &tool["Properties"][name];
                let schema =
                    schema.as_str().map_or_else(|| schema.clone(), |text| serde_json::from_str(text).expect("JSON"));
                keywords(&schema, &mut found);
            }
        }
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["additionalProperties", "format", "maximum", "minimum"]);
    }

    fn keywords(schema: &Value, found: &mut BTreeSet<String>) {
        for (name, value) in schema.as_object().into_iter().flatten() {
            match name.as_str() {
                "properties" => value.as_object().into_iter().flatten().for_each(|(_, member)| keywords(member, found)),
                "items" => keywords(value, found),
                name if !KEYWORDS.contains(&name) => drop(found.insert(name.to_owned())),
                _ => {}
            }
        }
    }
}
