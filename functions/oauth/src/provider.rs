//! [`OAuth`]: tokens and keys, remembered together.

use functions_shared::Clock;
use http_guard::Guard;
use secrets::Secret;
use serde::de::DeserializeOwned;

use crate::auth_error::{AuthError, TokenProblem};
use crate::grant::Grant;
use crate::jwt::{self, Issuer};
use crate::key_sets::{Key, KeySets, Wanted};
use crate::signatures;
use crate::tokens::Tokens;

/// Asks for tokens and verifies them. Built once: it remembers both tokens and keys.
#[derive(Debug)]
pub struct OAuth {
    guard: Guard,
    tokens: Tokens,
    keys: KeySets,
}

impl OAuth {
    /// Asks through `guard`, whose hosts are those of tokens and keys; `clock` decides what is still valid.
    pub fn new(guard: Guard, clock: Clock) -> Self {
        signatures::install();
        Self { guard, tokens: Tokens::new(clock.clone()), keys: KeySets::new(clock) }
    }

    /// An access token from `token_url`. It is remembered until 30 seconds before it expires, and concurrent callers share one
    /// request.
    ///
    /// # Errors
    /// Everything but [`AuthError::Token`] and [`AuthError::NoKeys`].
    pub async fn token(&self, token_url: &str, grant: &Grant) -> Result<Secret, AuthError> {
        self.tokens.get(&self.guard, token_url, grant).await
    }

    /// Forgets a token that a server did not take, so that the next call asks for another.
    pub async fn forget(&self, token: &Secret) {
        self.tokens.forget(token).await;
    }

    /// The claims of a token, if it is believed: `exp`, `aud` and `iss` are there and as they must be, `nbf` is if it is there, and so are
    /// the claims of `C`.
    ///
    /// # Errors
    /// [`AuthError::Token`] if it is not, [`AuthError::NoKeys`] if that cannot be told now.
    pub async fn verified<C: DeserializeOwned>(&self, token: &str, issuer: &Issuer) -> Result<C, AuthError> {
        let outcome = self.claims(token, issuer).await;
        if let Err(error) = &outcome {
            tracing::warn!(%error, issuer = issuer.name, "a token was not verified");
        }
        outcome
    }

    async fn claims<C: DeserializeOwned>(&self, token: &str, issuer: &Issuer) -> Result<C, AuthError> {
        let kid = jwt::key_id(token, issuer)?;
        let wanted = Wanted { url: &issuer.jwks_url, kid: kid.as_deref() };
        let Key { key, is_named } = self.keys.key(&self.guard, wanted).await?;
        match jwt::claims(token, &key, issuer) {
            // A key without a name may have been replaced by another one.
            Err(TokenProblem::Signature) if !is_named => {
                let key = self.keys.key_instead(&self.guard, wanted).await?;
                Ok(jwt::claims(token, &key, issuer)?)
            }
            outcome => Ok(outcome?),
        }
    }
}
