//! One function, with everything that it talks to.

use super::aws::MODELS;
use super::{Secrets, Tables};
use functions_shared::clock::Clock;
use functions_shared::models::Models;
use functions_shared::secrets;
use llm::{CallError, Llm};
use serde_json::{Value, json};

/// The key that is in the secret, under every provider's name for it.
pub(crate) const KEY: &str = "sk-test-4f1b7c0d9e2a";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) llm: Llm,
    _tables: Tables,
    _secrets: Secrets,
}

impl World {
    /// A function that knows the models of these rows.
    pub(crate) async fn with(rows: &[Value]) -> Self {
        let tables = Tables::start().await;
        for row in rows {
            tables.put(MODELS, row).await;
        }
        let names = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY"];
        let keys = names.iter().map(|name| ((*name).to_owned(), json!(KEY))).collect();
        let secrets = Secrets::holding(&Value::Object(keys)).await;
        let llm = Llm {
            models: Some(Models::new(tables.client.clone(), MODELS)),
            secrets: secrets::Secrets::new(secrets.client(), Clock::system()),
            secret_name: Some("/ai-agent/llm-secrets/test".to_owned()),
            keys_are_local: true,
            budget: None,
            http: llm::http_client().expect("a client"),
        };
        Self { llm, _tables: tables, _secrets: secrets }
    }

    /// The reply as JSON.
    pub(crate) async fn ask(&self, call: Value) -> Result<Value, CallError> {
        let call = serde_json::from_value(call).expect("a call");
        let reply = self.llm.answer(call, None).await?;
        Ok(serde_json::to_value(reply).expect("JSON"))
    }
}

/// A call with one question and nothing else.
pub(crate) fn question(provider: &str, model: &str) -> Value {
    json!({
        "provider_config": {"provider_id": provider, "model_id": model},
        "messages": [{"role": "user", "content": "What is the weather?"}],
    })
}
