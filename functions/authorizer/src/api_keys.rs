//! API keys, from Secrets Manager.

use secrets::{SecretError, Secrets};

/// Shorter keys can be guessed.
const SHORTEST_KEY: usize = 20;

/// The keys of a secret, by the names of their callers.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    pub(crate) secrets: Secrets,
    pub(crate) secret: String,
}

impl ApiKeys {
    /// The name of the caller who has this key. It is compared with every key, in constant time.
    pub(crate) async fn caller(&self, given: &str) -> Option<String> {
        if given.len() < SHORTEST_KEY {
            return None;
        }
        match self.secrets.name_of(&self.secret, given).await {
            Ok(name) => Some(name),
            Err(SecretError::NoSuchKey { .. }) => None,
            Err(error) => {
                tracing::error!(%error, "no API key can be checked");
                None
            }
        }
    }
}
