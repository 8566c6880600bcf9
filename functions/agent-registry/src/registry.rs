//! What both entrances ask for: the table of agents, and of the tools that agents may name.

use crate::usage::Usage;
use aws_sdk_dynamodb::Client;
use functions_aws::SdkConfig;
use functions_shared::{Clock, Refusal, VariableError, Variables};
use records::usage;
use registries::agents::{Agent, AgentDefaults, AgentRegistry, AgentTool, MAX_INSTRUCTIONS};
use registries::tools::{Offer, ToolRegistry, ToolStatus};
use serde_json::Value;

/// The model of an agent that names none.
const PROVIDER: &str = "anthropic";
const MODEL: &str = "claude-sonnet-5-5";

/// Both tables, and that of costs if this function may read it.
#[derive(Debug)]
pub(crate) struct Agents {
    pub(crate) registry: AgentRegistry,
    pub(crate) defaults: AgentDefaults,
    pub(crate) usage: Option<Usage>,
    tools: ToolRegistry,
}

impl Agents {
    /// As the variables say.
    pub(crate) fn new(variables: &Variables, aws: &SdkConfig) -> Result<Self, VariableError> {
        Self::with(variables, &Client::new(aws))
    }

    /// The same with a client of one's own.
    pub(crate) fn with(variables: &Variables, client: &Client) -> Result<Self, VariableError> {
        let stage = variables.required("STAGE")?;
        let costs = usage::Usage::from_variables(variables, client, stage)?;
        let default = |name, otherwise: &str| Ok(variables.optional(name)?.unwrap_or(otherwise).to_owned());
        Ok(Self {
            registry: AgentRegistry::new(client.clone(), variables.required("AGENT_REGISTRY_TABLE_NAME")?),
            tools: ToolRegistry::new(client.clone(), variables.required("TOOL_REGISTRY_TABLE_NAME")?),
            usage: costs.map(|table| Usage { table, clock: Clock::system() }),
            defaults: AgentDefaults {
                stage: stage.to_owned(),
                llm_provider: default("DEFAULT_LLM_PROVIDER", PROVIDER)?,
                llm_model: default("DEFAULT_LLM_MODEL", MODEL)?,
            },
        })
    }

    /// The agent that `body` describes, whose tools there are.
    pub(crate) async fn described(&self, body: Value) -> Result<Agent, Refusal> {
        let agent = Agent::registered(body, &self.defaults)?;
        self.check_tools(&agent).await?;
        Ok(agent)
    }

    /// Every tool must be registered, those that are enabled in use, and all that the model is told must fit a state.
    pub(crate) async fn check_tools(&self, agent: &Agent) -> Result<(), Refusal> {
        // What has its schema with the agent needs no function.
        let registered = || agent.tools.iter().enumerate().filter(|(_, tool)| tool.input_schema.is_none());
        let names: Vec<&str> = registered().map(|(_, tool)| tool.tool_name.as_str()).collect();
        let offers = self.tools.offers(&names).await?;
        let mut bytes = agent.instructions();
        for (index, tool) in registered() {
            let offer = offers.get(&tool.tool_name);
            check_tool(&format!("tools[{index}].tool_name"), tool, offer)?;
            bytes += offer.filter(|_| tool.enabled).map_or(0, |offer| offer.bytes);
        }
        if bytes > MAX_INSTRUCTIONS {
            let reason = format!(
                "takes {bytes} bytes of JSON together with the tools' descriptions and schemas; the state has room for {MAX_INSTRUCTIONS}"
            );
            return Err(Refusal::unprocessable("system_prompt", reason));
        }
        Ok(())
    }
}

fn check_tool(place: &str, tool: &AgentTool, offer: Option<&Offer>) -> Result<(), Refusal> {
    let refuse = |reason: &str| Err(Refusal::unprocessable(place, format!("the tool {} {reason}", tool.tool_name)));
    match offer {
        None => refuse("is not registered"),
        Some(offer) if tool.enabled && offer.status != ToolStatus::Active => {
            refuse(&format!("is {}", offer.status.as_str()))
        }
        Some(_) => Ok(()),
    }
}
