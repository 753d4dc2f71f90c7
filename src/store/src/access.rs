//! What each person may do and why, as computed; and the facts to compute it from. Knows rows; does not know rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
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
use crate::holdings::{Exchange, Holdings};
use crate::json_text::JsonText;
use crate::nesting::{all_groups, direct_groups_of, groups_of};
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};

/// What the rows say about one person. People who are alike in something share it.
#[derive(Debug, Clone)]
pub struct PersonFacts {
    /// Who.
    pub user: UserId,
    /// Whether their directory says that they are active.
    pub active: bool,
    /// Their SCIM document.
    pub document: Document,
    /// The groups that they are in, directly or through other groups.
    pub groups: Arc<Vec<GroupFact>>,
    /// What was given to them by hand.
    pub grants: Arc<Vec<LocalGrant>>,
    /// The version of the policy in force.
    pub policy_version: i64,
    /// What was computed last, as stored.
    pub stored: Option<Stored>,
}

/// A person's SCIM document, of which as much is read as is asked for.
#[derive(Debug, Clone)]
pub struct Document(Form);

#[derive(Debug, Clone)]
enum Form {
    Text(JsonText),
    Read(Box<Resource>),
}

impl From<Resource> for Document {
    fn from(resource: Resource) -> Self {
        Self(Form::Read(Box::new(resource)))
    }
}

impl Document {
    /// All of it.
    pub fn resource(&self) -> Result<Resource, StoreError> {
        match &self.0 {
            Form::Text(text) => Ok(Resource::from_stored(text.read()?)),
            Form::Read(resource) => Ok(Resource::clone(resource)),
        }
    }

    /// The values at these paths, by path.
    pub fn values(&self, paths: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        if paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        let values = |resource: &Resource| {
            paths.iter().map(|path| (path.clone(), resource.values_at(path))).collect::<BTreeMap<_, _>>()
        };
        match &self.0 {
            Form::Text(text) => {
                let part = Resource::part_of_stored(text.as_str(), paths).map_err(StoreError::corrupt)?;
                Ok(values(&part))
            }
            Form::Read(resource) => Ok(values(resource)),
        }
    }
}

/// An access as it is stored, without regard to seats.
#[derive(Debug, Clone)]
pub struct Stored {
    kept: Arc<Kept>,
    /// Whether it has a protected role, by the policy that it was stored by.
    guarded: Option<bool>,
}

/// What is stored, the same for all of whom the same is stored.
#[derive(Debug)]
struct Kept {
    text: JsonText,
    value: Value,
    access: OnceLock<Arc<EffectiveAccess>>,
}

impl Stored {
    /// The access.
    pub fn access(&self) -> Result<Arc<EffectiveAccess>, StoreError> {
        if let Some(access) = self.kept.access.get() {
            return Ok(Arc::clone(access));
        }
        let access = EffectiveAccess::deserialize(&self.kept.value).map_err(StoreError::corrupt)?;
        Ok(Arc::clone(self.kept.access.get_or_init(|| Arc::new(access))))
    }

    /// Whether it has a role, without reading the whole of it.
    pub fn has_role(&self, role: &str) -> bool {
        let roles = self.kept.value.get("roles").and_then(Value::as_array);
        roles.is_some_and(|roles| {
            roles.iter().any(|held| held.get("role").and_then(Value::as_str) == Some(role))
        })
    }
}

/// What people are compared by who are to be computed together: the same for those of whom the same is stored.
impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.guarded == other.guarded
            && (Arc::ptr_eq(&self.kept, &other.kept) || self.kept.text == other.kept.text)
    }
}

impl Eq for Stored {}

impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.guarded.hash(state);
        self.kept.text.hash(state);
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
    doc: Option<JsonText>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    groups: Option<JsonText>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    grants: Option<JsonText>,
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    access: Option<JsonText>,
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
    let mut shared = Shared::default();
    rows.into_iter()
        .map(|mut row| {
            let document =
                row.doc.take().ok_or_else(|| StoreError::corrupt("a person without a document"))?;
            shared.person(row, Document(Form::Text(document)))
        })
        .collect()
}

/// Asks for all groups of those whose groups are in groups.
pub(crate) async fn with_all_groups(
    tx: &mut impl Reads,
    rows: impl Iterator<Item = &mut FactsRow> + Send,
) -> Result<(), StoreError> {
    let is_asked_anew = |row: &FactsRow| row.groups.as_ref().is_some_and(|groups| groups.as_str() == "true");
    let mut nesting: HashMap<Uuid, &mut FactsRow> =
        rows.filter(|row| is_asked_anew(row)).map(|row| (row.id, row)).collect();
    if nesting.is_empty() {
        return Ok(());
    }
    let people = nesting.keys().copied().collect();
    let tenant = tx.tenant();
    let all: Vec<AllGroupsRow> = tx.connection().0.load(all_groups(tenant, ALL_GROUPS, people)).await?;
    let mut all: HashMap<Uuid, Option<JsonText>> = all.into_iter().map(|row| (row.id, row.groups)).collect();
    for row in nesting.values_mut() {
        row.groups = all.remove(&row.id).flatten();
    }
    Ok(())
}

/// As [`crate::nesting::AllGroups`], unread.
#[derive(QueryableByName)]
struct AllGroupsRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Jsonb>)]
    groups: Option<JsonText>,
}

/// Groups as rules see them, out of `[{id, name, external_id}]`.
pub(crate) fn groups_in_row(groups: Value) -> Result<Vec<GroupFact>, StoreError> {
    Ok(groups_out_of(serde_json::from_value(groups).map_err(StoreError::corrupt)?))
}

fn groups_out_of(groups: Vec<GroupInRow>) -> Vec<GroupFact> {
    let read = |group: GroupInRow| GroupFact {
        id: group.id,
        display_name: group.name,
        external_id: group.external_id,
    };
    groups.into_iter().map(read).collect()
}

/// What has been read of some people, by how it is written: it is read once, however many have it.
#[derive(Default)]
struct Shared {
    groups: HashMap<Option<JsonText>, Arc<Vec<GroupFact>>>,
    grants: HashMap<Option<JsonText>, Arc<Vec<LocalGrant>>>,
    kept: HashMap<JsonText, Arc<Kept>>,
}

impl Shared {
    fn person(&mut self, row: FactsRow, document: Document) -> Result<PersonFacts, StoreError> {
        let FactsRow { id, active, doc: _, groups, grants, policy_version, access, guarded } = row;
        let groups = once(&mut self.groups, groups, |groups| {
            let groups = groups.as_ref().map(JsonText::read).transpose()?;
            Ok(groups.map(groups_out_of).unwrap_or_default())
        })?;
        let grants = once(&mut self.grants, grants, |grants| {
            let grants = grants.as_ref().map(JsonText::read).transpose()?;
            Ok(grants.map(grants::in_row).unwrap_or_default())
        })?;
        let kept = access.map(|access| {
            once(&mut self.kept, access, |text| {
                Ok(Kept { text: text.clone(), value: text.read()?, access: OnceLock::new() })
            })
        });
        Ok(PersonFacts {
            user: UserId::from_uuid(id),
            active,
            document,
            groups,
            grants,
            policy_version,
            stored: kept.transpose()?.map(|kept| Stored { kept, guarded }),
        })
    }
}

/// The facts in a row about somebody with this document.
pub(crate) fn person(row: FactsRow, resource: Resource) -> Result<PersonFacts, StoreError> {
    Shared::default().person(row, resource.into())
}

/// What is known by a key, or else is read now.
fn once<K: Eq + Hash, T>(
    known: &mut HashMap<K, Arc<T>>,
    key: K,
    read: impl FnOnce(&K) -> Result<T, StoreError>,
) -> Result<Arc<T>, StoreError> {
    if let Some(found) = known.get(&key) {
        return Ok(Arc::clone(found));
    }
    let found = Arc::new(read(&key)?);
    known.insert(key, Arc::clone(&found));
    Ok(found)
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

/// An access as it is to be stored, the same for all who come to it.
#[derive(Debug)]
pub struct Outcome {
    access: EffectiveAccess,
    value: Value,
    guarded: Guarded,
}

impl Outcome {
    /// What was computed by the policy in force.
    pub fn new(access: EffectiveAccess, guarded: Guarded) -> Result<Self, StoreError> {
        let value = serde_json::to_value(&access).map_err(StoreError::corrupt)?;
        Ok(Self { access, value, guarded })
    }

    /// The access.
    pub fn access(&self) -> &EffectiveAccess {
        &self.access
    }
}

/// From what is stored to what was computed, the same for all of whom the one is stored and the other was computed.
#[derive(Debug)]
pub struct Change {
    before: Option<Arc<EffectiveAccess>>,
    after: Arc<Outcome>,
    kind: Kind,
    /// Whether another seat is needed than before.
    reseats: bool,
    holdings: Exchange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is stored already.
    Nothing,
    /// It is stored, but not whether it has a protected role, or otherwise.
    Marked,
    /// It is another access.
    Another,
}

impl Change {
    /// From one to the other.
    pub fn between(before: Option<&Stored>, after: &Arc<Outcome>) -> Result<Self, StoreError> {
        let guarded = Some(after.guarded == Guarded::Yes);
        let kind = match before {
            Some(stored) if stored.kept.value != after.value => Kind::Another,
            Some(stored) if stored.guarded != guarded => Kind::Marked,
            Some(_) => Kind::Nothing,
            None => Kind::Another,
        };
        let before = before.map(Stored::access).transpose()?;
        let holdings = match kind {
            Kind::Another => Exchange::between(before.as_deref(), &after.access),
            Kind::Nothing | Kind::Marked => Exchange::default(),
        };
        let needs_another = |before: &Arc<EffectiveAccess>| seat_class(before) != seat_class(&after.access);
        let reseats = kind == Kind::Another && before.as_ref().is_some_and(needs_another);
        Ok(Self { before, after: Arc::clone(after), kind, reseats, holdings })
    }

    /// What was stored.
    pub fn before(&self) -> Option<&EffectiveAccess> {
        self.before.as_deref()
    }

    /// What is to be stored.
    pub fn after(&self) -> &EffectiveAccess {
        &self.after.access
    }

    /// Whether it is another access than before: what is stored already is not stored again.
    pub fn is_one(&self) -> bool {
        self.kind == Kind::Another
    }
}

/// Accesses that are to be stored.
#[derive(Debug, Default)]
pub struct Computed {
    /// Each once.
    outcomes: Vec<Arc<Outcome>>,
    /// Of whom nothing is stored.
    new: Those,
    /// Of whom something is.
    known: Those,
    /// Who needs another seat than before.
    reseated: Vec<UserId>,
    holdings: Holdings,
}

/// People, and which of the accesses each of them has, counted from one.
#[derive(Debug, Default)]
struct Those {
    ids: Vec<Uuid>,
    which: Vec<i32>,
}

impl Computed {
    /// Adds what becomes of a person.
    pub fn add(&mut self, person: &PersonFacts, change: &Change) {
        if change.kind == Kind::Nothing {
            return;
        }
        self.holdings.add(person.user, &change.holdings);
        if person.active && change.reseats {
            self.reseated.push(person.user);
        }
        let known = self.outcomes.iter().position(|outcome| Arc::ptr_eq(outcome, &change.after));
        let at = known.unwrap_or_else(|| {
            self.outcomes.push(Arc::clone(&change.after));
            self.outcomes.len().saturating_sub(1)
        });
        let those = if change.before.is_some() { &mut self.known } else { &mut self.new };
        those.ids.push(person.user.as_uuid());
        those.which.push(i32::try_from(at.saturating_add(1)).unwrap_or(i32::MAX));
    }
}

/// The class of the seat that somebody needs, as it is stored: empty if it is just any, none if they need no seat.
fn seat_class(access: &EffectiveAccess) -> Option<&str> {
    access.seat.as_ref().map_or(Some(""), |seat| seat.class.as_deref())
}

/// Stores what was computed, without regard to seats: with the next statement or the commit. Whoever needs another seat than before is
/// noted, and gets it before the commit.
pub fn store(
    tx: &mut WriteTx,
    mut computed: Computed,
    policy_version: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if computed.outcomes.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().as_uuid();
    tx.reseat(std::mem::take(&mut computed.reseated));
    if let (([user], []) | ([], [user]), [outcome]) =
        ((&*computed.known.ids, &*computed.new.ids), &*computed.outcomes)
    {
        let one = One {
            user: *user,
            guarded: outcome.guarded == Guarded::Yes,
            access: JsonText::of(&outcome.value)?,
            seat_class: seat_class(&outcome.access).map(str::to_owned),
            known: computed.new.ids.is_empty(),
            anew: !computed.holdings.anew.is_empty(),
            things: computed.holdings.things,
            places: computed.holdings.places,
        };
        access_of_one::store(tx, one, policy_version, now);
        return Ok(());
    }
    if let Some(removal) = computed.holdings.removal(tx) {
        tx.later(removal);
    }
    let outcomes = &computed.outcomes;
    let access =
        outcomes.iter().map(|outcome| JsonText::of(&outcome.value)).collect::<Result<Vec<_>, _>>()?;
    let guarded: Vec<bool> = outcomes.iter().map(|outcome| outcome.guarded == Guarded::Yes).collect();
    let seat_class = |outcome: &Arc<Outcome>| seat_class(&outcome.access).map(str::to_owned);
    let seat_classes: Vec<Option<String>> = outcomes.iter().map(seat_class).collect();
    tx.later(
        statement(STORE)
            .bind::<SqlUuid, _>(tenant)
            .bind::<BigInt, _>(policy_version)
            .bind::<Timestamptz, _>(now)
            .bind::<Array<Jsonb>, _>(access)
            .bind::<Array<Bool>, _>(guarded)
            .bind::<Array<Nullable<Text>>, _>(seat_classes)
            .bind::<Array<Text>, _>(computed.holdings.things)
            .bind::<Array<SqlUuid>, _>(computed.holdings.places)
            .bind::<Array<SqlUuid>, _>(computed.holdings.people)
            .bind::<Array<SqlUuid>, _>(computed.known.ids)
            .bind::<Array<Integer>, _>(computed.known.which)
            .bind::<Array<SqlUuid>, _>(computed.new.ids)
            .bind::<Array<Integer>, _>(computed.new.which),
    );
    Ok(())
}

/// Of whom something was read they keep the row: to change it costs less than to try whether there is one.
const STORE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS version, {} AS at, {} AS access, {} AS guarded, {} AS seat_class
), held AS (
    INSERT INTO user_holding (tenant_id, thing, place, user_id)
    SELECT input.tenant, h.thing, h.place, h.id FROM input, unnest({}, {}, {}) AS h (thing, place, id)
    ON CONFLICT DO NOTHING
), changed AS (
    UPDATE user_access a SET access = input.access[c.which], policy_version = input.version,
        computed_at = input.at, guarded = input.guarded[c.which], seat_class = input.seat_class[c.which]
    FROM input, unnest({}, {}) AS c (id, which)
    WHERE a.tenant_id = input.tenant AND a.user_id = c.id
)
INSERT INTO user_access (tenant_id, user_id, access, policy_version, computed_at, guarded, seat_class)
SELECT input.tenant, c.id, input.access[c.which], input.version, input.at, input.guarded[c.which],
    input.seat_class[c.which]
FROM input, unnest({}, {}) AS c (id, which)
ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access, policy_version = excluded.policy_version,
    computed_at = excluded.computed_at, guarded = excluded.guarded, seat_class = excluded.seat_class";
