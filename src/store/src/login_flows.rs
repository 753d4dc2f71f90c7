//! Sign-ins under way. Each can be taken once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::ConnectionId;
use domain::token::TokenHash;

use crate::error::StoreError;
use crate::schema::login_flow;
use crate::tx::{Reads, WriteTx};

/// A sign-in under way.
#[derive(Debug, Clone)]
pub struct LoginFlow {
    /// Through which connection.
    pub connection: ConnectionId,
    /// Hash of the browser's binding cookie.
    pub browser: TokenHash,
    /// State, nonce and PKCE verifier, sealed.
    pub secrets_sealed: Vec<u8>,
    /// Where the person wants to go afterwards.
    pub return_to: String,
    /// When it stops to be good.
    pub expires_at: DateTime<Utc>,
}

/// Keeps a flow until its answer comes, and forgets those of this tenant that nobody came back for.
pub async fn start(
    tx: &mut WriteTx,
    state: TokenHash,
    flow: &LoginFlow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(
        login_flow::table.filter(login_flow::tenant_id.eq(tenant).and(login_flow::expires_at.lt(now))),
    )
    .execute(tx.conn().await?)
    .await?;
    diesel::insert_into(login_flow::table)
        .values((
            login_flow::tenant_id.eq(tenant),
            login_flow::state_hash.eq(state.as_bytes().to_vec()),
            login_flow::connection_id.eq(flow.connection.as_uuid()),
            login_flow::browser_hash.eq(flow.browser.as_bytes().to_vec()),
            login_flow::secrets_sealed.eq(&flow.secrets_sealed),
            login_flow::return_to.eq(&flow.return_to),
            login_flow::expires_at.eq(flow.expires_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes the flow that this state names, if it came back on the connection and in the browser that it left by. Taken
/// or expired, it cannot be taken again; shown by another browser, it stays for the one that it belongs to.
pub async fn take(
    tx: &mut WriteTx,
    state: TokenHash,
    connection: ConnectionId,
    browser: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<LoginFlow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let taken: Option<(Vec<u8>, String, DateTime<Utc>)> = diesel::delete(
        login_flow::table
            .filter(login_flow::tenant_id.eq(tenant))
            .filter(login_flow::state_hash.eq(state.as_bytes().to_vec()))
            .filter(login_flow::connection_id.eq(connection.as_uuid()))
            .filter(login_flow::browser_hash.eq(browser.as_bytes().to_vec())),
    )
    .returning((login_flow::secrets_sealed, login_flow::return_to, login_flow::expires_at))
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    Ok(taken.filter(|(_, _, expires_at)| *expires_at > now).map(|(secrets_sealed, return_to, expires_at)| {
        LoginFlow { connection, browser, secrets_sealed, return_to, expires_at }
    }))
}
