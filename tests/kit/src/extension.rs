//! The real extension as a child process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use lambda_local::ReservedPort;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::waiting::soon;

/// The binary under test: the one that cargo built beside the tests, unless `LRAP_TEST_EXTENSION` names another, such as a layer's.
#[expect(clippy::disallowed_methods, reason = "what is tested is the test run's business, not the extension's")]
pub fn binary() -> PathBuf {
    std::env::var_os("LRAP_TEST_EXTENSION").map_or_else(|| beside("lrap-extension"), PathBuf::from)
}

/// The tool for operators, which cargo builds beside the extension when asked to, unless `LRAP_TEST_TOOL` names another.
#[expect(clippy::disallowed_methods, reason = "what is tested is the test run's business, not the extension's")]
pub fn tool() -> PathBuf {
    std::env::var_os("LRAP_TEST_TOOL").map_or_else(|| beside("lrap"), PathBuf::from)
}

/// A program that cargo built beside the tests, which are in a separate folder.
fn beside(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a test has a path");
    let file = tests.ancestors().nth(2).expect("a test is in a folder of the target's").join(name);
    assert!(file.is_file(), "there is no {}: run cargo build --workspace --bins first", file.display());
    file
}

/// Standard output and standard error that nobody reads yet, and where they go when somebody does.
struct Unread {
    stdout: (ChildStdout, watch::Sender<Vec<u8>>),
    stderr: (ChildStderr, watch::Sender<Vec<u8>>),
}

/// A running `lrap`. It is killed when dropped; what it said is shown when the test fails.
pub struct Extension {
    child: Child,
    stdout: watch::Receiver<Vec<u8>>,
    stderr: watch::Receiver<Vec<u8>>,
    readers: Vec<JoinHandle<()>>,
    unread: Option<Unread>,
    _port: ReservedPort,
    /// Where the runtime finds it.
    pub listener: SocketAddr,
}

impl Extension {
    /// Starts the binary with exactly this environment, and reads what it says.
    pub fn spawn(port: ReservedPort, environment: &BTreeMap<String, String>) -> Self {
        let mut extension = Self::spawn_unread(port, environment);
        extension.read();
        extension
    }

    /// The same, but nobody reads what it says.
    pub fn spawn_unread(port: ReservedPort, environment: &BTreeMap<String, String>) -> Self {
        let mut child = Command::new(binary())
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the extension binary starts");
        let (out, stdout) = watch::channel(Vec::new());
        let (err, stderr) = watch::channel(Vec::new());
        let unread = Some(Unread {
            stdout: (child.stdout.take().expect("BUG: stdout is piped"), out),
            stderr: (child.stderr.take().expect("BUG: stderr is piped"), err),
        });
        Self { child, stdout, stderr, readers: vec![], unread, listener: port.address(), _port: port }
    }

    /// Reads from now on what it says, if nobody did.
    pub fn read(&mut self) {
        if let Some(Unread { stdout: (stdout, out), stderr: (stderr, err) }) = self.unread.take() {
            self.readers = vec![collect(stdout, out), collect(stderr, err)];
        }
    }

    /// Waits for the end of the process, and for all it had to say.
    pub async fn exited(&mut self) -> ExitStatus {
        let status = soon("the end of the extension", self.child.wait()).await;
        for reader in self.readers.drain(..) {
            reader.await.ok();
        }
        status.expect("BUG: a child of this process can be awaited")
    }

    /// The process, as the kernel knows it.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("a process that still runs")
    }

    /// Its standard output and standard error so far.
    pub fn said(&self) -> String {
        let streams = [&self.stdout, &self.stderr];
        streams.map(|stream| String::from_utf8_lossy(&stream.borrow()).into_owned()).concat()
    }

    /// Its standard output so far.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.stdout.borrow()).into_owned()
    }

    /// Its standard error so far.
    pub fn logged(&self) -> String {
        String::from_utf8_lossy(&self.stderr.borrow()).into_owned()
    }

    /// The first whole line of standard output that holds `text`.
    pub async fn line_with(&self, text: &str) -> String {
        line_with(self.stdout.clone(), text).await
    }

    /// The first whole line of standard error that holds `text`.
    pub async fn log_with(&self, text: &str) -> String {
        line_with(self.stderr.clone(), text).await
    }

    /// Closes the reading end of its standard output.
    pub async fn close_stdout(&mut self) {
        let reader = self.readers.remove(0);
        reader.abort();
        reader.await.ok();
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the extension said ---\n{}---", self.said());
        }
    }
}

/// Takes everything that `stream` brings.
fn collect(mut stream: impl AsyncRead + Unpin + Send + 'static, said: watch::Sender<Vec<u8>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            said.send_modify(|said| said.extend_from_slice(&buffer[..read]));
        }
    })
}

async fn line_with(mut stream: watch::Receiver<Vec<u8>>, text: &str) -> String {
    let find = |said: &[u8]| {
        let said = String::from_utf8_lossy(said);
        let mut whole = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.find(|line| line.contains(text)).map(|line| line.trim_end().to_owned())
    };
    let found = async {
        loop {
            if let Some(line) = find(&stream.borrow_and_update()) {
                return line;
            }
            stream.changed().await.unwrap_or_else(|_| panic!("no line with {text} before the end"));
        }
    };
    soon(text, found).await
}
