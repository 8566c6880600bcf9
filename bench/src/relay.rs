//! The lanes to compare with: relays that do less than any proxy must.
//!
//! Each is a separate process with one thread, as the extension is, so that their costs are read in the same way.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;

use clap::ValueEnum;
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with};
use test_kit::wire::Wire;
use tokio::io::Interest;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Bytes that are copied at once: of 8 KiB to 1 MiB the fewest with which no size of a message takes longer than with more. With
/// tokio's own 8 KiB 32 KiB took twice as long, which made whatever was compared with it look good.
const COPIED: usize = 512 << 10;

/// Bytes that a pipe holds, unless it is told otherwise.
const PIPE: usize = 64 << 10;

/// How a relay passes on what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Relay {
    /// Bytes as they come, both ways at once: `tokio::io::copy_bidirectional` with the buffers that it is fastest with.
    Copy,
    /// The same within the kernel, by splice(2): the bytes never come to the process.
    Splice,
    /// Each message when all of it has arrived: what a proxy must do that may not send what it has not judged.
    Gather,
}

/// Relays to `upstream` until the process is ended. The first line on standard output is where it listens.
pub(crate) async fn serve(relay: Relay, upstream: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (runtime, _) = listener.accept().await?;
        tokio::spawn(pass(relay, runtime, upstream));
    }
}

async fn pass(relay: Relay, mut runtime: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    let mut lambda = TcpStream::connect(upstream).await?;
    runtime.set_nodelay(true)?;
    lambda.set_nodelay(true)?;
    match relay {
        Relay::Copy => {
            let copying = tokio::io::copy_bidirectional_with_sizes(&mut runtime, &mut lambda, COPIED, COPIED);
            copying.await.map(drop)
        }
        Relay::Splice => splice(runtime, lambda).await,
        Relay::Gather => gather(Wire::new(runtime), Wire::new(lambda)).await,
    }
}

async fn splice(runtime: TcpStream, lambda: TcpStream) -> io::Result<()> {
    let ((from_runtime, to_runtime), (from_lambda, to_lambda)) = (runtime.into_split(), lambda.into_split());
    tokio::try_join!(one_way(from_runtime, to_lambda), one_way(from_lambda, to_runtime)).map(drop)
}

/// Until nothing more is sent, which ends the other connection's direction too: a half that is dropped is shut down.
async fn one_way(from: OwnedReadHalf, to: OwnedWriteHalf) -> io::Result<()> {
    let (outlet, inlet) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let (from, to): (&TcpStream, &TcpStream) = (from.as_ref(), to.as_ref());
    loop {
        // The pipe is empty here and is not below: whatever would block is the connection.
        let mut held = from.async_io(Interest::READABLE, || moved(from, &inlet, PIPE)).await?;
        if held == 0 {
            return Ok(());
        }
        while held > 0 {
            held -= to.async_io(Interest::WRITABLE, || moved(&outlet, to, held)).await?;
        }
    }
}

/// How many bytes went from one to the other, at most so many.
fn moved(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    Ok(rustix::pipe::splice(from, None, to, None, most, SpliceFlags::NONBLOCK)?)
}

async fn gather(mut runtime: Wire, mut lambda: Wire) -> io::Result<()> {
    let mut body = vec![];
    while let Some(request) = runtime.head().await? {
        runtime.framed_body(request.request_framing()?, &mut body).await?;
        lambda.send(request.print().as_bytes(), &body).await?;
        let response = lambda.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        lambda.framed_body(response.response_framing(false)?, &mut body).await?;
        runtime.send(response.print().as_bytes(), &body).await?;
    }
    Ok(())
}
