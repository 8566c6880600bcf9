//! A function's variables: the environment, read once, with errors that name the variable.

use crate::Failure;
use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::str::FromStr;

/// The variables of one process. An empty variable is one that is not set: a template that leaves one out sets it so.
#[derive(Clone, Default)]
pub struct Variables(HashMap<String, OsString>);

/// What is wrong with a variable. The value is never quoted: nobody knows here whether it is a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// It is needed, and is not set or empty.
    #[error("the variable {0} is not set")]
    Missing(&'static str),
    /// It is set to something else than is needed.
    #[error("the variable {name} is not valid: {reason}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What was expected.
        reason: String,
    },
}

impl Variables {
    /// The variables of this process. A name that is not UTF-8 is none that anybody here looks for.
    #[expect(clippy::disallowed_methods, reason = "the one place where a function's environment is read")]
    pub fn from_environment() -> Self {
        Self(env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect())
    }

    /// The variable's text.
    pub fn required(&self, name: &'static str) -> Result<&str, VariableError> {
        self.optional(name)?.ok_or(VariableError::Missing(name))
    }

    /// The variable's text, if it is set.
    pub fn optional(&self, name: &'static str) -> Result<Option<&str>, VariableError> {
        let Some(value) = self.0.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        value.to_str().map(Some).ok_or_else(|| VariableError::malformed(name, "it is not UTF-8"))
    }

    /// The variable's value as it is, for settings that are read elsewhere.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// What the variable's text says, if it is set: `variables.parsed("DAILY_CAP_USD")?.unwrap_or(cap)`.
    pub fn parsed<T>(&self, name: &'static str) -> Result<Option<T>, VariableError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let parse = |text: &str| text.parse().map_err(|error| VariableError::malformed(name, error));
        self.optional(name)?.map(parse).transpose()
    }
}

impl VariableError {
    /// The variable is set, and not to what `reason` says it should be.
    pub fn malformed(name: &'static str, reason: impl fmt::Display) -> Self {
        Self::Malformed { name, reason: reason.to_string() }
    }
}

/// For tests, and for code that has the variables from elsewhere: `Variables::from([("STAGE", "dev")])`.
impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(variables: [(&str, &str); N]) -> Self {
        variables.into_iter().collect()
    }
}

/// The same for as many as there are. Of several with one name, the last counts.
impl<'a> FromIterator<(&'a str, &'a str)> for Variables {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(variables: T) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl From<VariableError> for Failure {
    fn from(error: VariableError) -> Self {
        Self::new("InvalidVariable", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn a_missing_variable_is_named() {
        for variables in [Variables::from([]), Variables::from([("TABLE", "")])] {
            let error = variables.required("TABLE").expect_err("missing");
            assert_eq!(error.to_string(), "the variable TABLE is not set");
            assert_eq!(variables.optional("TABLE"), Ok(None));
            assert_eq!(variables.parsed::<u8>("TABLE"), Ok(None));
        }
    }

    #[test]
    fn a_malformed_variable_is_named_and_not_quoted() {
        let error = Variables::from([("CAP", "secret")]).parsed::<u8>("CAP").expect_err("no number");
        assert_eq!(error.to_string(), "the variable CAP is not valid: invalid digit found in string");
    }

    #[test]
    fn what_is_not_utf_8_is_malformed() {
        let variables = Variables(HashMap::from([("TABLE".to_owned(), OsString::from_vec(vec![0xff]))]));
        assert_eq!(variables.required("TABLE"), Err(VariableError::malformed("TABLE", "it is not UTF-8")));
    }

    #[test]
    fn a_variable_that_is_set_is_read() {
        let variables = Variables::from([("CAP", "10")]);
        assert_eq!((variables.required("CAP"), variables.parsed::<u8>("CAP")), (Ok("10"), Ok(Some(10))));
    }

    #[test]
    fn no_value_is_printed() {
        assert_eq!(format!("{:?}", Variables::from([("KEY", "secret")])), r#"{"KEY"}"#);
    }
}
