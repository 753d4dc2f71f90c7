//! The private Postgres cluster. Knows processes, files and locks; does not know tables or HTTP.
//!
//! With no `database.url` configured, Usher runs its own Postgres from the installed server binaries: the same
//! engine as in production, reached only through a unix socket in a folder of mode 700.
//!
//! # What lies in the data folder
//!
//! | name | what |
//! |---|---|
//! | `postgres/` | Postgres' own data directory, with the file `made_by_usher` as our mark |
//! | `postgres.new/` | the same while it is being made; what a crash leaves of it is thrown away |
//! | `socket/` | the socket, unless its path would be too long (then a folder in `/run` or `/tmp`) |
//! | `postgres.log` | what the server says; statements and details are kept out of it |
//! | `users.lock` | locked shared by every Usher process that uses the cluster |
//! | `keeper.lock` | locked exclusively by the one process that starts, watches and restarts the server |
//!
//! # Who keeps the server
//!
//! The first process to lock `keeper.lock` is the *keeper*: it starts the server, or adopts the one that a killed
//! Usher left running, and restarts it when it dies. Everybody else is attached: they use the socket, and try for
//! the keeper's lock every half second, so that a keeper that was killed is replaced. A process that ends as
//! keeper, or finds the post vacant, stops the server only when it can lock `users.lock` exclusively, that is when
//! nobody else uses it. Locks belong to open files and vanish with the process, so nothing is left to clean up.
//!
//! Crash recovery is Postgres' own. Two things are done around it: a `postmaster.pid` whose number now belongs to
//! an unrelated process is removed, and backends that outlive a killed postmaster are waited for, because Postgres
//! does not start beside them.

mod binaries;
mod error;
mod initialise;
mod keeper;
mod layout;
mod locks;
mod memory;
mod postmaster;
mod probe;
mod roles;
mod run_as;
mod supervisor;

use std::path::PathBuf;

use tokio::sync::watch;

use crate::config::DatabaseConfig;

pub use error::ClusterError;

use keeper::Membership;
use supervisor::Supervisor;

/// Where the cluster lives and where its programs are looked for.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Usher's data folder.
    pub data_dir: PathBuf,
    /// The folder of the server binaries; without it they are looked for.
    pub server_bin_dir: Option<PathBuf>,
    /// The folders of `PATH`.
    pub search_path: Vec<PathBuf>,
}

impl From<&DatabaseConfig> for ClusterOptions {
    fn from(config: &DatabaseConfig) -> Self {
        Self {
            data_dir: config.data_dir.clone(),
            server_bin_dir: config.server_bin_dir.clone(),
            search_path: config.search_path.clone(),
        }
    }
}

/// How to reach the cluster's database, one address per role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterUrls {
    /// The running role: owns nothing, held to row-level security.
    pub app: String,
    /// The owning role, which migrates.
    pub owner: String,
}

/// Whether the cluster can be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    /// It takes connections.
    Ready,
    /// It died and is being brought back.
    Restarting,
    /// This process has let go of it.
    Stopped,
}

/// A running private cluster, held for as long as this value lives.
///
/// Starting and stopping block the thread for up to seconds; call them outside the async runtime or through
/// `spawn_blocking`.
#[derive(Debug)]
pub struct PrivateCluster {
    urls: ClusterUrls,
    hold: Option<Hold>,
    state: watch::Receiver<ClusterState>,
}

#[derive(Debug)]
enum Hold {
    /// A thread watches the server.
    Watched(Supervisor),
    /// A command that runs and goes.
    Brief(Membership),
}

impl PrivateCluster {
    /// Starts the cluster, or attaches to the running one, and watches it until [`PrivateCluster::stop`]: a server
    /// that dies is started again.
    pub fn start(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let membership = Membership::join(options)?;
        let urls = membership.urls();
        let (supervisor, state) = Supervisor::watch(membership)?;
        Ok(Self { urls, hold: Some(Hold::Watched(supervisor)), state })
    }

    /// The same for a command that runs and goes: attaches to the running cluster, else starts it and stops it at
    /// the end; watches nothing.
    pub fn attach(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let membership = Membership::join(options)?;
        let urls = membership.urls();
        let (_, state) = watch::channel(ClusterState::Ready);
        Ok(Self { urls, hold: Some(Hold::Brief(membership)), state })
    }

    /// The addresses of the database `usher`.
    pub fn urls(&self) -> &ClusterUrls {
        &self.urls
    }

    /// Follows whether the cluster can be used, for readiness.
    pub fn state(&self) -> watch::Receiver<ClusterState> {
        self.state.clone()
    }

    /// Lets go of the cluster, and stops the server if nobody else uses it. Dropping does the same, in silence.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.release()
    }

    fn release(&mut self) -> Result<(), ClusterError> {
        match self.hold.take() {
            Some(Hold::Watched(supervisor)) => supervisor.stop(),
            Some(Hold::Brief(membership)) => membership.leave(),
            None => Ok(()),
        }
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::error!(%error, "Could not stop the private Postgres cluster; it will be adopted at the next start");
        }
    }
}

#[cfg(test)]
mod tests;
