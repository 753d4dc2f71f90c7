//! The server process. Knows how it is started, adopted, watched and stopped; does not know who wants it.

use std::fs::OpenOptions;
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::error::ClusterError;
use super::layout::{Layout, not_writable};
use super::memory;
use super::probe::{Answer, As, ask};
use super::run_as::{RunAs, run};

/// Between two looks at a server that is coming up.
const LOOK: Duration = Duration::from_millis(20);
/// Between two attempts to start beside processes that are about to end.
const IN_THE_WAY: Duration = Duration::from_millis(250);
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_mins(1);
/// How long a server may say that it is recovering.
const RECOVERY: Duration = Duration::from_mins(10);
/// How long a fast shutdown may take.
const SHUTDOWN_SECONDS: u32 = 120;

/// What the server must be told whatever its configuration file says. The log keeps neither statements nor the
/// details of errors: both repeat names.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_connections=200",
    "logging_collector=off",
    "log_destination=stderr",
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_statement=none",
    "cluster_name=usher",
];

/// The part of the memory that Postgres may keep pages in, as its manual has it (§20.4.1), and in MiB at least (its
/// default) and at most.
const PART_OF_MEMORY: u64 = 4;
const BUFFERS: RangeInclusive<u64> = 128..=8192;

/// Everything a server is started from.
#[derive(Debug)]
pub(super) struct Installation {
    pub(super) layout: Layout,
    pub(super) binaries: Binaries,
    pub(super) run_as: RunAs,
}

/// A server that answered.
#[derive(Debug)]
pub(super) enum Postmaster {
    /// Our own child.
    Child(Child),
    /// Another process' child, or an orphan.
    Adopted,
}

impl Postmaster {
    /// Adopts the server that runs on the data directory, or starts one, and waits until it takes connections.
    ///
    /// Only the keeper may call this. It gives up when `stop` becomes true.
    pub(super) fn ensure(place: &Installation, stop: &AtomicBool) -> Result<Self, ClusterError> {
        let mut patience = Patience::new(stop);
        loop {
            match ask(&place.layout.socket(), As::Superuser) {
                Answer::Ready | Answer::NotSetUp => return Ok(Self::Adopted),
                Answer::Busy => patience.wait_for_recovery()?,
                Answer::Silent => match holder(place) {
                    Holder::Nobody => match start(place, stop) {
                        Err(ClusterError::NotStarted { reason, .. })
                            if in_the_way(&reason) && patience.wait_for_answer() =>
                        {
                            tracing::warn!("Waiting for the last processes of a killed Postgres to end");
                            std::thread::sleep(IN_THE_WAY);
                        }
                        outcome => return outcome,
                    },
                    Holder::Stranger => remove_stale(&place.layout)?,
                    Holder::Server(pid) => {
                        if !patience.wait_for_answer() {
                            return Err(patience.interrupted().unwrap_or_else(|| {
                                ClusterError::NotAnswering {
                                    pid,
                                    data: place.layout.data.clone(),
                                    socket: place.layout.socket_dir.clone(),
                                }
                            }));
                        }
                    }
                },
            }
        }
    }

    /// Whether the server is still there. A child's end is seen at once; an adopted server is asked.
    pub(super) fn is_alive(&mut self, layout: &Layout) -> bool {
        match self {
            Self::Child(child) => matches!(child.try_wait(), Ok(None)),
            Self::Adopted => ask(&layout.socket(), As::Superuser) != Answer::Silent,
        }
    }

    /// Stops the server in order: running transactions are rolled back, everything committed is on disk.
    pub(super) fn stop(self, place: &Installation) -> Result<(), ClusterError> {
        let mut server = self;
        let runs = match &mut server {
            Self::Child(child) => matches!(child.try_wait(), Ok(None)),
            Self::Adopted => matches!(holder(place), Holder::Server(_)),
        };
        if !runs {
            return Ok(());
        }
        let stopped = pg_ctl_stop(place, "fast").or_else(|error| {
            tracing::warn!(%error, "Postgres did not stop in time; stopping it at once, it will recover at the next start");
            pg_ctl_stop(place, "immediate")
        });
        if let Self::Child(mut child) = server {
            // Reaps the process; when stopping failed there is nothing to wait for.
            if stopped.is_ok() {
                child.wait().map_err(ClusterError::io("wait for Postgres to end"))?;
            }
        }
        stopped
    }
}

fn pg_ctl_stop(place: &Installation, mode: &str) -> Result<(), ClusterError> {
    let mut pg_ctl = place.run_as.command(&place.binaries.program("pg_ctl"));
    pg_ctl.arg("stop").arg("-D").arg(&place.layout.data).args([
        "-w",
        "-t",
        &SHUTDOWN_SECONDS.to_string(),
        "-m",
        mode,
    ]);
    run(pg_ctl, "pg_ctl stop").map(drop)
}

/// Starts a server and waits until it takes connections.
fn start(place: &Installation, stop: &AtomicBool) -> Result<Postmaster, ClusterError> {
    let layout = &place.layout;
    place.run_as.check_enterable(&layout.data)?;
    layout.prepare_socket_dir(&place.run_as)?;
    layout.rotate_log()?;
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&layout.log)
        .map_err(not_writable(&layout.log))?;
    let said_before = log.metadata().map_err(not_writable(&layout.log))?.len();
    let copy = log.try_clone().map_err(not_writable(&layout.log))?;
    let mut postgres = place.run_as.command(&place.binaries.program("postgres"));
    postgres.arg("-D").arg(&layout.data).stdout(copy).stderr(log).stdin(Stdio::null());
    for setting in SETTINGS {
        postgres.args(["-c", setting]);
    }
    postgres.arg("-c").arg(format!("unix_socket_directories={}", layout.socket_dir.display()));
    postgres.arg("-c").arg(format!("shared_buffers={}MB", buffers(memory::available())));
    let mut child = postgres.spawn().map_err(ClusterError::io("start Postgres"))?;
    let mut patience = Patience::new(stop);
    loop {
        if child.try_wait().map_err(ClusterError::io("watch Postgres"))?.is_some() {
            return Err(ClusterError::NotStarted {
                reason: last_words(&layout.log, said_before),
                log: layout.log.clone(),
            });
        }
        match ask(&layout.socket(), As::Superuser) {
            Answer::Ready | Answer::NotSetUp => return Ok(Postmaster::Child(child)),
            Answer::Busy => patience.wait_for_recovery()?,
            Answer::Silent => {
                if !patience.wait_for_answer() {
                    return Err(patience.interrupted().unwrap_or_else(|| ClusterError::NotAnswering {
                        pid: child.id(),
                        data: layout.data.clone(),
                        socket: layout.socket_dir.clone(),
                    }));
                }
            }
        }
    }
}

/// What Postgres may keep pages in, in MiB, of so many bytes of memory.
fn buffers(memory: Option<u64>) -> u64 {
    let part = memory.unwrap_or_default() / PART_OF_MEMORY / 1024 / 1024;
    part.clamp(*BUFFERS.start(), *BUFFERS.end())
}

/// Whether a server could not start because of what a killed one left: backends that still hold its shared memory,
/// or its last moments.
fn in_the_way(reason: &str) -> bool {
    reason.contains("pre-existing shared memory block") || reason.contains("lock file \"postmaster.pid\"")
}

/// The fatal line of what the server said since `start`, else all of its end.
fn last_words(log: &Path, start: u64) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let since = usize::try_from(start).ok().and_then(|start| text.get(start..)).unwrap_or_default();
    let text = String::from_utf8_lossy(since);
    // What it told those who came too early (our own probe) is not why it ended.
    let why = |line: &&str| {
        ["FATAL:", "PANIC:"].iter().any(|word| line.contains(word))
            && !line.contains("the database system is")
    };
    let fatal = text.lines().rfind(why);
    match fatal.or_else(|| text.lines().rfind(|line| !line.trim().is_empty())) {
        Some(line) => line.trim().to_owned(),
        None => "it said nothing".to_owned(),
    }
}

/// Who the number in `postmaster.pid` belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    /// No file, or no such process: Postgres itself cleans up.
    Nobody,
    /// A server process on this data directory.
    Server(u32),
    /// A process that has nothing to do with it: numbers are given again, in a restarted container above all.
    Stranger,
}

/// A server process works in its data directory, which tells it from any other.
fn holder(place: &Installation) -> Holder {
    let data = &place.layout.data;
    let pid = std::fs::read_to_string(data.join("postmaster.pid"))
        .ok()
        .and_then(|text| text.lines().next()?.trim().parse::<u32>().ok());
    let Some(pid) = pid else { return Holder::Nobody };
    match place.run_as.working_folder(pid) {
        Some(folder) if folder == *data => Holder::Server(pid),
        Some(_) => Holder::Stranger,
        // A process that does not show its folder to the server's own user is another user's.
        None if Path::new("/proc").join(pid.to_string()).exists() => Holder::Stranger,
        None => Holder::Nobody,
    }
}

/// Removes the lock files of a server that is gone, whose number now belongs to somebody else: Postgres would
/// refuse to start. That is safe here: no other Usher starts a server, for we hold the keeper's lock, and a
/// starting Postgres looks for processes that still use the data directory's shared memory with or without the
/// file (since version 12).
fn remove_stale(layout: &Layout) -> Result<(), ClusterError> {
    tracing::warn!(
        "Removing the lock file of a Postgres that is gone; its process number belongs to another now"
    );
    for path in [layout.data.join("postmaster.pid"), layout.socket().with_extension("5432.lock")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(not_writable(&path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Waits in small steps, for silence less long than for recovery.
struct Patience<'a> {
    since: Instant,
    stop: &'a AtomicBool,
}

impl<'a> Patience<'a> {
    fn new(stop: &'a AtomicBool) -> Self {
        Self { since: Instant::now(), stop }
    }

    /// One step; `false` when it has been long enough or Usher stops.
    fn wait_for_answer(&self) -> bool {
        self.step(SILENCE)
    }

    /// One step; recovery of a large cluster may take its time.
    fn wait_for_recovery(&mut self) -> Result<(), ClusterError> {
        if self.step(RECOVERY) {
            return Ok(());
        }
        Err(self.interrupted().unwrap_or_else(|| ClusterError::Program {
            program: "Postgres".to_owned(),
            output: "it is still recovering after ten minutes; its log says how far it is".to_owned(),
        }))
    }

    fn interrupted(&self) -> Option<ClusterError> {
        self.stop.load(Ordering::Relaxed).then_some(ClusterError::Interrupted)
    }

    fn step(&self, most: Duration) -> bool {
        if self.since.elapsed() > most || self.stop.load(Ordering::Relaxed) {
            return false;
        }
        std::thread::sleep(LOOK);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path) -> Installation {
        let layout = Layout::of(folder).unwrap();
        std::fs::create_dir(&layout.data).unwrap();
        let options = crate::cluster::ClusterOptions {
            data_dir: folder.into(),
            server_bin_dir: None,
            search_path: vec![],
        };
        Installation { layout, binaries: Binaries::find(&options, None).unwrap(), run_as: RunAs::Own }
    }

    fn pid_file(place: &Installation, pid: u32) {
        std::fs::write(place.layout.data.join("postmaster.pid"), format!("{pid}\n")).unwrap();
    }

    #[test]
    fn a_process_number_given_again_is_a_stranger() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        assert_eq!(holder(&place), Holder::Nobody);

        pid_file(&place, std::process::id());
        assert_eq!(holder(&place), Holder::Stranger);

        let mut server =
            std::process::Command::new("sleep").arg("60").current_dir(&place.layout.data).spawn().unwrap();
        pid_file(&place, server.id());
        assert_eq!(holder(&place), Holder::Server(server.id()));

        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(holder(&place), Holder::Nobody);
    }

    #[test]
    fn postgres_has_its_part_of_the_memory() {
        assert_eq!(buffers(Some(24 << 30)), 6144);
        assert_eq!((buffers(Some(512 << 20)), buffers(Some(1 << 40)), buffers(None)), (128, 8192, 128));
    }

    #[test]
    fn the_last_words_are_the_fatal_ones_since_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(
            &log,
            "old FATAL:  x\nLOG:  a\nFATAL:  could not\nFATAL:  the database system is starting up\nLOG:  database system is shut down\n",
        )
        .unwrap();

        assert_eq!(last_words(&log, 14), "FATAL:  could not");
        assert_eq!(last_words(&log, 1000), "it said nothing");
    }
}
