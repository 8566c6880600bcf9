//! Envelopes: determines whether an invocation's caller is one that cannot hydrate references (rules O5, H6).
//!
//! A browser must not get a reference as an answer, and text that an outsider typed must never be taken for a reference. The
//! callers below are recognised by something that only they send: a value, or a nested name. Ordinary top-level names alone
//! are not enough, because the state of a workflow may have them, too. An event of any other shape comes from a workflow, a
//! queue or a direct caller.
//!
//! To find that an event has none of these shapes costs one search for their rarest words.
//!
//! ```
//! use long_content::envelope::Shape;
//!
//! let event: [&[u8]; 2] = [br#"{"headers":{},"request"#, br#"Context":{"elb":{"targetGroupArn":"a"}}}"#];
//! assert_eq!(Shape::of_parts(event.into_iter()).unwrap().caller, "Application Load Balancer");
//! assert!(Shape::of(br#"{"headers":{},"requestContext":{}}"#).is_none());
//! ```

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use data_encoding::{BASE64_NOPAD, Encoding};
use memchr::memmem;

use crate::json::{self, Name, StringToken};
use crate::seams::Seams;

/// Where an event comes from, as far as it decides what may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// A caller that cannot hydrate and is not trusted with references: neither its event nor its response is touched.
    Exposed,
    /// The envelope of a Lambda durable execution. The service itself reads the response, so it is left alone.
    Durable,
    /// Anything else.
    Plain,
}

/// One documented shape of an event.
#[derive(Debug)]
pub struct Shape {
    /// Who sends it.
    pub caller: &'static str,
    /// What it means.
    pub envelope: Envelope,
    /// Whether its records contain base64 text, in which references are not hydrated.
    pub is_encoded: bool,
    /// A word that every event of this shape contains in exactly this spelling, and few other events contain.
    word: &'static str,
    /// Conditions that all must be true.
    pub conditions: &'static [Condition],
}

/// A condition for an event.
#[derive(Debug)]
pub struct Condition {
    /// Names of members, with dots between them; `0` is an array's first element.
    pub path: &'static str,
    /// What the value there must be.
    pub test: Test,
}

/// What a value must be.
#[derive(Debug)]
pub enum Test {
    /// Anything but `null`.
    Exists,
    /// One of these strings.
    Is(&'static [&'static str]),
    /// A string that begins with this.
    Begins(&'static str),
    /// A string that contains this.
    Has(&'static str),
    /// The ARN of a service whose name begins with this.
    Arn(&'static str),
}

use Test::{Arn, Begins, Exists, Has, Is};

const fn has(path: &'static str, test: Test) -> Condition {
    Condition { path, test }
}

const fn exposed(caller: &'static str, word: &'static str, conditions: &'static [Condition]) -> Shape {
    Shape { caller, word, conditions, envelope: Envelope::Exposed, is_encoded: false }
}

const fn encoded(caller: &'static str, word: &'static str, conditions: &'static [Condition]) -> Shape {
    Shape { caller, word, conditions, envelope: Envelope::Plain, is_encoded: true }
}

/// Every shape that is recognised. If an event has several, the first counts.
pub static SHAPES: &[Shape] = &[
    exposed(
        "AppSync authorizer",
        "\"requestContext\"",
        &[has("authorizationToken", Exists), has("requestContext.queryString", Exists)],
    ),
    exposed(
        "AppSync Events authorizer",
        "\"requestContext\"",
        &[has("authorizationToken", Exists), has("requestContext.channelNamespaceName", Exists)],
    ),
    exposed("API Gateway, function URL", "\"requestContext\"", &[has("requestContext.apiId", Exists)]),
    exposed("API Gateway, function URL", "\"requestContext\"", &[has("requestContext.http.method", Exists)]),
    exposed(
        "API Gateway, function URL",
        "\"requestContext\"",
        &[has("requestContext.resourcePath", Exists), has("requestContext.stage", Exists)],
    ),
    exposed(
        "API Gateway, function URL",
        "\"requestContext\"",
        &[has("requestContext.connectionId", Exists), has("requestContext.eventType", Exists)],
    ),
    exposed(
        "API Gateway authorizer",
        "\"methodArn\"",
        &[has("methodArn", Arn("execute-api")), has("type", Is(&["TOKEN", "REQUEST"]))],
    ),
    exposed("Application Load Balancer", "\"requestContext\"", &[has("requestContext.elb.targetGroupArn", Exists)]),
    exposed("VPC Lattice", "\"requestContext\"", &[has("requestContext.targetGroupArn", Arn("vpc-lattice"))]),
    exposed(
        "VPC Lattice, version 1",
        "\"raw_path\"",
        &[has("raw_path", Begins("/")), has("is_base64_encoded", Exists), has("headers.x-forwarded-for", Exists)],
    ),
    exposed(
        "VPC Lattice, version 1",
        "\"raw_path\"",
        &[has("raw_path", Begins("/")), has("is_base64_encoded", Exists), has("headers.host", Exists)],
    ),
    exposed(
        "AppSync resolver",
        "\"parentTypeName\"",
        &[has("info.parentTypeName", Exists), has("info.fieldName", Exists), has("arguments", Exists)],
    ),
    exposed(
        "AppSync resolver, batch",
        "\"parentTypeName\"",
        &[has("0.info.parentTypeName", Exists), has("0.info.fieldName", Exists), has("0.arguments", Exists)],
    ),
    exposed(
        "AppSync Events",
        "\"channelNamespace\"",
        &[
            has("info.channelNamespace.name", Exists),
            has("info.channel.path", Exists),
            has("info.operation", Is(&["PUBLISH", "SUBSCRIBE"])),
        ],
    ),
    exposed(
        "Cognito user pool",
        "\"triggerSource\"",
        &[has("triggerSource", Exists), has("userPoolId", Exists), has("callerContext.clientId", Exists)],
    ),
    exposed(
        "Cognito Sync",
        "\"datasetRecords\"",
        &[has("eventType", Is(&["SyncTrigger"])), has("datasetRecords", Exists), has("identityPoolId", Exists)],
    ),
    exposed(
        "Lex V2",
        "\"messageVersion\"",
        &[has("messageVersion", Is(&["1.0"])), has("sessionState", Exists), has("bot.localeId", Exists)],
    ),
    exposed(
        "Lex V1",
        "\"messageVersion\"",
        &[has("messageVersion", Is(&["1.0"])), has("currentIntent.slots", Exists), has("bot.alias", Exists)],
    ),
    exposed(
        "Bedrock agent",
        "\"messageVersion\"",
        &[has("messageVersion", Is(&["1.0"])), has("actionGroup", Exists), has("agent.alias", Exists)],
    ),
    exposed(
        "Bedrock Flows",
        "\"messageVersion\"",
        &[has("messageVersion", Is(&["1.0"])), has("flow", Exists), has("node.inputs.0.name", Exists)],
    ),
    exposed(
        "Bedrock Flows",
        "\"messageVersion\"",
        &[has("messageVersion", Is(&["1.0"])), has("flow", Exists), has("node.nodeInputs.0.name", Exists)],
    ),
    exposed(
        "AgentCore gateway interceptor",
        "\"interceptorInputVersion\"",
        &[has("interceptorInputVersion", Exists), has("mcp.gatewayRequest", Exists)],
    ),
    exposed(
        "AgentCore gateway interceptor",
        "\"interceptorInputVersion\"",
        &[has("interceptorInputVersion", Exists), has("http.gatewayRequest", Exists)],
    ),
    exposed(
        "Firehose transformation",
        "\"deliveryStreamArn\"",
        &[has("deliveryStreamArn", Exists), has("records.0.recordId", Exists)],
    ),
    exposed(
        "Kinesis Analytics output",
        "\"applicationArn\"",
        &[has("applicationArn", Arn("kinesisanalytics")), has("records.0.recordId", Exists)],
    ),
    exposed("Alexa skill", "\"amzn1.", &[has("context.System.application.applicationId", Begins("amzn1."))]),
    exposed("Alexa skill", "\"amzn1.", &[has("session.application.applicationId", Begins("amzn1."))]),
    exposed("Alexa smart home", "\"Alexa", &[has("directive.header.namespace", Begins("Alexa"))]),
    exposed("Alexa smart home, version 2", "\"Alexa", &[has("header.namespace", Begins("Alexa."))]),
    exposed("Amazon Connect", "\"ContactData\"", &[has("Details.ContactData.ContactId", Exists)]),
    exposed(
        "CloudFormation macro",
        "\"templateParameterValues\"",
        &[has("transformId", Has("::")), has("fragment", Exists), has("templateParameterValues", Exists)],
    ),
    exposed(
        "Redshift UDF",
        "\"external_function\"",
        &[has("external_function", Exists), has("cluster", Arn("redshift")), has("num_records", Exists)],
    ),
    exposed(
        "Athena connector or UDF",
        "\"@type\"",
        &[has("@type", Has("Request")), has("identity.account", Exists), has("identity.arn", Exists)],
    ),
    exposed(
        "SageMaker Ground Truth, before the labelling",
        "\"labelingJobArn\"",
        &[has("version", Is(&["2018-10-16"])), has("labelingJobArn", Arn("sagemaker")), has("dataObject", Exists)],
    ),
    exposed(
        "SageMaker Ground Truth, after the labelling",
        "\"labelingJobArn\"",
        &[has("version", Is(&["2018-10-16"])), has("labelingJobArn", Arn("sagemaker")), has("payload.s3Uri", Exists)],
    ),
    exposed(
        "S3 Batch Operations",
        "\"invocationSchemaVersion\"",
        &[has("invocationSchemaVersion", Exists), has("job.id", Exists), has("tasks.0.taskId", Exists)],
    ),
    exposed(
        "S3 Object Lambda",
        "\"accessPointArn\"",
        &[has("xAmzRequestId", Exists), has("configuration.accessPointArn", Arn("s3-object-lambda"))],
    ),
    exposed(
        "Chime SDK SIP media application",
        "\"InvocationEventType\"",
        &[has("InvocationEventType", Exists), has("CallDetails.TransactionId", Exists)],
    ),
    exposed(
        "Transfer Family identity provider",
        "\"serverId\"",
        &[
            has("serverId", Begins("s-")),
            has("protocol", Is(&["SFTP", "FTPS", "FTP"])),
            has("username", Exists),
            has("sourceIp", Exists),
        ],
    ),
    exposed(
        "IoT authorizer",
        "\"connectionMetadata\"",
        &[has("connectionMetadata.id", Exists), has("protocolData", Exists), has("protocols.0", Exists)],
    ),
    exposed(
        "Client VPN connection handler",
        "\"cvpn-connection-",
        &[has("connection-id", Begins("cvpn-connection-")), has("endpoint-id", Begins("cvpn-endpoint-"))],
    ),
    Shape {
        caller: "Lambda durable execution",
        word: "\"DurableExecutionArn\"",
        conditions: &[
            has("DurableExecutionArn", Arn("lambda")),
            has("DurableExecutionArn", Has("/durable-execution/")),
            has("CheckpointToken", Exists),
        ],
        envelope: Envelope::Durable,
        is_encoded: false,
    },
    encoded("Kinesis stream", "\"aws:kinesis\"", &[has("Records.0.eventSource", Is(&["aws:kinesis"]))]),
    encoded("Kafka", "\"aws:kafka\"", &[has("eventSource", Is(&["aws:kafka"])), has("records", Exists)]),
    encoded(
        "Kafka, self-managed",
        "\"SelfManagedKafka\"",
        &[has("eventSource", Is(&["SelfManagedKafka"])), has("records", Exists)],
    ),
    encoded("Amazon MQ, ActiveMQ", "\"aws:mq\"", &[has("eventSource", Is(&["aws:mq"])), has("messages", Exists)]),
    encoded(
        "Amazon MQ, RabbitMQ",
        "\"aws:rmq\"",
        &[has("eventSource", Is(&["aws:rmq"])), has("rmqMessagesByQueue", Exists)],
    ),
];

/// The name in the client context of an AgentCore gateway. A gateway sends the arguments of its tool without an envelope.
const AGENTCORE_GATEWAY: &[u8] = b"bedrockAgentCore";

static WORDS: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(words()));

/// Bytes of the longest of those words.
static LONGEST_WORD: LazyLock<usize> = LazyLock::new(|| words().iter().map(|word| word.len()).max().unwrap_or(0));

/// The rarest word of every shape.
fn words() -> BTreeSet<&'static str> {
    SHAPES.iter().map(|shape| shape.word).collect()
}

/// The top-level names that conditions begin with, in order.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let conditions = SHAPES.iter().flat_map(|shape| shape.conditions);
    conditions.map(Condition::top).collect::<BTreeSet<_>>().into_iter().collect()
});

impl Envelope {
    /// The envelope of an event, and of the client context that came with it.
    pub fn of(event: &[u8], client_context: Option<&[u8]>) -> Self {
        Self::of_shape(Shape::of(event), client_context)
    }

    /// The same for an event whose shape is known.
    pub fn of_shape(shape: Option<&Shape>, client_context: Option<&[u8]>) -> Self {
        match Self::of_caller(client_context) {
            Self::Plain => shape.map_or(Self::Plain, |shape| shape.envelope),
            known => known,
        }
    }

    /// The envelope of an event that has none of the [`SHAPES`]: only the client context decides. It is the unchanged value
    /// of the header: any bytes, or base64 of them. If it cannot be searched, the caller counts as exposed.
    pub fn of_caller(client_context: Option<&[u8]>) -> Self {
        if client_context.is_some_and(is_of_gateway) { Self::Exposed } else { Self::Plain }
    }
}

/// Whether a client context is an AgentCore gateway's, or may be.
fn is_of_gateway(context: &[u8]) -> bool {
    let names_it = |text: &[u8]| memmem::find(text, AGENTCORE_GATEWAY).is_some();
    if names_it(context) {
        return true;
    }
    match without_base64(context) {
        Base64::No => false,
        Base64::Of(text) => names_it(&text),
        Base64::Broken => true,
    }
}

/// The result of decoding a text as base64.
enum Base64 {
    No,
    Of(Vec<u8>),
    /// It has the letters of base64, but its end is missing.
    Broken,
}

fn without_base64(text: &[u8]) -> Base64 {
    let text = text.trim_ascii();
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let text = &text[..text.len() - padding];
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    // A shorter one has no room for the name.
    if text.len() <= BASE64_NOPAD.encode_len(AGENTCORE_GATEWAY.len()) || !text.iter().all(is_letter) {
        return Base64::No;
    }
    EITHER_BASE64.decode(text).map_or(Base64::Broken, Base64::Of)
}

/// Base64 in its standard and in its URL-safe alphabet, whatever its last bits are.
static EITHER_BASE64: LazyLock<Encoding> = LazyLock::new(|| {
    let mut either = BASE64_NOPAD.specification();
    either.translate.from.push_str("-_");
    either.translate.to.push_str("+/");
    either.check_trailing_bits = false;
    either.encoding().expect("BUG: base64 is an encoding")
});

impl Shape {
    /// The shape of an event, if it has one of [`SHAPES`].
    pub fn of(event: &[u8]) -> Option<&'static Self> {
        if has_word(event) { Self::by_conditions(event) } else { None }
    }

    /// The same for an event in pieces. If it has none of the shapes, the pieces are not joined.
    pub fn of_parts<'a>(mut parts: impl Iterator<Item = &'a [u8]> + Clone) -> Option<&'static Self> {
        let (all, mut seams) = (parts.clone(), Seams::for_needles_of(*LONGEST_WORD));
        let may_match = parts.any(|part| seams.search(part, has_word));
        if may_match { Self::by_conditions(&whole(all)) } else { None }
    }

    fn by_conditions(event: &[u8]) -> Option<&'static Self> {
        let members = known_members(event);
        let has_names = |shape: &&Self| shape.conditions.iter().all(|condition| members.contains_key(condition.top()));
        let mut candidates = SHAPES.iter().filter(has_names);
        candidates.find(|shape| shape.conditions.iter().all(|condition| condition.holds(event, &members)))
    }
}

/// Whether some shape's rarest word is in a text.
fn has_word(text: &[u8]) -> bool {
    WORDS.as_ref().is_none_or(|words| words.find(text).is_some())
}

/// An event in one piece. It is not copied if it is in one piece already.
fn whole<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> Cow<'a, [u8]> {
    let first = parts.next().unwrap_or_default();
    let rest = parts.collect::<Vec<_>>().concat();
    if rest.is_empty() { Cow::Borrowed(first) } else { Cow::Owned([first, &rest].concat()) }
}

/// The top-level members that the conditions need, the last one of each name; for an array, its first element.
fn known_members(event: &[u8]) -> HashMap<&'static str, Range<usize>> {
    let start = event.len() - event.trim_ascii_start().len();
    let mut members = json::members(event, start);
    if event.get(start) == Some(&b'[') {
        return members.next().map(|(_, first)| ("0", first)).into_iter().collect();
    }
    members.filter_map(|(name, value)| Some((known_name(event, &name)?, value))).collect()
}

fn known_name(event: &[u8], name: &Name) -> Option<&'static str> {
    let Name::Key(key) = name else { return None };
    let key = json::decode(event, key);
    let index = NAMES.binary_search_by(|known| known.as_bytes().cmp(&key)).ok()?;
    Some(NAMES[index])
}

impl Condition {
    /// The name of the top-level member to which it applies.
    fn top(&self) -> &'static str {
        self.path.split('.').next().unwrap_or(self.path)
    }

    fn holds(&self, event: &[u8], members: &HashMap<&str, Range<usize>>) -> bool {
        let mut value = members.get(self.top()).cloned();
        for token in self.path.split('.').skip(1) {
            value = value.and_then(|value| {
                let mut inside = json::members(event, value.start);
                if event[value.start] == b'[' { inside.next() } else { inside.find(|(name, _)| name.is(event, token)) }
                    .map(|(_, value)| value)
            });
        }
        value.is_some_and(|value| self.test.holds(event, &value))
    }
}

impl Test {
    fn holds(&self, event: &[u8], value: &Range<usize>) -> bool {
        if let Exists = self {
            return &event[value.clone()] != b"null";
        }
        let token = (event[value.start] == b'"').then(|| StringToken::at(event, value.start)).flatten();
        let text = token.map(|token| json::decode(event, &token));
        let text = text.as_ref().and_then(|text| std::str::from_utf8(text).ok());
        text.is_some_and(|text| match self {
            Exists => true,
            Is(any) => any.contains(&text),
            Begins(beginning) => text.starts_with(beginning),
            Has(part) => text.contains(part),
            Arn(service) => service_of(text).is_some_and(|name| name.starts_with(service)),
        })
    }
}

/// The service that an ARN names, and what follows it: `arn:partition:service:…`.
fn service_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split_once(':').map(|(_, service)| service)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path;
        match &self.test {
            Exists => write!(f, "`{path}`"),
            Is(any) => write!(f, "`{path}` is `{}`", any.join("` or `")),
            Begins(beginning) => write!(f, "`{path}` begins with `{beginning}`"),
            Has(part) => write!(f, "`{path}` contains `{part}`"),
            Arn(service) => write!(f, "`{path}` is an ARN of `{service}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_alone_and_nested_shapes_are_nobody() {
        let of = |event: &str| Shape::of(event.as_bytes()).map(|shape| shape.caller);
        let http = r#"{"headers":{},"requestContext":{"apiId":"a"}}"#;
        assert_eq!(of(http), Some("API Gateway, function URL"));
        let resolver = r#"{"arguments":{},"info":{"fieldName":"f","parentTypeName":"Query"}}"#;
        assert_eq!(of(&format!(" [{resolver}, 7]")), Some("AppSync resolver, batch"));
        for plain in [
            "",
            "[]",
            "{}",
            "null",
            r#""requestContext""#,
            r#"{"requestContext": 1}"#,
            r#"{"requestContext": {"x": 1}, "headers": {}}"#,
            &format!("[{http}]"),
            &format!(r#"{{"body": {http}}}"#),
            &format!(r#"{{"Records": [{http}]}}"#),
            &format!(r#"{{"items": [{resolver}]}}"#),
            r#"{"headers": {}, "requestContext""#,
            r#"{"headers": {}, "requestContext":"#,
        ] {
            assert_eq!(of(plain), None, "{plain}");
        }
    }

    #[test]
    fn a_null_does_not_count_and_of_equal_names_the_last_does() {
        let of = |event: &str| Shape::of(event.as_bytes()).is_some();
        assert!(!of(r#"{"Details":{"ContactData":{"ContactId":null}}}"#));
        assert!(!of(r#"{"Details":{"ContactData":{"ContactId":"c"}},"Details":0}"#));
        assert!(of(r#"{"Details":0,"\u0044etails":{"ContactData":{"ContactId":"c"}}}"#));
    }

    #[test]
    fn an_arn_is_known_in_every_partition() {
        let of = |arn: &str| Shape::of(format!(r#"{{"type":"TOKEN","methodArn":"{arn}"}}"#).as_bytes()).is_some();
        assert!(of("arn:aws:execute-api:eu-central-1:1:a/*") && of("arn:aws-us-gov:execute-api:us-gov-west-1:1:a/*"));
        assert!(!of("arn:aws:lambda:eu-central-1:1:execute-api") && !of("execute-api") && !of("arn:execute-api"));
    }

    #[test]
    fn every_word_fits_between_two_pieces() {
        let _ = Seams::for_needles_of(*LONGEST_WORD);
        assert!(WORDS.is_some());
    }

    #[test]
    fn an_agentcore_gateway_says_so_in_its_client_context() {
        let context = r#"{"custom":{"bedrockAgentCoreGatewayId":"g-1","bedrockAgentCoreToolName":"t?>"}}"#;
        let padded = data_encoding::BASE64.encode(context.as_bytes());
        let url_safe = data_encoding::BASE64URL_NOPAD.encode(context.as_bytes());
        for context in [context, &padded, padded.trim_end_matches('='), &url_safe, &format!(" {padded} ")] {
            assert_eq!(Envelope::of(b"{}", Some(context.as_bytes())), Envelope::Exposed, "{context}");
        }
        assert_eq!(Envelope::of(b"{}", Some(b"{\"\xe9\":0,\"bedrockAgentCoreToolName\":\"\xe9\"}")), Envelope::Exposed);
    }

    #[test]
    fn a_client_context_of_somebody_else_is_nobody_and_a_broken_one_is_exposed() {
        let other = data_encoding::BASE64.encode(br#"{"client":{"installation_id":"i"},"custom":{}}"#);
        for context in ["", " ", "x", "{}", r#"{"custom":{}}"#, &other, "é", "plain text of any length, and no more"] {
            assert_eq!(Envelope::of(b"{}", Some(context.as_bytes())), Envelope::Plain, "{context}");
        }
        let broken = &other[..other.len() / 4 * 4 - 3];
        assert_eq!(Envelope::of(b"{}", Some(broken.as_bytes())), Envelope::Exposed);
    }
}
