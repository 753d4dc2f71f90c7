//! The program as somebody uses it who sits at a terminal: on the shared database, by its own configuration file. Knows how a command is
//! run and what it prints; does not know any of them.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::cluster::urls;

/// A folder with a configuration; gone with the value.
pub struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    /// One whose program serves under this public address, with more lines in its configuration.
    pub fn of(public: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\npublic_url = \"{public}\"\n\
             [database]\nurl = \"{}\"\npool_size = 4\n\
             [[secrets.keys]]\nid = \"test\"\nkey = \"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"\n\
             [egress]\nallow_loopback = true\n[development]\ninsecure_cookies = true\n{more}",
            urls().app
        );
        std::fs::write(folder.path().join("usher.toml"), settings).unwrap();
        Self { folder }
    }

    /// One at which nobody serves.
    pub fn new() -> Self {
        Self::of("http://127.0.0.1:9000", "")
    }

    /// A command that is not run yet.
    pub fn command<T: AsRef<OsStr>>(&self, words: &[T]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.arg("--config").arg(self.folder.path().join("usher.toml")).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A file beside the configuration, with this in it.
    pub fn file(&self, name: &str, holds: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, holds).unwrap();
        path
    }

    /// What a command that succeeds answers in JSON.
    #[track_caller]
    pub fn json<T: AsRef<OsStr> + std::fmt::Debug>(&self, words: &[T]) -> Value {
        let mut command = self.command(words);
        let output = command.arg("--json").output().unwrap();
        serde_json::from_str(&printed(words, &output)).unwrap()
    }

    /// What a command that succeeds prints for people.
    #[track_caller]
    pub fn says<T: AsRef<OsStr> + std::fmt::Debug>(&self, words: &[T]) -> String {
        printed(words, &self.command(words).output().unwrap())
    }

    /// What a command that succeeds prints for people when this is typed into it.
    #[track_caller]
    pub fn says_to<T: AsRef<OsStr> + std::fmt::Debug>(&self, words: &[T], typed: &str) -> String {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        printed(words, &child.wait_with_output().unwrap())
    }

    /// Why a command is not done.
    #[track_caller]
    pub fn refuses<T: AsRef<OsStr> + std::fmt::Debug>(&self, words: &[T]) -> String {
        let output = self.command(words).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

#[track_caller]
fn printed<T: std::fmt::Debug>(words: &[T], output: &Output) -> String {
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
