//! Schema extensions of a tenant, and the version of them that documents are written by. Knows rows and locks; does not know
//! what a declaration says.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::SchemaExtensionId;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{schema_extension, schema_version};
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};

/// An extension as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = schema_extension)]
pub struct ExtensionRow {
    /// Id.
    pub id: Uuid,
    /// `User` or `Group`.
    pub resource_type: String,
    /// The URN, as it was declared.
    pub urn: String,
    /// The declaration.
    pub declaration: Value,
    /// When it was declared.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// All of them, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<ExtensionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(schema_extension::table
        .filter(schema_extension::tenant_id.eq(tenant))
        .order(schema_extension::id)
        .select(ExtensionRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    version: i64,
}

/// How often they were changed.
pub async fn version(tx: &mut impl Reads) -> Result<i64, StoreError> {
    let ask = version_statement(tx);
    let found: Vec<Version> = tx.connection().0.load(ask).await?;
    Ok(found.into_iter().next().map_or(0, |found| found.version))
}

/// The version in force, which stays in force until the end of the transaction: whoever changes it waits for those who
/// write by it, and they for whoever changes it.
pub async fn hold(tx: &mut WriteTx) -> Result<i64, StoreError> {
    let lock = lock_statement(tx, "pg_advisory_xact_lock_shared");
    tx.later(lock);
    version(tx).await
}

/// Counts a change. Nobody writes a document with an extension until the end of the transaction.
pub async fn begin_change(tx: &mut WriteTx) -> Result<(), StoreError> {
    let lock = lock_statement(tx, "pg_advisory_xact_lock");
    tx.later(lock);
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(schema_version::table)
        .values((schema_version::tenant_id.eq(tenant), schema_version::version.eq(1)))
        .on_conflict(schema_version::tenant_id)
        .do_update()
        .set(schema_version::version.eq(schema_version::version + 1))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Adds one.
pub async fn add(tx: &mut WriteTx, row: &ExtensionRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(schema_extension::table)
        .values((
            schema_extension::tenant_id.eq(tenant),
            schema_extension::id.eq(row.id),
            schema_extension::resource_type.eq(&row.resource_type),
            schema_extension::urn.eq(&row.urn),
            schema_extension::urn_key.eq(row.urn.to_ascii_lowercase()),
            schema_extension::declaration.eq(&row.declaration),
            schema_extension::created_at.eq(row.created_at),
            schema_extension::updated_at.eq(row.updated_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Writes another declaration over one.
pub async fn update(
    tx: &mut WriteTx,
    id: SchemaExtensionId,
    declaration: &Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = schema_extension::tenant_id.eq(tenant).and(schema_extension::id.eq(id.as_uuid()));
    diesel::update(schema_extension::table.filter(one))
        .set((schema_extension::declaration.eq(declaration), schema_extension::updated_at.eq(now)))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Removes one.
pub async fn remove(tx: &mut WriteTx, id: SchemaExtensionId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = schema_extension::tenant_id.eq(tenant).and(schema_extension::id.eq(id.as_uuid()));
    diesel::delete(schema_extension::table.filter(one)).execute(tx.conn().await?).await?;
    Ok(())
}

/// How many resources have values of an extension. To be asked after [`begin_change`], so that the answer stays true.
pub async fn used(tx: &mut impl Reads, row: &ExtensionRow) -> Result<i64, StoreError> {
    let count = if row.resource_type == "Group" {
        "SELECT count(*) AS version FROM groups WHERE tenant_id = {} AND jsonb_exists(doc, {})"
    } else {
        "SELECT count(*) AS version FROM users WHERE tenant_id = {} AND jsonb_exists(doc, {})"
    };
    let ask = statement(count).bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<Text, _>(row.urn.clone());
    let found: Vec<Version> = tx.connection().0.load(ask).await?;
    Ok(found.into_iter().next().map_or(0, |found| found.version))
}

fn version_statement(tx: &impl Reads) -> Statement<'static> {
    statement("SELECT version FROM schema_version WHERE tenant_id = {}")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
}

/// Another key than that of the policy's lock: `store::rules`.
fn lock_statement(tx: &impl Reads, function: &str) -> Statement<'static> {
    let (high, low) = tx.tenant().as_uuid().as_u64_pair();
    let key = i64::from_ne_bytes((high ^ low.rotate_left(29)).to_ne_bytes());
    Statement::composed(format!("SELECT {function}({{}})"), Vec::new(), Shape::Kept).bind::<BigInt, _>(key)
}
