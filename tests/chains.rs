//! Section 1: two proxies in one sandbox, in either order. The other is a second instance of ours, which reads only the variables
//! that other proxies read too; `runtimes/neighbours.rs` has a stranger's proxy in its place, and real runtimes.

use test_kit::REGISTER;
use test_kit::peer::Log;
use test_kit::{World, json};

/// Which of the two the runtime talks to; the other one talks to Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Near {
    Ours,
    Theirs,
}

const ORDERS: [Near; 2] = [Near::Ours, Near::Theirs];

/// A sandbox with both, and what only one of them has. The runtime is at the near end, Lambda at the far one.
struct Chain {
    ends: World,
    far: World,
}

impl Chain {
    /// `theirs` has these variables besides; ours has a separate table and no others.
    async fn start(near: Near, theirs: &[(&str, &str)]) -> Self {
        let (ours, other) = (World::start().with_table(), World::start().with_table());
        let other = theirs.iter().fold(other, |other, (name, value)| other.with(name, value));
        let (our, their) = (ours.listener(), other.listener());
        // What a function's variables say, they say to both; that they name no Lambda is because nobody knows it before.
        let ours = ours.with("LRAP_LISTENER_PORT", their.port()).with("LONG_CONTENT_LISTENER_PORT", our.port());
        let (near, far) = match near {
            Near::Ours => (ours.with("LONG_CONTENT_RUNTIME_API_ENDPOINT", their), other),
            Near::Theirs => (other.with("LRAP_RUNTIME_API_ENDPOINT", our), ours.with("LRAP_RUNTIME_API_ENDPOINT", our)),
        };
        let (mut ends, mut far) = (near.await, far.await);
        std::mem::swap(&mut ends.lambda, &mut far.lambda);
        Self { ends, far }
    }

    /// The one that reads `LONG_CONTENT_` variables.
    fn ours(&self, near: Near) -> &World {
        if near == Near::Ours { &self.ends } else { &self.far }
    }
}

/// A proxy that forwards and does nothing else.
const IDLE: &[(&str, &str)] = &[("LRAP_OFFLOAD", "never"), ("LRAP_HYDRATE", "never")];

#[tokio::test]
async fn content_travels_by_reference_in_either_order() {
    for near in ORDERS {
        let mut chain = Chain::start(near, IDLE).await;
        let long = json::quote(&json::text(6_000));
        let left = chain.ends.respond(long.as_str()).await.text();
        assert!(left.starts_with("\"@content:"), "{near:?}: {left}");
        assert_eq!(chain.ours(near).table().items().await.len(), 1, "{near:?}");
        assert_eq!(chain.ends.deliver(left).await.text(), long, "{near:?}");
    }
}

#[tokio::test]
async fn two_that_offload_undo_each_other_exactly() {
    let document = format!(r#"{{"long":{},"kept":1e400,"alike":"@content:x"}}"#, json::quote(&json::text(9_000)));
    for near in ORDERS {
        let mut chain = Chain::start(near, &[("MAX_CONTENT_SIZE", "8000")]).await;
        let left = chain.ends.respond(document.as_str()).await.text();
        assert!(left.len() < 400, "{near:?}: {left}");
        assert_eq!(chain.ends.deliver(left).await.text(), document, "{near:?}");
    }
}

#[tokio::test]
async fn what_passes_passes_both_byte_for_byte() {
    let odd = "{\"a\" : 1e400, \"a\":-0,\n\"u\":\"\\ud800\\u00e9\\/\" }";
    for near in ORDERS {
        let mut chain = Chain::start(near, &[]).await;
        assert_eq!(chain.ends.deliver(odd).await.text(), odd, "{near:?}");
        assert_eq!(chain.ends.respond(odd).await.text(), odd, "{near:?}");
    }
}

#[tokio::test]
async fn a_stream_flows_through_both() {
    for near in ORDERS {
        let mut chain = Chain::start(near, &[]).await;
        let id = chain.ends.invocation().await;
        let response = format!("POST /2018-06-01/runtime/invocation/{id}/response");
        let mut stream = chain.ends.runtime.stream(&id).await;
        for (chunk, whole) in [("first ", "first "), ("second", "first second")] {
            stream.send(chunk.as_bytes()).await;
            let has_arrived = |log: &Log| (log.all(&response).first()?.text() == whole).then_some(());
            chain.ends.lambda.until(whole, has_arrived).await;
        }
        assert_eq!(stream.finish(&[]).await.status, 202, "{near:?}");
    }
}

#[tokio::test]
async fn a_failure_arrives_under_its_name_in_either_order() {
    for near in ORDERS {
        let mut chain = Chain::start(near, IDLE).await;
        let left = chain.ends.respond(json::quote(&json::text(6_000))).await.text();
        let altered = left.replacen(":86400:", ":60:", 1);
        assert_eq!(chain.ends.fail(altered).await.error_type, "LongContent.Refused", "{near:?}");
    }
}

#[tokio::test]
async fn each_registers_at_lambda_and_never_through_the_other() {
    for near in ORDERS {
        let chain = Chain::start(near, &[]).await;
        for lambda in [&chain.ends.lambda, &chain.far.lambda] {
            assert_eq!(lambda.count(&format!("POST {REGISTER}")), 1, "{near:?}");
        }
    }
}
