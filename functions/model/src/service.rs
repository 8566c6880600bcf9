//! A call, from what it says to its reply, in order: understand, complete, get the key, and then for each attempt reserve money, ask,
//! settle.

use crate::attempt::{Answered, Billing, Failed, Question};
use crate::budget::{Account, Budget, Charge, Reservation};
use crate::call::{Call, ProviderConfig, Reply, Taken, Tool};
use crate::conversation::Conversation;
use crate::destination::is_loopback;
use crate::error::CallError;
use crate::http;
use crate::listener::Listener;
use crate::models::{Model, Models};
use crate::prices::{MicroDollars, Tokens};
use crate::prompt::{Prompt, Settings};
use crate::retries::Retries;
use crate::target::Target;
use crate::transformer::Transformer;
use crate::transformers::{self, Clients};
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use functions_aws::clients;
use functions_shared::Clock;
use functions_shared::{Failure, VariableError, Variables};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Url;
use secrets::{Secret, Secrets};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The cap of a day when nobody says.
const DAILY_CAP: MicroDollars = MicroDollars(10_000_000);

/// What calls need and share. Made once.
#[derive(Debug)]
pub struct Llm {
    /// The rows of models. Without, an event has to say everything.
    pub models: Option<Models>,
    /// The keys' source.
    pub secrets: Secrets,
    /// The secret of keys.
    pub secret_name: Option<String>,
    /// Whether the keys come from a stand-in on this machine.
    pub keys_are_local: bool,
    /// The day's cap, if there is one.
    pub budget: Option<Budget>,
    /// For providers with an API of JSON.
    pub http: reqwest::Client,
    /// For Bedrock. Must not retry by itself: each attempt is paid for.
    pub bedrock: aws_sdk_bedrockruntime::Client,
    /// How often a provider is asked again that did not answer.
    pub retries: Retries,
    /// Tells which prices are old and which models retired.
    pub clock: Clock,
    /// The models whose prices are old and were warned of: once is enough.
    pub warned: Mutex<HashSet<String>>,
}

/// Whose usage it is when nobody says.
const NO_AGENT: &str = "none";
/// After so many days a row's prices are worth a warning.
const PRICES_AGE: i32 = 90;
/// The least time in which an answer can be hoped for.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// One call, ready to be made.
struct Ready<'a> {
    target: &'a Target,
    prompt: &'a Prompt<'a>,
    key: Option<&'a Secret>,
    account: Account,
    /// When the caller wants an answer.
    until: Option<Instant>,
    /// Who hears the answer while it is made.
    listener: Option<Listener<'a>>,
}

/// One attempt, paid for.
struct Attempt {
    outcome: Result<Answered, Failed>,
    cost: MicroDollars,
    latency: Duration,
}

impl Llm {
    /// Everything from the environment.
    ///
    /// | variable | |
    /// |---|---|
    /// | `LLM_TABLE_NAME` | the table of models |
    /// | `LLM_SECRET_NAME` | the secret of keys |
    /// | `COST_TABLE_NAME` | where the day's costs are written down; without it there is no cap |
    /// | `DAILY_CAP_USD` | the cap, 10.00 unless set |
    /// | `STAGE` | whose costs they are; needed with `COST_TABLE_NAME` |
    pub async fn from_variables(variables: Variables) -> Result<Self, Failure> {
        let text = |name| Ok::<_, VariableError>(variables.optional(name)?.map(str::to_owned));
        let (models, costs, secret_name) =
            (text("LLM_TABLE_NAME")?, text("COST_TABLE_NAME")?, text("LLM_SECRET_NAME")?);
        let cap = variables.parsed("DAILY_CAP_USD")?.unwrap_or(DAILY_CAP);
        let stage = if costs.is_some() { variables.required("STAGE")? } else { "" };
        let aws = clients::aws().await;
        let tables = aws_sdk_dynamodb::Client::new(&aws);
        let bedrock = aws_sdk_bedrockruntime::config::Builder::from(&aws).retry_config(RetryConfig::disabled());
        Ok(Self {
            models: models.map(|table| Models::new(tables.clone(), table)),
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(&aws), Clock::system()),
            secret_name,
            keys_are_local: keys_are_local(&variables)?,
            budget: costs.map(|table| Budget::new(tables, table, stage, cap, Clock::system())),
            http: http::client().map_err(|error| Failure::new("NoHttpClient", error.to_string()))?,
            bedrock: aws_sdk_bedrockruntime::Client::from_conf(bedrock.build()),
            retries: Retries::default(),
            clock: Clock::system(),
            warned: Mutex::default(),
        })
    }

    /// Answers one call, in no more than `left`.
    pub async fn answer(&self, call: Call, left: Option<Duration>) -> Result<Reply, CallError> {
        self.answer_to(call, left, None).await
    }

    /// The same; `hear` gets the answer's text piece by piece, while the model writes it. An attempt of which something was heard is
    /// not repeated.
    pub async fn stream(
        &self,
        call: Call,
        left: Option<Duration>,
        hear: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Reply, CallError> {
        self.answer_to(call, left, Some(Listener::new(hear))).await
    }

    async fn answer_to(
        &self,
        call: Call,
        left: Option<Duration>,
        listener: Option<Listener<'_>>,
    ) -> Result<Reply, CallError> {
        let until = left.map(|left| Instant::now() + left);
        if call.stream == Some(true) {
            return Err(CallError::invalid("`stream` is not supported: the response is returned whole"));
        }
        let agent = agent_name(call.agent_name.as_deref())?;
        let wishes = wishes(&call);
        let conversation =
            Conversation::new(call.messages, call.tool_results.unwrap_or_default(), call.system.as_deref());
        // What no provider takes is found before the table is asked.
        conversation.check()?;
        let tools = call.tools.unwrap_or_default().into_iter().map(Tool::try_from).collect::<Result<Vec<_>, _>>()?;
        let target = self.target(call.provider_config, wishes.service_tier.as_deref()).await?;
        let origin = target.origin();
        let settings = settings(wishes, call.max_tokens, &target)?;
        let (turns, spoken) = (conversation.turns(&origin)?, conversation.spoken());
        let prompt = Prompt { system: &conversation.system, turns, tools: &tools, settings, spoken };
        let key = self.key(&target).await?;
        let account = Account { agent, provider: origin.provider.clone(), model: origin.model.clone() };
        let ready = Ready { target: &target, prompt: &prompt, key: key.as_ref(), account, until, listener };
        let (answered, taken) = self.answered(&ready).await?;
        let said = answered.said.judged(prompt.may_call());
        drop(prompt);
        Ok(Reply::new(conversation.messages, said, origin, &taken, SystemTime::now()))
    }

    /// Whom to ask. What is wrong with the event itself is found before the table is asked.
    async fn target(&self, config: ProviderConfig, tier: Option<&str>) -> Result<Target, CallError> {
        if config.secret_path.is_some() && config.secret_path != self.secret_name {
            return Err(CallError::invalid("`secret_path` is not the secret of this function"));
        }
        config.request_transformer.as_deref().map(Transformer::named).transpose()?;
        let row = self.row(&config).await?;
        let (provider, model) = (&config.provider_id, &config.model_id);
        if let Some(row) = &row {
            self.check_age(row)?;
        }
        // A budget needs prices: an event that invents a model must not be one that costs nothing.
        let is_known = row.as_ref().is_some_and(|row| row.is_active);
        let may_be_unknown = row.is_none() && config.request_transformer.is_some() && self.budget.is_none();
        if !is_known && !may_be_unknown {
            return Err(CallError::UnknownModel(format!("there is no active model `{model}` of `{provider}`")));
        }
        if self.budget.is_some() && row.as_ref().is_some_and(|row| goes_elsewhere(&config, row)) {
            return Err(CallError::invalid("with a budget, only the model's row decides where a call goes"));
        }
        let mut target = Target::new(config, row, self.keys_are_local)?;
        target.take_tier(tier, self.budget.is_some())?;
        Ok(target)
    }

    /// Refuses a model that is retired, with the name of the one to take, and warns of prices that nobody has looked up for long.
    fn check_age(&self, row: &Model) -> Result<(), CallError> {
        let Model { provider, model_id, .. } = row;
        let now = Timestamp::try_from(self.clock.now()).unwrap_or(Timestamp::MAX);
        let today = now.to_zoned(TimeZone::UTC).date();
        let is_over = row.retires_on.is_some_and(|day| day <= today);
        if is_over || (!row.is_active && row.successor.is_some()) {
            let since = row.retires_on.filter(|_| is_over).map_or_else(String::new, |day| format!(" since {day}"));
            let successor = row.successor.as_ref().map_or_else(String::new, |model| format!("; take `{model}`"));
            let reason = format!("the model `{model_id}` of `{provider}` is retired{since}{successor}");
            return Err(CallError::UnknownModel(reason));
        }
        if let Some(day) = row.priced_on.filter(|day| (today - *day).get_days() > PRICES_AGE)
            && self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{provider}#{model_id}"))
        {
            tracing::warn!(provider, model = model_id, priced_on = %day, "prices are older than 90 days: renew the rows of models");
        }
        Ok(())
    }

    async fn row(&self, config: &ProviderConfig) -> Result<Option<Model>, CallError> {
        match &self.models {
            Some(models) => Ok(models.get(&config.provider_id, &config.model_id).await?),
            None => Ok(None),
        }
    }

    async fn key(&self, target: &Target) -> Result<Option<Secret>, CallError> {
        let Some(key) = target.secret_key_name.as_deref().filter(|_| target.needs_key()) else { return Ok(None) };
        let no_secret = || CallError::SecretMissing(format!("LLM_SECRET_NAME is not set: there is no key `{key}`"));
        let secret = self.secret_name.as_deref().ok_or_else(no_secret)?;
        Ok(Some(self.secrets.key(secret, key).await?))
    }

    /// Asks until there is an answer, no hope, or no time. What failed attempts cost is part of the answer's cost.
    async fn answered(&self, ready: &Ready<'_>) -> Result<(Answered, Taken), CallError> {
        let (mut cost, mut attempts) = (MicroDollars::default(), 0);
        loop {
            let attempt = self.paid(ready).await?;
            attempts += 1;
            cost = MicroDollars(cost.0.saturating_add(attempt.cost.0));
            match attempt.outcome {
                Ok(answered) => {
                    let tokens = answered.tokens.unwrap_or_default();
                    return Ok((answered, Taken { latency: attempt.latency, tokens, cost, attempts }));
                }
                Err(failed) => match self.pause(ready, &failed, attempts) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(failed.error),
                },
            }
        }
    }

    /// How long to wait before the next attempt, if there is one.
    fn pause(&self, ready: &Ready<'_>, failed: &Failed, attempts: u32) -> Option<Duration> {
        let pause =
            self.retries.pause(attempts, failed.retry_after, fastrand::f64()).filter(|_| ready.may_retry(failed))?;
        let fits = ready.left().is_none_or(|left| left > pause + SHORTEST_ATTEMPT);
        fits.then_some(pause)
    }

    /// Asks once, within the day's budget if there is one.
    async fn paid(&self, ready: &Ready<'_>) -> Result<Attempt, CallError> {
        let Ready { target, prompt, .. } = ready;
        let most = prompt.most(target.max_input_tokens);
        let most = target.prices.map(|prices| prices.most(most)).unwrap_or_default();
        let reservation = match &self.budget {
            Some(budget) => Some((budget, budget.reserve(most).await?)),
            None => None,
        };
        let started = Instant::now();
        let outcome = self.ask(ready).await;
        let latency = started.elapsed();
        let charge = charge(target, &outcome, most);
        if let Some((budget, reservation)) = reservation {
            settle(budget, reservation, &ready.account, charge).await;
        }
        Ok(Attempt { outcome, cost: charge.cost, latency })
    }

    async fn ask(&self, ready: &Ready<'_>) -> Result<Answered, Failed> {
        let Ready { target, prompt, key, ref listener, .. } = *ready;
        let within = ready.left().map_or(target.timeout, |left| target.timeout.min(left));
        let clients = Clients { http: &self.http, bedrock: &self.bedrock };
        transformers::ask(clients, Question { target, prompt, key, within, listener: listener.as_ref() }).await
    }
}

impl Ready<'_> {
    fn may_retry(&self, failed: &Failed) -> bool {
        failed.may_be_retried && !self.listener.as_ref().is_some_and(Listener::has_heard)
    }

    fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }
}

/// What the event says about how to answer.
fn wishes(call: &Call) -> Settings {
    Settings {
        max_tokens: 0, // It depends on the model.
        temperature: call.temperature,
        top_p: call.top_p,
        reasoning_effort: call.reasoning_effort.clone(),
        stop_sequences: call.stop_sequences.clone().unwrap_or_default(),
        service_tier: call.service_tier.clone(),
        tool_choice: call.tool_choice.clone(),
        cache_key: call.cache_key.clone().or(call.agent_name.clone()),
        caches: true,
    }
}

/// The wishes as far as the model grants them.
fn settings(wishes: Settings, max_tokens: Option<u64>, target: &Target) -> Result<Settings, CallError> {
    let settings = target.changes.without_omitted(wishes);
    if let Some(effort) = &settings.reasoning_effort
        && !target.reasoning_efforts.is_empty()
        && !target.reasoning_efforts.contains(effort)
    {
        let words = target.reasoning_efforts.join(", ");
        return Err(CallError::invalid(format!("`reasoning_effort` of this model must be one of {words}")));
    }
    Ok(Settings { max_tokens: target.max_tokens(max_tokens), ..settings })
}

/// A name that can be part of a key.
fn agent_name(given: Option<&str>) -> Result<String, CallError> {
    let name = given.unwrap_or(NO_AGENT);
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if (1..=128).contains(&name.len()) && is_name(name) {
        return Ok(name.to_owned());
    }
    Err(CallError::invalid("`agent_name` is not 1 to 128 letters, digits, `.`, `_` or `-`"))
}

/// What an attempt is charged: what the provider counted, or the most that it can have cost, or nothing.
fn charge(target: &Target, outcome: &Result<Answered, Failed>, most: MicroDollars) -> Charge {
    let billing = match outcome {
        Ok(answered) => answered.tokens.map_or(Billing::Unknown, Billing::Tokens),
        Err(failed) => failed.billing,
    };
    match billing {
        Billing::Nothing => Charge::default(),
        Billing::Unknown => Charge { cost: most, tokens: Tokens::default(), is_estimate: true },
        Billing::Tokens(tokens) => {
            let cost = target.prices.map(|prices| prices.cost(tokens)).unwrap_or_default();
            Charge { cost, tokens, is_estimate: false }
        }
    }
}

/// Whether an event asks somebody whose prices are not those of the row.
fn goes_elsewhere(config: &ProviderConfig, row: &Model) -> bool {
    let differs = |wish: &Option<String>, said: &Option<String>| wish.is_some() && wish != said;
    differs(&config.endpoint, &row.endpoint) || differs(&config.request_transformer, &row.request_transformer)
}

/// The answer is there and paid for: that it cannot be written down must not lose it. The reservation, which is more, stays.
async fn settle(budget: &Budget, reservation: Reservation, account: &Account, charge: Charge) {
    if let Err(error) = budget.settle(reservation, account, charge).await {
        tracing::error!(%error, "costs not settled: the reserved amount counts as spent");
    }
}

fn keys_are_local(variables: &Variables) -> Result<bool, VariableError> {
    let special = variables.optional("AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
    let endpoint = special.or(variables.optional("AWS_ENDPOINT_URL")?);
    Ok(endpoint.and_then(|endpoint| Url::parse(endpoint).ok()).is_some_and(|endpoint| is_loopback(&endpoint)))
}
