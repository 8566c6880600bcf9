//! What follows from what the model says: the rules of the state machine (`functions/statemachines/agent.asl.json`, from `Call LLM` on),
//! without its waiting. `tests/kit/src/scenarios.json` has the cases that both pass.

use crate::limits::Limits;
use model::budget::BudgetError;
use model::{CallError, FunctionCall, Reply, ToolChoice};
use serde::Serialize;
use serde_json::Value;

/// What the model calls to answer in the form of a schema.
pub(crate) const PRINT_OUTPUT: &str = "print_output";
/// So many calls of tools of one answer are run.
pub(crate) const MOST_AT_ONCE: usize = 5;
/// An answer that calls more tools is not one to go on with.
const MOST_CALLS_OF_AN_ANSWER: usize = 32;
/// The most that any row may allow: a turn here is as long as an execution there.
const MOST_ITERATIONS: u64 = 100;
const MOST_CALLS: u64 = 180;
/// Tokens of an answer for which the rest of the day's budget may be enough.
const SHORT: u64 = 1024;

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The model has answered.
    Completed,
    /// The model's last answer is not whole: `stop_reason` says why.
    Stopped,
    /// The model has answered because no further call of tools was allowed.
    IterationLimit,
    /// The time was over; the answer is the model's newest text.
    TimedOut,
    /// The day's budget is used up.
    BudgetExceeded,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The model is asked.
    Ask,
    /// The tools are run that the model calls; then it is asked.
    RunTools,
    /// The turn is over.
    End(Status),
}

/// What a turn knows between two calls of the model.
#[derive(Debug)]
pub(crate) struct Progress {
    limits: Limits,
    /// Whether the model may answer in the form of a schema.
    prints: bool,
    /// Seconds since 1970 after which nothing is begun, whatever the row says.
    latest: u64,
    deadline: Option<u64>,
    ending: Option<Status>,
    calls: u64,
    /// How the model is asked next.
    pub(crate) max_tokens: u64,
    pub(crate) tool_choice: Option<ToolChoice>,
    /// What was taken and said so far.
    pub(crate) iterations: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cost_micro_usd: u64,
    pub(crate) stop_reason: Option<String>,
    pub(crate) answer: String,
    /// What [`PRINT_OUTPUT`] was called with.
    pub(crate) output: Option<Value>,
    pub(crate) references: Vec<String>,
    /// Why the first call was not let through that was not.
    pub(crate) over_budget: Option<BudgetError>,
}

impl Progress {
    /// Nothing was said yet. `latest`: seconds since 1970.
    pub(crate) fn new(limits: Limits, prints: bool, latest: u64) -> Self {
        Self {
            max_tokens: limits.max_tokens,
            limits,
            prints,
            latest,
            deadline: None,
            ending: None,
            calls: 0,
            tool_choice: None,
            iterations: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost_micro_usd: 0,
            stop_reason: None,
            answer: String::new(),
            output: None,
            references: Vec::new(),
            over_budget: None,
        }
    }

    /// What comes after an answer of the model.
    pub(crate) fn after(&mut self, reply: &Reply) -> Step {
        self.count(reply);
        let deadline = self.deadline(reply.metadata.completed_at);
        let calls = &reply.function_calls;
        let is_whole = matches!(reply.metadata.stop_reason.as_str(), "end_turn" | "stop_sequence" | "tool_use");
        if !is_whole || calls.len() > MOST_CALLS_OF_AN_ANSWER {
            return Step::End(Status::Stopped);
        }
        if let Some(printed) = calls.iter().find(|call| call.name == PRINT_OUTPUT) {
            self.output = Some(printed.input.clone());
            return Step::End(Status::Completed);
        }
        if let Some(ending) = self.ending {
            return Step::End(ending);
        }
        if reply.metadata.stop_reason != "tool_use" && calls.is_empty() {
            return Step::End(Status::Completed);
        }
        if reply.metadata.completed_at >= deadline {
            return Step::End(Status::TimedOut);
        }
        self.end_at_the_limit();
        Step::RunTools
    }

    /// What comes after a call without an answer, if the turn does not fail with it.
    pub(crate) fn after_error(&mut self, error: &CallError) -> Option<Step> {
        if let CallError::BudgetExceeded(error) = error {
            self.over_budget.get_or_insert_with(|| error.clone());
        }
        match error {
            CallError::BudgetExceeded(_) if self.ending.is_none() && self.max_tokens > SHORT => {
                self.ending = Some(Status::BudgetExceeded);
                self.tool_choice = Some(ToolChoice::None);
                self.max_tokens = SHORT;
                Some(Step::Ask)
            }
            CallError::BudgetExceeded(_) => Some(Step::End(Status::BudgetExceeded)),
            CallError::ContextOverflow { .. } => {
                self.stop_reason = Some("context_overflow".to_owned());
                Some(Step::End(Status::Stopped))
            }
            _ => None,
        }
    }

    /// How the row wants the model to be asked.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn count(&mut self, reply: &Reply) {
        let used = &reply.metadata.tokens_used;
        self.iterations += 1;
        self.calls += reply.function_calls.len() as u64;
        self.input_tokens += used.input_tokens;
        self.output_tokens += used.output_tokens;
        self.cost_micro_usd += reply.metadata.cost_micro_usd;
        self.stop_reason = Some(reply.metadata.stop_reason.clone());
        self.answer.clone_from(&reply.text);
        self.references.clone_from(&reply.references);
    }

    /// The row's time begins with the model's first answer.
    fn deadline(&mut self, now: u64) -> u64 {
        let of_the_row = *self.deadline.get_or_insert(now.saturating_add(self.limits.timeout_seconds));
        of_the_row.min(self.latest)
    }

    /// The next call of the model is the last one where the limit is reached. The model may still call [`PRINT_OUTPUT`] in it.
    fn end_at_the_limit(&mut self) {
        let most = self.limits.max_iterations.min(MOST_ITERATIONS);
        if self.iterations >= most || self.calls >= MOST_CALLS {
            self.ending = Some(Status::IterationLimit);
            if !self.prints {
                self.tool_choice = Some(ToolChoice::None);
            }
        }
    }
}

/// Why a call of a tool is not run, in words for the model.
pub(crate) fn too_many() -> String {
    "Only five tools run in one turn. Call this one again in the next.".to_owned()
}

/// The same of a tool that the agent does not offer.
pub(crate) fn unknown(call: &FunctionCall) -> String {
    format!("There is no tool {} for this agent.", call.name)
}
