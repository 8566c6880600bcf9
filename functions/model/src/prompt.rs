//! What a provider is asked, before any provider's words.

use crate::call::Tool;
use crate::conversation::{Part, Turn};
use crate::prices::Tokens;

/// One question to a model.
#[derive(Debug)]
pub(crate) struct Prompt<'a> {
    /// The rules; empty without any.
    pub(crate) system: &'a str,
    pub(crate) turns: Vec<Turn<'a>>,
    pub(crate) tools: &'a [Tool],
    pub(crate) settings: Settings,
    /// How many messages of the conversation are the assistant's.
    pub(crate) spoken: usize,
}

/// How the model is to answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) max_tokens: u64,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
}

/// Bytes of text that make a token. It is a guess, the usual one; what is billed is what the provider counts.
const BYTES_PER_TOKEN: usize = 4;
/// What a picture is billed as, at most, by a provider that scales large ones down.
const TOKENS_PER_IMAGE: u64 = 1600;

/// The tokens of a text of so many bytes.
pub(crate) fn tokens_of(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

impl Prompt<'_> {
    /// What the model will read, and the most that it may write.
    pub(crate) fn estimate(&self) -> Tokens {
        Tokens { input: self.input_tokens(), output: self.settings.max_tokens }
    }

    /// What the model will read, about.
    pub(crate) fn input_tokens(&self) -> u64 {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        let (texts, images) = parts.fold((0, 0), |(texts, images), part| match part {
            Part::Image { .. } => (texts, images + 1),
            Part::Text(text) => (texts + text.len(), images),
            Part::ToolUse(call) => (texts + call.name.len() + call.input.to_string().len(), images),
            Part::ToolResult(result) => (texts + result.text().len(), images),
        });
        tokens_of(self.system.len() + texts + self.tools_bytes()) + images * TOKENS_PER_IMAGE
    }

    fn tools_bytes(&self) -> usize {
        let bytes =
            self.tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.schema.to_string().len());
        bytes.sum()
    }

    /// How many tools were called so far.
    pub(crate) fn calls(&self) -> usize {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        parts.filter(|part| matches!(part, Part::ToolUse(_))).count()
    }
}
