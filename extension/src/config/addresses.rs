//! The address of a Runtime API in a variable. It is checked when it is read: with a wrong address, the extension would
//! start, and then every invocation would fail.

use long_content::store::settings::addresses::{is_host, is_port, split};

/// The `host:port` that a text names, either directly or as an `http://` URL without a path. The error says what would be
/// right, and what is wrong with the text.
pub(super) fn host_and_port(text: &str) -> Result<&str, &'static str> {
    if text.starts_with("https://") {
        return Err("host:port: the Runtime API speaks plain HTTP");
    }
    let text = text.strip_prefix("http://").unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.contains(['/', '?', '#', '@']) {
        return Err("host:port: it has more than a host and a port");
    }
    match split(text) {
        (host, _) if !is_host(host) => Err("host:port: the host is not a valid name or IP address"),
        (_, None) => Err("host:port: the port is missing"),
        (_, Some(port)) if !is_port(port) => Err("host:port: the port is not a number of 1 to 65535"),
        _ => Ok(text),
    }
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
            ("", "the host is not a valid name or IP address"),
            (":9001", "the host is not a valid name or IP address"),
            ("127.0.0.256:9001", "the host is not a valid name or IP address"),
            ("127.0.0.1 :9001", "the host is not a valid name or IP address"),
            ("::1:9001", "the host is not a valid name or IP address"),
            ("[::g]:9001", "the host is not a valid name or IP address"),
            ("a..b:9001", "the host is not a valid name or IP address"),
            ("ftp://127.0.0.1:9001", "it has more than a host and a port"),
        ] {
            let said = host_and_port(given).expect_err(given);
            assert_eq!(said.strip_prefix("host:port: "), Some(problem), "{given}");
        }
    }
}
