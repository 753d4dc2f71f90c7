//! Local people who may be people whom a directory manages. Knows by which rows they are found; does not know what
//! becomes of them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use domain::id::{DirectoryId, UserId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::adoption_declined;
use crate::statement::statement;
use crate::tx::{Reads, WriteTx};
use crate::users::Slice;

/// A local person and the directory's person who may be the same.
#[derive(Debug, Clone, QueryableByName)]
pub struct CandidateRow {
    /// The local person.
    #[diesel(sql_type = SqlUuid)]
    pub local_id: Uuid,
    /// Their name.
    #[diesel(sql_type = Text)]
    pub local_name: String,
    /// The directory's person.
    #[diesel(sql_type = SqlUuid)]
    pub user_id: Uuid,
    /// Their name.
    #[diesel(sql_type = Text)]
    pub user_name: String,
    /// Slug of the directory.
    #[diesel(sql_type = Text)]
    pub directory: String,
    /// The address that both have, folded, in a domain that the tenant has verified.
    #[diesel(sql_type = Text)]
    pub address: String,
    /// When an administrator said that they are two people.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub declined_at: Option<DateTime<Utc>>,
}

/// Whom the question is about.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// All pairs: those who were declined, or the others.
    All {
        /// Which of the two.
        declined: bool,
        /// Which page of them.
        slice: Slice,
    },
    /// One pair.
    Pair {
        /// The local person.
        local: UserId,
        /// The directory's.
        user: UserId,
    },
}

/// An address of a local person is their `userName` or an e-mail address; it is compared with those of the directories'
/// people.
const CANDIDATES: &str = "\
WITH input AS (SELECT {} AS tenant, {} AS local_id, {} AS user_id, {} AS declined),
address AS (
    SELECT l.tenant_id, l.id AS local_id, l.doc->>'userName' AS local_name, a.address
    FROM input
    JOIN directory home ON home.tenant_id = input.tenant AND home.kind = 'local'
    JOIN users l ON l.tenant_id = home.tenant_id AND l.directory_id = home.id
        AND (input.local_id IS NULL OR l.id = input.local_id)
    CROSS JOIN LATERAL (
        SELECT l.user_name_key AS address
        UNION SELECT e.value_key FROM user_email e WHERE e.tenant_id = l.tenant_id AND e.user_id = l.id
    ) a
    JOIN email_domain v ON v.tenant_id = l.tenant_id AND v.verified_at IS NOT NULL
        AND v.name = substring(a.address from '@([^@]+)$')
),
pair AS (
    SELECT a.tenant_id, a.local_id, a.local_name, a.address, u.id AS user_id
    FROM address a
    JOIN directory d ON d.tenant_id = a.tenant_id AND d.kind = 'scim'
    JOIN users u ON u.tenant_id = d.tenant_id AND u.directory_id = d.id AND u.user_name_key = a.address
    UNION
    SELECT a.tenant_id, a.local_id, a.local_name, a.address, e.user_id
    FROM address a
    JOIN user_email e ON e.tenant_id = a.tenant_id AND e.value_key = a.address
)
SELECT p.local_id, p.local_name, p.user_id, u.doc->>'userName' AS user_name, d.slug AS directory,
    min(p.address) AS address, x.declined_at
FROM input
JOIN pair p ON p.tenant_id = input.tenant AND (input.user_id IS NULL OR p.user_id = input.user_id)
JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
JOIN directory d ON d.tenant_id = u.tenant_id AND d.id = u.directory_id AND d.kind = 'scim'
LEFT JOIN adoption_declined x ON x.tenant_id = p.tenant_id AND x.local_id = p.local_id AND x.user_id = p.user_id
WHERE input.declined IS NULL OR input.declined = (x.declined_at IS NOT NULL)
GROUP BY p.local_id, p.local_name, p.user_id, u.doc, d.slug, x.declined_at
ORDER BY p.local_id, p.user_id
OFFSET {} LIMIT {}";

/// Local people who may be directories' people, by id.
pub async fn candidates(tx: &mut impl Reads, which: Which) -> Result<Vec<CandidateRow>, StoreError> {
    let (pair, declined, slice) = match which {
        Which::All { declined, slice } => (None, Some(declined), slice),
        Which::Pair { local, user } => (Some((local, user)), None, Slice { offset: 0, limit: 1 }),
    };
    let ask = statement(CANDIDATES)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<Nullable<SqlUuid>, _>(pair.map(|(local, _)| local.as_uuid()))
        .bind::<Nullable<SqlUuid>, _>(pair.map(|(_, user)| user.as_uuid()))
        .bind::<Nullable<Bool>, _>(declined)
        .bind::<BigInt, _>(slice.offset)
        .bind::<BigInt, _>(slice.limit);
    tx.connection().0.load(ask).await
}

/// Remembers that two are two.
pub async fn decline(
    tx: &mut WriteTx,
    local: UserId,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(adoption_declined::table)
        .values((
            adoption_declined::tenant_id.eq(tenant),
            adoption_declined::local_id.eq(local.as_uuid()),
            adoption_declined::user_id.eq(user.as_uuid()),
            adoption_declined::declined_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct OfDirectory {
    #[diesel(sql_type = SqlUuid)]
    directory_id: Uuid,
}

/// Locks two people in the order of ids, and returns the directory of the second.
pub async fn lock_pair(
    tx: &mut WriteTx,
    local: UserId,
    user: UserId,
) -> Result<Option<DirectoryId>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let ids: Vec<Uuid> = vec![local.as_uuid(), user.as_uuid()];
    let lock = statement(
        "SELECT directory_id FROM users WHERE tenant_id = {} AND id = ANY({}) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids);
    let of = statement("SELECT directory_id FROM users WHERE tenant_id = {} AND id = {}")
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(user.as_uuid());
    let (both, mut of) = tx.load_both::<OfDirectory, OfDirectory>(lock, of).await?;
    let both = both.len() == 2;
    Ok(of.pop().filter(|_| both).map(|row| DirectoryId::from_uuid(row.directory_id)))
}
