//! The model that answers: that of a server on this machine, a provider's, if there is a key, or a script that says what a model would.

use crate::agent::Agent;
use crate::arguments::{Arguments, ProviderKeys};
use crate::{site, stand_in};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A row of the table of models, and the key that goes with it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) provider: &'static str,
    pub(crate) id: String,
    row: Value,
    /// By its name in the secret.
    pub(crate) key: Option<(&'static str, String)>,
    /// What there is to say about it.
    pub(crate) note: &'static str,
}

struct Provider {
    name: &'static str,
    key_name: &'static str,
    /// The one that is asked if no other is named: a row of [`SHIPPED`].
    model: &'static str,
}

const PROVIDERS: [Provider; 5] = [
    Provider { name: "anthropic", key_name: "ANTHROPIC_API_KEY", model: "claude-sonnet-5-5" },
    Provider { name: "openai", key_name: "OPENAI_API_KEY", model: "gpt-5.6-terra" },
    Provider { name: "gemini", key_name: "GEMINI_API_KEY", model: "gemini-3.8-flash" },
    Provider { name: "xai", key_name: "XAI_API_KEY", model: "grok-4.7" },
    Provider { name: "deepseek", key_name: "DEEPSEEK_API_KEY", model: "deepseek-v4-flash" },
];

/// The rows of models that `make deploy` writes, in DynamoDB JSON.
const SHIPPED: &str = include_str!("../../../functions/llm-models/src/llm/models.json");

/// The row of a provider's model, if it is shipped.
fn shipped(provider: &str, model_id: &str) -> Option<Value> {
    let rows: Vec<Value> = serde_json::from_str(SHIPPED).expect("BUG: a test reads the rows");
    rows.into_iter().find(|row| row["pk"]["S"] == format!("{provider}#{model_id}"))
}

/// How the names of a provider's models begin.
const BEGINNINGS: [(&str, &[&str]); 5] = [
    ("anthropic", &["claude"]),
    ("openai", &["gpt", "o1", "o3", "o4", "chatgpt"]),
    ("gemini", &["gemini"]),
    ("xai", &["grok"]),
    ("deepseek", &["deepseek"]),
];

/// The provider whose models have such names.
fn provider_of(model: &str) -> Option<&'static Provider> {
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| model.starts_with(beginning));
    let (name, _) = BEGINNINGS.iter().find(|(_, beginnings)| begins(beginnings))?;
    PROVIDERS.iter().find(|provider| provider.name == *name)
}

/// Which variable a model needs that has no key.
fn keyless(model: &str, provider: Option<&Provider>) -> String {
    if let Some(Provider { key_name, .. }) = provider {
        return format!("the model {model} needs a key: set the variable {key_name}");
    }
    let names: Vec<_> = PROVIDERS.iter().map(|provider| provider.key_name).collect();
    format!("the model {model} needs its provider's key: set one of the variables {}, or URL=", names.join(", "))
}

impl ProviderKeys {
    /// In the order of [`PROVIDERS`].
    fn in_order(&self) -> [&Option<String>; 5] {
        [&self.anthropic, &self.openai, &self.gemini, &self.xai, &self.deepseek]
    }
}

impl Model {
    /// That of the server at `url`; else the first provider's whose key is set; else a script.
    ///
    /// # Errors
    /// A model is named, and the key that it needs is not set.
    pub(crate) fn chosen(arguments: &Arguments, agent: &Agent, url: Option<&str>) -> Result<Self> {
        let named = arguments.model.as_deref();
        if let Some(url) = url {
            return Ok(Self::at(url, named.unwrap_or(stand_in::MODEL), arguments.keys.openai.as_ref()));
        }
        let provider_of_named = named.and_then(provider_of);
        let meant = provider_of_named.map(|provider| provider.name);
        let meant = meant.or(agent.model.as_ref().filter(|_| named.is_none()).map(|model| model.provider.as_str()));
        let is_meant = |provider: &Provider| meant.is_none_or(|meant| meant == provider.name);
        let mut keyed = PROVIDERS.iter().zip(arguments.keys.in_order()).filter(|(provider, _)| is_meant(provider));
        let found = keyed.find_map(|(provider, key)| Some((provider, key.as_ref().filter(|key| !key.is_empty())?)));
        match (found, named) {
            (Some((provider, key)), _) => {
                let of_agent = agent.model.as_ref().map(|model| model.id.as_str());
                Ok(Self::of(provider, named.or(of_agent).unwrap_or(provider.model), key))
            }
            (None, Some(named)) => bail!("{}", keyless(named, provider_of_named)),
            (None, None) => Ok(Self::scripted(agent.script.as_ref().unwrap_or(&script(arguments.detached)))),
        }
    }

    /// By its own row, or by that of the provider's other model, if its own is not shipped.
    fn of(provider: &Provider, model_id: &str, key: &str) -> Self {
        let row = shipped(provider.name, model_id).or_else(|| shipped(provider.name, provider.model));
        let row = row.expect("BUG: a test reads the row of each provider's model");
        let key = Some((provider.key_name, key.to_owned()));
        Self { provider: provider.name, id: model_id.to_owned(), row, key, note: "" }
    }

    /// Any server of Chat Completions. What it costs is not known here.
    fn at(url: &str, model_id: &str, key: Option<&String>) -> Self {
        let mut row = json!({
            "request_transformer": "openai_v1",
            "response_transformer": "openai_v1",
            "endpoint": format!("{}/chat/completions", url.trim_end_matches('/')),
        });
        let key = key.filter(|key| !key.is_empty()).map(|key| ("OPENAI_API_KEY", key.clone()));
        if let Some((name, _)) = key {
            row["secret_key_name"] = json!(name);
        }
        let note = " (a server of Chat Completions, by URL)";
        Self { provider: "local", id: model_id.to_owned(), row: priced(row, ["0.00", "0.00"]), key, note }
    }

    fn scripted(script: &Value) -> Self {
        let row = json!({
            "request_transformer": "scripted_v1",
            "response_transformer": "scripted_v1",
            "script": script.to_string(),
        });
        // A provider's prices, so that there is something to see.
        let note = " (no provider's key is set: a script plays the model)";
        Self { provider: "scripted", id: "reader".to_owned(), row: priced(row, ["3.00", "15.00"]), key: None, note }
    }

    /// The row, in DynamoDB JSON.
    pub(crate) fn item(&self) -> BTreeMap<String, Value> {
        let fixed = json!({
            "pk": format!("{}#{}", self.provider, self.id),
            "provider": self.provider,
            "model_id": self.id,
            "is_active": "true",
            "is_default": "true",
        });
        let attributes = [self.row.clone(), fixed].into_iter().flat_map(|part| match part {
            Value::Object(part) => part,
            _ => unreachable!("BUG: both are objects"),
        });
        attributes.map(|(name, value)| (name, if value.is_string() { json!({ "S": value }) } else { value })).collect()
    }
}

fn priced(mut row: Value, [input, output]: [&str; 2]) -> Value {
    row["capabilities"] = json!(r#"["tools"]"#);
    row["input_price_per_million"] = json!({ "N": input });
    row["output_price_per_million"] = json!({ "N": output });
    row["max_output_tokens"] = json!({ "N": "8192" });
    row["timeout"] = json!({ "N": "120" });
    row
}

/// Three calls of tools, each with what the one before has left. Without the layer the first one's result is too long.
fn script(is_detached: bool) -> Value {
    let fetch = json!({ "text": "I fetch the document.", "tool_calls": [{ "name": "http_get", "input": { "url": site::URL } }] });
    if is_detached {
        return json!([fetch, { "text": "This is a script, and no model. The tool's result was too long for the workflow, so there is nothing to read." }]);
    }
    let search = |text: &str, passages: u8| {
        let input = json!({ "document": "{{document}}", "query": "{{question}}", "max_passages": passages });
        json!({ "text": text, "tool_calls": [{ "name": "document_search", "input": input }] })
    };
    json!([
        fetch,
        search("It is long. I look for passages, by its handle.", 4),
        search("I look at the best ones again, with more around them.", 2),
        { "text": "An extractive answer to \"{{question}}\": a script, and no model, quotes sentences of the passages that it found.\n{{answer}}" },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn chosen(more: &[&str]) -> Model {
        tried(more).expect("a model")
    }

    fn tried(more: &[&str]) -> Result<Model> {
        let folders = ["agent", "--layer=l", "--programs=p", "--interpreter=i", "--state-machine=s"];
        // ProviderKeys of this machine's environment must not decide a test.
        let keys = ["anthropic", "openai", "gemini", "xai", "deepseek"].map(|name| format!("--{name}-api-key="));
        let given = |key: &String| !more.iter().any(|more| more.starts_with(key.as_str()));
        let keys: Vec<_> = keys.iter().filter(|key| given(key)).map(String::as_str).collect();
        let arguments = Arguments::parse_from(folders.into_iter().chain(keys).chain(more.iter().copied()));
        let agent = Agent::of(None)?;
        Model::chosen(&arguments, &agent, arguments.url.as_deref())
    }

    #[test]
    fn without_a_key_the_model_is_a_script() {
        let model = chosen(&[]);
        assert!(model.key.is_none());
        assert_eq!(model.item()["pk"], json!({ "S": "scripted#reader" }));
    }

    #[test]
    fn the_first_key_chooses_the_provider() {
        let model = chosen(&["--xai-api-key=k", "--deepseek-api-key=k", "--model=grok-x"]);
        assert_eq!(model.item()["pk"], json!({ "S": "xai#grok-x" }));
        assert_eq!(model.key, Some(("XAI_API_KEY", "k".to_owned())));
    }

    #[test]
    fn each_providers_model_is_shipped_and_not_to_be_retired() {
        for provider in PROVIDERS {
            let row = shipped(provider.name, provider.model).expect("a row");
            assert_eq!(row.get("retires_on"), None, "{}", provider.model);
            assert_eq!(row["secret_key_name"]["S"], provider.key_name);
        }
        let item = chosen(&["--anthropic-api-key=k"]).item();
        assert_eq!(item["pk"], json!({ "S": "anthropic#claude-sonnet-5-5" }));
        assert_eq!(item["request_transformer"], json!({ "S": "anthropic_v1" }));
        assert!(item["input_price_per_million"]["N"].is_string(), "{item:?}");
    }

    #[test]
    fn a_model_without_its_key_names_the_variable() {
        let said = |more: &[&str]| tried(more).expect_err("no key").to_string();
        let of_another = ["--model=claude-sonnet-5-5", "--xai-api-key=k"];
        assert_eq!(said(&of_another), "the model claude-sonnet-5-5 needs a key: set the variable ANTHROPIC_API_KEY");
        assert!(said(&["--model=mine"]).contains("XAI_API_KEY, DEEPSEEK_API_KEY, or URL="));
    }

    #[test]
    fn a_url_goes_before_every_key_and_needs_none() {
        let model = chosen(&["--url=http://127.0.0.1:11434/v1/", "--model=qwen3:8b", "--xai-api-key=k"]);
        let item = model.item();
        assert_eq!(item["pk"], json!({ "S": "local#qwen3:8b" }));
        assert_eq!(item["endpoint"], json!({ "S": "http://127.0.0.1:11434/v1/chat/completions" }));
        assert_eq!((model.key, item.get("secret_key_name")), (None, None));
        let keyed = chosen(&["--url=https://models.example/v1", "--openai-api-key=k"]);
        assert_eq!(keyed.item()["secret_key_name"], json!({ "S": "OPENAI_API_KEY" }));
    }

    #[test]
    fn no_row_holds_a_key() {
        for name in ["anthropic", "openai", "gemini", "xai", "deepseek"] {
            let model = chosen(&[&format!("--{name}-api-key=secret-key")]);
            assert!(!json!(model.item()).to_string().contains("secret-key"), "{name}");
        }
    }
}
