//! Signing in through chosen connections only, and the way back in that this needs. Knows when it may be chosen and what it closes; does not know how a passkey is proven.
//!
//! Whoever switches it on could lock everybody out: by a connection that does not work, or one that stops working later. So a
//! connection must have let somebody in, in a trial of the settings that it has, and somebody local must have a passkey for
//! as long as it lasts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::access::AccessStatus;
use domain::audit::{Action, Actor, Audit, AuditEvent};
use domain::id::UserId;
use domain::token::TokenHash;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::connections::{self, ConnectionRow};
use store::{AdminScope, Reads, WriteTx, access, guards, passkeys, trials};
use utoipa::ToSchema;

use super::settings::ConnectionState;
use crate::App;
use crate::error::{AppError, Refusal};

/// Through which connections people sign in only, and who could come in without them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnforcementView {
    /// Slugs of the connections; without any, people sign in through every one.
    pub connections: Vec<String>,
    /// Slugs of those that may be chosen now: a trial of their present settings passed within the last day.
    pub tested: Vec<String>,
    /// Local people with a passkey, whatever the identity providers do.
    pub protected: Vec<ProtectedView>,
}

/// Somebody local who can sign in by a passkey.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProtectedView {
    /// Id of the person.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// How many passkeys they have.
    pub passkeys: i64,
    /// Whether they would be let in now: active, with a seat.
    pub can_sign_in: bool,
    /// When they last signed in by one.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Through which connections people are to sign in only.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetEnforcement {
    /// Slugs; an empty list lets people sign in through every connection again.
    #[schema(max_items = 100)]
    pub connections: Vec<String>,
}

const MOST: usize = 100;

impl App {
    /// Through which connections people sign in only.
    pub async fn show_enforcement(&self, admin: &AdminScope) -> Result<EnforcementView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = connections::all(&mut tx).await?;
        let view = self.enforcement_view(&mut tx, &rows).await?;
        tx.finish().await?;
        Ok(view)
    }

    /// Says through which connections people sign in only. Who is signed in stays so.
    pub async fn enforce_sign_in(
        &self,
        admin: &AdminScope,
        wanted: SetEnforcement,
    ) -> Result<EnforcementView, AppError> {
        if wanted.connections.len() > MOST {
            return Err(AppError::Invalid(format!("connections: at most {MOST}")));
        }
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let mut rows = connections::lock_all(&mut tx).await?;
        // As who removes a passkey or shuts somebody out does: what is true now stays so until the end.
        guards::serialise_losses(&mut tx);
        let before = slugs(&rows);
        let is_wanted = |row: &ConnectionRow| wanted.connections.contains(&row.slug);
        if let Some(stranger) = wanted.connections.iter().find(|slug| rows.iter().all(|it| it.slug != **slug))
        {
            return Err(AppError::Invalid(format!("connections: there is no connection {stranger:?}")));
        }
        for row in rows.iter().filter(|row| is_wanted(row) && !row.enforced) {
            check_tested(&mut tx, row, now).await?;
        }
        if !wanted.connections.is_empty() && !self.protected(&mut tx).await?.iter().any(|it| it.can_sign_in) {
            return Err(AppError::Conflict(
                "nobody could come in if the identity provider fails: register a passkey of a local person who is active and has a seat"
                    .to_owned(),
            ));
        }
        for row in &mut rows {
            row.enforced = is_wanted(row);
        }
        let (after, view) = (slugs(&rows), self.enforcement_view(&mut tx, &rows).await?);
        if after == before {
            tx.nothing_changed().await?;
            return Ok(view);
        }
        let chosen: Vec<_> = rows.iter().filter(|row| row.enforced).map(|row| row.id).collect();
        connections::enforce(&mut tx, &chosen).await?;
        let event = AuditEvent::new(Action::LoginEnforce, admin.scope().tenant())
            .before(json!({"connections": before}))
            .after(json!({"connections": after}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(view)
    }

    async fn enforcement_view(
        &self,
        tx: &mut impl Reads,
        rows: &[ConnectionRow],
    ) -> Result<EnforcementView, AppError> {
        let now = self.now();
        let mut tested = Vec::new();
        for row in rows {
            if trials::has_passed(tx, row.connection_id(), what_is_set(row), now).await? {
                tested.push(row.slug.clone());
            }
        }
        tested.sort_unstable();
        Ok(EnforcementView { connections: slugs(rows), tested, protected: self.protected(tx).await? })
    }

    async fn protected(&self, tx: &mut impl Reads) -> Result<Vec<ProtectedView>, AppError> {
        let mut protected = Vec::new();
        for (user, passkeys, last_used_at) in passkeys::holders(tx).await? {
            let access = access::of_person(tx, user).await?;
            let can_sign_in = access.is_some_and(|access| matches!(access.status, AccessStatus::Granted));
            protected.push(ProtectedView { user, passkeys, can_sign_in, last_used_at });
        }
        Ok(protected)
    }
}

fn slugs(rows: &[ConnectionRow]) -> Vec<String> {
    let mut slugs: Vec<String> = rows.iter().filter(|row| row.enforced).map(|row| row.slug.clone()).collect();
    slugs.sort_unstable();
    slugs
}

/// What a connection is set to, as far as it makes a difference to who is let in: what a trial speaks for.
pub(super) fn what_is_set(row: &ConnectionRow) -> TokenHash {
    let secret = row.client_secret_sealed.as_ref().map(|sealed| URL_SAFE_NO_PAD.encode(sealed));
    let set = json!([row.kind, row.directory_id, row.settings, row.protocol, secret]);
    TokenHash::of(&set.to_string())
}

async fn check_tested(tx: &mut WriteTx, row: &ConnectionRow, now: DateTime<Utc>) -> Result<(), AppError> {
    let slug = &row.slug;
    if ConnectionState::of(row) == ConnectionState::Paused {
        return Err(AppError::Conflict(format!("the connection {slug} is paused")));
    }
    if !trials::has_passed(tx, row.connection_id(), what_is_set(row), now).await? {
        return Err(AppError::Conflict(format!(
            "the connection {slug} has to be tried out first: no trial of its present settings passed within the last day"
        )));
    }
    Ok(())
}

/// Refuses a connection that is not among those that people sign in through only, if there are such.
pub(super) async fn check_enforcement(tx: &mut impl Reads, row: &ConnectionRow) -> Result<(), AppError> {
    if !row.enforced && connections::are_enforced(tx).await? {
        return Err(Refusal::NotEnforced.into());
    }
    Ok(())
}

/// Refuses what would leave nobody who could come in without an identity provider, while people sign in through some only. To
/// be asked when everything but `leaving` is written.
pub(crate) async fn keep_a_way_back(tx: &mut WriteTx, leaving: Option<UserId>) -> Result<(), AppError> {
    // A directory's people have no passkeys, and a leaver always leaves.
    if matches!(tx.scope().actor(), Actor::Directory { .. }) {
        return Ok(());
    }
    guards::serialise_losses(tx);
    if connections::are_enforced(tx).await? && !passkeys::protect_anybody(tx, leaving).await? {
        return Err(AppError::Conflict(
            "people sign in through some connections only, and nobody else could come in if these fail: register another passkey first"
                .to_owned(),
        ));
    }
    Ok(())
}
