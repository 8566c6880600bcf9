//! What an agent's row says about a turn: how long it may be, and how the model is asked.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The `parameters` of an agent's row. What a row leaves out is as in the state machine.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// Calls of the model that may be followed by tools. One more, without tools, gives the answer.
    pub(crate) max_iterations: u64,
    /// Seconds from the model's first answer to the last call of tools.
    pub(crate) timeout_seconds: u64,
    /// Tokens that the model may write in one answer.
    pub(crate) max_tokens: u64,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) reasoning_effort: Option<String>,
    pub(crate) stop_sequences: Option<Vec<String>>,
    pub(crate) service_tier: Option<String>,
    /// `workflow`: questions go to the state machine unless they say otherwise.
    pub(crate) mode: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_iterations: 10,
            timeout_seconds: 300,
            max_tokens: 4096,
            temperature: None,
            top_p: None,
            reasoning_effort: None,
            stop_sequences: None,
            service_tier: None,
            mode: None,
        }
    }
}

impl Limits {
    /// Reads the parameters of a row. Those of other purposes are left alone, and so is `null`.
    pub(crate) fn of(parameters: &Map<String, Value>) -> Result<Self, serde_json::Error> {
        let given = parameters.iter().filter(|(_, value)| !value.is_null());
        let given = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        serde_json::from_value(Value::Object(given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn limits(parameters: Value) -> Limits {
        let Value::Object(parameters) = parameters else { panic!("an object") };
        Limits::of(&parameters).expect("limits")
    }

    #[test]
    fn what_a_row_leaves_out_is_as_in_the_state_machine() {
        let read = limits(json!({"max_iterations": 4, "temperature": 0.3, "max_tokens": null, "colour": "red"}));
        assert_eq!(read, Limits { max_iterations: 4, temperature: Some(0.3), ..Limits::default() });
    }
}
