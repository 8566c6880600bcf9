//! Objects: their keys, and what their `x-amz-meta-…` headers say about their contents.
//!
//! ```text
//! key       "contents/" lifetime "/" id
//! lifetime  days "d"      the TTL in days, rounded up to the next of LIFETIMES: a lifecycle rule of the bucket each
//!         / "none"        contents that never expire; no rule
//! headers   x-amz-meta-format, -kind, -ttl, -size, -scope, -encoding, -expires-at where there is a TTL, and -count of an array
//! ```
//!
//! The names and their meanings are those of the table's attributes. Lifecycle rules delete objects a day late or more, so
//! readers check `expires-at`.

use http::HeaderMap;
use http::header::{CONTENT_RANGE, ETAG};

use crate::reference::{ContentRef, Scope, ScopeTag, StoreName, Ttl};
use crate::store::encoding::Encoding;
use crate::store::{Expiry, MAX_CONTENT_LEN};

/// Days for which the bucket has lifecycle rules. The last is longer than any TTL.
pub const LIFETIMES: [u64; 14] = [1, 2, 3, 4, 5, 6, 7, 14, 30, 90, 180, 365, 3_650, 50_000];

const FORMAT: &str = "x-amz-meta-format";
const KIND: &str = "x-amz-meta-kind";
const TTL: &str = "x-amz-meta-ttl";
const SIZE: &str = "x-amz-meta-size";
const COUNT: &str = "x-amz-meta-count";
const SCOPE: &str = "x-amz-meta-scope";
const ENCODING: &str = "x-amz-meta-encoding";
const EXPIRES_AT: &str = "x-amz-meta-expires-at";

/// The layout described above.
const FORMAT_VERSION: u64 = 1;

/// The beginning of all keys. Permissions of roles name it.
pub(super) const FOLDER: &str = "contents/";

/// The folder of contents with this TTL, with its slash.
pub(super) fn folder(ttl: Ttl) -> String {
    match ttl.as_seconds() {
        None => format!("{FOLDER}none/"),
        Some(seconds) => {
            let days = u64::from(seconds).div_ceil(86_400);
            let lifetime = LIFETIMES.iter().find(|lifetime| **lifetime >= days);
            format!("{FOLDER}{}d/", lifetime.expect("BUG: the last is longer than any TTL"))
        }
    }
}

/// The key of a content's object.
pub(super) fn key(reference: &ContentRef) -> String {
    format!("{}{}", folder(reference.ttl), reference.id)
}

/// What an object's headers say about its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    kind: String,
    ttl: String,
    size: u64,
    /// Elements of an array. Readers do not need it; it is for listing the bucket.
    count: Option<u64>,
    scope: String,
    pub(super) expiry: Expiry,
    pub(super) encoding: Encoding,
}

/// Why a heading cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Headers are missing or make no sense.
    Damaged,
    /// A newer version has written the object, in a newer layout.
    Newer(u64),
}

impl Heading {
    pub(super) fn of(reference: &ContentRef, scope: &Scope, encoding: Encoding, expiry: Expiry) -> Self {
        Self {
            kind: reference.kind.as_str().to_owned(),
            ttl: reference.ttl.to_string(),
            size: reference.size,
            count: reference.count,
            scope: scope.tag(reference).to_string(),
            expiry,
            encoding,
        }
    }

    /// The headers that a writer sends.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (FORMAT, FORMAT_VERSION.to_string()),
            (KIND, self.kind.clone()),
            (TTL, self.ttl.clone()),
            (SIZE, self.size.to_string()),
            (SCOPE, self.scope.clone()),
            (ENCODING, self.encoding.as_str().to_owned()),
        ];
        headers.extend(self.count.map(|count| (COUNT, count.to_string())));
        headers.extend(self.expiry.second().map(|second| (EXPIRES_AT, second.to_string())));
        headers
    }

    /// Reads it from an answer.
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, Unreadable> {
        match number(headers, FORMAT) {
            Some(FORMAT_VERSION) => Self::parse_fields(headers).ok_or(Unreadable::Damaged),
            Some(newer) if newer > FORMAT_VERSION => Err(Unreadable::Newer(newer)),
            _ => Err(Unreadable::Damaged),
        }
    }

    fn parse_fields(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            kind: text(headers, KIND)?.to_owned(),
            ttl: text(headers, TTL)?.to_owned(),
            size: number(headers, SIZE)?,
            count: number(headers, COUNT),
            scope: text(headers, SCOPE)?.to_owned(),
            expiry: match headers.get(EXPIRES_AT) {
                None => Expiry::NEVER,
                Some(_) => Expiry::at(number(headers, EXPIRES_AT)?),
            },
            encoding: Encoding::parse(text(headers, ENCODING)?)?,
        })
    }

    /// Whether it is of this scope according to its headers.
    pub(super) fn is_of(&self, scope: ScopeTag) -> bool {
        self.scope == scope.to_string()
    }

    /// Whether the object was written for exactly this reference.
    pub(super) fn fits(&self, reference: &ContentRef) -> bool {
        self.kind == reference.kind.as_str()
            && self.ttl == reference.ttl.to_string()
            && self.size == reference.size
            && self.size <= MAX_CONTENT_LEN
    }

    /// The reference to the content under `key`, without a signature.
    pub(super) fn reference(&self, key: &str) -> Option<ContentRef> {
        let (_, id) = key.strip_prefix(FOLDER)?.split_once('/')?;
        ContentRef::stored(StoreName::S3, [&self.kind, &self.ttl, id], self.size, self.count)
    }
}

/// Bytes of the whole object if an answer contains a range of it; `None` if it contains all of it.
pub(super) fn whole(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_RANGE.as_str())?.rsplit_once('/')?.1.parse().ok()
}

/// The entity tag, which distinguishes an object from a later one under the same key.
pub(super) fn etag(headers: &HeaderMap) -> Option<String> {
    text(headers, ETAG.as_str()).map(str::to_owned)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::Content;
    use http::{HeaderName, HeaderValue};

    const NOW: u64 = 1_800_000_000;

    fn heading(ttl: Ttl) -> (ContentRef, Heading) {
        let scope = Scope::new("table").with_bucket(Some("bucket"));
        let reference = scope.reference_in(StoreName::S3, ttl, &Content::json("[1,2]"));
        (reference, Heading::of(&reference, &scope, Encoding::Zstd, Expiry::of(ttl, NOW)))
    }

    fn headers(heading: &Heading) -> HeaderMap {
        let field = |(name, value): (&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap())
        };
        heading.headers().into_iter().map(field).collect()
    }

    #[test]
    fn a_ttl_is_rounded_up_to_a_lifetime_that_has_a_rule() {
        for (seconds, folder_of_it) in [
            (1, "1d/"),
            (86_400, "1d/"),
            (86_401, "2d/"),
            (7 * 86_400, "7d/"),
            (7 * 86_400 + 1, "14d/"),
            (366 * 86_400, "3650d/"),
            (u32::MAX, "50000d/"),
            (0, "none/"),
        ] {
            assert_eq!(folder(Ttl::seconds(seconds)), format!("contents/{folder_of_it}"), "{seconds}");
        }
    }

    /// The stack's bucket has a rule for each.
    #[test]
    fn the_stack_has_a_lifecycle_rule_for_each_lifetime() {
        let template = include_str!("../../../../../layer/stacks/long-content.yaml");
        for days in LIFETIMES {
            let rule = format!("Prefix: contents/{days}d/, ExpirationInDays: {days}}}");
            assert!(template.contains(&rule), "{rule}");
        }
        assert_eq!(template.matches("ExpirationInDays").count(), LIFETIMES.len());
    }

    #[test]
    fn what_is_written_reads_back() {
        for ttl in [Ttl::seconds(60), Ttl::NONE] {
            let (reference, heading) = heading(ttl);
            let read = Heading::parse(&headers(&heading)).unwrap();
            assert_eq!(read, heading);
            assert!(read.fits(&reference) && !read.fits(&ContentRef { size: 6, ..reference }));
            assert_eq!(read.reference(&key(&reference)), Some(reference));
        }
    }

    #[test]
    fn damage_is_told_from_a_newer_layout() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = headers(&heading(Ttl::seconds(60)).1);
            headers.insert(name, HeaderValue::from_static(value));
            Heading::parse(&headers)
        };
        assert_eq!(with(FORMAT, "2"), Err(Unreadable::Newer(2)));
        for (name, value) in [(FORMAT, "x"), (EXPIRES_AT, "soon"), (SIZE, "-1"), (ENCODING, "br")] {
            assert_eq!(with(name, value), Err(Unreadable::Damaged), "{name}");
        }
        assert_eq!(Heading::parse(&HeaderMap::new()), Err(Unreadable::Damaged));
    }

    #[test]
    fn a_range_says_how_long_the_whole_is() {
        let mut headers = HeaderMap::new();
        assert_eq!(whole(&headers), None);
        headers.insert(CONTENT_RANGE, HeaderValue::from_static("bytes 0-9/1234"));
        assert_eq!(whole(&headers), Some(1234));
    }
}
