//! Each call of AgentCore meets each fault, and then a reconciliation. What was observed is the table in `docs/gateway-registry.md`, which
//! `UPDATE_DOCS=1` rewrites.

use crate::gateways::golf;
use crate::sources::token_provider;
use crate::tools;
use crate::world::{GATEWAYS, TOOLS, World};
use agentcore::{Ending, Fault};
use serde_json::{Value, json};
use std::fmt::Write as _;
use test_kit::documented;

const MARKS: [&str; 2] = ["<!-- faults: begin -->", "<!-- faults: end -->"];
/// Each error of the control API's model.
const ERRORS: [&str; 7] = [
    "ValidationException",
    "AccessDeniedException",
    "ConflictException",
    "ServiceQuotaExceededException",
    "ResourceNotFoundException",
    "ThrottlingException",
    "InternalServerException",
];

/// A request to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    CreateGateway,
    ReadGateway,
    ChangeGateway,
    DeleteGateway,
    CreateTool,
    CreateToolWithTokens,
    ReadTool,
    ChangeTool,
    DeleteTool,
}

/// Each request, with the calls by which it is carried out, in their order.
const REQUESTS: [(Request, &str, &[&str]); 9] = [
    (Request::CreateGateway, "create a gateway", &["CreateGateway", "GetGateway"]),
    (Request::ReadGateway, "read a gateway", &["GetGateway"]),
    (Request::ChangeGateway, "change a gateway", &["UpdateGateway", "GetGateway"]),
    (Request::DeleteGateway, "delete a gateway", &["GetGateway", "DeleteGateway"]),
    (
        Request::CreateTool,
        "create a tool",
        &["GetApiKeyCredentialProvider", "CreateApiKeyCredentialProvider", "CreateGatewayTarget", "GetGatewayTarget"],
    ),
    (Request::CreateToolWithTokens, "create a tool with OAuth", &["GetOauth2CredentialProvider"]),
    (Request::ReadTool, "read a tool", &["GetGatewayTarget"]),
    (
        Request::ChangeTool,
        "change a tool",
        &["UpdateApiKeyCredentialProvider", "UpdateGatewayTarget", "GetGatewayTarget"],
    ),
    (
        Request::DeleteTool,
        "delete a tool",
        &["GetGatewayTarget", "DeleteGatewayTarget", "DeleteApiKeyCredentialProvider"],
    ),
];

/// What happens to one call.
#[derive(Clone, Debug)]
enum Trouble {
    Call(Fault),
    /// What it makes or changes ends otherwise.
    End(Ending),
}

impl Trouble {
    fn all() -> Vec<(&'static str, Self)> {
        let errors = ERRORS.map(|error| (error.trim_end_matches("Exception"), Self::Call(Fault::Error(error))));
        let others = [
            ("done, answered by 500", Self::Call(Fault::DoneButError)),
            ("not answered", Self::Call(Fault::Silence)),
            ("done, not answered", Self::Call(Fault::DoneButSilence)),
            ("`FAILED` or `UPDATE_UNSUCCESSFUL`", Self::End(Ending::Failed(vec!["a reason".to_owned()]))),
            ("longer than the invocation", Self::End(Ending::Slow(1000))),
        ];
        errors.into_iter().chain(others).collect()
    }

    /// A status is of what was made or changed: other calls have none.
    fn fits(&self, call: &str) -> bool {
        let has_status = ["CreateGateway", "UpdateGateway", "CreateGatewayTarget", "UpdateGatewayTarget"];
        matches!(self, Self::Call(_)) || has_status.contains(&call)
    }

    fn plan(&self, world: &World, call: &str) {
        match self {
            Self::Call(fault) => world.agentcore.fail(call, fault.clone()),
            Self::End(ending) => world.agentcore.end(call, ending.clone()),
        }
    }

    /// Seconds of the invocation.
    fn time(&self) -> u64 {
        if matches!(self, Self::End(Ending::Slow(_))) { 3 } else { 20 }
    }
}

impl Request {
    fn is_of_tool(self) -> bool {
        matches!(
            self,
            Self::CreateTool | Self::CreateToolWithTokens | Self::ReadTool | Self::ChangeTool | Self::DeleteTool
        )
    }

    /// A world in which it is the next to come: method, path and body.
    async fn prepared(self) -> (World, &'static str, String, Value) {
        let world = World::impatient().await;
        let (method, path, body) = match self {
            Self::CreateGateway => ("POST", "/gateways".to_owned(), golf()),
            Self::ReadGateway | Self::ChangeGateway | Self::DeleteGateway => self.of_gateway(&world).await,
            Self::CreateTool => {
                let gateway = tools::gateway(&world).await;
                ("POST", "/tools/from-spec".to_owned(), tools::request(&gateway))
            }
            Self::CreateToolWithTokens => {
                let gateway = tools::gateway(&world).await;
                token_provider(&world).await;
                let mut body = tools::request(&gateway);
                body["auth"] = json!({"type": "oauth", "provider_name": "corporate", "config": {"scopes": []}});
                ("POST", "/tools/from-spec".to_owned(), body)
            }
            Self::ReadTool | Self::ChangeTool | Self::DeleteTool => self.of_tool(&world).await,
        };
        (world, method, path, body)
    }

    async fn of_gateway(self, world: &World) -> (&'static str, String, Value) {
        let (_, made) = world.ask("POST", "/gateways", golf()).await;
        let path = format!("/gateways/{}", made["gateway_id"].as_str().unwrap());
        match self {
            Self::ReadGateway => ("GET", path, Value::Null),
            Self::ChangeGateway => ("PUT", path, json!({"description": "Changed", "request_id": "req-2"})),
            _ => ("DELETE", path, Value::Null),
        }
    }

    async fn of_tool(self, world: &World) -> (&'static str, String, Value) {
        let gateway = tools::gateway(world).await;
        let mut request = tools::request(&gateway);
        let (_, made) = world.ask("POST", "/tools/from-spec", request.clone()).await;
        let path = format!("/gateways/{gateway}/tools/{}", made["tool_id"].as_str().unwrap());
        let change = json!({"description": "Changed", "auth": request["auth"].take(), "request_id": "tool-2"});
        match self {
            Self::ReadTool => ("GET", path, Value::Null),
            Self::ChangeTool => ("PUT", path, change),
            _ => ("DELETE", path, Value::Null),
        }
    }

    /// The status of the row that it is about; none before there is one.
    async fn row(self, world: &World) -> Value {
        let table = if self.is_of_tool() { TOOLS } else { GATEWAYS };
        world.rows(table).await.pop().unwrap_or_default()
    }
}

/// How one fault ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    reply: u64,
    row: String,
    reconciled: String,
    has: String,
}

async fn observed(request: Request, call: &'static str, trouble: Trouble) -> Outcome {
    let (world, method, path, body) = request.prepared().await;
    trouble.plan(&world, call);
    let (reply, _) = world.ask_within(trouble.time(), method, &path, body).await;
    let row = status(&request.row(&world).await);
    // What took so long has ended when the reconciliation comes.
    world.agentcore.settle();
    let (_, report) = world.ask("POST", "/reconcile", Value::Null).await;
    assert_eq!(report["complete"], true, "{request:?}: {call}: {trouble:?}: {report}");
    let there = request.row(&world).await;
    let outcome = Outcome { reply, row, reconciled: status(&there), has: has(request, &world) };
    agrees(request, &world, &there, &format!("{request:?}: {call}: {trouble:?}: {outcome:?}")).await;
    outcome
}

/// Each fault of one call, with how it ended. Each has a separate world, and all run at once, because they mostly wait.
async fn all_observed(request: Request, call: &'static str) -> Vec<(&'static str, Outcome)> {
    let troubles = Trouble::all().into_iter().filter(|(_, trouble)| trouble.fits(call));
    let observe = |(fault, trouble)| (fault, tokio::spawn(observed(request, call, trouble)));
    let mut outcomes = vec![];
    for (fault, outcome) in troubles.map(observe).collect::<Vec<_>>() {
        outcomes.push((fault, outcome.await.unwrap()));
    }
    outcomes
}

fn status(row: &Value) -> String {
    let status = row["status"].as_str().unwrap_or_default();
    if row["last_error"].is_null() { format!("`{status}`") } else { format!("`{status}`, `last_error`") }
}

/// What AgentCore has of it in the end.
fn has(request: Request, world: &World) -> String {
    let things: Vec<String> = if request.is_of_tool() {
        let targets = world.agentcore.targets().into_iter().map(|target| ("target", target));
        let keys = world.agentcore.providers().into_iter().map(|_| "the key".to_owned());
        targets.map(described).chain(keys).collect()
    } else {
        world.agentcore.gateways().into_iter().map(|gateway| described(("gateway", gateway))).collect()
    };
    if things.is_empty() { "nothing".to_owned() } else { things.join(", ") }
}

fn described((what, thing): (&str, Value)) -> String {
    let is_changed = thing["description"] == "Changed";
    let status = thing["status"].as_str().unwrap();
    let status = if status == "READY" { String::new() } else { format!(" (`{status}`)") };
    format!("the {}{what}{status}", if is_changed { "changed " } else { "" })
}

/// Both sides say the same, whatever happened.
async fn agrees(request: Request, world: &World, row: &Value, told: &str) {
    let (gateways, targets, keys) =
        (world.agentcore.gateways(), world.agentcore.targets(), world.agentcore.providers().len());
    match (request.is_of_tool(), row["status"].as_str().unwrap()) {
        (false, "ACTIVE") => assert_eq!(gateways[0]["description"], row["metadata"]["description"], "{told}"),
        (true, "ACTIVE") => {
            let wanted = usize::from(request != Request::CreateToolWithTokens);
            assert_eq!((targets.len(), keys), (1, wanted), "{told}");
            assert_eq!(targets[0]["description"], row["metadata"]["description"], "{told}");
        }
        (false, "DELETED") => assert!(gateways.is_empty(), "{told}"),
        (true, "DELETED" | "FAILED") => assert_eq!((targets.len(), keys), (0, 0), "{told}"),
        (false, "FAILED") => {}
        (_, other) => panic!("{other} after a reconciliation: {told}"),
    }
    let offered = world.agents_tools().await.values().filter(|row| row["status"] == "active").count();
    let is_active = request.is_of_tool() && row["status"] == "ACTIVE";
    assert_eq!(offered, if is_active { 2 } else { 0 }, "{told}");
}

#[tokio::test]
async fn every_fault_of_agentcore_ends_in_two_sides_that_agree() {
    let mut table =
        "| request | call | fault | reply | row | row after a reconciliation | AgentCore then has |\n".to_owned();
    table += "|---|---|---|---|---|---|---|\n";
    for (request, name, calls) in REQUESTS {
        for call in calls {
            let mut outcomes: Vec<(Vec<&str>, Outcome)> = vec![];
            for (fault, outcome) in all_observed(request, call).await {
                match outcomes.iter_mut().find(|(_, known)| *known == outcome) {
                    Some((faults, _)) => faults.push(fault),
                    None => outcomes.push((vec![fault], outcome)),
                }
            }
            for (faults, Outcome { reply, row, reconciled, has }) in outcomes {
                let faults = faults.join("; ");
                writeln!(table, "| {name} | {call} | {faults} | {reply} | {row} | {reconciled} | {has} |").unwrap();
            }
        }
    }
    documented("gateway-registry.md", MARKS, &table);
}
