//! The folder of what survives a restart, and of one lambda-local at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Why a folder cannot hold the state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It can be neither made nor written to.
    #[error("cannot keep the state in {}: {source}", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another lambda-local has it.
    #[error("another lambda-local keeps its state in {}: end it, or name another folder", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

/// The folder, locked as long as this is there. The system unlocks it however the process ends.
#[derive(Debug)]
pub(crate) struct StateFolder {
    folder: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Makes the folder if it is not there. Only its owner may look into it: secrets are among what it holds.
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        let folder = folder.to_owned();
        let unusable = |source| StateError::Unusable { folder: folder.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder.join("engine")).map_err(unusable)?;
        let lock = File::create(folder.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { folder }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// The file of all tables.
    pub(crate) fn tables(&self) -> PathBuf {
        self.folder.join("tables.db")
    }

    /// The folder of the engine's services.
    pub(crate) fn engine(&self) -> PathBuf {
        self.folder.join("engine")
    }

    /// The file of state machines.
    pub(crate) fn state_machines(&self) -> PathBuf {
        self.folder.join("state-machines.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_at_a_time() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("a/b");
        let held = StateFolder::open(&folder).unwrap();
        assert!(matches!(StateFolder::open(&folder), Err(StateError::InUse { .. })));
        drop(held);
        assert!(StateFolder::open(&folder).is_ok());
    }
}
