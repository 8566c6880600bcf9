//! The sandboxes of a function on managed instances: several invocations share each.
//!
//! An invocation takes a place in a sandbox that has one, even if that sandbox still starts; only when all are full a further one
//! starts.

use crate::lifecycle::Failure;
use crate::sandbox::{Reason, Sandbox};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// All of them.
#[derive(Debug)]
pub(crate) struct SharedSandboxes {
    /// Invocations at once in each.
    places: usize,
    sandboxes: Mutex<Vec<Occupied>>,
}

#[derive(Debug)]
struct Occupied {
    shared: Arc<SharedSandbox>,
    taken: usize,
    /// Since when `taken` is what it is.
    since: Instant,
}

/// One of them, started by the first invocation that has a place in it.
#[derive(Debug, Default)]
pub(crate) struct SharedSandbox {
    pub(crate) started: OnceCell<Result<Sandbox, (Failure, Duration)>>,
}

impl SharedSandbox {
    /// Ends it, if it ever started.
    pub(crate) async fn end(self: Arc<Self>, reason: Reason) {
        if let Some(Ok(sandbox)) = self.started.get() {
            sandbox.end(reason).await;
        }
    }

    fn is_dead(&self) -> bool {
        matches!(self.started.get(), Some(Ok(sandbox)) if !sandbox.is_alive())
    }
}

impl SharedSandboxes {
    pub(crate) fn new(places: usize) -> Self {
        Self { places, sandboxes: Mutex::default() }
    }

    /// A place for one invocation, and the sandboxes that died since the last call and must be ended.
    pub(crate) fn take_place(&self) -> (Arc<SharedSandbox>, Vec<Arc<SharedSandbox>>) {
        let mut sandboxes = self.lock();
        let dead = sandboxes.extract_if(.., |occupied| occupied.shared.is_dead()).map(|dead| dead.shared).collect();
        let free = sandboxes.iter_mut().find(|occupied| occupied.taken < self.places);
        if let Some(occupied) = free {
            occupied.taken += 1;
            return (Arc::clone(&occupied.shared), dead);
        }
        let shared = Arc::new(SharedSandbox::default());
        sandboxes.push(Occupied { shared: Arc::clone(&shared), taken: 1, since: Instant::now() });
        (shared, dead)
    }

    /// Gives a place back.
    pub(crate) fn give_back(&self, shared: &Arc<SharedSandbox>) {
        let mut sandboxes = self.lock();
        if let Some(occupied) = sandboxes.iter_mut().find(|occupied| Arc::ptr_eq(&occupied.shared, shared)) {
            occupied.taken -= 1;
            occupied.since = Instant::now();
        }
    }

    /// Takes a sandbox out, so that no further invocation comes to it. Whether it was still there.
    pub(crate) fn remove(&self, shared: &Arc<SharedSandbox>) -> bool {
        let mut sandboxes = self.lock();
        let before = sandboxes.len();
        sandboxes.retain(|occupied| !Arc::ptr_eq(&occupied.shared, shared));
        sandboxes.len() < before
    }

    /// Takes out those that nothing has used for so long.
    pub(crate) fn take_unused(&self, idle_timeout: Duration) -> Vec<Arc<SharedSandbox>> {
        let is_unused = |occupied: &mut Occupied| occupied.taken == 0 && occupied.since.elapsed() >= idle_timeout;
        self.lock().extract_if(.., is_unused).map(|unused| unused.shared).collect()
    }

    /// Takes out all.
    pub(crate) fn take_all(&self) -> Vec<Arc<SharedSandbox>> {
        self.lock().drain(..).map(|occupied| occupied.shared).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Occupied>> {
        self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_starts_only_when_the_others_are_full() {
        let sandboxes = SharedSandboxes::new(2);
        let [first, second, third] = [(); 3].map(|()| sandboxes.take_place().0);
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &third));
        sandboxes.give_back(&second);
        assert!(Arc::ptr_eq(&first, &sandboxes.take_place().0));
        assert!(Arc::ptr_eq(&third, &sandboxes.take_place().0));
    }

    #[test]
    fn one_that_was_removed_gets_no_further_invocation() {
        let sandboxes = SharedSandboxes::new(2);
        let (first, _) = sandboxes.take_place();
        assert!(sandboxes.remove(&first) && !sandboxes.remove(&first));
        sandboxes.give_back(&first);
        assert!(!Arc::ptr_eq(&first, &sandboxes.take_place().0));
    }

    #[test]
    fn only_one_without_invocations_is_unused() {
        let sandboxes = SharedSandboxes::new(1);
        let (first, _) = sandboxes.take_place();
        let _busy = sandboxes.take_place();
        assert!(sandboxes.take_unused(Duration::ZERO).is_empty());
        sandboxes.give_back(&first);
        let unused = sandboxes.take_unused(Duration::ZERO);
        assert!(unused.len() == 1 && Arc::ptr_eq(&unused[0], &first));
        assert_eq!(sandboxes.take_all().len(), 1);
    }
}
