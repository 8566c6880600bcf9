//! Free ports for a listener that another process will open.
//!
//! They are taken from below the range of outgoing connections, so that none of the sockets a test opens meanwhile can take one away.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 11_000;
const COUNT: u16 = 20_000;

/// An address on the loopback interface where nobody listens.
///
/// # Panics
/// When every port is taken.
pub(crate) fn free() -> SocketAddr {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id().wrapping_mul(2_654_435_761) % u32::from(COUNT);
    let mut candidates = (0..COUNT).map(|_| {
        let offset = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
        FIRST + ((start + offset) % u32::from(COUNT)) as u16
    });
    let port = candidates.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    (Ipv4Addr::LOCALHOST, port.expect("a free port")).into()
}
