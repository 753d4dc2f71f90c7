//! Mapping rules, and the version of everything that access is computed from besides the person.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::access::Offer;
use domain::id::MappingRuleId;
use domain::mapping::MappingRule;
use serde_json::Value;

use crate::advisory::{self, Hold};
use crate::error::StoreError;
use crate::schema::{access_policy, mapping_rule};
use crate::statement::{Statement, statement};
use crate::tx::{Reads, WriteTx};

/// All rules, in no particular order.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<MappingRule>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<Value> = mapping_rule::table
        .filter(mapping_rule::tenant_id.eq(tenant))
        .order(mapping_rule::id)
        .select(mapping_rule::rule)
        .load(tx.connection().0.conn().await?)
        .await?;
    rows.into_iter().map(|rule| serde_json::from_value(rule).map_err(StoreError::corrupt)).collect()
}

/// Adds a rule.
pub async fn add(tx: &mut WriteTx, rule: &MappingRule, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(mapping_rule::table)
        .values((
            mapping_rule::tenant_id.eq(tenant),
            mapping_rule::id.eq(rule.id.as_uuid()),
            mapping_rule::rule.eq(serde_json::to_value(rule).map_err(StoreError::corrupt)?),
            mapping_rule::created_at.eq(now),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Puts a rule in the place of the one with its id. Returns whether there is one.
pub async fn replace(tx: &mut WriteTx, rule: &MappingRule) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let one = mapping_rule::tenant_id.eq(tenant).and(mapping_rule::id.eq(rule.id.as_uuid()));
    let changed = diesel::update(mapping_rule::table.filter(one))
        .set(mapping_rule::rule.eq(serde_json::to_value(rule).map_err(StoreError::corrupt)?))
        .execute(tx.conn().await?)
        .await?;
    Ok(changed > 0)
}

/// Removes a rule and returns what it was.
pub async fn remove(tx: &mut WriteTx, id: MappingRuleId) -> Result<Option<MappingRule>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let gone: Option<Value> = diesel::delete(
        mapping_rule::table.filter(mapping_rule::tenant_id.eq(tenant).and(mapping_rule::id.eq(id.as_uuid()))),
    )
    .returning(mapping_rule::rule)
    .get_result(tx.conn().await?)
    .await
    .optional()?;
    gone.map(|rule| serde_json::from_value(rule).map_err(StoreError::corrupt)).transpose()
}

/// What the tenant has of the product, as far as it was said.
pub async fn offer(tx: &mut impl Reads) -> Result<Offer, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let row: Option<(Option<String>, Option<Value>)> = access_policy::table
        .filter(access_policy::tenant_id.eq(tenant))
        .select((access_policy::plan, access_policy::features))
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?;
    let (plan, features) = row.unwrap_or_default();
    let features = features.map(serde_json::from_value).transpose().map_err(StoreError::corrupt)?;
    Ok(Offer { plan, features })
}

/// Says what the tenant has of the product.
pub async fn set_offer(tx: &mut WriteTx, offer: &Offer) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let features =
        offer.features.as_ref().map(serde_json::to_value).transpose().map_err(StoreError::corrupt)?;
    diesel::update(access_policy::table.filter(access_policy::tenant_id.eq(tenant)))
        .set((access_policy::plan.eq(&offer.plan), access_policy::features.eq(features)))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    version: i64,
}

/// The version of the policy in force.
pub async fn version(tx: &mut impl Reads) -> Result<i64, StoreError> {
    let ask = statement("SELECT version FROM access_policy WHERE tenant_id = {}")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    let row: Option<Version> = tx.connection().0.load(ask).await?.pop();
    row.map(|row| row.version).ok_or_else(|| StoreError::corrupt("the tenant has no policy"))
}

/// The policy that the transaction holds, as far as whoever comes must know.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Terms {
    /// Its version.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// Whether the tenant counts seats: nobody begins to while the policy is held.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub counts_seats: bool,
}

/// On which terms somebody comes. The policy must be held ([`hold`]).
pub async fn terms(tx: &mut WriteTx) -> Result<Terms, StoreError> {
    let ask = statement(
        "SELECT p.version, EXISTS (SELECT FROM seat_pool s WHERE s.tenant_id = p.tenant_id) AS counts_seats \
         FROM access_policy p WHERE p.tenant_id = {}",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid());
    tx.load(ask).await?.pop().ok_or_else(|| StoreError::corrupt("the tenant has no policy"))
}

/// Keeps the policy that is in force in force until the end of the transaction: whoever changes it waits for those who
/// compute by it, and they for whoever changes it. Sent with the next statement, which must be one that reads by it.
pub fn hold(tx: &mut WriteTx) {
    tx.later(lock(tx, Hold::Shared));
}

/// Keeps everybody else in the tenant from computing access until the end of the transaction, and waits for those who
/// are about it: for a change that reaches people whom the transaction has not locked. Not to be asked for after
/// [`hold`]: two who hold it together would wait for each other.
pub fn hold_alone(tx: &mut WriteTx) {
    tx.later(lock(tx, Hold::Alone));
}

/// Counts one change of the policy. Nobody else computes access in this tenant until the end of the transaction.
pub async fn bump_version(tx: &mut WriteTx) -> Result<i64, StoreError> {
    hold_alone(tx);
    let tenant = tx.tenant().as_uuid();
    Ok(diesel::update(access_policy::table.filter(access_policy::tenant_id.eq(tenant)))
        .set(access_policy::version.eq(access_policy::version + 1))
        .returning(access_policy::version)
        .get_result(tx.conn().await?)
        .await?)
}

fn lock(tx: &impl Reads, hold: Hold) -> Statement<'static> {
    advisory::lock(tx.tenant(), tx.tenant().as_uuid(), hold)
}
