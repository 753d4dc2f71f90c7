//! Apps of the product, their secrets, and the assertions that they spent. Knows rows; does not know what an app may ask for.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::audit::Actor;
use domain::id::{AppId, RequestId, TenantId};
use domain::token::TokenHash;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::schema::{app, app_assertion, app_secret};
use crate::scope::Scope;
use crate::tx::{Reads, WriteTx};

/// An app as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = app, treat_none_as_null = true)]
pub struct AppRow {
    /// Id, which is its public name, too.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// How it proves that it is itself: `secret`, `privateKey` or `none`.
    pub proof: String,
    /// What the provider's code reads.
    pub settings: Value,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last proved that it is itself.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl AppRow {
    /// The id, typed.
    pub fn app_id(&self) -> AppId {
        AppId::from_uuid(self.id)
    }
}

/// A secret of an app.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = app_secret)]
pub struct SecretRow {
    /// Whose.
    pub app_id: Uuid,
    /// Its hash.
    pub secret_hash: Vec<u8>,
    /// Its last characters.
    pub hint: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub ends_at: Option<DateTime<Utc>>,
}

impl SecretRow {
    /// Whether it is good now.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_none_or(|end| end > now)
    }

    /// Whether this is the secret. Hashes are compared, so the time that it takes tells nothing of the secret.
    pub fn is(&self, secret: &str) -> bool {
        self.secret_hash == TokenHash::of(secret).as_bytes()
    }
}

impl Db {
    /// What an app may act as that has proved that it is itself.
    pub fn enter_as_app(&self, tenant: TenantId, app: AppId, request: RequestId) -> Scope {
        Scope::new(tenant, Actor::App { app }, request)
    }
}

/// Adds an app.
pub async fn create(tx: &mut WriteTx, row: &AppRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(app::table)
        .values((app::tenant_id.eq(tenant), row))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<AppRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app::table
        .filter(app::tenant_id.eq(tenant))
        .order(app::id)
        .select(AppRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// One of them.
pub async fn find(tx: &mut impl Reads, id: AppId) -> Result<Option<AppRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app::table
        .filter(app::tenant_id.eq(tenant).and(app::id.eq(id.as_uuid())))
        .select(AppRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// One of them, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, id: AppId) -> Result<Option<AppRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app::table
        .filter(app::tenant_id.eq(tenant).and(app::id.eq(id.as_uuid())))
        .select(AppRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Writes an app that the transaction has locked.
pub async fn update(tx: &mut WriteTx, row: &AppRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(app::table.filter(app::tenant_id.eq(tenant).and(app::id.eq(row.id))))
        .set(row)
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Deletes an app, and with it every code and token that it had. Returns whether it was there.
pub async fn delete(tx: &mut WriteTx, id: AppId) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let deleted = diesel::delete(app::table.filter(app::tenant_id.eq(tenant).and(app::id.eq(id.as_uuid()))))
        .execute(tx.conn().await?)
        .await?;
    Ok(deleted == 1)
}

/// The secrets of an app, or of all, newest first.
pub async fn secrets(tx: &mut impl Reads, of: Option<AppId>) -> Result<Vec<SecretRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let mut query = app_secret::table.filter(app_secret::tenant_id.eq(tenant)).into_boxed();
    if let Some(id) = of {
        query = query.filter(app_secret::app_id.eq(id.as_uuid()));
    }
    Ok(query
        .order((app_secret::created_at.desc(), app_secret::secret_hash))
        .select(SecretRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Gives a locked app a secret. Of those that it has, the newest is good until `until`, and the others are forgotten.
pub async fn add_secret(tx: &mut WriteTx, new: &SecretRow, until: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let had = secrets(tx, Some(AppId::from_uuid(new.app_id))).await?;
    for (n, old) in had.iter().enumerate() {
        let one = app_secret::tenant_id.eq(tenant).and(app_secret::app_id.eq(old.app_id));
        let one = one.and(app_secret::secret_hash.eq(&old.secret_hash));
        let keeps = n == 0 && until > new.created_at && old.is_live(new.created_at);
        if keeps {
            let end = old.ends_at.map_or(until, |end| end.min(until));
            diesel::update(app_secret::table.filter(one))
                .set(app_secret::ends_at.eq(end))
                .execute(tx.conn().await?)
                .await?;
        } else {
            diesel::delete(app_secret::table.filter(one)).execute(tx.conn().await?).await?;
        }
    }
    diesel::insert_into(app_secret::table)
        .values((
            app_secret::tenant_id.eq(tenant),
            app_secret::app_id.eq(new.app_id),
            app_secret::secret_hash.eq(&new.secret_hash),
            app_secret::hint.eq(&new.hint),
            app_secret::created_at.eq(new.created_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Notes that an app has proved that it is itself.
pub async fn note_used(tx: &mut WriteTx, id: AppId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(app::table.filter(app::tenant_id.eq(tenant).and(app::id.eq(id.as_uuid()))))
        .set(app::last_used_at.eq(now))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Spends an assertion, and forgets those of this tenant that have expired. Returns whether it was not spent before, by
/// whichever process.
pub async fn spend(
    tx: &mut WriteTx,
    id: AppId,
    jti: TokenHash,
    forget_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let over = app_assertion::tenant_id.eq(tenant).and(app_assertion::forget_at.lt(now));
    diesel::delete(app_assertion::table.filter(over)).execute(tx.conn().await?).await?;
    let added = diesel::insert_into(app_assertion::table)
        .values((
            app_assertion::tenant_id.eq(tenant),
            app_assertion::app_id.eq(id.as_uuid()),
            app_assertion::jti_hash.eq(jti.as_bytes().to_vec()),
            app_assertion::forget_at.eq(forget_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(added == 1)
}
