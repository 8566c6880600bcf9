//! A sandbox's [`Lifecycle`], shared between its two APIs, its processes and its owner, and what it is the sandbox of.

use crate::definition::Definition;
use crate::lifecycle::Lifecycle;
use std::sync::Arc;
use tokio::sync::watch;

/// Shared state of one sandbox.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) function: Arc<Definition>,
    state: watch::Sender<Lifecycle>,
}

impl Control {
    pub(crate) fn new(function: Arc<Definition>, state: Lifecycle) -> Self {
        Self { function, state: watch::Sender::new(state) }
    }

    /// Whether this is a sandbox of a managed instance, with several invocations at once.
    pub(crate) fn is_managed_instance(&self) -> bool {
        self.function.config.managed_instances.is_some()
    }

    /// Changes the state and wakes those who wait for it.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Lifecycle) -> T) -> T {
        let mut result = None;
        self.state.send_modify(|state| result = Some(change(state)));
        result.expect("BUG: send_modify calls its closure once")
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Lifecycle) -> T) -> T {
        look(&self.state.borrow())
    }

    /// Waits until `wanted`.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Lifecycle) -> bool) {
        // The sender is `self`: it is there.
        drop(self.state.subscribe().wait_for(wanted).await);
    }

    /// Waits until there is something to take. A caller that stops waiting has taken nothing.
    pub(crate) async fn take<T>(&self, mut take: impl FnMut(&mut Lifecycle) -> Option<T>) -> T {
        let mut changes = self.state.subscribe();
        loop {
            let mut taken = None;
            self.state.send_if_modified(|state| {
                taken = take(state);
                taken.is_some()
            });
            if let Some(taken) = taken {
                return taken;
            }
            drop(changes.changed().await);
        }
    }
}
