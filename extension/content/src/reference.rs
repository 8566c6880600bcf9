//! References: the short text that travels in place of a long content.
//!
//! ```text
//! reference = "@content:" version ":" store ":" kind ":" ttl ":" id ":" size
//! version   = "1"
//! store     = "dynamodb"
//! kind      = "s"            a JSON string, stored as its decoded text in UTF-8
//!           / "j"            any other JSON value, stored as its JSON text
//! ttl       = "none" / 1*DIGIT   seconds that the writer keeps contents, without leading zeros
//! id        = 43 base64url characters: BLAKE3-256 over version, kind, scope and content
//! size      = 1*DIGIT        bytes of the content as stored before compression, without leading zeros
//! ```
//!
//! Only `A-Z a-z 0-9 . _ : - @` occur, so no JSON encoder ever escapes a reference, and it is always shorter than
//! [`MAX_LEN`] bytes. `Display` and `FromStr` are exact inverses: one reference has one spelling.
//!
//! The id names the content and everything that decides who may read it (its *scope*), so equal contents get equal
//! references, and a forged reference can only name what its forger already holds.
//!
//! ```
//! use long_content::reference::{Content, Scope, Ttl};
//!
//! let scope = Scope::new("AgentContext-dev");
//! let reference = scope.reference(Ttl::seconds(86_400), &Content::string("Hello, 世界"));
//! assert_eq!(
//!     reference.to_string(),
//!     "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13",
//! );
//! assert_eq!(reference.to_string().parse(), Ok(reference));
//! ```

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;

/// What every reference begins with.
pub const PREFIX: &str = "@content:";

/// References are shorter than this many bytes; longer text is never one.
pub const MAX_LEN: usize = 160;

/// The format version that this library writes and reads.
pub const VERSION: u8 = 1;

/// Separates our ids from every other use of BLAKE3 (see `derive_key` in its specification).
const ID_CONTEXT: &str = "lrap long-content 2026-11 content id";

/// What the stored bytes of a content are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The decoded text of a JSON string, in UTF-8.
    String,
    /// The JSON text of any other value, and of a string that UTF-8 cannot hold (a lone surrogate).
    Json,
}

impl Kind {
    /// The letter that stands for this kind in a reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "s",
            Self::Json => "j",
        }
    }
}

/// Where a content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreName {
    /// A DynamoDB content table.
    DynamoDb,
}

impl StoreName {
    /// The store's name in a reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
        }
    }
}

/// The TTL class: how many seconds a writer keeps its contents, or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ttl(Option<NonZeroU32>);

impl Ttl {
    /// Contents that never expire.
    pub const NONE: Self = Self(None);

    /// Contents that expire `seconds` after they were stored; 0 means never.
    pub const fn seconds(seconds: u32) -> Self {
        Self(NonZeroU32::new(seconds))
    }

    /// Seconds until a content expires, `None` for never.
    pub fn as_seconds(self) -> Option<u32> {
        self.0.map(NonZeroU32::get)
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(seconds) => write!(f, "{seconds}"),
            None => f.write_str("none"),
        }
    }
}

/// The name of a content: a BLAKE3-256 hash over format version, kind, scope and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentId([u8; 32]);

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 43];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        f.write_str(std::str::from_utf8(&text).expect("BUG: base64url is ASCII"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One content: the bytes that a store keeps, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Whether `bytes` are decoded text or JSON text.
    pub kind: Kind,
    /// The bytes as stored, before compression.
    pub bytes: Bytes,
}

impl Content {
    /// The content of a JSON string: its decoded text.
    pub fn string(text: impl Into<Bytes>) -> Self {
        Self { kind: Kind::String, bytes: text.into() }
    }

    /// The content of any other JSON value: its JSON text.
    pub fn json(text: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Json, bytes: text.into() }
    }
}

/// Who shares contents: the table, and the tenant where a function has tenant isolation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    table: String,
    tenant: Option<String>,
}

impl Scope {
    /// The scope of everyone who uses `table`.
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), tenant: None }
    }

    /// The same table, for one tenant only.
    #[must_use]
    pub fn for_tenant(&self, tenant: impl Into<String>) -> Self {
        Self { table: self.table.clone(), tenant: Some(tenant.into()) }
    }

    /// The content table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The reference under which `content` is stored in this scope.
    pub fn reference(&self, ttl: Ttl, content: &Content) -> ContentRef {
        ContentRef {
            store: StoreName::DynamoDb,
            kind: content.kind,
            ttl,
            id: self.id(ttl, content.kind, &content.bytes),
            size: content.bytes.len() as u64,
        }
    }

    /// Whether `bytes` are what `reference` names in this scope.
    pub fn holds(&self, reference: &ContentRef, bytes: &[u8]) -> bool {
        bytes.len() as u64 == reference.size && self.id(reference.ttl, reference.kind, bytes) == reference.id
    }

    /// Every field is preceded by its length, so no two scopes and contents feed the hash the same bytes.
    fn id(&self, ttl: Ttl, kind: Kind, bytes: &[u8]) -> ContentId {
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(&[VERSION]);
        field(StoreName::DynamoDb.as_str().as_bytes());
        field(kind.as_str().as_bytes());
        field(self.table.as_bytes());
        field(&ttl.as_seconds().unwrap_or(0).to_le_bytes());
        field(if self.tenant.is_some() { b"tenant" } else { b"" });
        field(self.tenant.as_deref().unwrap_or_default().as_bytes());
        field(bytes);
        ContentId(*hasher.finalize().as_bytes())
    }
}

/// A reference to one stored content. See the [module](self) for its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentRef {
    /// Where the content is kept.
    pub store: StoreName,
    /// What the content is.
    pub kind: Kind,
    /// The writer's TTL class.
    pub ttl: Ttl,
    /// The content's name.
    pub id: ContentId,
    /// Bytes of the content before compression.
    pub size: u64,
}

impl ContentRef {
    /// Bytes of the text of a reference to a content of `size` bytes.
    pub fn text_len(size: u64, ttl: Ttl) -> usize {
        let id = ContentId([0; 32]);
        Self { store: StoreName::DynamoDb, kind: Kind::Json, ttl, id, size }.to_string().len()
    }
}

impl fmt::Display for ContentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, kind, ttl, id, size } = self;
        write!(f, "{PREFIX}{VERSION}:{}:{}:{ttl}:{id}:{size}", store.as_str(), kind.as_str())
    }
}

/// Why a text is not a reference that this version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseRefError {
    /// Ordinary text: it does not even have the outline of a reference.
    #[error("not a reference")]
    NotAReference,
    /// Written by a newer version of the layer.
    #[error("reference format {0} is newer than this layer reads ({VERSION}); update the layer")]
    UnknownVersion(u32),
    /// Kept in a store that this version does not know.
    #[error("unknown store in the reference")]
    UnknownStore,
    /// Truncated or altered: the named field does not parse.
    #[error("the reference's {0} is malformed")]
    Malformed(&'static str),
}

impl FromStr for ContentRef {
    type Err = ParseRefError;

    fn from_str(text: &str) -> Result<Self, ParseRefError> {
        let (version, fields) = outline(text).ok_or(ParseRefError::NotAReference)?;
        if version != u32::from(VERSION) {
            return Err(ParseRefError::UnknownVersion(version));
        }
        let mut fields = fields.split(':');
        let mut next = |name| fields.next().ok_or(ParseRefError::Malformed(name));
        let reference = Self {
            store: parse_store(next("store")?)?,
            kind: parse_kind(next("kind")?)?,
            ttl: parse_ttl(next("TTL class")?)?,
            id: parse_id(next("id")?)?,
            size: parse_number(next("size")?).ok_or(ParseRefError::Malformed("size"))?,
        };
        match fields.next() {
            None => Ok(reference),
            Some(_) => Err(ParseRefError::Malformed("end")),
        }
    }
}

/// Version number and remaining fields of a text that claims to be a reference: the prefix, a number, then only the
/// characters that references are made of. Anything else that begins with the prefix is somebody's text.
fn outline(text: &str) -> Option<(u32, &str)> {
    let (version, fields) = text.strip_prefix(PREFIX)?.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    (text.len() < MAX_LEN && fields.bytes().all(plain)).then_some(())?;
    Some((parse_number(version)?, fields))
}

fn parse_store(text: &str) -> Result<StoreName, ParseRefError> {
    match text {
        "dynamodb" => Ok(StoreName::DynamoDb),
        _ => Err(ParseRefError::UnknownStore),
    }
}

fn parse_kind(text: &str) -> Result<Kind, ParseRefError> {
    match text {
        "s" => Ok(Kind::String),
        "j" => Ok(Kind::Json),
        _ => Err(ParseRefError::Malformed("kind")),
    }
}

fn parse_ttl(text: &str) -> Result<Ttl, ParseRefError> {
    if text == "none" {
        return Ok(Ttl::NONE);
    }
    let seconds = parse_number(text).and_then(NonZeroU32::new);
    seconds.map(|seconds| Ttl(Some(seconds))).ok_or(ParseRefError::Malformed("TTL class"))
}

fn parse_id(text: &str) -> Result<ContentId, ParseRefError> {
    const MALFORMED: ParseRefError = ParseRefError::Malformed("id");
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| MALFORMED)?;
    bytes.try_into().map(ContentId).map_err(|_| MALFORMED)
}

/// A number in its only spelling: digits without sign or leading zeros.
fn parse_number<N: FromStr>(text: &str) -> Option<N> {
    let canonical = text == "0" || text.bytes().next().is_some_and(|first| (b'1'..=b'9').contains(&first));
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> ContentRef {
        Scope::new("AgentContext-dev").reference(Ttl::seconds(86_400), &Content::string("Hello, 世界"))
    }

    fn any_ref() -> impl Strategy<Value = ContentRef> {
        (any::<bool>(), any::<u32>(), any::<[u8; 32]>(), any::<u64>()).prop_map(|(string, ttl, id, size)| ContentRef {
            store: StoreName::DynamoDb,
            kind: if string { Kind::String } else { Kind::Json },
            ttl: Ttl::seconds(ttl),
            id: ContentId(id),
            size,
        })
    }

    proptest! {
        #[test]
        fn print_and_parse_are_inverses(reference in any_ref()) {
            let text = reference.to_string();
            prop_assert!(text.len() < MAX_LEN);
            prop_assert_eq!(text.parse(), Ok(reference));
        }

        #[test]
        fn what_parses_prints_as_it_was(text in "@content:1:dynamodb:[sj]:(none|[0-9]{1,11}):[A-Za-z0-9_-]{42,44}:[0-9]{1,21}") {
            if let Ok(reference) = text.parse::<ContentRef>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text in "(@content:)?[ -~é]{0,170}") {
            let _ = text.parse::<ContentRef>();
        }
    }

    #[test]
    fn every_truncation_is_text_or_malformed() {
        let text = sample().to_string();
        for end in 0..text.len() - 1 {
            assert!(text[..end].parse::<ContentRef>().is_err() || text[..end].rsplit(':').next() != Some("13"));
        }
    }

    #[test]
    fn errors_name_the_field() {
        let good = sample().to_string();
        let error = |from: &str, to: &str| good.replacen(from, to, 1).parse::<ContentRef>().unwrap_err();
        assert_eq!(error(":1:", ":2:"), ParseRefError::UnknownVersion(2));
        assert_eq!(error("dynamodb", "s3"), ParseRefError::UnknownStore);
        assert_eq!(error(":s:", ":x:"), ParseRefError::Malformed("kind"));
        assert_eq!(error(":86400:", ":086400:"), ParseRefError::Malformed("TTL class"));
        assert_eq!(error(":86400:", ":0:"), ParseRefError::Malformed("TTL class"));
        assert_eq!(error(":13", ":013"), ParseRefError::Malformed("size"));
        assert_eq!(error(":13", ""), ParseRefError::Malformed("size"));
        assert_eq!(error(":13", ":13:"), ParseRefError::Malformed("end"));
        assert_eq!(error(":13", ":13 "), ParseRefError::NotAReference);
        assert_eq!(error("@content:1", "@content"), ParseRefError::NotAReference);
    }

    #[test]
    fn the_scope_is_part_of_the_name() {
        let content = Content::string("same");
        let scope = Scope::new("table");
        let day = scope.reference(Ttl::seconds(86_400), &content);
        let others = [
            scope.reference(Ttl::NONE, &content),
            scope.reference(Ttl::seconds(86_400), &Content::json("same")),
            scope.for_tenant("a").reference(Ttl::seconds(86_400), &content),
            scope.for_tenant("").reference(Ttl::seconds(86_400), &content),
            Scope::new("other").reference(Ttl::seconds(86_400), &content),
        ];
        assert!(others.iter().all(|other| other.id != day.id));
        assert!(scope.holds(&day, b"same"));
        assert!(!scope.for_tenant("a").holds(&day, b"same"));
        assert!(!scope.holds(&day, b"sane"));
    }
}
