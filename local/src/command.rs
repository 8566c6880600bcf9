//! The command line of a function's runtime.

use crate::config::{FunctionConfig, Runtime};
use crate::environment::{EXEC_WRAPPER, Environment};
use std::ffi::OsString;
use std::path::PathBuf;

/// What starts the runtime: for a managed one the wrapper first, if one is set, with the runtime's command line as its arguments.
pub(crate) fn command_line(function: &FunctionConfig, environment: &Environment) -> Vec<OsString> {
    let wrapper = environment.get(EXEC_WRAPPER).filter(|wrapper| function.is_managed() && !wrapper.is_empty());
    wrapper.cloned().into_iter().chain(runtime(function)).collect()
}

fn runtime(function: &FunctionConfig) -> Vec<OsString> {
    let handler = function.handler.iter().map(OsString::from);
    if let Some(command) = &function.command {
        return command.iter().map(OsString::from).chain(handler).collect();
    }
    match function.runtime {
        Runtime::Provided => vec![function.directory.join("bootstrap").into()],
        Runtime::Python => [python(function), "-m".into(), "awslambdaric".into()].into_iter().chain(handler).collect(),
        Runtime::Node => ["node".into(), node_client(function).into()].into_iter().chain(handler).collect(),
    }
}

fn python(function: &FunctionConfig) -> OsString {
    let own = function.directory.join(".venv/bin/python");
    if own.exists() { own.into() } else { "python3".into() }
}

fn node_client(function: &FunctionConfig) -> PathBuf {
    function.directory.join("node_modules/aws-lambda-ric/bin/index.mjs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(function: &FunctionConfig) -> Vec<String> {
        let environment = Environment::from([(EXEC_WRAPPER.to_owned(), "/layer/w".into())]);
        command_line(function, &environment).into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn a_managed_runtime_goes_through_the_wrapper() {
        let function = FunctionConfig {
            runtime: Runtime::Python,
            handler: Some("app.handler".into()),
            directory: "/no/such".into(),
            ..FunctionConfig::default()
        };
        assert_eq!(words(&function), ["/layer/w", "python3", "-m", "awslambdaric", "app.handler"]);
    }

    #[test]
    fn an_os_only_runtime_ignores_the_wrapper() {
        let function = FunctionConfig { directory: "/code".into(), ..FunctionConfig::default() };
        assert_eq!(words(&function), ["/code/bootstrap"]);
    }

    #[test]
    fn an_explicit_command_gets_the_handler_appended() {
        let command = Some(vec!["/bin/run".to_owned(), "-x".to_owned()]);
        let function =
            FunctionConfig { command, handler: Some("h".into()), managed: Some(true), ..FunctionConfig::default() };
        assert_eq!(words(&function), ["/layer/w", "/bin/run", "-x", "h"]);
    }
}
