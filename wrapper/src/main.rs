//! `AWS_LAMBDA_EXEC_WRAPPER`: runs in front of a runtime's command line for a few hundred microseconds.
//!
//! Lambda runs `wrapper <command> <arguments…>` in place of the runtime's own command. If the Runtime API proxy listens,
//! the command is executed with `AWS_LAMBDA_RUNTIME_API` pointing at it; if nothing listens, the command is executed exactly
//! as it would have been without this layer, and one line on stderr says so. Whatever is wrong with the proxy, the
//! function runs.
//!
//! It is a static executable without dependencies because it is paid for in every cold start: at 128 MB a sandbox has a
//! twelfth of a core, and there starting a shell and its dynamic linker costs more than all the rest of this work.
//!
//! Exit codes, when there is nothing left to become: 64 without a command (`EX_USAGE`), 127 for a program that does not
//! exist, 126 for one that cannot be executed, as shells do.

mod command;
mod port;
mod probe;
mod program;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a function waits for its proxy before it starts without one (contract, section 1).
const TIMEOUT: Duration = Duration::from_millis(200);

const USAGE: &str = "no command to run. This program wraps a Lambda runtime: set \
    AWS_LAMBDA_EXEC_WRAPPER to its path, or call it as `wrapper <command> [arguments]` from a bootstrap";
const EX_USAGE: u8 = 64;

fn main() -> ExitCode {
    let next = variable(command::NEXT_WRAPPER);
    let Some(mut command) = command::build(next, std::env::args_os().skip(1), variable("PATH")) else {
        say(USAGE);
        return ExitCode::from(EX_USAGE);
    };
    match proxy_address() {
        Ok(address) => drop(command.env(RUNTIME_API, address.to_string())),
        Err(reason) => say(&format!("{reason}; the function runs without the proxy, and references are not hydrated")),
    }
    // `exec` returns only when there is no program to become.
    let failure = command.exec();
    say(&command::describe_failure(command.get_program(), &failure));
    ExitCode::from(command::exit_code(&failure))
}

/// The one variable that is changed for the runtime: where it polls for invocations, as `host:port`.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The proxy's address, when it accepts connections; otherwise why not, naming the variable to look at.
fn proxy_address() -> Result<SocketAddr, String> {
    let listener = port::from_env(variable).map_err(|invalid| invalid.to_string())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.number));
    probe::accepts(address, TIMEOUT).map_err(|error| {
        format!(
            "no Runtime API proxy at {address} within {} ms ({error}), see {}",
            TIMEOUT.as_millis(),
            listener.variable
        )
    })?;
    Ok(address)
}

#[expect(clippy::disallowed_methods, reason = "a process of its own: the extension's config is not here to ask")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// One line on stderr, which must not stop a function from starting: `eprintln!` panics when it is closed, and a write waits
/// when it is full. So another thread writes; what it has not written in time ends with it, at `exec`.
fn say(line: &str) {
    let line = format!("lrap-wrapper: {line}\n");
    let (written, said) = mpsc::channel();
    let writing = thread::Builder::new().spawn(move || {
        let _ = io::stderr().write_all(line.as_bytes());
        let _ = written.send(());
    });
    if writing.is_ok() {
        let _ = said.recv_timeout(TIMEOUT);
    }
}
