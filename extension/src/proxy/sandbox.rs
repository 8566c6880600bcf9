//! The state of the proxy of one sandbox: its client of upstream, its store and keys, and what it remembers.

use long_content::keys::Keyring;
use long_content::reference::Scope;
use long_content::signing::SigningKeys;
use long_content::store::{ContentStore, settings};

use crate::config::{Config, MetricsMode};
use crate::invocations::{Invocation, Invocations};
use crate::metrics::Metrics;
use crate::room::Room;
use crate::runtime_api::RuntimeApi;

/// Bytes of the longest response that Lambda accepts.
pub(super) const LAMBDA_RESPONSE_LIMIT: u64 = 6 * 1024 * 1024 + 100;

/// Bytes of the longest response that is buffered, however much memory the function has.
const MAX_BUFFERED: u64 = 96 << 20;

/// Bytes of the longest response that is buffered if all responses share a room of `size`.
pub(super) fn longest_response(size: u64) -> u64 {
    size.min(MAX_BUFFERED)
}

/// Bytes of a room of `size` that responses in chunks may take together before they grow. With these taken, one of them can
/// still grow to the longest response that is buffered.
fn before_growing(size: u64) -> u64 {
    size - longest_response(size) + LAMBDA_RESPONSE_LIMIT
}

/// The proxy between one sandbox's runtime and the Runtime API.
#[derive(Debug)]
pub struct Proxy<S> {
    pub(super) upstream: RuntimeApi,
    pub(super) store: S,
    pub(super) scope: Scope,
    pub(super) keys: SigningKeys,
    pub(super) config: Config,
    pub(super) invocations: Invocations,
    pub(super) events: Room,
    pub(super) responses: Room,
    /// The part of `responses` that responses in chunks may take together before they grow.
    pub(super) growing: Room,
    pub(super) metrics: Metrics,
}

impl<S: ContentStore> Proxy<S> {
    /// A proxy that forwards to `config.upstream`, keeps contents in `store`, and signs references with `keys`.
    pub fn new(config: Config, store: S, keys: SigningKeys) -> Self {
        let responses = config.response_room.max(LAMBDA_RESPONSE_LIMIT);
        Self {
            upstream: RuntimeApi::new(&config.upstream),
            scope: settings::scope(&config.store, config.bucket.as_ref()),
            events: Room::new(config.max_event_size),
            responses: Room::new(responses),
            growing: Room::new(before_growing(responses)),
            invocations: Invocations::default(),
            metrics: match config.metrics {
                MetricsMode::Emf => Metrics::emf(config.function_name.clone()),
                MetricsMode::Off => Metrics::off(),
            },
            store,
            keys,
            config,
        }
    }

    /// The client of the real Runtime API, or of the next proxy.
    pub fn upstream(&self) -> &RuntimeApi {
        &self.upstream
    }

    /// Where contents are kept.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What references are signed and verified with.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Whether a snapshot of this process is still to be taken. Open connections do not survive a snapshot.
    pub fn expects_snapshot(&self) -> bool {
        self.config.store.access.connections.expect_snapshot()
    }

    /// The process was restored from a snapshot: connections that were opened before are useless.
    pub(super) fn restored(&self) {
        self.config.store.access.connections.restored();
        self.upstream.forget_idle();
    }

    /// The scope of the contents that an invocation may name, with references signed by `keys`.
    pub(super) fn scope_of(&self, invocation: &Invocation, keys: Keyring) -> Scope {
        let scope = self.scope.signed_by(keys);
        invocation.tenant.as_ref().map_or_else(|| scope.clone(), |tenant| scope.for_tenant(tenant))
    }
}
