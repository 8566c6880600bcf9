//! Kept values: values of a response that stay inline, because something that cannot hydrate reads them (rules O1, O2).
//!
//! JSON Pointers name them. A string that a pointer reaches stays, whatever its size. An object or array that a pointer
//! reaches stays in its place, but its strings are offloaded like any others, unless a pointer reaches them, too.

use std::ops::Range;
use std::str::FromStr;

use crate::json::{self, Name};
use crate::part::unescaped;

/// A JSON Pointer (RFC 6901), by its reference tokens. A token that is exactly `*` matches any one member or element, a last
/// token `**` everything below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Any one member or element.
    Any,
    /// Everything below.
    Below,
    /// The member of this name, or the element of this index.
    Named { name: String, index: Option<usize> },
}

/// A text that is not a JSON Pointer: it does not begin with `/`, or has a `~` that escapes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON Pointer (RFC 6901): it must begin with `/`, and each `~` must be followed by 0 or 1")]
pub struct NotAPointer;

impl FromStr for Pointer {
    type Err = NotAPointer;

    fn from_str(text: &str) -> Result<Self, NotAPointer> {
        let mut tokens = text.strip_prefix('/').ok_or(NotAPointer)?.split('/').peekable();
        let mut pointer = vec![];
        while let Some(token) = tokens.next() {
            pointer.push(match token {
                "*" => Token::Any,
                "**" if tokens.peek().is_none() => Token::Below,
                _ => Token::named(unescaped(token).ok_or(NotAPointer)?),
            });
        }
        Ok(Self(pointer))
    }
}

impl Token {
    fn named(name: String) -> Self {
        let index = name.parse().ok().filter(|index: &usize| index.to_string() == name);
        Self::Named { name, index }
    }

    fn matches(&self, text: &[u8], member: &Name) -> bool {
        match (self, member) {
            (Self::Any, _) => true,
            (Self::Below, _) => false,
            (Self::Named { name, .. }, Name::Key(_)) => member.is(text, name),
            (Self::Named { index, .. }, Name::Index(at)) => *index == Some(*at),
        }
    }
}

/// The rest of the pointers below some value: of each pointer, the tokens that still have to be followed.
#[derive(Debug, Clone)]
pub(crate) struct Paths<'a>(Vec<&'a [Token]>);

impl<'a> Paths<'a> {
    pub(crate) fn new(pointers: &'a [Pointer]) -> Self {
        Self(pointers.iter().map(|pointer| pointer.0.as_slice()).collect())
    }

    /// The rest of them below a member.
    pub(crate) fn below(&self, text: &[u8], member: &Name) -> Self {
        let step = |path: &&'a [Token]| path.split_first().filter(|(token, _)| token.matches(text, member));
        Self(self.0.iter().filter_map(|path| step(path).map(|(_, rest)| rest)).collect())
    }

    /// Whether no pointer ends here or leads further down.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pointer ends here.
    fn ends(&self) -> bool {
        self.0.iter().any(|path| path.is_empty())
    }

    /// Whether everything below here stays.
    fn keeps_all_below(&self) -> bool {
        self.0.iter().any(|path| matches!(path, [Token::Below]))
    }

    /// Whether the value here, which begins at `start`, stays in its place. A string has nothing below it to keep.
    pub(crate) fn keeps_in_place(&self, text: &[u8], start: usize) -> bool {
        self.ends() || self.keeps_all_below() && matches!(text[start], b'{' | b'[')
    }
}

/// The values of a document that pointers reach.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    /// Where the values begin at which a pointer ends, in order.
    starts: Vec<usize>,
    /// The containers in which everything stays, in order, and disjoint.
    whole: Vec<Range<usize>>,
}

impl Reached {
    /// Follows the pointers through a valid document. Costs nothing without a pointer.
    pub(crate) fn of(text: &[u8], pointers: &[Pointer]) -> Self {
        let mut reached = Self::default();
        if !pointers.is_empty() {
            let start = text.len() - text.trim_ascii_start().len();
            reached.follow(text, start..text.len(), &Paths::new(pointers));
        }
        reached
    }

    /// Recurses as deep as the longest pointer.
    fn follow(&mut self, text: &[u8], value: Range<usize>, paths: &Paths<'_>) {
        if paths.ends() {
            self.starts.push(value.start);
        }
        if paths.keeps_all_below() {
            return self.whole.push(value);
        }
        for (name, member) in json::members(text, value.start) {
            let below = paths.below(text, &name);
            if !below.is_empty() {
                self.follow(text, member, &below);
            }
        }
    }

    /// Whether the value that begins at `start` is one of them.
    pub(crate) fn contains(&self, start: usize) -> bool {
        let before = self.whole.partition_point(|whole| whole.start < start);
        let is_below = before.checked_sub(1).is_some_and(|index| start < self.whole[index].end);
        is_below || self.starts.binary_search(&start).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// The strings of a document that pointers reach.
    fn kept(document: &str, pointers: &[&str]) -> Vec<String> {
        let pointers: Vec<_> = pointers.iter().map(|pointer| pointer.parse().expect("a pointer")).collect();
        let reached = Reached::of(document.as_bytes(), &pointers);
        let values = json::strings(document.as_bytes()).filter(|token| !token.is_key(document.as_bytes()));
        let kept = values.filter(|token| reached.contains(token.open));
        kept.map(|token| String::from_utf8(token.raw(document.as_bytes()).to_vec()).expect("text")).collect()
    }

    #[test]
    fn a_pointer_reaches_one_value_and_wildcards_reach_many() {
        let document =
            r#" {"a":"1","b":{"a":"2","c":["3",{"d":"4"}]},"a/b":"5","m~n":"6","*":"7","e\u0066":"8","01":["9"]}"#;
        for (pointer, expected) in [
            ("/a", &["1"][..]),
            ("/b", &[]),
            ("/b/a", &["2"]),
            ("/b/c/0", &["3"]),
            ("/b/c/00", &[]),
            ("/b/c/1/d", &["4"]),
            ("/b/*", &["2"]),
            ("/b/c/*", &["3"]),
            ("/*/c/*/d", &["4"]),
            ("/b/**", &["2", "3", "4"]),
            ("/b/c/**", &["3", "4"]),
            ("/a/**", &[]),
            ("/**", &["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
            ("/a~1b", &["5"]),
            ("/m~0n", &["6"]),
            ("/*", &["1", "5", "6", "7", "8"]),
            ("/ef", &["8"]),
            ("/01/0", &["9"]),
            ("/**/a", &[]),
            ("/nobody", &[]),
        ] {
            assert_eq!(kept(document, &[pointer]), expected, "{pointer}");
        }
        assert_eq!(kept(document, &["/b", "/b/c/**", "/b/a", "/a"]), ["1", "2", "3", "4"]);
        for text in ["a", "", "/a~", "/a~2b", "/~", "/a/~~0"] {
            assert_eq!(text.parse::<Pointer>(), Err(NotAPointer), "{text}");
        }
    }

    fn any_document() -> impl Strategy<Value = Value> {
        let leaf = "[xy]{0,2}".prop_map(Value::from);
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[ab~/*0]{1,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// A slow implementation of the rule: whether `tokens` reach the value at `path`.
    fn reaches(tokens: &[&str], path: &[String]) -> bool {
        match (tokens, path) {
            (["**"], below) => !below.is_empty(),
            ([], []) => true,
            ([token, tokens @ ..], [name, path @ ..]) => {
                let is_it = *token == "*" || token.replace("~1", "/").replace("~0", "~") == *name;
                is_it && reaches(tokens, path)
            }
            _ => false,
        }
    }

    fn strings_of(value: &Value, path: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
        let members: Vec<(String, &Value)> = match value {
            Value::String(_) => return all.push(path.clone()),
            Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
            Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
            _ => vec![],
        };
        for (name, member) in members {
            path.push(name);
            strings_of(member, path, all);
            path.pop();
        }
    }

    proptest! {
        /// O1: exactly the strings that a pointer reaches stay.
        #[test]
        fn what_is_reached_is_what_the_rule_says(
            document in any_document(),
            pointers in proptest::collection::vec(proptest::collection::vec("[ab0]|~0|~1|[*]{1,2}|a~1", 1..4), 0..4),
        ) {
            let text = document.to_string();
            let parsed: Vec<Pointer> =
                pointers.iter().map(|tokens| format!("/{}", tokens.join("/")).parse().unwrap()).collect();
            let reached = Reached::of(text.as_bytes(), &parsed);
            let mut paths = vec![];
            strings_of(&document, &mut vec![], &mut paths);
            let tokens = json::strings(text.as_bytes()).filter(|token| !token.is_key(text.as_bytes()));
            for (token, path) in tokens.zip(&paths) {
                let is_kept = pointers.iter().any(|pointer| {
                    reaches(&pointer.iter().map(String::as_str).collect::<Vec<_>>(), path)
                });
                prop_assert_eq!(reached.contains(token.open), is_kept, "{:?} in {} by {:?}", path, text, pointers);
            }
        }
    }
}
