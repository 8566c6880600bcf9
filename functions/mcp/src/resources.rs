//! Long results as resources: `lrap://contents/{handle}`, in ranges of bytes.
//!
//! They are not listed: a handle is a capability, and only who was given one knows it.

use url::Url;

use crate::pages::{LONGEST_PAGE, USUAL_PAGE};

/// What a client is told about the URIs (RFC 6570).
pub(crate) const TEMPLATE: &str = "lrap://contents/{handle}{?offset,length}";

const PREFIX: &str = "lrap://contents/";

/// A range of a long result, as a URI names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) handle: String,
    pub(crate) offset: usize,
    pub(crate) length: usize,
}

impl Range {
    /// The range that a URI names; the error says what is wrong with it.
    pub(crate) fn of(uri: &str) -> Result<Self, String> {
        if !uri.starts_with(PREFIX) {
            return Err(format!("`uri` must be {TEMPLATE}"));
        }
        let url = Url::parse(uri).map_err(|error| format!("`uri` is no URI: {error}"))?;
        let mut range = Self { handle: url.path().trim_start_matches('/').to_owned(), offset: 0, length: USUAL_PAGE };
        for (name, value) in url.query_pairs() {
            let number = || value.parse().map_err(|_| format!("`{name}` of `uri` must be a number of bytes"));
            match &*name {
                "offset" => range.offset = number()?,
                "length" => range.length = number()?.clamp(1, LONGEST_PAGE),
                _ => return Err(format!("`uri` must be {TEMPLATE}")),
            }
        }
        Ok(range)
    }

    /// The URI of the range that begins at `offset`, of the same length.
    pub(crate) fn from(&self, offset: usize) -> String {
        format!("{PREFIX}{}?offset={offset}&length={}", self.handle, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: &str = "1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";

    #[test]
    fn a_uri_names_a_range() {
        let whole = Range::of(&format!("{PREFIX}{HANDLE}")).expect("a range");
        assert_eq!(whole, Range { handle: HANDLE.to_owned(), offset: 0, length: USUAL_PAGE });
        let next = Range::of(&whole.from(7)).expect("a range");
        assert_eq!((next.handle.as_str(), next.offset, next.length), (HANDLE, 7, USUAL_PAGE));
    }

    #[test]
    fn what_is_wrong_with_a_uri_is_named() {
        for (uri, named) in [
            ("https://example.com/", "{handle}"),
            ("lrap://contents/a?offset=-1", "`offset`"),
            ("lrap://contents/a?length=many", "`length`"),
            ("lrap://contents/a?page=1", "{?offset,length}"),
        ] {
            assert!(Range::of(uri).expect_err(uri).contains(named), "{uri}");
        }
    }
}
