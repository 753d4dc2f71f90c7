//! Membership in a cluster. Knows who keeps the server and who only uses it; does not know threads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::error::ClusterError;
use super::initialise::initialise;
use super::layout::Layout;
use super::locks::LockFile;
use super::postmaster::{Installation, Postmaster};
use super::probe::{Answer, As, ask};
use super::roles;
use super::run_as::RunAs;
use super::{ClusterOptions, ClusterUrls};

/// How long another process may take to start or stop the cluster.
const OTHERS: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(50);

/// One process' part in the cluster.
#[derive(Debug)]
pub(super) struct Membership {
    place: Arc<Installation>,
    /// Held shared from joining to leaving.
    users: LockFile,
    keeper: LockFile,
    /// Present while this process is the keeper.
    kept: Option<Postmaster>,
}

impl Membership {
    /// Joins the cluster of a data folder: as its keeper if there is none, which starts or adopts the server, else
    /// as one of its users, when the keeper has it ready.
    pub(super) fn join(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let layout = Layout::of(&options.data_dir)?;
        let users = LockFile::open(&layout.root, "users.lock")?;
        let keeper = LockFile::open(&layout.root, "keeper.lock")?;
        let since = Instant::now();
        let held =
            |lock: &LockFile| ClusterError::Held { lock: lock.path().to_owned(), log: layout.log.clone() };
        // Whoever stops the server holds this lock alone meanwhile.
        while !users.try_shared()? {
            if since.elapsed() > OTHERS {
                return Err(held(&users));
            }
            std::thread::sleep(LOOK);
        }
        loop {
            if keeper.try_exclusive()? {
                let place = install(options, layout)?;
                let server = Postmaster::ensure(&place, &AtomicBool::new(false))?;
                roles::set_up(&place.layout, &place.binaries, &place.run_as)?;
                return Ok(Self { place: Arc::new(place), users, keeper, kept: Some(server) });
            }
            if ask(&layout.socket(), As::App) == Answer::Ready {
                let place = find(options, layout)?;
                return Ok(Self { place: Arc::new(place), users, keeper, kept: None });
            }
            if since.elapsed() > OTHERS {
                return Err(held(&keeper));
            }
            std::thread::sleep(LOOK);
        }
    }

    pub(super) fn urls(&self) -> ClusterUrls {
        self.place.layout.urls()
    }

    pub(super) fn is_keeper(&self) -> bool {
        self.kept.is_some()
    }

    /// Whether the server is this process' own child.
    pub(super) fn has_child(&self) -> bool {
        matches!(self.kept, Some(Postmaster::Child(_)))
    }

    /// Becomes the keeper if there is none; the server is looked after from then on.
    pub(super) fn try_become_keeper(&mut self) -> Result<bool, ClusterError> {
        if self.kept.is_none() && self.keeper.try_exclusive()? {
            self.kept = Some(Postmaster::Adopted);
        }
        Ok(self.is_keeper())
    }

    /// Whether the server is there, as far as this process can tell.
    pub(super) fn is_alive(&mut self) -> bool {
        let layout = &self.place.layout;
        match &mut self.kept {
            Some(server) => server.is_alive(layout),
            None => ask(&layout.socket(), As::App) == Answer::Ready,
        }
    }

    /// Brings a dead server back; only for the keeper.
    pub(super) fn revive(&mut self, stop: &AtomicBool) -> Result<(), ClusterError> {
        if self.kept.is_some() {
            // What comes up after we gave up on it is still ours to stop.
            self.kept = Some(Postmaster::Adopted);
            self.kept = Some(Postmaster::ensure(&self.place, stop)?);
        }
        Ok(())
    }

    /// Leaves; the last one out stops the server.
    ///
    /// Whoever finds `users.lock` taken may go: its holder stays, or is leaving as well and does not go before it has found
    /// the lock taken or stopped the server. So of those that leave at once one is always left over.
    pub(super) fn leave(mut self) -> Result<(), ClusterError> {
        self.users.release()?;
        while self.users.try_exclusive()? {
            self.try_become_keeper()?;
            if let Some(server) = self.kept.take() {
                return server.stop(&self.place);
            }
            // The keeper is leaving too and found us here; its post is vacant in a moment.
            self.users.release()?;
            std::thread::sleep(LOOK);
        }
        if self.kept.is_some() {
            tracing::info!("Left the private Postgres cluster running for another Usher process");
        }
        Ok(())
    }
}

/// Makes the data directory if it is not there; only for the keeper.
fn install(options: &ClusterOptions, layout: Layout) -> Result<Installation, ClusterError> {
    let place = find(options, layout)?;
    let data = &place.layout.data;
    if place.layout.data_version()?.is_none() {
        initialise(&place.layout, &place.binaries, &place.run_as)?;
    } else if !place.run_as.owns(&metadata(data)?) {
        match &place.run_as {
            RunAs::Own => {
                let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
                return Err(ClusterError::NotWritable { path: data.clone(), source });
            }
            RunAs::Other { name, .. } => {
                tracing::info!(user = %name, "Giving the private cluster's data to the user it runs as");
                place.run_as.own_all(data)?;
            }
        }
    }
    Ok(place)
}

/// Finds the programs and the user for the data that is there or will be.
fn find(options: &ClusterOptions, layout: Layout) -> Result<Installation, ClusterError> {
    let version = layout.data_version()?;
    let binaries = Binaries::find(options, version.map(|version| (layout.data.as_path(), version)))?;
    let existing = version.map(|_| metadata(&layout.data)).transpose()?;
    let run_as = RunAs::for_data(existing.as_ref())?;
    Ok(Installation { layout, binaries, run_as })
}

fn metadata(path: &Path) -> Result<std::fs::Metadata, ClusterError> {
    path.metadata().map_err(super::layout::not_writable(path))
}
