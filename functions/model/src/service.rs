//! A call, from what it says to its reply, in order: understand, complete, get the key, reserve money, ask, settle.

use crate::budget::{Budget, Reservation};
use crate::call::{Answer, Call, ProviderConfig, Reply, Tool};
use crate::conversation::Conversation;
use crate::destination::is_loopback;
use crate::error::CallError;
use crate::http;
use crate::models::{Model, Models};
use crate::prices::{MicroDollars, Tokens};
use crate::prompt::{Prompt, Settings};
use crate::target::Target;
use crate::transformer::Transformer;
use crate::transformers::{self, Clients};
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use functions_aws::clients;
use functions_shared::Clock;
use functions_shared::{Failure, VariableError, Variables};
use reqwest::Url;
use secrets::{Secret, Secrets};
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
    /// For Bedrock. Must not retry: see the crate's documentation.
    pub bedrock: aws_sdk_bedrockruntime::Client,
}

/// What the provider said, and how long it took to.
type Answered = (Answer, Duration);

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
        })
    }

    /// Answers one call, in no more than `left`.
    pub async fn answer(&self, call: Call, left: Option<Duration>) -> Result<Reply, CallError> {
        if call.stream == Some(true) {
            return Err(CallError::invalid("`stream` is not possible: an answer is one reply"));
        }
        let conversation =
            Conversation::new(call.messages, call.tool_results.unwrap_or_default(), call.system.as_deref());
        let turns = conversation.turns()?;
        let tools = call.tools.unwrap_or_default().into_iter().map(Tool::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut target = self.target(call.provider_config).await?;
        target.timeout = left.map_or(target.timeout, |left| target.timeout.min(left));
        let settings = Settings {
            max_tokens: target.max_tokens(call.max_tokens),
            temperature: call.temperature,
            top_p: call.top_p,
        };
        let prompt =
            Prompt { system: &conversation.system, turns, tools: &tools, settings, spoken: conversation.spoken() };
        let key = self.key(&target).await?;
        let (answer, latency) = self.paid(&target, &prompt, key.as_ref()).await?;
        let cost = target.prices.cost(answer.tokens);
        let model = (target.provider_id, target.model_id);
        Ok(Reply::new(conversation.messages, answer, model, latency, cost, SystemTime::now()))
    }

    /// Whom to ask. What is wrong with the event itself is found before the table is asked.
    async fn target(&self, config: ProviderConfig) -> Result<Target, CallError> {
        if config.secret_path.is_some() && config.secret_path != self.secret_name {
            return Err(CallError::invalid("`secret_path` is not the secret of this function"));
        }
        config.request_transformer.as_deref().map(Transformer::named).transpose()?;
        let row = self.row(&config).await?;
        // A budget needs prices: an event that invents a model must not be one that costs nothing.
        let is_known = row.as_ref().is_some_and(|row| row.is_active);
        let may_be_unknown = row.is_none() && config.request_transformer.is_some() && self.budget.is_none();
        if !is_known && !may_be_unknown {
            return Err(CallError::UnknownModel { provider_id: config.provider_id, model_id: config.model_id });
        }
        if self.budget.is_some() && row.as_ref().is_some_and(|row| goes_elsewhere(&config, row)) {
            return Err(CallError::invalid("with a budget, only the model's row says who is asked"));
        }
        Target::new(config, row, self.keys_are_local)
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

    /// Asks within the day's budget, if there is one.
    async fn paid(&self, target: &Target, prompt: &Prompt<'_>, key: Option<&Secret>) -> Result<Answered, CallError> {
        let Some(budget) = &self.budget else { return self.ask(target, prompt, key).await };
        let reservation = budget.reserve(target.prices.cost(prompt.estimate())).await?;
        let answered = self.ask(target, prompt, key).await;
        let tokens = answered.as_ref().map(|(answer, _)| answer.tokens).unwrap_or_default();
        settle(budget, reservation, target.prices.cost(tokens), tokens).await;
        answered
    }

    async fn ask(&self, target: &Target, prompt: &Prompt<'_>, key: Option<&Secret>) -> Result<Answered, CallError> {
        let started = Instant::now();
        let late = |_| CallError::Timeout { provider_id: target.provider_id.clone(), within: target.timeout };
        let clients = Clients { http: &self.http, bedrock: &self.bedrock };
        let asked = transformers::ask(clients, target, prompt, key);
        let answer = tokio::time::timeout(target.timeout, asked).await.map_err(late)??;
        Ok((answer, started.elapsed()))
    }
}

/// Whether an event asks somebody whose prices are not those of the row.
fn goes_elsewhere(config: &ProviderConfig, row: &Model) -> bool {
    let differs = |wish: &Option<String>, said: &Option<String>| wish.is_some() && wish != said;
    differs(&config.endpoint, &row.endpoint) || differs(&config.request_transformer, &row.request_transformer)
}

/// The answer is there and paid for: that it cannot be written down must not lose it. The reservation, which is more, stays.
async fn settle(budget: &Budget, reservation: Reservation, cost: MicroDollars, tokens: Tokens) {
    if let Err(error) = budget.settle(reservation, cost, tokens).await {
        tracing::error!(%error, "costs not settled, what was reserved counts as spent");
    }
}

fn keys_are_local(variables: &Variables) -> Result<bool, VariableError> {
    let special = variables.optional("AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
    let endpoint = special.or(variables.optional("AWS_ENDPOINT_URL")?);
    Ok(endpoint.and_then(|endpoint| Url::parse(endpoint).ok()).is_some_and(|endpoint| is_loopback(&endpoint)))
}
