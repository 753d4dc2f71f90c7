//! The two locks of a data folder. Knows file locks; does not know what they protect.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::ClusterError;
use super::layout::not_writable;

/// An open lock file. The lock belongs to the open file, so it ends with the process however that ends.
#[derive(Debug)]
pub(super) struct LockFile {
    path: PathBuf,
    file: File,
}

impl LockFile {
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self, ClusterError> {
        let path = folder.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(not_writable(&path))?;
        Ok(Self { path, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock for this process alone; `false` when somebody else has it.
    pub(super) fn try_exclusive(&self) -> Result<bool, ClusterError> {
        self.taken(self.file.try_lock())
    }

    /// Takes the lock together with others; `false` when somebody has it alone.
    pub(super) fn try_shared(&self) -> Result<bool, ClusterError> {
        self.taken(self.file.try_lock_shared())
    }

    /// Gives a shared lock back and takes the exclusive one if nobody else holds any.
    pub(super) fn try_upgrade(&self) -> Result<bool, ClusterError> {
        self.file.unlock().map_err(self.refused())?;
        self.try_exclusive()
    }

    fn taken(&self, result: Result<(), TryLockError>) -> Result<bool, ClusterError> {
        match result {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(self.refused()(error)),
        }
    }

    fn refused(&self) -> impl FnOnce(std::io::Error) -> ClusterError {
        ClusterError::io(format!("lock {}", self.path.display()))
    }
}
