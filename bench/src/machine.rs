//! Where and on what a report was made: figures mean nothing without it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// The machine, and what measured on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's model.
    pub(crate) processor: String,
    /// How many processors there are.
    pub(crate) processors: usize,
    /// The kernel's version.
    pub(crate) kernel: String,
    /// The compiler's version.
    pub(crate) compiler: String,
    /// The commit of the working tree, if it is one.
    pub(crate) commit: String,
}

impl Machine {
    /// This one, now.
    pub(crate) fn this() -> anyhow::Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            processors: std::thread::available_parallelism()?.get(),
            kernel: kernel.trim().to_owned(),
            compiler: output("rustc", &["--version"]),
            commit: output("git", &["describe", "--always", "--dirty"]),
        })
    }
}

/// What a command says; a report is worth something without it too.
fn output(command: &str, arguments: &[&str]) -> String {
    let said = Command::new(command).args(arguments).output().ok().filter(|output| output.status.success());
    said.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A binary that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binary {
    /// The lane's name.
    pub(crate) lane: String,
    /// Its size as it is shipped, in bytes.
    pub(crate) size: u64,
}

impl Binary {
    /// The binary at `path`.
    pub(crate) fn of(lane: &str, path: &Path) -> anyhow::Result<Self> {
        let size = fs::metadata(path).with_context(|| format!("no binary at {}", path.display()))?.len();
        Ok(Self { lane: lane.to_owned(), size })
    }
}
