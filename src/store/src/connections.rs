//! Connections: the SSO links of a tenant. Knows that settings are a document and the secret is sealed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{ConnectionId, DirectoryId};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::connection;
use crate::tx::{Reads, WriteTx};

/// A connection as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = connection)]
pub struct ConnectionRow {
    /// Id.
    pub id: Uuid,
    /// Short name in addresses and commands.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// The directory whose people sign in here.
    pub directory_id: Uuid,
    /// What the sign-in code reads.
    pub settings: Value,
    /// The client secret, sealed.
    pub client_secret_sealed: Vec<u8>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl ConnectionRow {
    /// The id, typed.
    pub fn connection_id(&self) -> ConnectionId {
        ConnectionId::from_uuid(self.id)
    }

    /// The directory, typed.
    pub fn directory(&self) -> DirectoryId {
        DirectoryId::from_uuid(self.directory_id)
    }
}

/// Adds a connection.
pub async fn create(tx: &mut WriteTx, row: &ConnectionRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(connection::table)
        .values((
            connection::tenant_id.eq(tenant),
            connection::id.eq(row.id),
            connection::slug.eq(&row.slug),
            connection::name.eq(&row.name),
            connection::directory_id.eq(row.directory_id),
            connection::settings.eq(&row.settings),
            connection::client_secret_sealed.eq(&row.client_secret_sealed),
            connection::created_at.eq(row.created_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, by slug.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<ConnectionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(connection::table
        .filter(connection::tenant_id.eq(tenant))
        .order(connection::slug)
        .select(ConnectionRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The one that a slug names.
pub async fn by_slug(tx: &mut impl Reads, slug: &str) -> Result<Option<ConnectionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(connection::table
        .filter(connection::tenant_id.eq(tenant).and(connection::slug.eq(slug)))
        .select(ConnectionRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}
