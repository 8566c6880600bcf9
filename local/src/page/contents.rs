//! What references stand for, read from the content table a piece at a time.

use crate::table::ContentTable;
use bytes::Bytes;
use long_content::keys::Keyring;
use long_content::part::{Absent, Found};
use long_content::reference::{Reference, Scope};
use long_content::store::cache::CachedStore;
use long_content::store::dynamodb::{
    CredentialsSource, DynamoDbStore, ServiceAccess, Settings, SettingsError, TlsRoots,
};
use long_content::store::{ContentStore, GetError};
use std::time::{Duration, Instant};

/// A reader of a content asks for its next piece soon.
const CACHE: u64 = 128 << 20;
/// Bytes of one answer at most.
const LONGEST: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// The contents of a table.
#[derive(Debug)]
pub(crate) struct Contents {
    store: CachedStore<DynamoDbStore>,
    scope: Scope,
}

/// Why a content cannot be shown.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContentsError {
    /// The request names no reference, or a number is none.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    /// Of another table, or signed by a key that no function here has.
    #[error("the reference cannot be read here: {0}")]
    Refused(#[from] long_content::reference::Refusal),
    /// It is not in the table any more, or never was.
    #[error("the content cannot be read: {0}")]
    Unreadable(#[from] GetError),
    /// It has no such part.
    #[error("the part cannot be read: {0}")]
    Absent(#[from] Absent),
}

/// A piece of a content: `reference=…&offset=…&length=…`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    reference: Reference,
    offset: usize,
    length: usize,
}

impl Excerpt {
    pub(crate) fn of(query: &str) -> Result<Self, ContentsError> {
        let value = |name| {
            let named = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
            named.map(|(_, value)| value.into_owned()).ok_or(ContentsError::Malformed(name))
        };
        let number = |name| value(name)?.parse().map_err(|_| ContentsError::Malformed(name));
        let reference = value("reference")?.parse().map_err(|_| ContentsError::Malformed("reference"))?;
        Ok(Self { reference, offset: number("offset")?, length: number("length")?.min(LONGEST) })
    }
}

impl Contents {
    /// The contents of `table`; those signed by `keys` if there are any.
    pub(crate) fn of(table: &ContentTable, region: &str, keys: Keyring) -> Result<Self, SettingsError> {
        let endpoint = table.endpoint();
        let credentials = CredentialsSource::Static {
            access_key_id: "local".to_owned(),
            secret_access_key: "local".to_owned(),
            session_token: None,
        };
        let settings = Settings {
            table: table.name().to_owned(),
            region: region.to_owned(),
            access: ServiceAccess {
                tls_roots: TlsRoots::for_endpoint(region, Some(&endpoint)),
                ..ServiceAccess::new(Some(endpoint), credentials)
            },
        };
        let store = CachedStore::new(DynamoDbStore::new(settings)?, CACHE);
        Ok(Self { store, scope: Scope::new(table.name()).signed_by(keys) })
    }

    /// The bytes of a piece; none behind the end.
    pub(crate) async fn read(&self, excerpt: &Excerpt) -> Result<Bytes, ContentsError> {
        let Reference { content, part } = &excerpt.reference;
        self.scope.admits(content)?;
        let mut read = self.store.get(&self.scope, &[*content], Instant::now() + TIMEOUT).await;
        let mut bytes = read.remove(0)?.bytes;
        if let Some(part) = part {
            let Found { span, is_slice } = self.store.index(&self.scope, content).find(&bytes, part)?;
            bytes = if is_slice { [b"[", &bytes[span], b"]"].concat().into() } else { bytes.slice(span) };
        }
        let from = excerpt.offset.min(bytes.len());
        let until = from.saturating_add(excerpt.length).min(bytes.len());
        Ok(bytes.slice(from..until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "@content:1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13";

    #[test]
    fn a_query_names_a_piece() {
        let excerpt = Excerpt::of(&format!("reference={}&offset=3&length=9999999", REFERENCE.replace(':', "%3A")));
        let expected = Excerpt { reference: REFERENCE.parse().unwrap(), offset: 3, length: LONGEST };
        assert_eq!(excerpt, Ok(expected));
    }

    #[test]
    fn what_is_wrong_with_a_query_is_named() {
        let wrong = |query: &str| Excerpt::of(query).unwrap_err().to_string();
        assert_eq!(wrong("offset=0&length=1"), "reference is missing or malformed");
        assert_eq!(wrong("reference=@content:no&offset=0&length=1"), "reference is missing or malformed");
        assert_eq!(wrong(&format!("reference={REFERENCE}&offset=-1&length=1")), "offset is missing or malformed");
        assert_eq!(wrong(&format!("reference={REFERENCE}&offset=0")), "length is missing or malformed");
    }
}
