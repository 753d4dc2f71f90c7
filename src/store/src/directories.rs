//! Directories: the SCIM links of a tenant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::DirectoryId;
use uuid::Uuid;

use crate::dialects::DialectRow;
use crate::error::StoreError;
use crate::schema::directory;
use crate::tx::{Reads, WriteTx};

/// A directory as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = directory)]
pub struct DirectoryRow {
    /// Id.
    pub id: Uuid,
    /// Short name in addresses and commands.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// How its client speaks.
    #[diesel(embed)]
    pub spoken: DialectRow,
}

/// Adds a directory.
pub async fn create(tx: &mut WriteTx, row: &DirectoryRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(directory::table)
        .values((
            directory::tenant_id.eq(tenant),
            directory::id.eq(row.id),
            directory::slug.eq(&row.slug),
            directory::name.eq(&row.name),
            directory::created_at.eq(row.created_at),
            directory::dialect.eq(&row.spoken.dialect),
            directory::dialect_set_at.eq(row.spoken.dialect_set_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, by slug.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<DirectoryRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant))
        .order(directory::slug)
        .select(DirectoryRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The one that a slug names, as it is kept.
pub async fn named(tx: &mut impl Reads, slug: &str) -> Result<Option<DirectoryRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::slug.eq(slug)))
        .select(DirectoryRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The same, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, slug: &str) -> Result<Option<DirectoryRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::slug.eq(slug)))
        .select(DirectoryRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// The id of the one that a slug names.
pub async fn by_slug(tx: &mut impl Reads, slug: &str) -> Result<Option<DirectoryId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let id: Option<Uuid> = directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::slug.eq(slug)))
        .select(directory::id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(id.map(DirectoryId::from_uuid))
}
