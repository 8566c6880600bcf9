//! Which functions the tasks of a definition invoke.

use serde_json::Value;

const INVOKE: &str = "arn:aws:states:::lambda:invoke";
const FUNCTION: &str = ":function:";

/// The first task that invokes none of the functions that are known: its state's name, and the function. A function that is found only
/// when the state runs is not looked at, and neither is a definition that is no JSON, which the interpreter refuses.
pub(super) fn invoking_unknown(definition: &str, known: &[String]) -> Option<(String, String)> {
    let document = serde_json::from_str(definition).unwrap_or_default();
    unknown_in("", &document, known)
}

fn unknown_in(name: &str, part: &Value, known: &[String]) -> Option<(String, String)> {
    match part {
        Value::Object(members) => {
            let unknown = function_of(part).filter(|function| !known.iter().any(|one| one == function));
            let found = unknown.map(|function| (name.to_owned(), function.to_owned()));
            found.or_else(|| members.iter().find_map(|(name, member)| unknown_in(name, member, known)))
        }
        Value::Array(elements) => elements.iter().find_map(|element| unknown_in(name, element, known)),
        _ => None,
    }
}

/// The name of the function that a state invokes.
fn function_of(state: &Value) -> Option<&str> {
    let resource = state.get("Resource")?.as_str()?;
    let reference = match resource.strip_prefix(INVOKE) {
        Some(_) => state.get("Parameters")?.get("FunctionName")?.as_str()?,
        None => resource.contains(FUNCTION).then_some(resource)?,
    };
    let name = reference.split_once(FUNCTION).map_or(reference, |(_, name)| name);
    name.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unknown(state: &Value) -> Option<(String, String)> {
        let branch = json!({ "StartAt": "Ask", "States": { "Ask": state } });
        let outer = json!({ "StartAt": "Both", "States": { "Both": { "Type": "Parallel", "Branches": [branch] } } });
        invoking_unknown(&outer.to_string(), &["reader".to_owned()])
    }

    fn named(function: &str) -> Value {
        json!({ "Type": "Task", "Resource": format!("{INVOKE}.waitForTaskToken"), "Parameters": { "FunctionName": function } })
    }

    #[test]
    fn a_task_of_a_function_that_is_not_there_is_found() {
        let missing = Some(("Ask".to_owned(), "raeder".to_owned()));
        assert_eq!(unknown(&named("raeder")), missing);
        assert_eq!(unknown(&named("arn:aws:lambda:us-east-1:123456789012:function:raeder:live")), missing);
        assert_eq!(unknown(&json!({ "Resource": "arn:aws:lambda:us-east-1:123456789012:function:raeder" })), missing);
    }

    #[test]
    fn known_functions_and_those_that_a_path_names_pass() {
        assert_eq!(unknown(&named("reader")), None);
        assert_eq!(unknown(&json!({ "Resource": INVOKE, "Parameters": { "FunctionName.$": "$.f" } })), None);
        assert_eq!(unknown(&json!({ "Resource": "arn:aws:states:::dynamodb:getItem" })), None);
        assert_eq!(invoking_unknown("no JSON", &[]), None);
    }
}
