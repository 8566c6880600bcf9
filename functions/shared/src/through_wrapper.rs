//! Starts a function on an OS-only runtime behind the exec wrapper: the program executes itself again, through the wrapper, once.
//!
//! Executing oneself again costs some 2 ms at start; the alternative, changing `AWS_LAMBDA_RUNTIME_API` in the running process, is not thread-safe,
//! would repeat the wrapper's probe and would leave out a chained wrapper (`LRAP_NEXT_WRAPPER`).

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Set by Lambda's user: the program in front of a runtime.
const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// Set by this module in the process that came through the wrapper. Not the process id: a wrapper written as a shell
/// script without `exec` starts a child, and that child must not start another.
const PASSED: &str = "LRAP_WRAPPER_PASSED";

/// Why this process did not go through the wrapper although one is set. The function then runs without it.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the wrapper {wrapper:?} of {EXEC_WRAPPER}, so the function runs without it: {source}")]
pub(crate) struct WrapperError {
    wrapper: OsString,
    source: io::Error,
}

/// Replaces this process by itself behind the wrapper, if one is set and this process did not come from there.
///
/// Returns only when there is nothing to do, or, with an error, when the wrapper cannot be executed. Must be called
/// before any thread is started and any file is opened: `exec` keeps neither.
pub(crate) fn pass() -> Result<(), WrapperError> {
    let Some(wrapper) = wrapper_to_pass(variable) else {
        return Ok(());
    };
    let source = execute_self_through(&wrapper);
    Err(WrapperError { wrapper, source })
}

#[expect(clippy::disallowed_methods, reason = "before anything else runs, a function's own config included")]
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}

fn wrapper_to_pass(lookup: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    let wrapper = lookup(EXEC_WRAPPER).filter(|wrapper| !wrapper.is_empty())?;
    lookup(PASSED).is_none().then_some(wrapper)
}

/// Does not return unless it fails.
fn execute_self_through(wrapper: &OsString) -> io::Error {
    match env::current_exe() {
        Ok(program) => Command::new(wrapper).arg(program).args(env::args_os().skip(1)).env(PASSED, "1").exec(),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapper(variables: &[(&str, &str)]) -> Option<OsString> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        wrapper_to_pass(|name| find(name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn a_wrapper_is_passed_once() {
        assert_eq!(wrapper(&[(EXEC_WRAPPER, "/opt/w")]), Some("/opt/w".into()));
        assert_eq!(wrapper(&[(EXEC_WRAPPER, "/opt/w"), (PASSED, "1")]), None);
    }

    #[test]
    fn without_a_wrapper_there_is_nothing_to_pass() {
        assert_eq!(wrapper(&[]), None);
        assert_eq!(wrapper(&[(EXEC_WRAPPER, "")]), None);
    }

    #[test]
    fn a_wrapper_that_does_not_exist_is_named() {
        let wrapper = OsString::from("/no/such/wrapper");
        let source = execute_self_through(&wrapper);
        let message = WrapperError { wrapper, source }.to_string();
        assert!(message.contains("/no/such/wrapper") && message.contains(EXEC_WRAPPER), "{message}");
    }
}
