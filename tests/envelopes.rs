//! O5, H6: whose invocations are left alone, by AWS's own sample events. Most come with the sources of the crate
//! `aws_lambda_events`; where it has none, `envelopes/` holds one with the members that AWS's documentation gives it. The table
//! of `docs/envelopes.md` says something about each of them, and about every type of event that the crate knows.

use std::path::{Path, PathBuf};
use std::{env, fs};

use long_content::envelope::{Condition, Envelope, SHAPES, Shape, Test};
use serde_json::{Value, json};

use test_kit::json::{quote, text};
use test_kit::{Event, World};

const HTTP: &str = "API Gateway, function URL";
const BALANCER: &str = "Application Load Balancer";
const BEDROCK: &str = "Bedrock agent";
const COGNITO: &str = "Cognito user pool";
const FIREHOSE: &str = "Firehose transformation";
const IOT: &str = "IoT authorizer";
const LATTICE: &str = "VPC Lattice";

const RULE: &str = "EventBridge rule or schedule";
const BUTTON: &str = "IoT button";
const CUSTOM_RESOURCE: &str = "CloudFormation custom resource";
const WORKFLOW: &str = "Step Functions, Pipes, any direct caller";

/// Who else invokes functions, and who reads the answer then. Their events are hydrated and their responses offloaded.
const OTHERS: &[(&str, &str)] = &[
    ("SQS queue", "nobody"),
    ("SNS topic", "nobody"),
    ("DynamoDB stream", "nobody"),
    ("DocumentDB change stream", "nobody"),
    ("S3 bucket", "nobody"),
    ("SES receipt rule", "nobody"),
    (RULE, "nobody"),
    ("CloudWatch alarm", "nobody"),
    ("CloudWatch Logs subscription", "nobody"),
    ("CodeCommit trigger", "nobody"),
    ("CodePipeline job", "nobody"),
    ("Config rule", "nobody"),
    ("Secrets Manager rotation", "nobody"),
    (CUSTOM_RESOURCE, "nobody"),
    (BUTTON, "nobody"),
    ("Chime chatbot", "nobody"),
    (WORKFLOW, "a workflow"),
];

/// A file or type of the crate that Lambda sends to no function: an answer, or a part of an event.
const NO_EVENT: &str = "";

/// The crate's samples by the beginning of their names, first match first, with the row of the table that each belongs to.
const PUBLISHED: &[(&str, &str)] = &[
    ("activemq-event", "Amazon MQ, ActiveMQ"),
    ("alb-lambda-target-request-", BALANCER),
    ("alb-lambda-target-response", NO_EVENT),
    ("apigw-console-", HTTP),
    ("apigw-custom-auth-request-type-request", HTTP),
    ("apigw-custom-auth-request", "API Gateway authorizer"),
    ("apigw-custom-auth-response", NO_EVENT),
    ("apigw-request", HTTP),
    ("apigw-response", NO_EVENT),
    ("apigw-restapi-openapi-request", HTTP),
    ("apigw-sam-", HTTP),
    ("apigw-v2-", HTTP),
    ("apigw-websocket-request", HTTP),
    ("appsync-batchinvoke", NO_EVENT),
    ("appsync-direct-resolver", "AppSync resolver"),
    ("appsync-identity-", NO_EVENT),
    ("appsync-invoke", NO_EVENT),
    ("appsync-lambda-auth-request", "AppSync authorizer"),
    ("appsync-lambda-auth-response", NO_EVENT),
    ("autoscaling-event-", RULE),
    ("bedrock-agent-runtime-event", BEDROCK),
    ("clientvpn-connectionhandler-request", "Client VPN connection handler"),
    ("cloudformation-custom-resource-provider-response", NO_EVENT),
    ("cloudformation-custom-resource-response", NO_EVENT),
    ("cloudformation-custom-resource-", CUSTOM_RESOURCE),
    ("cloudwatch-alarm-sns-payload-", NO_EVENT),
    ("cloudwatch-alarm-", "CloudWatch alarm"),
    ("cloudwatch-cloudtrail-", NO_EVENT),
    ("cloudwatch_logs-event", "CloudWatch Logs subscription"),
    ("code_commit-event", "CodeCommit trigger"),
    ("codebuild-", RULE),
    ("codedeploy-", RULE),
    ("codepipeline-", RULE),
    ("codepipeline_job-event", "CodePipeline job"),
    ("cognito-event-userpools-", COGNITO),
    ("cognito-event.", "Cognito Sync"),
    ("config-event", "Config rule"),
    ("connect-event", "Amazon Connect"),
    ("controltower-", RULE),
    ("documentdb-", "DocumentDB change stream"),
    ("dynamodb-event", "DynamoDB stream"),
    ("ecr-image-scan-event", RULE),
    ("eventbridge-", RULE),
    ("firehose-event", FIREHOSE),
    ("iot-custom-auth-request", IOT),
    ("iot-custom-auth-response", NO_EVENT),
    ("iot_1_click-event", BUTTON),
    ("iot_button-event", BUTTON),
    ("kafka-event", "Kafka"),
    ("kinesis-event", "Kinesis stream"),
    ("kinesis-firehose-event", FIREHOSE),
    ("kinesis-firehose-response", NO_EVENT),
    ("lex-event", "Lex V1"),
    ("lex-response", NO_EVENT),
    ("rabbitmq-event", "Amazon MQ, RabbitMQ"),
    ("s3-event", "S3 bucket"),
    ("s3-object-lambda-event-", "S3 Object Lambda"),
    ("secretsmanager-secret-rotation-event", "Secrets Manager rotation"),
    ("ses-", "SES receipt rule"),
    ("sns-", "SNS topic"),
    ("sqs-api-event", NO_EVENT),
    ("sqs-batch-response", NO_EVENT),
    ("sqs-event", "SQS queue"),
    ("vpc-lattice-response", NO_EVENT),
    ("vpc-lattice-v1-request", "VPC Lattice, version 1"),
    ("vpc-lattice-v2-request", LATTICE),
];

/// The crate's types of events by the beginning of `module/Name`, with the row of the table that each belongs to. A module
/// without such a type is named by itself.
const TYPES: &[(&str, &str)] = &[
    ("activemq/", "Amazon MQ, ActiveMQ"),
    ("alb/", BALANCER),
    ("apigw/ApiGatewayCustomAuthorizerRequestTypeRequest", HTTP),
    ("apigw/ApiGatewayCustomAuthorizerRequest", "API Gateway authorizer"),
    ("apigw/", HTTP),
    ("appsync/AppSyncDirectResolverEvent", "AppSync resolver"),
    ("appsync/AppSyncLambdaAuthorizerRequest", "AppSync authorizer"),
    ("appsync/AppSyncRequest", NO_EVENT),
    ("autoscaling/", RULE),
    ("bedrock_agent_runtime/", BEDROCK),
    ("chime_bot/", "Chime chatbot"),
    ("clientvpn/", "Client VPN connection handler"),
    ("cloudformation/", CUSTOM_RESOURCE),
    ("cloudwatch_alarms", "CloudWatch alarm"),
    ("cloudwatch_events/", RULE),
    ("cloudwatch_logs/", "CloudWatch Logs subscription"),
    ("code_commit/", "CodeCommit trigger"),
    ("codebuild/", RULE),
    ("codedeploy/", RULE),
    ("codepipeline_cloudwatch/", RULE),
    ("codepipeline_job/", "CodePipeline job"),
    ("cognito/CognitoEventUserPools", COGNITO),
    ("cognito/CognitoEvent", "Cognito Sync"),
    ("config/", "Config rule"),
    ("connect/", "Amazon Connect"),
    ("controltower/", RULE),
    ("documentdb/", "DocumentDB change stream"),
    ("dynamodb/", "DynamoDB stream"),
    ("ecr_scan/", RULE),
    ("eventbridge/", RULE),
    ("firehose/", FIREHOSE),
    ("iam", NO_EVENT),
    ("iot/", IOT),
    ("iot_1_click/", BUTTON),
    ("iot_button/", BUTTON),
    ("iot_deprecated/", IOT),
    ("kafka/", "Kafka"),
    ("kinesis/KinesisAnalyticsOutputDeliveryEvent", "Kinesis Analytics output"),
    ("kinesis/", "Kinesis stream"),
    ("lambda_function_urls/", HTTP),
    ("lex/", "Lex V1"),
    ("rabbitmq/", "Amazon MQ, RabbitMQ"),
    ("s3/S3BatchJobEvent", "S3 Batch Operations"),
    ("s3/S3ObjectLambdaEvent", "S3 Object Lambda"),
    ("s3/S3Event", "S3 bucket"),
    ("s3/UserRequest", NO_EVENT),
    ("secretsmanager/", "Secrets Manager rotation"),
    ("ses/", "SES receipt rule"),
    ("sns/", "SNS topic"),
    ("sqs/SqsApi", NO_EVENT),
    ("sqs/", "SQS queue"),
    ("streams", NO_EVENT),
    ("vpc_lattice", LATTICE),
];

/// Our own samples, the row that each belongs to, and where AWS documents its members.
const WRITTEN: &[(&str, &str, &str)] = &[
    ("function-url.json", HTTP, "https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html"),
    (
        "websocket-message.json",
        HTTP,
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html",
    ),
    ("http-without-an-api.json", HTTP, "as servers on one's own machine send it"),
    ("rest-without-an-api.json", HTTP, "as servers on one's own machine send it"),
    ("websocket-without-an-api.json", HTTP, "as servers on one's own machine send it"),
    (
        "appsync-events-authorizer.json",
        "AppSync Events authorizer",
        "https://docs.aws.amazon.com/appsync/latest/eventapi/configure-event-api-auth.html",
    ),
    ("lex-v2.json", "Lex V2", "https://docs.aws.amazon.com/lexv2/latest/dg/lambda-input-format.html"),
    ("bedrock-agent-function.json", BEDROCK, "https://docs.aws.amazon.com/bedrock/latest/userguide/agents-lambda.html"),
    ("bedrock-flows.json", "Bedrock Flows", "https://docs.aws.amazon.com/bedrock/latest/userguide/flows-nodes.html"),
    (
        "bedrock-flows-documented.json",
        "Bedrock Flows",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/flows-nodes.html",
    ),
    (
        "agentcore-interceptor.json",
        "AgentCore gateway interceptor",
        "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-interceptors-types.html",
    ),
    (
        "agentcore-interceptor-http.json",
        "AgentCore gateway interceptor",
        "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-interceptors-types.html",
    ),
    (
        "appsync-batch.json",
        "AppSync resolver, batch",
        "https://docs.aws.amazon.com/appsync/latest/devguide/tutorial-lambda-resolvers.html",
    ),
    (
        "appsync-events.json",
        "AppSync Events",
        "https://docs.aws.amazon.com/appsync/latest/eventapi/writing-event-handlers.html",
    ),
    (
        "alexa-skill.json",
        "Alexa skill",
        "https://developer.amazon.com/docs/alexa/custom-skills/request-and-response-json-reference.html",
    ),
    (
        "alexa-skill-session.json",
        "Alexa skill",
        "https://developer.amazon.com/docs/alexa/custom-skills/request-and-response-json-reference.html",
    ),
    (
        "alexa-smart-home.json",
        "Alexa smart home",
        "https://developer.amazon.com/docs/alexa/smarthome/smart-home-skill-api-message-reference.html",
    ),
    (
        "alexa-smart-home-v2.json",
        "Alexa smart home, version 2",
        "https://developer.amazon.com/docs/alexa/smarthome/smart-home-skill-api-message-reference.html",
    ),
    (
        "cloudformation-macro.json",
        "CloudFormation macro",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html",
    ),
    (
        "redshift-udf.json",
        "Redshift UDF",
        "https://docs.aws.amazon.com/redshift/latest/dg/udf-creating-a-lambda-sql-udf.html",
    ),
    (
        "athena-connector.json",
        "Athena connector or UDF",
        "https://docs.aws.amazon.com/athena/latest/ug/connect-data-source-federation.html",
    ),
    (
        "ground-truth-before.json",
        "SageMaker Ground Truth, before the labelling",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/sms-custom-templates-step3-lambda-requirements.html",
    ),
    (
        "ground-truth-after.json",
        "SageMaker Ground Truth, after the labelling",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/sms-custom-templates-step3-lambda-requirements.html",
    ),
    (
        "s3-batch.json",
        "S3 Batch Operations",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html",
    ),
    (
        "chime-sip-media.json",
        "Chime SDK SIP media application",
        "https://docs.aws.amazon.com/chime-sdk/latest/dg/pstn-invocations.html",
    ),
    (
        "transfer-identity-provider.json",
        "Transfer Family identity provider",
        "https://docs.aws.amazon.com/transfer/latest/userguide/custom-lambda-idp.html",
    ),
    (
        "vpc-lattice-v1-host.json",
        "VPC Lattice, version 1",
        "https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html",
    ),
    (
        "kinesis-analytics-output.json",
        "Kinesis Analytics output",
        "https://docs.aws.amazon.com/kinesisanalytics/latest/dev/how-it-works-output-lambda.html",
    ),
    ("kafka-self-managed.json", "Kafka, self-managed", "https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html"),
    (
        "durable-execution.json",
        "Lambda durable execution",
        "https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html",
    ),
];

/// States of workflows that look like an event that is left alone, and are not.
const NEAR_MISSES: &[(&str, &str)] = &[
    (
        "a state that imitates HTTP",
        r#"{"requestContext":{"x":1},"headers":{},"multiValueHeaders":{},"isBase64Encoded":false}"#,
    ),
    ("a state with a request's id", r#"{"requestContext":{"requestId":"r","stage":"draft","http":true},"headers":{}}"#),
    (
        "a workflow that names a directive",
        r#"{"directive":"write a summary","request":{"text":"t"},"context":{"step":3},"version":"1.0"}"#,
    ),
    ("a directive that is an object", r#"{"directive":{"header":{"namespace":"orders","payloadVersion":"3"}}}"#),
    ("items of a Map", r#"{"Items":[{"info":{"fieldName":"f","parentTypeName":"Query"},"arguments":{}}]}"#),
    ("a list of requests", r#"[{"requestContext":{"apiId":"a","stage":"s","requestId":"r"}}]"#),
    (
        "a workflow around a labelling job",
        r#"{"version":"1","labelingJobArn":"arn:aws:sagemaker:eu-central-1:1:labeling-job/j","payload":{}}"#,
    ),
    (
        "a transformation of one's own",
        r#"{"fragment":{},"transformId":"wf-7","templateParameterValues":{},"params":{}}"#,
    ),
    (
        "records of one's own",
        r#"{"deliveryStreamArn":"arn:aws:firehose:eu-central-1:1:deliverystream/d","records":[{"data":"x"}]}"#,
    ),
    ("a login", r#"{"username":"anna","password":"p","protocol":"HTTPS","serverId":"web-1","sourceIp":"192.0.2.1"}"#),
    ("JSON-LD", r#"{"@type":"Person","identity":{"account":"a"}}"#),
    ("tasks of one's own", r#"{"invocationSchemaVersion":"1.0","job":"j","tasks":[{"id":1}]}"#),
    ("a contact", r#"{"Name":"Anna","Details":{"ContactId":"c","ContactData":"d"}}"#),
    ("a path", r#"{"raw_path":"/data/in.csv","method":"copy","headers":{"id":"name"},"is_base64_encoded":false}"#),
    ("an arn", r#"{"DurableExecutionArn":"the last one","CheckpointToken":"t"}"#),
    (
        "a function that a workflow names",
        r#"{"DurableExecutionArn":"arn:aws:lambda:eu-central-1:1:function:f","CheckpointToken":"t"}"#,
    ),
    ("a method that a workflow names", r#"{"methodArn":"arn:aws:execute-api:eu-central-1:1:a/*","type":"order"}"#),
];

/// What an AgentCore gateway says of itself beside the event:
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>
const GATEWAY: &str = r#"{"custom":{"bedrockAgentCoreGatewayId":"g-1","bedrockAgentCoreToolName":"hotels___list"}}"#;

struct Sample {
    name: String,
    event: Vec<u8>,
    /// The row of the table that it belongs to.
    row: &'static str,
}

fn tests() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests"))
}

/// Where the sources of `aws_lambda_events` are, as this build used them: the compiler noted it beside this program. Nothing is
/// asked of cargo, which may want packages that a machine does not have.
fn crate_sources() -> PathBuf {
    let program = env::current_exe().unwrap();
    let notes = fs::read_dir(program.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let is_of_crate = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        name.starts_with("aws_lambda_events-") && path.extension().is_some_and(|extension| extension == "d")
    };
    let source = |note: PathBuf| {
        let note = fs::read_to_string(note).unwrap();
        note.split_whitespace().find(|word| word.ends_with("src/lib.rs")).map(PathBuf::from)
    };
    let mut sources = notes.filter(is_of_crate).filter_map(source).filter(|source| source.exists());
    sources.next().expect("the crate is a dependency of this program").with_file_name("")
}

fn row_of(table: &[(&str, &'static str)], name: &str) -> &'static str {
    let row = table.iter().find(|(beginning, _)| name.starts_with(beginning));
    row.unwrap_or_else(|| panic!("the table says nothing about {name} of aws_lambda_events")).1
}

fn published() -> Vec<Sample> {
    let files = fs::read_dir(crate_sources().join("fixtures")).unwrap().map(|file| file.unwrap().path());
    let sample = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix("example-")?.to_owned();
        Some(Sample { event: fs::read(path).unwrap(), row: row_of(PUBLISHED, &name), name })
    };
    files.filter_map(sample).collect()
}

fn samples() -> Vec<Sample> {
    let written = WRITTEN.iter().map(|(name, row, _)| {
        let event = fs::read(tests().join("envelopes").join(name)).unwrap();
        Sample { name: (*name).to_owned(), event, row }
    });
    published().into_iter().chain(written).collect()
}

fn is_row(row: &str) -> bool {
    SHAPES.iter().any(|shape| shape.caller == row) || OTHERS.iter().any(|(other, _)| *other == row)
}

#[test]
fn o5_every_sample_is_known_as_its_caller_and_as_nobody_elses() {
    let samples = samples();
    for Sample { name, event, row } in &samples {
        let shape = SHAPES.iter().find(|shape| shape.caller == *row).map(|shape| shape.caller);
        assert_eq!(Shape::of(event).map(|shape| shape.caller), shape, "{name}");
        assert!(is_row(row) || *row == NO_EVENT, "{name} belongs to {row}, which is no row");
    }
    for (beginning, _) in PUBLISHED {
        assert!(samples.iter().any(|sample| sample.name.starts_with(beginning)), "no sample {beginning}");
    }
}

#[test]
fn o5_the_table_says_something_about_every_type_of_event() {
    let types = types();
    assert!(types.len() > 60, "{types:?}");
    for name in &types {
        let row = row_of(TYPES, name);
        assert!(is_row(row) || row == NO_EVENT, "{name} belongs to {row}, which is no row");
    }
    for (beginning, _) in TYPES {
        assert!(types.iter().any(|name| name.starts_with(beginning)), "no type {beginning}");
    }
}

/// `module/Name` of every public type whose name ends as an event's does; of a module without one, the module.
fn types() -> Vec<String> {
    let modules = fs::read_dir(crate_sources().join("event")).unwrap().map(|entry| entry.unwrap().path());
    let types = |folder: PathBuf| {
        let module = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
        let text: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
        let names = text.lines().filter_map(|line| line.strip_prefix("pub struct ")).filter_map(|line| {
            let name = line.split(|letter: char| !letter.is_alphanumeric()).next()?;
            let is_event = ["Event", "EventObj", "Request"].iter().any(|end| name.ends_with(end));
            is_event.then(|| format!("{module}/{name}"))
        });
        let names: Vec<_> = names.collect();
        if names.is_empty() { vec![module] } else { names }
    };
    modules.filter(|path| path.is_dir()).flat_map(types).collect()
}

#[test]
fn o5_every_shape_has_a_sample() {
    let samples = samples();
    for shape in SHAPES {
        let known = |sample: &Sample| Shape::of(&sample.event).is_some_and(|of| std::ptr::eq(of, shape));
        assert!(samples.iter().any(known), "no sample of {}: {:?}", shape.caller, shape.conditions);
    }
}

/// A value of the same kind that says nothing.
fn ordinary(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("text"),
        Value::Object(_) => json!({"x": 1}),
        Value::Array(_) => json!([1]),
        other => other.clone(),
    }
}

#[test]
fn o5_top_level_names_alone_are_nobody() {
    for Sample { name, event, .. } in samples() {
        let event: Value = serde_json::from_slice(&event).unwrap();
        let names_of = |object: &Value| -> Value {
            object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), ordinary(value))).collect()
        };
        let names = if let Value::Array(items) = &event { json!([names_of(&items[0])]) } else { names_of(&event) };
        let shape = Shape::of(names.to_string().as_bytes());
        assert!(shape.is_none(), "{name}: {names} is {:?}", shape.unwrap().caller);
    }
}

/// The place that a condition's path leads to, made where it is missing.
fn place<'a>(event: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(event, |value, token| match token {
        "0" => {
            if !value.is_array() {
                *value = json!([null]);
            }
            &mut value[0]
        }
        name => &mut value[name],
    })
}

fn found<'a>(event: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(event, |value, token| if token == "0" { &value[0] } else { &value[token] })
}

/// Nothing of a sample but what its row's conditions ask for.
fn least(sample: &Value, shape: &Shape) -> Value {
    let mut least = Value::Null;
    for condition in shape.conditions {
        *place(&mut least, condition.path) = found(sample, condition.path).clone();
    }
    least
}

/// Each row has near misses: what it asks for, but for one thing that is missing, or is some other text.
#[test]
fn o5_an_event_that_misses_one_condition_of_its_row_is_nobodys() {
    let samples = samples();
    for shape in SHAPES {
        let is_of_row = |sample: &&Sample| Shape::of(&sample.event).is_some_and(|of| std::ptr::eq(of, shape));
        let sample = serde_json::from_slice(&samples.iter().find(is_of_row).unwrap().event).unwrap();
        let least = least(&sample, shape);
        let known = Shape::of(least.to_string().as_bytes()).map(|known| known.caller);
        assert_eq!(known, Some(shape.caller), "{least}");
        for condition in shape.conditions {
            let mut near_miss = least.clone();
            *place(&mut near_miss, condition.path) = match condition.test {
                Test::Exists => Value::Null,
                _ => json!("some other text"),
            };
            let known = Shape::of(near_miss.to_string().as_bytes()).map(|known| known.caller);
            assert_eq!(known, None, "without {condition}: {near_miss}");
        }
    }
}

/// No row is known by ordinary names at the top level alone: one of its conditions is a value, or leads further in.
#[test]
fn o5_every_row_asks_for_a_value_or_a_nested_name() {
    for shape in SHAPES {
        let is_strong = |condition: &Condition| {
            !matches!(condition.test, Test::Exists) || condition.path.trim_start_matches("0.").contains('.')
        };
        assert!(shape.conditions.iter().any(is_strong), "{}: {:?}", shape.caller, shape.conditions);
    }
}

#[test]
fn o5_near_misses_are_nobody() {
    for (name, event) in NEAR_MISSES {
        let shape = Shape::of(event.as_bytes());
        assert!(shape.is_none(), "{name} is {:?}", shape.unwrap().caller);
    }
}

/// The sample with one more member, which holds `reference`.
fn naming(event: &[u8], reference: &str) -> String {
    let mut event: Value = serde_json::from_slice(event).unwrap();
    let object = if event.is_array() { &mut event[0] } else { &mut event };
    object["typed"] = json!(reference);
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
    let encoded = data_encoding::BASE64.encode(GATEWAY.as_bytes());
    for (id, context) in [("gateway", GATEWAY), ("gateway-in-base64", &encoded)] {
        let by_gateway = Event::new(id, quote(&reference)).header("Lambda-Runtime-Client-Context", context);
        assert_eq!(invoke(&mut world, by_gateway, &response).await, (quote(&reference), response.clone()), "{id}");
    }
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
}

#[tokio::test]
async fn o5_h6_all_others_are_served_both_ways() {
    let (mut world, reference, content) = sandbox().await;
    let response = quote(&text(6_001));
    let is_plain = |event: &[u8]| Shape::of(event).is_none_or(|shape| shape.envelope == Envelope::Plain);
    let samples = samples().into_iter().map(|sample| (sample.name, sample.event)).filter(|(_, event)| is_plain(event));
    let near_misses = NEAR_MISSES.iter().map(|(name, event)| ((*name).to_owned(), event.as_bytes().to_vec()));
    for (name, event) in samples.chain(near_misses) {
        let invocation = Event::new(&world.fresh_id(), naming(&event, &reference));
        let (delivered, left) = invoke(&mut world, invocation, &response).await;
        assert!(delivered == naming(&event, &content), "{name}");
        assert!(left.starts_with("\"@content:1:"), "{name}");
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
    let row = |caller: &str, known_by: &str, reader: &str, envelope: Envelope| {
        let (hydrated, offloaded) = (envelope != Envelope::Exposed, envelope == Envelope::Plain);
        format!("| {caller} | {known_by} | {reader} | {} | {} |", yes(hydrated), yes(offloaded))
    };
    let shapes = SHAPES.iter().map(|shape| {
        let conditions: Vec<_> = shape.conditions.iter().map(ToString::to_string).collect();
        let reader = if shape.envelope == Envelope::Plain { "nobody" } else { "the service" };
        row(shape.caller, &conditions.join(", "), reader, shape.envelope)
    });
    let by_gateway = Envelope::of(b"{}", Some(GATEWAY.as_bytes()));
    let gateway = row("AgentCore gateway", "`bedrockAgentCore` in the client context", "the service", by_gateway);
    let others = OTHERS.iter().map(|(caller, reader)| row(caller, "", reader, Envelope::of(b"{}", None)));
    shapes.chain([gateway]).chain(others).collect()
}

#[test]
fn o5_the_documented_table_is_the_one_that_counts() {
    let page = fs::read_to_string(tests().join("../docs/envelopes.md")).unwrap();
    let table = page.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> = table.skip(2).collect();
    let expected = documented();
    assert_eq!(rows, expected, "docs/envelopes.md should hold\n{}", expected.join("\n"));
}
