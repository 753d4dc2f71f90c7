//! Who tells us security events of a connection's people. Knows whose word counts; does not know what is told.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use domain::id::{ConnectionId, TenantId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::transmitter;
use crate::statement::statement;
use crate::tx::{GlobalTx, Reads, WriteTx};

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
    /// Where it is asked for its tokens, if it does not push them.
    pub poll_address: Option<String>,
    /// What is shown there, sealed.
    pub poll_token_sealed: Option<Vec<u8>>,
    /// Since when it cannot be asked.
    pub failing_since: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The tenants in which a transmitter is to be asked now.
pub async fn tenants(tx: GlobalTx) -> Result<Vec<TenantId>, StoreError> {
    tx.tenants(statement("SELECT id FROM tenants_with_polls() AS id")).await
}

const TAKE: &str = "\
WITH due AS (
    SELECT tenant_id, connection_id FROM transmitter WHERE tenant_id = {} AND poll_at <= now()
    ORDER BY poll_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE transmitter t SET poll_at = now() + interval '30 seconds' FROM due
WHERE t.tenant_id = due.tenant_id AND t.connection_id = due.connection_id RETURNING t.connection_id AS id";

/// The connection whose transmitter waits longest to be asked: nobody else asks it for half a minute.
pub async fn take_turn(tx: &mut WriteTx) -> Result<Option<ConnectionId>, StoreError> {
    let ask = statement(TAKE).bind::<SqlUuid, _>(tx.tenant().as_uuid());
    Ok(tx.load::<Id>(ask).await?.pop().map(|row| ConnectionId::from_uuid(row.id)))
}

/// It was asked: it is asked again in a few seconds.
pub fn note_asked(tx: &mut WriteTx, connection: ConnectionId) {
    let next = statement(
        "UPDATE transmitter SET poll_at = now() + interval '5 seconds', failing_since = NULL \
         WHERE tenant_id = {} AND connection_id = {} AND poll_at IS NOT NULL",
    );
    tx.later(next.bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<SqlUuid, _>(connection.as_uuid()));
}

/// It could not be asked: it is asked again after as long as that has lasted, from ten seconds to ten minutes.
pub fn note_away(tx: &mut WriteTx, connection: ConnectionId) {
    let next = statement(
        "UPDATE transmitter SET failing_since = coalesce(failing_since, now()), poll_at = now() \
         + least(greatest(now() - coalesce(failing_since, now()), interval '10 seconds'), interval '10 minutes') \
         WHERE tenant_id = {} AND connection_id = {} AND poll_at IS NOT NULL",
    );
    tx.later(next.bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<SqlUuid, _>(connection.as_uuid()));
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
            transmitter::poll_address.eq(&row.poll_address),
            transmitter::poll_token_sealed.eq(&row.poll_token_sealed),
            transmitter::poll_at.eq(row.poll_address.as_ref().map(|_| row.created_at)),
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
