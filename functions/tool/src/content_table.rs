//! The content table as tools use it: a long text becomes a handle, a handle becomes the text.

use std::time::{Duration, Instant};

use bytes::Bytes;
use functions_shared::Failure;
use long_content::reference::{Content, ContentRef, Refusal, Scope, Ttl};
use long_content::store::cache::CachedStore;
use long_content::store::dynamodb::{DynamoDbStore, SettingsError, SigningSecret};
use long_content::store::{ContentStore, GetError};

use crate::action::ToolError;
use crate::content_variables::ContentSettings;
use crate::handle::Handle;
use crate::signing_keys::SigningKeys;

/// Long texts by handle.
#[derive(Debug)]
pub(crate) struct ContentTable {
    store: CachedStore<DynamoDbStore>,
    scope: Scope,
    ttl: Ttl,
    keys: SigningKeys,
    patience: Duration,
}

/// On whose behalf, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) tenant: Option<&'a str>,
    pub(crate) until: Instant,
}

impl ContentTable {
    /// Builds the clients; nothing is asked yet.
    pub(crate) fn new(settings: ContentSettings) -> Result<Self, Failure> {
        let secret = settings.signing_secret.map(SigningSecret::new).transpose().map_err(|error| unusable(&error))?;
        let scope = Scope::new(settings.store.table.as_str());
        let store = DynamoDbStore::new(settings.store).map_err(|error| unusable(&error))?;
        Ok(Self {
            store: CachedStore::new(store, settings.cache_size),
            scope,
            ttl: settings.ttl,
            keys: SigningKeys::new(settings.signing_keys, secret),
            patience: settings.patience,
        })
    }

    /// Stores a text, and says how it is called from now on.
    pub(crate) async fn put(&self, text: Bytes, asking: Asking<'_>) -> Result<Handle, ToolError> {
        let until = self.until(asking);
        let scope = self.scope(asking, until).await?;
        let content = Content::string(text);
        let reference = scope.reference(self.ttl, &content);
        self.store.put(&scope, &[(reference, content.bytes)], until).await.map_err(|error| {
            tracing::warn!(%error, "a long result could not be stored");
            ToolError::new(format!("the result is too long to be given whole, and could not be stored: {error}"))
        })?;
        Ok(Handle(reference))
    }

    /// The text behind a handle.
    pub(crate) async fn get(&self, handle: Handle, asking: Asking<'_>) -> Result<String, ToolError> {
        let until = self.until(asking);
        let scope = self.admitting(&handle.0, asking, until).await?;
        let mut contents = self.store.get(&scope, &[handle.0], until).await;
        let content = contents.pop().expect("BUG: stores answer for each reference").map_err(|error| unread(&error))?;
        String::from_utf8(content.bytes.into()).map_err(|_| unread(&GetError::Corrupt))
    }

    /// The scope in which a reference may be read; one signed by an unknown key may be newer than our keys.
    async fn admitting(&self, reference: &ContentRef, asking: Asking<'_>, until: Instant) -> Result<Scope, ToolError> {
        let mut scope = self.scope(asking, until).await?;
        if let Err(Refusal::UnknownKey(_)) = scope.admits(reference) {
            scope = scope.signed_by(self.keys.refetched(until).await);
        }
        scope.admits(reference).map_err(|_| unread(&GetError::Refused))?;
        Ok(scope)
    }

    async fn scope(&self, asking: Asking<'_>, until: Instant) -> Result<Scope, ToolError> {
        let keys = self.keys.get(until).await.map_err(|error| {
            tracing::warn!(%error, "no signing keys");
            ToolError::new("the content table cannot be used now; try again later")
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

/// What a model can do about a handle that leads nowhere.
pub(crate) fn unread(error: &GetError) -> ToolError {
    ToolError::new(match error {
        GetError::NotFound => "nothing is stored under this handle; give it exactly as a result spelt it",
        GetError::Expired => "what this handle named is no longer kept; call the tool that made it again",
        GetError::Refused => "this handle was altered, or is not of this system; give it exactly as a result spelt it",
        GetError::Corrupt => "what this handle names is damaged; call the tool that made it again",
        GetError::Unavailable(_) => "the content table does not answer now; try again later",
    })
}
