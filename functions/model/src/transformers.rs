//! How a prompt becomes a provider's request, and its response an answer: one file for each API.

mod anthropic_v1;
mod bedrock_v1;
mod dialect;
mod gemini_v1;
mod openai_responses_v1;
mod openai_v1;
mod scripted_v1;

use crate::attempt::{Answered, Failed, Question};
use crate::message::Block;
use crate::transformer::Transformer;

/// What asks. Made once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clients<'a> {
    pub(crate) http: &'a reqwest::Client,
    pub(crate) bedrock: &'a aws_sdk_bedrockruntime::Client,
}

/// Asks once.
pub(crate) async fn ask(clients: Clients<'_>, question: Question<'_>) -> Result<Answered, Failed> {
    let target = question.target;
    let dialect = match target.transformer {
        Transformer::Anthropic => &anthropic_v1::DIALECT,
        Transformer::OpenAi => &openai_v1::DIALECT,
        Transformer::OpenAiResponses => &openai_responses_v1::DIALECT,
        Transformer::Gemini => &gemini_v1::DIALECT,
        Transformer::Bedrock => return heard(question, bedrock_v1::converse(clients.bedrock, question).await),
        Transformer::Scripted => {
            let played = scripted_v1::play(target.script.as_deref().unwrap_or("[]"), question.prompt);
            return heard(question, played.map_err(|unreadable| unreadable.of(&target.provider_id, None)));
        }
    };
    dialect.ask(clients.http, question).await
}

/// An answer that comes at once is heard word by word.
fn heard(question: Question<'_>, answered: Result<Answered, Failed>) -> Result<Answered, Failed> {
    if let (Some(listener), Ok(answered)) = (question.listener, &answered) {
        let texts = answered.said.blocks.iter();
        let texts = texts.filter_map(|block| if let Block::Text { text, .. } = block { Some(text) } else { None });
        texts.flat_map(|text| text.split_inclusive(' ')).for_each(|word| listener.hear(word));
    }
    answered
}
