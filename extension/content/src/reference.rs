//! References: the short text that travels in place of a long content.
//!
//! ```text
//! reference = "@content:" whole / "@content:2:content:" whole ":" part
//! whole     = "1:" fields [ signature ]
//!           / "3:" fields ":" count [ signature ]       an array
//! fields    = store ":" kind ":" ttl ":" id ":" size
//! signature = ":" key ":" mac
//! store     = "dynamodb"     a content table
//!           / "s3"           a bucket
//! kind      = "s"            a JSON string, stored as its decoded text in UTF-8
//!           / "j"            any other JSON value, stored as its JSON text
//!           / "v"            an object or array as it came, stored as its JSON text, whose strings are never references
//! ttl       = "none" / 1*DIGIT   seconds that the writer keeps contents, without leading zeros
//! id        = 43 base64url characters: BLAKE3-256 over version, kind, scope and content
//! size      = 1*DIGIT        bytes of the content as stored before compression, without leading zeros
//! count     = 1*DIGIT        elements of the array that the content is, without leading zeros
//! key       = 8 base64url characters: which signing key, where one is set
//! mac       = 22 base64url characters: 128 bits of BLAKE3, keyed, over the scope and everything of the whole before it
//! part      = see [`part`](crate::part); only of kind "j"
//! ```
//!
//! Only `A-Z a-z 0-9 . _ : - @` occur, so no JSON encoder ever escapes a reference. A reference to a whole content, a
//! [`ContentRef`], is always shorter than [`MAX_WHOLE_LEN`] bytes; a reference to a part, a [`Reference`], is shorter than
//! [`MAX_LEN`]. `Display` and `FromStr` are exact inverses: one reference has one spelling.
//!
//! The id names the content and everything that decides who may read it (its *scope*), so equal contents get equal
//! references, and a person who forges a reference must already have the content that it names. With a signing key (see
//! [`keys`](crate::keys)), the id is keyed, too, and the MAC is checked before anything is read: see [`Scope::admits`].
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
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::str::FromStr;

use bytes::Bytes;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use crate::json;
use crate::keys::{self, KeyId, Keyring, Signature};
use crate::part::{MAX_PART_LEN, Part, parse_number};

/// What every reference begins with.
pub const PREFIX: &str = "@content:";

/// References to whole contents are shorter than this many bytes.
pub const MAX_WHOLE_LEN: usize = 160;

/// References are shorter than this many bytes; longer text is never a reference. A reference to a part begins with
/// `@content:2:content:`, and ends with a colon and the part.
pub const MAX_LEN: usize = MAX_WHOLE_LEN + "2:content:".len() + 1 + MAX_PART_LEN;

/// The format version of references to whole contents.
pub const VERSION: u8 = 1;

/// The format version of references to parts of contents, each of which contains a reference to the whole.
pub const PART_VERSION: u8 = 2;

/// The format version of references to arrays, which say how many elements there are.
pub const ARRAY_VERSION: u8 = 3;

/// The newest of them.
const NEWEST: u8 = ARRAY_VERSION;

/// Separates our ids from every other use of BLAKE3 (see `derive_key` in its specification).
const ID_CONTEXT: &str = "lrap long-content 2026-11 content id";

/// What the stored bytes of a content are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The decoded text of a JSON string, in UTF-8.
    String,
    /// The JSON text of any other value, and of a string that UTF-8 cannot hold (a lone surrogate).
    Json,
    /// The JSON text of an object or array that was stored unchanged, because too many of its strings look like references
    /// (O11). Unlike the text of [`Json`](Self::Json), it is never searched for references. Layers that do not know this
    /// kind refuse it.
    Verbatim,
}

impl Kind {
    /// The letter that stands for this kind in a reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "s",
            Self::Json => "j",
            Self::Verbatim => "v",
        }
    }
}

/// Where a content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreName {
    /// A DynamoDB content table.
    DynamoDb,
    /// An S3 bucket.
    S3,
}

impl StoreName {
    /// The store's name in a reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::S3 => "s3",
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

/// Separates tags of tenants from ids.
const TENANT_CONTEXT: &str = "lrap long-content 2026-11 tenant tag";

/// Separates tags of scopes from those of tenants.
const SCOPE_CONTEXT: &str = "lrap long-content 2026-11 scope tag";

/// The name of a content, which is its key in the store: a BLAKE3-256 hash over format version, kind, scope and bytes; or
/// the name in the format of the public step-functions-agent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentId(Name);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Hash([u8; 32]),
    /// A UUID, of [`ContentRef::parse_legacy`].
    Record([u8; 16]),
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Hash(hash) => {
                let mut text = [0; 43];
                BASE64URL_NOPAD.encode_mut(hash, &mut text);
                f.write_str(std::str::from_utf8(&text).expect("BUG: base64url is ASCII"))
            }
            Name::Record(uuid) => {
                let hex = HEXLOWER.encode(uuid);
                write!(f, "record-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            }
        }
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

    /// The content of an object or array that is never searched for references: its JSON text.
    pub fn verbatim(text: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Verbatim, bytes: text.into() }
    }
}

/// A short name of one tenant in one table. With it, stores distinguish its contents from those of other tenants without
/// knowing the tenant's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantTag([u8; 8]);

impl fmt::Display for TenantTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// A short name of a scope: one table or bucket, one tenant, and one key. With it, stores distinguish a damaged content from
/// one of another scope, whose existence a reader must not learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScopeTag([u8; 8]);

impl fmt::Display for ScopeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// Who shares contents: all functions with the same table (or, for contents in S3, the same bucket), with the same tenant if
/// a function has tenant isolation, and with the same signing keys if there are any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    table: String,
    bucket: Option<String>,
    tenant: Option<Box<[u8]>>,
    keys: Keyring,
}

/// Why a scope does not admit a reference. Nothing is read for such a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This scope has signing keys, and the reference is not signed.
    #[error("it is not signed")]
    Unsigned,
    /// Signed, but this scope has no keys.
    #[error("it is signed, and there is no key to check the signature with")]
    NoKey,
    /// Signed by a key that this scope does not have.
    #[error("it is signed by the unknown key {0}")]
    UnknownKey(KeyId),
    /// The reference was altered, forged, or made for another table or tenant.
    #[error("its signature does not match")]
    Forged,
    /// A reference in the format of the public step-functions-agent, which has neither keys nor tenants.
    #[error("a legacy reference has no signature and no tenant, and this function needs one of them")]
    Legacy,
    /// Its content is in S3, and this scope has no bucket.
    #[error("its content is in S3, and no bucket is set here")]
    NoBucket,
}

impl Scope {
    /// The scope of everyone who uses `table`.
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), bucket: None, tenant: None, keys: Keyring::default() }
    }

    /// The same scope, with the bucket for contents in S3, if there is one.
    #[must_use]
    pub fn with_bucket(&self, bucket: Option<&str>) -> Self {
        Self { bucket: bucket.map(str::to_owned), ..self.clone() }
    }

    /// The same scope for one tenant only, which the bytes of its header name. `None` means no tenant.
    #[must_use]
    pub fn for_tenant(&self, tenant: impl AsRef<[u8]>) -> Self {
        let tenant = Some(tenant.as_ref()).filter(|name| !name.is_empty()).map(Box::from);
        Self { tenant, ..self.clone() }
    }

    /// The same scope for those who have `keys`. With an empty ring, nothing is signed.
    #[must_use]
    pub fn signed_by(&self, keys: Keyring) -> Self {
        Self { keys, ..self.clone() }
    }

    /// The content table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The name of the table or bucket that belongs to the scope of contents in this store.
    fn place(&self, store: StoreName) -> Option<&str> {
        match store {
            StoreName::DynamoDb => Some(&self.table),
            StoreName::S3 => self.bucket.as_deref(),
        }
    }

    /// The tag of the tenant, if there is one.
    pub fn tenant_tag(&self) -> Option<TenantTag> {
        let tenant = self.tenant.as_ref()?;
        let mut hasher = blake3::Hasher::new_derive_key(TENANT_CONTEXT);
        hasher.update(&(self.table.len() as u64).to_le_bytes()).update(self.table.as_bytes()).update(tenant);
        let mut tag = [0; 8];
        hasher.finalize_xof().fill(&mut tag);
        Some(TenantTag(tag))
    }

    /// The tag of what is stored under a reference in this scope: of the table or bucket, the tenant, and the key that the reference names.
    pub fn tag(&self, reference: &ContentRef) -> ScopeTag {
        let mut hasher = blake3::Hasher::new_derive_key(SCOPE_CONTEXT);
        let key = reference.signature.map(|signature| signature.key.to_string()).unwrap_or_default();
        let [tenancy, tenant] = self.tenant_fields();
        let place = self.place(reference.store).unwrap_or_default();
        for field in [place.as_bytes(), tenancy, tenant, key.as_bytes()] {
            hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
        }
        let mut tag = [0; 8];
        hasher.finalize_xof().fill(&mut tag);
        ScopeTag(tag)
    }

    /// Whether its references are signed.
    pub fn is_signed(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The reference under which `content` is stored in the table of this scope, signed by the current key if there is one.
    pub fn reference(&self, ttl: Ttl, content: &Content) -> ContentRef {
        self.reference_in(StoreName::DynamoDb, ttl, content)
    }

    /// The same for a content in the given store.
    pub fn reference_in(&self, store: StoreName, ttl: Ttl, content: &Content) -> ContentRef {
        let key = self.keys.current();
        let mut reference = ContentRef {
            store,
            kind: content.kind,
            ttl,
            id: self.id(store, key, ttl, content.kind, &content.bytes),
            size: content.bytes.len() as u64,
            count: if content.kind == Kind::Json { json::element_count(&content.bytes) } else { None },
            signature: None,
        };
        let sign = |key| Some(Signature { key, mac: self.mac(&reference, key)? });
        reference.signature = key.and_then(sign);
        reference
    }

    /// Whether a reference may be read in this scope. It is checked before any request to a store. Signatures are compared
    /// in constant time.
    pub fn admits(&self, reference: &ContentRef) -> Result<(), Refusal> {
        match &reference.signature {
            _ if reference.is_legacy() && (self.is_signed() || self.tenant.is_some()) => Err(Refusal::Legacy),
            _ if self.place(reference.store).is_none() => Err(Refusal::NoBucket),
            None if self.is_signed() => Err(Refusal::Unsigned),
            None => Ok(()),
            Some(_) if !self.is_signed() => Err(Refusal::NoKey),
            Some(signature) => {
                let mac = self.mac(reference, signature.key).ok_or(Refusal::UnknownKey(signature.key))?;
                if keys::same(mac, signature.mac) { Ok(()) } else { Err(Refusal::Forged) }
            }
        }
    }

    /// Whether `bytes` are the content that `reference` names in this scope. For a legacy reference, only their form can be
    /// checked.
    pub fn holds(&self, reference: &ContentRef, bytes: &[u8]) -> bool {
        if reference.is_legacy() {
            return bytes.len() as u64 <= reference.size && json::is_valid(bytes);
        }
        let key = reference.signature.map(|signature| signature.key);
        let has_key = key.is_none_or(|key| self.keys.content_key(key).is_some());
        has_key
            && bytes.len() as u64 == reference.size
            && (reference.kind != Kind::String || std::str::from_utf8(bytes).is_ok())
            && self.id(reference.store, key, reference.ttl, reference.kind, bytes) == reference.id
    }

    /// The MAC of a reference by the key `id`, if this scope has it.
    fn mac(&self, reference: &ContentRef, id: KeyId) -> Option<[u8; 16]> {
        let unsigned = ContentRef { signature: None, ..*reference };
        let signed_text = format!("{unsigned}:{id}:");
        let [tenancy, tenant] = self.tenant_fields();
        let place = self.place(reference.store)?;
        self.keys.mac(id, &[place.as_bytes(), tenancy, tenant, signed_text.as_bytes()])
    }

    /// Whether there is a tenant, and its name.
    fn tenant_fields(&self) -> [&[u8]; 2] {
        self.tenant.as_ref().map_or([b"", b""], |tenant| [b"tenant", tenant])
    }

    /// The id of a content. Each field is hashed after its length, so that different scopes and contents never give the hash
    /// the same bytes.
    fn id(&self, store: StoreName, key: Option<KeyId>, ttl: Ttl, kind: Kind, bytes: &[u8]) -> ContentId {
        let key = key.and_then(|key| self.keys.content_key(key));
        let mut hasher = key.map_or_else(|| blake3::Hasher::new_derive_key(ID_CONTEXT), blake3::Hasher::new_keyed);
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(&[VERSION]);
        field(store.as_str().as_bytes());
        field(kind.as_str().as_bytes());
        field(self.place(store).unwrap_or_default().as_bytes());
        field(&ttl.as_seconds().unwrap_or(0).to_le_bytes());
        let [tenancy, tenant] = self.tenant_fields();
        field(tenancy);
        field(tenant);
        field(bytes);
        ContentId(Name::Hash(*hasher.finalize().as_bytes()))
    }
}

/// A reference to one stored content. See the [module](self) for its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRef {
    /// Where the content is kept.
    pub store: StoreName,
    /// What the content is.
    pub kind: Kind,
    /// The writer's TTL class.
    pub ttl: Ttl,
    /// The content's name.
    pub id: ContentId,
    /// Bytes of the content before compression; of a legacy reference, the most that it can have.
    pub size: u64,
    /// How many elements it has, if it is an array of kind [`Kind::Json`] and its writer said so.
    pub count: Option<u64>,
    /// Its signature, if the scope has signing keys.
    pub signature: Option<Signature>,
}

/// Hashes all fields, with fewer calls than the derived implementation: an event may name thousands of references.
impl Hash for ContentRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(match &self.id.0 {
            Name::Hash(hash) => hash,
            Name::Record(uuid) => uuid,
        });
        let ttl = u64::from(self.ttl.as_seconds().unwrap_or(0));
        state.write_u64(ttl << 16 | (self.store as u64) << 8 | self.kind as u64);
        state.write_u64(self.size);
        state.write_u64(self.count.map_or(0, |count| count.wrapping_add(1)));
        if let Some(signature) = &self.signature {
            signature.hash(state);
        }
    }
}

impl ContentRef {
    /// The most bytes that the text of a reference can have, for a content of `size` bytes, and `count` elements if it is an
    /// array. References to contents in the table are the longest.
    pub fn text_len(size: u64, count: Option<u64>, ttl: Ttl, is_signed: bool) -> usize {
        /// A key and a MAC, each after its colon.
        const SIGNATURE_LEN: usize = 1 + 8 + 1 + 22;
        let id = ContentId(Name::Hash([0; 32]));
        let unsigned = Self { store: StoreName::DynamoDb, kind: Kind::Json, ttl, id, size, count, signature: None };
        unsigned.to_string().len() + if is_signed { SIGNATURE_LEN } else { 0 }
    }

    /// Reads a reference of the public step-functions-agent: `@content:dynamodb:table:record-` and a UUID, in its exact
    /// spelling. It names an item whose attribute `content` is JSON text of unknown length.
    pub fn parse_legacy(text: &str) -> Option<Self> {
        let uuid = text.strip_prefix(PREFIX)?.strip_prefix(LEGACY)?;
        let groups: Vec<_> = uuid.split('-').collect();
        let lengths = groups.iter().map(|group| group.len());
        lengths.eq([8, 4, 4, 4, 12]).then_some(())?;
        let uuid = HEXLOWER.decode(groups.concat().as_bytes()).ok()?.try_into().ok()?;
        Some(Self {
            store: StoreName::DynamoDb,
            kind: Kind::Json,
            ttl: Ttl::NONE,
            id: ContentId(Name::Record(uuid)),
            size: MAX_LEGACY_LEN,
            count: None,
            signature: None,
        })
    }

    /// The handle: the same text without its prefix, so that no layer hydrates it.
    pub fn handle(&self) -> String {
        self.to_string().split_off(PREFIX.len())
    }

    /// The reference of a handle, with or without the prefix. `None` for any other text, even if a part of it looks like a
    /// handle.
    pub fn parse_handle(text: &str) -> Option<Result<Self, ParseRefError>> {
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let looks_like_one = text.len() <= MAX_WHOLE_LEN
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
            && text.split(':').nth(1).is_some_and(|store| parse_store(store).is_ok());
        looks_like_one.then(|| format!("{PREFIX}{text}").parse())
    }

    /// The reference to a stored content, without a signature, from its fields as the store spells them.
    #[cfg(feature = "dynamodb")]
    pub(crate) fn stored(store: StoreName, [kind, ttl, id]: [&str; 3], size: u64, count: Option<u64>) -> Option<Self> {
        let (kind, ttl, id) = (parse_kind(kind)?, parse_ttl(ttl).ok()?, parse_id(id).ok()?);
        Some(Self { store, kind, ttl, id, size, count: count.filter(|_| kind == Kind::Json), signature: None })
    }

    /// Whether it is in the format of the public step-functions-agent.
    pub fn is_legacy(&self) -> bool {
        matches!(self.id.0, Name::Record(_))
    }
}

/// What follows the prefix of a legacy reference.
const LEGACY: &str = "dynamodb:table:record-";

/// No content of a legacy reference is longer: it is in one item of `DynamoDB`.
const MAX_LEGACY_LEN: u64 = 400 << 10;

impl fmt::Display for ContentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, kind, ttl, id, size, count, signature } = self;
        if self.is_legacy() {
            return write!(f, "{PREFIX}dynamodb:table:{id}");
        }
        let version = if count.is_some() { ARRAY_VERSION } else { VERSION };
        write!(f, "{PREFIX}{version}:{}:{}:{ttl}:{id}:{size}", store.as_str(), kind.as_str())?;
        count.map_or(Ok(()), |count| write!(f, ":{count}"))?;
        signature.map_or(Ok(()), |signature| write!(f, ":{signature}"))
    }
}

/// Why a text is not a reference that this version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseRefError {
    /// Ordinary text: it does not even have the outline of a reference.
    #[error("not a reference")]
    NotAReference,
    /// A reference that a newer version of the layer has written.
    #[error("reference format {0} is newer than this layer reads ({NEWEST}); update the layer")]
    UnknownVersion(u32),
    /// A reference to a store that this version does not know.
    #[error("unknown store in the reference")]
    UnknownStore,
    /// A reference that was truncated or altered: the named field cannot be read.
    #[error("the reference's {0} is malformed")]
    Malformed(&'static str),
    /// A part of a string, or of an object or array of kind [`Kind::Verbatim`], which have no parts.
    #[error("only JSON contents (kind j) have parts")]
    HasNoParts,
    /// A reference to a part, where one to a whole content is needed.
    #[error("it names a part of a content, where a whole content is needed")]
    Part,
}

impl FromStr for ContentRef {
    type Err = ParseRefError;

    fn from_str(text: &str) -> Result<Self, ParseRefError> {
        let (version, fields) = outline(text).ok_or(ParseRefError::NotAReference)?;
        let is_array = version == u32::from(ARRAY_VERSION);
        if version == u32::from(PART_VERSION) {
            return Err(ParseRefError::Part);
        }
        if !is_array && version != u32::from(VERSION) {
            return Err(ParseRefError::UnknownVersion(version));
        }
        let mut fields = fields.split(':');
        let mut next = |name| fields.next().ok_or(ParseRefError::Malformed(name));
        let mut reference = Self {
            store: parse_store(next("store")?)?,
            kind: parse_kind(next("kind")?)
                .filter(|kind| !is_array || *kind == Kind::Json)
                .ok_or(ParseRefError::Malformed("kind"))?,
            ttl: parse_ttl(next("TTL class")?)?,
            id: parse_id(next("id")?)?,
            size: parse_number(next("size")?).ok_or(ParseRefError::Malformed("size"))?,
            count: None,
            signature: None,
        };
        if is_array {
            reference.count = Some(parse_number(next("count")?).ok_or(ParseRefError::Malformed("count"))?);
        }
        let Some(key) = fields.next() else { return Ok(reference) };
        let mac = fields.next().ok_or(ParseRefError::Malformed("signature"))?;
        let signature = Signature::parse(key, mac).ok_or(ParseRefError::Malformed("signature"))?;
        match fields.next() {
            None => Ok(Self { signature: Some(signature), ..reference }),
            Some(_) => Err(ParseRefError::Malformed("end")),
        }
    }
}

/// Version number and remaining fields of a text that has the outline of a reference: the prefix, a number, and then only
/// characters that references can have. Anything else that begins with the prefix is ordinary text.
fn outline(text: &str) -> Option<(u32, &str)> {
    let (version, fields) = text.strip_prefix(PREFIX)?.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    (text.len() < MAX_LEN && fields.bytes().all(plain)).then_some(())?;
    let version = parse_number(version)?;
    let is_whole = [VERSION, ARRAY_VERSION].map(u32::from).contains(&version);
    (!is_whole || text.len() < MAX_WHOLE_LEN).then_some((version, fields))
}

/// The beginning of the whole's reference inside of a reference to a part: the prefix without its `@`, which no field may
/// contain.
const INSIDE: &str = "content:";

/// A reference to a content or to a part of it. See the [module](self) for its grammar.
///
/// A reader who may read the content may read each part of it. So the part is not signed: it can only narrow what the
/// reference grants.
///
/// ```
/// use long_content::reference::{Content, Reference, Scope, Ttl};
///
/// let whole = Scope::new("AgentContext-dev").reference(Ttl::NONE, &Content::json(r#"{"items":[1,2,3]}"#)).to_string();
/// let reference: Reference = format!("@content:2:{}:.items:1:2", &whole[1..]).parse().unwrap();
/// assert_eq!(reference.content.to_string(), whole);
/// assert_eq!(reference.part.unwrap().pointer(), "/items");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The whole content.
    pub content: ContentRef,
    /// The part of it that is meant; `None` for all of it.
    pub part: Option<Part>,
}

impl Hash for Reference {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content.hash(state);
        if let Some(part) = &self.part {
            part.hash(state);
        }
    }
}

impl From<ContentRef> for Reference {
    fn from(content: ContentRef) -> Self {
        Self { content, part: None }
    }
}

impl PartialEq<ContentRef> for Reference {
    fn eq(&self, content: &ContentRef) -> bool {
        self.part.is_none() && self.content == *content
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            None => self.content.fmt(f),
            Some(part) => write!(f, "{PREFIX}{PART_VERSION}:{INSIDE}{}:{part}", self.content.handle()),
        }
    }
}

impl FromStr for Reference {
    type Err = ParseRefError;

    fn from_str(text: &str) -> Result<Self, ParseRefError> {
        match text.parse() {
            Ok(content) => Ok(Self { content, part: None }),
            Err(ParseRefError::Part) => parse_part(text),
            Err(error) => Err(error),
        }
    }
}

fn parse_part(text: &str) -> Result<Reference, ParseRefError> {
    let (_, fields) = outline(text).ok_or(ParseRefError::NotAReference)?;
    let inside = fields.strip_prefix(INSIDE).ok_or(ParseRefError::Malformed("whole"))?;
    let end = end_of_whole(inside).ok_or(ParseRefError::Malformed("part"))?;
    let content: ContentRef = match format!("{PREFIX}{}", &inside[..end]).parse() {
        Err(ParseRefError::NotAReference | ParseRefError::Part) => Err(ParseRefError::Malformed("whole")),
        content => content,
    }?;
    let part = inside[end + 1..].parse().map_err(|_| ParseRefError::Malformed("part"))?;
    if content.kind == Kind::Json {
        Ok(Reference { content, part: Some(part) })
    } else {
        Err(ParseRefError::HasNoParts)
    }
}

/// Index of the colon between the whole's reference and the part. A part begins with a dot or a colon, or is empty; a field
/// never does, and is never empty.
fn end_of_whole(text: &str) -> Option<usize> {
    let mut colons = text.match_indices(':').map(|(at, _)| at);
    colons.find(|at| matches!(text.as_bytes().get(at + 1), None | Some(b'.' | b':')))
}

fn parse_store(text: &str) -> Result<StoreName, ParseRefError> {
    match text {
        "dynamodb" => Ok(StoreName::DynamoDb),
        "s3" => Ok(StoreName::S3),
        _ => Err(ParseRefError::UnknownStore),
    }
}

fn parse_kind(text: &str) -> Option<Kind> {
    match text {
        "s" => Some(Kind::String),
        "j" => Some(Kind::Json),
        "v" => Some(Kind::Verbatim),
        _ => None,
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
    bytes.try_into().map(|hash| ContentId(Name::Hash(hash))).map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    fn sample() -> ContentRef {
        Scope::new("AgentContext-dev").reference(Ttl::seconds(86_400), &Content::string("Hello, 世界"))
    }

    fn any_ref() -> impl Strategy<Value = ContentRef> {
        let signature = proptest::option::of(any::<([u8; 6], [u8; 16])>());
        let kind = prop_oneof![Just(Kind::String), Just(Kind::Json), Just(Kind::Verbatim)];
        let what = (prop_oneof![Just(StoreName::DynamoDb), Just(StoreName::S3)], kind);
        let numbers = (any::<u32>(), any::<u64>(), proptest::option::of(any::<u64>()));
        (what, numbers, any::<[u8; 32]>(), signature).prop_map(|(what, (ttl, size, count), id, signature)| ContentRef {
            store: what.0,
            kind: what.1,
            ttl: Ttl::seconds(ttl),
            id: ContentId(Name::Hash(id)),
            size,
            count: count.filter(|_| what.1 == Kind::Json),
            signature: signature
                .and_then(|(key, mac)| Signature::parse(&BASE64URL_NOPAD.encode(&key), &BASE64URL_NOPAD.encode(&mac))),
        })
    }

    fn signed() -> Scope {
        Scope::new("AgentContext-dev").signed_by("a-signing-key-of-24-bytes".parse().unwrap())
    }

    proptest! {
        #[test]
        fn print_and_parse_are_inverses(reference in any_ref()) {
            let text = reference.to_string();
            prop_assert!(text.len() < MAX_WHOLE_LEN);
            prop_assert_eq!(text.parse(), Ok(reference));
            let ContentRef { size, count, ttl, signature, .. } = reference;
            let shorter = StoreName::DynamoDb.as_str().len() - reference.store.as_str().len();
            prop_assert_eq!(ContentRef::text_len(size, count, ttl, signature.is_some()), text.len() + shorter);
        }

        #[test]
        fn what_parses_prints_as_it_was(
            text in "@content:[13]:(dynamodb|s3):[sjv]:(none|[0-9]{1,11}):[A-Za-z0-9_-]{42,44}:[0-9]{1,21}(:[0-9]{1,2})?(:[A-Za-z0-9_-]{7,9}:[A-Za-z0-9_-]{21,23})?",
        ) {
            if let Ok(reference) = text.parse::<ContentRef>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn a_legacy_reference_prints_as_it_was(text in "@content:dynamodb:table:record-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-fA-F]{12}") {
            match ContentRef::parse_legacy(&text) {
                Some(reference) => prop_assert_eq!(reference.to_string(), text),
                None => prop_assert!(text.bytes().any(|byte| byte.is_ascii_uppercase())),
            }
        }

        #[test]
        fn a_signed_reference_with_one_bit_changed_is_refused(content in ".{0,40}", ttl in any::<u32>(), bit in any::<prop::sample::Index>()) {
            let text = signed().reference(Ttl::seconds(ttl), &Content::string(content)).to_string();
            prop_assert_eq!(signed().admits(&text.parse().unwrap()), Ok(()));
            let (mut altered, bit) = (text.into_bytes(), bit.index(1_000_000));
            let at = bit / 8 % altered.len();
            altered[at] ^= 1 << (bit % 8);
            let reference = std::str::from_utf8(&altered).ok().and_then(|text| text.parse().ok());
            prop_assert!(reference.is_none_or(|reference: ContentRef| signed().admits(&reference).is_err()));
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text in "(@content:)?[ -~é]{0,170}") {
            let _ = text.parse::<ContentRef>();
            let _ = ContentRef::parse_legacy(&text);
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
        assert_eq!(error(":1:", ":4:"), ParseRefError::UnknownVersion(4));
        assert_eq!(error(":1:", ":2:"), ParseRefError::Part);
        assert_eq!(error(":1:", ":3:"), ParseRefError::Malformed("kind"));
        assert_eq!(error(":1:dynamodb:s:", ":3:dynamodb:j:"), ParseRefError::Malformed("count"));
        assert_eq!(error("dynamodb", "s4"), ParseRefError::UnknownStore);
        assert_eq!(error(":s:", ":x:"), ParseRefError::Malformed("kind"));
        assert_eq!(error(":86400:", ":086400:"), ParseRefError::Malformed("TTL class"));
        assert_eq!(error(":86400:", ":0:"), ParseRefError::Malformed("TTL class"));
        assert_eq!(error(":13", ":013"), ParseRefError::Malformed("size"));
        assert_eq!(error(":13", ""), ParseRefError::Malformed("size"));
        assert_eq!(error(":13", ":13:"), ParseRefError::Malformed("signature"));
        assert_eq!(error(":13", ":13:keykeyid:tooshort"), ParseRefError::Malformed("signature"));
        assert_eq!(error(":13", ":13:keykeyid:AAAAAAAAAAAAAAAAAAAAAA:"), ParseRefError::Malformed("end"));
        assert_eq!(error(":13", ":13 "), ParseRefError::NotAReference);
        assert_eq!(error("@content:1", "@content"), ParseRefError::NotAReference);
    }

    /// The rows of the documented vectors: keys, table or bucket, tenant, TTL, kind, content, reference.
    fn vector(scope: &Scope, keys: &str, ttl: Ttl, content: &Content) -> String {
        let show = |text: &str| if text.is_empty() { "-".to_owned() } else { format!("`{text}`") };
        let store = if scope.bucket.is_some() { StoreName::S3 } else { StoreName::DynamoDb };
        let reference = scope.signed_by(keys.parse().unwrap_or_default()).reference_in(store, ttl, content);
        let text = std::str::from_utf8(&content.bytes).unwrap();
        let (tenant, kind) =
            (String::from_utf8_lossy(scope.tenant.as_deref().unwrap_or_default()), content.kind.as_str());
        format!(
            "| {} | `{}` | {} | {ttl} | {kind} | `{text}` | `{reference}` |",
            show(keys),
            scope.place(store).unwrap(),
            show(&tenant)
        )
    }

    #[test]
    fn the_documented_vectors_hold() {
        let (table, day) = (Scope::new("AgentContext-dev"), Ttl::seconds(86_400));
        let (text, json) = (Content::string("Hello, 世界"), Content::json("[1e400]"));
        let object = Content::json(r#"{"n":1e400}"#);
        let verbatim = Content::verbatim(r#"["@content:"]"#);
        let blue = table.for_tenant("blue");
        let bucket = table.with_bucket(Some("long-content-dev"));
        let rows = [
            vector(&table, "", day, &text),
            vector(&table, "", Ttl::NONE, &json),
            vector(&table, "", Ttl::NONE, &object),
            vector(&table, "", day, &verbatim),
            vector(&blue, "", day, &text),
            vector(&table, "correct-horse-battery-staple", day, &text),
            vector(&table, "correct-horse-battery-staple", Ttl::NONE, &json),
            vector(&table, "correct-horse-battery-staple", Ttl::NONE, &object),
            vector(&table, "correct-horse-battery-staple", day, &verbatim),
            vector(&blue, "correct-horse-battery-staple", day, &text),
            vector(&bucket, "", day, &text),
            vector(&bucket.for_tenant("blue"), "correct-horse-battery-staple", Ttl::NONE, &json),
        ];
        let documented = include_str!("../../../docs/references.md");
        assert!(documented.contains(&rows.join("\n")), "docs/references.md should contain:\n{}", rows.join("\n"));
        let part = Reference { content: table.reference(Ttl::NONE, &json), part: Some(".0".parse().unwrap()) };
        assert!(documented.contains(&format!("`{part}`")), "docs/references.md should contain `{part}`");
    }

    /// Vectors of layers that did not write the number of elements.
    #[test]
    fn references_to_arrays_by_older_writers_are_read() {
        let table = Scope::new("AgentContext-dev");
        let signed = table.signed_by("correct-horse-battery-staple".parse().unwrap());
        let old = [
            (table, "@content:1:dynamodb:j:none:5nrQrkN0YYV9Nr2tXD30e-gHRIFGQIDznctOikVT_CQ:7"),
            (
                signed,
                "@content:1:dynamodb:j:none:1tHFnj4wDi77fMQIvgxOA6Sdg2APzcdRBYv_P3-h4E0:7:aJlmhUXY:m5uADgXfzap57c1iHJXZGQ",
            ),
        ];
        for (scope, text) in old {
            let reference: ContentRef = text.parse().unwrap();
            assert_eq!((scope.admits(&reference), reference.count), (Ok(()), None));
            assert!(scope.holds(&reference, b"[1e400]"));
            assert_eq!(scope.reference(Ttl::NONE, &Content::json("[1e400]")).id, reference.id);
        }
    }

    #[test]
    fn a_signature_is_the_tables_and_the_tenants() {
        let reference = signed().reference(Ttl::NONE, &Content::string("same"));
        let keys: Keyring = "a-signing-key-of-24-bytes".parse().unwrap();
        let refusal = |scope: Scope| scope.admits(&reference).unwrap_err();
        assert_eq!(refusal(signed().for_tenant("a")), Refusal::Forged);
        assert_eq!(refusal(signed().for_tenant(b"\xe9")), Refusal::Forged);
        assert!(signed().for_tenant("").admits(&reference).is_ok());
        assert_eq!(refusal(Scope::new("other").signed_by(keys)), Refusal::Forged);
        assert_eq!(refusal(Scope::new("AgentContext-dev")), Refusal::NoKey);
        assert_eq!(
            refusal(signed().signed_by("another-signing-key-of-x-bytes".parse().unwrap())),
            Refusal::UnknownKey(reference.signature.unwrap().key)
        );
        let unsigned = ContentRef { signature: None, ..reference };
        assert_eq!(signed().admits(&unsigned), Err(Refusal::Unsigned));
        assert!(signed().holds(&reference, b"same") && !signed().holds(&unsigned, b"same"));
    }

    #[test]
    fn a_content_in_s3_is_the_buckets_whatever_the_table() {
        let (day, content) = (Ttl::seconds(86_400), Content::string("same"));
        for keys in ["", "a-signing-key-of-24-bytes"] {
            let keys: Keyring = keys.parse().unwrap_or_default();
            let with = |table: &str, bucket| Scope::new(table).with_bucket(bucket).signed_by(keys.clone());
            let writer = with("table", Some("bucket"));
            let reference = writer.reference_in(StoreName::S3, day, &content);
            let reader = with("another", Some("bucket"));
            assert_eq!((reader.admits(&reference), reader.holds(&reference, b"same")), (Ok(()), true));
            assert_eq!(reader.tag(&reference), writer.tag(&reference));
            assert!(!with("table", Some("other")).holds(&reference, b"same"));
            assert_eq!(with("table", None).admits(&reference), Err(Refusal::NoBucket));
            assert_ne!(writer.reference(day, &content).id, reference.id, "the store is part of the name");
        }
    }

    /// A program that may write to the table could store such a text under the id that belongs to it.
    #[test]
    fn a_text_that_is_not_utf_8_is_not_held() {
        let scope = Scope::new("table");
        let text = Content { kind: Kind::String, bytes: Bytes::from_static(b"\xff") };
        assert!(!scope.holds(&scope.reference(Ttl::NONE, &text), &text.bytes));
        let text = Content::string("\u{ff}");
        assert!(scope.holds(&scope.reference(Ttl::NONE, &text), &text.bytes));
    }

    #[test]
    fn the_scope_is_part_of_the_name() {
        let content = Content::string("same");
        let scope = Scope::new("table");
        let day = scope.reference(Ttl::seconds(86_400), &content);
        let others = [
            scope.reference(Ttl::NONE, &content),
            scope.reference(Ttl::seconds(86_400), &Content::json("same")),
            scope.reference(Ttl::seconds(86_400), &Content::verbatim("same")),
            scope.for_tenant("a").reference(Ttl::seconds(86_400), &content),
            scope.for_tenant("\u{fffd}").reference(Ttl::seconds(86_400), &content),
            scope.for_tenant(b"\xe9").reference(Ttl::seconds(86_400), &content),
            scope.for_tenant(b"\xe8").reference(Ttl::seconds(86_400), &content),
            Scope::new("other").reference(Ttl::seconds(86_400), &content),
        ];
        let ids: HashSet<_> = others.iter().chain([&day]).map(|reference| reference.id).collect();
        assert_eq!(ids.len(), others.len() + 1);
        assert_eq!(scope.for_tenant(""), scope, "an empty header is no tenant");
        assert!(scope.holds(&day, b"same"));
        assert!(!scope.for_tenant("a").holds(&day, b"same"));
        assert!(!scope.holds(&day, b"sane"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests_of_parts {
    use super::*;
    use crate::part::Slice;
    use proptest::prelude::*;

    fn scope(is_signed: bool) -> Scope {
        let scope = Scope::new("AgentContext-dev");
        if is_signed { scope.signed_by("a-signing-key-of-24-bytes".parse().unwrap()) } else { scope }
    }

    proptest! {
        #[test]
        fn print_and_parse_are_inverses(
            array in any::<bool>(), signed in any::<bool>(), ttl in any::<u32>(), pointer in "(/[a-z0-9 .:-]{0,5}){0,3}",
            slice in proptest::option::of(any::<(u64, u64)>()),
        ) {
            let content = Content::json(if array { "[1,2]" } else { "{}" });
            let slice = slice.map(|(start, count)| Slice { start, count });
            let content = scope(signed).reference(Ttl::seconds(ttl), &content);
            let reference = Reference { content, part: Some(Part::new(&pointer, slice).unwrap()) };
            let text = reference.to_string();
            prop_assert!(text.len() < MAX_LEN);
            prop_assert_eq!(text.parse::<ContentRef>(), Err(ParseRefError::Part));
            prop_assert_eq!(text.parse(), Ok(reference));
        }

        #[test]
        fn what_parses_prints_as_it_was(
            text in "@content:2:content:[123]:dynamodb:[sj]:none:[A-Za-z0-9_-]{43}:[0-9]{1,2}(:[0-9]{1,2})?(:[A-Za-z0-9_-]{8}:[A-Za-z0-9_-]{22})?:?[.a-][.a:0-9-]{0,9}",
        ) {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let whole = scope(true).reference(Ttl::NONE, &Content::json("{}"));
        let good = Reference { content: whole, part: Some(Part::new("/a", None).unwrap()) }.to_string();
        let error = |from: &str, to: &str| good.replacen(from, to, 1).parse::<Reference>().unwrap_err();
        assert_eq!(error(":.a", ""), ParseRefError::Malformed("part"));
        assert_eq!(error(":.a", ":.a:1"), ParseRefError::Malformed("part"));
        assert_eq!(error(":.a", &format!(":.{}", "a".repeat(MAX_PART_LEN))), ParseRefError::Malformed("part"));
        assert_eq!(error(":.a", &format!(":.{}", "a".repeat(MAX_LEN))), ParseRefError::NotAReference);
        assert_eq!(error(":.a", ":@a"), ParseRefError::NotAReference);
        assert_eq!(error(":content:", ":"), ParseRefError::Malformed("whole"));
        assert_eq!(error("2:content:1:", "2:content:2:content:1:"), ParseRefError::Malformed("whole"));
        assert_eq!(error(":1:", ":9:"), ParseRefError::UnknownVersion(9));
        assert_eq!(error(":j:", ":v:"), ParseRefError::HasNoParts);
        assert_eq!(error(":j:", ":s:"), ParseRefError::HasNoParts);
        assert_eq!(error(":none:", ":01:"), ParseRefError::Malformed("TTL class"));
    }
}
