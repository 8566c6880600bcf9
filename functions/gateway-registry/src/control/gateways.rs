//! Gateways.

use super::client::Control;
use super::control_error::{ControlError, found};
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway::GetGatewayOutput;
use aws_sdk_bedrockagentcorecontrol::types::{
    AuthorizerConfiguration, AuthorizerType, CustomJwtAuthorizerConfiguration, GatewayProtocolType, GatewayStatus,
};
use serde::{Deserialize, Serialize};

/// What a gateway is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantedGateway {
    /// At most 48 letters and digits, with single hyphens between them.
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// `CUSTOM_JWT`, `AWS_IAM`, `NONE` or `AUTHENTICATE_ONLY`.
    pub(crate) authorizer_type: String,
    /// Of `CUSTOM_JWT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwt: Option<Jwt>,
}

/// Which tokens open a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Jwt {
    pub(crate) discovery_url: String,
    pub(crate) allowed_clients: Vec<String>,
    pub(crate) allowed_audience: Vec<String>,
    pub(crate) allowed_scopes: Vec<String>,
}

/// What AgentCore says of a gateway: its side in every reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewaySeen {
    pub(crate) gateway_id: String,
    pub(crate) gateway_arn: String,
    pub(crate) gateway_url: Option<String>,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) authorizer_type: String,
    pub(crate) status: String,
    pub(crate) status_reasons: Vec<String>,
}

/// The same members of several replies.
macro_rules! seen {
    ($reply:expr) => {
        GatewaySeen {
            gateway_id: $reply.gateway_id().to_owned(),
            gateway_arn: $reply.gateway_arn().to_owned(),
            gateway_url: $reply.gateway_url().map(str::to_owned),
            name: $reply.name().to_owned(),
            description: $reply.description().map(str::to_owned),
            authorizer_type: $reply.authorizer_type().as_str().to_owned(),
            status: $reply.status().as_str().to_owned(),
            status_reasons: $reply.status_reasons().to_vec(),
        }
    };
}

/// The tag by which the registry knows its own gateways: the row's key.
const OWN_TAG: &str = "lrap:gateway-id";

impl Control {
    /// Creates a gateway. A second time with the same token, it is the first one.
    pub(crate) async fn create_gateway(
        &self,
        wanted: &WantedGateway,
        role: &str,
        own: &Own<'_>,
    ) -> Result<GatewaySeen, ControlError> {
        let request = self.client.create_gateway().name(&wanted.name).set_description(wanted.description.clone());
        let request = request.role_arn(role).client_token(own.token).tags(OWN_TAG, own.gateway_id);
        let request = request.protocol_type(GatewayProtocolType::Mcp);
        let request = request.authorizer_type(AuthorizerType::from(wanted.authorizer_type.as_str()));
        let request = request.set_authorizer_configuration(wanted.authorizer());
        let reply = request.send().await.map_err(|error| ControlError::of("CreateGateway", &error))?;
        Ok(seen!(reply))
    }

    /// What AgentCore says of a gateway.
    pub(crate) async fn gateway(&self, id: &str) -> Result<GatewaySeen, ControlError> {
        let reply = self.read_gateway(id).await?;
        Ok(seen!(reply))
    }

    async fn read_gateway(&self, id: &str) -> Result<GetGatewayOutput, ControlError> {
        let read = self.client.get_gateway().gateway_identifier(id).send().await;
        read.map_err(|error| ControlError::of("GetGateway", &error))
    }

    /// Changes a gateway. What the registry knows nothing of stays as it is: the request resets whatever it leaves out.
    pub(crate) async fn update_gateway(
        &self,
        id: &str,
        wanted: &WantedGateway,
        role: &str,
    ) -> Result<GatewaySeen, ControlError> {
        let now = self.read_gateway(id).await?;
        let request = self.client.update_gateway().gateway_identifier(id).name(&wanted.name).role_arn(role);
        let request = request.set_description(wanted.description.clone()).protocol_type(GatewayProtocolType::Mcp);
        let request = request.authorizer_type(AuthorizerType::from(wanted.authorizer_type.as_str()));
        let request = request.set_authorizer_configuration(wanted.authorizer());
        let request = request.set_protocol_configuration(now.protocol_configuration);
        let request = request.set_interceptor_configurations(now.interceptor_configurations);
        let request = request.set_kms_key_arn(now.kms_key_arn).set_exception_level(now.exception_level);
        let request = request.set_policy_engine_configuration(now.policy_engine_configuration);
        let reply = request.send().await.map_err(|error| ControlError::of("UpdateGateway", &error))?;
        Ok(seen!(reply))
    }

    /// Starts to delete a gateway, which must have no targets.
    pub(crate) async fn delete_gateway(&self, id: &str) -> Result<(), ControlError> {
        let delete = self.client.delete_gateway().gateway_identifier(id).send().await;
        delete.map(|_| ()).map_err(|error| ControlError::of("DeleteGateway", &error))
    }

    /// Every gateway of the account, by name.
    pub(crate) async fn gateways(&self) -> Result<Vec<(String, String)>, ControlError> {
        let (mut found, mut token) = (vec![], None);
        loop {
            let page = self.client.list_gateways().max_results(MOST_IN_A_PAGE).set_next_token(token).send().await;
            let page = page.map_err(|error| ControlError::of("ListGateways", &error))?;
            found.extend(page.items.into_iter().map(|gateway| (gateway.name, gateway.gateway_id)));
            token = page.next_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// The gateway with this name, if the registry made it for this row.
    pub(crate) async fn own_gateway(&self, name: &str, gateway_id: &str) -> Result<Option<GatewaySeen>, ControlError> {
        for (_, id) in self.gateways().await?.into_iter().filter(|(found, _)| found == name) {
            let Some(gateway) = found(self.gateway(&id).await)? else { continue };
            if self.owner_of(&gateway.gateway_arn).await?.as_deref() == Some(gateway_id) {
                return Ok(Some(gateway));
            }
        }
        Ok(None)
    }

    /// The key of the row that a gateway was made for, if the registry made it.
    pub(crate) async fn owner_of(&self, gateway_arn: &str) -> Result<Option<String>, ControlError> {
        let tags = self.client.list_tags_for_resource().resource_arn(gateway_arn).send().await;
        let tags = tags.map_err(|error| ControlError::of("ListTagsForResource", &error))?;
        Ok(tags.tags.and_then(|mut tags| tags.remove(OWN_TAG)))
    }
}

/// By what the registry knows a gateway again.
#[derive(Debug)]
pub(crate) struct Own<'a> {
    pub(crate) gateway_id: &'a str,
    pub(crate) token: &'a str,
}

const MOST_IN_A_PAGE: i32 = 100;

impl WantedGateway {
    fn authorizer(&self) -> Option<AuthorizerConfiguration> {
        let jwt = self.jwt.as_ref()?;
        let list = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let configuration = CustomJwtAuthorizerConfiguration::builder().discovery_url(&jwt.discovery_url);
        let configuration = configuration
            .set_allowed_clients(list(&jwt.allowed_clients))
            .set_allowed_audience(list(&jwt.allowed_audience))
            .set_allowed_scopes(list(&jwt.allowed_scopes));
        let configuration = configuration.build().expect("BUG: its URL is set");
        Some(AuthorizerConfiguration::CustomJwtAuthorizer(configuration))
    }
}

impl GatewaySeen {
    pub(crate) fn is_ready(&self) -> bool {
        self.status == GatewayStatus::Ready.as_str()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.status == GatewayStatus::Failed.as_str()
    }
}
