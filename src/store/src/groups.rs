//! Groups of a directory, without their members. Knows which parts of the SCIM document have a column of their own.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::audit::Audit;
use domain::clock::Entropy;
use domain::id::{DirectoryId, GroupId, TenantId, UserId};
use scim::resource::Resource;
use serde_json::Value;
use uuid::Uuid;

use crate::advisory::{self, Hold};
use crate::db::Db;
use crate::error::StoreError;
use crate::filter_sql::{Pages, Target};
use crate::keys::fitting;
use crate::listing::{Found, Listing};
use crate::scope::DirectoryScope;
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};
use crate::users::{self, document};

/// A group as kept.
#[derive(Debug, Clone, QueryableByName)]
pub struct GroupRow {
    /// Id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The SCIM document, without members and what only the server says.
    #[diesel(sql_type = Jsonb)]
    pub doc: Value,
    /// Version, one more with each change of the group or of its members.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// When created.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    /// When last changed.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

impl GroupRow {
    /// The id, typed.
    pub fn group_id(&self) -> GroupId {
        GroupId::from_uuid(self.id)
    }

    /// The document.
    pub fn resource(&self) -> Resource {
        Resource::from_stored(document(&self.doc))
    }
}

const COLUMNS: &str = "u.id, u.doc, u.version, u.created_at, u.updated_at";

/// One group of this directory.
pub async fn get(
    tx: &mut impl Reads,
    directory: DirectoryId,
    id: GroupId,
) -> Result<Option<GroupRow>, StoreError> {
    let ask = one(tx.tenant(), directory, id, "", "");
    Ok(tx.connection().0.load(ask).await?.pop())
}

/// A group that a transaction holds, and the version of the policy when it was read.
#[derive(Debug, QueryableByName)]
pub struct HeldGroup {
    /// The group.
    #[diesel(embed)]
    pub group: GroupRow,
    /// The version of the policy, which nobody keeps from changing.
    #[diesel(sql_type = BigInt)]
    pub policy_version: i64,
}

/// One group of this directory, held until the end of the transaction, and those of `people` who are in the directory,
/// locked. Who changes members alone shares a group with others who do; who changes what the group says of itself, or
/// goes by its version or by the whole of its members, holds it alone.
pub async fn hold(
    tx: &mut WriteTx,
    directory: DirectoryId,
    id: GroupId,
    hold: Hold,
    people: &[UserId],
) -> Result<(Option<HeldGroup>, Vec<UserId>), StoreError> {
    tx.later(advisory::lock(tx.tenant(), id.as_uuid(), hold));
    let group = one(tx.tenant(), directory, id, POLICY, "");
    if people.is_empty() {
        return Ok((tx.load(group).await?.pop(), Vec::new()));
    }
    let people = users::lock_statement(tx.tenant(), directory, people);
    let (mut group, people) = tx.load_both::<HeldGroup, users::Id>(group, people).await?;
    Ok((group.pop(), people.iter().map(users::Id::user).collect()))
}

const POLICY: &str =
    ", (SELECT p.version FROM access_policy p WHERE p.tenant_id = u.tenant_id) AS policy_version";

/// One group of this directory that is to be deleted, held alone and locked also against those who are about to put it
/// somewhere.
pub async fn hold_to_delete(
    tx: &mut WriteTx,
    directory: DirectoryId,
    id: GroupId,
) -> Result<Option<HeldGroup>, StoreError> {
    tx.later(advisory::lock(tx.tenant(), id.as_uuid(), Hold::Alone));
    let group = one(tx.tenant(), directory, id, POLICY, " FOR UPDATE OF u");
    let found: Vec<HeldGroup> = tx.load(group).await?;
    Ok(found.into_iter().next())
}

fn one(tenant: TenantId, directory: DirectoryId, id: GroupId, more: &str, lock: &str) -> Statement<'static> {
    let text = format!(
        "SELECT {COLUMNS}{more} FROM groups u \
         WHERE u.tenant_id = {{}} AND u.directory_id = {{}} AND u.id = {{}}{lock}"
    );
    Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
}

/// The groups of this directory that a list is about.
pub async fn list(
    db: &Db,
    directory: &DirectoryScope,
    listing: Listing<'_>,
) -> Result<Found<GroupRow>, StoreError> {
    pages(listing)?.find(db, directory, listing.window).await
}

/// How the database answers such a list.
pub async fn plan(
    db: &Db,
    directory: &DirectoryScope,
    listing: Listing<'_>,
) -> Result<Vec<String>, StoreError> {
    pages(listing)?.plan(db, directory, listing.window).await
}

fn pages(listing: Listing<'_>) -> Result<Pages, StoreError> {
    Pages::compile(&[(Target::Group, listing.filter, listing.sort, COLUMNS)])
}

/// Some groups of this directory, in no order.
pub async fn by_ids(
    tx: &mut impl Reads,
    directory: DirectoryId,
    ids: &[GroupId],
) -> Result<Vec<GroupRow>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM groups u WHERE u.tenant_id = {{}} AND u.directory_id = {{}} AND u.id = ANY({{}})"
    );
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let statement = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Array<SqlUuid>, _>(ids);
    tx.connection().0.load(statement).await
}

fn name_key(resource: &Resource) -> Result<String, StoreError> {
    fitting("displayName", scim::text::fold(resource.display_name().unwrap_or_default()))
}

fn external_id(resource: &Resource) -> Result<Option<String>, StoreError> {
    resource.external_id().map(|id| fitting("externalId", id.to_owned())).transpose()
}

/// Adds a group, in version 1: with the next statement or the commit, which then say if it could not be.
pub fn create(
    tx: &mut WriteTx,
    directory: DirectoryId,
    id: GroupId,
    resource: &Resource,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let create = statement(
        "INSERT INTO groups (tenant_id, id, directory_id, display_name_key, external_id, doc, version, \
             created_at, updated_at) \
         SELECT {}, {}, {}, {}, {}, {}, 1, at, at FROM (SELECT {} AS at) AS clock",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Text, _>(name_key(resource)?)
    .bind::<Nullable<Text>, _>(external_id(resource)?)
    .bind::<Jsonb, _>(Value::Object(resource.as_map().clone()))
    .bind::<Timestamptz, _>(now);
    tx.later(create);
    Ok(())
}

/// What a change makes of a group's version and time.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Mark {
    /// The version after it.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// The time of the last change.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

/// Marks a group as changed and commits. The mark is the last statement, because from then on whoever marks the same
/// group waits. Those who share a group end in another order than they began, so its time only goes on.
pub async fn mark_and_commit(
    tx: WriteTx,
    id: GroupId,
    audit: Audit,
    now: DateTime<Utc>,
    entropy: &dyn Entropy,
) -> Result<Mark, StoreError> {
    let mark = statement(
        "UPDATE groups SET version = version + 1, updated_at = greatest(updated_at, {}) \
         WHERE tenant_id = {} AND id = {} RETURNING version, updated_at",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid());
    let marked: Option<Mark> = tx.commit_after(mark, audit, now, entropy).await?.pop();
    marked.ok_or_else(|| StoreError::corrupt("a group that is held is gone"))
}

/// Writes a changed document over that of a group that is held alone: with the next statement or the commit, which then
/// say if it could not be.
pub fn update(tx: &mut WriteTx, id: GroupId, after: &Resource, mark: Mark) -> Result<(), StoreError> {
    let update = statement(
        "UPDATE groups SET display_name_key = {}, external_id = {}, doc = {}, version = {}, updated_at = {} \
         WHERE tenant_id = {} AND id = {}",
    )
    .bind::<Text, _>(name_key(after)?)
    .bind::<Nullable<Text>, _>(external_id(after)?)
    .bind::<Jsonb, _>(Value::Object(after.as_map().clone()))
    .bind::<BigInt, _>(mark.version)
    .bind::<Timestamptz, _>(mark.updated_at)
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid());
    tx.later(update);
    Ok(())
}

/// Removes a group; its memberships go with it.
pub fn delete(tx: &mut WriteTx, id: GroupId) {
    let delete = statement("DELETE FROM groups WHERE tenant_id = {} AND id = {}")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    tx.later(delete);
}
