//! Everything that an agent needs, from the variables.

use crate::agent::Agent;
use crate::caller::{Callers, Keys};
use crate::handler::State;
use crate::queue::Queue;
use crate::results::Results;
use crate::sessions::Sessions;
use crate::workflow::Workflow;
use bus::Topics;
use functions_aws::{SdkConfig, clients};
use functions_content::ContentTable;
use functions_shared::{Clock, Failure, Variables};
use model::Llm;
use registries::agents::AgentRegistry;
use registries::tools::ToolRegistry;
use secrets::Secrets;
use std::sync::Arc;

/// The agent that answers where neither a variable nor a question names one.
const AGENT: &str = "document-agent";
/// Where answers to messages go. Without it this function takes none.
const TOPIC: &str = "NOTIFICATIONS_TOPIC_ARN";

impl State<Llm, aws_sdk_lambda::Client> {
    /// Everything from the environment, besides what calls of models need ([`Llm::from_variables`]).
    ///
    /// | variable | |
    /// |---|---|
    /// | `AGENT_REGISTRY_TABLE_NAME`, `TOOL_REGISTRY_TABLE_NAME` | the tables of agents and of tools |
    /// | `AGENT_SESSION_TABLE_NAME` | the table of sessions |
    /// | `AGENT_CONTEXT_TABLE` and the others of the layer | where long sessions continue, and long results of tools are |
    /// | `AGENT_NAME` | the agent that answers where a question names none; `document-agent` unless set |
    /// | `AGENT_API_KEY_SECRET` | the secret of keys, by callers' names; without it somebody else has to say who asks |
    /// | `NOTIFICATIONS_TOPIC_ARN`, `DYNAMODB_TABLE_NAME`, `STAGE` | where answers to messages of the queue go, the table of messages, and the stage; without the first this function takes no messages |
    /// | `TOOL_FUNCTION_ARN` | the function of the stack `tools`, whose `http_request` needs no approval where it only reads |
    /// | `STATE_MACHINE_ARN` | the state machine that `mode: workflow` starts; without it there is no such mode |
    ///
    /// # Errors
    /// A variable that is not what it should be, by name.
    pub async fn from_variables(variables: Variables) -> Result<Self, Failure> {
        let aws = clients::aws().await;
        let tables = aws_sdk_dynamodb::Client::new(&aws);
        let no_contents = || Failure::new("InvalidVariable", "the variable AGENT_CONTEXT_TABLE is not set");
        let contents = Arc::new(ContentTable::from_variables(&variables)?.ok_or_else(no_contents)?);
        let sessions = variables.required("AGENT_SESSION_TABLE_NAME")?;
        let keys = variables.optional("AGENT_API_KEY_SECRET")?.map(|secret| Keys {
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(&aws), Clock::system()),
            secret: secret.to_owned(),
        });
        let workflow = variables.optional("STATE_MACHINE_ARN")?;
        let workflow = workflow.map(|arn| Workflow { client: aws_sdk_sfn::Client::new(&aws), arn: arn.to_owned() });
        let queue = queue(&variables, &aws, tables.clone(), &contents)?;
        let agent = Agent {
            functions: aws_sdk_lambda::Client::new(&aws),
            agents: AgentRegistry::new(tables.clone(), variables.required("AGENT_REGISTRY_TABLE_NAME")?),
            registry: ToolRegistry::new(tables.clone(), variables.required("TOOL_REGISTRY_TABLE_NAME")?),
            sessions: Sessions::new(tables, sessions, Arc::clone(&contents), Clock::system()),
            results: Results(contents),
            workflow,
            tool_function: variables.optional("TOOL_FUNCTION_ARN")?.map(str::to_owned),
            name: variables.optional("AGENT_NAME")?.unwrap_or(AGENT).to_owned(),
            model: Llm::from_variables(variables).await?,
            budget: None,
        };
        let budget = agent.model.budget.clone();
        Ok(Self { agent: Arc::new(Agent { budget, ..agent }), callers: Callers { keys }, queue })
    }
}

fn queue(
    variables: &Variables,
    aws: &SdkConfig,
    tables: aws_sdk_dynamodb::Client,
    contents: &Arc<ContentTable>,
) -> Result<Option<Queue>, Failure> {
    if variables.optional(TOPIC)?.is_none() {
        return Ok(None);
    }
    let topics = Topics::from_variables(variables, aws_sdk_sns::Client::new(aws), Some(Arc::clone(contents)))?;
    Ok(Some(Queue {
        messages: records::messages(variables, tables)?,
        topics,
        contents: Arc::clone(contents),
        stage: variables.required("STAGE")?.to_owned(),
        clock: Clock::system(),
    }))
}
