//! Where the proxy forwards to: Lambda, or the next proxy of a chain.
//!
//! Several Runtime API proxies read `LRAP_RUNTIME_API_ENDPOINT`, and a function's variables are the same for all of them. If
//! a function uses this variable to put another proxy in front of this one, this proxy reads its own address in it. A value
//! that names our own listener was meant for the other proxy, so we ignore it and forward to Lambda's address. (A function's
//! variables cannot contain Lambda's address, because it is known only inside the sandbox.)

use std::net::{IpAddr, Ipv4Addr};

/// Whether an address is that of our own listener, at `port` of 127.0.0.1, however it is spelt.
pub(super) fn is_listener(authority: &str, port: u16) -> bool {
    authority.rsplit_once(':').is_some_and(|(host, given)| is_ours(host) && given.parse() == Ok(port))
}

/// Whether a host leads to 127.0.0.1; 0.0.0.0 (no particular host) does, too. We do not listen on other loopback addresses
/// or on those of IPv6, but another proxy may.
fn is_ours(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address =
        host.trim_start_matches('[').trim_end_matches(']').parse().map(|address: IpAddr| address.to_canonical());
    match address {
        Ok(address) => [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].map(IpAddr::V4).contains(&address),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, mistakes};

    #[test]
    fn chained_proxies_keep_registration_at_lambda() {
        let others = [("LRAP_RUNTIME_API_ENDPOINT", "127.0.0.1:9002"), ("LRAP_LISTENER_PORT", "9003")];
        let shared = config(&others).unwrap();
        assert_eq!((shared.lambda_api.as_str(), shared.upstream.as_str()), ("127.0.0.1:9001", "127.0.0.1:9002"));
        assert_eq!((shared.port, shared.port_variable), (9003, "LRAP_LISTENER_PORT"));

        let ours =
            [("LONG_CONTENT_RUNTIME_API_ENDPOINT", "http://127.0.0.1:9004/"), ("LONG_CONTENT_LISTENER_PORT", "9005")];
        let own = config(&[&others[..], &ours[..]].concat()).unwrap();
        assert_eq!((own.upstream.as_str(), own.port), ("127.0.0.1:9004", 9005));
        assert_eq!(own.port_variable, "LONG_CONTENT_LISTENER_PORT");
    }

    #[test]
    fn an_endpoint_that_is_our_own_listener_is_the_proxys_in_front_of_us() {
        let config = |endpoint| {
            config(&[("LRAP_RUNTIME_API_ENDPOINT", endpoint), ("LONG_CONTENT_LISTENER_PORT", "9010")]).unwrap()
        };
        for endpoint in [
            "127.0.0.1:9010",
            "http://localhost:9010/",
            "LOCALHOST:9010",
            "localhost.:9010",
            "127.0.0.1:09010",
            "0.0.0.0:9010",
            "[::ffff:127.0.0.1]:9010",
            "[::FFFF:7f00:1]:9010",
            "[::ffff:0.0.0.0]:9010",
        ] {
            let config = config(endpoint);
            assert_eq!(config.upstream, config.lambda_api, "{endpoint}");
        }
        for endpoint in ["127.0.0.1:9011", "127.0.0.2:9010", "[::1]:9010", "localhost.localdomain:9010"] {
            assert_eq!(config(endpoint).upstream, endpoint);
        }
    }

    #[test]
    fn an_endpoint_that_cannot_be_one_is_a_mistake() {
        for (value, problem) in [
            ("127.0.0.1", "is `127.0.0.1`, not host:port: the port is missing"),
            ("https://127.0.0.1:9002", "is `https://127.0.0.1:9002`, not host:port: the Runtime API speaks plain HTTP"),
            ("127.0.0.1:9002/x", "is `127.0.0.1:9002/x`, not host:port: it has more than a host and a port"),
        ] {
            for name in ["LRAP_RUNTIME_API_ENDPOINT", "LONG_CONTENT_RUNTIME_API_ENDPOINT", "AWS_LAMBDA_RUNTIME_API"] {
                assert_eq!(mistakes(&[(name, value)]), [format!("{name} {problem}")]);
            }
        }
    }

    #[test]
    fn our_own_endpoint_counts_where_the_shared_one_means_nothing_to_us() {
        let given = [
            ("LRAP_RUNTIME_API_ENDPOINT", "http://other.proxy/path"),
            ("LONG_CONTENT_RUNTIME_API_ENDPOINT", "127.0.0.1:9004"),
        ];
        assert_eq!(config(&given).unwrap().upstream, "127.0.0.1:9004");
    }

    #[test]
    fn our_own_variable_may_not_lead_back_to_us() {
        for endpoint in ["127.0.0.1:9009", "LOCALHOST:9009", "0.0.0.0:9009", "[::ffff:127.0.0.1]:9009"] {
            let named = mistakes(&[("LONG_CONTENT_RUNTIME_API_ENDPOINT", endpoint)]);
            assert_eq!(named.len(), 1, "{endpoint}");
            assert!(
                named[0].starts_with("LONG_CONTENT_RUNTIME_API_ENDPOINT is where this extension itself"),
                "{named:?}"
            );
        }
    }
}
