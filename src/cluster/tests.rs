//! Facts about the private cluster, on real servers.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::{ClusterOptions, ClusterState, PrivateCluster};

struct Place {
    _folder: tempfile::TempDir,
    options: ClusterOptions,
}

impl Place {
    fn new() -> Self {
        Self::below("data")
    }

    fn below(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The user that runs the server must be able to enter.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let data_dir = folder.path().join(name);
        Self { options: options(&data_dir), _folder: folder }
    }

    fn start(&self) -> PrivateCluster {
        PrivateCluster::start(&self.options).unwrap()
    }

    /// The number in `postmaster.pid`, while a server runs.
    fn postmaster(&self) -> Option<String> {
        let file = self.options.data_dir.join("postgres/postmaster.pid");
        Some(std::fs::read_to_string(file).ok()?.lines().next()?.to_owned())
    }
}

fn options(data_dir: &Path) -> ClusterOptions {
    ClusterOptions { data_dir: data_dir.to_owned(), server_bin_dir: None, search_path: Vec::new() }
}

/// What a query answers; several rows and columns are lines and `|`.
fn query(url: &str, sql: &str) -> Result<String, String> {
    let psql = Binaries::find(&options(Path::new("/")), None).unwrap().program("psql");
    let output =
        Command::new(psql).args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_mins(1), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A second Usher process that holds the cluster until it is killed.
fn second_process(place: &Place) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster::tests::helper_holds_a_cluster", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{}", place.options.data_dir.display()).unwrap();
    let ready = BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .any(|line| line.is_ok_and(|line| line.contains("holds the cluster")));
    assert!(ready, "the second process did not start the cluster");
    child
}

#[test]
#[ignore = "run by other tests as a process of its own"]
fn helper_holds_a_cluster() {
    let mut lines = std::io::stdin().lines();
    let Some(data_dir) = lines.next() else { return };
    let cluster = PrivateCluster::start(&options(&PathBuf::from(data_dir.unwrap()))).unwrap();
    println!("holds the cluster");
    // Until the pipe closes, or forever.
    lines.for_each(drop);
    cluster.stop().unwrap();
}

#[test]
fn the_first_start_makes_a_durable_private_cluster_with_two_roles() {
    let place = Place::new();

    let cluster = place.start();
    let urls = cluster.urls().clone();

    let settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN \
                    ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'data_checksums', \
                    'server_encoding')";
    assert_eq!(
        query(&urls.app, settings).unwrap(),
        "data_checksums=on fsync=on full_page_writes=on listen_addresses= server_encoding=UTF8 synchronous_commit=on"
    );
    let rights = "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles \
                  WHERE rolname LIKE 'usher%' ORDER BY 1";
    assert_eq!(query(&urls.app, rights).unwrap(), "usher_app|f|f|f|f\nusher_owner|f|f|f|f");
    query(&urls.owner, "CREATE TABLE made_by_owner (id int)").unwrap();
    assert!(query(&urls.app, "CREATE TABLE made_by_app (id int)").unwrap_err().contains("permission denied"));
    assert!(query(&urls.app, "SELECT * FROM made_by_owner").unwrap_err().contains("permission denied"));
    let socket = place.options.data_dir.join("socket");
    assert_eq!(std::fs::metadata(socket).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(*cluster.state().borrow(), ClusterState::Ready);

    let state = cluster.state();
    cluster.stop().unwrap();
    assert_eq!(place.postmaster(), None);
    assert_eq!(*state.borrow(), ClusterState::Stopped);

    let again = place.start();
    assert_eq!(*again.urls(), urls);
    assert_eq!(query(&urls.owner, "SELECT count(*) FROM made_by_owner").unwrap(), "0");
}

#[test]
fn a_killed_server_comes_back_with_everything_committed() {
    let place = Place::new();
    let cluster = place.start();
    let owner = cluster.urls().owner.clone();
    query(&owner, "CREATE TABLE kept (id int)").unwrap();
    // A backend that is busy when its postmaster dies lives on for a while, and must be waited for.
    let busy = owner.clone();
    let orphan =
        std::thread::spawn(move || query(&busy, "SELECT count(*) FROM generate_series(1, 20000000)"));

    for round in 1..=3 {
        query(&owner, "INSERT INTO kept VALUES (1)").unwrap();
        let killed = place.postmaster().unwrap();
        kill(&killed);
        eventually("the server is back", || {
            place.postmaster().is_some_and(|pid| pid != killed) && query(&owner, "SELECT 1").is_ok()
        });
        assert_eq!(query(&owner, "SELECT count(*) FROM kept").unwrap(), round.to_string());
    }

    let state = cluster.state();
    eventually("the state is ready again", || *state.borrow() == ClusterState::Ready);
    orphan.join().unwrap().ok();
}

#[test]
fn a_second_process_attaches_and_the_last_one_out_stops_the_server() {
    let place = Place::new();
    let first = place.start();
    let server = place.postmaster();
    let mut second = second_process(&place);
    assert_eq!(place.postmaster(), server);

    let urls = first.urls().clone();
    first.stop().unwrap();
    assert_eq!(place.postmaster(), server);
    assert!(query(&urls.app, "SELECT 1").is_ok());

    // The one that is left looks after the server now.
    kill(&server.clone().unwrap());
    eventually("the second process restarts the server", || {
        place.postmaster() != server && query(&urls.app, "SELECT 1").is_ok()
    });

    drop(second.stdin.take());
    assert!(second.wait().unwrap().success());
    assert_eq!(place.postmaster(), None);
}

#[test]
fn the_server_of_a_killed_usher_is_adopted() {
    let place = Place::new();
    let mut killed = second_process(&place);
    let server = place.postmaster().unwrap();

    killed.kill().unwrap();
    killed.wait().unwrap();
    let heir = place.start();

    assert_eq!(place.postmaster().unwrap(), server);
    assert!(query(&heir.urls().app, "SELECT 1").is_ok());

    // An adopted server is watched too, and stopped in the end.
    kill(&server);
    eventually("the heir restarts the server", || {
        place.postmaster().is_some_and(|pid| pid != server) && query(&heir.urls().app, "SELECT 1").is_ok()
    });
    heir.stop().unwrap();
    assert_eq!(place.postmaster(), None);
}

#[test]
fn a_survivor_takes_over_from_a_killed_keeper() {
    let place = Place::new();
    let mut keeper = second_process(&place);
    let survivor = place.start();
    let server = place.postmaster().unwrap();

    keeper.kill().unwrap();
    keeper.wait().unwrap();
    kill(&server);

    eventually("the survivor restarts the server", || {
        place.postmaster().is_some_and(|pid| pid != server) && query(&survivor.urls().app, "SELECT 1").is_ok()
    });
    survivor.stop().unwrap();
    assert_eq!(place.postmaster(), None);
}

#[test]
fn usher_and_postgres_killed_together_recover_from_the_log() {
    let place = Place::new();
    let mut usher = second_process(&place);
    let url = super::layout::Layout::of(&place.options.data_dir).unwrap().urls().owner;
    query(&url, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)").unwrap();

    usher.kill().unwrap();
    kill(&place.postmaster().unwrap());
    usher.wait().unwrap();
    // The dead server's number may be anybody's by now: here, this test's.
    let file = place.options.data_dir.join("postgres/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&file, format!("{}\n{rest}", std::process::id())).unwrap();
    let cluster = place.start();

    assert_eq!(query(&cluster.urls().owner, "SELECT id FROM kept").unwrap(), "7");
}

#[test]
fn a_command_attaches_to_what_runs_and_stops_what_it_started() {
    let place = Place::new();

    let alone = PrivateCluster::attach(&place.options).unwrap();
    assert!(query(&alone.urls().app, "SELECT 1").is_ok());
    alone.stop().unwrap();
    assert_eq!(place.postmaster(), None);

    let server = place.start();
    let beside = PrivateCluster::attach(&place.options).unwrap();
    assert_eq!(beside.urls(), server.urls());
    drop(beside);
    assert!(query(&server.urls().app, "SELECT 1").is_ok());
    drop(server);
    assert_eq!(place.postmaster(), None);
}

#[test]
fn processes_that_start_at_once_share_one_server() {
    let place = Place::new();

    let urls: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| place.start())).collect();
        let clusters: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
        clusters
            .iter()
            .map(|cluster| query(&cluster.urls().app, "SELECT pg_postmaster_start_time()").unwrap())
            .collect()
    });

    assert!(urls.windows(2).all(|pair| pair[0] == pair[1]), "{urls:?}");
    assert_eq!(place.postmaster(), None);
}

#[test]
fn processes_that_end_at_once_leave_no_server_behind() {
    let place = Place::new();
    let ended = AtomicBool::new(false);

    std::thread::scope(|scope| {
        // Children, that have every file open until they become another program.
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let left: Vec<_> = (0..6)
            .map(|_| {
                let clusters: Vec<_> = (0..4).map(|_| place.start()).collect();
                let ends: Vec<_> = clusters.into_iter().map(|one| scope.spawn(move || drop(one))).collect();
                for end in ends {
                    end.join().unwrap();
                }
                place.postmaster()
            })
            .collect();
        ended.store(true, Ordering::Relaxed);
        assert_eq!(left, vec![None::<String>; 6]);
    });
}

#[test]
fn a_folder_with_a_long_and_odd_path_works() {
    let place = Place::below(&format!("two words, é/{}", "long-".repeat(24)));

    let cluster = place.start();

    assert_eq!(query(&cluster.urls().app, "SELECT current_user").unwrap(), "usher_app");
    let socket_dir = super::layout::Layout::of(&place.options.data_dir).unwrap().socket_dir;
    cluster.stop().unwrap();
    std::fs::remove_dir(socket_dir).unwrap();
}

#[test]
fn a_half_made_cluster_is_made_again() {
    let place = Place::new();
    std::fs::create_dir_all(place.options.data_dir.join("postgres.new/base")).unwrap();
    std::fs::create_dir_all(place.options.data_dir.join("postgres")).unwrap();

    let cluster = place.start();

    assert!(query(&cluster.urls().app, "SELECT 1").is_ok());
    assert!(!place.options.data_dir.join("postgres.new").exists());
}

#[test]
fn a_folder_that_the_servers_user_cannot_enter_is_named() {
    if !super::run_as::is_root() {
        return;
    }
    let place = Place::below("closed/data");
    let closed = place.options.data_dir.parent().unwrap();
    std::fs::create_dir(closed).unwrap();
    std::fs::set_permissions(closed, std::fs::Permissions::from_mode(0o700)).unwrap();

    let text = PrivateCluster::start(&place.options).unwrap_err().to_string();

    assert!(text.contains(&format!("cannot enter {}.", closed.display())), "{text}");
}

#[test]
fn data_handed_to_root_is_handed_back() {
    if !super::run_as::is_root() {
        return;
    }
    let place = Place::new();
    drop(place.start());
    let data = place.options.data_dir.join("postgres");
    assert!(Command::new("chown").args(["-R", "root:root"]).arg(&data).status().unwrap().success());

    let cluster = place.start();

    assert!(query(&cluster.urls().app, "SELECT 1").is_ok());
}
