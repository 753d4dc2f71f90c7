//! Directories: the SCIM links of a tenant, and the one that holds its local people.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{DirectoryId, UserId};
use uuid::Uuid;

use crate::dialects::DialectRow;
use crate::error::StoreError;
use crate::schema::{directory, users};
use crate::scope::{AdminScope, DirectoryScope};
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
    /// Whether a POST may let a person in again who is there and inactive.
    pub create_reenables: bool,
    /// How its client speaks.
    #[diesel(embed)]
    pub spoken: DialectRow,
}

/// A directory that a provisioning client writes to.
const SCIM: &str = "scim";
/// The directory of those whom no identity provider manages.
const LOCAL: &str = "local";
/// Its slug, which no administrator can give and no address can hold.
const LOCAL_SLUG: &str = "@local";

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
            directory::create_reenables.eq(row.create_reenables),
            directory::dialect.eq(&row.spoken.dialect),
            directory::dialect_set_at.eq(row.spoken.dialect_set_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All that provisioning clients write to, by slug.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<DirectoryRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::kind.eq(SCIM)))
        .order(directory::slug)
        .select(DirectoryRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The one that a slug names, as it is kept.
pub async fn named(tx: &mut impl Reads, slug: &str) -> Result<Option<DirectoryRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::slug.eq(slug)).and(directory::kind.eq(SCIM)))
        .select(DirectoryRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The same, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, slug: &str) -> Result<Option<DirectoryRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::slug.eq(slug)).and(directory::kind.eq(SCIM)))
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
        .filter(directory::tenant_id.eq(tenant).and(directory::slug.eq(slug)).and(directory::kind.eq(SCIM)))
        .select(directory::id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(id.map(DirectoryId::from_uuid))
}

/// Says whether a POST to a locked directory may let a person in again.
pub async fn set_create_reenables(
    tx: &mut WriteTx,
    id: DirectoryId,
    create_reenables: bool,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(
        directory::table.filter(directory::tenant_id.eq(tenant).and(directory::id.eq(id.as_uuid()))),
    )
    .set(directory::create_reenables.eq(create_reenables))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}

/// Whether a POST to this directory may let a person in again.
pub async fn create_reenables(tx: &mut impl Reads, id: DirectoryId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::id.eq(id.as_uuid())))
        .select(directory::create_reenables)
        .first(tx.connection().0.conn().await?)
        .await?)
}

/// What an administrator may do to the tenant's local people; nothing as long as there were none.
pub async fn local_people(
    tx: &mut impl Reads,
    admin: &AdminScope,
) -> Result<Option<DirectoryScope>, StoreError> {
    Ok(local(tx).await?.map(|id| DirectoryScope::by_admin(admin, id)))
}

/// The directory of the tenant's local people; none as long as there were none.
pub async fn local(tx: &mut impl Reads) -> Result<Option<DirectoryId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let id: Option<Uuid> = directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::kind.eq(LOCAL)))
        .select(directory::id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(id.map(DirectoryId::from_uuid))
}

/// What an administrator may do to a directory's people in its place, where a use case lets them.
pub fn as_admin(admin: &AdminScope, directory: DirectoryId) -> DirectoryScope {
    DirectoryScope::by_admin(admin, directory)
}

/// Makes the directory of local people, unless another request has made it meanwhile.
pub async fn create_local(
    tx: &mut WriteTx,
    fresh: DirectoryId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(directory::table)
        .values((
            directory::tenant_id.eq(tenant),
            directory::id.eq(fresh.as_uuid()),
            directory::slug.eq(LOCAL_SLUG),
            directory::name.eq("Local people"),
            directory::kind.eq(LOCAL),
            directory::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Slug and name of the directory that manages a person; nothing if nobody is there or no identity provider manages
/// them.
pub async fn managing(tx: &mut impl Reads, user: UserId) -> Result<Option<(String, String)>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .inner_join(
            users::table
                .on(users::tenant_id.eq(directory::tenant_id).and(users::directory_id.eq(directory::id))),
        )
        .filter(users::tenant_id.eq(tenant).and(users::id.eq(user.as_uuid())))
        .filter(directory::kind.eq(SCIM))
        .select((directory::slug, directory::name))
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}
