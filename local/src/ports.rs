//! Free ports for processes that bind one themselves.
//!
//! Sandboxes share this machine's network, so each proxy needs a port of its own. They are taken from below the range the kernel
//! gives to outgoing connections: a port found free there stays free until the process binds it.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 10_240;
const COUNT: u16 = 20_000;

/// The next candidate; each process begins elsewhere, so that several at once do not try the same ones.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 that nobody listens on and that this process has not given out lately.
pub(crate) fn free_port() -> Option<u16> {
    let offset = (std::process::id().wrapping_mul(7919) % u32::from(COUNT)) as u16;
    (0..COUNT).find_map(|_| {
        let port = FIRST + (NEXT.fetch_add(1, Ordering::Relaxed) % COUNT + offset) % COUNT;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|_| port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_not_given_out_twice() {
        let (first, second) = (free_port().unwrap(), free_port().unwrap());
        assert_ne!(first, second);
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, first)).is_ok());
    }
}
