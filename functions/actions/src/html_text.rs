//! HTML as text: the main content as its reader sees it, with headings, lists and links as Markdown writes them.
//!
//! In one pass over the tokens and without a tree. Anybody may have written the page, and a tree costs a hundred times its bytes, or time
//! that is quadratic in how deep it nests; this costs about what the page does, whatever is in it
//! ([ADR 29](../../../docs/adr/0029-pages-as-text.md)). What is written is never longer by more than a score of bytes a tag, and the
//! targets of links together not by more than the page.

mod attributes;
mod hidden;
mod main_content;
mod page;
mod regions;
mod text;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use url::Url;

pub(crate) use self::page::Page;
use self::text::Text;

/// A page that takes longer is up to something: an ordinary one of a megabyte takes some tens of milliseconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes between two looks at the clock.
const PIECE: usize = 16 << 10;

/// The page took too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

/// What the page at `url` says.
pub(crate) fn of(html: &str, url: &Url) -> Result<Page, TooSlow> {
    within(TIMEOUT, html, url)
}

fn within(timeout: Duration, html: &str, url: &Url) -> Result<Page, TooSlow> {
    let began = Instant::now();
    let text = Text::new(url.clone(), html.len());
    let tokenizer = Tokenizer::new(Sink(RefCell::new(text)), TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = html;
    while !rest.is_empty() {
        if began.elapsed() > timeout {
            return Err(TooSlow);
        }
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        queue.push_back(StrTendril::from_slice(piece));
        let _ = tokenizer.feed(&queue); // It stops for scripts to run only if a sink says so.
        rest = after;
    }
    tokenizer.end();
    Ok(tokenizer.sink.0.into_inner().finished())
}

struct Sink(RefCell<Text>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut text = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(characters) => text.add(&characters),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                text.start(&tag);
                return content_of(&tag);
            }
            Token::TagToken(tag) => text.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// How the tokenizer is to read what follows: in a script, `<b>` is no tag.
fn content_of(tag: &Tag) -> TokenSinkResult<()> {
    match &*tag.name {
        "script" => TokenSinkResult::RawData(ScriptData),
        "style" | "iframe" | "noscript" | "xmp" | "noembed" | "noframes" => TokenSinkResult::RawData(Rawtext),
        "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

#[cfg(test)]
mod tests;
