//! Locating: finds the places of something in a document, for people who look at it. No invocation needs this.
//!
//! A place is a list of JSON Pointers (RFC 6901). The first leads into the document; each further one leads into the JSON
//! text in the string that the previous one found.
//!
//! ```
//! use bytes::Bytes;
//! use long_content::locate;
//! use long_content::reference::{Content, Scope, Ttl};
//!
//! let reference = Scope::new("AgentContext-dev").reference(Ttl::NONE, &Content::string("text"));
//! let event = Bytes::from(format!(r#"{{"Records":[{{"body":"{{\"a/b\": \"{reference}\"}}"}}]}}"#));
//! let sighting = &locate::sightings(&event)[0];
//! assert_eq!(sighting.pointers, ["/Records/0/body", "/a~1b"]);
//! assert_eq!(sighting.reference, Ok(reference.into()));
//! ```

use memchr::memmem;

use crate::json::{self, Name, StringToken};
use crate::nested::Budget;
use crate::reference::{PREFIX, ParseRefError, Reference};

/// A string of an event that is a reference, or has the outline of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Where it is.
    pub pointers: Vec<String>,
    /// The string as it is spelt.
    pub text: String,
    /// What it names, or why it cannot be read.
    pub reference: Result<Reference, ParseRefError>,
}

/// Every reference that [`hydrate::plan`](crate::hydrate::plan) finds in `event`, and every string that it cannot read, in
/// order. A reference that occurs several times is returned as often.
pub fn sightings(event: &[u8]) -> Vec<Sighting> {
    let mut found = vec![];
    search(event, &[], &mut Budget::of_event(event, u64::MAX), &mut found);
    found
}

fn search(text: &[u8], outside: &[String], budget: &mut Budget, found: &mut Vec<Sighting>) {
    let holds_prefix = |text: &[u8]| memmem::find(text, PREFIX.as_bytes()).is_some();
    if !holds_prefix(text) || !json::is_valid(text) {
        return;
    }
    let is_candidate = |token: &StringToken| holds_prefix(token.raw(text)) && !token.is_key(text);
    let candidates: Vec<_> = json::strings(text).filter(is_candidate).collect();
    let starts: Vec<_> = candidates.iter().map(|token| token.open).collect();
    for (token, pointer) in candidates.iter().zip(pointers(text, &starts)) {
        let mut place = outside.to_vec();
        place.push(pointer);
        if !token.escaped {
            found.extend(judge(token.raw(text), place));
            continue;
        }
        if !json::says_text(token.raw(text)) {
            continue;
        }
        if let Some(inner) = budget.decode(text, token) {
            search(&inner, &place, budget, found);
        }
    }
}

fn judge(text: &[u8], pointers: Vec<String>) -> Option<Sighting> {
    let text = std::str::from_utf8(text).ok()?.to_owned();
    match text.parse() {
        Err(ParseRefError::NotAReference) => None,
        reference => Some(Sighting { pointers, text, reference }),
    }
}

/// JSON Pointers of the values of a valid document that begin at `starts`, in ascending order. It handles any depth without
/// recursion.
pub fn pointers(text: &[u8], starts: &[usize]) -> Vec<String> {
    let mut walk = Walk { text, at: 0, path: vec![] };
    starts.iter().map_while(|&start| walk.pointer(start)).collect()
}

/// A walk through a document that knows what it is inside of.
struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    path: Vec<Name>,
}

impl Walk<'_> {
    fn pointer(&mut self, start: usize) -> Option<String> {
        while self.at < start {
            self.step()?;
        }
        Some(self.path.iter().map(|name| self.token(name)).collect())
    }

    fn step(&mut self) -> Option<()> {
        match self.text.get(self.at)? {
            b'"' => {
                let token = StringToken::at(self.text, self.at)?;
                if token.is_key(self.text) {
                    *self.path.last_mut()? = Name::Key(token);
                }
                self.at = token.close;
            }
            b'{' | b'[' => self.path.push(Name::Index(0)),
            b'}' | b']' => drop(self.path.pop()),
            b',' => {
                if let Some(Name::Index(index)) = self.path.last_mut() {
                    *index += 1;
                }
            }
            _ => {}
        }
        self.at += 1;
        Some(())
    }

    fn token(&self, name: &Name) -> String {
        match name {
            Name::Index(index) => format!("/{index}"),
            Name::Key(key) => {
                let key = json::decode(self.text, key);
                format!("/{}", String::from_utf8_lossy(&key).replace('~', "~0").replace('/', "~1"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hydrate;
    use crate::reference::{Content, Scope, Ttl};
    use bytes::Bytes;
    use proptest::prelude::*;

    fn starts_of(text: &str, marks: &str) -> Vec<usize> {
        text.match_indices(marks).map(|(at, _)| at).collect()
    }

    #[test]
    fn pointers_name_members_and_items() {
        let text = r#" {"a":[1, {"":7, "b/~c":7}, [ ], 7], "d\u0065":{"x":[[7]]}, "e":7}"#;
        assert_eq!(
            pointers(text.as_bytes(), &starts_of(text, "7")),
            ["/a/1/", "/a/1/b~1~0c", "/a/3", "/de/x/0/0", "/e"]
        );
        assert_eq!(pointers(b" 7", &[1]), [""]);
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}7{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(pointers(deep.as_bytes(), &[100_000]), ["/0".repeat(100_000)]);
    }

    /// Strings of the generated documents: references, text that is almost a reference, and other text.
    fn any_string() -> impl Strategy<Value = String> {
        let reference = Scope::new("table").reference(Ttl::NONE, &Content::string("content")).to_string();
        let truncated = reference[..reference.len() - 9].to_owned();
        prop_oneof![Just(reference), Just(truncated), Just("@content: text".to_owned()), "[a\"\n]{0,3}"]
    }

    fn any_document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![any_string().prop_map(Into::into), any::<u8>().prop_map(Into::into)];
        leaf.prop_recursive(5, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::hash_map(any_string(), inner.clone(), 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
                inner.prop_map(|value| value.to_string().into()),
            ]
        })
    }

    proptest! {
        /// What is found here is what hydration replaces.
        #[test]
        fn what_is_seen_is_what_would_be_hydrated(document in any_document()) {
            let event = Bytes::from(document.to_string());
            let plan = hydrate::plan(&event);
            let (mut references, mut malformed) = (vec![], vec![]);
            for sighting in sightings(&event) {
                match sighting.reference {
                    Ok(reference) if references.contains(&reference) => {}
                    Ok(reference) => references.push(reference),
                    Err(error) => malformed.push((sighting.text, error)),
                }
            }
            prop_assert_eq!(plan.references(), references);
            prop_assert_eq!(plan.malformed(), malformed);
        }

        #[test]
        fn pointers_lead_to_what_was_located(document in any_document()) {
            for sighting in sightings(document.to_string().as_bytes()) {
                let mut inside = document.clone();
                for (nth, pointer) in sighting.pointers.iter().enumerate() {
                    if nth > 0 {
                        inside = serde_json::from_str(inside.as_str().expect("JSON text")).expect("valid");
                    }
                    inside = inside.pointer(pointer).expect("a value").clone();
                }
                prop_assert_eq!(inside.as_str(), Some(sighting.text.as_str()));
            }
        }

        #[test]
        fn any_bytes_are_searched_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200), start in 0_usize..200) {
            let _ = pointers(&text, &[start]);
            let _ = sightings(&[b"\"@content:", &text[..]].concat());
        }
    }
}
