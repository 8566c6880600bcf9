//! Results as resources, in ranges of bytes: `lrap://results/{id}` by the id that a tool gave, also of a queued call, and
//! `lrap://contents/{handle}` by the handle of a content.
//!
//! They are not listed: an id and a handle are capabilities, and only those who were given one know it.

use url::Url;

use crate::pages::{LONGEST_PAGE, USUAL_PAGE};

/// What a resource is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The id that `get_result` takes.
    Result,
    /// The handle of a content.
    Content,
}

/// Both kinds, with what clients are told about their URIs (RFC 6570).
pub(crate) const TEMPLATES: [(Kind, &str, &str, &str); 2] = [
    (
        Kind::Result,
        "lrap://results/{id}{?offset,length}",
        "result",
        "The result of a tool by the id that the tool gave, also of a queued call, from an offset on, in bytes.",
    ),
    (
        Kind::Content,
        "lrap://contents/{handle}{?offset,length}",
        "content",
        "A long text by its handle, from an offset on, in bytes.",
    ),
];

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Result => "lrap://results/",
            Self::Content => "lrap://contents/",
        }
    }
}

/// A range of a resource, as a URI names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) kind: Kind,
    /// The id, or the handle.
    pub(crate) name: String,
    pub(crate) offset: usize,
    pub(crate) length: usize,
}

/// The URI of a whole result.
pub(crate) fn uri(id: &str) -> String {
    format!("{}{id}", Kind::Result.prefix())
}

impl Range {
    /// The range that a URI names; the error says what is wrong with it.
    pub(crate) fn of(uri: &str) -> Result<Self, String> {
        let (kind, template) = TEMPLATES
            .iter()
            .find(|(kind, ..)| uri.starts_with(kind.prefix()))
            .map(|(kind, template, ..)| (*kind, *template))
            .ok_or_else(|| format!("`uri` must be {} or {}", TEMPLATES[0].1, TEMPLATES[1].1))?;
        let url = Url::parse(uri).map_err(|error| format!("`uri` is not a URI: {error}"))?;
        let name = url.path().trim_start_matches('/').to_owned();
        let mut range = Self { kind, name, offset: 0, length: USUAL_PAGE };
        for (name, value) in url.query_pairs() {
            let number = || value.parse().map_err(|_| format!("`{name}` of `uri` must be a number of bytes"));
            match &*name {
                "offset" => range.offset = number()?,
                "length" => range.length = number()?.clamp(1, LONGEST_PAGE),
                _ => return Err(format!("`uri` must be {template}")),
            }
        }
        Ok(range)
    }

    /// The URI of the range that begins at `offset`, of the same length.
    pub(crate) fn from(&self, offset: usize) -> String {
        format!("{}{}?offset={offset}&length={}", self.kind.prefix(), self.name, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: &str = "1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";
    const MESSAGE: &str = "msg_20240115120000_123456789012345678";

    #[test]
    fn a_uri_names_a_range() {
        for (kind, name) in [(Kind::Content, HANDLE), (Kind::Result, HANDLE), (Kind::Result, MESSAGE)] {
            let whole = Range::of(&format!("{}{name}", kind.prefix())).expect("a range");
            assert_eq!(whole, Range { kind, name: name.to_owned(), offset: 0, length: USUAL_PAGE });
            let next = Range::of(&whole.from(7)).expect("a range");
            assert_eq!(next, Range { offset: 7, ..whole });
        }
        assert_eq!(Range::of(&uri(MESSAGE)).expect("a range").name, MESSAGE);
    }

    #[test]
    fn what_is_wrong_with_a_uri_is_named() {
        for (uri, named) in [
            ("https://example.com/", "{handle}"),
            ("lrap://tools/a", "{id}"),
            ("lrap://contents/a?offset=-1", "`offset`"),
            ("lrap://results/a?length=many", "`length`"),
            ("lrap://results/a?page=1", "{?offset,length}"),
        ] {
            assert!(Range::of(uri).expect_err(uri).contains(named), "{uri}");
        }
    }
}
