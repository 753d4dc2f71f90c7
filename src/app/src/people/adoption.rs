//! A local person who turns out to be one whom a directory manages. Knows when that may be, and what becomes of the two;
//! only an administrator says that it is so.
//!
//! Nothing is linked when a directory creates somebody: the create succeeds, and the directory's person is a new one. Who
//! may be the same is a question to the rows of the moment, asked when an administrator looks: an address in common, in
//! a domain that the tenant has verified. Only that two are *not* the same has to be remembered.

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{DirectoryId, UserId};
use domain::lifecycle::{PersonState, effects};
use scim::resource::Resource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::adoption::{self, CandidateRow, Which};
use store::audit::Outgoing;
use store::users::{self, Groups, Slice};
use store::{AdminScope, WriteTx, grants, identities, seats, sessions, tombstones};
use utoipa::ToSchema;

use super::PersonView;
use crate::App;
use crate::access::reevaluate;
use crate::error::AppError;
use crate::guards::before_deletion;
use crate::handovers::before_burial;
use crate::login::keep_a_way_back;
use crate::provision::{announce_promoted, leave, settle, state};

/// A local person and a directory's person who may be the same.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdoptionView {
    /// The local person.
    #[schema(value_type = String, format = Uuid)]
    pub local: UserId,
    /// Their name.
    pub local_name: String,
    /// The directory's person.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// Slug of the directory.
    pub directory: String,
    /// The address that they have in common.
    pub address: String,
    /// When an administrator said that they are two people.
    pub declined_at: Option<DateTime<Utc>>,
}

impl From<CandidateRow> for AdoptionView {
    fn from(row: CandidateRow) -> Self {
        let CandidateRow { local_id, local_name, user_id, user_name, directory, address, declined_at } = row;
        let (local, user) = (UserId::from_uuid(local_id), UserId::from_uuid(user_id));
        Self { local, local_name, user, user_name, directory, address, declined_at }
    }
}

/// What an administrator says of such a pair.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecideAdoption {
    /// The local person.
    #[schema(value_type = String, format = Uuid)]
    pub local: UserId,
    /// The directory's person.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Whether they are the same.
    pub decision: AdoptionDecision,
}

/// Whether two people are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AdoptionDecision {
    /// They are one: the local person becomes the directory's.
    Approve,
    /// They are two: the pair is not proposed again.
    Decline,
}

/// The two of a pair, locked.
struct Pair {
    local: UserId,
    local_doc: Resource,
    local_state: PersonState,
    user: UserId,
    user_doc: Resource,
    user_state: PersonState,
    /// Whether the local person is frozen, and the other not yet.
    frozen: bool,
    directory: DirectoryId,
    address: String,
}

impl App {
    /// Who may be the same, by the local person's id; or those who were said to be two.
    pub async fn list_adoptions(
        &self,
        admin: &AdminScope,
        declined: bool,
        slice: Slice,
    ) -> Result<Vec<AdoptionView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = adoption::candidates(&mut tx, Which::All { declined, slice }).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(AdoptionView::from).collect())
    }

    /// Says whether two who may be the same are. Returns the directory's person as they are then.
    pub async fn decide_adoption(
        &self,
        admin: &AdminScope,
        decide: DecideAdoption,
    ) -> Result<PersonView, AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let pair = locked(&mut tx, admin, decide.local, decide.user).await?;
        let audit = match decide.decision {
            AdoptionDecision::Decline => {
                adoption::decline(&mut tx, pair.local, pair.user, now).await?;
                let after = json!({"local": pair.local, "address": pair.address});
                Audit::of(AuditEvent::new(Action::UserAdoptDecline, pair.user).after(after))
            }
            AdoptionDecision::Approve => self.adopt(&mut tx, &pair, now).await?,
        };
        self.commit(tx, audit, now).await?;
        self.show_person(admin, decide.user).await
    }

    /// The local person becomes the directory's. The id that the client was given stays, and with it all that it may
    /// refer to; the other id leads to it from now on. Identities, sessions and the seat go along. The e-mail addresses
    /// stay those of the local person: whoever administers a directory must not be able to turn somebody's address into
    /// another by the first link. Afterwards the directory manages all of it.
    async fn adopt(&self, tx: &mut WriteTx, pair: &Pair, now: DateTime<Utc>) -> Result<Audit, AppError> {
        let Pair { local, user, .. } = *pair;
        if identities::collide(tx, local, user).await? {
            return Err(AppError::Conflict(
                "both have signed in at the same connection, as two different people".to_owned(),
            ));
        }
        let adopted = with_emails_of(&pair.local_doc, &pair.user_doc);
        if adopted != pair.user_doc {
            users::update(tx, user, &pair.user_doc, &adopted, now)?;
        }
        identities::hand_over(tx, local, user).await?;
        grants::hand_over(tx, local, user).await?;
        let mut events = Vec::new();
        if pair.frozen {
            // Whoever was shut out does not come in again as somebody else.
            users::freeze(tx, user, None, now);
            let states = (pair.user_state, PersonState::Inactive);
            events.extend(settle(self, tx, user, states, &["frozen".to_owned()]).await?);
        }
        if pair.user_state == PersonState::Active && !pair.frozen {
            sessions::hand_over(tx, local, user).await?;
            let access = reevaluate(self, tx, &[user]).await?;
            keep_a_way_back(tx, Some(local)).await?;
            let released = seats::hand_over(tx, local, user, now).await?;
            events.extend(announce_promoted(tx, &released.promoted));
            events.extend(access);
        } else {
            let gone = effects(pair.local_state, PersonState::Absent);
            events.extend(leave(self, tx, local, &gone).await?);
        }
        events.extend(before_deletion(self, tx, local).await?);
        events.extend(before_burial(self, tx, local, Some(user)).await?);
        tombstones::bury(tx, local, Some(user), now);
        tx.announce(Outgoing {
            fact: "user.merged",
            subject_id: user.to_string(),
            payload: json!({"user": user, "was": local}),
        });
        let before = json!({"local": local, "document": Value::Object(pair.local_doc.as_map().clone())});
        let after = json!({"directory": pair.directory, "address": pair.address, "emails": adopted.as_map().get("emails")});
        let mut audit = Audit::of(AuditEvent::new(Action::UserAdopt, user).before(before).after(after));
        audit.push(AuditEvent::new(Action::UserDelete, local).after(json!({"mergedInto": user})));
        audit.extend(events);
        Ok(audit)
    }
}

/// Locks the two and makes sure that they may be the same, as the rows are now.
async fn locked(tx: &mut WriteTx, admin: &AdminScope, local: UserId, user: UserId) -> Result<Pair, AppError> {
    let missing = || AppError::NotFound("adoption");
    let directory = adoption::lock_pair(tx, local, user).await?.ok_or_else(missing)?;
    let found = adoption::candidates(tx, Which::Pair { local, user }).await?.pop().ok_or_else(missing)?;
    let home = store::directories::local_people(tx, admin).await?.ok_or_else(missing)?.directory();
    let local_row = users::lock(tx, home, local, Groups::Omitted).await?.ok_or_else(missing)?;
    let user_row = users::lock(tx, directory, user, Groups::Omitted).await?.ok_or_else(missing)?;
    Ok(Pair {
        local,
        local_state: state(local_row.is_let_in()),
        local_doc: local_row.user.resource(),
        user,
        user_state: state(user_row.is_let_in()),
        frozen: local_row.frozen_at.is_some() && user_row.frozen_at.is_none(),
        user_doc: user_row.user.resource(),
        directory,
        address: found.address,
    })
}

/// The directory's document, with the local person's e-mail addresses if they have any.
fn with_emails_of(local: &Resource, user: &Resource) -> Resource {
    let mut adopted = user.as_map().clone();
    if let Some(emails) = local.as_map().get("emails") {
        adopted.insert("emails".to_owned(), emails.clone());
    }
    Resource::from_stored(adopted)
}
