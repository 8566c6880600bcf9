//! Reads chunks of a client that waits for acknowledgements.
//!
//! A client that leaves Nagle's algorithm on, as `lambda_runtime` does, sends a short chunk only when the previous one was
//! acknowledged. On a connection that is used in both directions, Linux delays the acknowledgement by 40 ms. `TCP_QUICKACK`
//! (tcp(7)) makes it send the acknowledgement at once, but must be set again each time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// A connection on which, if `is_due`, everything that has arrived is acknowledged before a read waits for more.
pub(super) struct Acknowledging<'a> {
    pub(super) stream: &'a mut TcpStream,
    pub(super) is_due: bool,
}

impl AsyncRead for Acknowledging<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut *self.stream).poll_read(context, buffer);
        if self.is_due && read.is_pending() {
            // Where that fails, the kernel does it later.
            let _ = self.stream.set_quickack(true);
        }
        read
    }
}
