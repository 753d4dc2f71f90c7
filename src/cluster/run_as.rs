//! Under whose name Postgres runs. Knows users and `setpriv`; does not know what is run.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::ClusterError;

/// Where the helper programs of the system are found; the server's environment holds nothing else of ours.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Who runs the server when Usher is root, in this order.
const SERVER_USERS: &[&str] = &["postgres", "nobody"];

/// The user that Postgres runs as: it refuses to be root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunAs {
    /// Usher's own user.
    Own,
    /// Usher is root and steps down.
    Other { name: String, uid: u32, gid: u32 },
}

impl RunAs {
    /// Usher's own user, or for root the owner of the data that is there, else `postgres`, else `nobody`.
    pub(super) fn for_data(data: Option<&Metadata>) -> Result<Self, ClusterError> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let owner = data.map(MetadataExt::uid).filter(|uid| *uid != 0).map(|uid| uid.to_string());
        owner
            .as_deref()
            .into_iter()
            .chain(SERVER_USERS.iter().copied())
            .find_map(Self::named)
            .ok_or(ClusterError::NoServerUser)
    }

    /// A user by name or number, if the system knows it and it is not root.
    fn named(user: &str) -> Option<Self> {
        let uid = number(&["-u", user]).filter(|uid| *uid != 0)?;
        Some(Self::Other { name: id(&["-un", user])?, uid, gid: number(&["-g", user])? })
    }

    /// A command that runs as this user, with an empty environment, outside our terminal's process group (so that
    /// Ctrl-C reaches only Usher, which then stops the server in order).
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Other { uid, gid, .. } => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups", "--"])
                    .arg(program);
                command
            }
        };
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Hands `path` over to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), ClusterError> {
        match self {
            Self::Own => Ok(()),
            Self::Other { name, uid, gid } => std::os::unix::fs::lchown(path, Some(*uid), Some(*gid))
                .map_err(ClusterError::io(format!("give {} to the user {name}", path.display()))),
        }
    }

    /// Hands a whole folder over, as when root finds data that was restored by root.
    pub(super) fn own_all(&self, folder: &Path) -> Result<(), ClusterError> {
        let read = || ClusterError::io(format!("read the folder {}", folder.display()));
        for entry in std::fs::read_dir(folder).map_err(read())? {
            let entry = entry.map_err(read())?;
            if entry.file_type().map_err(read())?.is_dir() {
                self.own_all(&entry.path())?;
            } else {
                self.own(&entry.path())?;
            }
        }
        // The folder itself comes last: while it is not handed over, the work is not done.
        self.own(folder)
    }

    /// Makes sure that this user can enter `folder`.
    pub(super) fn check_enterable(&self, folder: &Path) -> Result<(), ClusterError> {
        let Self::Other { name, uid, gid } = self else { return Ok(()) };
        let mut test = self.command(Path::new("/usr/bin/test"));
        let tested = test.arg("-x").arg(folder).status().map_err(ClusterError::io(
            "run `setpriv`, which is in the package util-linux; without it Usher must not be started as root",
        ))?;
        if tested.success() {
            return Ok(());
        }
        let closed = |folder: &&Path| {
            std::fs::metadata(folder).is_ok_and(|metadata| {
                let bits = match metadata.mode() {
                    mode if metadata.uid() == *uid => mode >> 6,
                    mode if metadata.gid() == *gid => mode >> 3,
                    mode => mode,
                };
                bits & 1 == 0
            })
        };
        let blocking = folder.ancestors().filter(closed).last().unwrap_or(folder);
        Err(ClusterError::NotEnterable { folder: blocking.to_owned(), user: name.clone() })
    }

    /// The folder that a process works in, when the process is there and this user's (or Usher's own).
    pub(super) fn working_folder(&self, pid: u32) -> Option<PathBuf> {
        let link = Path::new("/proc").join(pid.to_string()).join("cwd");
        match std::fs::read_link(&link) {
            Ok(folder) => Some(folder),
            // In a container, even root sees only the folders of its own processes.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && *self != Self::Own => {
                let mut readlink = self.command(Path::new("/usr/bin/readlink"));
                readlink.arg(&link);
                let folder = run(readlink, "readlink").ok()?;
                Some(PathBuf::from(folder.strip_suffix('\n')?))
            }
            Err(_) => None,
        }
    }

    /// Whether this user owns `metadata`'s file.
    pub(super) fn owns(&self, metadata: &Metadata) -> bool {
        match self {
            Self::Own => number(&["-u"]) == Some(metadata.uid()),
            Self::Other { uid, .. } => *uid == metadata.uid(),
        }
    }
}

/// Whether Usher itself runs as root.
pub(super) fn is_root() -> bool {
    number(&["-u"]) == Some(0)
}

/// Usher's own user id.
pub(super) fn own_uid() -> u32 {
    number(&["-u"]).unwrap_or_default()
}

fn number(arguments: &[&str]) -> Option<u32> {
    id(arguments)?.parse().ok()
}

fn id(arguments: &[&str]) -> Option<String> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a program to its end; what it said is the error when it fails.
pub(super) fn run(mut command: Command, program: &str) -> Result<String, ClusterError> {
    let output = command.output().map_err(ClusterError::io(format!("run {program}")))?;
    finished(&output, program)
}

/// The standard output of a program that succeeded.
pub(super) fn finished(output: &std::process::Output, program: &str) -> Result<String, ClusterError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stderr.as_slice(), output.stdout.as_slice()].map(String::from_utf8_lossy).join("\n");
    let said = match said.trim() {
        "" => output.status.to_string(),
        text => text.to_owned(),
    };
    Err(ClusterError::Program { program: program.to_owned(), output: said })
}
