//! A machine with Usher on it: a folder, a port, two programs. Knows processes; does not know what they are asked.

use std::fs::{DirBuilder, File};
use std::net::TcpStream;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use crate::support::program::free_port;

/// The longest that anything may take to come back, on a machine that is busy with other tests too.
pub const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(20);

/// Usher, its cluster, and their folder.
pub struct Machine {
    folder: PathBuf,
    pub base: String,
    environment: Vec<(&'static str, String)>,
    usher: Child,
    pub http: reqwest::Client,
}

/// What was set up.
pub struct Tenant {
    pub id: String,
    pub scim_token: String,
    pub operator_token: String,
}

pub const SLUG: &str = "crash";
/// The group that all clients share; its members have a flag.
pub const SHARED: &str = "Everybody";
/// Far fewer than people will come.
pub const SEATS: u32 = 60;

#[derive(QueryableByName)]
pub struct Line {
    #[diesel(sql_type = Text)]
    pub line: String,
}

impl Machine {
    /// A new folder, and Usher started in it.
    pub fn start(name: &str) -> Self {
        Self::with(name, &[])
    }

    /// The same with these settings besides.
    pub fn with(name: &str, more: &[(&'static str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("usher-crash-{}-{name}", std::process::id()));
        // The user that Postgres runs as must be able to enter.
        DirBuilder::new().mode(0o755).create(&folder).unwrap();
        guard(&folder);
        let port = free_port();
        let many = "1000000".to_owned();
        let mut environment = vec![
            ("USHER_HTTP_LISTEN", format!("127.0.0.1:{port}")),
            ("USHER_DATABASE_DATA_DIR", folder.join("data").display().to_string()),
            ("USHER_LIMITS_PER_CREDENTIAL_PER_SECOND", many.clone()),
            ("USHER_LIMITS_BURST", many.clone()),
            ("USHER_LIMITS_PER_ADDRESS_PER_SECOND", many),
            ("USHER_EGRESS_ALLOW_LOOPBACK", "true".to_owned()),
            ("USHER_LOG_LEVEL", "warn".to_owned()),
        ];
        environment.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let usher = spawn(&folder, &environment);
        let base = format!("http://127.0.0.1:{port}");
        Self { usher, folder, base, environment, http: http() }
    }

    /// A tenant with somebody who follows it at this address, a directory, seats, and a rule, made at the command line.
    pub fn tenant(&self, follower: &str) -> Tenant {
        let tenant =
            self.run(&["tenant", "create", "--slug", SLUG, "--name", "Crash", "--blueprint", "bellface"]);
        let of_tenant = |arguments: &[&str]| {
            let (noun_and_verb, rest) = arguments.split_at(2);
            self.run(&[noun_and_verb, &["--tenant", SLUG], rest].concat())
        };
        of_tenant(&["org-unit", "create", "--key", "top", "--name", "Top"]);
        of_tenant(&["directory", "create", "--slug", "directory", "--name", "Directory"]);
        let follower = ["--name", "Follower", "--address", follower];
        of_tenant(&[&["receiver", "create", "--kind", "webhook"], follower.as_slice()].concat());
        of_tenant(&["seat-pool", "set", "--purchased", &SEATS.to_string()]);
        of_tenant(&["mapping-rule", "create", "--priority", "10", "--group", SHARED, "--flag", "recolog"]);
        let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
        Tenant {
            id: text(&tenant, "id"),
            scim_token: text(&of_tenant(&["credential", "issue", "--directory", "directory"]), "token"),
            operator_token: text(&self.run(&["credential", "issue", "--operator"]), "token"),
        }
    }

    /// What a command answers, in JSON.
    pub fn run(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[&["--json"], arguments].concat())).unwrap()
    }

    /// What a command prints.
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = command(&self.folder, &self.environment).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn start_usher(&mut self) {
        self.usher = spawn(&self.folder, &self.environment);
    }

    pub fn kill_usher(&mut self) {
        self.usher.kill().unwrap();
        self.usher.wait().unwrap();
        std::fs::remove_file(self.folder.join("usher.pid")).unwrap();
    }

    /// Kills the postmaster, or all processes of the server at once, and says which the postmaster was.
    pub fn kill_postgres(&self, whole: bool) -> u32 {
        let postmaster = self.postmaster().expect("a postmaster");
        let mut pids = vec![postmaster.to_string()];
        if whole {
            let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
            pids.extend(children.unwrap_or_default().split_whitespace().map(str::to_owned));
        }
        // Some may have ended by themselves in between.
        Command::new("kill").arg("-KILL").args(pids).stderr(Stdio::null()).status().unwrap();
        postmaster
    }

    /// The postmaster that runs on our folder.
    fn postmaster(&self) -> Option<u32> {
        let data = self.folder.join("data/postgres");
        let pid = std::fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.parse().ok()?;
        let spelt = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&spelt).contains(data.to_str()?).then_some(pid)
    }

    /// Waits until Usher says that it can serve.
    pub async fn wait_until_ready(&mut self) {
        let since = Instant::now();
        while !self.is_ready().await {
            if let Some(ended) = self.usher.try_wait().unwrap() {
                panic!("Usher ended while starting: {ended}\n{}", self.last_words());
            }
            assert!(since.elapsed() < PATIENCE, "Usher did not become ready\n{}", self.last_words());
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let asked = self.http.get(format!("{}/readyz", self.base)).send().await;
        asked.is_ok_and(|response| response.status().is_success())
    }

    /// Waits until another postmaster serves. Whoever asks meanwhile gets the right answer or is told when to return.
    pub async fn wait_until_back(&mut self, killed: u32, tenant: &Tenant) {
        let since = Instant::now();
        let filter = format!("filter=displayName%20eq%20%22{SHARED}%22&excludedAttributes=members");
        let question = format!("{}/scim/v2/Groups?{filter}", self.base);
        loop {
            let back = self.postmaster().is_some_and(|pid| pid != killed) && self.is_ready().await;
            let asked = self.http.get(&question).bearer_auth(&tenant.scim_token).send().await;
            let answer =
                asked.unwrap_or_else(|error| panic!("Usher went too: {error}\n{}", self.last_words()));
            match answer.status().as_u16() {
                200 => {
                    let list: Value = answer.json().await.unwrap();
                    assert_eq!(list["totalResults"], 1, "{list}");
                    if back {
                        break;
                    }
                }
                503 => assert!(says_when_to_return(&answer), "{answer:?}"),
                other => panic!("{other} while Postgres was away\n{}", self.last_words()),
            }
            assert!(since.elapsed() < PATIENCE, "Postgres did not come back\n{}", self.last_words());
            tokio::time::sleep(LOOK).await;
        }
        assert!(self.usher.try_wait().unwrap().is_none(), "Usher ended\n{}", self.last_words());
    }

    /// A connection of the owning role.
    pub async fn database(&self) -> AsyncPgConnection {
        let url =
            format!("postgres:///usher?host={}&user=usher_owner", self.folder.join("data/socket").display());
        AsyncPgConnection::establish(&url).await.unwrap()
    }

    /// The server processes that work for Usher.
    pub async fn backends(&self) -> Vec<String> {
        let ours = "SELECT pid::text AS line FROM pg_stat_activity WHERE usename = 'usher_app'";
        let lines: Vec<Line> = diesel::sql_query(ours).load(&mut self.database().await).await.unwrap();
        lines.into_iter().map(|line| line.line).collect()
    }

    /// Waits until none of these server processes is there any more.
    pub async fn wait_until_gone(&self, backends: &[String]) {
        let since = Instant::now();
        while self.backends().await.iter().any(|pid| backends.contains(pid)) {
            assert!(since.elapsed() < PATIENCE, "a transaction outlives its Usher\n{}", self.last_words());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The end of both logs, for whoever has to find out why.
    pub fn last_words(&self) -> String {
        let end_of = |name: &str| {
            let bytes = std::fs::read(self.folder.join(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            format!("-- {name}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
        };
        format!("{}\n{}", end_of("usher.log"), end_of("data/postgres.log"))
    }

    /// Asks Usher to end, which must be in order and take the cluster along. A connection that has said nothing yet, as
    /// clients open them in advance, is nothing to wait for.
    pub fn stop(&mut self) {
        let _silent = TcpStream::connect(self.base.trim_start_matches("http://")).unwrap();
        let since = Instant::now();
        signal(self.usher.id(), "TERM");
        let ended = self.usher.wait().unwrap();
        assert!(ended.success(), "{ended}\n{}", self.last_words());
        assert!(since.elapsed() < Duration::from_secs(20), "Usher waited for nothing");
        assert_eq!(self.postmaster(), None, "Postgres was left behind");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.usher.kill().ok();
        self.usher.wait().ok();
        if let Some(pid) = self.postmaster() {
            signal(pid, "KILL");
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Whether a refusal says after how many seconds it is worth coming back.
pub fn says_when_to_return(answer: &reqwest::Response) -> bool {
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    header.is_some_and(|seconds| seconds.parse::<u32>().is_ok())
}

#[expect(clippy::disallowed_methods, reason = "this client plays the identity provider, outside of Usher")]
fn http() -> reqwest::Client {
    // An answer later than this is a defect: nothing that Usher waits for takes so long.
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(40)).build().unwrap()
}

fn signal(pid: u32, name: &str) {
    Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
}

fn command(folder: &Path, environment: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    // Variables of ours are meant for the tests.
    let inherited = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("USHER_"));
    command
        .current_dir(folder)
        .env_clear()
        .envs(inherited)
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null());
    command
}

fn spawn(folder: &Path, environment: &[(&str, String)]) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("usher.log")).unwrap();
    let child = command(folder, environment)
        .arg("serve")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    std::fs::write(folder.join("usher.pid"), child.id().to_string()).unwrap();
    child
}

/// A process that outlives this one, however this one ends, just long enough to end the programs and remove the folder.
fn guard(folder: &Path) {
    const SCRIPT: &str = r#"read -r _
        for file in usher.pid data/postgres/postmaster.pid; do
            pid=$(head -n 1 "$1/$file" 2>/dev/null) && kill -KILL "$pid"
        done
        sleep 1; rm -rf "$1""#;
    let guardian = Command::new("sh")
        .args(["-c", SCRIPT, "guardian"])
        .arg(folder)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Neither waited for nor dropped: the end of its input is this process's end.
    std::mem::forget(guardian);
}
