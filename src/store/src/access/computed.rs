//! What was computed of people, stored: each access once, whoever comes to it. Knows rows; does not know how it was computed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::access::EffectiveAccess;
use domain::id::UserId;
use serde_json::Value;
use uuid::Uuid;

use super::facts::{PersonFacts, Stored};
use super::of_one::{self, One};
use crate::error::StoreError;
use crate::holdings::{Exchange, Holdings};
use crate::json_text::JsonText;
use crate::statement::statement;
use crate::tx::{Reads as _, WriteTx};

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
        let needs_another = |before: &Arc<EffectiveAccess>| before.seat_class() != after.access.seat_class();
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
            seat_class: outcome.access.seat_class().map(str::to_owned),
            known: computed.new.ids.is_empty(),
            anew: !computed.holdings.anew.is_empty(),
            things: computed.holdings.things,
            places: computed.holdings.places,
        };
        of_one::store(tx, one, policy_version, now);
        return Ok(());
    }
    if let Some(removal) = computed.holdings.removal(tx) {
        tx.later(removal);
    }
    let outcomes = &computed.outcomes;
    let access =
        outcomes.iter().map(|outcome| JsonText::of(&outcome.value)).collect::<Result<Vec<_>, _>>()?;
    let guarded: Vec<bool> = outcomes.iter().map(|outcome| outcome.guarded == Guarded::Yes).collect();
    let seat_class = |outcome: &Arc<Outcome>| outcome.access.seat_class().map(str::to_owned);
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

/// What is stored of whom something is stored after all.
macro_rules! instead {
    () => {
        "ON CONFLICT (tenant_id, user_id) DO UPDATE SET access = excluded.access, \
             policy_version = excluded.policy_version, computed_at = excluded.computed_at, \
             guarded = excluded.guarded, seat_class = excluded.seat_class"
    };
}
pub(super) use instead;

/// Of whom something was read they keep the row: to change it costs less than to try whether there is one.
const STORE: &str = concat!(
    "\
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
",
    instead!()
);
