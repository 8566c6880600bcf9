//! Everything that the first invocations need, made ready while the sandbox starts: connections are opened, and one write is prepared without being sent.
//!
//! What runs for the first time is slow: its code is mapped in page by page, and what is made when it is first needed is made
//! then (credentials, a signing key, the compressor's tables). The first response that offloads would pay for that, and it is
//! paid for with the share of a processor that the function has. Init has a whole one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Scope, Ttl};
use long_content::screen::{EventScreen, ResponseScreen};
use long_content::store::ContentStore;
use long_content::store::cache::CachedStore;
use long_content::store::dynamodb::DynamoDbStore;
use long_content::store::tiers::TieredStore;

use crate::proxy::Proxy;

/// Bytes of memory for what the proxy holds of an invocation beside what the store does.
const HEAP: usize = 128 << 10;

/// How long the warm-up may take: where credentials come from may be slow.
const TIME: Duration = Duration::from_secs(2);

/// Makes ready what the first invocations need, without waiting for it, or before a snapshot is taken without the network:
/// nothing that is in progress may be in the snapshot.
pub async fn begin(proxy: &Arc<Proxy<CachedStore<TieredStore>>>) {
    if proxy.expects_snapshot() {
        exercise(proxy.store().store().table()).await;
    } else {
        tokio::spawn(warm(Arc::clone(proxy)));
    }
}

/// Lambda waits for our first poll, so that goes first: everything else that is ready to run here runs before this, and then
/// work that waits for the processor. What waits for the network goes before the write.
async fn warm(proxy: Arc<Proxy<CachedStore<TieredStore>>>) {
    tokio::task::yield_now().await;
    std::thread::yield_now();
    proxy.upstream().warm().await;
    proxy.store().store().warm().await;
    exercise(proxy.store().store().table()).await;
}

/// Takes an event and a response of a common size through everything, and stores nothing. Failing is no loss.
async fn exercise(store: &DynamoDbStore) {
    let (response, terms) = (response(), Terms::new(Scope::new("warm-up"), Ttl::NONE));
    EventScreen::default().push(&response);
    ResponseScreen::new(terms.max_content_size).push(&response);
    if let Ok(outgoing) = Outgoing::of(&response, &terms) {
        put(&store.staged(), &outgoing).await;
    }
    warm_heap();
}

async fn put(stage: &DynamoDbStore, outgoing: &Outgoing) {
    if let Err(error) = stage.put(&outgoing.scope, &outgoing.contents, Instant::now() + TIME).await {
        tracing::debug!(%error, "the warm-up of a write failed");
    }
}

/// Has the allocator keep memory that was used once: it is there at once when it is needed again.
fn warm_heap() {
    drop(std::hint::black_box(vec![1_u8; HEAP]));
}

/// One string of 27 KB, which compresses about as well as prose.
fn response() -> Bytes {
    let text = (0..7_000).map(|number| number.to_string()).collect::<String>();
    format!(r#"{{"text":"{text}"}}"#).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_response_of_the_warm_up_offloads() {
        let outgoing = Outgoing::of(&response(), &Terms::new(Scope::new("warm-up"), Ttl::NONE)).unwrap();
        let lens: Vec<_> = outgoing.contents.iter().map(|(_, content)| content.len()).collect();
        assert_eq!(lens, [26_890]);
    }
}
