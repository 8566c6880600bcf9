//! Does the proxy accept connections? Asked before the runtime is pointed at it, because a runtime whose Runtime API refuses
//! connections crashes in a loop that no one can read, while one that bypasses a broken proxy merely works without it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Pauses between attempts grow from the first to the second: an early proxy is noticed at once, a missing one costs few wake-ups.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// `Ok` as soon as `address` accepts a TCP connection; the last error when it has not done so within `timeout`.
///
/// On Lambda the extension binds before it registers, and Lambda starts the runtime after every extension has registered, so
/// the first attempt answers, in some 100 µs. A refused connection is nevertheless tried again until the time is
/// over: other hosts (managed instances, emulators, containers that start both at once) do not promise that order, and
/// where the proxy really is missing 200 ms once per sandbox are cheaper than a function that now and then silently ran
/// without it. A connection that neither opens nor fails (a full backlog) is given up at the same moment.
pub(crate) fn accepts(address: SocketAddr, timeout: Duration) -> io::Result<()> {
    let deadline = Instant::now() + timeout;
    let mut pause = SHORTEST_PAUSE;
    loop {
        // At least a millisecond: a timeout of zero would be refused as an invalid argument.
        let timeout = remaining(deadline).max(SHORTEST_PAUSE);
        let Err(error) = TcpStream::connect_timeout(&address, timeout) else {
            return Ok(());
        };
        if remaining(deadline) <= pause {
            return Err(error);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::os::fd::OwnedFd;

    const LONG: Duration = Duration::from_secs(20);

    /// A socket that is bound but does not listen: its port stays taken, and refuses connections.
    fn silent() -> (OwnedFd, SocketAddr) {
        let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None)
            .expect("a socket");
        rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let address = rustix::net::getsockname(&socket).expect("an address");
        (socket, address.try_into().expect("an IPv4 address"))
    }

    #[test]
    fn a_listener_is_found_at_once() {
        let (socket, address) = silent();
        rustix::net::listen(&socket, 1).expect("a listener");
        let started = Instant::now();
        assert!(accepts(address, LONG).is_ok());
        assert!(started.elapsed() < LONG / 2);
    }

    #[test]
    fn a_refusal_is_the_answer_only_when_the_time_is_over() {
        let (_socket, address) = silent();
        let timeout = Duration::from_millis(50);
        let started = Instant::now();
        let error = accepts(address, timeout).expect_err("nothing listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(started.elapsed() + LONGEST_PAUSE >= timeout);
    }

    #[test]
    fn a_listener_that_comes_late_is_found() {
        let (socket, address) = silent();
        let probe = thread::spawn(move || accepts(address, LONG));
        // Whether the probe's first attempt comes before or after this, it must succeed.
        rustix::net::listen(&socket, 1).expect("a listener");
        assert!(probe.join().expect("the probe does not panic").is_ok());
    }
}
