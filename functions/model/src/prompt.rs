//! What a provider is asked, before any provider's words.

use crate::call::{Tool, ToolChoice};
use crate::conversation::{Part, Turn};
use crate::message::{Block, ToolResult};
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

/// How the model is to answer. What is `None` or empty is not sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) max_tokens: u64,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) reasoning_effort: Option<String>,
    pub(crate) stop_sequences: Vec<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) tool_choice: Option<ToolChoice>,
    pub(crate) cache_key: Option<String>,
    /// Whether the provider is told what to keep for the next call.
    pub(crate) caches: bool,
}

/// Bytes of text that make a token, usually.
const BYTES_PER_TOKEN: usize = 4;
/// What a picture is billed as, at most: small models of OpenAI's count the most tokens for one.
const MOST_OF_AN_IMAGE: u64 = 50_000;
/// What a document is billed as, at most: as many pages as any provider takes, each as text and as a picture.
const MOST_OF_A_DOCUMENT: u64 = 1_000_000;
/// What providers put around a conversation and its tools, such as how tools are called, and around each part.
const AROUND_A_PROMPT: u64 = 2_048;
const AROUND_A_PART: u64 = 32;

/// The tokens of a text of so many bytes, about.
pub(crate) fn tokens_of(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

/// Bytes and what is no text.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    bytes: usize,
    parts: u64,
    images: u64,
    documents: u64,
}

impl Prompt<'_> {
    /// The most that the model can be billed for: no text has more tokens than bytes.
    pub(crate) fn most(&self, max_input_tokens: Option<u64>) -> Tokens {
        let Size { bytes, parts, images, documents } = self.size();
        let around = AROUND_A_PROMPT + (parts + self.tools.len() as u64) * AROUND_A_PART;
        let input = bytes as u64 + around + images * MOST_OF_AN_IMAGE + documents * MOST_OF_A_DOCUMENT;
        // What a model cannot read it refuses, and a refusal costs nothing.
        let input = input.min(max_input_tokens.unwrap_or(u64::MAX));
        Tokens { input, output: self.settings.max_tokens, ..Tokens::default() }
    }

    /// What the model will read, about.
    pub(crate) fn input_tokens(&self) -> u64 {
        tokens_of(self.size().bytes)
    }

    /// How many tools were called so far.
    pub(crate) fn calls(&self) -> usize {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        parts.filter(|part| matches!(part, Part::ToolUse(..))).count()
    }

    /// Whether the model is free to call tools.
    pub(crate) fn may_call(&self) -> bool {
        self.settings.tool_choice != Some(ToolChoice::None)
    }

    fn size(&self) -> Size {
        let tools = self.tools.iter();
        let tools = tools.map(|tool| tool.name.len() + tool.description.len() + tool.schema.to_string().len());
        let mut size = Size { bytes: self.system.len() + tools.sum::<usize>(), ..Size::default() };
        for part in self.turns.iter().flat_map(|turn| &turn.parts) {
            size.parts += 1;
            size.add(part);
        }
        size
    }
}

impl Size {
    fn add(&mut self, part: &Part<'_>) {
        let opaque_len = |opaque: Option<&str>| opaque.map_or(0, str::len);
        match part {
            Part::Image(_) => self.images += 1,
            Part::Document { .. } => self.documents += 1,
            Part::Text(text, opaque) => self.bytes += text.len() + opaque_len(*opaque),
            Part::ToolUse(call, opaque) => {
                self.bytes += call.name.len() + call.input.to_string().len() + opaque_len(*opaque);
            }
            Part::ToolResult(result) => self.add_result(result),
            Part::Opaque(data) => self.bytes += data.len(),
        }
    }

    fn add_result(&mut self, result: &ToolResult) {
        let Some(blocks) = result.blocks() else {
            self.bytes += result.text().len();
            return;
        };
        for block in blocks {
            match block {
                Block::Text { text, .. } => self.bytes += text.len(),
                Block::Image { .. } => self.images += 1,
                _ => self.documents += 1,
            }
        }
    }
}
