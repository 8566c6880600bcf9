//! A conversation that somebody wrote beforehand, played by the model's row: for tests, and for a demo without a key.
//!
//! The row's `script` is a JSON list of steps; which one is next is told by how often the assistant has spoken. In a step's
//! texts, `{{question}}` is replaced by the first text of the user and `{{handle}}` by the newest handle in a tool's result, so
//! that a script can hand one tool's long output to the next, as a model would. `{{document}}` is that handle, or the newest result
//! itself if it is short; `{{answer}}` are sentences of the newest result that have words of the question.

use super::dialect::Unreadable;
use crate::attempt::Answered;
use crate::call::Said;
use crate::conversation::Part;
use crate::extract;
use crate::handles;
use crate::message::{Block, ToolUse};
use crate::prices::Tokens;
use crate::prompt::{Prompt, tokens_of};
use serde::Deserialize;
use serde_json::Value;

/// What the assistant says in one of its turns.
#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    text: String,
    #[serde(default)]
    tool_calls: Vec<ScriptedCall>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
    /// For so many turns.
    #[serde(default = "once")]
    repeat: usize,
}

#[derive(Deserialize)]
struct ScriptedCall {
    name: String,
    #[serde(default)]
    input: Value,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
}

fn once() -> usize {
    1
}

/// What `script` answers to `prompt`.
pub(crate) fn play(script: &str, prompt: &Prompt<'_>) -> Result<Answered, Unreadable> {
    let steps: Vec<Step> =
        serde_json::from_str(script).map_err(|_| Unreadable::new("its script is not a JSON list of steps"))?;
    let last = Step {
        text: "The script ends here.".to_owned(),
        tool_calls: vec![],
        stop_reason: None,
        usage: None,
        repeat: 1,
    };
    let step = step_at(steps, prompt.spoken).unwrap_or(last);
    let blocks = blocks(&step, prompt.spoken, &Blanks::of(prompt))?;
    let reason = if step.tool_calls.is_empty() { "end_turn" } else { "tool_use" };
    let (input, output) = step
        .usage
        .map_or_else(|| (prompt.input_tokens(), written(&blocks)), |usage| (usage.input_tokens, usage.output_tokens));
    let said = Said { stop_reason: step.stop_reason.unwrap_or_else(|| reason.to_owned()), blocks };
    Ok(Answered { said, tokens: Some(Tokens { input, output, ..Tokens::default() }) })
}

fn step_at(steps: Vec<Step>, mut turn: usize) -> Option<Step> {
    steps.into_iter().find(|step| {
        let is_on = turn < step.repeat;
        turn = turn.saturating_sub(step.repeat);
        is_on
    })
}

fn blocks(step: &Step, spoken: usize, blanks: &Blanks<'_>) -> Result<Vec<Block>, Unreadable> {
    let text = blanks.fill(&step.text)?;
    let mut blocks: Vec<Block> = (!text.is_empty()).then_some(Block::Text { text, opaque: None }).into_iter().collect();
    for (index, call) in step.tool_calls.iter().enumerate() {
        let input = blanks.fill_all(&call.input)?;
        let id = format!("scripted-{spoken}-{index}");
        let name = call.name.clone();
        blocks.push(Block::ToolUse(ToolUse { id, name, input, not_run: None, opaque: None, thought_signature: None }));
    }
    Ok(blocks)
}

fn written(blocks: &[Block]) -> u64 {
    let bytes = blocks.iter().map(|block| match block {
        Block::Text { text, .. } => text.len(),
        Block::ToolUse(call) => call.name.len() + call.input.to_string().len(),
        _ => 0,
    });
    tokens_of(bytes.sum())
}

/// What a script leaves open.
struct Blanks<'a> {
    question: Option<&'a str>,
    handle: Option<String>,
    /// The newest result of a tool.
    result: Option<String>,
}

impl<'a> Blanks<'a> {
    fn of(prompt: &Prompt<'a>) -> Self {
        let parts = || prompt.turns.iter().filter(|turn| !turn.is_assistant).flat_map(|turn| &turn.parts);
        let question = parts().find_map(|part| if let Part::Text(text, _) = part { Some(*text) } else { None });
        let results =
            parts().filter_map(|part| if let Part::ToolResult(result) = part { Some(result.text()) } else { None });
        let newest_first: Vec<_> = results.rev().collect();
        let handle = newest_first.iter().find_map(|text| handles::in_text(text).last().map(str::to_owned));
        Self { question, handle, result: newest_first.into_iter().next().map(std::borrow::Cow::into_owned) }
    }

    fn fill(&self, text: &str) -> Result<String, Unreadable> {
        let missing = |blank| move || Unreadable::new(format!("its script asks for a {blank}, and there is none"));
        let mut text = text.to_owned();
        let document = self.handle.as_deref().or(self.result.as_deref());
        let answer =
            self.question.zip(self.result.as_deref()).map(|(question, result)| extract::answer(question, result));
        // What others wrote comes last, so that no mark in it is replaced.
        for (mark, blank, value) in [
            ("{{handle}}", "handle", self.handle.as_deref()),
            ("{{question}}", "question", self.question),
            ("{{document}}", "result of a tool", document),
            ("{{answer}}", "result of a tool", answer.as_deref()),
        ] {
            if text.contains(mark) {
                text = text.replace(mark, value.ok_or_else(missing(blank))?);
            }
        }
        Ok(text)
    }

    fn fill_all(&self, value: &Value) -> Result<Value, Unreadable> {
        match value {
            Value::Null => Ok(Value::Object(serde_json::Map::new())),
            Value::String(text) => self.fill(text).map(Value::String),
            Value::Array(values) => values.iter().map(|value| self.fill_all(value)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| Ok((name.clone(), self.fill_all(value)?))).collect()
            }
            other => Ok(other.clone()),
        }
    }
}
