//! What a tenant says of roles beside its product, and who holds which. Knows rows; does not know what makes sense.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::blueprint::{OwnRole, OwnRoles};
use domain::id::GrantId;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::holdings::Thing;
use crate::schema::{access_policy, tenant_role};
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};

/// Everything that the tenant says of roles.
pub async fn own(tx: &mut impl Reads) -> Result<OwnRoles, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<Value> = tenant_role::table
        .filter(tenant_role::tenant_id.eq(tenant))
        .order(tenant_role::id)
        .select(tenant_role::role)
        .load(tx.connection().0.conn().await?)
        .await?;
    let default_role: Option<Option<String>> = access_policy::table
        .filter(access_policy::tenant_id.eq(tenant))
        .select(access_policy::default_role)
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    let read = |role| serde_json::from_value(role).map_err(StoreError::corrupt);
    let roles = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(OwnRoles { roles, default_role: default_role.flatten() })
}

/// Keeps what the tenant says of a role, instead of what it said before.
pub async fn save(tx: &mut WriteTx, role: &OwnRole, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let said = serde_json::to_value(role).map_err(StoreError::corrupt)?;
    diesel::insert_into(tenant_role::table)
        .values((
            tenant_role::tenant_id.eq(tenant),
            tenant_role::id.eq(&role.id),
            tenant_role::role.eq(&said),
            tenant_role::created_at.eq(now),
            tenant_role::changed_at.eq(now),
        ))
        .on_conflict((tenant_role::tenant_id, tenant_role::id))
        .do_update()
        .set((tenant_role::role.eq(&said), tenant_role::changed_at.eq(now)))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Forgets what the tenant says of a role.
pub async fn forget(tx: &mut WriteTx, id: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = tenant_role::table.filter(tenant_role::tenant_id.eq(tenant).and(tenant_role::id.eq(id)));
    diesel::delete(one).execute(tx.conn().await?).await?;
    Ok(())
}

/// Says which role those have whom nothing else gives one; the product's choice if none.
pub async fn set_default(tx: &mut WriteTx, role: Option<&str>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(access_policy::table.filter(access_policy::tenant_id.eq(tenant)))
        .set(access_policy::default_role.eq(role))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Text)]
    thing: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many people hold each of these roles, wherever; those that nobody holds are left out.
pub async fn holders(
    tx: &mut impl Reads,
    roles: impl IntoIterator<Item = &str>,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let things: BTreeMap<String, &str> =
        roles.into_iter().map(|role| (Thing::Role(role).stored(), role)).collect();
    let ask = statement(
        "SELECT thing, count(DISTINCT user_id) AS n FROM user_holding \
         WHERE tenant_id = {} AND thing = ANY({}) GROUP BY thing",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Array<Text>, _>(things.keys().cloned().collect::<Vec<_>>());
    let rows: Vec<Held> = tx.connection().0.load(ask).await?;
    let held = rows.into_iter().filter_map(|row| Some(((*things.get(&row.thing)?).to_owned(), row.n)));
    Ok(held.collect())
}

/// By which grants a role was given by hand.
pub async fn given_by(tx: &mut WriteTx, role: &str) -> Result<Vec<GrantId>, StoreError> {
    let ask = statement(
        "SELECT id FROM local_grant WHERE tenant_id = {} AND what->>'kind' = 'role' AND what->>'role' = {} ORDER BY id",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Text, _>(role.to_owned());
    let rows: Vec<Id> = tx.load(ask).await?;
    Ok(rows.into_iter().map(|row| GrantId::from_uuid(row.id)).collect())
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Makes a role of another in these grants, where that is still what they give.
pub fn give_back(tx: &mut WriteTx, role: &str, instead_of: &str, grants: &[GrantId]) {
    let change = statement(
        "UPDATE local_grant SET what = jsonb_set(what, ARRAY['role'], to_jsonb({}::text)) \
         WHERE tenant_id = {} AND what->>'kind' = 'role' AND what->>'role' = {} AND id = ANY({})",
    )
    .bind::<Text, _>(role.to_owned())
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Text, _>(instead_of.to_owned())
    .bind::<Array<SqlUuid>, _>(grants.iter().map(|id| id.as_uuid()).collect::<Vec<_>>());
    tx.later(change);
}

/// Makes another role of one wherever it was given by hand.
pub fn give_instead(tx: &mut WriteTx, role: &str, other: &str) {
    let change = statement(
        "UPDATE local_grant SET what = jsonb_set(what, ARRAY['role'], to_jsonb({}::text)) \
         WHERE tenant_id = {} AND what->>'kind' = 'role' AND what->>'role' = {}",
    )
    .bind::<Text, _>(other.to_owned())
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<Text, _>(role.to_owned());
    tx.later(change);
}
