//! The lanes to compare with: relays that do less than any proxy must.
//!
//! Each is a process of its own with one thread, as the extension is, so that their costs are read in the same way.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use clap::ValueEnum;
use tokio::net::{TcpListener, TcpStream};

use crate::wire::Wire;

/// How a relay passes on what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Relay {
    /// Bytes as they come, both ways at once: `tokio::io::copy_bidirectional`.
    Copy,
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
        Relay::Copy => tokio::io::copy_bidirectional(&mut runtime, &mut lambda).await.map(drop),
        Relay::Gather => gather(Wire::new(runtime)?, Wire::new(lambda)?).await,
    }
}

async fn gather(mut runtime: Wire, mut lambda: Wire) -> io::Result<()> {
    let mut body = vec![];
    while pass_message(&mut runtime, &mut lambda, &mut body).await? {
        pass_message(&mut lambda, &mut runtime, &mut body).await?;
    }
    Ok(())
}

/// Whether there was a message.
async fn pass_message(from: &mut Wire, to: &mut Wire, body: &mut Vec<u8>) -> io::Result<bool> {
    let Some(head) = from.head().await? else { return Ok(false) };
    from.body(head.framing()?, body).await?;
    to.send(head.bytes(), body).await?;
    Ok(true)
}
