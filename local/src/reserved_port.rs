//! Ports for processes that bind one themselves.
//!
//! Sandboxes share this machine's network, so each proxy needs a separate port, known before the process that listens on it
//! starts. A port that was merely found free may be somebody else's by then, an outgoing connection's for one.

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// A port of the loopback interface that nobody gets by chance while this lives, and that the process it is meant for can open.
///
/// As long as that has not happened, connections to it are refused.
#[derive(Debug)]
pub struct ReservedPort {
    address: SocketAddr,
    /// Bound, and never listening. It was bound without `SO_REUSEADDR`, so the kernel took a port that nobody had, and gives it to
    /// no one who asks for any. It has the option since, and who has it too and names the port may listen there: on Linux
    /// a port is shared among sockets that all have it as long as no other one listens (`ip(7)`, `socket(7)`).
    _socket: OwnedFd,
}

impl ReservedPort {
    /// Takes a port that is free.
    ///
    /// # Errors
    /// When there is none, or this process has too many files open.
    pub fn new() -> io::Result<Self> {
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        let address = getsockname(&socket)?.try_into()?;
        Ok(Self { address, _socket: socket })
    }

    /// `127.0.0.1` and the port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn who_knows_the_port_opens_it_again_and_again() {
        let reserved = ReservedPort::new().unwrap();
        for _ in 0..2 {
            let refused = TcpStream::connect(reserved.address()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let listener = TcpListener::bind(reserved.address()).unwrap();
            let _connection = TcpStream::connect(reserved.address()).unwrap();
            listener.accept().unwrap();
            assert_eq!(TcpListener::bind(reserved.address()).unwrap_err().kind(), ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn who_asks_for_a_port_of_its_own_does_not_get_it() {
        let reserved = ReservedPort::new().unwrap();
        let other = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        assert_eq!(bind(&other, &reserved.address()), Err(rustix::io::Errno::ADDRINUSE));
    }
}
