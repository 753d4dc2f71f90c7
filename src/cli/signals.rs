//! Signals that ask a process to end. Knows SIGINT and SIGTERM; does not know what ends.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::CliError;

/// Listens for SIGINT (Ctrl-C) and SIGTERM from the moment it is made; a signal that comes while nobody waits is kept.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen. Must be called inside the runtime.
    pub(super) fn listen() -> Result<Self, CliError> {
        let refused =
            |error: std::io::Error| CliError::Failed(format!("Signals cannot be listened for: {error}."));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(refused)?,
            terminate: signal(SignalKind::terminate()).map_err(refused)?,
        })
    }

    /// Waits for the next one and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
