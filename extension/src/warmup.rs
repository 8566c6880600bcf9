//! Prepares what the first invocations need while the sandbox starts: it opens connections, and prepares one write without
//! sending it.
//!
//! Code that runs for the first time is slow: the kernel maps it page by page, and values that are made on first use
//! (credentials, a signing key, the compressor's tables) are made then. Without the warm-up, the first response that is
//! offloaded would take that time, with the share of a processor that the function has. During init, the function has a
//! whole processor.

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

/// Bytes of memory that the proxy needs for an invocation, without those that the store needs.
const HEAP: usize = 128 << 10;

/// How long the warm-up may take: the source of credentials may be slow.
const TIME: Duration = Duration::from_secs(2);

/// Starts the warm-up in the background. If a snapshot of the process will be taken, it does the part without network at
/// once instead, because nothing that is in progress may be in the snapshot.
pub async fn begin(proxy: &Arc<Proxy<CachedStore<TieredStore>>>) {
    if proxy.expects_snapshot() {
        exercise(proxy.store().store().table()).await;
    } else {
        tokio::spawn(warm(Arc::clone(proxy)));
    }
}

/// Lambda waits for the extension's first poll. So the warm-up first lets all other ready tasks run, and then all other
/// threads. Then it does the work that waits for the network, and prepares the write last.
async fn warm(proxy: Arc<Proxy<CachedStore<TieredStore>>>) {
    tokio::task::yield_now().await;
    std::thread::yield_now();
    proxy.upstream().warm().await;
    proxy.store().store().warm().await;
    exercise(proxy.store().store().table()).await;
}

/// Processes an event and a response of a common size, and stores nothing. If that fails, nothing is lost.
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

/// Makes the allocator keep memory that was used once, so that it is available at once when it is needed again.
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
