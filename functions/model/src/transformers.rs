//! How a prompt becomes a provider's request, and its response an answer: one file for each API.

mod anthropic_v1;
mod bedrock_v1;
mod dialect;
mod gemini_v1;
mod openai_v1;
mod scripted_v1;

use crate::call::Answer;
use crate::error::CallError;
use crate::prompt::Prompt;
use crate::target::Target;
use crate::transformer::Transformer;
use secrets::Secret;

/// What asks. Made once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clients<'a> {
    pub(crate) http: &'a reqwest::Client,
    pub(crate) bedrock: &'a aws_sdk_bedrockruntime::Client,
}

/// Asks the target once.
pub(crate) async fn ask(
    clients: Clients<'_>,
    target: &Target,
    prompt: &Prompt<'_>,
    key: Option<&Secret>,
) -> Result<Answer, CallError> {
    let dialect = match target.transformer {
        Transformer::Anthropic => &anthropic_v1::DIALECT,
        Transformer::OpenAi => &openai_v1::DIALECT,
        Transformer::Gemini => &gemini_v1::DIALECT,
        Transformer::Bedrock => return bedrock_v1::converse(clients.bedrock, target, prompt, key).await,
        Transformer::Scripted => {
            return scripted_v1::play(target.script.as_deref().unwrap_or("[]"), prompt)
                .map_err(|unreadable| unreadable.of(&target.provider_id));
        }
    };
    dialect.ask(clients.http, target, prompt, key).await
}
