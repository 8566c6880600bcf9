//! Opens a TCP connection to one of a name's addresses.
//!
//! An address may not answer at all, and then only a timeout would show it. So the next address is tried while the attempt
//! before it is still pending (RFC 8305), and the first connection that opens is used.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long an address has before the next one is tried, too.
const HEAD_START: Duration = Duration::from_millis(250);

/// By this time, all addresses are being tried, however many there are. It is half of the time that opening a connection may
/// take.
const ALL_TRIED: Duration = Duration::from_secs(1);

/// Connects to the address that answers first. The error is that of the last address.
pub(super) async fn dial(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [only] = addresses[..] {
        return TcpStream::connect(only).await;
    }
    let head_start = head_start(addresses.len());
    let mut left = alternating(addresses).into_iter();
    let mut trying = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host's name has no address");
    loop {
        match left.next() {
            Some(address) => drop(trying.spawn(TcpStream::connect(address))),
            None if trying.is_empty() => return Err(last),
            None => {}
        }
        tokio::select! {
            Some(outcome) = trying.join_next() => match outcome {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(broken_off) => last = io::Error::other(broken_off),
            },
            () = sleep(head_start), if left.len() > 0 => {}
        }
    }
}

fn head_start(addresses: usize) -> Duration {
    HEAD_START.min(ALL_TRIED / u32::try_from(addresses).unwrap_or(u32::MAX).max(1))
}

/// The same addresses in their order, but with IPv4 and IPv6 alternately: if one of them does not work, the other is tried
/// soon.
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_family = addresses.first().map(SocketAddr::is_ipv4);
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| Some(address.is_ipv4()) == first_family);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut by_turns = Vec::with_capacity(one.len() + other.len());
    while one.len() + other.len() > 0 {
        by_turns.extend(one.next());
        by_turns.extend(other.next());
    }
    by_turns
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_server::{SynHole, nobody};
    use super::*;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    /// Less time than opening a connection may take.
    const SOON: Duration = Duration::from_millis(1500);

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn an_address_that_swallows_syn_does_not_keep_the_next_one_from_being_tried() {
        let (holes, (_listener, good)) = ([SynHole::dig().await, SynHole::dig().await], listener().await);
        let addresses = vec![holes[0].address, holes[1].address, good];
        let stream = timeout(SOON, dial(addresses)).await.expect("in time").unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next_at_once() {
        let (_nobody, refusing) = nobody();
        let (_listener, good) = listener().await;
        let stream = timeout(SOON, dial(vec![refusing, refusing, good])).await.expect("in time").unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn the_first_address_is_preferred() {
        let ((_one, first), (_other, second)) = (listener().await, listener().await);
        assert_eq!(dial(vec![first, second]).await.unwrap().peer_addr().unwrap(), first);
    }

    #[tokio::test]
    async fn where_all_addresses_refuse_that_is_the_error() {
        let (_nobody, refusing) = nobody();
        for (addresses, kind) in [
            (vec![refusing, refusing], io::ErrorKind::ConnectionRefused),
            (vec![refusing], io::ErrorKind::ConnectionRefused),
            (vec![], io::ErrorKind::NotFound),
        ] {
            assert_eq!(dial(addresses).await.unwrap_err().kind(), kind);
        }
    }

    #[test]
    fn families_take_turns() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]);
        assert_eq!(alternating(given), expected);
    }

    #[test]
    fn all_addresses_are_tried_in_the_time_there_is() {
        assert_eq!(head_start(2), HEAD_START);
        for addresses in [1, 4, 8, 64] {
            assert!(head_start(addresses) * addresses as u32 <= ALL_TRIED, "{addresses}");
        }
    }
}
