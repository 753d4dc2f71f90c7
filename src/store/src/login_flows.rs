//! Sign-ins under way. Each can be taken once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::ConnectionId;
use domain::token::TokenHash;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::login_flow;
use crate::tx::{Reads, WriteTx};

/// A sign-in under way.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = login_flow)]
pub struct LoginFlow {
    /// Through which connection.
    pub connection_id: Uuid,
    /// Hash of the browser's binding cookie.
    pub browser_hash: Vec<u8>,
    /// What the protocol must remember, sealed.
    pub secrets_sealed: Vec<u8>,
    /// Where the person wants to go afterwards.
    pub return_to: String,
    /// The trial that it belongs to, if it is one.
    pub trial_id: Option<Uuid>,
    /// Hash of the link of an invitation that is accepted by it, if it is one.
    pub invitation_hash: Option<Vec<u8>>,
    /// When the browser set out.
    pub started_at: DateTime<Utc>,
    /// When it stops to be good.
    pub expires_at: DateTime<Utc>,
}

/// Keeps a flow until its answer comes, and forgets those of this tenant that nobody came back for. `handle` is the hash
/// of what the answer repeats: the `state`, or the id of the request.
pub async fn start(tx: &mut WriteTx, handle: TokenHash, flow: &LoginFlow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(
        login_flow::table
            .filter(login_flow::tenant_id.eq(tenant).and(login_flow::expires_at.lt(flow.started_at))),
    )
    .execute(tx.conn().await?)
    .await?;
    diesel::insert_into(login_flow::table)
        .values((
            login_flow::tenant_id.eq(tenant),
            login_flow::state_hash.eq(handle.as_bytes().to_vec()),
            login_flow::connection_id.eq(flow.connection_id),
            login_flow::browser_hash.eq(&flow.browser_hash),
            login_flow::secrets_sealed.eq(&flow.secrets_sealed),
            login_flow::return_to.eq(&flow.return_to),
            login_flow::trial_id.eq(flow.trial_id),
            login_flow::invitation_hash.eq(&flow.invitation_hash),
            login_flow::started_at.eq(flow.started_at),
            login_flow::expires_at.eq(flow.expires_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes the flow that this handle names, if it came back on the connection and in the browser that it left by. Taken
/// or expired, it cannot be taken again; shown by another browser, it stays for the one that it belongs to.
pub async fn take(
    tx: &mut WriteTx,
    handle: TokenHash,
    connection: ConnectionId,
    browser: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<LoginFlow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let taken: Option<LoginFlow> = diesel::delete(
        login_flow::table
            .filter(login_flow::tenant_id.eq(tenant))
            .filter(login_flow::state_hash.eq(handle.as_bytes().to_vec()))
            .filter(login_flow::connection_id.eq(connection.as_uuid()))
            .filter(login_flow::browser_hash.eq(browser.as_bytes().to_vec())),
    )
    .returning(LoginFlow::as_returning())
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    Ok(taken.filter(|flow| flow.expires_at > now))
}
