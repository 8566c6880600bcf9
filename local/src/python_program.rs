//! A program in Python that is part of this one: written to a temporary folder, and run as a [`ChildProgram`].

use crate::child_program::{ChildProgram, NotRunning, Output};
use crate::mark::Mark;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// Name and text of each file.
pub(crate) type Files = [(&'static str, &'static str)];

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct PythonProgram {
    running: ChildProgram,
    _folder: TempDir,
}

/// A program that is about to be started.
#[derive(Debug)]
pub(crate) struct Unpacked {
    folder: TempDir,
}

impl Unpacked {
    pub(crate) fn new(files: &Files) -> Result<Self, NotRunning> {
        let folder = tempfile::tempdir().map_err(NotRunning::Start)?;
        for (name, text) in files {
            let path = folder.path().join("program").join(name);
            let parent = path.parent().expect("BUG: the file is in a folder");
            std::fs::create_dir_all(parent).map_err(NotRunning::Start)?;
            std::fs::write(path, text).map_err(NotRunning::Start)?;
        }
        Ok(Self { folder })
    }

    /// A folder that goes when the program does.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it by `python` and waits until it serves.
    pub(crate) async fn start(
        self,
        python: &Path,
        mark: &Mark,
        settings: &Value,
    ) -> Result<(PythonProgram, Output), NotRunning> {
        let mut command = Command::new(python);
        command.arg(self.folder.path().join("program"));
        let (running, output) = ChildProgram::start(&mut command, mark, settings).await?;
        Ok((PythonProgram { running, _folder: self.folder }, output))
    }
}

impl PythonProgram {
    /// `http://127.0.0.1:port`.
    pub(crate) fn endpoint(&self) -> &str {
        self.running.endpoint()
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn end(self) -> std::io::Result<()> {
        self.running.end().await
    }
}
