//! Claims to domains of e-mail addresses. Knows that one tenant at a time has verified a domain; does not know DNS.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::email_domain::EmailDomain;

use crate::error::StoreError;
use crate::schema::email_domain;
use crate::tx::{Reads, WriteTx};

/// A claim as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = email_domain)]
pub struct DomainRow {
    /// The domain.
    pub name: String,
    /// What its TXT record must say.
    pub challenge: String,
    /// When it was claimed.
    pub claimed_at: DateTime<Utc>,
    /// Since when it is verified, if it is.
    pub verified_at: Option<DateTime<Utc>>,
    /// When DNS was asked last.
    pub checked_at: Option<DateTime<Utc>>,
    /// Since when the record of a verified domain is not found.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it last ceased to be verified.
    pub lapsed_at: Option<DateTime<Utc>>,
}

/// Claims a domain. Returns whether it was not claimed by this tenant before.
pub async fn claim(
    tx: &mut WriteTx,
    domain: &EmailDomain,
    challenge: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let added = diesel::insert_into(email_domain::table)
        .values((
            email_domain::tenant_id.eq(tenant),
            email_domain::name.eq(domain.as_str()),
            email_domain::challenge.eq(challenge),
            email_domain::claimed_at.eq(now),
        ))
        .on_conflict((email_domain::tenant_id, email_domain::name))
        .do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(added == 1)
}

/// The tenant's claims, by name.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<DomainRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(email_domain::table
        .filter(email_domain::tenant_id.eq(tenant))
        .order(email_domain::name)
        .select(DomainRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The tenant's claim to a domain.
pub async fn find(tx: &mut impl Reads, domain: &EmailDomain) -> Result<Option<DomainRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(email_domain::table
        .filter(email_domain::tenant_id.eq(tenant).and(email_domain::name.eq(domain.as_str())))
        .select(DomainRow::as_select())
        .first(tx.connection().0.conn().await?)
        .await
        .optional()?)
}

/// The same, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, domain: &EmailDomain) -> Result<Option<DomainRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(email_domain::table
        .filter(email_domain::tenant_id.eq(tenant).and(email_domain::name.eq(domain.as_str())))
        .select(DomainRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Writes what DNS said of a locked claim. That another tenant has verified the domain is a conflict.
pub async fn note(tx: &mut WriteTx, row: &DomainRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(
        email_domain::table.filter(email_domain::tenant_id.eq(tenant).and(email_domain::name.eq(&row.name))),
    )
    .set((
        email_domain::verified_at.eq(row.verified_at),
        email_domain::checked_at.eq(row.checked_at),
        email_domain::failing_since.eq(row.failing_since),
        email_domain::lapsed_at.eq(row.lapsed_at),
    ))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}

/// Gives a claim up. Returns whether there was one.
pub async fn release(tx: &mut WriteTx, domain: &EmailDomain) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let gone = diesel::delete(
        email_domain::table
            .filter(email_domain::tenant_id.eq(tenant).and(email_domain::name.eq(domain.as_str()))),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(gone == 1)
}

/// Whether the domain of an e-mail address is one that the tenant has verified.
pub async fn speaks_for(tx: &mut impl Reads, address: &str) -> Result<bool, StoreError> {
    let domain = address.rsplit_once('@').and_then(|(_, domain)| EmailDomain::parse(domain).ok());
    Ok(match domain {
        Some(domain) => find(tx, &domain).await?.is_some_and(|claim| claim.verified_at.is_some()),
        None => false,
    })
}
