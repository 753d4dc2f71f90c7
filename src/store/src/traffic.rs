//! How much directories ask, counted by five minutes. Knows sums; does not know what was asked.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{DirectoryId, TenantId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::statement::{Statement, statement};
use crate::tx::Reads;

/// Requests of one kind, of one directory, of five minutes.
#[derive(Debug, Clone, QueryableByName)]
pub struct TrafficRow {
    /// Of which directory.
    #[diesel(sql_type = SqlUuid)]
    pub directory_id: Uuid,
    /// When the five minutes began.
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
    /// Of which kind.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub requests: i64,
    /// How many were answered with 4xx.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    /// How many were answered with 5xx.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// How many the log had to leave out.
    #[diesel(sql_type = BigInt)]
    pub unlogged: i64,
    /// When the last came.
    #[diesel(sql_type = Timestamptz)]
    pub last_at: DateTime<Utc>,
    /// When the last came that was answered with what it asked for.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_done_at: Option<DateTime<Utc>>,
    /// How far the client's clock was ahead of ours, by the last that said its time.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub clock_ahead_ms: Option<i64>,
}

const ADD: &str = "\
INSERT INTO scim_traffic AS t (tenant_id, directory_id, since, kind, requests, refused, failed, unlogged, last_at, \
    last_done_at, clock_ahead_ms) \
SELECT {}, r.* FROM unnest({}, {}, {}, {}, {}, {}, {}, {}, {}, {}) AS r \
ON CONFLICT (tenant_id, directory_id, since, kind) DO UPDATE SET requests = t.requests + excluded.requests, \
    refused = t.refused + excluded.refused, failed = t.failed + excluded.failed, \
    unlogged = t.unlogged + excluded.unlogged, last_at = greatest(t.last_at, excluded.last_at), \
    last_done_at = greatest(t.last_done_at, excluded.last_done_at), \
    clock_ahead_ms = coalesce(excluded.clock_ahead_ms, t.clock_ahead_ms)";

/// Adds to what was counted. The rows are in the order of their keys, so that two processes wait for each other.
pub(crate) fn add(tenant: TenantId, rows: &[TrafficRow]) -> Statement<'static> {
    macro_rules! column {
        ($field:ident) => {
            rows.iter().map(|row| row.$field.clone()).collect::<Vec<_>>()
        };
    }
    statement(ADD)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(column!(directory_id))
        .bind::<Array<Timestamptz>, _>(column!(since))
        .bind::<Array<Text>, _>(column!(kind))
        .bind::<Array<BigInt>, _>(column!(requests))
        .bind::<Array<BigInt>, _>(column!(refused))
        .bind::<Array<BigInt>, _>(column!(failed))
        .bind::<Array<BigInt>, _>(column!(unlogged))
        .bind::<Array<Timestamptz>, _>(column!(last_at))
        .bind::<Array<Nullable<Timestamptz>>, _>(column!(last_done_at))
        .bind::<Array<Nullable<BigInt>>, _>(column!(clock_ahead_ms))
}

/// Requests of one kind, summed.
#[derive(Debug, Clone, QueryableByName)]
pub struct SumRow {
    /// Of which kind.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub requests: i64,
    /// How many were answered with 4xx.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    /// How many were answered with 5xx.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// How many the log had to leave out.
    #[diesel(sql_type = BigInt)]
    pub unlogged: i64,
}

/// What a directory asked since then, by kind.
pub async fn sums(
    tx: &mut impl Reads,
    directory: DirectoryId,
    since: DateTime<Utc>,
) -> Result<Vec<SumRow>, StoreError> {
    let ask = statement(
        "SELECT kind, sum(requests)::bigint AS requests, sum(refused)::bigint AS refused, \
            sum(failed)::bigint AS failed, sum(unlogged)::bigint AS unlogged \
         FROM scim_traffic WHERE tenant_id = {} AND directory_id = {} AND since >= {} GROUP BY kind ORDER BY kind",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(directory.as_uuid())
    .bind::<Timestamptz, _>(since);
    tx.connection().0.load(ask).await
}

/// The last requests of a directory.
#[derive(Debug, Clone, Default, QueryableByName)]
pub struct LastRow {
    /// When the last came.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_at: Option<DateTime<Utc>>,
    /// When the last came that was answered with what it asked for.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_done_at: Option<DateTime<Utc>>,
    /// How far the client's clock was ahead of ours, by the last that said its time.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub clock_ahead_ms: Option<i64>,
}

const LAST: &str = "\
WITH mine AS NOT MATERIALIZED (SELECT * FROM scim_traffic WHERE tenant_id = {} AND directory_id = {}) SELECT \
    (SELECT last_at FROM mine ORDER BY since DESC, last_at DESC LIMIT 1) AS last_at, \
    (SELECT last_done_at FROM mine WHERE last_done_at IS NOT NULL ORDER BY since DESC, last_done_at DESC LIMIT 1) \
        AS last_done_at, \
    (SELECT clock_ahead_ms FROM mine WHERE clock_ahead_ms IS NOT NULL ORDER BY since DESC, last_at DESC LIMIT 1) \
        AS clock_ahead_ms";

/// The last requests of a directory, as far back as the log goes.
pub async fn last(tx: &mut impl Reads, directory: DirectoryId) -> Result<LastRow, StoreError> {
    let ask =
        statement(LAST).bind::<SqlUuid, _>(tx.tenant().as_uuid()).bind::<SqlUuid, _>(directory.as_uuid());
    Ok(tx.connection().0.load(ask).await?.pop().unwrap_or_default())
}
