//! What is executed in this program's place: the arguments, or a further wrapper in front of them.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::program::Program;

/// Lambda knows one `AWS_LAMBDA_EXEC_WRAPPER`. Who also needs another's wrapper (Datadog's, OpenTelemetry's) names it here.
pub(crate) const NEXT_WRAPPER: &str = "LRAP_NEXT_WRAPPER";

/// The command of `arguments`, through `next` when it is set and not empty, found by `path`; `None` when there is no command.
///
/// [`NEXT_WRAPPER`] leaves the environment on the way: whatever it names, this program itself included, it is gone
/// through once and can never go in a circle. Arguments are passed on as bytes, not as text.
pub(crate) fn build(
    next: Option<OsString>,
    arguments: impl Iterator<Item = OsString>,
    path: Option<OsString>,
) -> Option<Command> {
    let mut arguments = arguments.peekable();
    arguments.peek()?;
    let program = next.filter(|next| !next.is_empty()).or_else(|| arguments.next())?;
    let (file, script) = Program::named(&program, path).command();
    let mut command = Command::new(file);
    match script {
        Some(script) => command.arg(script),
        // The name that the program was called by, wherever it was found.
        None => command.arg0(program),
    };
    command.args(arguments).env_remove(NEXT_WRAPPER);
    Some(command)
}

/// One line that names the program which could not be executed.
pub(crate) fn describe_failure(program: &OsStr, error: &io::Error) -> String {
    let program = Path::new(program);
    let more = if error.kind() == io::ErrorKind::NotFound && program.is_file() {
        "; the file exists, but not the interpreter that its first line or its header names"
    } else {
        ""
    };
    format!("cannot execute {}: {error}{more}", program.display())
}

/// 127 when the program does not exist, 126 when it cannot be executed: the shell's convention.
pub(crate) fn exit_code(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<&OsStr> {
        std::iter::once(command.get_program()).chain(command.get_args()).collect()
    }

    fn built(next: Option<&str>, arguments: &[&str]) -> Option<Command> {
        build(next.map(OsString::from), arguments.iter().map(OsString::from), Some("/no/such/folder".into()))
    }

    #[test]
    fn executes_its_arguments() {
        assert_eq!(words(&built(None, &["python3", "-c", "a b"]).expect("a command")), ["python3", "-c", "a b"]);
    }

    #[test]
    fn a_next_wrapper_gets_the_same_arguments() {
        let command = built(Some("/opt/other"), &["python3", "main.py"]).expect("a command");
        assert_eq!(words(&command), ["/opt/other", "python3", "main.py"]);
        assert!(command.get_envs().any(|change| change == (OsStr::new(NEXT_WRAPPER), None)));
    }

    #[test]
    fn an_empty_next_wrapper_is_none() {
        assert_eq!(words(&built(Some(""), &["node"]).expect("a command")), ["node"]);
    }

    #[test]
    fn without_arguments_there_is_no_command() {
        assert!(built(None, &[]).is_none());
        assert!(built(Some("/opt/other"), &[]).is_none());
    }

    #[test]
    fn exit_codes_are_the_shells() {
        assert_eq!(exit_code(&io::Error::from(io::ErrorKind::NotFound)), 127);
        assert_eq!(exit_code(&io::Error::from(io::ErrorKind::PermissionDenied)), 126);
    }
}
