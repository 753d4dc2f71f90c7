//! What each person may do and why, as computed; and the facts to compute it from. Knows rows; does not know rules.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::{EffectiveAccess, GroupFact, LocalGrant};
use domain::id::{GroupId, UserId};
use domain::seat::SeatState;
use scim::resource::Resource;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::access_of_one::{self, One};
use crate::error::StoreError;
use crate::grants;
use crate::holdings::Holdings;
use crate::nesting::{AllGroups, all_groups, direct_groups_of, groups_of, nests};
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};
use crate::users::document;

/// What the rows say about one person.
#[derive(Debug, Clone)]
pub struct PersonFacts {
    /// Who.
    pub user: UserId,
    /// Whether their directory says that they are active.
    pub active: bool,
    /// Their SCIM document.
    pub resource: Resource,
    /// The groups that they are in, directly or through other groups.
    pub groups: Vec<GroupFact>,
    /// What was given to them by hand.
    pub grants: Vec<LocalGrant>,
    /// The version of the policy in force.
    pub policy_version: i64,
    /// What was computed last, as stored.
    pub stored: Option<Stored>,
}

/// An access as it is stored, without regard to seats.
#[derive(Debug, Clone)]
pub struct Stored {
    access: Value,
    /// Whether it has a protected role, by the policy that it was stored by.
    guarded: Option<bool>,
}

impl Stored {
    /// The access.
    pub fn access(&self) -> Result<EffectiveAccess, StoreError> {
        EffectiveAccess::deserialize(&self.access).map_err(StoreError::corrupt)
    }

    /// Whether it has a role, without reading the whole of it.
    pub fn has_role(&self, role: &str) -> bool {
        let roles = self.access.get("roles").and_then(Value::as_array);
        roles.is_some_and(|roles| {
            roles.iter().any(|held| held.get("role").and_then(Value::as_str) == Some(role))
        })
    }
}

#[derive(QueryableByName)]
pub(crate) struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    active: bool,
    /// The document, unless whoever asks has it.
    #[diesel(sql_type = Nullable<Jsonb>)]
    doc: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    groups: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    grants: Option<Value>,
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    access: Option<Value>,
    #[diesel(sql_type = Nullable<Bool>)]
    guarded: Option<bool>,
}

#[derive(Deserialize)]
struct GroupInRow {
    id: GroupId,
    name: String,
    external_id: Option<String>,
}

const FACTS: &str = concat!(
    "\
SELECT u.id, u.active, u.doc,
    ",
    direct_groups_of!(
        "jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id)"
    ),
    " AS groups,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'what', l.what, 'by', l.given_by))
     FROM local_grant l WHERE l.tenant_id = u.tenant_id AND l.user_id = u.id) AS grants,
    p.version AS policy_version, a.access, a.guarded
FROM users u
JOIN access_policy p ON p.tenant_id = u.tenant_id
LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
WHERE u.tenant_id = {} AND u.id = ANY({}) ORDER BY u.id"
);

const ALL_GROUPS: &str = concat!(
    "SELECT u.id, \
        (SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id)) \
         FROM ",
    groups_of!(),
    ") AS groups FROM users u WHERE u.tenant_id = {} AND u.id = ANY({})"
);

/// Columns that tell the seat of `u`, whose access is `a`, for [`gated`], and whether they have yet to accept an invitation. In line they have a place,
/// and perhaps a role meanwhile.
pub(crate) const SEAT_OF: &str = "\
u.invited,
(a.seat_class IS NOT NULL
 AND EXISTS (SELECT FROM seat_pool p WHERE p.tenant_id = u.tenant_id AND p.class IN ('', a.seat_class))) AS has_pool,
EXISTS (SELECT FROM seat_hold h WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id) AS holds,
(SELECT concat_ws(' ', (SELECT count(*) FROM seat_waiter o
         WHERE o.tenant_id = w.tenant_id AND o.pool_id = w.pool_id AND o.n <= w.n), w.meanwhile)
 FROM seat_waiter w WHERE w.tenant_id = u.tenant_id AND w.user_id = u.id) AS in_line";

/// What the columns of [`SEAT_OF`] tell of a seat.
#[derive(Debug, Clone, QueryableByName)]
pub(crate) struct SeatRow {
    #[diesel(sql_type = Bool)]
    has_pool: bool,
    #[diesel(sql_type = Bool)]
    holds: bool,
    #[diesel(sql_type = Nullable<Text>)]
    in_line: Option<String>,
}

/// The facts about these people, by id. Whoever stores what is computed from them must have locked the people before, and hold the
/// policy (`rules::hold`).
pub async fn facts(tx: &mut impl Reads, people: &[UserId]) -> Result<Vec<PersonFacts>, StoreError> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = people.iter().map(|id| id.as_uuid()).collect();
    let ask = statement(FACTS).bind::<SqlUuid, _>(tenant.as_uuid()).bind::<Array<SqlUuid>, _>(ids);
    let mut rows: Vec<FactsRow> = tx.connection().0.load(ask).await?;
    with_all_groups(tx, rows.iter_mut()).await?;
    rows.into_iter()
        .map(|mut row| {
            let resource = Resource::from_stored(document(&row.doc.take().unwrap_or_default()));
            person(row, resource)
        })
        .collect()
}

/// Asks for all groups of those whose groups are in groups.
pub(crate) async fn with_all_groups(
    tx: &mut impl Reads,
    rows: impl Iterator<Item = &mut FactsRow> + Send,
) -> Result<(), StoreError> {
    let mut nesting: HashMap<Uuid, &mut FactsRow> =
        rows.filter(|row| nests(row.groups.as_ref())).map(|row| (row.id, row)).collect();
    if nesting.is_empty() {
        return Ok(());
    }
    let people = nesting.keys().copied().collect();
    let tenant = tx.tenant();
    let all: Vec<AllGroups> = tx.connection().0.load(all_groups(tenant, ALL_GROUPS, people)).await?;
    let mut all: HashMap<Uuid, Option<Value>> = all.into_iter().map(|row| (row.id, row.groups)).collect();
    for row in nesting.values_mut() {
        row.groups = all.remove(&row.id).flatten();
    }
    Ok(())
}

/// Groups as rules see them, out of `[{id, name, external_id}]`.
pub(crate) fn groups_in_row(groups: Value) -> Result<Vec<GroupFact>, StoreError> {
    let groups: Vec<GroupInRow> = serde_json::from_value(groups).map_err(StoreError::corrupt)?;
    Ok(groups
        .into_iter()
        .map(|group| GroupFact { id: group.id, display_name: group.name, external_id: group.external_id })
        .collect())
}

/// The facts in a row about somebody with this document.
pub(crate) fn person(row: FactsRow, resource: Resource) -> Result<PersonFacts, StoreError> {
    let groups = row.groups.map(groups_in_row).transpose()?.unwrap_or_default();
    let grants = row.grants.map(grants::in_row).transpose()?.unwrap_or_default();
    Ok(PersonFacts {
        user: UserId::from_uuid(row.id),
        active: row.active,
        resource,
        groups,
        grants,
        policy_version: row.policy_version,
        stored: row.access.map(|access| Stored { access, guarded: row.guarded }),
    })
}

#[derive(QueryableByName)]
struct AccessRow {
    #[diesel(sql_type = Jsonb)]
    access: Value,
    #[diesel(embed)]
    seat: SeatRow,
    #[diesel(sql_type = Bool)]
    invited: bool,
}

impl AccessRow {
    /// What they may do, behind the gates of this moment.
    fn gated(self) -> Result<EffectiveAccess, StoreError> {
        let access = gated(self.access, &self.seat)?;
        Ok(if self.invited { access.until_accepted() } else { access })
    }
}

/// What a person may do now: the stored access behind the seat gate, which is read at this moment.
pub async fn of_person(tx: &mut impl Reads, user: UserId) -> Result<Option<EffectiveAccess>, StoreError> {
    let text = format!(
        "SELECT a.access, {SEAT_OF} FROM user_access a \
         JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id \
         WHERE a.tenant_id = {{}} AND a.user_id = {{}}"
    );
    let tenant = tx.tenant().as_uuid();
    let row: Option<AccessRow> = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(user.as_uuid())
        .get_result(tx.connection().0.conn().await?)
        .await
        .optional()?;
    row.map(AccessRow::gated).transpose()
}

/// What one of several people may do now.
#[derive(Debug)]
pub struct OfPerson {
    /// Who.
    pub user: UserId,
    /// What they may do, behind the seat gate.
    pub access: EffectiveAccess,
    /// The version of the policy in force.
    pub policy_version: i64,
}

#[derive(QueryableByName)]
struct PersonRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(embed)]
    row: AccessRow,
}

/// The same for several people, by id, in one look at an index; who is not there is left out.
pub async fn of_people(tx: &mut impl Reads, people: &[UserId]) -> Result<Vec<OfPerson>, StoreError> {
    let text = format!(
        "SELECT u.id, v.version, a.access, {SEAT_OF} FROM user_access a \
         JOIN users u ON u.tenant_id = a.tenant_id AND u.id = a.user_id \
         JOIN access_policy v ON v.tenant_id = a.tenant_id \
         WHERE a.tenant_id = {{}} AND a.user_id = ANY({{}}) ORDER BY u.id"
    );
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<PersonRow> = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(people.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
        .load(tx.connection().0.conn().await?)
        .await?;
    rows.into_iter()
        .map(|PersonRow { id, version, row }| {
            let access = row.gated()?;
            Ok(OfPerson { user: UserId::from_uuid(id), access, policy_version: version })
        })
        .collect()
}

/// A stored access behind the seat gate.
pub(crate) fn gated(stored: Value, seat: &SeatRow) -> Result<EffectiveAccess, StoreError> {
    let access: EffectiveAccess = serde_json::from_value(stored).map_err(StoreError::corrupt)?;
    let in_line = match (seat.has_pool, seat.holds, seat.in_line.as_deref()) {
        (false, ..) => return Ok(access.behind_seat_gate(SeatState::NotNeeded)),
        (true, true, _) => return Ok(access.behind_seat_gate(SeatState::Held)),
        (true, false, None) => return Ok(access.behind_seat_gate(SeatState::Refused)),
        (true, false, Some(in_line)) => in_line,
    };
    let (position, meanwhile) =
        in_line.split_once(' ').map_or((in_line, None), |(at, role)| (at, Some(role)));
    let position = position.parse().unwrap_or(u32::MAX);
    Ok(match meanwhile {
        Some(role) => access.meanwhile(role, position),
        None => access.behind_seat_gate(SeatState::Waiting { position }),
    })
}

/// Whether an access has a role that the tenant must not run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    /// It has.
    Yes,
    /// It has not.
    No,
}

/// Accesses that are to be stored.
#[derive(Debug, Default)]
pub struct Computed {
    ids: Vec<Uuid>,
    access: Vec<Value>,
    guarded: Vec<bool>,
    seat_classes: Vec<Option<String>>,
    /// Who needs another seat than before.
    reseated: Vec<UserId>,
    holdings: Holdings,
    /// Of how many nothing was stored so far.
    new: usize,
}

impl Computed {
    /// Adds what was computed for a person by the policy in force. Returns whether it is another than before: what is stored already
    /// is not stored again.
    pub fn add(
        &mut self,
        person: &PersonFacts,
        access: &EffectiveAccess,
        guarded: Guarded,
    ) -> Result<bool, StoreError> {
        let held = access;
        let access = serde_json::to_value(access).map_err(StoreError::corrupt)?;
        let guarded = guarded == Guarded::Yes;
        let same = person.stored.as_ref().filter(|stored| stored.access == access);
        if same.is_some_and(|stored| stored.guarded == Some(guarded)) {
            return Ok(false);
        }
        let changed = same.is_none();
        if changed {
            let before = person.stored.as_ref().map(Stored::access).transpose()?;
            self.holdings.add(person.user, before.as_ref(), held);
            if person.active && before.is_some_and(|before| seat_class(&before) != seat_class(held)) {
                self.reseated.push(person.user);
            }
        }
        self.new = self.new.saturating_add(usize::from(person.stored.is_none()));
        self.ids.push(person.user.as_uuid());
        self.access.push(access);
        self.guarded.push(guarded);
        self.seat_classes.push(seat_class(held).map(str::to_owned));
        Ok(changed)
    }
}

/// The class of the seat that somebody needs, as it is stored: empty if it is just any, none if they need no seat.
fn seat_class(access: &EffectiveAccess) -> Option<&str> {
    access.seat.as_ref().map_or(Some(""), |seat| seat.class.as_deref())
}

/// Stores what was computed, without regard to seats: with the next statement or the commit. Whoever needs another seat than before is
/// noted, and gets it before the commit.
pub fn store(tx: &mut WriteTx, mut computed: Computed, policy_version: i64, now: DateTime<Utc>) {
    if computed.ids.is_empty() {
        return;
    }
    let tenant = tx.tenant().as_uuid();
    tx.reseat(std::mem::take(&mut computed.reseated));
    if let ([user], [guarded]) = (&*computed.ids, &*computed.guarded) {
        let one = One {
            user: *user,
            guarded: *guarded,
            access: computed.access.pop().unwrap_or_default(),
            seat_class: computed.seat_classes.pop().flatten(),
            known: computed.new == 0,
            anew: !computed.holdings.anew.is_empty(),
            things: computed.holdings.things,
            places: computed.holdings.places,
        };
        return access_of_one::store(tx, one, policy_version, now);
    }
    if let Some(removal) = computed.holdings.removal(tx) {
        tx.later(removal);
    }
    tx.later(
        statement(STORE)
            .bind::<SqlUuid, _>(tenant)
            .bind::<BigInt, _>(policy_version)
            .bind::<Timestamptz, _>(now)
            .bind::<Array<Text>, _>(computed.holdings.things)
            .bind::<Array<SqlUuid>, _>(computed.holdings.places)
            .bind::<Array<SqlUuid>, _>(computed.holdings.people)
            .bind::<Array<SqlUuid>, _>(computed.ids)
            .bind::<Array<Jsonb>, _>(computed.access)
            .bind::<Array<Bool>, _>(computed.guarded)
            .bind::<Array<Nullable<Text>>, _>(computed.seat_classes),
    );
}

const STORE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS version, {} AS at
), held AS (
    INSERT INTO user_holding (tenant_id, thing, place, user_id)
    SELECT input.tenant, h.thing, h.place, h.id FROM input, unnest({}, {}, {}) AS h (thing, place, id)
    ON CONFLICT DO NOTHING
)
INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at, guarded, seat_class)
SELECT input.tenant, c.id, c.access, input.version, input.at, c.guarded, c.seat_class
FROM input, unnest({}, {}, {}, {}) AS c (id, access, guarded, seat_class)
ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access, policy_version = excluded.policy_version,
    computed_at = excluded.computed_at, guarded = excluded.guarded, seat_class = excluded.seat_class";
