//! What connections by SAML keep beside their settings: whom to believe, our own keys, where metadata is published. Knows that keys are sealed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::ConnectionId;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{saml_certificate, saml_key, saml_metadata};
use crate::tx::{Reads, WriteTx};

/// A certificate of an identity provider.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = saml_certificate)]
pub struct CertificateRow {
    /// The connection that it belongs to.
    pub connection_id: Uuid,
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
    /// It, in DER.
    pub certificate: Vec<u8>,
    /// `active`: it counts; `pending`: it waits for an administrator.
    pub state: String,
    /// When it says that it ends.
    pub expires_at: DateTime<Utc>,
    /// When it came.
    pub added_at: DateTime<Utc>,
    /// When something signed with it was last accepted (to the hour).
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key of ours.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = saml_key)]
pub struct KeyRow {
    /// The connection that it belongs to.
    pub connection_id: Uuid,
    /// `current`, `next` or `former`; one of each at most.
    pub state: String,
    /// Its certificate, in DER.
    pub certificate: Vec<u8>,
    /// It, sealed.
    pub key_sealed: Vec<u8>,
    /// When its certificate ends.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Where metadata is published, and how the last look went.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = saml_metadata)]
pub struct MetadataRow {
    /// The connection that it belongs to.
    pub connection_id: Uuid,
    /// Where.
    pub url: String,
    /// When it was looked at last.
    pub checked_at: DateTime<Utc>,
    /// Why it could not be used then.
    pub failure: Option<String>,
    /// Since when it cannot be used.
    pub failing_since: Option<DateTime<Utc>>,
}

/// The certificates of all connections, or of one: the active ones first, the latest first.
pub async fn certificates(
    tx: &mut impl Reads,
    connection: Option<ConnectionId>,
) -> Result<Vec<CertificateRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut query = saml_certificate::table.filter(saml_certificate::tenant_id.eq(tenant)).into_boxed();
    if let Some(connection) = connection {
        query = query.filter(saml_certificate::connection_id.eq(connection.as_uuid()));
    }
    Ok(query
        .order((
            saml_certificate::connection_id,
            saml_certificate::state,
            saml_certificate::added_at.desc(),
            saml_certificate::fingerprint,
        ))
        .select(CertificateRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Adds a certificate, or sets the state of one that is there.
pub async fn put_certificate(tx: &mut WriteTx, row: &CertificateRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(saml_certificate::table)
        .values((
            saml_certificate::tenant_id.eq(tenant),
            saml_certificate::connection_id.eq(row.connection_id),
            saml_certificate::fingerprint.eq(&row.fingerprint),
            saml_certificate::certificate.eq(&row.certificate),
            saml_certificate::state.eq(&row.state),
            saml_certificate::expires_at.eq(row.expires_at),
            saml_certificate::added_at.eq(row.added_at),
        ))
        .on_conflict((
            saml_certificate::tenant_id,
            saml_certificate::connection_id,
            saml_certificate::fingerprint,
        ))
        .do_update()
        .set(saml_certificate::state.eq(&row.state))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Notes that a certificate's signature was accepted.
pub async fn note_certificate(
    tx: &mut WriteTx,
    connection: ConnectionId,
    fingerprint: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of =
        saml_certificate::tenant_id.eq(tenant).and(saml_certificate::connection_id.eq(connection.as_uuid()));
    diesel::update(saml_certificate::table.filter(of).filter(saml_certificate::fingerprint.eq(fingerprint)))
        .set(saml_certificate::last_used_at.eq(now))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes a certificate away. Returns whether there was one.
pub async fn remove_certificate(
    tx: &mut WriteTx,
    connection: ConnectionId,
    fingerprint: &str,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of =
        saml_certificate::tenant_id.eq(tenant).and(saml_certificate::connection_id.eq(connection.as_uuid()));
    let removed = diesel::delete(
        saml_certificate::table.filter(of).filter(saml_certificate::fingerprint.eq(fingerprint)),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(removed == 1)
}

/// The keys of all connections, or of one: the current, the former, the next.
pub async fn keys(tx: &mut impl Reads, connection: Option<ConnectionId>) -> Result<Vec<KeyRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut query = saml_key::table.filter(saml_key::tenant_id.eq(tenant)).into_boxed();
    if let Some(connection) = connection {
        query = query.filter(saml_key::connection_id.eq(connection.as_uuid()));
    }
    Ok(query
        .order((saml_key::connection_id, saml_key::state))
        .select(KeyRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Adds a key. That there is one of its state already is a conflict.
pub async fn add_key(tx: &mut WriteTx, row: &KeyRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(saml_key::table)
        .values((
            saml_key::tenant_id.eq(tenant),
            saml_key::connection_id.eq(row.connection_id),
            saml_key::state.eq(&row.state),
            saml_key::certificate.eq(&row.certificate),
            saml_key::key_sealed.eq(&row.key_sealed),
            saml_key::expires_at.eq(row.expires_at),
            saml_key::created_at.eq(row.created_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Gives the key of one state another. Returns whether there was one.
pub async fn move_key(
    tx: &mut WriteTx,
    connection: ConnectionId,
    (from, to): (&str, &str),
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = saml_key::tenant_id.eq(tenant).and(saml_key::connection_id.eq(connection.as_uuid()));
    let moved = diesel::update(saml_key::table.filter(of).filter(saml_key::state.eq(from)))
        .set(saml_key::state.eq(to))
        .execute(tx.conn().await?)
        .await?;
    Ok(moved == 1)
}

/// Takes the key of a state away. Returns whether there was one.
pub async fn remove_key(tx: &mut WriteTx, connection: ConnectionId, state: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = saml_key::tenant_id.eq(tenant).and(saml_key::connection_id.eq(connection.as_uuid()));
    let removed = diesel::delete(saml_key::table.filter(of).filter(saml_key::state.eq(state)))
        .execute(tx.conn().await?)
        .await?;
    Ok(removed == 1)
}

/// Where each connection's metadata is published; without an address it was given by hand.
pub async fn sources(tx: &mut impl Reads) -> Result<Vec<MetadataRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(saml_metadata::table
        .filter(saml_metadata::tenant_id.eq(tenant))
        .order(saml_metadata::connection_id)
        .select(MetadataRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Where a connection's metadata is published.
pub async fn source(
    tx: &mut impl Reads,
    connection: ConnectionId,
) -> Result<Option<MetadataRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(saml_metadata::table
        .filter(saml_metadata::tenant_id.eq(tenant))
        .filter(saml_metadata::connection_id.eq(connection.as_uuid()))
        .select(MetadataRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Says where a connection's metadata is published and how the look at it went.
pub async fn put_source(tx: &mut WriteTx, row: &MetadataRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let seen = (
        saml_metadata::url.eq(&row.url),
        saml_metadata::checked_at.eq(row.checked_at),
        saml_metadata::failure.eq(&row.failure),
        saml_metadata::failing_since.eq(row.failing_since),
    );
    diesel::insert_into(saml_metadata::table)
        .values((
            saml_metadata::tenant_id.eq(tenant),
            saml_metadata::connection_id.eq(row.connection_id),
            seen,
        ))
        .on_conflict((saml_metadata::tenant_id, saml_metadata::connection_id))
        .do_update()
        .set(seen)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes the turn to look at a connection's metadata, if nobody has looked since `before`. Whichever process asks, one of
/// them has the turn.
pub async fn take_turn(
    tx: &mut WriteTx,
    connection: ConnectionId,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<MetadataRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = saml_metadata::tenant_id.eq(tenant).and(saml_metadata::connection_id.eq(connection.as_uuid()));
    Ok(diesel::update(saml_metadata::table.filter(of).filter(saml_metadata::checked_at.le(before)))
        .set(saml_metadata::checked_at.eq(now))
        .returning(MetadataRow::as_returning())
        .get_result(tx.conn().await?)
        .await
        .optional()?)
}

/// Forgets where a connection's metadata is published: it was given by hand.
pub async fn remove_source(tx: &mut WriteTx, connection: ConnectionId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = saml_metadata::tenant_id.eq(tenant).and(saml_metadata::connection_id.eq(connection.as_uuid()));
    diesel::delete(saml_metadata::table.filter(of)).execute(tx.conn().await?).await?;
    Ok(())
}
