//! One private cluster for the run, made anew and gone afterwards.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use usher::cluster::{ClusterOptions, ClusterUrls, PrivateCluster};

/// The addresses of the run's database, migrated.
#[expect(
    clippy::disallowed_methods,
    reason = "the server's binaries are looked for where a shell would look"
)]
pub fn urls() -> &'static ClusterUrls {
    static CLUSTER: OnceLock<PrivateCluster> = OnceLock::new();
    CLUSTER
        .get_or_init(|| {
            let folder = std::env::temp_dir().join(format!("usher-tests-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            guard(&folder);
            let options = ClusterOptions {
                data_dir: folder,
                server_bin_dir: None,
                search_path: std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect(),
            };
            let cluster = PrivateCluster::start(&options).unwrap();
            super::runtime().block_on(app::migrate(&cluster.urls().owner)).unwrap();
            cluster
        })
        .urls()
}

/// A process that outlives this one just long enough to stop the server and remove the folder: it waits for the end of
/// a pipe that closes when this process ends, however it ends.
fn guard(folder: &Path) {
    const SCRIPT: &str = r#"trap : INT TERM HUP; read -r _; pid=$(head -n 1 "$1/postgres/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"; sleep 1; rm -rf "$1""#;
    let mut guardian = Command::new("sh")
        .args(["-c", SCRIPT, "guardian"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    guardian.stdin.as_mut().unwrap().flush().unwrap();
    // Neither waited for nor dropped: both its end and the pipe's are this process's end.
    std::mem::forget(guardian);
}
