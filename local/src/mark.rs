//! The mark by which the processes of one lambda-local are found when it is gone.
//!
//! Every process that lambda-local starts carries the mark in its environment, and so does everything that such a process starts. A
//! second process, the [`Sweeper`], waits for the end of its standard input, which comes however lambda-local ends, also by
//! `kill -9`, and then kills what carries the mark. A signal on the parent's death would not do: grandchildren do not inherit it.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The variable that holds the mark.
const VARIABLE: &str = "LAMBDA_LOCAL_ID";
/// How long processes are looked for that were being started.
const LONGEST_SWEEP: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// What all processes of one lambda-local carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// Of another process, by its text.
    pub fn of(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Name and value of the variable that marks a process.
    pub(crate) fn variable(&self) -> (&'static str, &str) {
        (VARIABLE, &self.0)
    }

    /// Waits for the end of standard input, and kills every process that carries the mark then.
    pub fn sweep_at_end_of_input(&self) -> io::Result<()> {
        io::copy(&mut io::stdin().lock(), &mut io::sink())?;
        self.sweep();
        Ok(())
    }

    /// Until none is found twice in a row: what was killed may have been starting another.
    fn sweep(&self) {
        let (end, mut clean) = (Instant::now() + LONGEST_SWEEP, 0);
        while clean < 2 && Instant::now() < end {
            let found = self.processes();
            clean = if found.is_empty() { clean + 1 } else { 0 };
            for process in found {
                if let Err(error) = kill_process(process, Signal::KILL) {
                    tracing::debug!(%error, ?process, "it has ended in the meantime");
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn processes(&self) -> Vec<Pid> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter(|entry| self.is_on(&entry.path())).filter_map(|entry| pid(&entry.path())).collect()
    }

    /// A process of another user cannot be read, and a zombie has no environment.
    fn is_on(&self, process: &Path) -> bool {
        let mut environment = Vec::new();
        let read = std::fs::File::open(process.join("environ")).and_then(|mut file| file.read_to_end(&mut environment));
        let marked = format!("{VARIABLE}={}", self.0);
        read.is_ok() && environment.split(|byte| *byte == 0).any(|variable| variable == marked.as_bytes())
    }
}

fn pid(process: &Path) -> Option<Pid> {
    Pid::from_raw(process.file_name()?.to_str()?.parse().ok()?)
}

/// The process that ends all others, if nothing else has.
#[derive(Debug)]
pub struct Sweeper(Child);

impl Sweeper {
    /// Starts `program`, which calls [`Mark::sweep_at_end_of_input`] with the mark that comes after `arguments`.
    pub fn start(program: &Path, arguments: &[&str], mark: &Mark) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let child = Command::new(program)
            .args(arguments)
            .arg(&mark.0)
            .stdin(Stdio::piped())
            // Signals of the terminal are for lambda-local.
            .process_group(0)
            .spawn()?;
        Ok(Self(child))
    }

    /// Lets it sweep, and waits for it.
    pub fn finish(mut self) -> io::Result<()> {
        drop(self.0.stdin.take());
        self.0.wait().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_found_by_their_mark_and_grandchildren_with_them() {
        let (mark, other) = (Mark::new(), Mark::new());
        let start = |mark: &Mark| {
            let (name, value) = mark.variable();
            Command::new("sh").args(["-c", "sleep 60 & wait"]).env(name, value).spawn().unwrap()
        };
        let (mut ours, mut theirs) = (start(&mark), start(&other));
        let end = Instant::now() + Duration::from_secs(10);
        while mark.processes().len() < 2 || other.processes().len() < 2 {
            assert!(Instant::now() < end, "{:?} {:?}", mark.processes(), other.processes());
            std::thread::sleep(PAUSE);
        }
        mark.sweep();
        assert!(mark.processes().is_empty());
        assert_eq!(other.processes().len(), 2);
        other.sweep();
        ours.wait().unwrap();
        theirs.wait().unwrap();
    }
}
