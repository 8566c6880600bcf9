//! The models that may be called: rows of `SharedLLMTable`, by provider and model.
//!
//! A row is configuration that somebody with access to the table wrote: where a provider is, which key it takes, what its
//! tokens cost. Its attributes are read by hand, since prices are DynamoDB numbers and must not become floating point.

use crate::prices::{MicroDollars, Prices};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use functions_aws::sdk_errors::reason;
use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

/// A row. What it leaves out is `None`: the function that calls the model has defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Who serves it: `anthropic`.
    pub provider: String,
    /// What the provider calls it.
    pub model_id: String,
    /// What its tokens cost; nothing unless the row says so.
    pub prices: Prices,
    /// The most tokens that it can write in one answer.
    pub max_output_tokens: Option<u64>,
    /// What it can do: `tools`, `vision`.
    pub capabilities: Vec<String>,
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
    /// What stands before the key in that header.
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
        attribute: &'static str,
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
            prices: self.prices()?,
            max_output_tokens: self.number("max_output_tokens", "a whole number")?,
            capabilities: self.capabilities()?,
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
            Some(_) => Err(ModelsError::Row { attribute, expected: "a text" }),
        }
    }

    fn required(&self, attribute: &'static str) -> Result<String, ModelsError> {
        let text = self.text(attribute)?.map(str::to_owned);
        text.ok_or(ModelsError::Row { attribute, expected: "there" })
    }

    /// A number, or the text of one.
    fn number<T: FromStr>(&self, attribute: &'static str, expected: &'static str) -> Result<Option<T>, ModelsError> {
        let text = match self.0.get(attribute) {
            Some(AttributeValue::N(number)) => Some(number.as_str()),
            _ => self.text(attribute)?,
        };
        text.map(str::parse).transpose().map_err(|_| ModelsError::Row { attribute, expected })
    }

    fn prices(&self) -> Result<Prices, ModelsError> {
        let price = |attribute| {
            let expected = "an amount in US dollars with at most 6 decimal places";
            Ok(self.number::<MicroDollars>(attribute, expected)?.unwrap_or_default())
        };
        Ok(Prices {
            input_per_million: price("input_price_per_million")?,
            output_per_million: price("output_price_per_million")?,
        })
    }

    /// A text, because a key of an index cannot be a Boolean.
    fn flag(&self, attribute: &'static str) -> Result<bool, ModelsError> {
        match self.0.get(attribute) {
            Some(AttributeValue::Bool(flag)) => Ok(*flag),
            _ => Ok(self.text(attribute)? == Some("true")),
        }
    }

    /// A list as JSON text, as state machines read it.
    fn capabilities(&self) -> Result<Vec<String>, ModelsError> {
        let attribute = "capabilities";
        let expected = "a JSON text of a list of texts";
        let Some(text) = self.text(attribute)? else { return Ok(Vec::new()) };
        serde_json::from_str(text).map_err(|_| ModelsError::Row { attribute, expected })
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

    #[test]
    fn every_attribute_is_read() {
        let model = row(&[
            ("input_price_per_million", number("3")),
            ("output_price_per_million", text("15.00")),
            ("max_output_tokens", number("8192")),
            ("capabilities", text(r#"["tools","vision"]"#)),
            ("is_active", text("true")),
            ("endpoint", text("https://api.anthropic.com/v1/messages")),
            ("auth_header_prefix", AttributeValue::Null(true)),
            ("timeout", number("30")),
        ]);
        let expected = Model {
            provider: "anthropic".to_owned(),
            model_id: "claude".to_owned(),
            prices: Prices { input_per_million: MicroDollars(3_000_000), output_per_million: MicroDollars(15_000_000) },
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
    fn what_is_not_said_is_not_active_and_costs_nothing() {
        let model = row(&[]).model().expect("a model");
        assert_eq!((model.is_active, model.prices), (false, Prices::default()));
    }

    #[test]
    fn a_wrong_attribute_is_named() {
        for (attribute, value) in [
            ("provider", text("")),
            ("input_price_per_million", number("0.0000001")),
            ("max_output_tokens", number("1.5")),
            ("capabilities", text("tools")),
            ("endpoint", number("1")),
            ("timeout", text("soon")),
        ] {
            let error = row(&[(attribute, value)]).model().expect_err(attribute).to_string();
            assert!(error.contains(&format!("`{attribute}`")), "{error}");
        }
    }
}
