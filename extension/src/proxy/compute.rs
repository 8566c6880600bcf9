//! Work on payloads that takes long, away from the thread that all invocations share.

/// Bytes of payload above which work on it is handed to another thread.
const LARGE: u64 = 1 << 20;

/// The outcome of `work` on about `bytes` bytes of payload. Long work runs on another thread, because other invocations
/// would wait for it on the thread that they share. A megabyte takes about a millisecond, and handing the work over takes
/// less than a tenth of that.
pub(super) async fn compute<T: Send + 'static>(bytes: u64, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= LARGE {
        return work();
    }
    tokio::task::spawn_blocking(work).await.expect("BUG: payload work neither panics nor is aborted")
}
