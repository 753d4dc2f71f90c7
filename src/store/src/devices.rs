//! Devices that wait for somebody to let them in (RFC 8628), and how often a person wrote a code that none shows. Knows what can be
//! found by which code; does not know who may let in what.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{AppId, UserId};
use domain::token::TokenHash;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{app_device, app_device_guess};
use crate::tx::{Reads, WriteTx};

/// A device that waits.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = app_device)]
pub struct DeviceRow {
    /// Hash of what the device asks with.
    pub device_hash: Vec<u8>,
    /// Which app is on it.
    pub app_id: Uuid,
    /// What is asked for.
    pub request: Value,
    /// Seconds that it must let pass between two questions.
    pub pause: i32,
    /// When it last asked.
    pub asked_at: Option<DateTime<Utc>>,
    /// Whether somebody said that it is not let in.
    pub is_refused: bool,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// From when on it is not let in any more.
    pub ends_at: DateTime<Utc>,
}

impl DeviceRow {
    /// Which app, typed.
    pub fn app(&self) -> AppId {
        AppId::from_uuid(self.app_id)
    }
}

/// Has a device wait, and forgets those of this tenant that ended before `forget_before`. Whether its user code was free.
pub async fn wait(
    tx: &mut WriteTx,
    row: &DeviceRow,
    user_code: TokenHash,
    forget_before: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let over = app_device::tenant_id.eq(tenant).and(app_device::ends_at.lt(forget_before));
    diesel::delete(app_device::table.filter(over)).execute(tx.conn().await?).await?;
    let added = diesel::insert_into(app_device::table)
        .values((
            app_device::tenant_id.eq(tenant),
            app_device::device_hash.eq(&row.device_hash),
            app_device::user_hash.eq(user_code.as_bytes().to_vec()),
            app_device::app_id.eq(row.app_id),
            app_device::request.eq(&row.request),
            app_device::pause.eq(row.pause),
            app_device::created_at.eq(row.created_at),
            app_device::ends_at.eq(row.ends_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(added == 1)
}

/// The device that shows this user code and can be let in, held until the transaction ends.
pub async fn hold_by_user_code(
    tx: &mut WriteTx,
    code: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<DeviceRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app_device::table
        .filter(app_device::tenant_id.eq(tenant))
        .filter(app_device::user_hash.eq(code.as_bytes().to_vec()))
        .filter(app_device::ends_at.gt(now).and(app_device::is_refused.eq(false)))
        .select(DeviceRow::as_select())
        .for_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// The device that asks with this code, held in the same way.
pub async fn hold(tx: &mut WriteTx, code: TokenHash) -> Result<Option<DeviceRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(app_device::table
        .filter(app_device::tenant_id.eq(tenant))
        .filter(app_device::device_hash.eq(code.as_bytes().to_vec()))
        .select(DeviceRow::as_select())
        .for_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Notes that a device that is held asked now, and how long it must let pass from now on.
pub async fn asked(
    tx: &mut WriteTx,
    row: &DeviceRow,
    pause: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let this = app_device::tenant_id.eq(tenant).and(app_device::device_hash.eq(&row.device_hash));
    diesel::update(app_device::table.filter(this))
        .set((app_device::asked_at.eq(now), app_device::pause.eq(pause)))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// Refuses a device that is held.
pub async fn refuse(tx: &mut WriteTx, row: &DeviceRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let this = app_device::tenant_id.eq(tenant).and(app_device::device_hash.eq(&row.device_hash));
    diesel::update(app_device::table.filter(this))
        .set(app_device::is_refused.eq(true))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// A device that is held waits no more.
pub async fn end(tx: &mut WriteTx, row: &DeviceRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let this = app_device::tenant_id.eq(tenant).and(app_device::device_hash.eq(&row.device_hash));
    diesel::delete(app_device::table.filter(this)).execute(tx.conn().await?).await?;
    Ok(())
}

/// How often somebody wrote a wrong code since this moment. Held until the transaction ends, so that nobody tries several at once.
pub async fn hold_guesses(
    tx: &mut WriteTx,
    user: UserId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<i32, StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(app_device_guess::table)
        .values((
            app_device_guess::tenant_id.eq(tenant),
            app_device_guess::user_id.eq(user.as_uuid()),
            app_device_guess::since.eq(now),
            app_device_guess::guesses.eq(0),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    let theirs = app_device_guess::tenant_id.eq(tenant).and(app_device_guess::user_id.eq(user.as_uuid()));
    let (began, guesses): (DateTime<Utc>, i32) = app_device_guess::table
        .filter(theirs)
        .select((app_device_guess::since, app_device_guess::guesses))
        .for_update()
        .first(tx.conn().await?)
        .await?;
    if began >= since {
        return Ok(guesses);
    }
    diesel::update(app_device_guess::table.filter(theirs))
        .set((app_device_guess::since.eq(now), app_device_guess::guesses.eq(0)))
        .execute(tx.conn().await?)
        .await?;
    Ok(0)
}

/// Somebody whose guesses are held wrote a wrong code.
pub async fn guessed(tx: &mut WriteTx, user: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let theirs = app_device_guess::tenant_id.eq(tenant).and(app_device_guess::user_id.eq(user.as_uuid()));
    diesel::update(app_device_guess::table.filter(theirs))
        .set(app_device_guess::guesses.eq(app_device_guess::guesses + 1))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}
