//! Group membership rows. Knows set operations in SQL; never reads a group's members to change one.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{GroupId, UserId};
use scim::filter::Filter;
use uuid::Uuid;

use crate::error::StoreError;
use crate::filter_sql::{Condition, Target};
use crate::schema::group_member;
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};

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

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

fn ids(rows: Vec<Changed>) -> Vec<UserId> {
    rows.into_iter().map(|row| UserId::from_uuid(row.user_id)).collect()
}

fn uuids(ids: &[UserId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.as_uuid()).collect()
}

/// The members of these groups, by group: the groups that are in it and then the people, by id.
pub async fn of_groups(tx: &mut impl Reads, groups: &[GroupId]) -> Result<Vec<MemberRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let groups: Vec<Uuid> = groups.iter().map(|id| id.as_uuid()).collect();
    Ok(statement(
        "SELECT c.group_id, c.child_id AS id, TRUE AS is_group, g.doc->>'displayName' AS display \
         FROM group_child c JOIN groups g ON g.tenant_id = c.tenant_id AND g.id = c.child_id \
         WHERE c.tenant_id = {} AND c.group_id = ANY({}) \
         UNION ALL \
         SELECT m.group_id, m.user_id, FALSE, coalesce(u.doc->>'displayName', u.doc->>'userName') \
         FROM group_member m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id \
         WHERE m.tenant_id = {} AND m.group_id = ANY({}) ORDER BY group_id, is_group DESC, id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(groups.clone())
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(groups)
    .load::<MemberRow>(tx.connection().0.conn().await?)
    .await?)
}

/// The ids of a group's members, each locked as a person until the end of the transaction: for what changes every
/// member's access, such as a new name of the group.
pub async fn lock_all(tx: &mut WriteTx, group: GroupId) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(ids(statement(
        "SELECT u.id AS user_id FROM users u \
         WHERE u.tenant_id = {} AND u.id IN \
           (SELECT m.user_id FROM group_member m WHERE m.tenant_id = {} AND m.group_id = {}) \
         ORDER BY u.id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(group.as_uuid())
    .load(tx.conn().await?)
    .await?))
}

/// What a group is to be marked with when members come or go.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// The version that it has then.
    pub version: i64,
    /// The time of the change.
    pub at: DateTime<Utc>,
}

/// A change of the members of a group, which marks the group if anybody came or went.
macro_rules! moving {
    ($change:literal) => {
        concat!(
            "WITH moved AS (",
            $change,
            " RETURNING user_id), marked AS ( \
                UPDATE groups SET version = {}, updated_at = {} \
                WHERE tenant_id = {} AND id = {} AND EXISTS (SELECT FROM moved)) \
              SELECT user_id FROM moved"
        )
    };
}

const ADD: &str = moving!(
    "INSERT INTO group_member (tenant_id, group_id, user_id) SELECT {}, {}, id FROM unnest({}) AS id \
     ON CONFLICT DO NOTHING"
);
const REMOVE: &str =
    moving!("DELETE FROM group_member WHERE tenant_id = {} AND group_id = {} AND user_id = ANY({})");
const KEEP_ONLY: &str = moving!(
    "DELETE FROM group_member m WHERE tenant_id = {} AND group_id = {} \
     AND NOT EXISTS (SELECT 1 FROM unnest({}) AS k (id) WHERE k.id = m.user_id)"
);

async fn change(
    tx: &mut WriteTx,
    text: &'static str,
    group: GroupId,
    people: &[UserId],
    mark: Mark,
) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ask = statement(text)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(group.as_uuid())
        .bind::<Array<SqlUuid>, _>(uuids(people))
        .bind::<BigInt, _>(mark.version)
        .bind::<Timestamptz, _>(mark.at)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(group.as_uuid());
    Ok(ids(tx.load(ask).await?))
}

/// Adds people to a locked group and returns those who were not in it.
pub async fn add(
    tx: &mut WriteTx,
    group: GroupId,
    people: &[UserId],
    mark: Mark,
) -> Result<Vec<UserId>, StoreError> {
    if people.is_empty() { Ok(Vec::new()) } else { change(tx, ADD, group, people, mark).await }
}

/// Removes people from a locked group and returns those who were in it.
pub async fn remove(
    tx: &mut WriteTx,
    group: GroupId,
    people: &[UserId],
    mark: Mark,
) -> Result<Vec<UserId>, StoreError> {
    if people.is_empty() { Ok(Vec::new()) } else { change(tx, REMOVE, group, people, mark).await }
}

/// Removes everybody but these people from a locked group and returns those who went.
pub async fn keep_only(
    tx: &mut WriteTx,
    group: GroupId,
    people: &[UserId],
    mark: Mark,
) -> Result<Vec<UserId>, StoreError> {
    change(tx, KEEP_ONLY, group, people, mark).await
}

/// The people in a group that a filter over `value`, `display` and `type` names.
pub async fn matching(tx: &mut WriteTx, group: GroupId, filter: &Filter) -> Result<Vec<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let condition = Condition::compile(Target::Member, Some(filter))?;
    let rows: Vec<MemberRow> = condition.members(tenant, group.as_uuid(), tx.conn().await?).await?;
    Ok(rows.into_iter().map(|row| UserId::from_uuid(row.id)).collect())
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
