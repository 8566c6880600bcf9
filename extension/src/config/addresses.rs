//! Addresses in variables. They are checked when they are read: a wrong one would otherwise start, and then fail every
//! invocation.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The `host:port` that a text names: as it is, or as an `http://` URL without a path. The error says what is wrong with it.
pub(super) fn host_and_port(text: &str) -> Result<&str, &'static str> {
    if text.starts_with("https://") {
        return Err("not host:port: the Runtime API speaks plain HTTP");
    }
    let text = text.strip_prefix("http://").unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.contains(['/', '?', '#', '@']) {
        return Err("not host:port: it has more than a host and a port");
    }
    match split(text) {
        (host, _) if !is_host(host) => Err("not host:port: no such host can exist"),
        (_, None) => Err("not host:port: the port is missing"),
        (_, Some(port)) if !is_port(port) => Err("not host:port: the port is not a number of 1 to 65535"),
        _ => Ok(text),
    }
}

/// Whether a text is the URL of an endpoint: `http://` or `https://`, a host, perhaps a port and a path, and nothing else.
pub(super) fn is_endpoint(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = split(authority);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && is_host(host)
        && port.is_none_or(is_port)
        && path.bytes().all(is_plain)
}

/// Whether a text may be a part of a host's name, as the names of regions are.
pub(super) fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a text may be the name of a table, or the ARN of one.
pub(super) fn is_table(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=255).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    match text.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", partition, "dynamodb", region, account, resource] => {
            [partition, region, account].into_iter().all(is_label)
                && resource.strip_prefix("table/").is_some_and(is_name)
        }
        _ => is_name(text),
    }
}

/// Host and port, which stands behind the last colon outside of an IPv6 address's brackets.
fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether a host may have this name or address. What ends in a number is an address or nothing.
fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_part = |part: &str| {
        (1..=63).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let ends_in_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(is_part) && (!ends_in_number || text.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_is_an_address_that_can_be_connected_to() {
        for (given, address) in [
            ("127.0.0.1:9001", "127.0.0.1:9001"),
            ("169.254.100.1:9001", "169.254.100.1:9001"),
            ("[::1]:9001", "[::1]:9001"),
            ("runtime-api_1.local:80", "runtime-api_1.local:80"),
            ("http://127.0.0.1:9001", "127.0.0.1:9001"),
            ("http://localhost:9001/", "localhost:9001"),
        ] {
            assert_eq!(host_and_port(given), Ok(address), "{given}");
        }
    }

    #[test]
    fn a_wrong_address_is_named_by_what_is_wrong_with_it() {
        for (given, problem) in [
            ("127.0.0.1", "the port is missing"),
            ("http://127.0.0.1", "the port is missing"),
            ("[::1]", "the port is missing"),
            ("127.0.0.1:", "the port is not a number of 1 to 65535"),
            ("127.0.0.1:0", "the port is not a number of 1 to 65535"),
            ("127.0.0.1:+80", "the port is not a number of 1 to 65535"),
            ("127.0.0.1:65536", "the port is not a number of 1 to 65535"),
            ("https://127.0.0.1:9001", "the Runtime API speaks plain HTTP"),
            ("127.0.0.1:9001/2018-06-01", "it has more than a host and a port"),
            ("http://user@127.0.0.1:9001", "it has more than a host and a port"),
            ("127.0.0.1:9001?a=b", "it has more than a host and a port"),
            ("", "no such host can exist"),
            (":9001", "no such host can exist"),
            ("127.0.0.256:9001", "no such host can exist"),
            ("127.0.0.1 :9001", "no such host can exist"),
            ("::1:9001", "no such host can exist"),
            ("[::g]:9001", "no such host can exist"),
            ("a..b:9001", "no such host can exist"),
            ("ftp://127.0.0.1:9001", "it has more than a host and a port"),
        ] {
            let said = host_and_port(given).expect_err(given);
            assert_eq!(said.strip_prefix("not host:port: "), Some(problem), "{given}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_of_a_host() {
        for url in ["http://127.0.0.1:8000", "HTTPS://vpce-1.dynamodb.example/", "https://[::1]:1/a/b", "http://host"] {
            assert!(is_endpoint(url), "{url}");
        }
        for text in [
            "",
            "dynamodb.example",
            "ftp://host",
            "http://",
            "http:///x",
            "http://host:0",
            "http://user:key@host",
            "http://host/a?b",
            "http://ho st",
            "http://1.2.3",
        ] {
            assert!(!is_endpoint(text), "{text}");
        }
    }

    #[test]
    fn a_table_is_a_name_or_an_arn() {
        for text in ["AgentContext-dev", "a.b_c", "arn:aws:dynamodb:eu-central-1:123456789012:table/AgentContext-dev"] {
            assert!(is_table(text), "{text}");
        }
        let long = "x".repeat(256);
        for text in ["", "two words", "name\n", "arn:aws:s3:::bucket", "arn:aws:dynamodb:eu-central-1:1:index/x", &long]
        {
            assert!(!is_table(text), "{text}");
        }
    }
}
