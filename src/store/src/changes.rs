//! What changed in a tenant, read from a place on. Knows places; does not know cursors.
//!
//! A place is given when a fact is taken from the outbox, by one process at a time, whose transaction holds the tenant's
//! mark. So what is taken later has a greater place and is seen later: nobody who reads on from a place passes over one.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::statement::statement;
use crate::tx::Reads;

/// A fact and its place.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// Its place.
    pub place: i64,
    /// Id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Stable dotted name of the fact.
    pub fact: String,
    /// What it says.
    pub payload: Value,
    /// By which request.
    pub request_id: Uuid,
}

/// What follows a place, and how far the order goes.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The last place that there is.
    pub last: i64,
    /// Up to which place something is kept no more.
    pub forgotten: i64,
    /// The facts, in their order.
    pub rows: Vec<ChangeRow>,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// With the first that is kept.
    Forgotten,
    /// Behind the last: nothing is read but the marks.
    Last,
    /// Behind this place.
    Place(i64),
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = BigInt)]
    last: i64,
    #[diesel(sql_type = BigInt)]
    forgotten: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    place: Option<i64>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    fact: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    payload: Option<Value>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    request_id: Option<Uuid>,
}

/// The marks and the facts are of one snapshot: what is forgotten meanwhile is either read or known to be gone.
const READ: &str = "\
SELECT coalesce(m.last, 0) AS last, coalesce(m.forgotten, 0) AS forgotten,
    s.place, s.id, s.at, s.fact, s.payload, s.request_id
FROM (SELECT {} AS tenant, {} AS behind, {} AS most, {} AS without) i
LEFT JOIN change_mark m ON m.tenant_id = i.tenant
LEFT JOIN LATERAL (
    SELECT * FROM signal s WHERE s.tenant_id = i.tenant AND s.place > greatest(i.behind, m.forgotten)
    AND s.fact <> ALL (i.without) ORDER BY s.place LIMIT (SELECT i.most)
) s ON true
ORDER BY s.place";

/// At most so many facts behind a place, save those of these names.
pub async fn read(
    tx: &mut impl Reads,
    behind: Behind,
    most: i64,
    without: &[&str],
) -> Result<Changes, StoreError> {
    let behind = match behind {
        Behind::Forgotten => 0,
        Behind::Last => i64::MAX,
        Behind::Place(place) => place,
    };
    let without: Vec<String> = without.iter().map(|&name| name.to_owned()).collect();
    let ask = statement(READ)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<BigInt, _>(behind)
        .bind::<BigInt, _>(most)
        .bind::<Array<Text>, _>(without);
    let lines: Vec<Line> = tx.connection().0.load(ask).await?;
    let (last, forgotten) = lines.first().map(|line| (line.last, line.forgotten)).unwrap_or_default();
    let rows = lines.into_iter().filter_map(|line| {
        Some(ChangeRow {
            place: line.place?,
            id: line.id?,
            at: line.at?,
            fact: line.fact?,
            payload: line.payload?,
            request_id: line.request_id?,
        })
    });
    Ok(Changes { last, forgotten, rows: rows.collect() })
}
