//! Connections: the SSO links of a tenant, and which of their messages were used. Knows that settings are documents and the secret is sealed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{ConnectionId, DirectoryId};
use domain::token::TokenHash;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{connection, spent_message};
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
    /// Its protocol: `openid` or `saml`.
    pub kind: String,
    /// `active`, or `paused`: then nobody signs in here.
    pub state: String,
    /// What every connection is set to.
    pub settings: Value,
    /// What its protocol needs to know.
    pub protocol: Value,
    /// The client secret, sealed, where there is one.
    pub client_secret_sealed: Option<Vec<u8>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// Whether it is one of those that the tenant signs in through only.
    pub enforced: bool,
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
            connection::kind.eq(&row.kind),
            connection::state.eq(&row.state),
            connection::settings.eq(&row.settings),
            connection::protocol.eq(&row.protocol),
            connection::client_secret_sealed.eq(&row.client_secret_sealed),
            connection::created_at.eq(row.created_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Writes what can be changed of a connection: everything but what it is called in addresses, its protocol and its people.
pub async fn update(tx: &mut WriteTx, row: &ConnectionRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(connection::table.filter(connection::tenant_id.eq(tenant).and(connection::id.eq(row.id))))
        .set((
            connection::name.eq(&row.name),
            connection::state.eq(&row.state),
            connection::settings.eq(&row.settings),
            connection::protocol.eq(&row.protocol),
            connection::client_secret_sealed.eq(&row.client_secret_sealed),
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

/// All of them, locked until the transaction ends: who signs in meanwhile has done so or waits.
pub async fn lock_all(tx: &mut WriteTx) -> Result<Vec<ConnectionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(connection::table
        .filter(connection::tenant_id.eq(tenant))
        .order(connection::id)
        .select(ConnectionRow::as_select())
        .for_no_key_update()
        .load(tx.conn().await?)
        .await?)
}

/// Says through which connections, all of them locked, people sign in only.
pub async fn enforce(tx: &mut WriteTx, enforced: &[Uuid]) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(connection::table.filter(connection::tenant_id.eq(tenant)))
        .set(connection::enforced.eq(connection::id.eq_any(enforced)))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Whether people sign in through some of the connections only.
pub async fn are_enforced(tx: &mut impl Reads) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let any = connection::table.filter(connection::tenant_id.eq(tenant).and(connection::enforced));
    Ok(diesel::select(diesel::dsl::exists(any)).get_result(tx.connection().0.conn().await?).await?)
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

/// The one of an id.
pub async fn by_id(tx: &mut impl Reads, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(connection::table
        .filter(connection::tenant_id.eq(tenant).and(connection::id.eq(id.as_uuid())))
        .select(ConnectionRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The one of this id, locked until the transaction ends.
pub async fn lock_by_id(tx: &mut WriteTx, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(connection::table
        .filter(connection::tenant_id.eq(tenant).and(connection::id.eq(id.as_uuid())))
        .select(ConnectionRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// The one that a slug names, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, slug: &str) -> Result<Option<ConnectionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(connection::table
        .filter(connection::tenant_id.eq(tenant).and(connection::slug.eq(slug)))
        .select(ConnectionRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// A connection, held against changes until the transaction ends.
pub async fn hold(tx: &mut WriteTx, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(connection::table
        .filter(connection::tenant_id.eq(tenant).and(connection::id.eq(id.as_uuid())))
        .select(ConnectionRow::as_select())
        .for_share()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Notes messages of a connection as spent, and forgets those of this tenant that have expired. Returns whether none of
/// them was spent before, by whichever process.
pub async fn spend(
    tx: &mut WriteTx,
    connection: ConnectionId,
    messages: &[(TokenHash, DateTime<Utc>)],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if messages.is_empty() {
        return Ok(true);
    }
    let tenant = tx.tenant().as_uuid();
    let over = spent_message::tenant_id.eq(tenant).and(spent_message::forget_at.lt(now));
    diesel::delete(spent_message::table.filter(over)).execute(tx.conn().await?).await?;
    let rows: Vec<_> = messages
        .iter()
        .map(|(message, forget_at)| {
            (
                spent_message::tenant_id.eq(tenant),
                spent_message::connection_id.eq(connection.as_uuid()),
                spent_message::message_hash.eq(message.as_bytes().to_vec()),
                spent_message::forget_at.eq(*forget_at),
            )
        })
        .collect();
    let added = diesel::insert_into(spent_message::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(added == messages.len())
}
