//! The template registers the tools as the program describes them: a stack cannot ask the program.

use serde_json::Value;

const TEMPLATE: &str = include_str!("../../stacks/tools.yaml");

/// The single-quoted text of a property in the registration of a tool.
fn registered(tool: &str, property: &str) -> String {
    let (_, registration) = TEMPLATE.split_once(&format!("tool_name: {tool}\n")).expect("a registration");
    let (_, rest) = registration.split_once(&format!(" {property}: '")).expect("the property");
    rest.split_once("'\n").expect("one line").0.replace("''", "'")
}

#[test]
fn every_tool_is_registered_as_it_describes_itself() {
    let tools = tool::description();
    let tools = tools.as_array().expect("a list");
    assert_eq!(TEMPLATE.matches("Type: Custom::Tool").count(), tools.len());
    for tool in tools {
        let name = tool["name"].as_str().expect("a name");
        assert_eq!(registered(name, "description"), tool["description"].as_str().expect("a text"));
        for schema in ["input_schema", "output_schema"] {
            let registered: Value = serde_json::from_str(&registered(name, schema)).expect("JSON");
            assert_eq!(registered, tool[schema], "{schema} of {name}");
        }
    }
}
