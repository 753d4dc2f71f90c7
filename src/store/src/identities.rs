//! Who signed in before: (connection, subject) to person.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{ConnectionId, DirectoryId, UserId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::identity;
use crate::statement::statement;
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

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

const NAMED: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS connection, {} AS directory, {} AS subjects, {} AS addresses
), addressed AS (
    SELECT e.user_id FROM input i, user_email e WHERE e.tenant_id = i.tenant AND e.value_key = ANY (i.addresses)
    UNION SELECT u.id FROM input i, users u
    WHERE u.tenant_id = i.tenant AND u.directory_id = i.directory AND u.user_name_key = ANY (i.addresses)
)
SELECT l.user_id AS id FROM input i, identity l
WHERE l.tenant_id = i.tenant AND l.connection_id = i.connection AND l.subject = ANY (i.subjects)
UNION SELECT l.user_id FROM input i, addressed a, identity l
WHERE l.tenant_id = i.tenant AND l.connection_id = i.connection AND l.user_id = a.user_id";

/// Those of the people who have signed in through a connection who are known there by one of these subjects, or have one of
/// these addresses: as an e-mail address, or as their name in the connection's directory.
pub async fn named(
    tx: &mut impl Reads,
    (connection, directory): (ConnectionId, DirectoryId),
    subjects: Vec<String>,
    addresses: &[String],
) -> Result<Vec<UserId>, StoreError> {
    let addresses: Vec<String> = addresses.iter().map(|address| scim::text::fold(address)).collect();
    let ask = statement(NAMED)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(connection.as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Array<Text>, _>(subjects)
        .bind::<Array<Text>, _>(addresses);
    let found: Vec<Id> = tx.connection().0.load(ask).await?;
    Ok(found.into_iter().map(|row| UserId::from_uuid(row.id)).collect())
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
