//! How the guards stand, for administrators.

use chrono::{DateTime, Utc};
use domain::id::DirectoryId;
use serde::Serialize;
use store::guards::{self, Counted, WatchRow};
use store::{AdminScope, directories};
use utoipa::ToSchema;

use super::mass_departure::{MassGuardMode, Setting, since};
use crate::App;
use crate::access::load_policy;
use crate::error::AppError;

/// How the guards of a tenant stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuardsView {
    /// Roles that the tenant must not run out of.
    pub roles: Vec<RoleGuard>,
    /// Directories, by slug.
    pub directories: Vec<DirectoryGuard>,
}

/// A role that the tenant must not run out of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleGuard {
    /// What must stay true, by its id in the blueprint.
    pub invariant: String,
    /// The role.
    pub role: String,
    /// So many must hold it.
    pub minimum: u32,
    /// So many do.
    pub holders: u32,
    /// So many of them only keep it: their directory has taken it from them, and too few would hold it.
    pub held: u32,
    /// Whether too few do, those who only keep it left aside.
    pub alarm: bool,
}

/// How a directory is watched.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryGuard {
    /// Its slug.
    pub directory: String,
    /// What happens beyond the limit.
    pub mode: MassGuardMode,
    /// So many may go within an hour in any case.
    pub at_least: i32,
    /// And so many of a hundred.
    pub percent: i32,
    /// How many went within the hour.
    pub departures: i64,
    /// Whether more than the limit went, or wanted to, within the hour.
    pub alarm: bool,
}

pub(super) fn directory_guard(directory: String, row: &WatchRow, now: DateTime<Utc>) -> DirectoryGuard {
    let Setting { mode, at_least, percent } = Setting::of(row);
    let alarm = row.alarmed_at.is_some_and(|at| at > since(now));
    DirectoryGuard {
        directory,
        mode,
        at_least,
        percent,
        departures: row.departures().unwrap_or_default(),
        alarm,
    }
}

impl App {
    /// How the guards stand.
    pub async fn show_guards(&self, admin: &AdminScope) -> Result<GuardsView, AppError> {
        let now = self.now();
        let mut tx = self.db.read(admin.scope()).await?;
        let policy = load_policy(&mut tx).await?;
        let mut roles = Vec::new();
        for invariant in policy.blueprint.invariants() {
            let holders = guards::holders(&mut tx, invariant.role(), &[]).await?;
            let held = guards::keepers(&mut tx, invariant.role()).await?;
            roles.push(RoleGuard {
                invariant: invariant.id().to_owned(),
                role: invariant.role().to_owned(),
                minimum: invariant.minimum(),
                holders,
                held,
                alarm: holders.saturating_sub(held) < invariant.minimum(),
            });
        }
        let mut watched = Vec::new();
        for row in directories::all(&mut tx).await? {
            let id = DirectoryId::from_uuid(row.id);
            let watch = guards::watch(&mut tx, id, since(now), Counted::All).await?;
            watched.extend(watch.map(|watch| directory_guard(row.slug, &watch, now)));
        }
        tx.finish().await?;
        Ok(GuardsView { roles, directories: watched })
    }
}
