//! Lists in pages: a token says where the next one begins.

use crate::rows::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use data_encoding::BASE64URL_NOPAD;
use functions_shared::Refusal;
use serde::Serialize;
use std::collections::HashMap;

/// The most that one page holds.
const MAX_LIMIT: usize = 100;
const DEFAULT_LIMIT: usize = 50;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// How many rows at most.
    pub limit: usize,
    pub(crate) after: Option<Item>,
}

/// Some rows of a table, and where the next begin.
pub(crate) type Part = (Vec<Item>, Option<Item>);

/// A page of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// At most as many as were asked for.
    pub rows: Vec<T>,
    /// For the next page, if there may be one.
    pub next_token: Option<String>,
}

impl Page {
    /// Reads `limit` (1 to 100, 50 without) and the token of the page before.
    pub fn asked(limit: Option<&str>, next_token: Option<&str>) -> Result<Self, Refusal> {
        let invalid = || Refusal::invalid("limit", format!("must be a whole number from 1 to {MAX_LIMIT}"));
        let limit = limit.map_or(Ok(DEFAULT_LIMIT), |text| text.parse().map_err(|_| invalid()))?;
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(invalid());
        }
        Ok(Self { limit, after: next_token.map(key_of).transpose()? })
    }

    /// A part of the key after which the page begins.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let Some(key) = &self.after else { return Ok(None) };
        let text = key.get(name).and_then(|value| value.as_s().ok());
        text.map(|text| Some(text.as_str())).ok_or_else(foreign_token)
    }

    /// The limit as the SDK takes it.
    pub(crate) fn rows(&self) -> i32 {
        i32::try_from(self.limit).unwrap_or(i32::MAX)
    }
}

/// A page as it fills: up to its limit, and up to about a megabyte, for Lambda gives back no more than six.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    rows: Vec<T>,
    limit: usize,
    bytes: usize,
}

const MAX_PAGE_BYTES: usize = 1 << 20;

impl<T: Serialize> Listing<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), limit, bytes: 0 }
    }

    /// How many more rows there may be.
    pub(crate) fn room(&self) -> usize {
        self.limit - self.rows.len()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.room() > 0 && self.bytes < MAX_PAGE_BYTES
    }

    pub(crate) fn add(&mut self, row: T) -> Result<(), Refusal> {
        let text = serde_json::to_string(&row).map_err(|error| Refusal::Unavailable(error.to_string()))?;
        self.bytes += text.len();
        self.rows.push(row);
        Ok(())
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.rows.last()
    }

    /// The page, whose last row has this key if there are more.
    pub(crate) fn ending(self, last: Option<&Item>) -> Listed<T> {
        Listed { rows: self.rows, next_token: last.map(token_of) }
    }
}

/// The token that represents a key; keys of the registries are texts.
pub(crate) fn token_of(key: &Item) -> String {
    let texts: HashMap<_, _> =
        key.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_s().ok()?))).collect();
    BASE64URL_NOPAD.encode(serde_json::json!(texts).to_string().as_bytes())
}

fn key_of(token: &str) -> Result<Item, Refusal> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| foreign_token())?;
    let texts: HashMap<String, String> = serde_json::from_slice(&bytes).map_err(|_| foreign_token())?;
    Ok(texts.into_iter().map(|(name, text)| (name, AttributeValue::S(text))).collect())
}

/// A token that did not come from this list.
pub(crate) fn foreign_token() -> Refusal {
    Refusal::invalid("next_token", "must come from the previous page of a list with the same filter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_key() {
        let key = Item::from([("tool_name".to_owned(), AttributeValue::S("http_get".to_owned()))]);
        let page = Page::asked(Some("7"), Some(&token_of(&key)));
        assert_eq!(page, Ok(Page { limit: 7, after: Some(key) }));
    }

    #[test]
    fn a_limit_out_of_range_is_named() {
        for limit in ["0", "101", "-1", "many", ""] {
            assert_eq!(Page::asked(Some(limit), None).unwrap_err().field(), Some("limit"), "{limit}");
        }
    }

    #[test]
    fn a_token_from_elsewhere_is_named() {
        for token in ["", "?", "e30x", "WzFd"] {
            assert_eq!(Page::asked(None, Some(token)).unwrap_err().field(), Some("next_token"), "{token}");
        }
    }
}
