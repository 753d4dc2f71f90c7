//! The RSA keys of a tenant's provider for apps. Knows one row a period; does not know how a key is sealed, or what it signs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::StoreError;
use crate::schema::app_rsa_key;
use crate::tx::{Reads, WriteTx};

/// A key as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = app_rsa_key)]
pub struct AppRsaKeyRow {
    /// In which period it signs.
    pub period: i64,
    /// The private key, sealed.
    pub key_sealed: Vec<u8>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

/// The keys of this period and of later ones, by period.
pub async fn since(tx: &mut impl Reads, period: i64) -> Result<Vec<AppRsaKeyRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app_rsa_key::table
        .filter(app_rsa_key::tenant_id.eq(tenant).and(app_rsa_key::period.ge(period)))
        .order(app_rsa_key::period)
        .select(AppRsaKeyRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Keeps these keys, save where a period has one already.
pub async fn keep(tx: &mut WriteTx, rows: &[AppRsaKeyRow]) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let rows: Vec<_> = rows.iter().map(|row| (app_rsa_key::tenant_id.eq(tenant), row)).collect();
    diesel::insert_into(app_rsa_key::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Forgets the keys of the periods before this one.
pub async fn forget_before(tx: &mut WriteTx, period: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let old = app_rsa_key::tenant_id.eq(tenant).and(app_rsa_key::period.lt(period));
    diesel::delete(app_rsa_key::table.filter(old)).execute(tx.conn().await?).await?;
    Ok(())
}

/// Forgets the key of one period, which nobody can read.
pub async fn forget(tx: &mut WriteTx, row: &AppRsaKeyRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let same = app_rsa_key::tenant_id.eq(tenant).and(app_rsa_key::period.eq(row.period));
    let same = same.and(app_rsa_key::key_sealed.eq(&row.key_sealed));
    diesel::delete(app_rsa_key::table.filter(same)).execute(tx.conn().await?).await?;
    Ok(())
}
