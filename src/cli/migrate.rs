//! `usher migrate`. Knows which address migrates; does not know migrations.

use serde::Serialize;

use super::answer::Answer;
use super::console::{self, Database};
use super::error::CliError;
use crate::config::Config;

pub(super) const EXAMPLE: &str = "\
The private database is migrated by itself. On a server of your own, migrations are run by the role that owns the
tables, which is not the role that Usher runs as:
  USHER_DATABASE_MIGRATE_URL=postgres://usher_owner:…@db.example/usher usher migrate";

#[derive(Serialize)]
struct Migrated {
    migrations: usize,
}

/// Runs what is pending.
pub(super) fn run(config: &Config) -> Result<Answer, CliError> {
    if config.database.url.is_some() && config.database.migrate_url.is_none() {
        return Err(CliError::Failed(
            "database.migrate_url is not set. Set it to the address of the role that owns the tables (for this \
             command alone: USHER_DATABASE_MIGRATE_URL=postgres://… usher migrate); the role of database.url owns \
             nothing."
                .to_owned(),
        ));
    }
    let runtime = console::runtime()?;
    let database = Database::for_a_command(&config.database)?;
    let migrations = runtime.block_on(database.migrate())?.unwrap_or_default();
    database.close()?;
    let text = match migrations {
        0 => "The database is of this version already.".to_owned(),
        1 => "Ran 1 migration.".to_owned(),
        more => format!("Ran {more} migrations."),
    };
    Answer::new(&Migrated { migrations }, text)
}
