//! Targets of gateways.

use super::client::Control;
use super::control_error::{ControlError, found};
use aws_sdk_bedrockagentcorecontrol::types::{
    ApiKeyCredentialLocation, ApiSchemaConfiguration, CredentialProvider, CredentialProviderConfiguration,
    CredentialProviderType, GatewayApiKeyCredentialProvider, McpLambdaTargetConfiguration, McpTargetConfiguration,
    OAuthCredentialProvider, S3Configuration, TargetConfiguration, ToolSchema,
};
use serde::{Deserialize, Serialize};

/// What a target is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantedTarget {
    /// At most 100 letters and digits, with single hyphens between them.
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) kind: TargetKind,
    /// `s3://bucket/key` of the document, or of the tools of a function. No other target has the same one.
    pub(crate) spec_uri: String,
    /// Left out for a function, which the gateway's own role invokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<ApiKeyUse>,
    /// In place of a key: a provider of tokens, which AgentCore has already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) oauth: Option<OAuthUse>,
}

/// What answers calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TargetKind {
    /// The servers that an OpenAPI document names.
    OpenApi,
    /// A function, by its ARN.
    Lambda(String),
}

/// How a gateway uses an API key. The key itself is nowhere here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiKeyUse {
    /// As AgentCore has it.
    pub(crate) provider_name: String,
    /// Of the header or the query's parameter.
    pub(crate) parameter: String,
    /// `HEADER` or `QUERY_PARAMETER`.
    pub(crate) location: String,
    /// Whether there is no key behind it that anybody would want.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_placeholder: bool,
}

/// How a gateway gets tokens of OAuth for an API. The provider, with the client's secret, is made in AgentCore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OAuthUse {
    #[serde(default)]
    pub(crate) provider_name: String,
    /// As soon as AgentCore was asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider_arn: Option<String>,
    pub(crate) scopes: Vec<String>,
}

/// What AgentCore says of a target: its side in every reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TargetSeen {
    pub(crate) target_id: String,
    pub(crate) gateway_arn: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) status: String,
    pub(crate) status_reasons: Vec<String>,
    /// Where its document is, if it is in S3.
    pub(crate) spec_uri: Option<String>,
}

/// The same members of several replies.
macro_rules! seen {
    ($reply:expr) => {
        TargetSeen {
            target_id: $reply.target_id().to_owned(),
            gateway_arn: $reply.gateway_arn().to_owned(),
            name: $reply.name().to_owned(),
            description: $reply.description().map(str::to_owned),
            status: $reply.status().as_str().to_owned(),
            status_reasons: $reply.status_reasons().to_vec(),
            spec_uri: $reply.target_configuration().and_then(spec_uri),
        }
    };
}

const MOST_IN_A_PAGE: i32 = 100;

impl Control {
    /// Creates a target. A second time with the same token, it is the first one.
    pub(crate) async fn create_target(
        &self,
        gateway: &str,
        wanted: &WantedTarget,
        provider_arn: Option<&str>,
        token: &str,
    ) -> Result<TargetSeen, ControlError> {
        let request = self.client.create_gateway_target().gateway_identifier(gateway).name(&wanted.name);
        let request = request.set_description(wanted.description.clone()).client_token(token);
        let request = request.target_configuration(wanted.configuration());
        let request = request.credential_provider_configurations(wanted.credentials(provider_arn));
        let reply = request.send().await.map_err(|error| ControlError::of("CreateGatewayTarget", &error))?;
        Ok(seen!(reply))
    }

    /// What AgentCore says of a target.
    pub(crate) async fn target(&self, gateway: &str, id: &str) -> Result<TargetSeen, ControlError> {
        let read = self.client.get_gateway_target().gateway_identifier(gateway).target_id(id).send().await;
        let reply = read.map_err(|error| ControlError::of("GetGatewayTarget", &error))?;
        Ok(seen!(reply))
    }

    /// Changes a target; what is left out would be reset.
    pub(crate) async fn update_target(
        &self,
        gateway: &str,
        id: &str,
        wanted: &WantedTarget,
        provider_arn: Option<&str>,
    ) -> Result<TargetSeen, ControlError> {
        let request = self.client.update_gateway_target().gateway_identifier(gateway).target_id(id);
        let request = request.name(&wanted.name).set_description(wanted.description.clone());
        let request = request.target_configuration(wanted.configuration());
        let request = request.credential_provider_configurations(wanted.credentials(provider_arn));
        let reply = request.send().await.map_err(|error| ControlError::of("UpdateGatewayTarget", &error))?;
        Ok(seen!(reply))
    }

    /// Starts to delete a target.
    pub(crate) async fn delete_target(&self, gateway: &str, id: &str) -> Result<(), ControlError> {
        let delete = self.client.delete_gateway_target().gateway_identifier(gateway).target_id(id).send().await;
        delete.map(|_| ()).map_err(|error| ControlError::of("DeleteGatewayTarget", &error))
    }

    /// Ids and names of a gateway's targets.
    pub(crate) async fn targets(&self, gateway: &str) -> Result<Vec<(String, String)>, ControlError> {
        let (mut targets, mut token) = (vec![], None);
        loop {
            let page = self.client.list_gateway_targets().gateway_identifier(gateway).max_results(MOST_IN_A_PAGE);
            let page = page.set_next_token(token).send().await;
            let page = page.map_err(|error| ControlError::of("ListGatewayTargets", &error))?;
            targets.extend(page.items.into_iter().map(|target| (target.target_id, target.name)));
            token = page.next_token;
            if token.is_none() {
                return Ok(targets);
            }
        }
    }

    /// The target with this name, if it reads the document that the registry stored for it.
    pub(crate) async fn own_target(
        &self,
        gateway: &str,
        wanted: &WantedTarget,
    ) -> Result<Option<TargetSeen>, ControlError> {
        for (id, _) in self.targets(gateway).await?.into_iter().filter(|(_, name)| *name == wanted.name) {
            let seen = found(self.target(gateway, &id).await)?;
            if let Some(seen) = seen.filter(|seen| seen.spec_uri.as_ref() == Some(&wanted.spec_uri)) {
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }
}

impl WantedTarget {
    fn configuration(&self) -> TargetConfiguration {
        let file = S3Configuration::builder().uri(&self.spec_uri).build();
        TargetConfiguration::Mcp(match &self.kind {
            TargetKind::OpenApi => McpTargetConfiguration::OpenApiSchema(ApiSchemaConfiguration::S3(file)),
            TargetKind::Lambda(arn) => {
                let function =
                    McpLambdaTargetConfiguration::builder().lambda_arn(arn).tool_schema(ToolSchema::S3(file));
                McpTargetConfiguration::Lambda(function.build().expect("BUG: ARN and tools are set"))
            }
        })
    }

    fn credentials(&self, provider_arn: Option<&str>) -> CredentialProviderConfiguration {
        let configuration = CredentialProviderConfiguration::builder();
        let configuration = match (&self.oauth, &self.api_key, provider_arn) {
            (Some(oauth), ..) => {
                let provider = OAuthCredentialProvider::builder().set_provider_arn(oauth.provider_arn.clone());
                let provider = provider.set_scopes(Some(oauth.scopes.clone())).build();
                let provider = provider.expect("BUG: its scopes are set, and its ARN by an earlier step");
                let provider = CredentialProvider::OauthCredentialProvider(provider);
                configuration.credential_provider_type(CredentialProviderType::Oauth).credential_provider(provider)
            }
            (None, Some(key), Some(arn)) => {
                let provider = GatewayApiKeyCredentialProvider::builder().provider_arn(arn);
                let provider = provider.credential_parameter_name(&key.parameter);
                let location = ApiKeyCredentialLocation::from(key.location.as_str());
                let provider = provider.credential_location(location).build().expect("BUG: its ARN is set");
                let provider = CredentialProvider::ApiKeyCredentialProvider(provider);
                configuration.credential_provider_type(CredentialProviderType::ApiKey).credential_provider(provider)
            }
            _ => configuration.credential_provider_type(CredentialProviderType::GatewayIamRole),
        };
        configuration.build().expect("BUG: its type is set")
    }
}

/// Where a target's document is.
fn spec_uri(configuration: &TargetConfiguration) -> Option<String> {
    let file = match configuration.as_mcp().ok()? {
        McpTargetConfiguration::OpenApiSchema(schema) => schema.as_s3().ok()?,
        McpTargetConfiguration::Lambda(function) => function.tool_schema()?.as_s3().ok()?,
        _ => return None,
    };
    file.uri().map(str::to_owned)
}

impl TargetSeen {
    pub(crate) fn is_ready(&self) -> bool {
        self.status == "READY"
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.status == "FAILED"
    }
}
