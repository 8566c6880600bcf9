//! Signing keys. Only those who have a key can make a reference that it verifies, and read the contents of such references.
//!
//! From each secret text three values are derived, with three different BLAKE3 contexts, so that none reveals anything about
//! the others: the key's *id*, which is in references; the key that names contents; and the key of the MAC. The first key of
//! a ring signs. All keys are accepted for verification, so that references stay valid during a rotation.
//!
//! ```
//! use long_content::keys::Keyring;
//! use long_content::reference::{Content, Scope, Ttl};
//!
//! let old: Keyring = "the-previous-signing-key".parse().unwrap();
//! let new: Keyring = "the-current-signing-key the-previous-signing-key".parse().unwrap();
//! let scope = Scope::new("AgentContext-dev");
//! let reference = scope.signed_by(old).reference(Ttl::NONE, &Content::string("text"));
//! assert!(scope.signed_by(new).admits(&reference).is_ok());
//! assert!(scope.admits(&reference).is_err());
//! ```

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

/// A secret text has at least this many bytes.
pub const MIN_KEY_LEN: usize = 16;

const KEY_ID_CONTEXT: &str = "lrap long-content 2026-11 signing key id";
const CONTENT_KEY_CONTEXT: &str = "lrap long-content 2026-11 content id key";
const MAC_KEY_CONTEXT: &str = "lrap long-content 2026-11 reference mac key";

/// The public name of a key: 8 base64url characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 6]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 8];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        f.write_str(std::str::from_utf8(&text).expect("BUG: base64url is ASCII"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The end of a signed reference: the key's id and the MAC.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature {
    pub(crate) key: KeyId,
    pub(crate) mac: [u8; 16],
}

impl Signature {
    /// The signature that two fields of a reference spell.
    pub(crate) fn parse(key: &str, mac: &str) -> Option<Self> {
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        Some(Self { key: KeyId(decode(key)?.try_into().ok()?), mac: decode(mac)?.try_into().ok()? })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 22];
        BASE64URL_NOPAD.encode_mut(&self.mac, &mut text);
        write!(f, "{}:{}", self.key, std::str::from_utf8(&text).expect("BUG: base64url is ASCII"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is derived from one secret text; the text itself is not kept.
struct Key {
    id: KeyId,
    content: [u8; 32],
    mac: [u8; 32],
}

impl Key {
    fn derive(secret: &str) -> Self {
        let derive = |context| blake3::derive_key(context, secret.as_bytes());
        let id = derive(KEY_ID_CONTEXT);
        Self {
            id: KeyId(id[..6].try_into().expect("BUG: six bytes")),
            content: derive(CONTENT_KEY_CONTEXT),
            mac: derive(MAC_KEY_CONTEXT),
        }
    }
}

/// The keys with which a scope's references are signed and verified; none by default. `Debug` shows only their ids. Two
/// rings are equal if their ids are equal.
#[derive(Clone, Default)]
pub struct Keyring(Arc<[Key]>);

/// Why a text holds no keys. It never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKeys {
    /// A key is too short to be safe.
    #[error("holds a key of fewer than {MIN_KEY_LEN} bytes")]
    TooShort,
    /// There is no key in it.
    #[error("holds no key")]
    Empty,
    /// JSON text without the member that is needed.
    #[error("is JSON without a text `current` (and, if set, a text `previous`)")]
    NotInJson,
}

impl FromStr for Keyring {
    type Err = NoKeys;

    /// One key, or several separated by white space, the current one first.
    fn from_str(text: &str) -> Result<Self, NoKeys> {
        let keys: Vec<_> = text.split_ascii_whitespace().collect();
        match &keys[..] {
            [] => Err(NoKeys::Empty),
            keys if keys.iter().any(|key| key.len() < MIN_KEY_LEN) => Err(NoKeys::TooShort),
            keys => Ok(Self(keys.iter().map(|key| Key::derive(key)).collect())),
        }
    }
}

impl Keyring {
    /// The keys in a secret's text, which is either a text for `FromStr`, or JSON text `{"current": "…", "previous": "…"}`.
    pub fn from_secret(text: &str) -> Result<Self, NoKeys> {
        #[derive(Deserialize)]
        struct Rotated {
            current: String,
            previous: Option<String>,
        }
        if !text.trim_start().starts_with('{') {
            return text.parse();
        }
        let Rotated { current, previous } = serde_json::from_str(text).map_err(|_| NoKeys::NotInJson)?;
        let current: Self = current.parse()?;
        let previous = previous.filter(|text| !text.is_empty()).map(|text| text.parse()).transpose()?;
        Ok(previous.map_or(current.clone(), |previous| current.followed_by(&previous)))
    }

    /// Both rings in one, with each key once. The first key of this ring signs.
    #[must_use]
    pub fn followed_by(&self, previous: &Self) -> Self {
        let others = previous.0.iter().filter(|key| self.find(key.id).is_none());
        let keys = self.0.iter().chain(others);
        Self(keys.map(|key| Key { id: key.id, content: key.content, mac: key.mac }).collect())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none: references are not signed then.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id of the key that signs.
    pub(crate) fn current(&self) -> Option<KeyId> {
        self.0.first().map(|key| key.id)
    }

    /// The key that names contents for references of the key `id`.
    pub(crate) fn content_key(&self, id: KeyId) -> Option<&[u8; 32]> {
        self.find(id).map(|key| &key.content)
    }

    /// A MAC by the key `id` over `fields`, each preceded by its length.
    pub(crate) fn mac(&self, id: KeyId, fields: &[&[u8]]) -> Option<[u8; 16]> {
        let mut hasher = blake3::Hasher::new_keyed(&self.find(id)?.mac);
        for field in fields {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        Some(hasher.finalize().as_bytes()[..16].try_into().expect("BUG: 16 of 32 bytes"))
    }

    fn find(&self, id: KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }
}

/// Whether two MACs are equal, compared in constant time.
pub(crate) fn same(one: [u8; 16], other: [u8; 16]) -> bool {
    // `blake3::Hash` is compared in constant time.
    let widened = |mac: [u8; 16]| {
        let mut wide = [0; 32];
        wide[..16].copy_from_slice(&mac);
        blake3::Hash::from_bytes(wide)
    };
    widened(one) == widened(other)
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| key.id)).finish()
    }
}

impl PartialEq for Keyring {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|key| key.id).eq(other.0.iter().map(|key| key.id))
    }
}

impl Eq for Keyring {}

impl Hash for Keyring {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|key| key.id.hash(state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "first-key-of-16-";
    const B: &str = "second-key-of-17-";

    fn ring(text: &str) -> Result<Keyring, NoKeys> {
        Keyring::from_secret(text)
    }

    #[test]
    fn a_secret_is_keys_or_json_that_names_them() {
        let both = ring(&format!("{A} {B}")).unwrap();
        assert_eq!(both.len(), 2);
        assert_eq!(ring(&format!("\n{A}\t{B} ")).unwrap(), both);
        assert_eq!(ring(&format!(r#" {{"current":"{A}","previous":"{B}","other":1}}"#)).unwrap(), both);
        assert_eq!(ring(&format!(r#"{{"current":"{A}"}}"#)).unwrap(), ring(A).unwrap());
        assert_eq!(ring(&format!(r#"{{"current":"{A}","previous":""}}"#)).unwrap(), ring(A).unwrap());
        assert_ne!(ring(A).unwrap(), ring(B).unwrap());
    }

    #[test]
    fn a_ring_that_follows_another_adds_only_what_is_missing() {
        let both = ring(&format!("{A} {B}")).unwrap();
        assert_eq!(both.followed_by(&ring(B).unwrap()), both);
        assert_eq!(ring(A).unwrap().followed_by(&both), both);
    }

    #[test]
    fn what_holds_no_safe_key_is_refused() {
        assert_eq!(ring(" "), Err(NoKeys::Empty));
        assert_eq!(ring("fifteen-bytes--"), Err(NoKeys::TooShort));
        assert_eq!(ring(&format!("{A} short")), Err(NoKeys::TooShort));
        assert_eq!(ring(r#"{"current":"short"}"#), Err(NoKeys::TooShort));
        assert_eq!(ring(r#"{"current":""}"#), Err(NoKeys::Empty));
        assert_eq!(ring(r#"{"key":"the-key-of-some-other-shape"}"#), Err(NoKeys::NotInJson));
        assert_eq!(ring(r#"{"current":"#), Err(NoKeys::NotInJson));
    }

    #[test]
    fn debug_output_shows_ids_only() {
        let ring = ring(A).unwrap();
        let shown = format!("{ring:?}");
        assert_eq!(shown, format!("[{}]", ring.current().unwrap()));
        assert!(!shown.contains("first"));
    }

    #[test]
    fn a_mac_differs_when_any_byte_does() {
        let mac = [7; 16];
        assert!(same(mac, mac));
        for at in 0..16 {
            let mut other = mac;
            other[at] ^= 1;
            assert!(!same(mac, other));
        }
    }
}
