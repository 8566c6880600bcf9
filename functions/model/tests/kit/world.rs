//! One function, with everything that it talks to.

use super::aws::MODELS;
use super::{Secrets, Tables};
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Credentials, Region};
use functions_shared::Clock;
use model::models::Models;
use model::{CallError, Llm, Retries};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

/// The key that is in the secret, under every provider's name for it.
pub(crate) const KEY: &str = "sk-test-4f1b7c0d9e2a";

/// The secret's name.
pub(crate) const SECRET: &str = "/ai-agent/llm-secrets/test";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) llm: Llm,
    pub(crate) tables: Tables,
    pub(crate) secrets: Secrets,
}

impl World {
    /// A function that knows the models of these rows.
    pub(crate) async fn with(rows: &[Value]) -> Self {
        let tables = Tables::start().await;
        for row in rows {
            tables.put(MODELS, row).await;
        }
        let names = [
            "ANTHROPIC_API_KEY",
            "OPENAI_API_KEY",
            "GEMINI_API_KEY",
            "DEEPSEEK_API_KEY",
            "XAI_API_KEY",
            "AWS_BEARER_TOKEN_BEDROCK",
        ];
        let keys = names.iter().map(|name| ((*name).to_owned(), json!(KEY))).collect();
        let secrets = Secrets::holding(&Value::Object(keys)).await;
        let llm = Llm {
            models: Some(Models::new(tables.client.clone(), MODELS)),
            secrets: secrets::Secrets::new(secrets.client(), Clock::system()),
            secret_name: Some(SECRET.to_owned()),
            keys_are_local: true,
            budget: None,
            bedrock: bedrock(),
            http: model::http_client().expect("a client"),
            retries: Retries::NONE,
            clock: Clock::system(),
            warned: Mutex::default(),
        };
        Self { llm, tables, secrets }
    }

    /// The reply as JSON.
    pub(crate) async fn ask(&self, call: Value) -> Result<Value, CallError> {
        self.ask_within(call, Duration::from_mins(1)).await
    }

    /// The reply as JSON, if it comes in time.
    pub(crate) async fn ask_within(&self, call: Value, time: Duration) -> Result<Value, CallError> {
        let call = serde_json::from_value(call).expect("a call");
        let reply = self.llm.answer(call, Some(time)).await?;
        Ok(serde_json::to_value(reply).expect("JSON"))
    }
}

/// Signs as anybody; rows say where Bedrock is.
fn bedrock() -> aws_sdk_bedrockruntime::Client {
    let config = aws_sdk_bedrockruntime::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled());
    aws_sdk_bedrockruntime::Client::from_conf(config.build())
}

/// A call with one question and nothing else.
pub(crate) fn question(provider: &str, model: &str) -> Value {
    json!({
        "provider_config": {"provider_id": provider, "model_id": model},
        "messages": [{"role": "user", "content": "What is the weather?"}],
    })
}
