//! The installed server binaries. Knows where distributions put them; does not know the data.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ClusterOptions;
use super::error::ClusterError;

/// The oldest major version that will do.
const MINIMUM: u32 = 14;
/// The programs of a server.
const PROGRAMS: &[&str] = &["postgres", "initdb", "pg_ctl", "psql"];
/// Folders with one sub-folder per major version: Debian and Ubuntu.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The parent of `pgsql-<version>`: Red Hat and its kin.
const RED_HAT: &str = "/usr";

/// The folder of one installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// The server of the data's own major version, else for new data the newest.
    pub(super) fn find(options: &ClusterOptions, data: Option<(&Path, u32)>) -> Result<Self, ClusterError> {
        let candidates = candidates(options);
        let mut installed: Vec<Self> =
            candidates.iter().filter_map(|folder| Self::in_folder(folder)).collect();
        installed.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        match data {
            Some((path, wanted)) if !installed.is_empty() => {
                let versions: Vec<String> = installed.iter().map(|found| found.major.to_string()).collect();
                installed.into_iter().find(|found| found.major == wanted).ok_or_else(|| {
                    ClusterError::VersionMismatch {
                        path: path.to_owned(),
                        data: wanted,
                        installed: versions.join(", "),
                    }
                })
            }
            _ => installed.into_iter().next().ok_or_else(|| ClusterError::NoServer {
                minimum: MINIMUM,
                searched: options.server_bin_dir.as_ref().map_or_else(
                    || format!("PATH, {DEBIAN}/*/bin and {RED_HAT}/pgsql-*/bin"),
                    |folder| format!("database.server_bin_dir ({})", folder.display()),
                ),
            }),
        }
    }

    /// The path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The major version.
    pub(super) fn major(&self) -> u32 {
        self.major
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        if !PROGRAMS.iter().all(|program| folder.join(program).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = major_version(std::str::from_utf8(&output.stdout).ok()?)?;
        (major >= MINIMUM).then(|| Self { folder: folder.to_owned(), major })
    }
}

/// The number in `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split(')').nth(1)?.trim_start();
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn candidates(options: &ClusterOptions) -> Vec<PathBuf> {
    if let Some(folder) = &options.server_bin_dir {
        return vec![folder.clone()];
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in &options.search_path {
        // A link in PATH points into the folder where the other programs are too.
        if let Ok(postgres) = folder.join("postgres").canonicalize() {
            folders.extend(postgres.parent().map(Path::to_owned));
        }
    }
    folders.extend(entries(Path::new(DEBIAN)).map(|version| version.join("bin")));
    folders.extend(
        entries(Path::new(RED_HAT))
            .filter(|path| {
                path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with("pgsql-"))
            })
            .map(|version| version.join("bin")),
    );
    folders.sort();
    folders.dedup();
    folders
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: Option<&str>) -> ClusterOptions {
        ClusterOptions {
            data_dir: PathBuf::new(),
            server_bin_dir: folder.map(PathBuf::from),
            search_path: Vec::new(),
        }
    }

    #[test]
    fn the_major_version_is_read_from_every_packager() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("postgres (EnterpriseDB Advanced Server) 16.4.1\n"), Some(16));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn a_missing_server_is_a_sentence_that_names_the_package() {
        let text = Binaries::find(&options(Some("/nowhere")), None).unwrap_err().to_string();

        assert!(text.contains("database.server_bin_dir (/nowhere)"), "{text}");
        assert!(text.contains("apt-get install postgresql"), "{text}");
    }

    #[test]
    fn data_of_another_major_version_is_refused_by_name() {
        let text = Binaries::find(&options(None), Some((Path::new("/data"), 9))).unwrap_err().to_string();

        assert!(text.contains("/data was made by Postgres 9"), "{text}");
        assert!(text.contains("postgresql-9"), "{text}");
    }
}
