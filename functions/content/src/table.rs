//! The content table as functions use it: a long text becomes a handle, a handle becomes the text.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use functions_shared::{Failure, Variables};
use long_content::part::Found;
use long_content::placing::Placing;
use long_content::reference::{Content, ContentRef, Kind, Reference, Refusal, Scope, Ttl};
use long_content::signing::settings::SigningSettings;
use long_content::signing::{SigningKeys, UnknownKey};
use long_content::store::cache::CachedStore;
use long_content::store::dynamodb::Connections;
use long_content::store::settings::StoreSettings;
use long_content::store::settings::variables::Variables as Read;
use long_content::store::tiers::TieredStore;
use long_content::store::{ContentStore, GetError};
use serde_json::Value;

use crate::error::ContentError;
use crate::handle::{Handle, NotAHandle};

/// Long texts by handle.
#[derive(Debug)]
pub struct ContentTable {
    store: CachedStore<TieredStore>,
    scope: Scope,
    placing: Placing,
    ttl: Ttl,
    keys: SigningKeys,
    connections: Connections,
    timeout: Duration,
}

/// On whose behalf, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Whose contents they are, where a function serves several tenants.
    pub tenant: Option<&'a str>,
    /// No longer than this is waited.
    pub until: Instant,
}

/// How long a content is kept: at least as long as the row that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// As a row without a time to live.
    Forever,
    /// As a row that DynamoDB deletes after so long, in whole seconds.
    Limited(Duration),
}

impl Life {
    fn ttl(self) -> Ttl {
        match self {
            Self::Forever => Ttl::NONE,
            // Never 0 seconds, which would mean for ever.
            Self::Limited(life) => Ttl::seconds(u32::try_from(life.as_secs()).unwrap_or(u32::MAX).max(1)),
        }
    }
}

impl ContentTable {
    /// The table that the variables name, if they name one. They are those of the layer, with the same meaning: what a function stores is
    /// what the layer would store.
    ///
    /// # Errors
    /// Every variable that is not what it should be, by name.
    pub fn from_variables(variables: &Variables) -> Result<Option<Self>, Failure> {
        let mut found = Read::new(|name| variables.value(name));
        let Some(store) = StoreSettings::read_if_named(&mut found) else { return Ok(None) };
        let signing = SigningSettings::read(&mut found, &store.table.access.connections);
        let (store, signing) = found.checked_whole((store, signing)).map_err(|mistakes| unusable(&mistakes))?;
        Self::new(store, signing).map(Some)
    }

    /// Builds the clients; nothing is asked yet.
    fn new(settings: StoreSettings, signing: SigningSettings) -> Result<Self, Failure> {
        let keys = SigningKeys::new(signing).map_err(|error| unusable(&error))?;
        let (scope, placing) = (settings.scope(), settings.placing());
        let connections = settings.table.access.connections.clone();
        let store = TieredStore::new(settings.table, settings.bucket).map_err(|error| unusable(&error))?;
        let store = CachedStore::new(store, settings.cache_size);
        Ok(Self { store, scope, placing, ttl: settings.ttl, keys, connections, timeout: settings.timeout })
    }

    /// Stores a text, and says how it is called from now on.
    pub async fn put(&self, text: Bytes, asking: Asking<'_>) -> Result<Handle, ContentError> {
        self.store(Content::string(text), self.ttl, asking).await.map(Handle)
    }

    /// The same for a text that is kept as long as the row that names it.
    pub async fn put_for(&self, life: Life, text: Bytes, asking: Asking<'_>) -> Result<Handle, ContentError> {
        self.store(Content::string(text), life.ttl(), asking).await.map(Handle)
    }

    /// Stores an object or a list. What is returned is a reference: the layer of a function that receives it puts the value in its place.
    pub async fn put_value(&self, life: Life, value: &Value, asking: Asking<'_>) -> Result<String, ContentError> {
        let reference = self.store(Content::json(value.to_string()), life.ttl(), asking).await?;
        Ok(reference.to_string())
    }

    /// The text behind a handle; one that was meant as a handle and is none was altered.
    pub async fn get(&self, handle: Result<Handle, NotAHandle>, asking: Asking<'_>) -> Result<String, ContentError> {
        let handle = handle.map_err(|NotAHandle| GetError::Refused)?;
        self.read(handle.0, asking).await
    }

    /// The value behind a reference that this program or its layer wrote, or a workflow narrowed. Never of one that came from outside.
    pub async fn value(&self, reference: &str, asking: Asking<'_>) -> Result<Value, ContentError> {
        let Reference { content, part } = reference.parse().map_err(|_| GetError::Refused)?;
        let text = self.read(content, asking).await?;
        if content.kind == Kind::String {
            return Ok(Value::String(text));
        }
        let value = match part {
            None => serde_json::from_str(&text),
            Some(part) => {
                let index = self.store.index(&self.scope, &content);
                let Found { span, is_slice } = index.find(text.as_bytes(), &part).map_err(|_| GetError::NotFound)?;
                let part = &text[span];
                if is_slice { serde_json::from_str(&format!("[{part}]")) } else { serde_json::from_str(part) }
            }
        };
        value.map_err(|_| GetError::Corrupt.into())
    }

    async fn store(&self, content: Content, ttl: Ttl, asking: Asking<'_>) -> Result<ContentRef, ContentError> {
        let until = self.until(asking);
        let scope = self.scope(asking, until).await?;
        let reference = self.placing.reference(&scope, ttl, &content);
        self.store.put(&scope, &[(reference, content.bytes)], until).await.map_err(|error| {
            tracing::warn!(%error, "a long text could not be stored");
            ContentError::NotStored(error)
        })?;
        Ok(reference)
    }

    async fn read(&self, reference: ContentRef, asking: Asking<'_>) -> Result<String, ContentError> {
        let until = self.until(asking);
        let scope = self.admitting(&reference, asking, until).await?;
        let mut contents = self.store.get(&scope, &[reference], until).await;
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

    /// When to give up. The caller has been invoked, so no snapshot is taken any more.
    fn until(&self, asking: Asking<'_>) -> Instant {
        self.connections.invoked();
        asking.until.min(Instant::now() + self.timeout)
    }
}

fn unusable(problem: &impl fmt::Display) -> Failure {
    Failure::new("InvalidVariable", format!("the variables of the content table: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [(&str, &str); 2] = [("AGENT_CONTEXT_TABLE", "AgentContext-dev"), ("AWS_REGION", "eu-central-1")];

    fn table(more: &[(&str, &str)]) -> Result<Option<ContentTable>, Failure> {
        let variables = TABLE.iter().chain(more).copied().collect();
        ContentTable::from_variables(&variables)
    }

    #[test]
    fn without_a_table_there_is_nothing_to_set() {
        let variables = Variables::from([("LRAP_CONTENT_TTL", "no number")]);
        assert!(ContentTable::from_variables(&variables).expect("no mistake").is_none());
        assert!(table(&[]).expect("no mistake").is_some());
    }

    #[test]
    fn every_mistake_is_named_and_no_key_is_quoted() {
        let wrong = [("LRAP_SIGNING_KEY", "hush"), ("LRAP_STORE_TIMEOUT", "0"), ("AGENT_CONTEXT_TABLE", "two words")];
        let said = table(&wrong).expect_err("mistakes").to_string();
        for part in [
            "the variables of the content table: ",
            "LRAP_SIGNING_KEY holds a key of fewer than 16 bytes",
            "LRAP_STORE_TIMEOUT is 0, not a number of seconds of 1 or more",
            "AGENT_CONTEXT_TABLE is `two words`, not the name or the ARN of a DynamoDB table",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(!said.contains("hush"), "{said}");
    }

    #[test]
    fn connections_are_kept_from_the_first_invocation_after_a_snapshot_on() {
        let table = table(&[("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")]).expect("no mistake").expect("a table");
        assert!(table.connections.expect_snapshot());
        table.until(Asking { tenant: None, until: Instant::now() });
        assert!(!table.connections.expect_snapshot());
    }
}
