//! Brings the schema to this version. Knows the embedded migrations; run by the owner role, never by the running one.

use diesel::migration::MigrationVersion;
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Runs what is pending and returns how many migrations that were. Two processes that start at once take turns.
///
/// Must be called on a multi-threaded runtime.
pub async fn run(owner_url: &str) -> Result<usize, StoreError> {
    on_locked_connection(owner_url, |harness| {
        harness.run_pending_migrations(MIGRATIONS).map(|versions| versions.len())
    })
    .await
}

/// Reverts every migration, newest first, and returns how many that were: for the test that each can be taken back.
pub async fn revert_all(owner_url: &str) -> Result<usize, StoreError> {
    on_locked_connection(owner_url, |harness| {
        harness.revert_all_migrations(MIGRATIONS).map(|versions| versions.len())
    })
    .await
}

type Harness = AsyncMigrationHarness<AsyncPgConnection>;
type Outcome = Result<usize, Box<dyn std::error::Error + Send + Sync>>;

async fn on_locked_connection(
    owner_url: &str,
    work: impl FnOnce(&mut Harness) -> Outcome + Send + 'static,
) -> Result<usize, StoreError> {
    use diesel_async::SimpleAsyncConnection as _;
    let mut connection = AsyncPgConnection::establish(owner_url)
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    connection.batch_execute("SELECT pg_advisory_lock(7361676)").await?; // held until the connection closes
    tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(connection);
        work(&mut harness).map_err(|error| StoreError::Database(format!("a migration failed: {error}")))
    })
    .await
    .map_err(|error| StoreError::Database(error.to_string()))?
}

/// The version that this binary's migrations end at, as `/readyz` and `check-config` show it.
pub fn newest() -> Option<String> {
    use diesel::migration::{Migration, MigrationSource};
    let migrations: Vec<Box<dyn Migration<diesel::pg::Pg>>> = MIGRATIONS.migrations().ok()?;
    migrations.iter().map(|migration| version_of(&migration.name().version())).max()
}

fn version_of(version: &MigrationVersion<'_>) -> String {
    version.to_string()
}
