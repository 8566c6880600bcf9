//! Which texts can be a host, a port, a service's URL, a region or a table. Variables are checked when they are read:
//! otherwise a function with a wrong value would start, and then fail every invocation.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text is the URL of an endpoint: `http://` or `https://`, a host, perhaps a port and a path, and nothing else.
pub fn is_endpoint(text: &str) -> bool {
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
pub fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a text may be the name of a table, or the ARN of one.
pub fn is_table(text: &str) -> bool {
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

/// Whether a text may be the name of a general purpose bucket. Access points are not supported.
pub fn is_bucket(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(is_inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    (3..=63).contains(&text.len()) && text.split('.').all(is_part)
}

/// Whether a text may name a KMS key: an ARN, an id, or an alias.
pub fn is_key(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte))
}

/// Host and port. The port follows the last colon that is not inside the brackets of an IPv6 address.
pub fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a text is a port that can be connected to: digits, 1 to 65535.
pub fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether a host may have this name or address. A text that ends in a number must be an address.
pub fn is_host(text: &str) -> bool {
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
    fn a_bucket_has_a_name_of_lower_case_letters() {
        for text in ["long-content-dev", "a.b-1.c", "123"] {
            assert!(is_bucket(text), "{text}");
        }
        for text in ["", "ab", "Bucket", "a_b", "-ab", "ab-", "a..b", "arn:aws:s3:::bucket", &"x".repeat(64)] {
            assert!(!is_bucket(text), "{text}");
        }
        assert!(is_key("arn:aws:kms:eu-central-1:123456789012:key/1a-2b") && !is_key("a key\n"));
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
