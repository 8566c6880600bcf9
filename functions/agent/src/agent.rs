//! An agent: what one request to it comes to.

use crate::card;
use crate::error::{TurnError, cost_info, dollars};
use crate::events::{Event, Watchers};
use crate::invocation::Invoking;
use crate::limits::Limits;
use crate::model_call::Answering;
use crate::progress::Status;
use crate::question::{Mode, Question};
use crate::reply::Reply;
use crate::results::Results;
use crate::sessions::{Sessions, Taken};
use crate::tools::Tools;
use crate::turn::{Ended, Makeup, Turn};
use crate::workflow::Workflow;
use functions_content::unmarked;
use functions_shared::Refusal;
use model::budget::{Budget, BudgetError};
use model::prices::MicroDollars;
use model::{Content, Message, Role};
use registries::agents::{Agent as AgentRow, AgentRegistry, Version};
use registries::tools::ToolRegistry;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What lives as long as the sandbox.
#[derive(Debug)]
pub struct Agent<M, F> {
    pub(crate) model: M,
    pub(crate) functions: F,
    pub(crate) agents: AgentRegistry,
    pub(crate) registry: ToolRegistry,
    pub(crate) sessions: Sessions,
    pub(crate) results: Results,
    pub(crate) budget: Option<Budget>,
    pub(crate) workflow: Option<Workflow>,
    /// The ARN of the function of the stack `tools`.
    pub(crate) tool_function: Option<String>,
    /// The agent that answers where a question names none.
    pub(crate) name: String,
}

/// What somebody asks who wants the day's numbers.
const USAGE: &str = "usage";

impl<M: Answering, F: Invoking> Agent<M, F> {
    /// Answers a question of a caller, by `until`.
    pub(crate) async fn ask(
        &self,
        caller: &str,
        question: Question,
        watchers: &Watchers,
        until: Instant,
    ) -> Result<Reply, TurnError> {
        if question.message.trim().eq_ignore_ascii_case(USAGE) {
            return self.told_usage(question).await;
        }
        let (agent, limits) = self.row(question.agent_name.as_deref(), question.version.as_deref()).await?;
        if question.mode.or(mode_of(&limits)?) == Some(Mode::Workflow) {
            return self.workflow()?.start(caller, &question).await;
        }
        let within = until.saturating_duration_since(Instant::now());
        // At once: neither needs the other.
        let taking = self.sessions.take(caller, question.session_id, within);
        let (taken, tools) = tokio::join!(taking, Tools::of(&agent, &self.registry));
        let taken = taken?;
        match tools {
            Ok(tools) => {
                let makeup = Makeup { agent, limits, tools };
                self.turn(taken, question.message, &makeup, watchers, until).await
            }
            Err(error) => {
                self.sessions.release(&taken.id, &taken.turn).await;
                Err(error.into())
            }
        }
    }

    async fn turn(
        &self,
        mut taken: Taken,
        question: String,
        makeup: &Makeup,
        watchers: &Watchers,
        until: Instant,
    ) -> Result<Reply, TurnError> {
        let within = until.saturating_duration_since(Instant::now());
        watchers.tell(Event::Session(taken.id.clone()));
        let mut messages = std::mem::take(&mut taken.messages);
        messages.push(Message { role: Role::User, content: Content::Text(question), origin: None });
        let turn = Turn {
            makeup,
            model: &self.model,
            functions: &self.functions,
            results: &self.results,
            tool_function: self.tool_function.as_deref(),
            watchers,
            key: &taken.turn,
            until: until.checked_sub(WRITING.min(within)).unwrap_or(until),
        };
        let ended = turn.run(messages).await;
        self.written(taken, ended, makeup, until).await
    }

    /// Writes the turn down. One in which nothing was said leaves the session as it was.
    async fn written(&self, taken: Taken, ended: Ended, makeup: &Makeup, until: Instant) -> Result<Reply, TurnError> {
        let id = taken.id.clone();
        if ended.progress.iterations == 0 {
            self.sessions.release(&id, &taken.turn).await;
            return Err(nothing_said(ended));
        }
        let saved = self.sessions.save(taken, &ended.messages, until).await;
        // It was said and is paid for: that it cannot be written down must not lose it.
        let is_saved = saved.inspect_err(|error| tracing::error!(%error, "a turn was not saved")).is_ok();
        let status = ended.outcome?;
        Ok(Reply::json_of(200, unmarked(&answer(&id, status, &ended.progress, &ended.tools_used, makeup, is_saved))))
    }

    /// An agent's row, and what it says about turns.
    async fn row(&self, name: Option<&str>, version: Option<&str>) -> Result<(AgentRow, Limits), TurnError> {
        let name = name.unwrap_or(&self.name);
        let agent = match version.filter(|version| *version != "latest") {
            Some(version) => self.agents.version(name, &Version::read("version", version)?).await?.row,
            None => self.agents.newest_active(name).await?,
        };
        let limits = Limits::of(&agent.parameters).map_err(|_| {
            Refusal::unprocessable("agent_name", "names an agent whose row has parameters that cannot be read")
        })?;
        Ok((agent, limits))
    }

    fn workflow(&self) -> Result<&Workflow, TurnError> {
        let none = || Refusal::invalid("mode", "must not be workflow: this agent has no state machine");
        Ok(self.workflow.as_ref().ok_or_else(none)?)
    }

    /// The day's numbers.
    pub(crate) async fn usage(&self) -> Result<Value, TurnError> {
        let budget = self.budget.as_ref().ok_or_else(|| Refusal::NotFound("this agent has no budget".to_owned()))?;
        let today = budget.today().await.map_err(|error| TurnError::Unavailable(error.to_string()))?;
        Ok(cost_info(&today))
    }

    /// The same in words, for somebody who asks for nothing else. No model is asked.
    async fn told_usage(&self, question: Question) -> Result<Reply, TurnError> {
        let usage = self.usage().await?;
        let message = format!(
            "Today {} of {} USD are spent; the budget is reset at {}.",
            usage["current_cost"],
            usage["daily_cap"],
            usage["reset_time"].as_str().unwrap_or_default()
        );
        let metadata = json!({ "tools_used": [], "input_tokens": 0, "output_tokens": 0, "usage": usage });
        Ok(Reply::json_of(200, json!({ "session_id": question.session_id, "message": message, "metadata": metadata })))
    }

    /// What the agent can do, for programs that look for one.
    pub(crate) async fn card(&self, host: Option<&str>) -> Result<Reply, TurnError> {
        let (agent, _) = self.row(None, None).await?;
        let tools = Tools::of(&agent, &self.registry).await?;
        Ok(Reply::json_of(200, card::of(&agent, &tools, host)))
    }
}

/// Time for writing a turn down.
const WRITING: Duration = Duration::from_secs(3);

fn mode_of(limits: &Limits) -> Result<Option<Mode>, Refusal> {
    limits.mode.as_deref().map(Mode::read).transpose()
}

fn nothing_said(ended: Ended) -> TurnError {
    match (ended.outcome, ended.progress.over_budget) {
        (Err(error), _) => error.into(),
        (Ok(Status::BudgetExceeded), Some(error @ BudgetError::Exceeded { .. })) => TurnError::OverBudget(error),
        (Ok(_), _) => Refusal::TooLarge("the conversation is longer than the model reads".to_owned()).into(),
    }
}

fn answer(
    session_id: &str,
    status: Status,
    progress: &crate::progress::Progress,
    tools_used: &[String],
    makeup: &Makeup,
    is_saved: bool,
) -> Value {
    let message = progress.output.as_ref().map_or_else(|| progress.answer.clone(), Value::to_string);
    let mut body = json!({
        "session_id": session_id,
        "message": message,
        "metadata": {
            "tools_used": tools_used,
            "input_tokens": progress.input_tokens,
            "output_tokens": progress.output_tokens,
            "cost_usd": dollars(MicroDollars(progress.cost_micro_usd)),
            "status": status,
            "stop_reason": progress.stop_reason,
            "iterations": progress.iterations,
            "agent": { "name": makeup.agent.agent_name, "version": makeup.agent.version },
            "references": progress.references,
        },
    });
    if let Some(output) = &progress.output {
        body["output"] = output.clone();
    }
    if !is_saved {
        body["metadata"]["session_saved"] = false.into();
    }
    body
}
