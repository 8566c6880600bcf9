//! Which port the proxy listens on: the same variables, order and default as the extension's, since both must agree.

use std::ffi::OsString;
use std::fmt;

/// In order of precedence. The first is ours alone; other Runtime API proxies read the second too, so that with both set two
/// proxies can chain.
const VARIABLES: [&str; 2] = ["LONG_CONTENT_LISTENER_PORT", "LRAP_LISTENER_PORT"];
const DEFAULT: u16 = 9009;

/// The port and the variable that decides it (also when it is unset: it is the one to look at).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListenerPort {
    pub(crate) number: u16,
    pub(crate) variable: &'static str,
}

/// A variable that is set but holds no port between 1 and 65535.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidPort {
    variable: &'static str,
    value: OsString,
}

impl fmt::Display for InvalidPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug spelling: whatever the value holds, the message stays on one line.
        let value = self.value.to_string_lossy();
        write!(f, "{}={value:?} is not a port between 1 and 65535", self.variable)
    }
}

/// Reads the port through `lookup`; the first variable that is set decides, even when its value is wrong. An empty one is unset, as
/// it is for the extension.
pub(crate) fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<ListenerPort, InvalidPort> {
    let value_of = |variable| lookup(variable).filter(|value| !value.is_empty());
    let set = VARIABLES.iter().find_map(|variable| value_of(variable).map(|value| (*variable, value)));
    let Some((variable, value)) = set else {
        return Ok(ListenerPort { number: DEFAULT, variable: VARIABLES[1] });
    };
    match parse(&value) {
        Some(number) => Ok(ListenerPort { number, variable }),
        None => Err(InvalidPort { variable, value }),
    }
}

fn parse(value: &OsString) -> Option<u16> {
    value.to_str()?.parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<ListenerPort, InvalidPort> {
        from_env(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn is_9009_when_nothing_is_set() {
        assert_eq!(read(&[]), Ok(ListenerPort { number: 9009, variable: "LRAP_LISTENER_PORT" }));
    }

    #[test]
    fn our_own_variable_takes_precedence() {
        let both = [("LRAP_LISTENER_PORT", "9100"), ("LONG_CONTENT_LISTENER_PORT", "9200")];
        assert_eq!(read(&both), Ok(ListenerPort { number: 9200, variable: "LONG_CONTENT_LISTENER_PORT" }));
        assert_eq!(read(&both[..1]), Ok(ListenerPort { number: 9100, variable: "LRAP_LISTENER_PORT" }));
    }

    #[test]
    fn an_empty_value_is_none() {
        let both = [("LONG_CONTENT_LISTENER_PORT", ""), ("LRAP_LISTENER_PORT", "9100")];
        assert_eq!(read(&both).map(|port| port.number), Ok(9100));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_variable_on_one_line() {
        for value in [" 9009", "0", "65536", "-1", "90 09", "http", "9009\n9010"] {
            let message = read(&[("LRAP_LISTENER_PORT", value)]).unwrap_err().to_string();
            assert_eq!(message, format!("LRAP_LISTENER_PORT={value:?} is not a port between 1 and 65535"));
            assert!(!message.contains('\n'));
        }
    }

    #[test]
    fn a_wrong_value_of_the_first_is_not_covered_by_the_second() {
        let both = [("LRAP_LISTENER_PORT", "9100"), ("LONG_CONTENT_LISTENER_PORT", "x")];
        assert!(read(&both).is_err());
    }
}
