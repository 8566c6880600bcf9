//! B7: every metrics line is valid by AWS's specification of the embedded metric format, and its numbers are what the content
//! table counted; an invocation without work has none.

use lambda_local::table::{Fault, Faults, Meter};
use serde_json::{Value, json};

use test_kit::json::{noise, quote};
use test_kit::runtime::runtimes;
use test_kit::world::Builder;
use test_kit::{Event, Reply, Request, World};

const FUNCTION: &str = "document-reader";

fn sandbox() -> Builder {
    World::start().with("AWS_LAMBDA_FUNCTION_NAME", FUNCTION)
}

/// The line of an invocation: valid, and the only one.
async fn line_of(world: &World, id: &str) -> Value {
    let line = world.extension.line_with(id).await;
    let printed = world.extension.printed();
    assert_eq!(printed.lines().filter(|line| line.contains(id)).count(), 1, "one line for one invocation: {printed}");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(violations(&line), [""; 0], "{line}");
    assert_eq!((&line["request_id"], &line["FunctionName"]), (&json!(id), &json!(FUNCTION)));
    line
}

/// The names of the line's metrics; but the time, which may be too short to be measured.
fn metrics(line: &Value) -> Vec<&str> {
    let definitions = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    definitions.iter().map(|metric| metric["Name"].as_str().unwrap()).filter(|name| *name != "StoreTime").collect()
}

/// What a line says of the store: requests, and units in halves, so that they are whole numbers.
fn said_of_store(line: &Value) -> [u64; 3] {
    let units = |name: &str| halves(line[name].as_f64().unwrap());
    [line["store_requests"].as_u64().unwrap(), units("store_read_units"), units("store_write_units")]
}

fn counted(spent: &Meter) -> [u64; 3] {
    [spent.total_requests(), halves(spent.read_units), halves(spent.write_units)]
}

#[expect(clippy::cast_sign_loss, reason = "what is charged is not negative")]
fn halves(units: f64) -> u64 {
    (units * 2.0) as u64
}

/// What the line says of the store is what the table counted.
fn assert_spent(line: &Value, spent: &Meter) {
    assert_eq!(said_of_store(line), counted(spent), "{line}");
}

fn assert_members(line: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} of {line}");
    }
}

/// The references of `contents`, stored by another sandbox, and a sandbox to read them.
async fn stored(contents: &[String]) -> (World, Vec<String>) {
    let mut writer = World::start().with("MAX_CONTENT_SIZE", 0).with_table().await;
    let sent = writer.respond(serde_json::to_string(contents).unwrap()).await.json();
    (sandbox().sharing(writer.table()).await, serde_json::from_value(sent).unwrap())
}

/// One invocation: its id, and what the table counted meanwhile.
async fn invoke(world: &mut World, event: &str, response: &str) -> (String, Meter) {
    let before = world.table().meter();
    let id = world.fresh_id();
    world.lambda.push(Event::new(&id, event));
    assert_eq!(world.runtime.next().await.id(), id);
    assert_eq!(world.runtime.respond(&id, response).await.status, 202);
    (id, world.table().meter().since(&before))
}

#[tokio::test]
async fn b7_an_offloaded_response() {
    let mut world = sandbox().with_table().await;
    let response = json!([noise(6_000, 1), noise(700_000, 2), noise(6_000, 1)]).to_string();
    let (id, spent) = invoke(&mut world, "{}", &response).await;
    let line = line_of(&world, &id).await;
    assert_spent(&line, &spent);
    assert!(spent.write_units > 500.0 && spent.read_units > 0.0, "{spent:?}");
    let left = world.lambda.response(&id).await.body.len();
    let expected = json!({
        "offloaded_contents": 2, "OffloadedBytes": 706_000, "hydrated_contents": 0, "HydratedBytes": 0,
        "response_bytes_before": response.len(), "response_bytes_after": left, "event_bytes_before": null,
        "failed": false, "error_type": null, "Failures": 0, "cache_hits": 0,
    });
    assert_members(&line, &expected);
    assert_eq!(metrics(&line), ["OffloadedBytes"]);
    assert!(line["StoreTime"].as_f64() > Some(0.0));
}

#[tokio::test]
async fn b7_a_hydrated_event() {
    let (mut world, references) = stored(&[noise(5_001, 1), noise(9_000, 2)]).await;
    let event = serde_json::to_string(&[&references[0], &references[1], &references[0]]).unwrap();
    let (id, spent) = invoke(&mut world, &event, "null").await;
    let line = line_of(&world, &id).await;
    assert_spent(&line, &spent);
    assert_eq!((spent.total_requests(), spent.write_units), (1, 0.0));
    let expected = json!({
        "hydrated_contents": 2, "HydratedBytes": 14_001, "offloaded_contents": 0, "OffloadedBytes": 0,
        "event_bytes_before": event.len(), "event_bytes_after": 2 * 5_003 + 9_002 + 4, "response_bytes_before": null,
    });
    assert_members(&line, &expected);
    assert_eq!(metrics(&line), ["HydratedBytes"]);
}

#[tokio::test]
async fn b7_event_and_response_are_one_line() {
    let (mut world, references) = stored(&[noise(5_001, 1)]).await;
    let (id, spent) = invoke(&mut world, &quote(&references[0]), &quote(&noise(8_000, 3))).await;
    let line = line_of(&world, &id).await;
    assert_spent(&line, &spent);
    assert!(spent.write_units > 0.0 && spent.read_units > 0.0, "{spent:?}");
    let expected =
        json!({"HydratedBytes": 5_001, "OffloadedBytes": 8_000, "hydrated_contents": 1, "offloaded_contents": 1});
    assert_members(&line, &expected);
    assert_eq!(metrics(&line), ["OffloadedBytes", "HydratedBytes"]);
}

/// Every content of an invocation is either a hit or an item that the table gave or took.
#[tokio::test]
async fn b7_cache_hits_are_what_the_table_was_not_asked_for() {
    let (mut world, strangers) = stored(&[noise(5_001, 3)]).await;
    let both = json!([noise(6_000, 1), noise(7_000, 2)]).to_string();
    let (id, _) = invoke(&mut world, "{}", &both).await;
    let ours = world.lambda.response(&id).await.text();
    let and_another = |list: &str, value: &str| format!("{},{}]", list.trim_end_matches(']'), quote(value));
    for (event, response, contents, hits) in [
        (ours.clone(), "null".to_owned(), 2, 2),
        ("{}".to_owned(), both.clone(), 2, 2),
        (ours.clone(), both.clone(), 4, 4),
        (and_another(&ours, &strangers[0]), and_another(&both, &noise(8_000, 4)), 6, 4),
    ] {
        let (id, spent) = invoke(&mut world, &event, &response).await;
        let line = line_of(&world, &id).await;
        assert_spent(&line, &spent);
        assert_eq!(spent.items_read + spent.items_written, contents - hits, "{spent:?}");
        let of = |name: &str| line[name].as_u64().unwrap();
        assert_eq!(of("hydrated_contents") + of("offloaded_contents"), contents, "{line}");
        assert_eq!(of("cache_hits"), hits, "{line}");
    }
}

#[tokio::test]
async fn b7_a_refused_reference() {
    let (mut world, references) = stored(&[noise(5_001, 1)]).await;
    let altered = references[0].replace(":5001", ":5002");
    assert_ne!(altered, references[0]);
    let before = world.table().meter();
    assert_eq!(world.fail(quote(&altered)).await.error_type, "LongContent.Refused");
    let line = line_of(&world, "8476a536-e9f4-11e8-9739-000000000001").await;
    assert_spent(&line, &world.table().meter().since(&before));
    let expected =
        json!({"error_type": "LongContent.Refused", "failed": true, "Refusals": 1, "Failures": 1, "HydratedBytes": 0});
    assert_members(&line, &expected);
    assert_eq!(metrics(&line), ["Refusals", "Failures"]);
}

#[tokio::test]
async fn b7_a_missing_content_costs_the_reads_that_looked_for_it() {
    let (mut world, references) = stored(&[noise(5_001, 1), noise(5_001, 2)]).await;
    world.table().delete_all().await;
    let before = world.table().meter();
    assert_eq!(world.fail(quote(&references[0])).await.error_type, "LongContent.NotFound");
    let line = line_of(&world, "8476a536-e9f4-11e8-9739-000000000001").await;
    let spent = world.table().meter().since(&before);
    assert_eq!(spent.total_requests(), 2, "eventually consistent, then consistent");
    assert_spent(&line, &spent);
    assert_members(&line, &json!({"error_type": "LongContent.NotFound", "Refusals": 0, "Failures": 1}));
    assert_eq!(metrics(&line), ["Failures"]);
}

#[tokio::test]
async fn b7_references_kept_in_a_batch() {
    let (mut world, references) = stored(&[noise(5_001, 1)]).await;
    let altered = references[0].replace(":5001", ":5002");
    let event = {
        let record = |body: &str| json!({"eventSource": "aws:sqs", "body": body});
        json!({"Records": [record(&references[0]), record(&altered), record("@content:1:tape:s:60:x:1")]}).to_string()
    };
    let (id, spent) = invoke(&mut world, &event, "null").await;
    let line = line_of(&world, &id).await;
    assert_spent(&line, &spent);
    assert_members(&line, &json!({"KeptReferences": 2, "Refusals": 2, "hydrated_contents": 1, "failed": false}));
    assert_eq!(metrics(&line), ["HydratedBytes", "KeptReferences", "Refusals"]);
}

#[tokio::test]
async fn b7_a_response_sent_without_offloading() {
    let mut world = sandbox().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().faults(Faults::always(Fault::Throttle));
    let response = quote(&noise(8_000, 1));
    let (id, spent) = invoke(&mut world, "{}", &response).await;
    let line = line_of(&world, &id).await;
    assert_spent(&line, &spent);
    assert!(spent.total_requests() > 2, "{spent:?}");
    let expected = json!({
        "Fallbacks": 1, "Failures": 0, "OffloadedBytes": 0,
        "response_bytes_before": response.len(), "response_bytes_after": response.len(),
    });
    assert_members(&line, &expected);
    assert_eq!(metrics(&line), ["Fallbacks"]);
}

#[tokio::test]
async fn b7_a_response_that_cannot_be_stored() {
    let mut world = sandbox().with("LRAP_STORE_TIMEOUT", 1).with_table().await;
    world.table().hang();
    let (id, spent) = invoke(&mut world, "{}", &quote(&noise(300_000, 1))).await;
    let line = line_of(&world, &id).await;
    assert_eq!(line["store_requests"], json!(spent.total_requests()));
    assert_members(&line, &json!({"error_type": "LongContent.StoreUnavailable", "Failures": 1, "OffloadedBytes": 0}));
    assert!(line["StoreTime"].as_f64() > Some(900.0), "{line}");
    assert_eq!(metrics(&line), ["Failures"]);
}

#[tokio::test]
async fn b7_a_response_that_upstream_refuses_is_counted_with_what_follows() {
    let mut world = sandbox().with_table().await;
    let before = world.table().meter();
    let id = world.invocation().await;
    world.lambda.reply(&format!("POST /2018-06-01/runtime/invocation/{id}/response"), Reply::new(413, "{}"));
    assert_eq!(world.runtime.respond(&id, quote(&noise(8_000, 1))).await.status, 413);
    let error = Request::post(&format!("/2018-06-01/runtime/invocation/{id}/error"), r#"{"errorType":"TooLarge"}"#);
    assert_eq!(world.runtime.send(error).await.status, 202);
    let line = line_of(&world, &id).await;
    assert_spent(&line, &world.table().meter().since(&before));
    assert_members(&line, &json!({"OffloadedBytes": 8_000, "failed": false}));
}

/// Each invocation's costs are its own, however many share the sandbox.
#[tokio::test]
async fn b7_invocations_at_once_each_pay_for_themselves() {
    const AT_ONCE: usize = 16;
    let contents: Vec<_> = (0..AT_ONCE as u64).map(|seed| noise(5_001, seed)).collect();
    let (world, references) = stored(&contents).await;
    let before = world.table().meter();
    let mut runtimes = runtimes(world.extension.listener, AT_ONCE);
    for runtime in &mut runtimes {
        runtime.begin_next().await;
    }
    for number in 0..AT_ONCE {
        let event = serde_json::to_string(&references[..=number]).unwrap();
        world.lambda.push(Event::new(&format!("invocation-{number:04}"), event));
    }
    let mut ids = Vec::new();
    for runtime in &mut runtimes {
        ids.push(runtime.event().await.id().to_owned());
    }
    for (runtime, id) in runtimes.iter_mut().zip(&ids) {
        runtime.begin(&Request::response(id, quote(&noise(6_000 + ids.len(), 99)))).await;
    }
    for runtime in &mut runtimes {
        assert_eq!(runtime.answer("POST").await.status, 202);
    }
    let mut total = [0; 3];
    for number in 0..AT_ONCE {
        let line = line_of(&world, &format!("invocation-{number:04}")).await;
        assert_eq!(line["hydrated_contents"], json!(number + 1));
        assert_eq!(line["HydratedBytes"], json!(5_001 * (number + 1)));
        let said = said_of_store(&line);
        total = [total[0] + said[0], total[1] + said[1], total[2] + said[2]];
    }
    assert_eq!(total, counted(&world.table().meter().since(&before)));
}

#[tokio::test]
async fn b7_invocations_without_work_have_no_line() {
    let (mut world, _) = stored(&[noise(5_001, 1)]).await;
    world.deliver("{}").await;
    world.respond(r#"{"short":"@"}"#).await;
    let from_outside = json!({"headers": {}, "requestContext": {"apiId": "a"}, "body": "a text"}).to_string();
    assert_eq!(world.deliver(from_outside.as_str()).await.text(), from_outside);
    let id = world.invocation().await;
    let mut stream = world.runtime.stream(&id).await;
    stream.send(noise(20_000, 1).as_bytes()).await;
    stream.finish(&[]).await;
    assert_eq!(printed_until_the_end(world).await, "");
}

#[tokio::test]
async fn b7_metrics_can_be_switched_off() {
    let mut world = sandbox().with("LRAP_METRICS", "off").with_table().await;
    world.respond(quote(&noise(8_000, 1))).await;
    assert_eq!(printed_until_the_end(world).await, "");
}

#[tokio::test]
async fn b7_a_closed_standard_output_changes_nothing() {
    let mut world = sandbox().with_table().await;
    world.extension.close_stdout().await;
    for seed in 0..3 {
        let response = quote(&noise(8_000, seed));
        let sent = world.respond(response.as_str()).await;
        assert!(sent.body.len() < 200);
        assert_eq!(world.deliver(sent.body).await.text(), response);
    }
}

async fn printed_until_the_end(mut world: World) -> String {
    world.lambda.shut_down();
    assert!(world.extension.exited().await.success());
    world.extension.printed()
}

/// Where `line` breaks the rules of the embedded metric format, as AWS's JSON schema and text have them.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn violations(line: &Value) -> Vec<String> {
    let mut found = Violations(vec![]);
    let Some(root) = line.as_object() else { return vec!["the root is no object".to_owned()] };
    let metadata = &line["_aws"];
    found.only(metadata, &["Timestamp", "CloudWatchMetrics"], &[]);
    found.check(metadata["Timestamp"].as_u64().is_some_and(is_recent), "Timestamp: milliseconds of now");
    let directives = metadata["CloudWatchMetrics"].as_array().map_or(&[][..], Vec::as_slice);
    found.check(!directives.is_empty(), "CloudWatchMetrics: directives");
    for directive in directives {
        found.only(directive, &["Namespace", "Dimensions", "Metrics"], &[]);
        found.name("Namespace", &directive["Namespace"], 1024);
        let namespace = directive["Namespace"].as_str().unwrap_or_default();
        found.check(!namespace.starts_with("AWS/"), "Namespace: not one of AWS's");
        found.dimensions(root, &directive["Dimensions"]);
        found.metrics(root, &directive["Metrics"]);
    }
    found.check(line.to_string().len() < 4096, "one write to a pipe, whole");
    found.0
}

fn is_recent(millis: u64) -> bool {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    now.abs_diff(millis.into()) < 60_000
}

type Object = serde_json::Map<String, Value>;

struct Violations(Vec<String>);

impl Violations {
    fn check(&mut self, holds: bool, rule: &str) {
        if !holds {
            self.0.push(rule.to_owned());
        }
    }

    /// Objects of the specification have their own members only.
    fn only(&mut self, object: &Value, required: &[&str], optional: &[&str]) {
        let Some(object) = object.as_object() else {
            return self.check(false, &format!("an object with {required:?}"));
        };
        self.check(required.iter().all(|name| object.contains_key(*name)), &format!("members {required:?}"));
        let known = |name: &String| required.contains(&name.as_str()) || optional.contains(&name.as_str());
        self.check(object.keys().all(known), &format!("no members but {required:?}, {optional:?}"));
    }

    fn name(&mut self, what: &str, name: &Value, longest: usize) {
        let fits = name.as_str().is_some_and(|name| (1..=longest).contains(&name.chars().count()));
        self.check(fits, &format!("{what}: a text of 1 to {longest} characters"));
    }

    fn dimensions(&mut self, root: &Object, sets: &Value) {
        let sets = sets.as_array().map_or(&[][..], Vec::as_slice);
        self.check(!sets.is_empty(), "Dimensions: at least one set");
        for set in sets {
            let keys = set.as_array().map(Vec::as_slice);
            self.check(keys.is_some_and(|keys| keys.len() <= 30), "a set of dimensions: at most 30 keys");
            for key in keys.unwrap_or_default() {
                self.name("a dimension's key", key, 250);
                let value = root.get(key.as_str().unwrap_or_default());
                self.name("a dimension's value", value.unwrap_or(&Value::Null), 1024);
            }
        }
    }

    fn metrics(&mut self, root: &Object, metrics: &Value) {
        let metrics = metrics.as_array().map_or(&[][..], Vec::as_slice);
        self.check((1..=100).contains(&metrics.len()), "Metrics: 1 to 100");
        let names: std::collections::HashSet<_> = metrics.iter().map(|metric| metric["Name"].as_str()).collect();
        self.check(names.len() == metrics.len(), "Metrics: each once");
        for metric in metrics {
            self.only(metric, &["Name"], &["Unit", "StorageResolution"]);
            self.name("a metric's name", &metric["Name"], 1024);
            let unit = metric.get("Unit").is_none_or(|unit| unit.as_str().is_some_and(|unit| UNITS.contains(&unit)));
            self.check(unit, "Unit: one of CloudWatch's");
            let resolution =
                metric.get("StorageResolution").is_none_or(|value| [1, 60].map(Value::from).contains(value));
            self.check(resolution, "StorageResolution: 1 or 60");
            let target = root.get(metric["Name"].as_str().unwrap_or_default()).unwrap_or(&Value::Null);
            self.check(is_metric(target), "a metric's target: a number, or up to 100 numbers");
        }
    }
}

fn is_metric(target: &Value) -> bool {
    target.is_number()
        || target.as_array().is_some_and(|values| values.len() <= 100 && values.iter().all(Value::is_number))
}

const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// The rules can be broken, each by one change of a line that keeps them all.
#[test]
fn b7_the_validator_sees_each_mistake() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let metric = json!({"Name": "Bytes", "Unit": "Bytes"});
    let directive = json!({"Namespace": "N", "Dimensions": [["Function"], []], "Metrics": [metric]});
    let good = json!({"_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]}, "Bytes": 1, "Function": "f"});
    assert_eq!(violations(&good), [""; 0]);
    let changes = [
        ("/_aws", json!(null)),
        ("/_aws/Timestamp", json!("now")),
        ("/_aws/Timestamp", json!(now / 1000)),
        ("/_aws/CloudWatchMetrics", json!([])),
        ("/_aws/CloudWatchMetrics/0/Namespace", json!("")),
        ("/_aws/CloudWatchMetrics/0/Namespace", json!("AWS/Lambda")),
        ("/_aws/CloudWatchMetrics/0/Dimensions", json!([])),
        ("/_aws/CloudWatchMetrics/0/Dimensions", json!(["Function"])),
        ("/_aws/CloudWatchMetrics/0/Dimensions/0", json!(["Absent"])),
        ("/_aws/CloudWatchMetrics/0/Dimensions/0", json!(vec!["Function"; 31])),
        ("/_aws/CloudWatchMetrics/0/Metrics", json!([])),
        ("/_aws/CloudWatchMetrics/0/Metrics", json!([{"Name": "Absent"}])),
        ("/_aws/CloudWatchMetrics/0/Metrics", json!([metric, metric])),
        ("/_aws/CloudWatchMetrics/0/Metrics/0/Unit", json!("bytes")),
        ("/_aws/CloudWatchMetrics/0/Metrics/0", json!({"Name": "Bytes", "Value": 1})),
        ("/Bytes", json!("1")),
        ("/Bytes", json!({"value": 1})),
        ("/Function", json!("")),
        ("/Function", json!(1)),
    ];
    for (pointer, value) in changes {
        let mut line = good.clone();
        *line.pointer_mut(pointer).unwrap() = value;
        assert_ne!(violations(&line), [""; 0], "{pointer}: {line}");
    }
}

/// Left alone by design: counted every time, said once in the life of a sandbox.
#[tokio::test]
async fn b7_what_is_left_alone_by_design_is_counted_and_said_once() {
    let mut writer = World::start().with("MAX_CONTENT_SIZE", 0).with_table().await;
    let reference = writer.respond(quote("content")).await.json();
    let mut world = sandbox().with("LRAP_LOG", "info").sharing(writer.table()).await;
    let encoded = data_encoding::BASE64.encode(json!({ "t": reference }).to_string().as_bytes());
    let kafka = json!({"eventSource": "aws:kafka", "records": {"t-0": [{"topic": "t", "value": encoded}]}}).to_string();
    let kinesis = json!({"Records": [{"kinesis": {"data": encoded}, "eventSource": "aws:kinesis", "note": reference}]})
        .to_string();
    let http = json!({"requestContext": {"apiId": "a", "stage": "s", "requestId": "r"}, "body": reference}).to_string();
    let not_json = format!("{{\"text\":{},\"n\":NaN}}", quote(&noise(6_000, 1)));
    let cases = [
        (kafka.as_str(), "null", "left_encoded", "base64"),
        (kinesis.as_str(), "null", "left_encoded", "base64"),
        (http.as_str(), "null", "left_exposed", "exposed"),
        ("{}", not_json.as_str(), "left_invalid", "not valid JSON"),
    ];
    for _ in 0..2 {
        for (event, response, member, _) in cases {
            let (id, _) = invoke(&mut world, event, response).await;
            let line = line_of(&world, &id).await;
            assert_members(&line, &json!({member: 1, "LeftAlone": 1, "failed": false}));
            assert!(metrics(&line).contains(&"LeftAlone"));
        }
    }
    for (.., notice) in cases {
        let log = world.extension.logged();
        assert_eq!(log.lines().filter(|line| line.contains(notice)).count(), 1, "{notice}: {log}");
    }
}

/// With `always`, nobody asks for the shape of an event; what is in base64 is counted all the same.
#[tokio::test]
async fn b7_base64_is_looked_into_whatever_the_settings() {
    let mut world = sandbox().with("LRAP_OFFLOAD", "always").with("LRAP_HYDRATE", "always").with_table().await;
    let encoded = data_encoding::BASE64.encode(b"{\"t\":\"@content:1:dynamodb:s:none:x:1\"}");
    let event = json!({"eventSource": "aws:mq", "messages": [{ "data": encoded }]}).to_string();
    let (id, _) = invoke(&mut world, &event, "null").await;
    assert_members(&line_of(&world, &id).await, &json!({"left_encoded": 1}));
}
