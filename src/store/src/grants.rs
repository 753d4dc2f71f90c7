//! What was given to people by hand. Knows rows; does not know who may give what.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::access::LocalGrant;
use domain::id::{GrantId, UserId};
use domain::mapping::Outcome;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::local_grant;
use crate::tx::{Reads, WriteTx};

/// Something given by hand.
#[derive(Debug, Clone)]
pub struct GrantRow {
    /// Id.
    pub id: GrantId,
    /// What was given.
    pub what: Outcome,
    /// Who gave it, in words.
    pub given_by: String,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// What was given to somebody, the oldest first.
pub async fn of_person(tx: &mut impl Reads, user: UserId) -> Result<Vec<GrantRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<(Uuid, Value, String, DateTime<Utc>)> = local_grant::table
        .filter(local_grant::tenant_id.eq(tenant).and(local_grant::user_id.eq(user.as_uuid())))
        .order(local_grant::id)
        .select((local_grant::id, local_grant::what, local_grant::given_by, local_grant::given_at))
        .load(tx.connection().0.conn().await?)
        .await?;
    let read = |(id, what, given_by, given_at)| {
        let what = serde_json::from_value(what).map_err(StoreError::corrupt)?;
        Ok(GrantRow { id: GrantId::from_uuid(id), what, given_by, given_at })
    };
    rows.into_iter().map(read).collect()
}

/// Who has a grant.
pub async fn holder(tx: &mut impl Reads, grant: GrantId) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let found: Option<Uuid> = local_grant::table
        .filter(local_grant::tenant_id.eq(tenant).and(local_grant::id.eq(grant.as_uuid())))
        .select(local_grant::user_id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(found.map(UserId::from_uuid))
}

/// Gives something to somebody who is locked or not there yet.
pub async fn give(tx: &mut WriteTx, user: UserId, grant: &GrantRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(local_grant::table)
        .values((
            local_grant::tenant_id.eq(tenant),
            local_grant::id.eq(grant.id.as_uuid()),
            local_grant::user_id.eq(user.as_uuid()),
            local_grant::what.eq(serde_json::to_value(&grant.what).map_err(StoreError::corrupt)?),
            local_grant::given_by.eq(&grant.given_by),
            local_grant::given_at.eq(grant.given_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Takes it away.
pub async fn take(tx: &mut WriteTx, grants: &[GrantId]) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = grants.iter().map(|id| id.as_uuid()).collect();
    diesel::delete(
        local_grant::table.filter(local_grant::tenant_id.eq(tenant).and(local_grant::id.eq_any(ids))),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}

/// Hands over what somebody was given to whom they became.
pub async fn hand_over(tx: &mut WriteTx, from: UserId, to: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(
        local_grant::table
            .filter(local_grant::tenant_id.eq(tenant).and(local_grant::user_id.eq(from.as_uuid()))),
    )
    .set(local_grant::user_id.eq(to.as_uuid()))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}

/// A grant as `{id, what, by}`.
#[derive(serde::Deserialize)]
pub(crate) struct InRow {
    id: GrantId,
    what: Outcome,
    by: String,
}

/// Grants as an evaluation sees them.
pub(crate) fn in_row(grants: Vec<InRow>) -> Vec<LocalGrant> {
    grants.into_iter().map(|InRow { id, what, by }| LocalGrant { id, what, by }).collect()
}
