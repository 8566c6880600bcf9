//! The models that may be called: rows of `SharedLLMTable`, by provider and model.
//!
//! A row is configuration that somebody with access to the table wrote: where a provider is, which key it takes, what its
//! tokens cost. Its attributes are read by hand, since prices are DynamoDB numbers and must not become floating point.

use crate::prices::{MicroDollars, Prices, Rates};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use functions_aws::sdk_errors::reason;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::time::Duration;

/// What a day should be.
const DATE: &str = "a date such as 2026-11-29";

/// A row. What it leaves out is `None`: the function that calls the model has defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Who serves it: `anthropic`.
    pub provider: String,
    /// What the provider calls it.
    pub model_id: String,
    /// What its tokens cost, if the row says so.
    pub prices: Option<Prices>,
    /// What they cost in other tiers of service: `priority`, `flex`.
    pub tiers: BTreeMap<String, Prices>,
    /// The day on which somebody last looked the prices up.
    pub priced_on: Option<Date>,
    /// The day from which the provider serves it no more.
    pub retires_on: Option<Date>,
    /// The model to take in its place.
    pub successor: Option<String>,
    /// The most tokens that it can read in one call.
    pub max_input_tokens: Option<u64>,
    /// The most tokens that it can write in one answer.
    pub max_output_tokens: Option<u64>,
    /// What it can do: `tools`, `vision`, `prompt_caching`.
    pub capabilities: Vec<String>,
    /// The words that it takes for `reasoning_effort`. Any, if none are named.
    pub reasoning_efforts: Vec<String>,
    /// Settings that are never sent (`temperature`), and JSON Pointers to what is taken out of the request (`/store`).
    pub omit: Vec<String>,
    /// A JSON merge patch of the request.
    pub request_overrides: Map<String, Value>,
    /// Whether it may be called.
    pub is_active: bool,
    /// Whether it is the one to take when nobody says which.
    pub is_default: bool,
    /// How a call becomes the provider's request: `anthropic_v1`.
    pub request_transformer: Option<String>,
    /// How the provider's response becomes an answer.
    pub response_transformer: Option<String>,
    /// The URL of the provider's API.
    pub endpoint: Option<String>,
    /// The header that takes the key.
    pub auth_header_name: Option<String>,
    /// The text before the key in that header.
    pub auth_header_prefix: Option<String>,
    /// The key's name in the secret of keys.
    pub secret_key_name: Option<String>,
    /// How long one call may take.
    pub timeout: Option<Duration>,
    /// For `scripted_v1`: the conversation to play, as JSON text.
    pub script: Option<String>,
}

/// Why a model's row cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The table does not answer, or refuses.
    #[error("the table of models cannot be read: {0}")]
    Table(String),
    /// The row is not one of a model.
    #[error("the model's row is not valid: `{attribute}` is not {expected}")]
    Row {
        /// The attribute.
        attribute: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The table of models.
#[derive(Debug, Clone)]
pub struct Models {
    client: Client,
    table: String,
}

impl Models {
    /// The models in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The row of a provider's model, if there is one, active or not.
    pub async fn get(&self, provider: &str, model_id: &str) -> Result<Option<Model>, ModelsError> {
        let key = AttributeValue::S(format!("{provider}#{model_id}"));
        let found = self.client.get_item().table_name(&self.table).key("pk", key).send().await;
        let found = found.map_err(|error| ModelsError::Table(reason(&error).to_owned()))?;
        found.item.map(|item| Row(item).model()).transpose()
    }
}

/// The attributes of a row. One that is NULL, or an empty text, is as if it were not there.
struct Row(HashMap<String, AttributeValue>);

impl Row {
    fn model(&self) -> Result<Model, ModelsError> {
        let text = |name| self.text(name).map(|text| text.map(str::to_owned));
        Ok(Model {
            provider: self.required("provider")?,
            model_id: self.required("model_id")?,
            prices: self.prices("")?,
            tiers: self.tiers()?,
            priced_on: self.number("priced_on", DATE)?,
            retires_on: self.number("retires_on", DATE)?,
            successor: text("successor")?,
            max_input_tokens: self.number("max_input_tokens", "a whole number")?,
            max_output_tokens: self.number("max_output_tokens", "a whole number")?,
            capabilities: self.json("capabilities", "a JSON text of a list of texts")?.unwrap_or_default(),
            reasoning_efforts: self.json("reasoning_efforts", "a JSON text of a list of texts")?.unwrap_or_default(),
            omit: self.json("omit", "a JSON text of a list of texts")?.unwrap_or_default(),
            request_overrides: self.json("request_overrides", "a JSON text of an object")?.unwrap_or_default(),
            is_active: self.flag("is_active")?,
            is_default: self.flag("is_default")?,
            request_transformer: text("request_transformer")?,
            response_transformer: text("response_transformer")?,
            endpoint: text("endpoint")?,
            auth_header_name: text("auth_header_name")?,
            auth_header_prefix: text("auth_header_prefix")?,
            secret_key_name: text("secret_key_name")?,
            timeout: self.number("timeout", "a whole number of seconds")?.map(Duration::from_secs),
            script: text("script")?,
        })
    }

    fn text(&self, attribute: &'static str) -> Result<Option<&str>, ModelsError> {
        match self.0.get(attribute) {
            None | Some(AttributeValue::Null(_)) => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(ModelsError::Row { attribute: attribute.to_owned(), expected: "a text" }),
        }
    }

    fn required(&self, attribute: &'static str) -> Result<String, ModelsError> {
        let text = self.text(attribute)?.map(str::to_owned);
        text.ok_or_else(|| ModelsError::Row { attribute: attribute.to_owned(), expected: "there" })
    }

    /// A number, or the text of one.
    fn number<T: FromStr>(&self, attribute: &'static str, expected: &'static str) -> Result<Option<T>, ModelsError> {
        let text = match self.0.get(attribute) {
            Some(AttributeValue::N(number)) => Some(number.as_str()),
            _ => self.text(attribute)?,
        };
        text.map(str::parse).transpose().map_err(|_| ModelsError::Row { attribute: attribute.to_owned(), expected })
    }

    /// The prices whose attributes begin with `tier`. There are none without the two that each call costs.
    fn prices(&self, tier: &str) -> Result<Option<Prices>, ModelsError> {
        let Some(rates) = self.rates(tier, "")? else { return Ok(None) };
        let above = self.number("long_context_above", "a whole number")?;
        let long = above.zip(self.rates(tier, "long_")?);
        Ok(Some(Prices { rates, long }))
    }

    fn rates(&self, tier: &str, length: &str) -> Result<Option<Rates>, ModelsError> {
        let price = |of: &str| self.price(&format!("{tier}{length}{of}_price_per_million"));
        // All four first: a price that makes no sense is named, also where it is of no use.
        let (cache_read, cache_write) = (price("cache_read")?, price("cache_write")?);
        let both = price("input")?.zip(price("output")?);
        Ok(both.map(|(input, output)| Rates { input, output, cache_read, cache_write }))
    }

    fn price(&self, attribute: &str) -> Result<Option<MicroDollars>, ModelsError> {
        let text = match self.0.get(attribute) {
            Some(AttributeValue::N(number)) => Some(number.as_str()),
            Some(AttributeValue::S(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        };
        let expected = "an amount in US dollars with at most 6 decimal places";
        text.map(str::parse).transpose().map_err(|_| ModelsError::Row { attribute: attribute.to_owned(), expected })
    }

    /// `tiers` is a list of names, each of which begins the names of its prices: `priority_input_price_per_million`.
    fn tiers(&self) -> Result<BTreeMap<String, Prices>, ModelsError> {
        let names: Vec<String> = self.json("tiers", "a JSON text of a list of texts")?.unwrap_or_default();
        let found = names.into_iter().map(|name| Ok((self.prices(&format!("{name}_"))?, name)));
        let if_priced = |(prices, name): (Option<Prices>, String)| prices.map(|prices| (name, prices));
        found.filter_map(|tier| tier.map(if_priced).transpose()).collect()
    }

    /// A text, because a key of an index cannot be a Boolean.
    fn flag(&self, attribute: &'static str) -> Result<bool, ModelsError> {
        match self.0.get(attribute) {
            Some(AttributeValue::Bool(flag)) => Ok(*flag),
            _ => Ok(self.text(attribute)? == Some("true")),
        }
    }

    /// A value as JSON text, as state machines read it.
    fn json<T: DeserializeOwned>(
        &self,
        attribute: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ModelsError> {
        let text = self.text(attribute)?;
        let value = text.map(serde_json::from_str).transpose();
        value.map_err(|_| ModelsError::Row { attribute: attribute.to_owned(), expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn number(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    fn row(attributes: &[(&str, AttributeValue)]) -> Row {
        let least = [("provider", text("anthropic")), ("model_id", text("claude"))];
        Row(least.iter().chain(attributes).map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn rates(input: u64, output: u64) -> Rates {
        Rates { input: MicroDollars(input), output: MicroDollars(output), ..Rates::default() }
    }

    #[test]
    fn every_attribute_is_read() {
        let model = row(&[
            ("input_price_per_million", number("3")),
            ("output_price_per_million", text("15.00")),
            ("max_output_tokens", number("8192")),
            ("cache_read_price_per_million", number("0.30")),
            ("cache_write_price_per_million", number("3.75")),
            ("long_context_above", number("200000")),
            ("long_input_price_per_million", number("6")),
            ("long_output_price_per_million", number("22.5")),
            ("tiers", text(r#"["flex"]"#)),
            ("flex_input_price_per_million", number("1.5")),
            ("flex_output_price_per_million", number("7.5")),
            ("priced_on", text("2026-11-29")),
            ("retires_on", text("2027-01-01")),
            ("successor", text("claude-of-tomorrow")),
            ("capabilities", text(r#"["tools","vision"]"#)),
            ("reasoning_efforts", text(r#"["low"]"#)),
            ("omit", text(r#"["temperature"]"#)),
            ("request_overrides", text(r#"{"store":null}"#)),
            ("max_input_tokens", number("1000000")),
            ("is_active", text("true")),
            ("endpoint", text("https://api.anthropic.com/v1/messages")),
            ("auth_header_prefix", AttributeValue::Null(true)),
            ("timeout", number("30")),
        ]);
        let expected = Model {
            provider: "anthropic".to_owned(),
            model_id: "claude".to_owned(),
            prices: Some(Prices {
                rates: Rates {
                    cache_read: Some(MicroDollars(300_000)),
                    cache_write: Some(MicroDollars(3_750_000)),
                    ..rates(3_000_000, 15_000_000)
                },
                long: Some((200_000, rates(6_000_000, 22_500_000))),
            }),
            tiers: BTreeMap::from([("flex".to_owned(), Prices { rates: rates(1_500_000, 7_500_000), long: None })]),
            priced_on: Some(jiff::civil::date(2026, 11, 29)),
            retires_on: Some(jiff::civil::date(2027, 1, 1)),
            successor: Some("claude-of-tomorrow".to_owned()),
            reasoning_efforts: vec!["low".to_owned()],
            omit: vec!["temperature".to_owned()],
            request_overrides: Map::from_iter([("store".to_owned(), Value::Null)]),
            max_input_tokens: Some(1_000_000),
            max_output_tokens: Some(8192),
            capabilities: vec!["tools".to_owned(), "vision".to_owned()],
            is_active: true,
            endpoint: Some("https://api.anthropic.com/v1/messages".to_owned()),
            timeout: Some(Duration::from_secs(30)),
            ..Model::default()
        };
        assert_eq!(model.model().expect("a model"), expected);
    }

    #[test]
    fn what_is_not_said_is_not_active_and_has_no_price() {
        let model = row(&[]).model().expect("a model");
        assert_eq!((model.is_active, model.prices), (false, None));
        let half = row(&[("input_price_per_million", number("3"))]).model().expect("a model");
        assert_eq!(half.prices, None, "one price of two");
    }

    #[test]
    fn a_wrong_attribute_is_named() {
        for (attribute, value) in [
            ("provider", text("")),
            ("input_price_per_million", number("0.0000001")),
            ("max_output_tokens", number("1.5")),
            ("capabilities", text("tools")),
            ("omit", text("{}")),
            ("request_overrides", text("[]")),
            ("priced_on", text("yesterday")),
            ("cache_read_price_per_million", number("-1")),
            ("endpoint", number("1")),
            ("timeout", text("soon")),
        ] {
            let error = row(&[(attribute, value)]).model().expect_err(attribute).to_string();
            assert!(error.contains(&format!("`{attribute}`")), "{error}");
        }
    }
}
