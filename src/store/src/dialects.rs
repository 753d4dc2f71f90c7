//! How directories' clients speak: what was said of it, what was recognised, and which leniencies were needed how often.
//! Knows names as text; does not know what they grant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use domain::id::DirectoryId;

use crate::error::StoreError;
use crate::schema::{directory, leniency_use};
use crate::tx::{Reads, WriteTx};

/// The dialect of a directory as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = directory)]
pub struct DialectRow {
    /// `auto`, or a dialect.
    pub dialect: String,
    /// When an administrator last set it.
    pub dialect_set_at: DateTime<Utc>,
    /// What was recognised, where it is `auto`.
    pub detected_dialect: Option<String>,
    /// `client` by what it calls itself, `requests` by how it speaks.
    pub detected_by: Option<String>,
    /// When.
    pub detected_at: Option<DateTime<Utc>>,
}

/// How often a leniency was needed.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = leniency_use)]
pub struct UseRow {
    /// Which.
    pub leniency: String,
    /// How many requests needed it since the dialect was set.
    pub uses: i64,
    /// When the last of them came.
    pub last_used_at: DateTime<Utc>,
}

/// The dialect of a directory.
pub async fn of(tx: &mut impl Reads, id: DirectoryId) -> Result<Option<DialectRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::id.eq(id.as_uuid())))
        .select(DialectRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// Sets a directory's dialect, and forgets what was recognised and counted under the one before.
pub async fn set(
    tx: &mut WriteTx,
    id: DirectoryId,
    dialect: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let nothing = (
        directory::detected_dialect.eq(None::<String>),
        directory::detected_by.eq(None::<String>),
        directory::detected_at.eq(None::<DateTime<Utc>>),
    );
    diesel::update(
        directory::table.filter(directory::tenant_id.eq(tenant).and(directory::id.eq(id.as_uuid()))),
    )
    .set((directory::dialect.eq(dialect), directory::dialect_set_at.eq(at), nothing))
    .execute(tx.conn().await?)
    .await?;
    let uses = leniency_use::tenant_id.eq(tenant).and(leniency_use::directory_id.eq(id.as_uuid()));
    diesel::delete(leniency_use::table.filter(uses)).execute(tx.conn().await?).await?;
    Ok(())
}

/// Keeps what was recognised, if the dialect is still the one set at `set_at`, to be recognised, and not known by name
/// already. Returns whether it was kept.
pub async fn detect(
    tx: &mut WriteTx,
    id: DirectoryId,
    set_at: DateTime<Utc>,
    (dialect, by): (&str, &str),
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    // A name outweighs a guess; nothing outweighs a name.
    let outweighed = if by == "client" { "requests" } else { "" };
    let changed = diesel::update(
        directory::table
            .filter(directory::tenant_id.eq(tenant).and(directory::id.eq(id.as_uuid())))
            .filter(directory::dialect.eq("auto").and(directory::dialect_set_at.eq(set_at)))
            .filter(
                directory::detected_by.is_null().or(directory::detected_by.assume_not_null().eq(outweighed)),
            ),
    )
    .set((
        directory::detected_dialect.eq(dialect),
        directory::detected_by.eq(by),
        directory::detected_at.eq(at),
    ))
    .execute(tx.conn().await?)
    .await?;
    Ok(changed == 1)
}

/// Every leniency that a directory needed, by name.
pub async fn uses(tx: &mut impl Reads, id: DirectoryId) -> Result<Vec<UseRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(leniency_use::table
        .filter(leniency_use::tenant_id.eq(tenant).and(leniency_use::directory_id.eq(id.as_uuid())))
        .order(leniency_use::leniency)
        .select(UseRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Adds to what was counted.
pub async fn count(tx: &mut WriteTx, id: DirectoryId, more: &[UseRow]) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    // One at a time and in the order of names: two processes that count at once wait for each other.
    for row in more {
        let new = (
            leniency_use::tenant_id.eq(tenant),
            leniency_use::directory_id.eq(id.as_uuid()),
            leniency_use::leniency.eq(&row.leniency),
            leniency_use::uses.eq(row.uses),
            leniency_use::last_used_at.eq(row.last_used_at),
        );
        diesel::insert_into(leniency_use::table)
            .values(new)
            .on_conflict((leniency_use::tenant_id, leniency_use::directory_id, leniency_use::leniency))
            .do_update()
            .set((
                leniency_use::uses.eq(leniency_use::uses + excluded(leniency_use::uses)),
                leniency_use::last_used_at.eq(excluded(leniency_use::last_used_at)),
            ))
            .execute(tx.conn().await?)
            .await?;
    }
    Ok(())
}
