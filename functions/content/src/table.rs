//! The content table as functions use it: a long text becomes a handle, a handle becomes the text.

use std::time::{Duration, Instant};

use bytes::Bytes;
use functions_shared::{Failure, Variables};
use long_content::reference::{Content, ContentRef, Refusal, Scope, Ttl};
use long_content::signing::{SigningKeys, UnknownKey};
use long_content::store::cache::CachedStore;
use long_content::store::dynamodb::{DynamoDbStore, SettingsError};
use long_content::store::{ContentStore, GetError};

use crate::error::ContentError;
use crate::handle::{Handle, NotAHandle};
use crate::variables::{self, ContentSettings};

/// Long texts by handle.
#[derive(Debug)]
pub struct ContentTable {
    store: CachedStore<DynamoDbStore>,
    scope: Scope,
    ttl: Ttl,
    keys: SigningKeys,
    patience: Duration,
}

/// On whose behalf, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Whose contents they are, where a function serves several tenants.
    pub tenant: Option<&'a str>,
    /// No longer than this is waited.
    pub until: Instant,
}

impl ContentTable {
    /// The table that the variables name, if they name one.
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub fn from_variables(variables: &Variables) -> Result<Option<Self>, Failure> {
        variables::settings(variables)?.map(Self::new).transpose()
    }

    /// Builds the clients; nothing is asked yet.
    fn new(settings: ContentSettings) -> Result<Self, Failure> {
        let keys =
            SigningKeys::new(settings.signing_keys, settings.signing_secret).map_err(|error| unusable(&error))?;
        let scope = Scope::new(settings.store.table.as_str());
        let store = DynamoDbStore::new(settings.store).map_err(|error| unusable(&error))?;
        Ok(Self {
            store: CachedStore::new(store, settings.cache_size),
            scope,
            ttl: settings.ttl,
            keys,
            patience: settings.patience,
        })
    }

    /// Stores a text, and says how it is called from now on.
    pub async fn put(&self, text: Bytes, asking: Asking<'_>) -> Result<Handle, ContentError> {
        let until = self.until(asking);
        let scope = self.scope(asking, until).await?;
        let content = Content::string(text);
        let reference = scope.reference(self.ttl, &content);
        self.store.put(&scope, &[(reference, content.bytes)], until).await.map_err(|error| {
            tracing::warn!(%error, "a long result could not be stored");
            ContentError::NotStored(error)
        })?;
        Ok(Handle(reference))
    }

    /// The text behind a handle; one that was meant as a handle and is none was altered.
    pub async fn get(&self, handle: Result<Handle, NotAHandle>, asking: Asking<'_>) -> Result<String, ContentError> {
        let handle = handle.map_err(|NotAHandle| GetError::Refused)?;
        let until = self.until(asking);
        let scope = self.admitting(&handle.0, asking, until).await?;
        let mut contents = self.store.get(&scope, &[handle.0], until).await;
        let content = contents.pop().expect("BUG: stores answer for each reference")?;
        String::from_utf8(content.bytes.into()).map_err(|_| GetError::Corrupt.into())
    }

    /// The scope in which a reference may be read; one signed by an unknown key may be newer than our keys.
    async fn admitting(
        &self,
        reference: &ContentRef,
        asking: Asking<'_>,
        until: Instant,
    ) -> Result<Scope, ContentError> {
        let mut scope = self.scope(asking, until).await?;
        if let Err(Refusal::UnknownKey(key)) = scope.admits(reference) {
            let refetched = self.keys.refetched(&[key], until).await;
            scope = scope.signed_by(refetched.keys.clone());
            if let (Err(Refusal::UnknownKey(key)), UnknownKey::MayPass(why)) =
                (scope.admits(reference), refetched.judge(key))
            {
                tracing::warn!(%key, why, "a handle is signed by a key that may be a new one");
                return Err(GetError::Unavailable(why).into());
            }
        }
        scope.admits(reference).map_err(|_| GetError::Refused)?;
        Ok(scope)
    }

    async fn scope(&self, asking: Asking<'_>, until: Instant) -> Result<Scope, ContentError> {
        let keys = self.keys.get(until).await.map_err(|error| {
            tracing::warn!(%error, "no signing keys");
            ContentError::NoKeys
        })?;
        let scope = asking.tenant.map_or_else(|| self.scope.clone(), |tenant| self.scope.for_tenant(tenant));
        Ok(scope.signed_by(keys))
    }

    fn until(&self, asking: Asking<'_>) -> Instant {
        asking.until.min(Instant::now() + self.patience)
    }
}

fn unusable(error: &SettingsError) -> Failure {
    Failure::new(
        "InvalidVariable",
        format!("the variables of the content table (AGENT_CONTEXT_TABLE and others): {error}"),
    )
}
