//! How a prompt becomes a provider's request, and its response an answer: one file for each API.

mod anthropic_v1;
mod bedrock_v1;
mod dialect;
mod gemini_v1;
mod openai_responses_v1;
mod openai_v1;
mod scripted_v1;

use crate::attempt::{Answered, Failed, Question};
use crate::listener::Listener;
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
        Transformer::Bedrock | Transformer::Scripted => return at_once(clients, question).await,
    };
    dialect.ask(clients.http, question).await
}

/// Asks those who give their answer at once.
async fn at_once(clients: Clients<'_>, question: Question<'_>) -> Result<Answered, Failed> {
    let target = question.target;
    let answered = if matches!(target.transformer, Transformer::Bedrock) {
        bedrock_v1::converse(clients.bedrock, question).await?
    } else {
        let played = scripted_v1::play(target.script.as_deref().unwrap_or("[]"), question.prompt);
        played.map_err(|unreadable| unreadable.of(&target.provider_id, None))?
    };
    if let Some(listener) = question.listener {
        hear(listener, &answered);
    }
    Ok(answered)
}

/// An answer that comes at once is heard word by word.
fn hear(listener: &Listener<'_>, answered: &Answered) {
    let texts = answered.said.blocks.iter();
    let texts = texts.filter_map(|block| if let Block::Text { text, .. } = block { Some(text) } else { None });
    for word in texts.flat_map(|text| text.split_inclusive(' ')) {
        listener.hear(word);
    }
}
