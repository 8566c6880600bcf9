//! Providers of API keys, which alone hold the keys; and those of OAuth tokens, which are only read.

use super::client::Control;
use super::control_error::ControlError;
use std::fmt;

/// A key on its way to AgentCore. It is in no table and no log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKey(String);

impl ApiKey {
    pub(crate) fn new(key: String) -> Self {
        Self(key)
    }

    /// What is sent as a key where an API takes none, and a gateway asks for one.
    pub(crate) fn placeholder() -> Self {
        Self("placeholder".to_owned())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

// None of these errors keeps the service's text: it quotes what it refuses.
impl Control {
    /// Creates a provider, and gives its ARN.
    pub(crate) async fn create_provider(&self, name: &str, key: &ApiKey) -> Result<String, ControlError> {
        let made = self.client.create_api_key_credential_provider().name(name).api_key(&key.0).send().await;
        let made = made.map_err(|error| ControlError::without_message("CreateApiKeyCredentialProvider", &error))?;
        Ok(made.credential_provider_arn)
    }

    /// The ARN of a provider.
    pub(crate) async fn provider(&self, name: &str) -> Result<String, ControlError> {
        let read = self.client.get_api_key_credential_provider().name(name).send().await;
        let read = read.map_err(|error| ControlError::without_message("GetApiKeyCredentialProvider", &error))?;
        Ok(read.credential_provider_arn)
    }

    /// The ARN of a provider of OAuth tokens.
    pub(crate) async fn token_provider(&self, name: &str) -> Result<String, ControlError> {
        let read = self.client.get_oauth2_credential_provider().name(name).send().await;
        let read = read.map_err(|error| ControlError::of("GetOauth2CredentialProvider", &error))?;
        Ok(read.credential_provider_arn)
    }

    /// Gives a provider another key.
    pub(crate) async fn replace_key(&self, name: &str, key: &ApiKey) -> Result<(), ControlError> {
        let update = self.client.update_api_key_credential_provider().name(name).api_key(&key.0).send().await;
        update.map(|_| ()).map_err(|error| ControlError::without_message("UpdateApiKeyCredentialProvider", &error))
    }

    /// Deletes a provider, and the key with it.
    pub(crate) async fn delete_provider(&self, name: &str) -> Result<(), ControlError> {
        let delete = self.client.delete_api_key_credential_provider().name(name).send().await;
        delete.map(|_| ()).map_err(|error| ControlError::without_message("DeleteApiKeyCredentialProvider", &error))
    }
}
