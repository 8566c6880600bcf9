//! Envelopes: whether an invocation's caller stands outside of everything that could hydrate a reference.
//!
//! What answers a browser must not be a reference, and what an outsider typed is never one. The callers below are known by
//! the documented shape of their events: the names of its top-level members. An event of another shape is a workflow's, a
//! queue's or a direct caller's.
//!
//! Finding that an event has none of these shapes costs one search for their rarest names.
//!
//! ```
//! use long_content::envelope::Shape;
//!
//! let event: [&[u8]; 2] = [br#"{"headers":{},"request"#, br#"Context":{}}"#];
//! assert_eq!(Shape::of_parts(event.into_iter()).unwrap().caller, "API Gateway, function URL, load balancer");
//! ```

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;

use crate::json;
use crate::seams::Seams;

/// Who an event came from, as far as it decides what may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// A caller that cannot hydrate and is not trusted with references: neither its event nor its response is touched.
    Exposed,
    /// The envelope of a Lambda durable execution, which the service itself reads: its response is left alone.
    Durable,
    /// Anything else.
    Plain,
}

/// One documented shape of an event.
#[derive(Debug)]
pub struct Shape {
    /// Who sends it.
    pub caller: &'static str,
    /// Top-level members that it has. The first is rare in other events.
    pub members: &'static [&'static str],
    /// What it means.
    pub envelope: Envelope,
}

const fn exposed(caller: &'static str, members: &'static [&'static str]) -> Shape {
    Shape { caller, members, envelope: Envelope::Exposed }
}

/// Every shape that is told from the rest.
pub const SHAPES: &[Shape] = &[
    exposed("API Gateway, function URL, load balancer", &["requestContext", "headers"]),
    exposed("load balancer with multi-value headers", &["requestContext", "multiValueHeaders"]),
    exposed("API Gateway WebSocket", &["requestContext", "isBase64Encoded"]),
    exposed("API Gateway token authorizer", &["methodArn", "type"]),
    exposed("AppSync authorizer", &["requestContext", "authorizationToken"]),
    exposed("AppSync resolver", &["info", "arguments", "identity"]),
    exposed("Cognito user pool", &["triggerSource", "userPoolId"]),
    exposed("Cognito sync", &["datasetRecords", "identityPoolId"]),
    exposed("Lex V2", &["sessionState", "bot"]),
    exposed("Lex V1", &["currentIntent", "bot"]),
    exposed("Bedrock agent", &["actionGroup", "agent"]),
    exposed("Firehose transformation", &["deliveryStreamArn", "records"]),
    Shape {
        caller: "Lambda durable execution",
        members: &["DurableExecutionArn", "CheckpointToken"],
        envelope: Envelope::Durable,
    },
];

/// An AgentCore gateway sends its tool's arguments as they are, and says who it is in the client context.
const AGENTCORE_GATEWAY: &str = "bedrockAgentCore";

static RARE_NAMES: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(rare_names()));

/// Bytes of the longest of those names.
static LONGEST_NAME: LazyLock<usize> = LazyLock::new(|| rare_names().map(|name| name.len()).max().unwrap_or(0));

/// The rarest name of every shape, as it is spelt in an event.
fn rare_names() -> impl Iterator<Item = String> {
    SHAPES.iter().map(|shape| format!("\"{}\"", shape.members[0]))
}

impl Envelope {
    /// The envelope of an event, and of the client context that came with it.
    pub fn of(event: &[u8], client_context: Option<&str>) -> Self {
        match Self::of_caller(client_context) {
            Self::Plain => Shape::of(event).map_or(Self::Plain, |shape| shape.envelope),
            known => known,
        }
    }

    /// The envelope of an event that has none of the [`SHAPES`]: the client context alone decides.
    pub fn of_caller(client_context: Option<&str>) -> Self {
        let is_gateway = client_context.is_some_and(|context| context.contains(AGENTCORE_GATEWAY));
        if is_gateway { Self::Exposed } else { Self::Plain }
    }
}

impl Shape {
    /// The shape of an event, if it has one of [`SHAPES`].
    pub fn of(event: &[u8]) -> Option<&'static Self> {
        if has_rare_name(event) { Self::by_members(event) } else { None }
    }

    /// The same of an event in parts. One without any shape is not put together.
    pub fn of_parts<'a>(mut parts: impl Iterator<Item = &'a [u8]> + Clone) -> Option<&'static Self> {
        let (all, mut seams) = (parts.clone(), Seams::for_needles_of(*LONGEST_NAME));
        let may_match = parts.any(|part| seams.search(part, has_rare_name));
        if may_match { Self::by_members(&all.collect::<Vec<_>>().concat()) } else { None }
    }

    /// The shape by top-level members; of an array (AppSync batches), by its first element's.
    fn by_members(event: &[u8]) -> Option<&'static Self> {
        let start = event.len() - event.trim_ascii_start().len();
        let object = match event.get(start) {
            Some(b'[') => json::members(event, start).next().map_or(start, |(_, first)| first.start),
            _ => start,
        };
        let names: HashSet<_> = json::members(event, object).filter_map(|(name, _)| known_name(event, &name)).collect();
        SHAPES.iter().find(|shape| shape.members.iter().all(|name| names.contains(name)))
    }
}

/// Whether some shape's rarest name stands in a text.
fn has_rare_name(text: &[u8]) -> bool {
    RARE_NAMES.as_ref().is_none_or(|names| names.find(text).is_some())
}

/// The name of a member, if some shape has one of that name.
fn known_name(event: &[u8], name: &json::Name) -> Option<&'static str> {
    let mut known = SHAPES.iter().flat_map(|shape| shape.members);
    known.find(|known| name.is(event, known)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_its_top_level_members_only() {
        let of = |event: &str| Envelope::of(event.as_bytes(), None);
        assert_eq!(of(r#"{"headers": {}, "requestContext": {}}"#), Envelope::Exposed);
        assert_eq!(of(r#" [{"arguments":{},"identity":null,"info":{}}]"#), Envelope::Exposed);
        assert_eq!(of(r#"{"DurableExecutionArn":"a","CheckpointToken":"b"}"#), Envelope::Durable);
        for plain in [
            "",
            "[]",
            "{}",
            r#""requestContext""#,
            r#"{"requestContext": 1}"#,
            r#"{"body": {"headers": {}, "requestContext": {}}}"#,
            r#"{"body": "{\"headers\": {}, \"requestContext\": {}}"}"#,
            r#"{"Records": [{"headers": {}, "requestContext": {}}]}"#,
            r#"{"headers": {}, "requestContext""#,
        ] {
            assert_eq!(of(plain), Envelope::Plain, "{plain}");
        }
    }

    #[test]
    fn a_shape_is_seen_across_any_seam() {
        for shape in SHAPES {
            let members = shape.members.iter().map(|name| format!("\"{name}\":1")).collect::<Vec<_>>().join(",");
            let event = format!("{{{members}}}");
            for len in 1..=event.len() {
                let seen = Shape::of_parts(event.as_bytes().chunks(len)).map(|seen| seen.envelope);
                assert_eq!(seen, Some(shape.envelope), "{event} in parts of {len}");
            }
        }
        assert!(Shape::of_parts("{\"request\":\"Context\"}".as_bytes().chunks(3)).is_none());
    }

    #[test]
    fn an_agentcore_gateway_says_so_in_its_client_context() {
        let context = r#"{"custom":{"bedrockAgentCoreGatewayId":"g-1","bedrockAgentCoreToolName":"t"}}"#;
        assert_eq!(Envelope::of(b"{}", Some(context)), Envelope::Exposed);
        assert_eq!(Envelope::of(b"{}", Some(r#"{"custom":{}}"#)), Envelope::Plain);
    }
}
