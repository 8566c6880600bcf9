//! Offloading: finding the values of a response that are too long to travel, and putting references in their places.
//!
//! ```
//! use bytes::Bytes;
//! use long_content::offload::{self, Limits};
//! use long_content::reference::{Content, Scope, Ttl};
//!
//! let response = Bytes::from(r#"{"n":1e400,"text":"long\ntext"}"#);
//! let plan = offload::plan(&response, &Limits { threshold: 8, ..Limits::default() });
//! assert_eq!(plan.contents(), [Content::string("long\ntext")]);
//!
//! let reference = Scope::new("AgentContext-dev").reference(Ttl::NONE, &plan.contents()[0]);
//! assert_eq!(plan.apply(&[reference]), format!(r#"{{"n":1e400,"text":"{reference}"}}"#));
//! ```

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use memchr::{memchr, memchr2};

use crate::crowds;
use crate::gaps;
use crate::json::{self, StringToken};
use crate::keep::{Pointer, Reached};
use crate::leaving::Leaving;
use crate::nested::Budget;
use crate::reference::{Content, MAX_LEN, PREFIX, Reference};

/// How many contents are stored for one response, at most, because text in it looks like references. An attacker needs only
/// some 12 bytes of text for each (O11).
pub const MAX_LOOK_ALIKES: usize = 100;

/// What may stay in a response.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Strings of more bytes than this, of decoded UTF-8, are offloaded.
    pub threshold: usize,
    /// Values that stay whatever their size, unless they look like a reference.
    pub keep: &'a [Pointer],
    /// References that the function got unchanged in its event: they may be in the response unchanged.
    pub kept: &'a [Reference],
    /// How many values are taken out, at most, because they look like references.
    pub max_look_alikes: usize,
}

impl Default for Limits<'_> {
    /// Nothing is taken out except text that looks like a reference.
    fn default() -> Self {
        Self { threshold: usize::MAX, keep: &[], kept: &[], max_look_alikes: MAX_LOOK_ALIKES }
    }
}

/// Finds every string value of `response` that is longer than the threshold and not kept, or looks like a reference. If too
/// many strings look like references, objects and arrays that contain them are taken out in their place (see [`crowds`]). In
/// a response that is not valid JSON, it finds nothing.
///
/// A response no longer than the threshold costs one search for what could spell a reference.
pub fn plan(response: &Bytes, limits: &Limits<'_>) -> Leaving {
    let mut leaving = Leaving::nothing_of(response);
    let may_look_alike = may_spell_prefix(response);
    if !may_look_alike && !gaps::has_longer_than(response, limits.threshold) {
        return leaving;
    }
    let is_candidate = |token: &StringToken| {
        let raw = token.raw(response);
        (raw.len() > limits.threshold || may_look_alike && may_spell_prefix(raw)) && !token.is_key(response)
    };
    let mut candidates = json::strings(response).filter(is_candidate).peekable();
    if candidates.peek().is_none() {
        return leaving;
    }
    if !json::is_valid(response) {
        leaving.note_invalid();
        return leaving;
    }
    let judge = Judge {
        response,
        threshold: limits.threshold,
        kept: kept_texts(limits.kept),
        reached: Reached::of(response, limits.keep),
    };
    // Where those begin that leave for no other reason. When they are too many, only that is remembered: a response may be full of them.
    let mut look_alikes = vec![];
    for token in candidates {
        let verdict = judge.of(&token);
        look_alikes.extend(matches!(verdict, Verdict::Leaves { for_its_look: true, .. }).then_some(token.open));
        if look_alikes.len() <= limits.max_look_alikes {
            carry_out(verdict, &token, &mut leaving);
        }
    }
    if look_alikes.len() <= limits.max_look_alikes {
        return leaving;
    }
    let mut containers = crowds::containers(response, &look_alikes, limits.max_look_alikes).into_iter().peekable();
    drop(look_alikes);
    let (mut leaving, mut end) = (Leaving::nothing_of(response), 0);
    leaving.note_look_alike();
    for token in json::strings(response).filter(is_candidate) {
        if let Some(container) = containers.next_if(|container| container.start < token.open) {
            end = container.end;
            leaving.push(container.clone(), Content::verbatim(response.slice(container)));
        }
        if token.open >= end {
            carry_out(judge.of(&token), &token, &mut leaving);
        }
    }
    leaving
}

/// Decides which strings of a response are taken out.
struct Judge<'a> {
    response: &'a Bytes,
    threshold: usize,
    kept: Kept,
    reached: Reached,
}

/// What happens to a string.
enum Verdict<'a> {
    /// It is taken out, with this text, because it is too long or looks like a reference. `for_its_look` says that there is
    /// no other reason than its look.
    Leaves { text: Cow<'a, [u8]>, looks_alike: bool, for_its_look: bool },
    /// It is too long, but a pointer keeps it.
    Kept,
    /// It stays, because it is not too long.
    Stays,
}

impl<'a> Judge<'a> {
    fn of(&self, token: &StringToken) -> Verdict<'a> {
        let text = json::decode(self.response, token);
        let (is_long, is_reached) = (text.len() > self.threshold, || self.reached.contains(token.open));
        if looks_alike(&text, &self.kept) {
            let for_its_look = !is_long || is_reached();
            Verdict::Leaves { text, looks_alike: true, for_its_look }
        } else if !is_long || is_kept(&text, &self.kept) {
            Verdict::Stays
        } else if is_reached() {
            Verdict::Kept
        } else {
            Verdict::Leaves { text, looks_alike: false, for_its_look: false }
        }
    }
}

fn carry_out(verdict: Verdict<'_>, token: &StringToken, leaving: &mut Leaving) {
    match verdict {
        Verdict::Leaves { text, looks_alike, .. } => leaving.push_string(token, text, looks_alike),
        Verdict::Kept => leaving.note_kept(token.open),
        Verdict::Stays => {}
    }
}

/// Whether some string in a text could decode to the prefix of a reference: either directly, or by `\u` escapes of its
/// characters (however often these are escaped themselves).
pub(crate) fn may_spell_prefix(text: &[u8]) -> bool {
    Spellings::default().may_stand_in(text)
}

/// The same for a text that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct Spellings {
    /// Whether a backslash has been seen: it may begin an escape that is itself escaped, and so can have any length.
    escaped: bool,
}

impl Spellings {
    /// Bytes of the longest text that must be seen in one piece, which is the unescaped prefix. Of an escape, it is `u`,
    /// zeros and digits.
    pub(crate) const LONGEST: usize = PREFIX.len();

    /// Whether the prefix may be in the next piece, or end in it, in any spelling.
    pub(crate) fn may_stand_in(&mut self, piece: &[u8]) -> bool {
        // A character is looked for several times as fast as a text, and few payloads have both of these.
        let Some(first) = (if self.escaped { Some(0) } else { memchr2(b'@', b'\\', piece) }) else { return false };
        let text = &piece[first..];
        let from = |character| memchr(character, text).map_or(&[][..], |at| &text[at..]);
        let escaped = if self.escaped { text } else { from(b'\\') };
        self.escaped |= !escaped.is_empty();
        let is_of_it = |at: usize| escaped.get(at + 3..at + 5).is_some_and(is_of_prefix);
        AS_IT_IS.find(from(b'@')).is_some() || ESCAPED.find_iter(escaped).any(is_of_it)
    }
}

static AS_IT_IS: LazyLock<Finder> = LazyLock::new(|| Finder::new(PREFIX));
static ESCAPED: LazyLock<Finder> = LazyLock::new(|| Finder::new("u00"));

/// Whether these two hexadecimal digits are a character of `@content:`, or of an escape of such a character: `u`, or a
/// digit. Other escapes are common and harmless: many encoders escape `<`, `>` and `&`.
fn is_of_prefix(digits: &[u8]) -> bool {
    matches!(
        digits,
        [b'3', b'0'..=b'9' | b'a' | b'A']
            | [b'4', b'0'..=b'6']
            | [b'6', b'1'..=b'6' | b'e' | b'E' | b'f' | b'F']
            | [b'7', b'4' | b'5']
    )
}

/// The spellings of references that may be in a response unchanged.
pub(crate) type Kept = HashSet<String>;

pub(crate) fn kept_texts(kept: &[Reference]) -> Kept {
    kept.iter().map(Reference::to_string).collect()
}

/// Whether the decoded text of a string would be taken for a reference in an event: because it begins like one, or because
/// it is JSON text that contains such a string. It is also true for text that would cost too much to search.
///
/// A text is dropped before the texts inside it are searched, which together are no longer than it was.
fn looks_alike(text: &[u8], kept: &Kept) -> bool {
    let mut budget = Budget::of_text(text);
    let mut texts = vec![Cow::Borrowed(text)];
    while let Some(text) = texts.pop() {
        if text.starts_with(PREFIX.as_bytes()) {
            if !is_kept(&text, kept) {
                return true;
            }
        } else if json::opens_text(&text) && may_spell_prefix(&text) && json::is_valid(&text) {
            let may_hold = |token: &StringToken| may_spell_prefix(token.raw(&text)) && !token.is_key(&text);
            for token in json::strings(&text).filter(may_hold) {
                let Some(inside) = budget.decode(&text, &token) else { return true };
                texts.push(Cow::Owned(inside.into_owned()));
            }
        }
    }
    false
}

pub(crate) fn is_kept(text: &[u8], kept: &Kept) -> bool {
    text.len() < MAX_LEN && std::str::from_utf8(text).is_ok_and(|text| kept.contains(text))
}
