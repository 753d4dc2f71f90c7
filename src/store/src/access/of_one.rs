//! The access of one person, in as few statements as can be. Knows what [the others](super) does for many; does not know more.
//!
//! Hardly anything is done as often as to change one person, and what that costs is less the rows than the statements around them.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::UserId;
use scim::resource::Resource;
use uuid::Uuid;

use super::computed::instead;
use super::facts::{FactsRow, PersonFacts, group, known_of_person, person, with_all_groups};
use crate::error::StoreError;
use crate::json_text::JsonText;
use crate::nesting::direct_groups_of;
use crate::statement::{Statement, statement};
use crate::tx::{Reads as _, WriteTx};
use crate::{rules, users};

/// What may hang on a locked person besides their access, for as long as the policy is held.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Ties {
    /// Whether they have sessions.
    #[diesel(sql_type = Bool)]
    pub sessions: bool,
    /// Whether their tenant counts seats.
    #[diesel(sql_type = Bool)]
    pub seats: bool,
}

impl Ties {
    /// Nobody has looked.
    pub const UNKNOWN: Self = Self { sessions: true, seats: true };
}

#[derive(QueryableByName)]
struct ChangedRow {
    #[diesel(embed)]
    facts: FactsRow,
    #[diesel(embed)]
    ties: Ties,
}

/// The facts are those of [`facts`](super::facts()), as they are after the change.
const CHANGE: &str = concat!(
    users::write_over!(),
    " FROM access_policy p LEFT JOIN user_access a ON a.tenant_id = p.tenant_id AND a.user_id = {}
WHERE u.tenant_id = {} AND u.id = {} AND p.tenant_id = u.tenant_id
RETURNING u.id, u.active, NULL::jsonb AS doc, ",
    known_of_person!(),
    ",
    EXISTS (SELECT FROM session s WHERE s.tenant_id = u.tenant_id AND s.user_id = u.id) AS sessions,
    EXISTS (SELECT FROM seat_pool s WHERE s.tenant_id = u.tenant_id) AS seats"
);

/// Writes a changed document over a locked row like [`users::update`], holds the policy, and returns the facts about the person from
/// then on.
pub async fn change(
    tx: &mut WriteTx,
    user: UserId,
    (before, after): (&Resource, &Resource),
    now: DateTime<Utc>,
) -> Result<(PersonFacts, Ties), StoreError> {
    let tenant = tx.tenant();
    let change = users::update_by(tx, CHANGE, user, (before, after), now)?
        .bind::<SqlUuid, _>(user.as_uuid())
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(user.as_uuid());
    rules::hold(tx);
    let mut rows: Vec<ChangedRow> = tx.load(change).await?;
    with_all_groups(tx, rows.iter_mut().map(|row| &mut row.facts)).await?;
    let row = rows
        .pop()
        .ok_or_else(|| StoreError::corrupt("a locked person is gone, or the tenant has no policy"))?;
    Ok((person(row.facts, after.clone())?, row.ties))
}

/// What is to be stored of one person.
pub(crate) struct One {
    pub(crate) user: Uuid,
    pub(crate) access: JsonText,
    pub(crate) guarded: bool,
    pub(crate) seat_class: Option<String>,
    /// Whether something was stored before.
    pub(crate) known: bool,
    /// Whether what they held before is to be forgotten.
    pub(crate) anew: bool,
    pub(crate) things: Vec<String>,
    pub(crate) places: Vec<Uuid>,
}

macro_rules! known {
    () => {
        "UPDATE user_access SET access = {}, policy_version = {}, computed_at = {}, guarded = {}, seat_class = {} \
         WHERE tenant_id = {} AND user_id = {}"
    };
}

macro_rules! new {
    () => {
        concat!(
            "INSERT INTO user_access (access, policy_version, computed_at, guarded, seat_class, tenant_id, user_id) \
             VALUES ({}, {}, {}, {}, {}, {}, {}) ",
            instead!()
        )
    };
}

macro_rules! gone {
    () => {
        "DELETE FROM user_holding WHERE tenant_id = {} AND user_id = {}"
    };
}

macro_rules! held {
    () => {
        "WITH held AS ( \
             INSERT INTO user_holding (tenant_id, user_id, thing, place) \
             SELECT {}, {}, h.thing, h.place FROM unnest({}, {}) AS h (thing, place) ON CONFLICT DO NOTHING \
         ) "
    };
}

/// Stores it, with the next statement or the commit.
pub(crate) fn store(tx: &mut WriteTx, one: One, policy_version: i64, now: DateTime<Utc>) {
    let tenant = tx.tenant().as_uuid();
    let of =
        |statement: Statement<'static>| statement.bind::<SqlUuid, _>(tenant).bind::<SqlUuid, _>(one.user);
    let holds = !one.things.is_empty();
    if one.anew && holds {
        // Of one statement, neither part would see what the other does.
        tx.later(of(statement(gone!())));
    }
    let text = match (one.known, holds, one.anew) {
        (true, true, _) => concat!(held!(), known!()),
        (false, true, _) => concat!(held!(), new!()),
        (true, false, true) => concat!("WITH gone AS (", gone!(), ") ", known!()),
        (false, false, true) => concat!("WITH gone AS (", gone!(), ") ", new!()),
        (true, false, false) => known!(),
        (false, false, false) => new!(),
    };
    let mut store = statement(text);
    if holds || one.anew {
        store = of(store);
    }
    if holds {
        store = store.bind::<Array<Text>, _>(one.things).bind::<Array<SqlUuid>, _>(one.places);
    }
    let store = store
        .bind::<Jsonb, _>(one.access)
        .bind::<BigInt, _>(policy_version)
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<Bool>, _>(Some(one.guarded))
        .bind::<Nullable<Text>, _>(one.seat_class);
    tx.later(of(store));
}
