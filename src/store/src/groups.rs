//! Groups of a directory, without their members. Knows which parts of the SCIM document have a column of their own.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Jsonb, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{DirectoryId, GroupId};
use scim::filter::Filter;
use scim::resource::Resource;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::filter_sql::{Condition, Target};
use crate::keys::fitting;
use crate::schema::groups;
use crate::scope::DirectoryScope;
use crate::statement::{Shape, Statement};
use crate::tx::{Reads, WriteTx};
use crate::users::{Slice, document};

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
    one(tx, directory, id, "").await
}

/// One group of this directory, locked until the end of the transaction.
pub async fn lock(
    tx: &mut WriteTx,
    directory: DirectoryId,
    id: GroupId,
) -> Result<Option<GroupRow>, StoreError> {
    one(tx, directory, id, " FOR NO KEY UPDATE").await
}

async fn one(
    tx: &mut impl Reads,
    directory: DirectoryId,
    id: GroupId,
    lock: &str,
) -> Result<Option<GroupRow>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM groups u WHERE u.tenant_id = {{}} AND u.directory_id = {{}} AND u.id = {{}}{lock}"
    );
    let tenant = tx.tenant().as_uuid();
    let found = Statement::composed(text, Vec::new(), Shape::Kept)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid())
        .get_result::<GroupRow>(tx.connection().0.conn())
        .await
        .optional()?;
    Ok(found)
}

/// The groups of this directory that a filter names, in a stable order, and how many there are in all.
pub async fn list(
    db: &Db,
    directory: &DirectoryScope,
    filter: Option<&Filter>,
    slice: Slice,
) -> Result<(Vec<GroupRow>, i64), StoreError> {
    let condition = Condition::compile(Target::Group, filter)?;
    condition.page::<GroupRow>(COLUMNS, db, directory, slice).await
}

fn name_key(resource: &Resource) -> Result<String, StoreError> {
    fitting("displayName", scim::text::fold(resource.display_name().unwrap_or_default()))
}

fn external_id(resource: &Resource) -> Result<Option<String>, StoreError> {
    resource.external_id().map(|id| fitting("externalId", id.to_owned())).transpose()
}

/// Adds a group, in version 1.
pub async fn create(
    tx: &mut WriteTx,
    directory: DirectoryId,
    id: GroupId,
    resource: &Resource,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(groups::table)
        .values((
            groups::tenant_id.eq(tenant),
            groups::id.eq(id.as_uuid()),
            groups::directory_id.eq(directory.as_uuid()),
            groups::display_name_key.eq(name_key(resource)?),
            groups::external_id.eq(external_id(resource)?),
            groups::doc.eq(Value::Object(resource.as_map().clone())),
            groups::version.eq(1),
            groups::created_at.eq(now),
            groups::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Writes a changed document over a locked row.
pub async fn update(
    tx: &mut WriteTx,
    id: GroupId,
    after: &Resource,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(diesel::update(groups::table.filter(groups::tenant_id.eq(tenant).and(groups::id.eq(id.as_uuid()))))
        .set((
            groups::display_name_key.eq(name_key(after)?),
            groups::external_id.eq(external_id(after)?),
            groups::doc.eq(Value::Object(after.as_map().clone())),
            groups::version.eq(groups::version + 1),
            groups::updated_at.eq(now),
        ))
        .returning(groups::version)
        .get_result(tx.conn())
        .await?)
}

/// Notes that members of a locked group changed.
pub async fn touch(tx: &mut WriteTx, id: GroupId, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(diesel::update(groups::table.filter(groups::tenant_id.eq(tenant).and(groups::id.eq(id.as_uuid()))))
        .set((groups::version.eq(groups::version + 1), groups::updated_at.eq(now)))
        .returning(groups::version)
        .get_result(tx.conn())
        .await?)
}

/// Removes a group; its memberships go with it.
pub async fn delete(tx: &mut WriteTx, id: GroupId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(groups::table.filter(groups::tenant_id.eq(tenant).and(groups::id.eq(id.as_uuid()))))
        .execute(tx.conn())
        .await?;
    Ok(())
}
