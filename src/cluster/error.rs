//! What can keep the private cluster from running. Knows sentences that say what to do; does not know processes.

use std::io;
use std::path::PathBuf;

/// The private cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server binaries.
    #[error(
        "No Postgres server (version {minimum} or newer) was found in {searched}. Install one (on Debian and Ubuntu: \
         apt-get install postgresql), set database.server_bin_dir to the folder that holds its `postgres` and \
         `initdb`, or set database.url to use a server of your own."
    )]
    NoServer {
        /// The oldest version that will do.
        minimum: u32,
        /// Where it was looked for.
        searched: String,
    },
    /// The data folder was made by another major version.
    #[error(
        "The data folder {} was made by Postgres {data}, and only Postgres {installed} is installed. Install the \
         package postgresql-{data}, or move the data with that version's pg_dump into a new folder.", path.display()
    )]
    VersionMismatch {
        /// The data directory.
        path: PathBuf,
        /// Its major version.
        data: u32,
        /// The versions there are.
        installed: String,
    },
    /// Something else is where the data should be.
    #[error("{} {what}. Set database.data_dir to another folder, or move what is there away.", path.display())]
    Occupied {
        /// What is occupied.
        path: PathBuf,
        /// By what.
        what: &'static str,
    },
    /// The folder cannot be made or written.
    #[error(
        "Cannot write in {}: {source}. Make it writable for the user that runs Usher, or set database.data_dir to a \
         folder that is.", path.display()
    )]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server's user cannot reach the folder.
    #[error(
        "Postgres does not run as root, and the user {user} cannot enter {}. Set database.data_dir to a folder that \
         everybody can enter the parents of, like /var/lib/usher.", folder.display()
    )]
    NotEnterable {
        /// The folder that is closed.
        folder: PathBuf,
        /// Who cannot enter.
        user: String,
    },
    /// Started as root, and nobody to run the server as.
    #[error(
        "Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as. Add the user \
         `postgres` (adduser --system postgres), or start Usher as an ordinary user."
    )]
    NoServerUser,
    /// The socket folder cannot be trusted.
    #[error(
        "The folder {} for the Postgres socket {what}. Remove it, or set database.data_dir to a path of at most \
         {longest} characters, so that the socket fits into it.", path.display()
    )]
    SocketFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// How long a data folder's path may be.
        longest: usize,
    },
    /// A program of Postgres failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Which one.
        program: String,
        /// What it said.
        output: String,
    },
    /// The server ended while starting.
    #[error("Postgres did not start: {reason} (more in {}).", log.display())]
    NotStarted {
        /// The end of its log.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
    /// A process holds the data folder and does not answer.
    #[error(
        "Postgres process {pid} runs on {} but does not answer on {}. Stop it with `kill -INT {pid}` and try again.",
        data.display(), socket.display()
    )]
    NotAnswering {
        /// Its process id.
        pid: u32,
        /// The data directory.
        data: PathBuf,
        /// Where it should answer.
        socket: PathBuf,
    },
    /// Another Usher process starts or stops the cluster and does not finish.
    #[error(
        "Another Usher process holds {} and its Postgres has not become ready in time. See {} for what it waits for.",
        lock.display(), log.display()
    )]
    Held {
        /// The lock.
        lock: PathBuf,
        /// The server's log.
        log: PathBuf,
    },
    /// Usher was asked to stop while it waited.
    #[error("Stopped while waiting for Postgres.")]
    Interrupted,
    /// Anything else the system refused.
    #[error("Cannot {what}: {source}.")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl ClusterError {
    /// For `map_err` on an input or output operation.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}
