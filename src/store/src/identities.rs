//! Who signed in before: (connection, subject) to person.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{ConnectionId, UserId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::identity;
use crate::tx::{Reads, WriteTx};

/// The person that this subject of this connection was linked to.
pub async fn find(
    tx: &mut impl Reads,
    connection: ConnectionId,
    subject: &str,
) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let user: Option<Uuid> = identity::table
        .filter(identity::tenant_id.eq(tenant).and(identity::connection_id.eq(connection.as_uuid())))
        .filter(identity::subject.eq(subject))
        .select(identity::user_id)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    Ok(user.map(UserId::from_uuid))
}

/// Links a subject to a person. A person has one subject per connection: a second one is a conflict, which is how
/// somebody who took over a name at the identity provider does not become its earlier owner.
pub async fn link(
    tx: &mut WriteTx,
    connection: ConnectionId,
    subject: &str,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(identity::table)
        .values((
            identity::tenant_id.eq(tenant),
            identity::connection_id.eq(connection.as_uuid()),
            identity::subject.eq(subject),
            identity::user_id.eq(user.as_uuid()),
            identity::linked_at.eq(now),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Whether there is a connection at which both of them have signed in.
pub async fn collide(tx: &mut impl Reads, one: UserId, other: UserId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let of = |user: UserId| {
        identity::table
            .filter(identity::tenant_id.eq(tenant).and(identity::user_id.eq(user.as_uuid())))
            .select(identity::connection_id)
    };
    let ones: Vec<Uuid> = of(one).load(tx.connection().0.conn().await?).await?;
    let others: Vec<Uuid> = of(other).load(tx.connection().0.conn().await?).await?;
    Ok(ones.iter().any(|connection| others.contains(connection)))
}

/// Gives the identities of one person to another.
pub async fn hand_over(tx: &mut WriteTx, from: UserId, to: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(
        identity::table.filter(identity::tenant_id.eq(tenant).and(identity::user_id.eq(from.as_uuid()))),
    )
    .set(identity::user_id.eq(to.as_uuid()))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}
