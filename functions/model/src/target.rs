//! Whom a call asks, completely: the event's `provider_config` with what it leaves out from the model's row.

use crate::call::ProviderConfig;
use crate::changes::Changes;
use crate::destination::Destination;
use crate::error::CallError;
use crate::message::Origin;
use crate::models::Model;
use crate::prices::Prices;
use crate::transformer::Transformer;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a call may take when nobody says.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that Lambda lets a function run.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);
/// What may be written when neither the event nor the row says.
const MAX_TOKENS: u64 = 4096;
/// Headers that say who asks, whom, or how the body is framed.
const RESERVED_HEADERS: [&str; 8] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "proxy-authorization",
    "transfer-encoding",
    "upgrade",
];

/// Tiers of service that cost what a model usually costs.
const USUAL_TIERS: [&str; 4] = ["auto", "default", "standard", "standard_only"];

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) provider_id: String,
    pub(crate) model_id: String,
    pub(crate) transformer: Transformer,
    /// Always there for a provider over HTTP.
    pub(crate) endpoint: Option<Url>,
    /// The header that takes the key, and the text before it; the transformer's own if `None`.
    pub(crate) auth_header: Option<HeaderName>,
    pub(crate) auth_prefix: Option<String>,
    pub(crate) secret_key_name: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    /// What its tokens cost, in the tier that is asked for; nothing is known without.
    pub(crate) prices: Option<Prices>,
    /// The most that the model can read.
    pub(crate) max_input_tokens: Option<u64>,
    /// Whether its provider may be told what to keep.
    pub(crate) can_cache: bool,
    /// The words that it takes for how much to think; any if there are none.
    pub(crate) reasoning_efforts: Vec<String>,
    tiers: BTreeMap<String, Prices>,
    pub(crate) changes: Changes,
    /// The most that the model can write.
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) script: Option<String>,
}

impl Target {
    /// Completes an event's wishes from the model's row, and refuses those that must not be fulfilled.
    pub(crate) fn new(config: ProviderConfig, row: Option<Model>, keys_are_local: bool) -> Result<Self, CallError> {
        let transformer = transformer(&config, row.as_ref())?;
        let trusted = row.as_ref();
        let endpoint = config.endpoint.as_deref().or(trusted.and_then(|row| row.endpoint.as_deref()));
        let endpoint = endpoint.map(|text| endpoint_of(text, &config.model_id)).transpose()?;
        let secret_key_name = config.secret_key_name.or(trusted.and_then(|row| row.secret_key_name.clone()));
        check_destination(transformer, endpoint.as_ref(), secret_key_name.as_deref(), trusted, keys_are_local)?;
        let auth_header = config.auth_header_name.or(trusted.and_then(|row| row.auth_header_name.clone()));
        let auth_header = auth_header.map(|name| header_name(&name)).transpose()?;
        let row = row.unwrap_or_default();
        let changes = Changes::of(&row);
        Ok(Self {
            headers: headers(config.custom_headers.unwrap_or_default(), auth_header.as_ref())?,
            provider_id: config.provider_id,
            model_id: config.model_id,
            transformer,
            endpoint,
            auth_header,
            auth_prefix: config.auth_header_prefix.or(row.auth_header_prefix),
            secret_key_name,
            timeout: timeout(config.timeout.map(Duration::from_secs).or(row.timeout))?,
            max_input_tokens: row.max_input_tokens,
            can_cache: row.capabilities.iter().any(|can| can == "prompt_caching"),
            changes,
            reasoning_efforts: row.reasoning_efforts,
            tiers: row.tiers,
            prices: row.prices,
            max_output_tokens: row.max_output_tokens,
            script: row.script,
        })
    }

    /// Goes by the prices of a tier of service. `must_have_prices`: there is a budget.
    pub(crate) fn take_tier(&mut self, tier: Option<&str>, must_have_prices: bool) -> Result<(), CallError> {
        let special = tier.filter(|tier| !USUAL_TIERS.contains(tier));
        if let Some(tier) = special {
            self.prices = self.tiers.get(tier).copied();
        }
        // A script costs nothing.
        let is_free = matches!(self.transformer, Transformer::Scripted);
        if self.prices.is_some() || is_free || !must_have_prices {
            return Ok(());
        }
        let what = special.map_or_else(String::new, |_| " for this `service_tier`".to_owned());
        let Self { provider_id, model_id, .. } = self;
        Err(CallError::UnknownModel(format!(
            "the row of `{model_id}` of `{provider_id}` has no prices{what}, and there is a budget"
        )))
    }

    /// Who answers.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            provider: self.provider_id.clone(),
            model: self.model_id.clone(),
            api: self.transformer.name().to_owned(),
        }
    }

    /// Whether there is somebody to show a key to.
    pub(crate) fn needs_key(&self) -> bool {
        !matches!(self.transformer, Transformer::Scripted)
    }

    /// The most that the model may write in this answer.
    pub(crate) fn max_tokens(&self, wanted: Option<u64>) -> u64 {
        let most = self.max_output_tokens.unwrap_or(u64::MAX);
        wanted.unwrap_or(self.max_output_tokens.unwrap_or(MAX_TOKENS).min(MAX_TOKENS)).min(most)
    }
}

/// Request and response are two sides of one API: naming two different ones is a mistake.
fn transformer(config: &ProviderConfig, row: Option<&Model>) -> Result<Transformer, CallError> {
    let request = config.request_transformer.as_deref().or(row.and_then(|row| row.request_transformer.as_deref()));
    let request = request.ok_or_else(|| CallError::invalid("there is no `request_transformer`"))?;
    let response = match (config.response_transformer.as_deref(), config.request_transformer.as_deref()) {
        (Some(response), _) => response,
        (None, Some(request)) => request,
        (None, None) => row.and_then(|row| row.response_transformer.as_deref()).unwrap_or(request),
    };
    if request != response {
        return Err(CallError::invalid("`request_transformer` and `response_transformer` are for different APIs"));
    }
    Transformer::named(request)
}

/// The URL, with the model's name in place of each `{model_id}`.
fn endpoint_of(text: &str, model_id: &str) -> Result<Url, CallError> {
    Url::parse(&text.replace("{model_id}", model_id))
        .map_err(|error| CallError::invalid(format!("`endpoint` is not a URL: {error}")))
}

fn check_destination(
    transformer: Transformer,
    endpoint: Option<&Url>,
    key: Option<&str>,
    row: Option<&Model>,
    keys_are_local: bool,
) -> Result<(), CallError> {
    match (transformer, endpoint) {
        (Transformer::Scripted, _) | (Transformer::Bedrock, None) => Ok(()),
        (_, None) => Err(CallError::invalid("there is no `endpoint`")),
        (_, Some(endpoint)) => {
            let is_signed = matches!(transformer, Transformer::Bedrock) && key.is_none();
            Destination { endpoint, key, is_signed }.check(row, keys_are_local)
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, CallError> {
    name.parse().map_err(|_| CallError::invalid("a header's name is not valid"))
}

fn headers(given: BTreeMap<String, String>, auth_header: Option<&HeaderName>) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = header_name(&name)?;
        if RESERVED_HEADERS.contains(&name.as_str()) || auth_header == Some(&name) {
            return Err(CallError::invalid(format!("`custom_headers` must not set `{name}`")));
        }
        let value = HeaderValue::from_str(&value);
        headers.insert(name, value.map_err(|_| CallError::invalid("a header's value is not valid"))?);
    }
    Ok(headers)
}

fn timeout(wanted: Option<Duration>) -> Result<Duration, CallError> {
    let timeout = wanted.unwrap_or(TIMEOUT);
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        return Err(CallError::invalid(format!("`timeout` is not between 1 and {} s", LONGEST_TIMEOUT.as_secs())));
    }
    Ok(timeout)
}
