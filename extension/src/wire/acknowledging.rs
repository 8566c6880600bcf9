//! Waiting for chunks that wait for us.
//!
//! A client that leaves Nagle's algorithm on, as `lambda_runtime` does, sends a short chunk only when the one before was acknowledged.
//! On a connection that is used in both directions, Linux delays that by 40 ms. A delay ends when it is asked to, each time anew
//! (tcp(7), `TCP_QUICKACK`).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// A connection on which all that has arrived is acknowledged before more is waited for, if that is due.
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
