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

    /// Gives the lock back, whichever of the two it was.
    pub(super) fn release(&self) -> Result<(), ClusterError> {
        self.file.unlock().map_err(self.refused())
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

/// Closing is not enough: a child that is about to become another program has the file open for a moment longer.
impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = self.release();
    }
}
