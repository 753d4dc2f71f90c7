//! The paths of the cluster. Knows folders, their owners and the length of a socket's address; does not know
//! processes.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::ClusterUrls;
use super::error::ClusterError;
use super::run_as::{self, RunAs};

/// The file by which a data directory is known as ours.
pub(super) const MARK: &str = "made_by_usher";
/// The longest address of a unix socket, without the closing zero.
const SOCKET_ADDRESS_LIMIT: usize = 107;
/// The socket's name in its folder.
const SOCKET: &str = ".s.PGSQL.5432";
/// A log longer than this is set aside at the next start.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;

/// Every path of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Usher's data folder, absolute and without links.
    pub(super) root: PathBuf,
    /// Postgres' data directory.
    pub(super) data: PathBuf,
    /// The data directory while it is made.
    pub(super) draft: PathBuf,
    /// The folder of the socket.
    pub(super) socket_dir: PathBuf,
    /// What the server says.
    pub(super) log: PathBuf,
}

impl Layout {
    /// Makes the data folder if need be and derives the paths; the same folder gives the same paths to every
    /// process.
    pub(super) fn of(data_dir: &Path) -> Result<Self, ClusterError> {
        if data_dir.exists() && !data_dir.is_dir() {
            return Err(ClusterError::Occupied { path: data_dir.to_owned(), what: "is not a folder" });
        }
        // Mode 711: as root, the server runs as another user below it. What is private has its own mode.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(data_dir)
            .map_err(not_writable(data_dir))?;
        let root = data_dir.canonicalize().map_err(not_writable(data_dir))?;
        Ok(Self {
            data: root.join("postgres"),
            draft: root.join("postgres.new"),
            socket_dir: socket_dir(&root),
            log: root.join("postgres.log"),
            root,
        })
    }

    /// The socket itself.
    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(SOCKET)
    }

    /// The major version of the data that is there; nothing for a folder still to be made.
    pub(super) fn data_version(&self) -> Result<Option<u32>, ClusterError> {
        let occupied = |what| ClusterError::Occupied { path: self.data.clone(), what };
        if !self.data.exists() {
            return Ok(None);
        }
        if !self.data.is_dir() {
            return Err(occupied("is not a folder"));
        }
        let mut entries = std::fs::read_dir(&self.data).map_err(not_writable(&self.data))?;
        if entries.next().is_none() {
            return Ok(None);
        }
        let Ok(version) = std::fs::read_to_string(self.data.join("PG_VERSION")) else {
            return Err(occupied("holds something that is not a Postgres cluster"));
        };
        if !self.data.join(MARK).exists() {
            return Err(occupied("holds a Postgres cluster that Usher did not make"));
        }
        version.trim().parse().map(Some).or(Err(occupied("holds a Postgres cluster of an unknown version")))
    }

    /// Makes the folder of the socket, mode 700 and the server's own. In `/tmp` anybody may have made it before
    /// us, so what is there is looked at before it is trusted.
    pub(super) fn prepare_socket_dir(&self, run_as: &RunAs) -> Result<(), ClusterError> {
        let path = &self.socket_dir;
        let wrong = |what: String| ClusterError::SocketFolder {
            path: path.clone(),
            what,
            longest: SOCKET_ADDRESS_LIMIT.saturating_sub("/socket/".len()).saturating_sub(SOCKET.len()),
        };
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => run_as.own(path)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(wrong(format!("cannot be made: {error}"))),
        }
        let found = std::fs::symlink_metadata(path).map_err(|error| wrong(error.to_string()))?;
        if !found.is_dir() {
            return Err(wrong("is not a folder".to_owned()));
        }
        if !run_as.owns(&found) {
            let in_data_folder = path.starts_with(&self.root);
            // Below our own data folder an older owner's folder is handed over; elsewhere it is a stranger's.
            // Root's own is one that was interrupted between being made and being handed over.
            if !run_as::is_root() || !(in_data_folder || found.uid() == 0) {
                return Err(wrong("belongs to another user".to_owned()));
            }
            run_as.own(path)?;
        }
        if found.mode() & 0o077 != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
                .map_err(|error| wrong(error.to_string()))?;
        }
        Ok(())
    }

    /// Sets a long log aside; two are kept.
    pub(super) fn rotate_log(&self) -> Result<(), ClusterError> {
        if std::fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_LIMIT) {
            std::fs::rename(&self.log, self.log.with_extension("log.1")).map_err(not_writable(&self.log))?;
        }
        Ok(())
    }

    /// The addresses of the database, in the form `tokio-postgres` and `libpq` both read. The folder's path has
    /// only characters that need no escaping, see [`socket_dir`].
    pub(super) fn urls(&self) -> ClusterUrls {
        let url = |user| format!("postgres:///usher?host={}&user={user}", self.socket_dir.display());
        ClusterUrls { app: url("usher_app"), owner: url("usher_owner") }
    }
}

pub(super) fn not_writable(path: &Path) -> impl FnOnce(std::io::Error) -> ClusterError {
    |source| ClusterError::NotWritable { path: path.to_owned(), source }
}

/// The folder `socket` of the data folder, or when its address were too long, or had characters that the server's
/// list of folders or a URL gives a meaning, a folder in `/run` or `/tmp` named after the data folder.
fn socket_dir(root: &Path) -> PathBuf {
    let near = root.join("socket");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let fits = near.join(SOCKET).as_os_str().len() <= SOCKET_ADDRESS_LIMIT;
    if fits && near.to_str().is_some_and(|path| path.chars().all(plain)) {
        return near;
    }
    let name = fingerprint(root.as_os_str().as_encoded_bytes());
    if run_as::is_root() && Path::new("/run").is_dir() {
        return PathBuf::from(format!("/run/usher-{name:016x}"));
    }
    PathBuf::from(format!("/tmp/usher-{}-{name:016x}", run_as::own_uid()))
}

/// FNV-1a: the same in every build of Usher, which the standard library's hasher does not promise.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_plain_path_keeps_its_socket_beside_the_data() {
        assert_eq!(socket_dir(Path::new("/var/lib/usher")), Path::new("/var/lib/usher/socket"));
    }

    #[test]
    fn a_long_or_odd_path_gets_a_short_socket_folder_of_its_own() {
        let long = PathBuf::from(format!("/srv/{}", "long/".repeat(20)));
        for root in [long.as_path(), Path::new("/srv/two words"), Path::new("/srv/a,b"), Path::new("/srv/é")]
        {
            let folder = socket_dir(root);
            assert!(folder.starts_with("/run") || folder.starts_with("/tmp"), "{}", folder.display());
            assert!(folder.join(SOCKET).as_os_str().len() <= SOCKET_ADDRESS_LIMIT);
            assert_eq!(folder, socket_dir(root));
        }
        assert_ne!(socket_dir(Path::new("/srv/a,b")), socket_dir(Path::new("/srv/a,c")));
    }

    #[test]
    fn a_folder_in_use_by_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::of(folder.path()).unwrap();
        assert_eq!(layout.data_version().unwrap(), None);

        std::fs::create_dir(&layout.data).unwrap();
        assert_eq!(layout.data_version().unwrap(), None);

        std::fs::write(layout.data.join("diary.txt"), "").unwrap();
        let text = layout.data_version().unwrap_err().to_string();
        assert!(text.contains("holds something that is not a Postgres cluster"), "{text}");

        std::fs::write(layout.data.join("PG_VERSION"), "15\n").unwrap();
        let text = layout.data_version().unwrap_err().to_string();
        assert!(text.contains("a Postgres cluster that Usher did not make"), "{text}");

        std::fs::write(layout.data.join(MARK), "").unwrap();
        assert_eq!(layout.data_version().unwrap(), Some(15));
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data");
        std::fs::write(&file, "").unwrap();

        let text = Layout::of(&file).unwrap_err().to_string();

        assert!(text.contains("is not a folder. Set database.data_dir"), "{text}");
    }

    #[test]
    fn a_strangers_socket_folder_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let mut layout = Layout::of(folder.path()).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        layout.socket_dir = elsewhere.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &layout.socket_dir).unwrap();

        let text = layout.prepare_socket_dir(&RunAs::Own).unwrap_err().to_string();

        assert!(text.contains("is not a folder"), "{text}");
    }
}
