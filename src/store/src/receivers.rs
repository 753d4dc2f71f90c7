//! Those who follow a tenant. Knows their rows; does not know what they are sent.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::audit::Actor;
use domain::id::{ReceiverId, RequestId};
use domain::token::{PlainToken, TokenHash};
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::schema::receiver;
use crate::scope::Scope;
use crate::statement::statement;
use crate::tx::{ReadTx, Reads, WriteTx};

/// A receiver as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = receiver, treat_none_as_null = true)]
pub struct ReceiverRow {
    /// Id.
    pub id: Uuid,
    /// `webhook` or `stream`.
    pub kind: String,
    /// Display name.
    pub name: String,
    /// `push` or `poll`; nothing for a stream that was not set up yet.
    pub method: Option<String>,
    /// Where to push to.
    pub address: Option<String>,
    /// The audience of its tokens, for a stream.
    pub audience: Option<String>,
    /// Names of the events that it wants; nothing if it wants all.
    pub events: Option<Value>,
    /// What its owner says of the stream.
    pub description: Option<String>,
    /// `enabled`, `paused` or `disabled`.
    pub status: String,
    /// Why it is not enabled.
    pub reason: Option<String>,
    /// Last characters of its secret or token.
    pub hint: String,
    /// What webhooks are signed with.
    pub secret_sealed: Option<Vec<u8>>,
    /// The one before.
    pub old_secret_sealed: Option<Vec<u8>>,
    /// Hash of the token that a stream is managed and polled with.
    pub token_hash: Option<Vec<u8>>,
    /// The one before.
    pub old_token_hash: Option<Vec<u8>>,
    /// Until when the one before is good.
    pub old_until: Option<DateTime<Utc>>,
    /// What is sent as `Authorization` with each push.
    pub authorization_sealed: Option<Vec<u8>>,
    /// How often in a row it could not be reached.
    pub failures: i32,
    /// Since when.
    pub failing_since: Option<DateTime<Utc>>,
    /// When to try it again.
    pub retry_at: DateTime<Utc>,
    /// When a verification was last asked for.
    pub verified_at: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl ReceiverRow {
    /// The id, typed.
    pub fn receiver_id(&self) -> ReceiverId {
        ReceiverId::from_uuid(self.id)
    }
}

/// A stream that somebody showed the token of, and what they may act as.
#[derive(Debug)]
pub struct ShownStream {
    /// In its tenant.
    pub scope: Scope,
    /// Which.
    pub id: ReceiverId,
}

impl Db {
    /// The stream that a token opens, if any. The token names its tenant, and is looked up inside it.
    pub async fn stream(
        &self,
        token: &PlainToken,
        request: RequestId,
        now: DateTime<Utc>,
    ) -> Result<Option<ShownStream>, StoreError> {
        let Some(tenant) = token.tenant() else { return Ok(None) };
        let hash = token.hash().as_bytes().to_vec();
        let mut tx = ReadTx::open(self, tenant, None).await?;
        let found: Option<Uuid> = receiver::table
            .filter(receiver::tenant_id.eq(tenant.as_uuid()))
            .filter(
                receiver::token_hash
                    .eq(&hash)
                    .or(receiver::old_token_hash.eq(&hash).and(receiver::old_until.gt(now))),
            )
            .select(receiver::id)
            .first(tx.connection().0.conn().await?)
            .await
            .optional()?;
        tx.finish().await?;
        Ok(found.map(|id| {
            let id = ReceiverId::from_uuid(id);
            ShownStream { scope: Scope::new(tenant, Actor::Receiver { receiver: id }, request), id }
        }))
    }
}

/// Adds a receiver.
pub async fn create(tx: &mut WriteTx, row: &ReceiverRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(receiver::table)
        .values((receiver::tenant_id.eq(tenant), row))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<ReceiverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(receiver::table
        .filter(receiver::tenant_id.eq(tenant))
        .order(receiver::id)
        .select(ReceiverRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// All of them, held until the transaction ends: what is put into their lanes meanwhile is not given up or cleared behind
/// its back.
pub async fn hold_all(tx: &mut WriteTx) -> Result<Vec<ReceiverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(receiver::table
        .filter(receiver::tenant_id.eq(tenant))
        .order(receiver::id)
        .select(ReceiverRow::as_select())
        .for_share()
        .load(tx.conn().await?)
        .await?)
}

/// One of them.
pub async fn find(tx: &mut impl Reads, id: ReceiverId) -> Result<Option<ReceiverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(receiver::table
        .filter(receiver::tenant_id.eq(tenant).and(receiver::id.eq(id.as_uuid())))
        .select(ReceiverRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// One of them, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, id: ReceiverId) -> Result<Option<ReceiverRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(receiver::table
        .filter(receiver::tenant_id.eq(tenant).and(receiver::id.eq(id.as_uuid())))
        .select(ReceiverRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Writes a receiver that the transaction has locked.
pub async fn update(tx: &mut WriteTx, row: &ReceiverRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(receiver::table.filter(receiver::tenant_id.eq(tenant).and(receiver::id.eq(row.id))))
        .set(row)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Removes a receiver, with all that waits for it and its log. Returns whether it was there.
pub async fn delete(tx: &mut WriteTx, id: ReceiverId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let deleted = diesel::delete(
        receiver::table.filter(receiver::tenant_id.eq(tenant).and(receiver::id.eq(id.as_uuid()))),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(deleted == 1)
}

/// It answered: whatever waits for it may go.
pub fn reached(tx: &mut WriteTx, id: ReceiverId) {
    tx.later(
        statement(
            "UPDATE receiver SET failures = 0, failing_since = NULL, retry_at = now() \
             WHERE tenant_id = {} AND id = {} AND failures > 0",
        )
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid()),
    );
}

/// It could not be reached and is left alone for a while. Of several that find this out at once, one is counted.
pub fn not_reached(tx: &mut WriteTx, id: ReceiverId, alone_for_milliseconds: i32) {
    tx.later(
        statement(
            "UPDATE receiver SET failures = failures + 1, failing_since = coalesce(failing_since, now()), \
                 retry_at = now() + {} * interval '1 millisecond' \
             WHERE tenant_id = {} AND id = {} AND retry_at <= now()",
        )
        .bind::<Integer, _>(alone_for_milliseconds)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid()),
    );
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Nullable<Text>)]
    #[expect(dead_code, reason = "that there is a row is the answer")]
    reason: Option<String>,
}

/// Notes that a verification is asked for, unless one was within the interval. Returns whether it is.
pub async fn ask_verification(tx: &mut WriteTx, id: ReceiverId, seconds: i32) -> Result<bool, StoreError> {
    let note = statement(
        "UPDATE receiver SET verified_at = now() WHERE tenant_id = {} AND id = {} \
         AND (verified_at IS NULL OR verified_at <= now() - {} * interval '1 second') RETURNING reason",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Integer, _>(seconds);
    Ok(!tx.load::<Name>(note).await?.is_empty())
}

/// Whether this token is the receiver's.
pub fn token_hash(token: &PlainToken) -> Vec<u8> {
    let hash: TokenHash = token.hash();
    hash.as_bytes().to_vec()
}
