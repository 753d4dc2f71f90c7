//! Passkeys of local people, the links by which they are registered, and what browsers have answered. Knows what is used once; does not know what is proven.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{PasskeyId, UserId};
use domain::token::TokenHash;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{answered_passkey, passkey, passkey_invitation};
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};

/// A passkey as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = passkey)]
pub struct PasskeyRow {
    /// Id.
    pub id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// What administrators call it.
    pub name: String,
    /// What its authenticator calls it.
    pub credential_id: Vec<u8>,
    /// What it is verified by.
    pub credential: Value,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When somebody signed in by it last.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl PasskeyRow {
    /// The id, typed.
    pub fn passkey_id(&self) -> PasskeyId {
        PasskeyId::from_uuid(self.id)
    }
}

/// Adds a passkey.
pub async fn add(tx: &mut WriteTx, row: &PasskeyRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(passkey::table)
        .values((passkey::tenant_id.eq(tenant), row))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// A person's passkeys, oldest first.
pub async fn of_person(tx: &mut impl Reads, user: UserId) -> Result<Vec<PasskeyRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(passkey::table
        .filter(passkey::tenant_id.eq(tenant).and(passkey::user_id.eq(user.as_uuid())))
        .order(passkey::id)
        .select(PasskeyRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The passkey that an authenticator calls so, if it is this person's; locked until the transaction ends.
pub async fn lock(
    tx: &mut WriteTx,
    user: UserId,
    credential_id: &[u8],
) -> Result<Option<PasskeyRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(passkey::table
        .filter(passkey::tenant_id.eq(tenant).and(passkey::user_id.eq(user.as_uuid())))
        .filter(passkey::credential_id.eq(credential_id))
        .select(PasskeyRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Notes that a passkey was used, with its counter moved.
pub async fn note_use(
    tx: &mut WriteTx,
    id: PasskeyId,
    credential: &Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(passkey::table.filter(passkey::tenant_id.eq(tenant).and(passkey::id.eq(id.as_uuid()))))
        .set((passkey::credential.eq(credential), passkey::last_used_at.eq(now)))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Renames a passkey of a person, and returns what it was called; nothing if there is none.
pub async fn rename(
    tx: &mut WriteTx,
    user: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<Option<PasskeyRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(diesel::update(
        passkey::table
            .filter(passkey::tenant_id.eq(tenant).and(passkey::id.eq(id.as_uuid())))
            .filter(passkey::user_id.eq(user.as_uuid())),
    )
    .set(passkey::name.eq(name))
    .returning(PasskeyRow::as_returning())
    .get_result(tx.conn().await?)
    .await
    .optional()?)
}

/// Removes a passkey of a person, and returns its name; nothing if there is none.
pub async fn remove(tx: &mut WriteTx, user: UserId, id: PasskeyId) -> Result<Option<String>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(diesel::delete(
        passkey::table
            .filter(passkey::tenant_id.eq(tenant).and(passkey::id.eq(id.as_uuid())))
            .filter(passkey::user_id.eq(user.as_uuid())),
    )
    .returning(passkey::name)
    .get_result(tx.conn().await?)
    .await
    .optional()?)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Whether somebody who is active and not blocked has a passkey, without one who is about to go.
pub async fn protect_anybody(tx: &mut impl Reads, leaving: Option<UserId>) -> Result<bool, StoreError> {
    let ask = statement(
        "SELECT EXISTS (SELECT FROM passkey p JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id \
         LEFT JOIN user_access a ON a.tenant_id = u.tenant_id AND a.user_id = u.id \
         WHERE p.tenant_id = {} AND u.active AND NOT u.invited AND a.access -> 'status' ->> 'kind' IS DISTINCT FROM 'blocked' \
         AND p.user_id IS DISTINCT FROM {}) AS yes",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Nullable<SqlUuid>, _>(leaving.map(UserId::as_uuid));
    let found: Option<Answer> = tx.connection().0.load(ask).await?.pop();
    Ok(found.is_some_and(|answer| answer.yes))
}

/// Everybody who has a passkey, with how many and when they last used one, by id.
pub async fn holders(tx: &mut impl Reads) -> Result<Vec<(UserId, i64, Option<DateTime<Utc>>)>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<(Uuid, i64, Option<DateTime<Utc>>)> = passkey::table
        .filter(passkey::tenant_id.eq(tenant))
        .group_by(passkey::user_id)
        .order(passkey::user_id)
        .select((passkey::user_id, diesel::dsl::count_star(), diesel::dsl::max(passkey::last_used_at)))
        .load(tx.connection().0.conn().await?)
        .await?;
    Ok(rows.into_iter().map(|(user, count, last)| (UserId::from_uuid(user), count, last)).collect())
}

/// Keeps a link by which somebody may register one passkey, and forgets those of this tenant that ran out.
pub async fn invite(
    tx: &mut WriteTx,
    token: TokenHash,
    user: UserId,
    (now, expires_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(
        passkey_invitation::table
            .filter(passkey_invitation::tenant_id.eq(tenant).and(passkey_invitation::expires_at.lt(now))),
    )
    .execute(tx.conn().await?)
    .await?;
    diesel::insert_into(passkey_invitation::table)
        .values((
            passkey_invitation::tenant_id.eq(tenant),
            passkey_invitation::token_hash.eq(token.as_bytes().to_vec()),
            passkey_invitation::user_id.eq(user.as_uuid()),
            passkey_invitation::expires_at.eq(expires_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Whom a link is for, if it is still good.
pub async fn invited(
    tx: &mut impl Reads,
    token: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let user: Option<Uuid> = passkey_invitation::table
        .filter(passkey_invitation::tenant_id.eq(tenant).and(passkey_invitation::expires_at.gt(now)))
        .filter(passkey_invitation::token_hash.eq(token.as_bytes().to_vec()))
        .select(passkey_invitation::user_id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(user.map(UserId::from_uuid))
}

/// Uses up a link, and returns whom it is for; nothing if it was used or ran out.
pub async fn use_invitation(
    tx: &mut WriteTx,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let used: Option<(Uuid, DateTime<Utc>)> = diesel::delete(
        passkey_invitation::table
            .filter(passkey_invitation::tenant_id.eq(tenant))
            .filter(passkey_invitation::token_hash.eq(token_hash)),
    )
    .returning((passkey_invitation::user_id, passkey_invitation::expires_at))
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    Ok(used.filter(|(_, expires_at)| *expires_at > now).map(|(user, _)| UserId::from_uuid(user)))
}

/// Notes that a browser's question was answered, and forgets those of this tenant that nobody can answer any more. Returns
/// whether it was not answered before, by whichever process.
pub async fn take(
    tx: &mut WriteTx,
    challenge: &[u8],
    (now, forget_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let over = answered_passkey::tenant_id.eq(tenant).and(answered_passkey::forget_at.lt(now));
    diesel::delete(answered_passkey::table.filter(over)).execute(tx.conn().await?).await?;
    let added = diesel::insert_into(answered_passkey::table)
        .values((
            answered_passkey::tenant_id.eq(tenant),
            answered_passkey::challenge.eq(challenge),
            answered_passkey::forget_at.eq(forget_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(added == 1)
}
