//! Who holds what where and who is at home where: roles, flags, levels and homes as rows, to find people by. Knows what is a
//! holding; does not know what it allows (that is in the stored access of each person).

use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::{EffectiveAccess, Scope};
use domain::id::UserId;
use domain::mapping::ScopeRef;
use uuid::Uuid;

use crate::error::StoreError;
use crate::statement::{Statement, statement};
use crate::tx::Reads;

/// Something that can be held, wherever it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing<'a> {
    /// A role.
    Role(&'a str),
    /// A flag.
    Flag(&'a str),
    /// A permission at a level.
    Level(&'a str),
    /// A home.
    Home,
}

impl Thing<'_> {
    pub(crate) fn stored(&self) -> String {
        match self {
            Self::Role(id) => format!("role:{id}"),
            Self::Flag(id) => format!("flag:{id}"),
            Self::Level(id) => format!("level:{id}"),
            Self::Home => "home".to_owned(),
        }
    }
}

/// A place as a row says it: the environment has no id.
pub(crate) fn row_of(place: ScopeRef) -> Uuid {
    match place {
        ScopeRef::Environment => Uuid::nil(),
        ScopeRef::OrgUnit(id) => id.as_uuid(),
        ScopeRef::Workspace(id) => id.as_uuid(),
    }
}

/// Where something is held, as a row says it.
pub(crate) fn place(scope: &Scope) -> Uuid {
    row_of(scope.into())
}

/// Rows that are to be written.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    /// Whose rows so far are gone.
    pub(crate) anew: Vec<Uuid>,
    pub(crate) things: Vec<String>,
    pub(crate) places: Vec<Uuid>,
    pub(crate) people: Vec<Uuid>,
}

/// What becomes of the rows of those whose access turns from one into another.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Whether those so far go.
    anew: bool,
    rows: Vec<(String, Uuid)>,
}

impl Exchange {
    /// What is held by this access, instead of what was held before.
    pub(crate) fn between(before: Option<&EffectiveAccess>, access: &EffectiveAccess) -> Self {
        let mut rows = held(access);
        let before = before.map(held).unwrap_or_default();
        // Whoever holds only more than before keeps their rows.
        let anew = !before.iter().all(|held| rows.contains(held));
        if !anew {
            rows.retain(|held| !before.contains(held));
        }
        Self { anew, rows }
    }
}

impl Holdings {
    /// Adds what becomes of a person's rows.
    pub(crate) fn add(&mut self, user: UserId, exchange: &Exchange) {
        if exchange.anew {
            self.anew.push(user.as_uuid());
        }
        for (thing, place) in &exchange.rows {
            self.things.push(thing.clone());
            self.places.push(*place);
            self.people.push(user.as_uuid());
        }
    }

    /// The statement that removes the rows so far, if there are any.
    pub(crate) fn removal(&mut self, tx: &impl Reads) -> Option<Statement<'static>> {
        if self.anew.is_empty() {
            return None;
        }
        let text = "DELETE FROM user_holding WHERE tenant_id = {} AND user_id = ANY({})";
        let anew = std::mem::take(&mut self.anew);
        Some(statement(text).bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<Array<SqlUuid>, _>(anew))
    }
}

/// What somebody holds, each once.
fn held(access: &EffectiveAccess) -> Vec<(String, Uuid)> {
    let roles = access.roles.iter().map(|held| (Thing::Role(&held.role), &held.scope));
    let flags = access.flags.iter().map(|held| (Thing::Flag(&held.flag), &held.scope));
    let levels = access.permissions.iter().filter(|held| held.level.is_some());
    let levels = levels.map(|held| (Thing::Level(&held.permission), &held.scope));
    let home = access.home.iter().map(|home| (Thing::Home.stored(), home.org_unit.as_uuid()));
    let held = roles.chain(flags).chain(levels).map(|(thing, scope)| (thing.stored(), place(scope)));
    let mut held: Vec<(String, Uuid)> = held.chain(home).collect();
    held.sort();
    held.dedup();
    held
}

#[derive(diesel::QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// For each thing and place an index entry leads to as many people as are wanted, whatever their number.
const HOLDERS: &str = "\
SELECT DISTINCT h.user_id AS id
FROM (SELECT {} AS tenant, {} AS after, {} AS most) AS ask
CROSS JOIN unnest({}) AS t (thing)
CROSS JOIN unnest({}) AS p (place)
CROSS JOIN LATERAL (
    SELECT h.user_id FROM user_holding h
    WHERE h.tenant_id = ask.tenant AND h.thing = t.thing AND h.place = p.place AND h.user_id > ask.after
    ORDER BY h.user_id LIMIT ask.most
) AS h
ORDER BY 1 LIMIT {}";

/// The next people, by id, who hold any of these things at any of these places or in the environment.
pub async fn holders(
    tx: &mut impl Reads,
    things: &[Thing<'_>],
    scopes: &[Scope],
    after: Option<UserId>,
    most: i64,
) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let things: Vec<String> = things.iter().map(Thing::stored).collect();
    let places: Vec<Uuid> = scopes.iter().map(place).collect();
    let ask = statement(HOLDERS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), UserId::as_uuid))
        .bind::<BigInt, _>(most)
        .bind::<Array<Text>, _>(things)
        .bind::<Array<SqlUuid>, _>(places)
        .bind::<BigInt, _>(most);
    let rows: Vec<Id> = ask.load(tx.connection().0.conn().await?).await?;
    Ok(rows.into_iter().map(|row| UserId::from_uuid(row.id)).collect())
}
