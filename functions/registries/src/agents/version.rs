//! Versions, ordered by their numbers: `v10.0` is newer than `v9.0`, which as text it is not.

use functions_shared::Refusal;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// `v1.0` or `v1.0.2`. Without leading zeros, so that one version has one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version(Vec<u32>);

impl Version {
    /// The first one of an agent that names none.
    pub fn first() -> Self {
        Self(vec![1, 0])
    }

    /// Reads the version at `field`.
    pub fn read(field: &str, text: &str) -> Result<Self, Refusal> {
        parse(text).ok_or_else(|| Refusal::invalid(field, "must be a version such as v1.0"))
    }

    /// The one that follows when a change is based on this: `v1.1` after `v1.0`.
    #[must_use]
    pub fn successor(&self) -> Self {
        let mut numbers = self.0.clone();
        if let Some(last) = numbers.last_mut() {
            *last = last.saturating_add(1);
        }
        Self(numbers)
    }
}

fn parse(text: &str) -> Option<Version> {
    let is_number = |part: &&str| *part == "0" || (!part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()));
    let numbers = text.strip_prefix('v')?.split('.');
    let numbers: Vec<u32> = numbers.map(|part| Some(part).filter(is_number)?.parse().ok()).collect::<Option<_>>()?;
    (2..=3).contains(&numbers.len()).then_some(Version(numbers))
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        write!(f, "v{}", numbers.join("."))
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for Version {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        Self::read("version", &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::read("version", text).expect("a version")
    }

    #[test]
    fn order_is_numeric() {
        let mut versions = ["v10.0", "v9.0", "v1.10", "v1.9", "v1.9.1"].map(version);
        versions.sort();
        assert_eq!(versions.map(|version| version.to_string()), ["v1.9", "v1.9.1", "v1.10", "v9.0", "v10.0"]);
    }

    #[test]
    fn a_version_has_one_spelling() {
        for text in
            ["v1", "1.0", "v01.0", "v1.00", "v1.", "v1.0.0.0", "V1.0", "latest", "v1.x", "v+1.0", "v99999999999.0", ""]
        {
            assert!(Version::read("version", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_successor_counts_its_last_number() {
        assert_eq!(version("v1.9").successor(), version("v1.10"));
        assert_eq!(version("v1.9.1").successor(), version("v1.9.2"));
    }
}
