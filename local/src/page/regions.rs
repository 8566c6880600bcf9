//! The regions in which something may be on this machine: its own, and each that a request was signed for.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// AWS has fewer. More would be somebody who makes names up.
const MOST: usize = 64;
const LONGEST_NAME: usize = 32;

/// The regions that are known.
#[derive(Debug)]
pub(crate) struct Regions {
    own: String,
    seen: Mutex<BTreeSet<String>>,
}

impl Regions {
    pub(crate) fn new(own: &str) -> Self {
        Self { own: own.to_owned(), seen: Mutex::default() }
    }

    /// Takes note of a region that a request was signed for.
    pub(crate) fn saw(&self, region: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if is_name(region) && region != self.own && seen.len() < MOST && !seen.contains(region) {
            seen.insert(region.to_owned());
        }
    }

    /// All of them, its own first.
    pub(crate) fn all(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        [&self.own].into_iter().chain(seen.iter()).cloned().collect()
    }

    /// The region that a query names by `region=`, or its own.
    pub(super) fn named_in(&self, query: &str) -> String {
        let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "region");
        named
            .map(|(_, region)| region.into_owned())
            .filter(|region| is_name(region))
            .unwrap_or_else(|| self.own.clone())
    }
}

/// It becomes part of a header.
fn is_name(region: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_NAME).contains(&region.len()) && region.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_region_comes_first_and_every_other_once() {
        let regions = Regions::new("eu-central-1");
        for seen in ["us-east-1", "eu-central-1", "ap-south-1", "us-east-1", "No region", ""] {
            regions.saw(seen);
        }
        assert_eq!(regions.all(), ["eu-central-1", "ap-south-1", "us-east-1"]);
    }

    #[test]
    fn a_query_names_a_region_that_can_be_one() {
        let regions = Regions::new("eu-central-1");
        assert_eq!(regions.named_in("region=us-west-2"), "us-west-2");
        for query in ["", "region=", "region=a%0Ab", "region=US", "other=us-west-2"] {
            assert_eq!(regions.named_in(query), "eu-central-1", "{query}");
        }
    }
}
