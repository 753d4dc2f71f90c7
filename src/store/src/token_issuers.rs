//! Whose access tokens directories believe. Each is a credential that no token of ours opens: it is listed, ended and noted
//! as used like the others.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::id::{CredentialId, RequestId};
use uuid::Uuid;

use crate::credentials::{CredentialRow, Opened, Shown};
use crate::db::Db;
use crate::error::StoreError;
use crate::schema::{credential, token_issuer};
use crate::tx::{ReadTx, Reads, WriteTx};

/// What the claims of an issuer's tokens must say.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = token_issuer)]
pub struct TrustRow {
    /// The credential that it is.
    pub credential_id: Uuid,
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `tid`.
    pub entra_tenant: String,
    /// `appid`.
    pub application: String,
}

/// A trusted issuer, and what its tokens open.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// What the claims must say.
    pub trust: TrustRow,
    /// What is opened if they do.
    pub opens: Opened,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Db {
    /// The live issuers of the tenant that a slug names whose tokens say this.
    pub async fn trusted_issuers(
        &self,
        slug: &str,
        (issuer, audience): (&str, &str),
        request: RequestId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Trusted>, StoreError> {
        let Some(found) = self.tenant_by_slug(slug).await? else { return Ok(Vec::new()) };
        let tenant = found.tenant_id();
        let mut tx = ReadTx::open(self, tenant, None).await?;
        let rows: Vec<(TrustRow, CredentialRow)> = token_issuer::table
            .inner_join(
                credential::table.on(credential::tenant_id
                    .eq(token_issuer::tenant_id)
                    .and(credential::id.eq(token_issuer::credential_id))),
            )
            .filter(token_issuer::tenant_id.eq(tenant.as_uuid()))
            .filter(token_issuer::issuer.eq(issuer).and(token_issuer::audience.eq(audience)))
            .select((TrustRow::as_select(), CredentialRow::as_select()))
            .load(tx.connection().0.conn().await?)
            .await?;
        tx.finish().await?;
        let slug: Arc<str> = slug.into();
        let live = rows.into_iter().filter(|(_, row)| row.is_live(now));
        live.map(|(trust, row)| {
            let last_used_at = row.last_used_at;
            let opens = Shown { row, slug: Arc::clone(&slug) }.opens(tenant, request)?;
            Ok(Trusted { trust, opens, last_used_at })
        })
        .collect()
    }

    /// Notes that an issuer's token was shown, once a minute.
    pub async fn note_issuer(&self, trusted: &Trusted, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.note_use_of(&trusted.opens, trusted.trust.credential_id, trusted.last_used_at, now).await
    }
}

/// Adds the trust of a credential.
pub async fn add(tx: &mut WriteTx, row: &TrustRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(token_issuer::table)
        .values((
            token_issuer::tenant_id.eq(tenant),
            token_issuer::credential_id.eq(row.credential_id),
            token_issuer::issuer.eq(&row.issuer),
            token_issuer::audience.eq(&row.audience),
            token_issuer::entra_tenant.eq(&row.entra_tenant),
            token_issuer::application.eq(&row.application),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<(TrustRow, CredentialRow)>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(token_issuer::table
        .inner_join(
            credential::table.on(credential::tenant_id
                .eq(token_issuer::tenant_id)
                .and(credential::id.eq(token_issuer::credential_id))),
        )
        .filter(token_issuer::tenant_id.eq(tenant))
        .order(credential::id)
        .select((TrustRow::as_select(), CredentialRow::as_select()))
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Ends a trust. Returns whether there was one to end.
pub async fn revoke(tx: &mut WriteTx, id: CredentialId, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let changed = diesel::update(
        credential::table
            .filter(credential::tenant_id.eq(tenant).and(credential::id.eq(id.as_uuid())))
            .filter(credential::form.eq("issuer").and(credential::revoked_at.is_null())),
    )
    .set(credential::revoked_at.eq(at))
    .execute(tx.conn().await?)
    .await?;
    Ok(changed == 1)
}
