//! Chromium without a screen, driven by `testbed/pages/pages.mjs`: what a person sees and does at the pages for browsers.

use std::process::Command;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::provider::{node, state};

/// One browser at a time: it takes all that a small machine has.
static TURN: Semaphore = Semaphore::const_new(1);

/// Plays a scene of the program's, and fails with what it found otherwise than expected.
pub async fn play(scene: &'static str, given: Value) {
    let folder = state().join("pages");
    assert!(folder.join("pages.mjs").exists(), "{} is not there: run `./x setup` first", folder.display());
    let mut program = Command::new(node());
    program.arg(folder.join("pages.mjs")).args([scene, &given.to_string()]);
    let _turn = TURN.acquire().await.unwrap();
    let done = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    assert!(done.status.success(), "{scene}: {}", String::from_utf8_lossy(&done.stderr));
}
