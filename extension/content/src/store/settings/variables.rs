//! Variables from which settings are read, through a lookup. Every mistake is noted. An empty variable counts as not set.

use std::ffi::OsStr;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use super::addresses;

/// The longest value that a message quotes.
const QUOTED: usize = 200;

const FLAGS: &[(&str, bool)] = &[("true", true), ("false", false)];

/// What is wrong with a variable. Keys and credentials are never quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not set, but is required.
    #[error("is not set")]
    Missing,
    /// It is not text.
    #[error("is not UTF-8")]
    NotText,
    /// Its value is wrong.
    #[error("is {holds}, not {right}")]
    Wrong {
        /// Its value, as [`quoted`] shows it.
        holds: String,
        /// What would be right.
        right: String,
    },
    /// A mistake that needs a special message, or whose value must not be quoted.
    #[error("{0}")]
    Unfit(String),
}

/// One wrong variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its name.
    pub variable: String,
    /// What is wrong, and what would be right.
    pub problem: Problem,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.problem)
    }
}

/// Every wrong variable, so that an operator fixes them in one go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("; "))
    }
}

/// Where a variable is looked up.
type Lookup<'a> = Box<dyn Fn(&str) -> Option<&'a OsStr> + 'a>;

/// The source of settings, and the mistakes found so far.
pub struct Variables<'a> {
    lookup: Lookup<'a>,
    mistakes: Vec<Mistake>,
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").field("mistakes", &self.mistakes).finish_non_exhaustive()
    }
}

impl<'a> Variables<'a> {
    /// The variables that `lookup` finds.
    pub fn new(lookup: impl Fn(&str) -> Option<&'a OsStr> + 'a) -> Self {
        Self { lookup: Box::new(lookup), mistakes: vec![] }
    }

    /// Every mistake found, in the order of reading.
    pub fn mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    /// What was read, unless there is a mistake in it.
    pub fn checked_whole<T>(self, read: T) -> Result<T, Mistakes> {
        if self.mistakes.is_empty() { Ok(read) } else { Err(Mistakes(self.mistakes)) }
    }

    /// Notes a mistake. A variable that is read for two purposes is named only once.
    pub fn note(&mut self, variable: &str, problem: Problem) {
        let mistake = Mistake { variable: variable.to_owned(), problem };
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    /// Notes a mistake with a special message.
    pub fn unfit(&mut self, variable: &str, problem: impl Into<String>) {
        self.note(variable, Problem::Unfit(problem.into()));
    }

    /// Notes that a value is wrong; `right` says what would be right.
    pub fn wrong(&mut self, variable: &str, value: &str, right: &str) {
        self.note(variable, Problem::Wrong { holds: quoted(value), right: right.to_owned() });
    }

    /// Whether the variable is set.
    pub fn is_set(&self, name: &str) -> bool {
        (self.lookup)(name).is_some_and(|value| !value.is_empty())
    }

    /// Its text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = (self.lookup)(name).filter(|value| !value.is_empty())?;
        let text = value.to_str().map(str::to_owned);
        if text.is_none() {
            self.note(name, Problem::NotText);
        }
        text
    }

    /// A text that must satisfy `is_right`; the mistake says what would be right.
    pub fn checked(&mut self, name: &str, is_right: impl Fn(&str) -> bool, right: &str) -> Option<String> {
        let value = self.text(name)?;
        if !is_right(&value) {
            self.wrong(name, &value, right);
        }
        Some(value)
    }

    /// The URL of a service.
    pub fn url(&mut self, name: &str) -> Option<String> {
        self.checked(name, addresses::is_endpoint, "an http:// or https:// URL of a host and at most a port and a path")
    }

    /// A part of credentials: it goes into a header, and a mistake does not quote it.
    pub fn credential(&mut self, name: &str) -> Option<String> {
        let value = self.text(name)?;
        if !value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') || value.trim() != value {
            self.unfit(name, "begins or ends with white space, or is not all printable ASCII");
        }
        Some(value)
    }

    /// `true` or `false`; `false` if it is not set.
    pub fn flag(&mut self, name: &str) -> bool {
        self.one_of(name, FLAGS, false)
    }

    /// A whole number.
    pub fn number<N: FromStr>(&mut self, name: &str, default: N) -> N {
        let max = u64::MAX >> (64 - 8 * size_of::<N>());
        self.parsed(name, default, &format!("a whole number of 0 to {max}"))
    }

    /// A number of seconds, which must not be 0: no request would succeed in that time.
    pub fn positive_seconds(&mut self, name: &str, default: u32) -> Duration {
        let seconds: u32 = self.number(name, default);
        if NonZeroU32::new(seconds).is_none() {
            let right = "a number of seconds of 1 or more".to_owned();
            self.note(name, Problem::Wrong { holds: seconds.to_string(), right });
        }
        Duration::from_secs(seconds.into())
    }

    /// The parsed value of a variable; the mistake says what would be right.
    pub fn parsed<N: FromStr>(&mut self, name: &str, default: N, right: &str) -> N {
        let Some(value) = self.text(name) else { return default };
        value.parse().unwrap_or_else(|_| {
            self.wrong(name, &value, right);
            default
        })
    }

    /// One of some words, in upper or lower case.
    pub fn one_of<T: Clone>(&mut self, name: &str, choices: &[(&str, T)], default: T) -> T {
        let Some(value) = self.text(name) else { return default };
        let chosen = choices.iter().find(|(choice, _)| value.eq_ignore_ascii_case(choice));
        if let Some((_, chosen)) = chosen {
            return chosen.clone();
        }
        let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
        self.wrong(name, &value, &format!("one of {}", names.join(", ")));
        default
    }
}

/// A value as a message shows it: on one line, short, and without the user name and password of a URL.
pub fn quoted(value: &str) -> String {
    if value.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
        return "a value with a user name (not shown here)".to_owned();
    }
    let shown: String = value.chars().take(QUOTED).flat_map(char::escape_debug).collect();
    let more = if value.chars().nth(QUOTED).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn mistakes(read: impl Fn(&mut Variables<'_>), value: &[u8]) -> Vec<String> {
        let mut variables = Variables::new(|name| (name == "A").then(|| OsStr::from_bytes(value)));
        read(&mut variables);
        variables.mistakes().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let mut variables = Variables::new(|_| Some(OsStr::new("")));
        assert_eq!((variables.is_set("A"), variables.text("A"), variables.number("A", 5_u8)), (false, None, 5));
        assert_eq!(variables.checked_whole("read"), Ok("read"));
    }

    #[test]
    fn a_mistake_says_what_the_variable_holds_and_what_is_right() {
        let number = |variables: &mut Variables<'_>| {
            variables.number("A", 1_u8);
        };
        assert_eq!(mistakes(number, b"256"), ["A is `256`, not a whole number of 0 to 255"]);
        assert_eq!(mistakes(number, b"\xff"), ["A is not UTF-8"]);
        let seconds = |variables: &mut Variables<'_>| {
            variables.positive_seconds("A", 1);
        };
        assert_eq!(mistakes(seconds, b"0"), ["A is 0, not a number of seconds of 1 or more"]);
        let flag = |variables: &mut Variables<'_>| {
            variables.flag("A");
        };
        assert_eq!(mistakes(flag, b"yes"), ["A is `yes`, not one of true, false"]);
        assert_eq!(mistakes(flag, b"TRUE"), [""; 0]);
    }

    #[test]
    fn a_variable_that_is_read_twice_is_named_once() {
        let twice = |variables: &mut Variables<'_>| {
            variables.flag("A");
            variables.flag("A");
        };
        assert_eq!(mistakes(twice, b"2").len(), 1);
    }

    #[test]
    fn credentials_are_not_quoted() {
        let read = |variables: &mut Variables<'_>| {
            variables.credential("A");
        };
        let said = mistakes(read, b"hush\n").remove(0);
        assert!(said.starts_with("A begins or ends with white space") && !said.contains("hush"), "{said}");
        assert_eq!(quoted("http://user:hush@host"), "a value with a user name (not shown here)");
    }
}
