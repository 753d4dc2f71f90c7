//! Groups in groups. Knows how a membership is followed up and down in SQL; does not know what anybody may do by it.
//!
//! Only the direct rows are kept. What follows from them is followed when it is asked, from an index entry to the next
//! (`OFFSET 0` keeps the planner from joining whole tables instead): somebody whose groups are in no group costs one
//! look into an empty part of an index for each of their groups.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Uuid as SqlUuid};
use domain::access::GroupFact;
use domain::id::{DirectoryId, GroupId, TenantId, UserId};
use scim::filter::Filter;
use serde_json::Value;
use uuid::Uuid;

use crate::access;
use crate::error::StoreError;
use crate::filter_sql::{Condition, Target};
use crate::statement::{Statement, statement};
use crate::tx::{Reads, WriteTx};

/// The groups of `u`, a row of `users`: `t (id, type)` tells each and whether it is `direct` or `indirect`, `g` is its row.
macro_rules! groups_of {
    () => {
        "(WITH RECURSIVE above (id) AS ( \
            SELECT c.group_id FROM group_member m CROSS JOIN LATERAL (SELECT c.group_id FROM group_child c \
                WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id OFFSET 0) AS c \
            WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id \
            UNION SELECT c.group_id FROM above a CROSS JOIN LATERAL (SELECT c.group_id FROM group_child c \
                WHERE c.tenant_id = u.tenant_id AND c.child_id = a.id OFFSET 0) AS c) \
          SELECT m.group_id, 'direct' FROM group_member m WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id \
          UNION ALL SELECT a.id, 'indirect' FROM above a WHERE NOT EXISTS (SELECT FROM group_member m \
            WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id AND m.group_id = a.id)) AS t (id, type) \
         CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g \
            WHERE g.tenant_id = u.tenant_id AND g.id = t.id OFFSET 0) AS g"
    };
}
pub(crate) use groups_of;

/// The groups that `u` is directly in, as an array of this for each `g`; or `true`, if one of them is in a group: then it is
/// asked anew, for [`groups_of`]. Hardly anybody's groups are in groups, and to get ready to follow them costs the database
/// more than to read those of one person.
macro_rules! direct_groups_of {
    ($each:expr) => {
        concat!(
            "(SELECT CASE WHEN bool_or(n.nests) THEN 'true'::jsonb ELSE jsonb_agg(",
            $each,
            " ORDER BY g.id) END FROM group_member m \
             CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g \
                WHERE g.tenant_id = u.tenant_id AND g.id = m.group_id OFFSET 0) AS g \
             LEFT JOIN LATERAL (SELECT true AS nests FROM group_child c \
                WHERE c.tenant_id = u.tenant_id AND c.child_id = m.group_id LIMIT 1) AS n ON true \
             WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id)"
        )
    };
}
pub(crate) use direct_groups_of;

/// Whether what was read by [`direct_groups_of`] is to be asked anew.
pub(crate) fn nests(groups: Option<&Value>) -> bool {
    groups == Some(&Value::Bool(true))
}

/// All groups of a person, in the form in which they were asked for.
#[derive(QueryableByName)]
pub(crate) struct AllGroups {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub(crate) groups: Option<Value>,
}

/// Groups of some people, as the text says, which ends with the column `groups`.
pub(crate) fn all_groups(tenant: TenantId, text: &'static str, people: Vec<Uuid>) -> Statement<'static> {
    statement(text).bind::<SqlUuid, _>(tenant.as_uuid()).bind::<Array<SqlUuid>, _>(people)
}

/// A group, whose id is the parameter, and all below it, as an array.
pub(crate) const BELOW: &str = "ARRAY(WITH RECURSIVE below (id) AS ( \
    SELECT {}::uuid UNION SELECT c.child_id FROM below b CROSS JOIN LATERAL (SELECT c.child_id FROM group_child c \
        WHERE c.tenant_id = current_tenant() AND c.group_id = b.id OFFSET 0) AS c) SELECT id FROM below)";

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

fn ids(rows: Vec<Id>) -> Vec<GroupId> {
    rows.into_iter().map(|row| GroupId::from_uuid(row.id)).collect()
}

fn uuids(groups: &[GroupId]) -> Vec<Uuid> {
    groups.iter().map(|id| id.as_uuid()).collect()
}

/// Those of these ids that are groups of this directory, by id. They stay until the end of the transaction.
pub async fn groups_among(
    tx: &mut WriteTx,
    directory: DirectoryId,
    candidates: &[GroupId],
) -> Result<Vec<GroupId>, StoreError> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let ask = statement(
        "SELECT id FROM groups WHERE tenant_id = {} AND directory_id = {} AND id = ANY({}) ORDER BY id FOR KEY SHARE",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Array<SqlUuid>, _>(uuids(candidates));
    Ok(ids(tx.load(ask).await?))
}

/// The groups that are directly in a group, by id.
pub async fn children(tx: &mut WriteTx, group: GroupId) -> Result<Vec<GroupId>, StoreError> {
    let ask =
        statement("SELECT child_id AS id FROM group_child WHERE tenant_id = {} AND group_id = {} ORDER BY 1")
            .bind::<SqlUuid, _>(tx.tenant().as_uuid())
            .bind::<SqlUuid, _>(group.as_uuid());
    Ok(ids(tx.load(ask).await?))
}

/// The groups directly in a group that a filter over `value`, `display` and `type` names.
pub async fn matching(tx: &mut WriteTx, group: GroupId, filter: &Filter) -> Result<Vec<GroupId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let condition = Condition::compile(Target::Member, Some(filter))?;
    Ok(ids(tx.load(condition.children(tenant, group.as_uuid())).await?))
}

/// One of these groups that a group is or is in, however far: putting it into that group would close a circle. Only to
/// be asked by who holds the policy alone.
pub async fn closing_a_circle(
    tx: &mut WriteTx,
    group: GroupId,
    children: &[GroupId],
) -> Result<Option<GroupId>, StoreError> {
    let ask = statement(
        "WITH RECURSIVE above (id) AS ( \
            SELECT {}::uuid UNION SELECT c.group_id FROM above a CROSS JOIN LATERAL (SELECT c.group_id FROM group_child c \
                WHERE c.tenant_id = {} AND c.child_id = a.id OFFSET 0) AS c) \
         SELECT id FROM above WHERE id = ANY({}) LIMIT 1",
    )
    .bind::<SqlUuid, _>(group.as_uuid())
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Array<SqlUuid>, _>(uuids(children));
    Ok(ids(tx.load(ask).await?).pop())
}

const ADD: &str = "INSERT INTO group_child (tenant_id, group_id, child_id) SELECT {}, {}, id FROM unnest({}) AS id \
     ON CONFLICT DO NOTHING RETURNING child_id AS id";
const REMOVE: &str = "DELETE FROM group_child WHERE tenant_id = {} AND group_id = {} AND child_id = ANY({}) \
     RETURNING child_id AS id";

async fn change(
    tx: &mut WriteTx,
    text: &'static str,
    group: GroupId,
    children: &[GroupId],
) -> Result<Vec<GroupId>, StoreError> {
    if children.is_empty() {
        return Ok(Vec::new());
    }
    let ask = statement(text)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(group.as_uuid())
        .bind::<Array<SqlUuid>, _>(uuids(children));
    Ok(ids(tx.load(ask).await?))
}

/// Puts groups into a held group and returns those that were not in it.
pub async fn add(tx: &mut WriteTx, group: GroupId, children: &[GroupId]) -> Result<Vec<GroupId>, StoreError> {
    change(tx, ADD, group, children).await
}

/// Takes groups out of a held group and returns those that were in it.
pub async fn remove(
    tx: &mut WriteTx,
    group: GroupId,
    children: &[GroupId],
) -> Result<Vec<GroupId>, StoreError> {
    change(tx, REMOVE, group, children).await
}

/// The version of the policy, and the groups that a group is in, however far, as rules see them. Both stay as they are
/// for who holds the policy.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The version.
    pub policy_version: i64,
    /// The groups.
    pub above: Vec<GroupFact>,
}

/// Columns that tell the standing of the group whose id is the parameter; `p` is the policy's row.
macro_rules! standing_columns {
    () => {
        "p.version AS policy_version, \
         (WITH RECURSIVE above (id) AS ( \
            SELECT c.group_id FROM group_child c WHERE c.tenant_id = current_tenant() AND c.child_id = {} \
            UNION SELECT c.group_id FROM above a CROSS JOIN LATERAL (SELECT c.group_id FROM group_child c \
                WHERE c.tenant_id = current_tenant() AND c.child_id = a.id OFFSET 0) AS c) \
          SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.doc->>'displayName', 'external_id', g.external_id)) \
          FROM above a CROSS JOIN LATERAL (SELECT g.id, g.doc, g.external_id FROM groups g \
            WHERE g.tenant_id = current_tenant() AND g.id = a.id OFFSET 0) AS g) AS above"
    };
}
pub(crate) use standing_columns;

#[derive(QueryableByName)]
pub(crate) struct StandingRow {
    #[diesel(sql_type = BigInt)]
    policy_version: i64,
    #[diesel(sql_type = Nullable<Jsonb>)]
    above: Option<Value>,
}

impl StandingRow {
    pub(crate) fn read(&self) -> Result<Standing, StoreError> {
        let above = self.above.clone().map(access::groups_in_row).transpose()?.unwrap_or_default();
        Ok(Standing { policy_version: self.policy_version, above })
    }
}

/// The standing of a group, for who holds the policy.
pub async fn standing(tx: &mut WriteTx, group: GroupId) -> Result<Standing, StoreError> {
    let ask =
        statement(concat!("SELECT ", standing_columns!(), " FROM access_policy p WHERE p.tenant_id = {}"))
            .bind::<SqlUuid, _>(group.as_uuid())
            .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    let rows: Vec<StandingRow> = tx.load(ask).await?;
    let row = rows.into_iter().next().ok_or_else(|| StoreError::corrupt("a tenant without a policy"))?;
    row.read()
}

/// What changed about the groups in a group.
#[derive(Debug, Clone, Copy)]
pub struct Rearranged<'a> {
    /// The group.
    pub group: GroupId,
    /// Those that came or went, or of which it matters that they are in it.
    pub through: &'a [GroupId],
    /// Those of them through which nobody was in the group before.
    pub came: &'a [GroupId],
}

/// People below groups that came or went.
#[derive(Debug, Default)]
pub struct Below {
    /// Those who are in the group by that alone.
    pub moved: Vec<UserId>,
    /// Up to whom it was asked; `None` after the last.
    pub next: Option<UserId>,
}

#[derive(QueryableByName)]
struct BelowRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    moved: bool,
}

/// The next people below `through`, at most a thousand, and which of them are in the group neither directly nor through
/// another group that is in it. None of them is deleted until the end of the transaction. Only to be asked by who holds
/// the policy alone: then whoever comes below meanwhile is computed after.
const NEXT_BELOW: &str = "\
WITH RECURSIVE moving (id) AS (
    SELECT unnest({}) UNION SELECT c.child_id FROM moving m CROSS JOIN LATERAL (SELECT c.child_id FROM group_child c
        WHERE c.tenant_id = {} AND c.group_id = m.id OFFSET 0) AS c
), staying (id) AS (
    SELECT c.child_id FROM group_child c WHERE c.tenant_id = {} AND c.group_id = {} AND c.child_id <> ALL ({})
    UNION SELECT c.child_id FROM staying s CROSS JOIN LATERAL (SELECT c.child_id FROM group_child c
        WHERE c.tenant_id = {} AND c.group_id = s.id OFFSET 0) AS c
), next (id) AS (
    SELECT DISTINCT p.user_id FROM moving g CROSS JOIN LATERAL (SELECT m.user_id FROM group_member m
        WHERE m.tenant_id = {} AND m.group_id = g.id AND m.user_id > {} ORDER BY m.user_id LIMIT 1000) AS p
    ORDER BY 1 LIMIT 1000
)
SELECT u.id, NOT EXISTS (SELECT FROM group_member m WHERE m.tenant_id = {} AND m.user_id = u.id
        AND (m.group_id = {} OR m.group_id IN (SELECT s.id FROM staying s))) AS moved
FROM next n JOIN users u ON u.tenant_id = {} AND u.id = n.id ORDER BY u.id FOR KEY SHARE OF u";

/// The next people whom a change moves, after one of them.
pub async fn next_below(
    tx: &mut WriteTx,
    changed: Rearranged<'_>,
    after: Option<UserId>,
) -> Result<Below, StoreError> {
    let (tenant, group) = (tx.tenant().as_uuid(), changed.group.as_uuid());
    let ask = statement(NEXT_BELOW)
        .bind::<Array<SqlUuid>, _>(uuids(changed.through))
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(group)
        .bind::<Array<SqlUuid>, _>(uuids(changed.came))
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), UserId::as_uuid))
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(group)
        .bind::<SqlUuid, _>(tenant);
    let rows: Vec<BelowRow> = tx.load(ask).await?;
    let next = rows.last().map(|row| UserId::from_uuid(row.id));
    let moved = rows.iter().filter(|row| row.moved).map(|row| UserId::from_uuid(row.id)).collect();
    Ok(Below { moved, next })
}
