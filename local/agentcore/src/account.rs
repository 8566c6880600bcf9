//! One account's gateways, and what tests make of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::call::Call;
use crate::outside::Outside;
use crate::script::{Ending, Fault};
use crate::store::Store;
use crate::{gateways, targets};

/// One account's gateways in one region. Clones are the same one.
#[derive(Clone, Debug)]
pub struct AgentCore {
    store: Arc<Mutex<Store>>,
    outside: Option<Arc<Outside>>,
}

impl AgentCore {
    /// An account without gateways, whose MCP endpoints are below `url`: `http://127.0.0.1:4566/_agentcore`.
    /// Their tools cannot be called.
    pub fn new(url: impl Into<String>) -> Self {
        Self::made(url.into(), "eu-central-1", None)
    }

    /// The same in a region, with gateways that reach what is outside of them.
    pub fn reaching(outside: Outside, url: impl Into<String>, region: &str) -> Self {
        Self::made(url.into(), region, Some(Arc::new(outside)))
    }

    fn made(url: String, region: &str, outside: Option<Arc<Outside>>) -> Self {
        Self { store: Arc::new(Mutex::new(Store::new(url, region.to_owned()))), outside }
    }

    /// Makes the next call of `operation` fail, after those that are to fail already.
    pub fn fail(&self, operation: &str, fault: Fault) {
        self.store().script.fail(operation, fault);
    }

    /// What the next thing that `operation` makes or changes ends as, in place of `READY`.
    pub fn end(&self, operation: &str, ending: Ending) {
        self.store().script.end(operation, ending);
    }

    /// How many reads still find a new, changed or deleted thing on its way. At first one.
    pub fn settle_after(&self, reads: u32) {
        self.store().script.settle_after = reads;
    }

    /// Everything that is on its way gets there with the next read.
    pub fn settle(&self) {
        self.store().settle();
    }

    /// How many gateways there may be, and how many targets in each.
    pub fn limit(&self, gateways: usize, targets: usize) {
        let mut store = self.store();
        (store.most_gateways, store.most_targets) = (gateways, targets);
    }

    /// From now on, no token was used before.
    pub fn forget_tokens(&self) {
        self.store().tokens.clear();
    }

    /// What was asked, in the order in which it came.
    pub fn calls(&self) -> Vec<Call> {
        self.store().calls.clone()
    }

    /// What `GetGateway` would say of each gateway, without counting as a read.
    pub fn gateways(&self) -> Vec<Value> {
        self.store().gateways.values().map(gateways::described).collect()
    }

    /// What `GetGatewayTarget` would say of each target of every gateway.
    pub fn targets(&self) -> Vec<Value> {
        let store = self.store();
        store.gateways.values().flat_map(|gateway| gateway.targets.values().map(targets::described)).collect()
    }

    /// The names of the providers of API keys.
    pub fn providers(&self) -> Vec<String> {
        self.store().providers.keys().cloned().collect()
    }

    pub(crate) fn outside(&self) -> Option<&Outside> {
        self.outside.as_deref()
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
