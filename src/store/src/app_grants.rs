//! What apps ask for and what they got: requests that wait, codes, families of refresh tokens. Knows which can be used once;
//! does not know what is in them.
//!
//! A grant is a row that refers to its session and goes with it, whatever ends the session. Its tokens refer to the grant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{AppGrantId, AppId, SessionId};
use domain::token::TokenHash;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{app_grant, app_refresh, app_request};
use crate::tx::{Reads, WriteTx};

/// How a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// The app pushed it; the browser comes with its name.
    Pushed,
    /// The browser is on its way to sign in.
    Waiting,
    /// The browser is on its way to sign out at its provider.
    Leaving,
}

impl RequestKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Waiting => "waiting",
            Self::Leaving => "leaving",
        }
    }
}

/// A request that is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = app_request)]
pub struct RequestRow {
    /// Whose.
    pub app_id: Uuid,
    /// What is asked for.
    pub request: Value,
    /// Since when it is kept.
    pub created_at: DateTime<Utc>,
    /// From when on it is not good any more.
    pub ends_at: DateTime<Utc>,
}

impl RequestRow {
    /// Whose, typed.
    pub fn app(&self) -> AppId {
        AppId::from_uuid(self.app_id)
    }
}

/// Keeps a request, and forgets those of this tenant that nobody came for.
pub async fn keep(
    tx: &mut WriteTx,
    handle: TokenHash,
    kind: RequestKind,
    row: &RequestRow,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let over = app_request::tenant_id.eq(tenant).and(app_request::ends_at.lt(row.created_at));
    diesel::delete(app_request::table.filter(over)).execute(tx.conn().await?).await?;
    diesel::insert_into(app_request::table)
        .values((
            app_request::tenant_id.eq(tenant),
            app_request::handle_hash.eq(handle.as_bytes().to_vec()),
            app_request::app_id.eq(row.app_id),
            app_request::kind.eq(kind.as_str()),
            app_request::request.eq(&row.request),
            app_request::created_at.eq(row.created_at),
            app_request::ends_at.eq(row.ends_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes a request that is kept. It cannot be taken again.
pub async fn take(
    tx: &mut WriteTx,
    handle: TokenHash,
    kind: RequestKind,
    now: DateTime<Utc>,
) -> Result<Option<RequestRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let taken: Option<RequestRow> = diesel::delete(
        app_request::table
            .filter(app_request::tenant_id.eq(tenant))
            .filter(app_request::handle_hash.eq(handle.as_bytes().to_vec()))
            .filter(app_request::kind.eq(kind.as_str())),
    )
    .returning(RequestRow::as_returning())
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    Ok(taken.filter(|row| row.ends_at > now))
}

/// Looks at a request that waits, without taking it.
pub async fn waiting(
    tx: &mut impl Reads,
    handle: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<RequestRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app_request::table
        .filter(app_request::tenant_id.eq(tenant))
        .filter(app_request::handle_hash.eq(handle.as_bytes().to_vec()))
        .filter(app_request::kind.eq(RequestKind::Waiting.as_str()))
        .filter(app_request::ends_at.gt(now))
        .select(RequestRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// What an app got.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = app_grant)]
pub struct GrantRow {
    /// Id.
    pub id: Uuid,
    /// Which app.
    pub app_id: Uuid,
    /// By which session; none for what the app got for itself.
    pub session_id: Option<Uuid>,
    /// What it is for.
    pub request: Value,
    /// Hash of the code, for one of a session.
    pub code_hash: Option<Vec<u8>>,
    /// When the code was exchanged.
    pub exchanged_at: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it ends in any case; for a code, until when it can be exchanged.
    pub ends_at: Option<DateTime<Utc>>,
    /// Thumbprint of the key that its refresh tokens are bound to.
    pub bound_to: Option<String>,
}

impl GrantRow {
    /// The id, typed.
    pub fn grant(&self) -> AppGrantId {
        AppGrantId::from_uuid(self.id)
    }

    /// Whose, typed.
    pub fn app(&self) -> AppId {
        AppId::from_uuid(self.app_id)
    }

    /// The session, typed.
    pub fn session(&self) -> Option<SessionId> {
        self.session_id.map(SessionId::from_uuid)
    }
}

/// Adds a grant, and forgets those of this tenant that have ended. A session that is over meanwhile gives none.
pub async fn add(tx: &mut WriteTx, row: &GrantRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let over = app_grant::tenant_id.eq(tenant).and(app_grant::ends_at.lt(row.created_at));
    diesel::delete(app_grant::table.filter(over)).execute(tx.conn().await?).await?;
    diesel::insert_into(app_grant::table)
        .values((
            app_grant::tenant_id.eq(tenant),
            app_grant::id.eq(row.id),
            app_grant::app_id.eq(row.app_id),
            app_grant::session_id.eq(row.session_id),
            app_grant::request.eq(&row.request),
            app_grant::code_hash.eq(&row.code_hash),
            app_grant::created_at.eq(row.created_at),
            app_grant::ends_at.eq(row.ends_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// The grant of a code, held until the transaction ends: of two who exchange it at once, the second sees what the first did.
pub async fn hold_by_code(tx: &mut WriteTx, code: TokenHash) -> Result<Option<GrantRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app_grant::table
        .filter(app_grant::tenant_id.eq(tenant))
        .filter(app_grant::code_hash.eq(code.as_bytes().to_vec()))
        .select(GrantRow::as_select())
        .for_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// A grant, held in the same way.
pub async fn hold(tx: &mut WriteTx, id: AppGrantId) -> Result<Option<GrantRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app_grant::table
        .filter(app_grant::tenant_id.eq(tenant).and(app_grant::id.eq(id.as_uuid())))
        .select(GrantRow::as_select())
        .for_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// A grant.
pub async fn find(tx: &mut impl Reads, id: AppGrantId) -> Result<Option<GrantRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app_grant::table
        .filter(app_grant::tenant_id.eq(tenant).and(app_grant::id.eq(id.as_uuid())))
        .select(GrantRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Notes that the code of a grant that is held was exchanged: the grant lives as long as its session from now on, and its refresh
/// tokens are bound to the key with this thumbprint, if there is one.
pub async fn exchanged(
    tx: &mut WriteTx,
    id: AppGrantId,
    bound_to: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(
        app_grant::table.filter(app_grant::tenant_id.eq(tenant).and(app_grant::id.eq(id.as_uuid()))),
    )
    .set((
        app_grant::exchanged_at.eq(now),
        app_grant::ends_at.eq(None::<DateTime<Utc>>),
        app_grant::bound_to.eq(bound_to),
    ))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}

/// Ends a grant and every token of it. Returns whether it was there.
pub async fn end(tx: &mut WriteTx, id: AppGrantId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ended = diesel::delete(
        app_grant::table.filter(app_grant::tenant_id.eq(tenant).and(app_grant::id.eq(id.as_uuid()))),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(ended == 1)
}

/// Adds a refresh token to a grant.
pub async fn add_refresh(
    tx: &mut WriteTx,
    id: AppGrantId,
    token: TokenHash,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(app_refresh::table)
        .values((
            app_refresh::tenant_id.eq(tenant),
            app_refresh::token_hash.eq(token.as_bytes().to_vec()),
            app_refresh::grant_id.eq(id.as_uuid()),
            app_refresh::created_at.eq(now),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Whose refresh token this is, used or not.
pub async fn of_refresh(tx: &mut impl Reads, token: TokenHash) -> Result<Option<AppGrantId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Uuid> = app_refresh::table
        .filter(app_refresh::tenant_id.eq(tenant))
        .filter(app_refresh::token_hash.eq(token.as_bytes().to_vec()))
        .select(app_refresh::grant_id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.map(AppGrantId::from_uuid))
}

/// Uses a refresh token of a grant that is held. Returns whether it was not used before.
pub async fn use_refresh(tx: &mut WriteTx, token: TokenHash, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let used = diesel::update(
        app_refresh::table
            .filter(app_refresh::tenant_id.eq(tenant))
            .filter(app_refresh::token_hash.eq(token.as_bytes().to_vec()))
            .filter(app_refresh::used_at.is_null()),
    )
    .set(app_refresh::used_at.eq(now))
    .execute(tx.conn().await?)
    .await?;
    Ok(used == 1)
}

/// Whether a refresh token was not used yet.
pub async fn is_unused(tx: &mut impl Reads, token: TokenHash) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Uuid> = app_refresh::table
        .filter(app_refresh::tenant_id.eq(tenant))
        .filter(app_refresh::token_hash.eq(token.as_bytes().to_vec()))
        .filter(app_refresh::used_at.is_null())
        .select(app_refresh::grant_id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.is_some())
}
