//! Who tells us security events of a connection's people. Knows whose word counts; does not know what is told.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::ConnectionId;

use crate::error::StoreError;
use crate::schema::transmitter;
use crate::tx::{Reads, WriteTx};

/// A transmitter of a connection.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = transmitter)]
pub struct TransmitterRow {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// `aud` by which it means us.
    pub audience: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When a token of it last held.
    pub heard_at: Option<DateTime<Utc>>,
    /// When it last sent a verification.
    pub verified_at: Option<DateTime<Utc>>,
}

/// That of a connection, if it has one.
pub async fn find(
    tx: &mut impl Reads,
    connection: ConnectionId,
) -> Result<Option<TransmitterRow>, StoreError> {
    let of = transmitter::tenant_id.eq(tx.tenant().as_uuid());
    Ok(transmitter::table
        .filter(of.and(transmitter::connection_id.eq(connection.as_uuid())))
        .select(TransmitterRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Puts one in place of the one that the connection had.
pub async fn set(tx: &mut WriteTx, connection: ConnectionId, row: &TransmitterRow) -> Result<(), StoreError> {
    remove(tx, connection).await?;
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(transmitter::table)
        .values((
            transmitter::tenant_id.eq(tenant),
            transmitter::connection_id.eq(connection.as_uuid()),
            transmitter::issuer.eq(&row.issuer),
            transmitter::jwks_uri.eq(&row.jwks_uri),
            transmitter::audience.eq(&row.audience),
            transmitter::created_at.eq(row.created_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Removes that of a connection. Returns whether there was one.
pub async fn remove(tx: &mut WriteTx, connection: ConnectionId) -> Result<bool, StoreError> {
    let of = transmitter::tenant_id.eq(tx.tenant().as_uuid());
    let of = of.and(transmitter::connection_id.eq(connection.as_uuid()));
    Ok(diesel::delete(transmitter::table.filter(of)).execute(tx.conn().await?).await? == 1)
}

/// Notes that a token held.
pub async fn note_heard(
    tx: &mut WriteTx,
    connection: ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let of = transmitter::tenant_id.eq(tx.tenant().as_uuid());
    diesel::update(transmitter::table.filter(of.and(transmitter::connection_id.eq(connection.as_uuid()))))
        .set(transmitter::heard_at.eq(now))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Notes that it sent a verification.
pub async fn note_verified(
    tx: &mut WriteTx,
    connection: ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let of = transmitter::tenant_id.eq(tx.tenant().as_uuid());
    diesel::update(transmitter::table.filter(of.and(transmitter::connection_id.eq(connection.as_uuid()))))
        .set(transmitter::verified_at.eq(now))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}
