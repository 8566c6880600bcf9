//! Work on payloads that takes long, away from the thread that all invocations share.

/// Bytes of payload above which work on it is handed to another thread.
const LARGE: u64 = 8 << 20;

/// The outcome of `work` on about `bytes` bytes of payload. What takes long leaves the runtime's thread: there, other
/// invocations would wait for it. Anything that fits Lambda's own limits is done sooner than handed over.
pub(super) async fn compute<T: Send + 'static>(bytes: u64, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= LARGE {
        return work();
    }
    tokio::task::spawn_blocking(work).await.expect("BUG: payload work neither panics nor is aborted")
}
