//! Lists in pages: a token says where the next page begins.

use crate::error::RecordError;
use crate::row::{Item, text};
use data_encoding::BASE64URL_NOPAD;
use std::collections::BTreeMap;

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many records at most, 1 or more.
    pub limit: usize,
    /// The token of the page before.
    pub token: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// At most as many as the limit, and fewer where records are long: a reply of Lambda has at most 6 MB.
    pub records: Vec<T>,
    /// For the next page, if there may be one.
    pub next_token: Option<String>,
}

/// Where a page begins: a key of the index, all of whose attributes are texts.
pub(crate) type Place = BTreeMap<String, String>;

impl Page {
    /// The place after which the page begins.
    pub(crate) fn place(&self) -> Result<Option<Place>, RecordError> {
        let Some(token) = &self.token else { return Ok(None) };
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| RecordError::ForeignToken)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| RecordError::ForeignToken)
    }
}

/// The token of a place.
pub(crate) fn token_of(place: &Place) -> String {
    BASE64URL_NOPAD.encode(&serde_json::to_vec(place).expect("BUG: texts are JSON"))
}

/// The place of a key that the table gave.
pub(crate) fn place_of(key: &Item) -> Place {
    key.iter().filter_map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone()))).collect()
}

/// The key of a place.
pub(crate) fn key_of(place: Place) -> Item {
    place.into_iter().map(|(name, value)| (name, text(value))).collect()
}
