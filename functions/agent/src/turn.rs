//! One turn: a question, calls of the model and of tools, and an answer.

use crate::events::{Event, Watchers};
use crate::invocation::Invoking;
use crate::limits::Limits;
use crate::model_call::Answering;
use crate::progress::{Progress, Status, Step};
use crate::results::Results;
use crate::tools::{Calls, Tools};
use model::{Block, Call, CallError, Content, FunctionCall, Message, ProviderConfig, Reply, Role, ToolResult};
use registries::agents::Agent;
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

/// What an agent is made of in one turn.
#[derive(Debug)]
pub(crate) struct Makeup {
    pub(crate) agent: Agent,
    pub(crate) limits: Limits,
    pub(crate) tools: Tools,
}

/// Who does what a turn needs done.
pub(crate) struct Turn<'a, M, F> {
    pub(crate) makeup: &'a Makeup,
    pub(crate) model: &'a M,
    pub(crate) functions: &'a F,
    pub(crate) results: &'a Results,
    pub(crate) tool_function: Option<&'a str>,
    pub(crate) watchers: &'a Watchers,
    /// The turn's name.
    pub(crate) key: &'a str,
    /// When it has to be over.
    pub(crate) until: Instant,
}

/// What a turn came to.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How it ended, or the error with which a call of the model failed.
    pub(crate) outcome: Result<Status, CallError>,
    pub(crate) progress: Progress,
    /// The conversation, so that another turn can follow. As it was before if nothing was said.
    pub(crate) messages: Vec<Message>,
    pub(crate) tools_used: Vec<String>,
}

/// What is left for an answer when a turn's time is over: writing it down.
const LEAST: Duration = Duration::from_millis(500);
/// What the model reads of a call that a turn left behind.
const LEFT_BEHIND: &str = "This call was not run: the turn had ended.";
/// The same of the one that gives the answer.
const GIVEN: &str = "This was given as the answer.";

impl<M: Answering, F: Invoking> Turn<'_, M, F> {
    /// Asks the model and runs its tools until it has answered.
    pub(crate) async fn run(&self, mut messages: Vec<Message>) -> Ended {
        let Makeup { limits, tools, .. } = self.makeup;
        let mut progress = Progress::new(limits.clone(), tools.print(), seconds_at(self.until));
        let (mut results, mut used) = (Vec::new(), BTreeSet::new());
        let outcome = loop {
            let reply = match self.ask(&progress, &messages, &results).await {
                Ok(reply) => reply,
                Err(error) => match progress.after_error(&error).or_else(|| self.out_of_time(&progress, &error)) {
                    Some(Step::End(status)) => break Ok(status),
                    Some(_) => continue,
                    None => break Err(error),
                },
            };
            messages.clone_from(&reply.messages);
            results.clear();
            match progress.after(&reply) {
                Step::End(status) => {
                    results = left_behind(&reply.function_calls);
                    break Ok(status);
                }
                _ => {
                    results = self.run_tools(&progress, &reply, &mut used).await;
                }
            }
        };
        add_results(&mut messages, results);
        Ended { outcome, progress, messages, tools_used: used.into_iter().collect() }
    }

    async fn ask(&self, progress: &Progress, messages: &[Message], results: &[ToolResult]) -> Result<Reply, CallError> {
        let call = self.call(progress, messages.to_vec(), results.to_vec());
        let left = self.until.saturating_duration_since(Instant::now());
        let hear = |text: &str| self.watchers.tell(Event::Text(text.to_owned()));
        let hear: Option<&(dyn Fn(&str) + Send + Sync)> = if self.watchers.are_there() { Some(&hear) } else { None };
        self.model.answer(call, left, hear).await
    }

    fn call(&self, progress: &Progress, messages: Vec<Message>, results: Vec<ToolResult>) -> Call {
        let (agent, limits) = (&self.makeup.agent, progress.limits());
        Call {
            provider_config: ProviderConfig {
                provider_id: agent.llm_provider.clone(),
                model_id: agent.llm_model.clone(),
                ..ProviderConfig::default()
            },
            messages,
            tool_results: Some(results),
            system: Some(agent.system_prompt.clone()),
            tools: Some(self.makeup.tools.offers().to_vec()),
            tool_choice: progress.tool_choice.clone(),
            temperature: limits.temperature,
            top_p: limits.top_p,
            reasoning_effort: limits.reasoning_effort.clone(),
            stop_sequences: limits.stop_sequences.clone(),
            service_tier: limits.service_tier.clone(),
            agent_name: Some(agent.agent_name.clone()),
            cache_key: Some(agent.agent_name.clone()),
            max_tokens: Some(progress.max_tokens),
            stream: None,
        }
    }

    async fn run_tools(&self, progress: &Progress, reply: &Reply, used: &mut BTreeSet<String>) -> Vec<ToolResult> {
        used.extend(reply.function_calls.iter().map(|call| call.name.clone()));
        let calls = Calls {
            tools: &self.makeup.tools,
            functions: self.functions,
            results: self.results,
            watchers: self.watchers,
            tool_function: self.tool_function,
            handles: &progress.references,
            key: format!("{}/{}", self.key, progress.iterations),
            until: self.until,
        };
        calls.run(&reply.function_calls).await
    }

    /// A call that was cut short by the end of the turn's time ends the turn like any other end of it, if anything was said.
    fn out_of_time(&self, progress: &Progress, error: &CallError) -> Option<Step> {
        let is_late = matches!(error, CallError::Timeout { .. })
            && self.until.saturating_duration_since(Instant::now()) < LEAST
            && progress.iterations > 0;
        is_late.then_some(Step::End(Status::TimedOut))
    }
}

/// The results of calls that are not run any more. Without them no provider would go on with the conversation.
fn left_behind(calls: &[FunctionCall]) -> Vec<ToolResult> {
    let result = |call: &FunctionCall| {
        let is_answer = call.name == crate::progress::PRINT_OUTPUT;
        let words = if is_answer { GIVEN } else { LEFT_BEHIND };
        ToolResult {
            kind: None,
            tool_use_id: call.id.clone(),
            name: Some(call.name.clone()),
            content: words.into(),
            is_error: !is_answer,
        }
    };
    calls.iter().map(result).collect()
}

fn add_results(messages: &mut Vec<Message>, results: Vec<ToolResult>) {
    if !results.is_empty() {
        let content = Content::Blocks(results.into_iter().map(Block::ToolResult).collect());
        messages.push(Message { role: Role::User, content, origin: None });
    }
}

/// A moment in seconds since 1970.
fn seconds_at(moment: Instant) -> u64 {
    let at = SystemTime::now() + moment.saturating_duration_since(Instant::now());
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
