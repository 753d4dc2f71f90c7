//! The people of a tenant, whoever manages them, as administrators list them. Knows who manages whom; does not know what
//! a directory may see.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::UserId;
use scim::resource::Resource;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{directory, users};
use crate::tx::{Reads, WriteTx};
use crate::users::{Slice, document};

/// Whom a list is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whom<'a> {
    /// Those who have this name.
    pub user_name: Option<&'a str>,
    /// Those who are managed by this directory, by its slug.
    pub directory: Option<&'a str>,
    /// Those whom no identity provider manages, or those whom one does.
    pub local: Option<bool>,
}

/// A person, and who manages them.
#[derive(Debug, Clone)]
pub struct PersonRow {
    /// Id.
    pub id: UserId,
    /// Their document.
    pub resource: Resource,
    /// Slug and name of the directory that manages them; nothing for a local person.
    pub managed_by: Option<(String, String)>,
}

type Row = (Uuid, Value, String, String, String);

fn row((id, doc, kind, slug, name): Row) -> PersonRow {
    PersonRow {
        id: UserId::from_uuid(id),
        resource: Resource::from_stored(document(&doc)),
        managed_by: (kind == "scim").then_some((slug, name)),
    }
}

/// People of the tenant, by id.
pub async fn list(tx: &mut impl Reads, whom: Whom<'_>, slice: Slice) -> Result<Vec<PersonRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = users::tenant_id.eq(directory::tenant_id).and(users::directory_id.eq(directory::id));
    let mut query = users::table
        .inner_join(directory::table.on(of))
        .filter(users::tenant_id.eq(tenant))
        .order(users::id)
        .offset(slice.offset)
        .limit(slice.limit)
        .select((users::id, users::doc, directory::kind, directory::slug, directory::name))
        .into_boxed();
    if let Some(name) = whom.user_name {
        query = query.filter(users::user_name_key.eq(scim::text::fold(name)));
    }
    if let Some(slug) = whom.directory {
        query = query.filter(directory::slug.eq(slug.to_owned()));
    }
    if let Some(local) = whom.local {
        query = query.filter(directory::kind.eq(if local { "local" } else { "scim" }));
    }
    let rows: Vec<Row> = query.load(tx.connection().0.conn().await?).await?;
    Ok(rows.into_iter().map(row).collect())
}

/// One person of the tenant.
pub async fn find(tx: &mut impl Reads, id: UserId) -> Result<Option<PersonRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = users::tenant_id.eq(directory::tenant_id).and(users::directory_id.eq(directory::id));
    let found: Option<Row> = users::table
        .inner_join(directory::table.on(of))
        .filter(users::tenant_id.eq(tenant).and(users::id.eq(id.as_uuid())))
        .select((users::id, users::doc, directory::kind, directory::slug, directory::name))
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.map(row))
}

/// Locks a person of the tenant, whoever manages them. Returns whether they are there.
pub async fn lock(tx: &mut WriteTx, id: UserId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Uuid> = users::table
        .filter(users::tenant_id.eq(tenant).and(users::id.eq(id.as_uuid())))
        .select(users::id)
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?;
    Ok(found.is_some())
}
