//! Sessions. Only hashes of their tokens are kept; a session that ended is gone.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Bytea, Jsonb, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::EffectiveAccess;
use domain::audit::Actor;
use domain::id::{ConnectionId, RequestId, SessionId, TenantId, UserId};
use domain::token::{PlainToken, TokenHash};
use scim::resource::Resource;
use serde_json::Value;
use uuid::Uuid;

use crate::access::{SEAT_OF, gated, seat_state};
use crate::db::Db;
use crate::error::StoreError;
use crate::schema::session;
use crate::scope::Scope;
use crate::statement::{Shape, Statement, statement};
use crate::tx::{Reads, WriteTx};
use crate::users::document;

/// A session to be.
#[derive(Debug)]
pub struct NewSession {
    /// Id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Through which connection.
    pub connection: ConnectionId,
    /// Hash of its token.
    pub token: TokenHash,
    /// Hash of the provider's own name for it, if it has one.
    pub provider_session: Option<TokenHash>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A session in force, with the person and their access as they are now.
#[derive(Debug, Clone)]
pub struct LiveSession {
    /// What this session may act as.
    pub scope: Scope,
    /// Id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Their SCIM document.
    pub resource: Resource,
    /// What they may do and why.
    pub access: EffectiveAccess,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    last_seen_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime<Utc>,
    #[diesel(sql_type = Jsonb)]
    doc: Value,
    #[diesel(sql_type = Jsonb)]
    access: Value,
    #[diesel(sql_type = Bool)]
    has_pool: bool,
    #[diesel(sql_type = Bool)]
    holds: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
}

fn live_text() -> String {
    format!(
        "SELECT s.id, s.user_id, s.last_seen_at, s.expires_at, u.doc, a.access, {SEAT_OF} \
         FROM session s \
         JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id \
         JOIN user_access a ON a.tenant_id = s.tenant_id AND a.user_id = s.user_id \
         WHERE s.tenant_id = {{}} AND s.token_hash = {{}} AND u.active"
    )
}

const SEEN_IS_NOTED_EVERY: Duration = Duration::minutes(1);

impl Db {
    /// The session that this token opens, if it is in force. The database is asked each time: a session that was
    /// revoked by an answered request is refused by every process from then on.
    pub async fn session(
        &self,
        token: &PlainToken,
        request: RequestId,
        idle: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<LiveSession>, StoreError> {
        let Some(tenant) = token.tenant() else { return Ok(None) };
        let hash = token.hash();
        let ask = Statement::composed(live_text(), Vec::new(), Shape::Point)
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Bytea, _>(hash.as_bytes().to_vec());
        let row: Option<Row> = self.at_once(tenant, None, ask).await?.pop();
        let Some(row) = row else { return Ok(None) };
        if row.expires_at <= now || now - row.last_seen_at >= idle {
            return Ok(None);
        }
        let last_seen_at = row.last_seen_at;
        let live = live(tenant, row, request)?;
        if now - last_seen_at >= SEEN_IS_NOTED_EVERY {
            self.note_seen(&live, now).await?;
        }
        Ok(Some(live))
    }

    async fn note_seen(&self, live: &LiveSession, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.begin(&live.scope).await?;
        let tenant = tx.tenant().as_uuid();
        diesel::update(
            session::table.filter(session::tenant_id.eq(tenant).and(session::id.eq(live.id.as_uuid()))),
        )
        .set(session::last_seen_at.eq(now))
        .execute(tx.conn().await?)
        .await?;
        tx.commit_trace_of_use().await
    }
}

fn live(tenant: TenantId, row: Row, request: RequestId) -> Result<LiveSession, StoreError> {
    let (id, user) = (SessionId::from_uuid(row.id), UserId::from_uuid(row.user_id));
    Ok(LiveSession {
        scope: Scope::new(tenant, Actor::Session { session: id, user }, request),
        id,
        user,
        resource: Resource::from_stored(document(&row.doc)),
        access: gated(row.access, seat_state(row.has_pool, row.holds, row.position))?,
        expires_at: row.expires_at,
    })
}

/// Opens a session, and forgets those of this tenant that ran out.
pub async fn open(tx: &mut WriteTx, new: &NewSession, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(session::table.filter(session::tenant_id.eq(tenant).and(session::expires_at.lt(now))))
        .execute(tx.conn().await?)
        .await?;
    diesel::insert_into(session::table)
        .values((
            session::tenant_id.eq(tenant),
            session::id.eq(new.id.as_uuid()),
            session::user_id.eq(new.user.as_uuid()),
            session::connection_id.eq(new.connection.as_uuid()),
            session::token_hash.eq(new.token.as_bytes().to_vec()),
            session::created_at.eq(now),
            session::last_seen_at.eq(now),
            session::expires_at.eq(new.expires_at),
            session::provider_session_hash.eq(new.provider_session.map(|hash| hash.as_bytes().to_vec())),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Ends one session. Returns whether there was one to end.
pub async fn end(tx: &mut WriteTx, id: SessionId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ended = diesel::delete(
        session::table.filter(session::tenant_id.eq(tenant).and(session::id.eq(id.as_uuid()))),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(ended == 1)
}

/// Ends the session that a token opens and returns which, if there was one.
pub async fn end_by_token(tx: &mut WriteTx, token: TokenHash) -> Result<Option<SessionId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ended: Option<Uuid> = diesel::delete(
        session::table
            .filter(session::tenant_id.eq(tenant))
            .filter(session::token_hash.eq(token.as_bytes().to_vec())),
    )
    .returning(session::id)
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    Ok(ended.map(SessionId::from_uuid))
}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Ends every session of a person whose row is locked, and returns which. Nothing that was proved of them before opens a
/// session any more.
pub async fn revoke_all(
    tx: &mut WriteTx,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<SessionId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ask = statement(
        "WITH mark AS (UPDATE users SET signed_out_at = {} WHERE tenant_id = {} AND id = {}) \
         DELETE FROM session WHERE tenant_id = {} AND user_id = {} RETURNING id",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(user.as_uuid())
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(user.as_uuid());
    let ended: Vec<Ended> = tx.load(ask).await?;
    Ok(ended.into_iter().map(|row| SessionId::from_uuid(row.id)).collect())
}

/// Gives the sessions of one person to another.
pub async fn hand_over(tx: &mut WriteTx, from: UserId, to: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(
        session::table.filter(session::tenant_id.eq(tenant).and(session::user_id.eq(from.as_uuid()))),
    )
    .set(session::user_id.eq(to.as_uuid()))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}
