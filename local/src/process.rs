//! One process of a sandbox: the leader of a process group, its output line by line, its memory, its end.
//!
//! A process may start others (a shell, a wrapper that does not exec). They are in its group, and the group is killed when its
//! head ends and when [`Process`] is dropped: nothing of a sandbox outlives it.

use crate::log::SandboxLog;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

/// A line longer than this is written in pieces, so that a process cannot fill our memory.
const MAX_LINE: usize = 64 * 1024;

/// What to start.
#[derive(Debug)]
pub(crate) struct Program {
    /// Whose output it is: `runtime`, or the extension's name.
    pub(crate) source: String,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub(crate) environment: Vec<(String, OsString)>,
    pub(crate) directory: PathBuf,
}

/// A running process group.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) source: String,
    group: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    outputs: Vec<mpsc::Sender<oneshot::Sender<()>>>,
}

impl Process {
    /// Starts it. `on_exit` is called once, when its head has ended and its group is killed.
    pub(crate) fn start(
        program: &Program,
        log: &Arc<SandboxLog>,
        on_exit: impl FnOnce(ExitStatus) + Send + 'static,
    ) -> std::io::Result<Self> {
        let mut child = spawn(program)?;
        let group = group_of(&child)?;
        let outputs = [
            child.stdout.take().map(|stdout| pump(stdout, log, &program.source)),
            child.stderr.take().map(|stderr| pump(stderr, log, &program.source)),
        ];
        let (sender, exit) = watch::channel(None);
        tokio::spawn(async move {
            // Waiting for one's own child fails only if somebody else reaped it; then it is gone as well.
            let status = child.wait().await.unwrap_or_default();
            kill(group, Signal::KILL);
            sender.send_replace(Some(status));
            on_exit(status);
        });
        Ok(Self { source: program.source.clone(), group, exit, outputs: outputs.into_iter().flatten().collect() })
    }

    /// SIGTERM to the whole group.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGKILL to the whole group.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // After the end the number may belong to somebody else.
        if self.exit.borrow().is_none() {
            kill(self.group, signal);
        }
    }

    /// Waits for its end.
    pub(crate) async fn exited(&self) {
        // An error means that the waiting task is gone, and with it the process.
        drop(self.exit.clone().wait_for(Option::is_some).await);
    }

    /// Waits until everything the process has written so far is in the log.
    pub(crate) async fn drain_output(&self) {
        for output in &self.outputs {
            let (done, drained) = oneshot::channel();
            if output.send(done).await.is_ok() {
                // An error means that the output has ended, read to its end.
                drop(drained.await);
            }
        }
    }

    /// The peak memory of the process and its descendants, each at its own peak, in KiB; 0 after its end.
    pub(crate) fn peak_memory(&self) -> u64 {
        peak_memory_of_tree(self.group.as_raw_nonzero().get())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(program: &Program) -> std::io::Result<Child> {
    let (executable, arguments) = program.command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    Command::new(executable)
        .args(arguments)
        .env_clear()
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn group_of(child: &Child) -> std::io::Result<Pid> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.and_then(Pid::from_raw).ok_or_else(|| std::io::Error::other("the process ended while it was started"))
}

fn kill(group: Pid, signal: Signal) {
    match kill_process_group(group, signal) {
        // Nobody is left.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => tracing::warn!(%error, ?group, "cannot signal a process group"),
    }
}

/// Reads an output to its end in a separate task; the channel asks whether all that was written is read.
fn pump<R>(reader: R, log: &Arc<SandboxLog>, source: &str) -> mpsc::Sender<oneshot::Sender<()>>
where
    R: AsyncRead + AsFd + Unpin + Send + 'static,
{
    let (sender, asked) = mpsc::channel(1);
    tokio::spawn(read_lines(reader, asked, Arc::clone(log), source.to_owned()));
    sender
}

async fn read_lines<R>(
    mut reader: R,
    mut asked: mpsc::Receiver<oneshot::Sender<()>>,
    log: Arc<SandboxLog>,
    source: String,
) where
    R: AsyncRead + AsFd + Unpin,
{
    let mut buffer = Vec::with_capacity(4096);
    let mut waiting: Option<oneshot::Sender<()>> = None;
    loop {
        tokio::select! {
            biased;
            read = reader.read_buf(&mut buffer) => match read {
                Ok(1..) => write_lines(&mut buffer, &log, &source),
                Ok(0) | Err(_) => break,
            },
            question = asked.recv(), if waiting.is_none() => match question {
                Some(question) => waiting = Some(question),
                // The process is dropped and killed; what is left is of no sandbox.
                None => break,
            },
        }
        if is_empty(&reader) {
            waiting.take().map(|question| question.send(()));
        }
    }
    if !buffer.is_empty() {
        log.line(&source, String::from_utf8_lossy(&buffer).into_owned());
    }
}

/// Whether the pipe holds nothing; the reactor alone would not know of bytes written a moment ago.
fn is_empty(reader: &impl AsFd) -> bool {
    rustix::io::ioctl_fionread(reader).is_ok_and(|bytes| bytes == 0)
}

/// Logs the complete lines of `buffer` and leaves the rest.
fn write_lines(buffer: &mut Vec<u8>, log: &SandboxLog, source: &str) {
    let mut start = 0;
    while let Some(length) = next_line(&buffer[start..]) {
        let line = &buffer[start..start + length];
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        log.line(source, String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text)).into_owned());
        start += length;
    }
    buffer.drain(..start);
}

/// The length of the first line with its end, or of as much as is logged at once.
fn next_line(bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n').map(|end| end + 1);
    end.or_else(|| (bytes.len() >= MAX_LINE).then_some(MAX_LINE))
}

fn peak_memory_of_tree(process: i32) -> u64 {
    let own =
        std::fs::read_to_string(format!("/proc/{process}/status")).ok().and_then(|status| peak_memory_in(&status));
    own.unwrap_or(0) + children(process).into_iter().map(peak_memory_of_tree).sum::<u64>()
}

/// `VmHWM:     3100 kB`.
fn peak_memory_in(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// A child belongs to the thread that started it.
fn children(process: i32) -> Vec<i32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Logs;
    use crate::platform_log::LogFormat;

    #[test]
    fn lines_end_at_line_feeds_and_at_the_limit() {
        assert_eq!(next_line(b"one\ntwo"), Some(4));
        assert_eq!(next_line(b"unfinished"), None);
        assert_eq!(next_line(&vec![b'x'; MAX_LINE + 5]), Some(MAX_LINE));
    }

    #[test]
    fn peak_memory_is_read_from_the_status() {
        assert_eq!(peak_memory_in("Name:\tx\nVmHWM:\t    3100 kB\nVmRSS:\t 10 kB\n"), Some(3100));
        assert!(peak_memory_of_tree(i32::try_from(std::process::id()).unwrap()) > 0);
    }

    #[tokio::test]
    async fn output_is_drained_up_to_what_was_written() {
        let (logs, mut lines) = Logs::channel();
        let log = Arc::new(SandboxLog::new("f", logs, LogFormat::Text));
        let program = Program {
            source: "runtime".into(),
            command: ["sh", "-c", "echo out; echo err >&2; exec cat /proc/self/stat"].map(OsString::from).into(),
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            directory: std::env::temp_dir(),
        };
        let process = Process::start(&program, &log, |_| ()).unwrap();
        process.exited().await;
        process.drain_output().await;
        let mut texts = Vec::new();
        while let Ok(line) = lines.try_recv() {
            texts.push(line.text);
        }
        assert!(texts.contains(&"out".to_owned()) && texts.contains(&"err".to_owned()), "{texts:?}");
        assert_eq!(process.peak_memory(), 0);
    }
}
