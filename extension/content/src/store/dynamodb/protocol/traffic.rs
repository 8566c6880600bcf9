//! Notes what a connection last did, at its socket: an HTTP client does not report when the last byte of a request was
//! written, or that the first byte of an answer has arrived.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

/// If a kept connection neither accepts nor brings a byte for this long, it is assumed to be dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(1);

/// The traffic of the request that a connection carries.
#[derive(Debug)]
pub(super) struct Traffic(Mutex<Progress>);

#[derive(Debug)]
struct Progress {
    /// When the last byte was written; before the first one, when the request started.
    written_at: Instant,
    has_written: bool,
    has_read: bool,
}

impl Progress {
    fn none() -> Self {
        Self { written_at: Instant::now(), has_written: false, has_read: false }
    }
}

impl Traffic {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Progress::none()))
    }

    /// A request starts.
    pub(super) fn start(&self) {
        *self.progress() = Progress::none();
    }

    /// Whether any byte of the request was written, so that it may have arrived.
    pub(super) fn has_written(&self) -> bool {
        self.progress().has_written
    }

    /// Whether any byte of an answer has arrived.
    pub(super) fn has_read(&self) -> bool {
        self.progress().has_read
    }

    /// Returns when the connection has been silent for so long. If an answer has started, it never returns.
    pub(super) async fn silence(&self, limit: Duration) {
        while let Some(at) = self.silent_at(limit) {
            sleep_until(at).await;
            // After a freeze, the timer and an answer may be found at the same time: the answer is read first.
            tokio::task::yield_now().await;
            if self.silent_at(limit).is_some_and(|at| at <= Instant::now()) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    fn silent_at(&self, limit: Duration) -> Option<Instant> {
        let progress = self.progress();
        (!progress.has_read).then(|| progress.written_at + limit)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrote(&self, bytes: usize) {
        if bytes > 0 {
            let mut progress = self.progress();
            progress.written_at = Instant::now();
            progress.has_written = true;
        }
    }

    fn read(&self, bytes: usize) {
        if bytes > 0 {
            self.progress().has_read = true;
        }
    }
}

/// A stream that notes its traffic. It must be below TLS: bytes that TLS has accepted may not have been sent yet.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    traffic: Arc<Traffic>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, traffic: &Arc<Traffic>) -> Self {
        Self { stream, traffic: Arc::clone(traffic) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buf))?;
        self.traffic.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.traffic.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, pieces))?;
        self.traffic.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    const ALMOST: Duration = Duration::from_millis(900);

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_byte_written() {
        let traffic = Arc::new(Traffic::new());
        let (ours, mut theirs) = duplex(2);
        let mut watched = Watched::new(ours, &traffic);
        let started = Instant::now();
        traffic.start();
        let writing = watched.write_all(b"123456");
        let taking = async {
            for _ in 0..2 {
                tokio::time::sleep(ALMOST).await;
                theirs.read_exact(&mut [0; 2]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(writing, taking);
        written.unwrap();
        traffic.silence(SILENCE).await;
        assert_eq!(started.elapsed(), 2 * ALMOST + SILENCE);
        assert!(traffic.has_written() && !traffic.has_read());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_takes_no_bytes_is_silent() {
        let traffic = Arc::new(Traffic::new());
        let (ours, _theirs) = duplex(2);
        let mut watched = Watched::new(ours, &traffic);
        let started = Instant::now();
        traffic.start();
        tokio::select! {
            written = watched.write_all(b"123456") => panic!("BUG: nobody takes it: {written:?}"),
            () = traffic.silence(SILENCE) => assert_eq!(started.elapsed(), SILENCE),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_brought_a_byte_is_never_silent() {
        let traffic = Arc::new(Traffic::new());
        let (ours, mut theirs) = duplex(2);
        let mut watched = Watched::new(ours, &traffic);
        traffic.start();
        theirs.write_all(b"1").await.unwrap();
        watched.read_exact(&mut [0; 1]).await.unwrap();
        assert!(timeout(10 * SILENCE, traffic.silence(SILENCE)).await.is_err());
        traffic.start();
        assert!(timeout(2 * SILENCE, traffic.silence(SILENCE)).await.is_ok());
    }
}
