//! The real extension as a child process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::soon;

/// A running `lrap`. It is killed when dropped; what it said is shown when the test fails.
pub(crate) struct Extension {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    /// Where the runtime finds it.
    pub(crate) listener: SocketAddr,
}

impl Extension {
    /// Starts the binary with exactly this environment.
    pub(crate) fn spawn(listener: SocketAddr, environment: &BTreeMap<String, String>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lrap"))
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the extension binary starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().expect("BUG: stdout is piped");
        let stderr = child.stderr.take().expect("BUG: stderr is piped");
        let readers = vec![collect(stdout, &said), collect(stderr, &said)];
        Self { child, said, readers, listener }
    }

    /// Waits for the end of the process, and for all it had to say.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        let status = soon("the end of the extension", self.child.wait()).await;
        for reader in self.readers.drain(..) {
            reader.await.ok();
        }
        status.expect("BUG: a child of this process can be awaited")
    }

    /// Its standard output and standard error so far.
    pub(crate) fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the extension said ---\n{}---", self.said());
        }
    }
}

fn collect(mut stream: impl AsyncRead + Unpin + Send + 'static, said: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let said = Arc::clone(said);
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.extend_from_slice(&buffer[..read]);
        }
    })
}
