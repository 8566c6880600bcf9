//! The ways to ask a model that are known, by the names that rows and events have for them.

use crate::error::CallError;

/// Whose words are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transformer {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Chat Completions.
    OpenAi,
    /// Google's Gemini.
    Gemini,
    /// Bedrock's Converse, by the SDK.
    Bedrock,
    /// Nobody's.
    Scripted,
}

impl Transformer {
    pub(crate) fn named(name: &str) -> Result<Self, CallError> {
        match name {
            "anthropic_v1" => Ok(Self::Anthropic),
            "openai_v1" => Ok(Self::OpenAi),
            "gemini_v1" => Ok(Self::Gemini),
            "bedrock_v1" => Ok(Self::Bedrock),
            "scripted_v1" => Ok(Self::Scripted),
            _ => Err(CallError::invalid(format!("there is no transformer `{name}`"))),
        }
    }
}
