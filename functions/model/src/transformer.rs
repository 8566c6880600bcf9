//! The ways to ask a model that are known, by the names that rows and events have for them.

use crate::error::CallError;

/// Whose words are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transformer {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Chat Completions.
    OpenAi,
    /// OpenAI's Responses.
    OpenAiResponses,
    /// Google's Gemini.
    Gemini,
    /// Bedrock's Converse, by the SDK.
    Bedrock,
    /// Of no provider.
    Scripted,
}

impl Transformer {
    pub(crate) fn named(name: &str) -> Result<Self, CallError> {
        match name {
            "anthropic_v1" => Ok(Self::Anthropic),
            "openai_v1" => Ok(Self::OpenAi),
            "openai_responses_v1" => Ok(Self::OpenAiResponses),
            "gemini_v1" => Ok(Self::Gemini),
            "bedrock_v1" => Ok(Self::Bedrock),
            "scripted_v1" => Ok(Self::Scripted),
            _ => Err(CallError::invalid(format!("there is no transformer `{name}`"))),
        }
    }

    /// Its name in rows and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic_v1",
            Self::OpenAi => "openai_v1",
            Self::OpenAiResponses => "openai_responses_v1",
            Self::Gemini => "gemini_v1",
            Self::Bedrock => "bedrock_v1",
            Self::Scripted => "scripted_v1",
        }
    }
}
