//! The text of a page as it is written, tag by tag.

use html5ever::Attribute;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::Tag;
use url::Url;

use super::attributes;
use super::hidden::Hidden;
use super::main_content::Stretches;
use super::page::Page;
use super::regions::Regions;

/// Deeper lists are not indented further.
const DEEPEST: usize = 8;

/// Longer titles are cut.
const LONGEST_TITLE: usize = 300;

/// Links with longer targets lose them.
const LONGEST_TARGET: usize = 2048;

/// Bytes that a short page may spend on the targets of its links; a longer page its length. A page could otherwise repeat the page's
/// own long address in each short link.
const LEAST_FOR_TARGETS: usize = 64 << 10;

/// The text so far, and what of it is still open.
pub(super) struct Text {
    out: String,
    title: Title,
    /// What links are relative to.
    base: Url,
    /// Bytes that are left for the targets of links.
    for_targets: usize,
    /// Line breaks due before the next text.
    breaks: usize,
    /// Whether white space is due before the next text.
    space: bool,
    hidden: Option<Hidden>,
    regions: Regions,
    stretches: Stretches,
    preformatted: usize,
    /// Open lists: the next item's number, where they have numbers.
    lists: Vec<Option<usize>>,
    link: Option<Link>,
    /// Whether the row of a table has a cell already.
    has_cell: bool,
}

/// The first title of a page.
#[derive(Default)]
struct Title {
    is_open: bool,
    text: String,
}

/// An open link: where its text begins, once there is some, and where it leads.
struct Link {
    at: Option<usize>,
    target: String,
}

impl Text {
    pub(super) fn new(base: Url, bytes: usize) -> Self {
        Self {
            out: String::new(),
            title: Title::default(),
            base,
            for_targets: bytes.max(LEAST_FOR_TARGETS),
            breaks: 0,
            space: false,
            hidden: None,
            regions: Regions::default(),
            stretches: Stretches::new(),
            preformatted: 0,
            lists: vec![],
            link: None,
            has_cell: false,
        }
    }

    pub(super) fn start(&mut self, tag: &Tag) {
        if self.hidden.as_mut().is_some_and(|hidden| !hidden.ends_at_start(tag)) {
            return;
        }
        self.hidden = Hidden::from(tag);
        if self.hidden.is_none() {
            self.regions.start(tag);
            self.start_seen(tag);
        }
    }

    fn start_seen(&mut self, tag: &Tag) {
        match &*tag.name {
            "title" => self.title.is_open = self.title.text.is_empty(),
            "base" => self.set_base(&tag.attrs),
            "br" => self.breaks = self.breaks.max(1),
            "hr" => self.rule(),
            "pre" => {
                self.break_lines(2);
                self.preformatted += 1;
            }
            list @ ("ul" | "ol") => self.start_list(list == "ol"),
            "li" => self.start_item(),
            "tr" => {
                self.break_lines(1);
                self.has_cell = false;
            }
            "td" | "th" => self.start_cell(),
            "a" => self.start_link(&tag.attrs),
            "img" => self.add_picture(&tag.attrs),
            name => self.start_block(name),
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        if let Some(hidden) = &mut self.hidden {
            if hidden.ends_at_end(name) {
                self.hidden = None;
            }
            return;
        }
        match name {
            "title" => self.title.is_open = false,
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
        self.regions.end(name);
    }

    /// Text, with white space as a reader sees it.
    pub(super) fn add(&mut self, characters: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.title.is_open {
            self.title.add(characters);
            return;
        }
        if self.preformatted > 0 {
            self.push(characters);
            return;
        }
        self.space |= characters.starts_with(is_space);
        for word in characters.split(is_space).filter(|word| !word.is_empty()) {
            self.push(word);
            self.space = true;
        }
        self.space = characters.ends_with(is_space) || self.space && characters.chars().all(is_space);
    }

    fn push(&mut self, text: &str) {
        self.open_line();
        if let Some(link) = &mut self.link {
            link.at.get_or_insert(self.out.len());
        }
        self.out.push_str(text);
    }

    /// Writes the line breaks or the space that are due.
    fn open_line(&mut self) {
        if self.out.is_empty() {
            (self.breaks, self.space) = (0, false);
            self.stretches.begin(0, self.regions.now());
        }
        if self.breaks > 0 {
            self.stretches.begin(self.out.len(), self.regions.now());
            self.out.extend(std::iter::repeat_n('\n', self.breaks));
        } else if self.space && !self.out.ends_with(char::is_whitespace) {
            self.out.push(' ');
        }
        (self.breaks, self.space) = (0, false);
    }

    fn break_lines(&mut self, lines: usize) {
        self.breaks = self.breaks.max(lines);
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

    /// A page says once what its links are relative to.
    fn set_base(&mut self, attributes: &[Attribute]) {
        let base = attributes::value(attributes, "href").filter(|base| base.len() <= LONGEST_TARGET);
        if let Some(base) = base.and_then(|base| self.base.join(&base).ok()) {
            self.base = base;
        }
    }

    /// A link in a link ends the first, as in browsers.
    fn start_link(&mut self, attributes: &[Attribute]) {
        self.end_link();
        let target = attributes::value(attributes, "href").and_then(|target| self.absolute(&target));
        self.link = target.map(|target| Link { at: None, target });
    }

    /// Where a link leads, if that is another page.
    fn absolute(&mut self, target: &StrTendril) -> Option<String> {
        let target = target.trim();
        if target.is_empty() || target.starts_with('#') || target.len() > LONGEST_TARGET || self.for_targets == 0 {
            return None;
        }
        let url =
            self.base.join(target).ok().filter(|url| ["http", "https", "mailto", "tel"].contains(&url.scheme()))?;
        let url: String = url.into();
        self.for_targets = self.for_targets.saturating_sub(url.len());
        (url.len() <= LONGEST_TARGET).then_some(url)
    }

    /// `[text](target)`, if there is any text.
    fn end_link(&mut self) {
        let Some(Link { at: Some(at), target }) = self.link.take() else { return };
        if self.out[at..].chars().any(|letter| !letter.is_whitespace()) {
            self.stretches.link(at, self.out.len(), target.len() + "[]()".len());
            self.out.insert(at, '[');
            self.out.extend(["](", &target, ")"]);
        }
    }

    /// The text in place of a picture, for those who do not see it.
    fn add_picture(&mut self, attributes: &[Attribute]) {
        if let Some(text) = attributes::value(attributes, "alt") {
            self.add(&text);
        }
    }

    pub(super) fn finished(mut self) -> Page {
        self.end_link();
        let title = self.title.text.split_whitespace().collect::<Vec<_>>().join(" ");
        Page { title, text: self.stretches.main_content(&self.out) }
    }
}

impl Title {
    fn add(&mut self, characters: &str) {
        let room = LONGEST_TITLE.saturating_sub(self.text.len());
        self.text.push_str(&characters[..characters.floor_char_boundary(room)]);
    }
}

/// How many line breaks surround an element: none for those within a line.
fn lines_around(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "blockquote" | "figure" | "section" | "article"
        | "pre" | "xmp" => 2,
        "div" | "header" | "footer" | "main" | "nav" | "aside" | "address" | "form" | "fieldset" | "dl" | "dt"
        | "dd" | "tr" | "li" | "caption" | "figcaption" | "option" | "summary" | "details" | "body" | "textarea"
        | "menu" => 1,
        _ => 0,
    }
}

/// HTML's white space. A no-break space is none.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}
