//! References and handles in what a state holds, and how much content is behind them.

use long_content::reference::Reference;
use std::collections::BTreeMap;

/// What a reference has and a handle has not.
const PREFIX: &str = "@content:";

/// Distinct contents by their reference's text, with their sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents(BTreeMap<String, u64>);

impl Contents {
    /// Those that `text` names, as references or as handles.
    pub(crate) fn named_in(text: &str) -> Self {
        let is_inside = |character: char| character.is_ascii_alphanumeric() || "._:-".contains(character);
        let words = text.split(|character| !is_inside(character)).map(|word| word.trim_end_matches(['.', ':']));
        let references = words.filter_map(|word| {
            let handle = word.strip_prefix("content:").unwrap_or(word);
            let Reference { content: reference, .. } = format!("{PREFIX}{handle}").parse().ok()?;
            Some((reference.to_string(), reference.size))
        });
        Self(references.collect())
    }

    pub(crate) fn add(&mut self, others: &Self) {
        self.0.extend(others.0.iter().map(|(reference, size)| (reference.clone(), *size)));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M";

    #[test]
    fn references_and_handles_name_contents_and_each_counts_once() {
        let (reference, handle) = (format!("1:dynamodb:s:86400:{ID}:5242880"), format!("1:dynamodb:j:none:{ID}:7"));
        let text = format!(r#"{{"a":"@content:{reference}","b":"[… handle: {handle}]","c":"{reference}."}}"#);
        let contents = Contents::named_in(&text);
        assert_eq!((contents.count(), contents.bytes()), (2, 5_242_887));
    }

    #[test]
    fn other_text_names_none() {
        assert_eq!(
            Contents::named_in("@content:x content: 1:dynamodb:s arn:aws:lambda:us-east-1:1:function:f"),
            Contents::default()
        );
    }
}
