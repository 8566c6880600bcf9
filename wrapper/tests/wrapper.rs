//! The real executable, run as Lambda runs it: what it becomes, with which arguments, environment and words on stderr.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const NEXT_WRAPPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/next-wrapper.sh");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/next-wrapper-without-interpreter");
const NOT_EXECUTABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const ORIGINAL: &str = "169.254.100.1:9001";

/// The executable under test: the one that cargo built for the tests, unless `LRAP_TEST_WRAPPER` names another, such as a layer's.
#[expect(clippy::disallowed_methods, reason = "what is tested is the test run's business, not the wrapper's")]
fn binary() -> OsString {
    std::env::var_os("LRAP_TEST_WRAPPER").unwrap_or_else(|| env!("CARGO_BIN_EXE_lrap-wrapper").into())
}

/// The wrapper with an environment as bare as a sandbox's, so that nothing of the test's own leaks in.
fn wrapper(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env("AWS_LAMBDA_RUNTIME_API", ORIGINAL);
    command
}

fn proxy() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A socket that is bound but does not listen: its port stays taken, and refuses connections.
fn silent() -> (OwnedFd, SocketAddr) {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = rustix::net::getsockname(&socket).unwrap().try_into().unwrap();
    (socket, address)
}

/// The environment that `env -0` saw after the wrapper became it.
fn environment(output: &Output) -> BTreeMap<OsString, OsString> {
    let entries = output.stdout.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let equals = entry.iter().position(|byte| *byte == b'=').unwrap();
            (OsStr::from_bytes(&entry[..equals]).into(), OsStr::from_bytes(&entry[equals + 1..]).into())
        })
        .collect()
}

fn runtime_api(output: &Output) -> String {
    environment(output)[OsStr::new("AWS_LAMBDA_RUNTIME_API")].to_str().unwrap().to_owned()
}

/// Stderr as the one line it must be.
fn only_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "one line expected: {text:?}");
    text
}

#[test]
fn a_proxy_that_accepts_becomes_the_runtime_api() {
    let (_proxy, address) = proxy();
    let output = wrapper(&["env", "-0"]).env("LRAP_LISTENER_PORT", address.port().to_string()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(runtime_api(&output), address.to_string());
    assert_eq!(output.stderr, b"");
}

#[test]
fn our_own_port_variable_comes_first() {
    let (_proxy, address) = proxy();
    let mut command = wrapper(&["env", "-0"]);
    command.env("LONG_CONTENT_LISTENER_PORT", address.port().to_string()).env("LRAP_LISTENER_PORT", "1");
    assert_eq!(runtime_api(&command.output().unwrap()), address.to_string());
}

#[test]
fn a_refused_probe_leaves_the_original_address_and_says_so() {
    let (_silent, address) = silent();
    let port = address.port().to_string();
    let output = wrapper(&["env", "-0"]).env("LRAP_LISTENER_PORT", &port).output().unwrap();
    assert!(output.status.success());
    assert_eq!(runtime_api(&output), ORIGINAL);
    let line = only_line(&output);
    assert!(line.contains(&format!("127.0.0.1:{port}")) && line.contains("LRAP_LISTENER_PORT"), "{line}");
}

/// A listener that accepts nothing: its backlog is full, so that further connections neither open nor fail.
#[test]
fn a_proxy_that_hangs_costs_200_ms_and_no_more() {
    let (socket, address) = silent();
    rustix::net::listen(&socket, 0).unwrap();
    let mut filling = Vec::new();
    while let Ok(connection) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        filling.push(connection);
        assert!(filling.len() < 100, "the backlog never fills");
    }

    let started = Instant::now();
    let output = wrapper(&["env", "-0"]).env("LRAP_LISTENER_PORT", address.port().to_string()).output().unwrap();
    let took = started.elapsed();

    assert_eq!(runtime_api(&output), ORIGINAL);
    assert!(only_line(&output).contains("200 ms"));
    assert!(took >= Duration::from_millis(190) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_port_that_is_none_is_named_and_bypassed() {
    for value in [" ", "0", "70000", "nine thousand", "90\n09"] {
        let output = wrapper(&["env", "-0"]).env("LRAP_LISTENER_PORT", value).output().unwrap();
        assert!(output.status.success());
        assert_eq!(runtime_api(&output), ORIGINAL);
        assert!(only_line(&output).contains(&format!("LRAP_LISTENER_PORT={value:?}")));
    }
}

#[test]
fn nothing_else_of_the_environment_changes() {
    let (_proxy, address) = proxy();
    let odd = OsString::from_vec(b"caf\xe9 \n=\xff".to_vec());
    let exec_wrapper = binary();
    let given = [("EMPTY", OsStr::new("")), ("ODD", &odd), ("AWS_LAMBDA_EXEC_WRAPPER", &exec_wrapper)];
    let port = address.port().to_string();
    let output = wrapper(&["env", "-0"]).envs(given).env("LRAP_LISTENER_PORT", &port).output().unwrap();

    let mut expected: BTreeMap<OsString, OsString> = given.map(|(name, value)| (name.into(), value.into())).into();
    expected.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
    expected.insert("LRAP_LISTENER_PORT".into(), port.into());
    expected.insert("AWS_LAMBDA_RUNTIME_API".into(), address.to_string().into());
    assert_eq!(environment(&output), expected);
}

#[test]
fn arguments_arrive_as_the_bytes_they_were() {
    let (_proxy, address) = proxy();
    let arguments: [&[u8]; 6] = [b"a b", b"line\nline", b"", b"\xff\xfe", b"$HOME `id` 'q' \"q\" \\", b"--help"];
    let mut command = wrapper(&["printf", "%s\\0"]);
    command.args(arguments.map(OsStr::from_bytes)).env("LRAP_LISTENER_PORT", address.port().to_string());
    let output = command.output().unwrap();
    let expected: Vec<u8> = arguments.iter().flat_map(|argument| [*argument, b"\0"].concat()).collect();
    assert_eq!(output.stdout, expected);
}

#[test]
fn a_next_wrapper_is_gone_through_with_the_same_arguments() {
    let (_proxy, address) = proxy();
    let mut command = wrapper(&["printf", "<%s>", "a b"]);
    command.env("LRAP_NEXT_WRAPPER", NEXT_WRAPPER).env("LRAP_LISTENER_PORT", address.port().to_string());
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{address}|gone|<a b>"));
}

/// The kernel does not execute it; shells and glibc give it to `/bin/sh`, musl does not.
#[test]
fn a_next_wrapper_without_an_interpreter_is_run_by_the_shell() {
    let (_proxy, address) = proxy();
    let (folder, name) = SCRIPT.rsplit_once('/').unwrap();
    for next in [SCRIPT, name] {
        let mut command = wrapper(&["printf", "<%s>", "a b", "$HOME"]);
        command.env("PATH", format!("{folder}:/usr/bin:/bin"));
        command.env("LRAP_NEXT_WRAPPER", next).env("LRAP_LISTENER_PORT", address.port().to_string());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("{address}|gone|{SCRIPT}|<a b><$HOME>"),
            "{said}"
        );
    }
}

#[test]
fn a_command_without_an_interpreter_is_run_by_the_shell() {
    let (_proxy, address) = proxy();
    let mut command = wrapper(&[SCRIPT, "printf", "<%s>", "a b"]);
    let output = command.env("LRAP_LISTENER_PORT", address.port().to_string()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{address}|gone|{SCRIPT}|<a b>"));
}

/// Without `PATH`, and by the name that the program is called by.
#[test]
fn a_program_is_found_by_its_name_and_keeps_it() {
    let (_proxy, address) = proxy();
    let mut command = wrapper(&["sh", "-c", "echo $0"]);
    let output = command.env_remove("PATH").env("LRAP_LISTENER_PORT", address.port().to_string()).output().unwrap();
    assert_eq!(output.stdout, b"sh\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_missing_interpreter_is_told_from_a_missing_program() {
    let (_proxy, address) = proxy();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/without-its-interpreter");
    let output = wrapper(&[program]).env("LRAP_LISTENER_PORT", address.port().to_string()).output().unwrap();
    assert_eq!(output.status.code(), Some(127));
    let line = only_line(&output);
    assert!(line.contains(program) && line.contains("interpreter"), "{line}");
}

/// The line cannot be written, and nobody waits for long.
#[test]
fn a_stderr_that_nobody_reads_does_not_stop_the_function() {
    let (_reader, mut full) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&full, true).unwrap();
    while std::io::Write::write(&mut full, &[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).unwrap();
    let mut command = wrapper(&["env", "-0"]);
    let started = Instant::now();
    let output = command.env("LRAP_LISTENER_PORT", "nonsense").stderr(full).stdout(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(runtime_api(&output), ORIGINAL);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_next_wrapper_that_is_this_one_does_not_go_in_a_circle() {
    let (_proxy, address) = proxy();
    let mut command = wrapper(&["env", "-0"]);
    command.env("LRAP_NEXT_WRAPPER", binary()).env("LRAP_LISTENER_PORT", address.port().to_string());
    let output = command.output().unwrap();
    assert_eq!(runtime_api(&output), address.to_string());
    assert!(!environment(&output).contains_key(OsStr::new("LRAP_NEXT_WRAPPER")));
}

#[test]
fn without_a_command_it_explains_itself() {
    let output = wrapper(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(only_line(&output).contains("AWS_LAMBDA_EXEC_WRAPPER"));
}

#[test]
fn a_program_that_cannot_run_is_named() {
    let (_proxy, address) = proxy();
    for (program, code) in [("/no/such/program", 127), (NOT_EXECUTABLE, 126)] {
        let output = wrapper(&[program]).env("LRAP_LISTENER_PORT", address.port().to_string()).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(only_line(&output).contains(program));
    }
}

#[test]
fn a_closed_stderr_does_not_stop_the_function() {
    let script = format!("exec {} env -0 2>&-", binary().display());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).env("AWS_LAMBDA_RUNTIME_API", ORIGINAL).env("LRAP_LISTENER_PORT", "nonsense");
    let output = shell.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(runtime_api(&output), ORIGINAL);
}
