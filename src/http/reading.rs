//! How one request of a provisioning client is read, and the count of what that took. Knows headers and metrics; does not
//! know what a leniency is for.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use app::provision::TenantTypes;
use app::{App, AppError, DirectoryScope};
use scim::dialect::{Clues, Dialect};
use scim::schema::Types;

use super::metrics::Metrics;
use super::recording::Recording;
use super::state::AppState;

/// The dialect that a request is read in. However the request ends, what it took is counted then.
pub(super) struct Reading {
    dialect: Dialect,
    types: Arc<TenantTypes>,
    directory: DirectoryScope,
    app: Arc<App>,
    metrics: Arc<Metrics>,
    recording: Option<Recording>,
}

impl Reading {
    /// Asks how this directory's client speaks, telling what the request says of it.
    pub(super) async fn of(
        request: &HttpRequest,
        directory: &DirectoryScope,
        state: &AppState,
    ) -> Result<Self, AppError> {
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let clues = Clues { agent, query: request.query_string() };
        let recording = Recording::of(request);
        if let Some(recording) = &recording {
            recording.belongs_to(directory);
        }
        let dialect = state.app.dialect(directory, clues).await?;
        let types = state.app.types(directory).await?;
        let (app, metrics) = (Arc::clone(&state.app), Arc::clone(&state.metrics));
        Ok(Self { dialect, types, directory: directory.clone(), app, metrics, recording })
    }

    /// What its tenant has.
    pub(super) fn types(&self) -> &Types {
        self.types.types()
    }

    /// The dialect.
    pub(super) fn dialect(&self) -> &Dialect {
        &self.dialect
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let used = self.dialect.used();
        if let Some(recording) = &self.recording {
            recording.took(self.dialect.as_str(), used, &self.types);
        }
        if used.is_empty() {
            return;
        }
        tracing::debug!(
            directory.id = %self.directory.directory(), dialect = self.dialect.as_str(), leniencies = ?used,
            "Read a request leniently"
        );
        for leniency in used.iter() {
            self.metrics.count_leniency(self.dialect.as_str(), leniency.as_str());
        }
        self.app.note_leniencies(&self.directory, used);
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}
