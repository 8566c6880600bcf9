//! HTML as text: what a reader sees, with headings, lists and links as Markdown writes them.
//!
//! In one pass over the tokens and without a tree. Anybody may have written the page, and a tree costs a hundred times its bytes, or time
//! that is quadratic in how deep it nests; this costs about what the page does, whatever is in it. What is written is never
//! longer by more than a score of bytes a tag.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use html5ever::Attribute;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// A page that takes longer is up to something: an ordinary one of a megabyte takes some tens of milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes between two looks at the clock.
const PIECE: usize = 16 << 10;

/// Deeper lists are not indented further.
const DEEPEST: usize = 8;

/// Elements whose text nobody sees.
const UNSEEN: [&str; 8] = ["script", "style", "template", "svg", "math", "iframe", "object", "noscript"];

/// The page took too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

/// The text of a page.
pub(crate) fn of(html: &str) -> Result<String, TooSlow> {
    within(PATIENCE, html)
}

fn within(patience: Duration, html: &str) -> Result<String, TooSlow> {
    let began = Instant::now();
    let tokenizer = Tokenizer::new(Sink(RefCell::default()), TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = html;
    while !rest.is_empty() {
        if began.elapsed() > patience {
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

/// The text so far, and what of it is still open.
#[derive(Default)]
struct Text {
    out: String,
    /// Line breaks due before the next text.
    breaks: usize,
    /// Whether white space is due before the next text.
    space: bool,
    /// The element that nobody sees, and how many of its name are open.
    unseen: Option<(String, usize)>,
    preformatted: usize,
    /// Open lists: the next item's number, where they have numbers.
    lists: Vec<Option<usize>>,
    link: Option<Link>,
    /// Whether the row of a table has a cell already.
    has_cell: bool,
}

/// An open link: where its text begins, and where it leads.
struct Link {
    at: usize,
    target: StrTendril,
}

impl Text {
    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((unseen, count)) = &mut self.unseen {
            *count += usize::from(unseen == name && !tag.self_closing);
            return;
        }
        match name {
            _ if UNSEEN.contains(&name) => self.hide(name, tag.self_closing),
            "br" => self.breaks = self.breaks.max(1),
            "hr" => self.rule(),
            "pre" => {
                self.break_lines(2);
                self.preformatted += 1;
            }
            "ul" | "ol" => self.start_list(name == "ol"),
            "li" => self.start_item(),
            "tr" => {
                self.break_lines(1);
                self.has_cell = false;
            }
            "td" | "th" => self.start_cell(),
            "a" => self.start_link(&tag.attrs),
            "img" => self.add_picture(&tag.attrs),
            _ => self.start_block(name),
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((unseen, count)) = &mut self.unseen {
            *count -= usize::from(unseen == name);
            if *count == 0 {
                self.unseen = None;
            }
            return;
        }
        match name {
            "a" => self.end_link(),
            "pre" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.break_lines(2);
            }
            "ul" | "ol" => {
                self.lists.pop();
                self.break_lines(if self.lists.is_empty() { 2 } else { 1 });
            }
            _ => self.break_lines(lines_around(name)),
        }
    }

    /// Text, with white space as a reader sees it.
    fn add(&mut self, characters: &str) {
        if self.unseen.is_some() {
            return;
        }
        if self.preformatted > 0 {
            self.open_line();
            self.out.push_str(characters);
            return;
        }
        self.space |= characters.starts_with(is_space);
        for word in characters.split(is_space).filter(|word| !word.is_empty()) {
            self.open_line();
            self.out.push_str(word);
            self.space = true;
        }
        self.space = characters.ends_with(is_space) || self.space && characters.chars().all(is_space);
    }

    /// Writes the line breaks or the space that are due.
    fn open_line(&mut self) {
        if self.out.is_empty() {
            (self.breaks, self.space) = (0, false);
        }
        if self.breaks > 0 {
            self.out.extend(std::iter::repeat_n('\n', self.breaks));
        } else if self.space && !self.out.ends_with(char::is_whitespace) {
            self.out.push(' ');
        }
        (self.breaks, self.space) = (0, false);
    }

    fn break_lines(&mut self, lines: usize) {
        self.breaks = self.breaks.max(lines);
    }

    fn hide(&mut self, name: &str, is_closed: bool) {
        // A script cannot close itself; a picture can.
        if !is_closed || ["script", "style", "iframe", "noscript"].contains(&name) {
            self.unseen = Some((name.to_owned(), 1));
        }
    }

    fn start_block(&mut self, name: &str) {
        self.break_lines(lines_around(name));
        let level = name.strip_prefix('h').and_then(|level| level.parse().ok());
        if let Some(level @ 1..=6) = level {
            self.mark(&format!("{} ", &"######"[..level]));
        }
    }

    /// A mark in front of a text that follows on the same line.
    fn mark(&mut self, mark: &str) {
        self.open_line();
        self.out.push_str(mark);
    }

    fn rule(&mut self) {
        self.break_lines(2);
        self.mark("---");
        self.break_lines(2);
    }

    fn start_list(&mut self, is_numbered: bool) {
        self.break_lines(if self.lists.is_empty() { 2 } else { 1 });
        self.lists.push(is_numbered.then_some(1));
    }

    fn start_item(&mut self) {
        self.break_lines(1);
        let depth = self.lists.len().saturating_sub(1).min(DEEPEST);
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        };
        self.mark(&format!("{}{mark}", "  ".repeat(depth)));
    }

    fn start_cell(&mut self) {
        if self.has_cell {
            self.space = false;
            self.mark(" | ");
        }
        self.has_cell = true;
    }

    /// A link in a link ends the first, as in browsers.
    fn start_link(&mut self, attributes: &[Attribute]) {
        self.end_link();
        if let Some(target) = attribute(attributes, "href").filter(|target| leads_elsewhere(target)) {
            self.open_line();
            self.link = Some(Link { at: self.out.len(), target });
        }
    }

    /// `[text](target)`, if there is any text.
    fn end_link(&mut self) {
        let Some(Link { at, target }) = self.link.take() else { return };
        if self.out[at..].chars().any(|letter| !letter.is_whitespace()) {
            self.out.insert(at, '[');
            self.out.extend(["](", &target, ")"]);
        }
    }

    /// What stands in a picture's place for those who do not see it.
    fn add_picture(&mut self, attributes: &[Attribute]) {
        if let Some(text) = attribute(attributes, "alt") {
            self.add(&text);
        }
    }

    fn finished(mut self) -> String {
        self.end_link();
        self.out.truncate(self.out.trim_end().len());
        self.out
    }
}

/// How many line breaks stand around an element: none for those that stand in a line.
fn lines_around(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "title" | "table" | "blockquote" | "figure" | "section"
        | "article" | "pre" | "xmp" => 2,
        "div" | "header" | "footer" | "main" | "nav" | "aside" | "address" | "form" | "fieldset" | "dl" | "dt"
        | "dd" | "tr" | "li" | "caption" | "figcaption" | "option" | "summary" | "details" | "body" | "textarea" => 1,
        _ => 0,
    }
}

fn attribute(attributes: &[Attribute], name: &str) -> Option<StrTendril> {
    attributes.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| attribute.value.clone())
}

/// Not to a place on the same page, and not to a script.
fn leads_elsewhere(target: &str) -> bool {
    let target = target.trim_start();
    let is_script = target.get(..11).is_some_and(|scheme| scheme.eq_ignore_ascii_case("javascript:"));
    !target.is_empty() && !target.starts_with('#') && !is_script
}

/// HTML's white space. A no-break space is none.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_as_its_reader_sees_it() {
        let cases = [
            ("<title>T &amp; t</title><h1>A</h1><p>b\n  <b>c</b>d <i> e</i></p>f", "T & t\n\n# A\n\nb cd e\n\nf"),
            ("one<br>two<br/>three<div>four</div>five", "one\ntwo\nthree\nfour\nfive"),
            ("<ul><li>a<li>b<ol><li>c<li>d</ol></ul>e", "- a\n- b\n  1. c\n  2. d\n\ne"),
            ("<table><tr><th>a<th>b<tr><td>1<td>2</table>c", "a | b\n1 | 2\n\nc"),
            ("<pre>a\n  b</pre>c  d", "a\n  b\n\nc d"),
            ("see <a href='/x?a&amp;b'>this <b>page</b></a>.", "see [this page](/x?a&b)."),
            ("<a href=a>b<a href=c>d", "[b](a)[d](c)"),
            ("<a href='#a'>b</a> <a href='JavaScript:c()'>d</a> <a href=e></a> <a>f</a>", "b d f"),
            ("a <img alt='a picture' src=x> b<hr>c", "a a picture b\n\n---\n\nc"),
            ("a<script>if (1 < 2) '<p>'</script><style>p{}</style><!-- c --><noscript><p>d</noscript>b", "ab"),
            ("a<svg><path/><svg/><text>b</text></svg>c<svg/>d", "acd"),
            ("&lt;p&gt; &eacute;&#8364;&nbsp;x &unknown;", "<p> é€\u{a0}x &unknown;"),
            ("<h7>a</h7><hgroup>b</hgroup><é>c", "ab<é>c"),
            ("<p>a<", "a<"),
            ("</p></a></ul></svg>a", "a"),
            ("", ""),
        ];
        for (html, text) in cases {
            assert_eq!(of(html).as_deref(), Ok(text), "{html}");
        }
    }

    /// Tags in which a tree, or its text, would grow with the square of the page or worse.
    #[test]
    fn no_page_becomes_much_longer_than_it_is() {
        let units = [
            "<ul><li>",
            "<blockquote>a",
            "<table><tr><td>",
            "<div>",
            "<b><i>",
            "<a href=b>c",
            "<h6>a",
            "<p><td>",
            "<svg>",
        ];
        for unit in units {
            let html = unit.repeat((1 << 18) / unit.len());
            let text = of(&html).expect("in time");
            assert!(text.len() <= 4 * html.len(), "{unit}: {} bytes", text.len());
        }
    }

    #[test]
    fn a_page_that_takes_too_long_is_given_up() {
        assert_eq!(within(Duration::ZERO, &"<p>a".repeat(PIECE)), Err(TooSlow));
    }
}
