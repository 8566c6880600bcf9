//! O5, H6: whose invocations are left alone, by AWS's own sample events. Most come with the sources of the crate
//! `aws_lambda_events`; where it has none, `envelopes/` holds one with the members that AWS's documentation gives it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use long_content::envelope::{Envelope, SHAPES, Shape};
use serde_json::{Value, json};

use crate::kit::json::{quote, text};
use crate::kit::{Event, World};

const HTTP: &str = "API Gateway, function URL, load balancer";
const BEDROCK: &str = "Bedrock agent";
const COGNITO: &str = "Cognito user pool";
const FIREHOSE: &str = "Firehose transformation";

/// The crate's samples by the beginning of their names, first match first, with the caller that each is known as. None of
/// the others is anybody who is left alone; nor is, though an HTTP request, that of VPC Lattice in its first version.
const PUBLISHED: &[(&str, &str)] = &[
    ("alb-lambda-target-request-headers-only", HTTP),
    ("alb-lambda-target-request-multivalue-headers", "load balancer with multi-value headers"),
    ("apigw-console-", HTTP),
    ("apigw-custom-auth-request-type-request", HTTP),
    ("apigw-custom-auth-request", "API Gateway token authorizer"),
    ("apigw-request", HTTP),
    ("apigw-restapi-openapi-request", HTTP),
    ("apigw-sam-", HTTP),
    ("apigw-v2-", HTTP),
    ("apigw-websocket-request", HTTP),
    ("appsync-direct-resolver", "AppSync resolver"),
    ("appsync-lambda-auth-request", "AppSync authorizer"),
    ("bedrock-agent-runtime-event", BEDROCK),
    ("cognito-event-userpools-", COGNITO),
    ("cognito-event.", "Cognito sync"),
    ("firehose-event", FIREHOSE),
    ("kinesis-firehose-event", FIREHOSE),
    ("lex-event", "Lex V1"),
    ("vpc-lattice-v2-request", HTTP),
];

/// Our own samples, the caller that each is known as, and where AWS documents its members.
const WRITTEN: &[(&str, &str, &str)] = &[
    ("function-url.json", HTTP, "https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html"),
    (
        "websocket-message.json",
        "API Gateway WebSocket",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html",
    ),
    ("lex-v2.json", "Lex V2", "https://docs.aws.amazon.com/lexv2/latest/dg/lambda-input-format.html"),
    ("bedrock-agent-function.json", BEDROCK, "https://docs.aws.amazon.com/bedrock/latest/userguide/agents-lambda.html"),
    (
        "durable-execution.json",
        "Lambda durable execution",
        "https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html",
    ),
];

/// What an AgentCore gateway says of itself beside the event:
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>
const GATEWAY: &str = r#"{"custom":{"bedrockAgentCoreGatewayId":"g-1","bedrockAgentCoreToolName":"hotels___list"}}"#;

struct Sample {
    name: String,
    event: Vec<u8>,
    caller: Option<&'static str>,
}

fn tests() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests"))
}

/// Where the sources of `aws_lambda_events` lie, as cargo resolved them for this build.
fn crate_sources() -> PathBuf {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", "host-tuple"];
    let said = Command::new(env!("CARGO")).args(arguments).current_dir(tests()).output().unwrap();
    let said: Value =
        serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr)));
    let packages = said["packages"].as_array().unwrap();
    let events = packages.iter().find(|package| package["name"] == "aws_lambda_events").unwrap();
    Path::new(events["manifest_path"].as_str().unwrap()).with_file_name("src")
}

fn published() -> Vec<Sample> {
    let files = fs::read_dir(crate_sources().join("fixtures")).unwrap().map(|file| file.unwrap().path());
    let sample = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix("example-")?.to_owned();
        let known = PUBLISHED.iter().find(|(beginning, _)| name.starts_with(beginning));
        Some(Sample { event: fs::read(path).unwrap(), caller: known.map(|(_, caller)| *caller), name })
    };
    files.filter_map(sample).collect()
}

fn samples() -> Vec<Sample> {
    let written = WRITTEN.iter().map(|(name, caller, _)| {
        let event = fs::read(tests().join("envelopes").join(name)).unwrap();
        Sample { name: (*name).to_owned(), event, caller: Some(caller) }
    });
    published().into_iter().chain(written).collect()
}

#[test]
fn o5_every_sample_is_known_as_its_caller_and_as_nobody_elses() {
    let samples = samples();
    for Sample { name, event, caller } in &samples {
        assert_eq!(Shape::of(event).map(|shape| shape.caller), *caller, "{name}");
    }
    for (beginning, _) in PUBLISHED {
        assert!(samples.iter().any(|sample| sample.name.starts_with(beginning)), "no sample {beginning}");
    }
    let plain = |service: &str| samples.iter().any(|one| one.caller.is_none() && one.name.starts_with(service));
    for service in ["sqs-", "sns-", "s3-", "kinesis-", "dynamodb-", "eventbridge-", "kafka-", "cloudwatch_logs-"] {
        assert!(plain(service), "no sample {service}");
    }
}

#[test]
fn o5_every_caller_has_a_sample() {
    let samples = samples();
    for Shape { caller, .. } in SHAPES {
        assert!(samples.iter().any(|sample| sample.caller == Some(caller)), "no sample of {caller}");
    }
}

/// The sample with one more member, which holds `reference`.
fn naming(event: &[u8], reference: &str) -> String {
    let mut event: Value = serde_json::from_slice(event).unwrap();
    event["typed"] = json!(reference);
    event.to_string()
}

/// A sandbox, a reference whose content it can read, and that content.
async fn sandbox() -> (World, String, String) {
    let mut writer = World::start().with_table().await;
    let content = text(6_000);
    let reference = writer.respond(quote(&content)).await.json().as_str().unwrap().to_owned();
    (writer.reader().await, reference, content)
}

/// One invocation: what the runtime received, and what left of its response.
async fn invoke(world: &mut World, event: Event, response: &str) -> (String, String) {
    let id = event.id.clone();
    world.lambda.push(event);
    let delivered = world.runtime.next().await.text();
    assert_eq!(world.runtime.respond(&id, response).await.status, 202);
    (delivered, world.lambda.response(&id).await.text())
}

fn is_exposed(sample: &Sample) -> bool {
    Shape::of(&sample.event).is_some_and(|shape| shape.envelope == Envelope::Exposed)
}

#[tokio::test]
async fn o5_h6_callers_that_cannot_hydrate_are_left_alone_both_ways() {
    let (mut world, reference, _) = sandbox().await;
    let response = quote(&text(6_001));
    let before = world.table().meter();
    for sample in samples().iter().filter(|sample| is_exposed(sample)) {
        let event = naming(&sample.event, &reference);
        let invocation = Event::new(&world.fresh_id(), event.as_str());
        assert_eq!(invoke(&mut world, invocation, &response).await, (event, response.clone()), "{}", sample.name);
    }
    let by_gateway = Event::new("gateway", quote(&reference)).header("Lambda-Runtime-Client-Context", GATEWAY);
    assert_eq!(invoke(&mut world, by_gateway, &response).await, (quote(&reference), response));
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
}

#[tokio::test]
async fn o5_h6_all_others_are_served_both_ways() {
    let (mut world, reference, content) = sandbox().await;
    let response = quote(&text(6_001));
    for sample in samples().iter().filter(|sample| sample.caller.is_none()) {
        let invocation = Event::new(&world.fresh_id(), naming(&sample.event, &reference));
        let (delivered, left) = invoke(&mut world, invocation, &response).await;
        assert!(delivered == naming(&sample.event, &content), "{}", sample.name);
        assert!(left.starts_with("\"@content:1:"), "{}", sample.name);
    }
}

#[tokio::test]
async fn o5_a_durable_execution_is_hydrated_and_its_envelope_stays() {
    let (mut world, reference, content) = sandbox().await;
    let response = json!({"Status": "SUCCEEDED", "Result": text(6_001)}).to_string();
    let sample = fs::read(tests().join("envelopes/durable-execution.json")).unwrap();
    let invocation = Event::new("durable", naming(&sample, &reference));
    assert_eq!(invoke(&mut world, invocation, &response).await, (naming(&sample, &content), response));
}

/// The table of `docs/envelopes.md`.
fn documented() -> Vec<String> {
    let yes = |touched: bool| if touched { "yes" } else { "no" };
    let row = |caller: &str, known_by: &str, envelope: Envelope| {
        let (hydrated, offloaded) = (envelope != Envelope::Exposed, envelope == Envelope::Plain);
        format!("| {caller} | {known_by} | {} | {} |", yes(hydrated), yes(offloaded))
    };
    let members = |shape: &Shape| shape.members.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let shapes = SHAPES.iter().map(|shape| row(shape.caller, &members(shape), shape.envelope));
    let others = [
        row("AgentCore gateway", "`bedrockAgentCore` in the client context", Envelope::of(b"{}", Some(GATEWAY))),
        row("anybody else", "", Envelope::of(b"{}", None)),
    ];
    shapes.chain(others).collect()
}

#[test]
fn o5_the_documented_table_is_the_one_that_counts() {
    let page = fs::read_to_string(tests().join("../docs/envelopes.md")).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    let expected = documented();
    assert_eq!(rows, expected, "docs/envelopes.md should hold\n{}", expected.join("\n"));
}
