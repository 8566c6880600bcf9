//! Calls of a Bedrock AgentCore gateway: the event is the tool's arguments, and the client context names the tool.
//! <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>

use functions_shared::Context;

/// In the client context's `custom`: the name of the gateway's target, three underscores, and the name of the tool.
const TOOL_NAME: &str = "bedrockAgentCoreToolName";
const SEPARATOR: &str = "___";

/// The tool that a gateway calls. `None` if another service invoked the function.
pub(crate) fn tool_name(context: &Context) -> Option<&str> {
    let name = context.client_context.as_ref()?.custom.get(TOOL_NAME)?;
    Some(name.split_once(SEPARATOR).map_or(name, |(_target, tool)| tool))
}
