//! The functions, the state machine and the topic, as the templates would deploy them.

use crate::agent::{Agent, OwnTool};
use crate::arguments::Arguments;
use crate::site::Site;
use anyhow::{Context, Result};
use lambda_local::{Config, FunctionConfig, Runtime, StateMachineConfig, StepFunctionsConfig};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Registers agents.
pub(crate) const AGENT_REGISTRY: &str = "agent-registry";
/// Registers tools.
pub(crate) const TOOL_REGISTRY: &str = "tool-registry";
/// Calls models.
const LLM: &str = "llm";
/// Runs tools.
pub(crate) const TOOL: &str = "tool";
/// The state machine.
pub(crate) const STATE_MACHINE: &str = "agent";
/// Where approvals are asked for.
const APPROVALS: &str = "approvals";

/// The tables beside the content table, by the variable that names each.
pub(crate) const TABLES: [(&str, &str); 4] = [
    ("AGENT_REGISTRY_TABLE_NAME", "AgentRegistry-local"),
    ("TOOL_REGISTRY_TABLE_NAME", "ToolRegistry-local"),
    ("LLM_TABLE_NAME", "SharedLLMTable-local"),
    ("COST_TABLE_NAME", "rez-agent-cost-tracking-local"),
];
/// The secret of providers' keys.
pub(crate) const SECRET: &str = "/ai-agent/llm-secrets/local";

const WRAPPER: &str = "extensions/lrap-wrapper/wrapper";
const EXTENSION: &str = "extensions/lrap";

/// The layer's settings on `llm`, as in its template.
const OF_LLM: [(&str, &str); 3] = [
    // Each longer text of a conversation is stored once and then travels as a reference: hundreds of turns fit a state.
    ("MAX_CONTENT_SIZE", "1024"),
    // Half of a state is for the conversation, the other half for what tools add to it.
    ("MAX_PAYLOAD_SIZE", "131072"),
    // The state machine finds tools by the one, and the other is its answer.
    ("LRAP_KEEP", "/function_calls/*/id /function_calls/*/name /text"),
];
/// And on `tool`: what people and callers without the layer are shown.
const OF_TOOL: [(&str, &str); 1] = [("LRAP_KEEP", "/value /value/**")];

/// Where everything is.
pub(crate) const REGION: &str = "us-east-1";

/// Everything that is deployed.
pub(crate) fn config(arguments: &Arguments, agent: &Agent, site: &Site) -> Result<Config> {
    let mut config = Config { region: Some(REGION.to_owned()), ..Config::default() };
    let mut functions = BTreeMap::from([
        (AGENT_REGISTRY.to_owned(), program(arguments, AGENT_REGISTRY)?),
        (TOOL_REGISTRY.to_owned(), program(arguments, TOOL_REGISTRY)?),
        (LLM.to_owned(), with(program(arguments, LLM)?, [("LLM_SECRET_NAME", SECRET.to_owned())])),
        (TOOL.to_owned(), with(program(arguments, TOOL)?, site.variables())),
    ]);
    for own in &agent.own_tools {
        functions.insert(own.function(), in_python(arguments, own)?);
    }
    if !arguments.detached {
        let layer = layer(arguments)?;
        let own = agent.own_tools.iter().map(|own| (own.function(), &[][..]));
        let shipped = [(LLM.to_owned(), &OF_LLM[..]), (TOOL.to_owned(), &OF_TOOL[..])];
        for (name, settings) in shipped.into_iter().chain(own) {
            let attached = |function: &mut _| attach(function, &layer, &config.table.name, settings);
            functions.entry(name).and_modify(attached);
        }
    }
    config.functions = functions;
    config.step_functions = Some(state_machine(arguments, &agent.name)?);
    Ok(config)
}

fn program(arguments: &Arguments, name: &str) -> Result<FunctionConfig> {
    let program = existing(&arguments.programs.join(name))?;
    let program = program.to_str().with_context(|| format!("{} is not UTF-8", program.display()))?.to_owned();
    let function = FunctionConfig {
        command: Some(vec![program]),
        directory: existing(&arguments.programs)?,
        memory: 512,
        timeout: Duration::from_mins(3),
        ..FunctionConfig::default()
    };
    let tables = TABLES.map(|(variable, table)| (variable, table.to_owned()));
    Ok(with(with(function, tables), [("STAGE", "local".to_owned())]))
}

/// A function of the agent's own tools.
fn in_python(arguments: &Arguments, own: &OwnTool) -> Result<FunctionConfig> {
    let text = |path: PathBuf| path.into_os_string().into_string().ok().context("a path is not UTF-8");
    let python = arguments.tool_python.as_ref().context("an agent with own tools needs --tool-python")?;
    let library = arguments.tool_library.as_ref().context("an agent with own tools needs --tool-library")?;
    // Absolute, but not resolved: a virtual environment's Python finds its packages by its own path.
    let command = vec![text(std::path::absolute(python)?)?, "-m".to_owned(), "awslambdaric".to_owned()];
    let function = FunctionConfig {
        runtime: Runtime::Python,
        command: Some(command),
        handler: Some(own.handler.clone()),
        directory: existing(&own.source())?,
        memory: 512,
        timeout: Duration::from_mins(1),
        ..FunctionConfig::default()
    };
    let library = text(existing(library)?)?;
    Ok(with(function, [("PYTHONPATH", library), ("PYTHONDONTWRITEBYTECODE", "1".to_owned())]))
}

fn with<const N: usize>(mut function: FunctionConfig, variables: [(&str, String); N]) -> FunctionConfig {
    function.environment.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    function
}

fn layer(arguments: &Arguments) -> Result<PathBuf> {
    for file in [EXTENSION, WRAPPER] {
        existing(&arguments.layer.join(file)).context("the layer's folder is not complete")?;
    }
    existing(&arguments.layer)
}

/// The layer, the variable that starts it, and its settings.
fn attach(function: &mut FunctionConfig, layer: &Path, table: &str, settings: &[(&str, &str)]) {
    let wrapper = format!("/opt/{WRAPPER}");
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", wrapper.as_str()), ("AGENT_CONTEXT_TABLE", table)];
    let variables = variables.iter().chain(settings);
    function.environment.extend(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    function.layer = Some(layer.to_owned());
}

fn state_machine(arguments: &Arguments, agent: &str) -> Result<StepFunctionsConfig> {
    let substitutions = [
        ("AgentRegistryTableName", TABLES[0].1.to_owned()),
        ("ToolRegistryTableName", TABLES[1].1.to_owned()),
        ("LlmTableName", TABLES[2].1.to_owned()),
        ("LlmFunctionArn", arn("lambda", &format!("function:{LLM}"))),
        ("ToolFunctionArn", lambda_arn(TOOL)),
        ("ApprovalTopicArn", arn("sns", APPROVALS)),
        ("AgentName", agent.to_owned()),
    ];
    let machine = StateMachineConfig {
        definition: existing(&arguments.state_machine)?,
        substitutions: substitutions.map(|(name, value)| (name.to_owned(), value)).into(),
    };
    Ok(StepFunctionsConfig {
        // Absolute, but not resolved: a virtual environment's Python finds its packages by its own path.
        python: std::path::absolute(&arguments.interpreter)?,
        topics: vec![APPROVALS.to_owned()],
        state_machines: [(STATE_MACHINE.to_owned(), machine)].into(),
        ..StepFunctionsConfig::default()
    })
}

/// The name of something that `lambda-local` serves.
pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:123456789012:{resource}")
}

/// A function, as tools' rows name it.
pub(crate) fn lambda_arn(function: &str) -> String {
    arn("lambda", &format!("function:{function}"))
}

fn existing(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("there is no {}", path.display()))
}
