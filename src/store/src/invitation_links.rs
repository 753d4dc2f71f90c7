//! Links by which several people invite themselves. Knows rows; does not know what they give.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::InvitationLinkId;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::invitation_link;
use crate::tx::{Reads, WriteTx};

/// A link as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitation_link)]
pub struct LinkRow {
    /// Id.
    pub id: Uuid,
    /// What administrators call it.
    pub name: String,
    /// Hash of its secret.
    pub link_hash: Vec<u8>,
    /// What those who come by it will hold.
    pub gives: Value,
    /// In which language they are written to.
    pub language: String,
    /// Whether it rests.
    pub frozen: bool,
    /// How many have come by it.
    pub uses: i32,
    /// Who made it, in words.
    pub made_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

impl LinkRow {
    /// The id, typed.
    pub fn link_id(&self) -> InvitationLinkId {
        InvitationLinkId::from_uuid(self.id)
    }
}

/// Adds a link.
pub async fn add(tx: &mut WriteTx, row: &LinkRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(invitation_link::table)
        .values((invitation_link::tenant_id.eq(tenant), row))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// The tenant's links, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<LinkRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(invitation_link::table
        .filter(invitation_link::tenant_id.eq(tenant))
        .order(invitation_link::id)
        .select(LinkRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The link with this secret, if it is good and does not rest.
pub async fn open(
    tx: &mut impl Reads,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<LinkRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(invitation_link::table
        .filter(invitation_link::tenant_id.eq(tenant).and(invitation_link::link_hash.eq(hash)))
        .filter(invitation_link::expires_at.gt(now).and(invitation_link::frozen.eq(false)))
        .select(LinkRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Lets a link rest, or be good again. Returns it as it is then.
pub async fn freeze(
    tx: &mut WriteTx,
    id: InvitationLinkId,
    frozen: bool,
) -> Result<Option<LinkRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = invitation_link::table
        .filter(invitation_link::tenant_id.eq(tenant).and(invitation_link::id.eq(id.as_uuid())));
    Ok(diesel::update(one)
        .set(invitation_link::frozen.eq(frozen))
        .returning(LinkRow::as_returning())
        .get_result(tx.conn().await?)
        .await
        .optional()?)
}

/// Notes that somebody has come by a link.
pub async fn count(tx: &mut WriteTx, id: InvitationLinkId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = invitation_link::table
        .filter(invitation_link::tenant_id.eq(tenant).and(invitation_link::id.eq(id.as_uuid())));
    diesel::update(one)
        .set(invitation_link::uses.eq(invitation_link::uses + 1))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Removes a link. Returns whether there was one.
pub async fn remove(tx: &mut WriteTx, id: InvitationLinkId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = invitation_link::table
        .filter(invitation_link::tenant_id.eq(tenant).and(invitation_link::id.eq(id.as_uuid())));
    Ok(diesel::delete(one).execute(tx.conn().await?).await? == 1)
}
