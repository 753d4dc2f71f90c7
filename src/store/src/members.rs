//! Group membership rows. Knows set operations in SQL; never reads a group's members to change one, and never more of
//! them than [`AT_ONCE`] at a time.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{DirectoryId, GroupId, UserId};
use scim::filter::Filter;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::filter_sql::{Condition, Target};
use crate::nesting::{Standing, StandingRow, standing_columns};
use crate::schema::group_member;
use crate::scope::DirectoryScope;
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};

/// The most members that are read or swept at once.
pub const AT_ONCE: i64 = 1_000;

/// A member as a group shows it.
#[derive(Debug, Clone, QueryableByName)]
pub struct MemberRow {
    /// Whose membership in which group.
    #[diesel(sql_type = SqlUuid)]
    pub group_id: Uuid,
    /// The person or the group.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Whether it is a group.
    #[diesel(sql_type = Bool)]
    pub is_group: bool,
    /// Its display name.
    #[diesel(sql_type = Nullable<Text>)]
    pub display: Option<String>,
}

/// Members of a group: the groups in it and then the people, each in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct SomeMembers {
    /// They themselves.
    pub rows: Vec<MemberRow>,
    /// Whether there are others after the last of these.
    pub more: bool,
}

impl SomeMembers {
    /// Where they end.
    pub fn end(&self) -> Option<Place> {
        self.rows.last().map(|row| Place { is_group: row.is_group, id: row.id })
    }
}

/// A place among the members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    is_group: bool,
    id: Uuid,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

fn ids(rows: &[Id]) -> Vec<UserId> {
    rows.iter().map(|row| UserId::from_uuid(row.user_id)).collect()
}

fn uuids(ids: &[UserId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.as_uuid()).collect()
}

/// The members of the group `g`: groups after one place, and people after another. `OFFSET 0` keeps the planner from
/// merging the members with everybody, from the first person on: a part near the end would cost as much as all before it.
fn members_of(most: i64) -> String {
    format!(
        "(SELECT c.child_id AS id, TRUE AS is_group, k.doc->>'displayName' AS display \
          FROM group_child c JOIN groups k ON k.tenant_id = c.tenant_id AND k.id = c.child_id \
          WHERE c.tenant_id = {{}} AND c.group_id = g.id AND c.child_id > {{}} ORDER BY c.child_id LIMIT {most}) \
         UNION ALL \
         (SELECT m.user_id, FALSE, coalesce(u.doc->>'displayName', u.doc->>'userName') \
          FROM group_member m CROSS JOIN LATERAL (SELECT u.doc FROM users u \
            WHERE u.tenant_id = m.tenant_id AND u.id = m.user_id OFFSET 0) AS u \
          WHERE m.tenant_id = {{}} AND m.group_id = g.id AND m.user_id > {{}} ORDER BY m.user_id LIMIT {most})"
    )
}

/// The first members of these groups, by group. Of them all, in the order of `groups`, no more than [`AT_ONCE`] are read:
/// whoever shows more goes on with [`after`].
pub async fn first(
    tx: &mut impl Reads,
    groups: &[GroupId],
) -> Result<HashMap<GroupId, SomeMembers>, StoreError> {
    let all: Vec<Uuid> = groups.iter().map(|id| id.as_uuid()).collect();
    let most = AT_ONCE.saturating_add(1);
    let text = format!(
        "SELECT g.id AS group_id, m.id, m.is_group, m.display \
         FROM unnest({{}}) WITH ORDINALITY AS g (id, n) CROSS JOIN LATERAL ({}) AS m \
         ORDER BY g.n, m.is_group DESC, m.id LIMIT {most}",
        members_of(most)
    );
    let tenant = tx.tenant().as_uuid();
    let ask = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<Array<SqlUuid>, _>(all)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(Uuid::nil())
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(Uuid::nil());
    let rows: Vec<MemberRow> = tx.connection().0.load(ask).await?;
    Ok(by_group(groups, rows))
}

fn by_group(groups: &[GroupId], mut rows: Vec<MemberRow>) -> HashMap<GroupId, SomeMembers> {
    let mut all: HashMap<GroupId, SomeMembers> =
        groups.iter().map(|group| (*group, SomeMembers::default())).collect();
    let beyond = i64::try_from(rows.len()).is_ok_and(|found| found > AT_ONCE).then(|| rows.pop()).flatten();
    for row in rows {
        if let Some(of_group) = all.get_mut(&GroupId::from_uuid(row.group_id)) {
            of_group.rows.push(row);
        }
    }
    if let Some(beyond) = beyond {
        // The group of the first row that was too much, and every group after it, may have more.
        for group in groups.iter().skip_while(|group| group.as_uuid() != beyond.group_id) {
            if let Some(of_group) = all.get_mut(group) {
                of_group.more = true;
            }
        }
    }
    all
}

#[derive(QueryableByName)]
struct MaybeMember {
    #[diesel(sql_type = SqlUuid)]
    group_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Bool>)]
    is_group: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    display: Option<String>,
}

/// The members of a group after a place, in a transaction of their own, so that no connection and no snapshot is held
/// while a large group is read: whoever is a member throughout is met exactly once. Nothing, if the group is gone.
pub async fn after(
    db: &Db,
    directory: &DirectoryScope,
    group: GroupId,
    place: Option<Place>,
) -> Result<Option<SomeMembers>, StoreError> {
    let most = AT_ONCE.saturating_add(1);
    let text = format!(
        "SELECT g.id AS group_id, m.id, m.is_group, m.display FROM groups g LEFT JOIN LATERAL ({}) AS m ON true \
         WHERE g.tenant_id = {{}} AND g.directory_id = {{}} AND g.id = {{}} \
         ORDER BY m.is_group DESC, m.id LIMIT {most}",
        members_of(most)
    );
    let tenant = directory.scope().tenant();
    let (group_place, person_place) = match place {
        None => (Uuid::nil(), Uuid::nil()),
        Some(Place { is_group: true, id }) => (id, Uuid::nil()),
        Some(Place { is_group: false, id }) => (Uuid::max(), id),
    };
    let ask = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(group_place)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(person_place)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(directory.directory().as_uuid())
        .bind::<SqlUuid, _>(group.as_uuid());
    let found: Vec<MaybeMember> = db.at_once(tenant, Some(directory.scope()), ask).await?;
    if found.is_empty() {
        return Ok(None);
    }
    let rows = found.into_iter().filter_map(|MaybeMember { group_id, id, is_group, display }| {
        let (id, is_group) = id.zip(is_group)?;
        Some(MemberRow { group_id, id, is_group, display })
    });
    Ok(by_group(&[group], rows.collect()).remove(&group))
}

/// Locks each member of a group and each of `others` as a person, in the order of their ids, until the end of the
/// transaction: for what may change every member's access. Sent with the next statement.
pub fn lock_all(tx: &mut WriteTx, directory: DirectoryId, group: GroupId, others: &[UserId]) {
    let tenant = tx.tenant().as_uuid();
    let lock = statement(
        "SELECT count(*) FROM (SELECT FROM users u WHERE u.tenant_id = {} AND u.directory_id = {} AND u.id IN \
            (SELECT m.user_id FROM group_member m WHERE m.tenant_id = {} AND m.group_id = {} \
             UNION ALL SELECT unnest({})) \
         ORDER BY u.id FOR NO KEY UPDATE) AS locked",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(group.as_uuid())
    .bind::<Array<SqlUuid>, _>(uuids(others));
    tx.later(lock);
}

/// Who came or went.
#[derive(Debug, Default)]
pub struct Moved {
    /// They themselves.
    pub people: Vec<UserId>,
    /// How the group stood when they did; none if nobody did.
    pub standing: Option<Standing>,
}

#[derive(QueryableByName)]
struct MovedRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(embed)]
    standing: StandingRow,
}

/// A change of the people in a group, which says how the group stood.
macro_rules! moving {
    ($change:literal) => {
        concat!(
            "WITH moved AS (",
            $change,
            " RETURNING user_id) SELECT m.user_id, ",
            standing_columns!(),
            " FROM moved m, access_policy p WHERE p.tenant_id = {}"
        )
    };
}

const ADD: &str = moving!(
    "INSERT INTO group_member (tenant_id, group_id, user_id) SELECT {}, {}, id FROM unnest({}) AS id \
     ON CONFLICT DO NOTHING"
);
const REMOVE: &str =
    moving!("DELETE FROM group_member WHERE tenant_id = {} AND group_id = {} AND user_id = ANY({})");

async fn change(
    tx: &mut WriteTx,
    text: &'static str,
    group: GroupId,
    people: &[UserId],
) -> Result<Moved, StoreError> {
    if people.is_empty() {
        return Ok(Moved::default());
    }
    let tenant = tx.tenant().as_uuid();
    let ask = statement(text)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(group.as_uuid())
        .bind::<Array<SqlUuid>, _>(uuids(people))
        .bind::<SqlUuid, _>(group.as_uuid())
        .bind::<SqlUuid, _>(tenant);
    let rows: Vec<MovedRow> = tx.load(ask).await?;
    Ok(Moved {
        standing: rows.iter().map(|row| row.standing.read()).next().transpose()?,
        people: rows.into_iter().map(|row| UserId::from_uuid(row.user_id)).collect(),
    })
}

/// Adds people to a held group: those who were not in it.
pub async fn add(tx: &mut WriteTx, group: GroupId, people: &[UserId]) -> Result<Moved, StoreError> {
    change(tx, ADD, group, people).await
}

/// Removes people from a held group: those who were in it.
pub async fn remove(tx: &mut WriteTx, group: GroupId, people: &[UserId]) -> Result<Moved, StoreError> {
    change(tx, REMOVE, group, people).await
}

/// The next people directly in a group after one of them who are not among `but`, at most [`AT_ONCE`].
pub async fn next(
    tx: &mut WriteTx,
    group: GroupId,
    last: Option<UserId>,
    but: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let text = format!(
        "SELECT m.user_id FROM group_member m WHERE m.tenant_id = {{}} AND m.group_id = {{}} AND m.user_id > {{}} \
         AND NOT EXISTS (SELECT FROM unnest({{}}) AS k (id) WHERE k.id = m.user_id) \
         ORDER BY m.user_id LIMIT {AT_ONCE}"
    );
    let ask = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(group.as_uuid())
        .bind::<SqlUuid, _>(last.map_or(Uuid::nil(), UserId::as_uuid))
        .bind::<Array<SqlUuid>, _>(uuids(but));
    Ok(ids(&tx.load::<Id>(ask).await?))
}

/// The next people directly in a group after one of them whom a filter over `value`, `display` and `type` names, at most
/// [`AT_ONCE`].
pub async fn next_matching(
    tx: &mut WriteTx,
    group: GroupId,
    last: Option<UserId>,
    filter: &Filter,
) -> Result<Vec<UserId>, StoreError> {
    let condition = Condition::compile(Target::Member, Some(filter))?;
    let last = last.map_or(Uuid::nil(), UserId::as_uuid);
    let ask = condition.members(tx.tenant().as_uuid(), group.as_uuid(), last, AT_ONCE);
    Ok(ids(&tx.load::<Id>(ask).await?))
}

/// How many people are directly in a group.
pub async fn count(tx: &mut impl Reads, group: GroupId) -> Result<i64, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(group_member::table
        .filter(group_member::tenant_id.eq(tenant).and(group_member::group_id.eq(group.as_uuid())))
        .count()
        .get_result(tx.connection().0.conn().await?)
        .await?)
}
