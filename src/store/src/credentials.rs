//! Bearer credentials of directories and of a tenant's administrators. Only hashes are kept.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::audit::Actor;
use domain::id::{CredentialId, DirectoryId, RequestId, TenantId};
use domain::token::{PlainToken, TokenHash};
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::schema::{credential, directory};
use crate::scope::{AdminScope, DirectoryScope, Scope};
use crate::tx::{ReadTx, Reads, WriteTx};

/// A credential as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = credential)]
pub struct CredentialRow {
    /// Id.
    pub id: Uuid,
    /// `scim` or `admin`.
    pub kind: String,
    /// Whose, for kind `scim`.
    pub directory_id: Option<Uuid>,
    /// Its prefix and last characters, to recognise it by.
    pub hint: String,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// When it stops to work.
    pub expires_at: Option<DateTime<Utc>>,
    /// When somebody took it back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last shown (to the minute).
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What a valid credential opens.
#[derive(Debug, Clone)]
pub enum Opened {
    /// One directory of the tenant.
    Directory(DirectoryScope),
    /// The tenant's administration.
    Tenant(AdminScope),
}

impl Opened {
    /// The tenant-wide scope behind it.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Directory(directory) => directory.scope(),
            Self::Tenant(admin) => admin.scope(),
        }
    }
}

const USE_IS_NOTED_EVERY: Duration = Duration::minutes(1);

impl Db {
    /// What this token opens, if anything. The token names its tenant, and the hash is looked up inside that tenant:
    /// a token with another tenant's name in it finds nothing.
    pub async fn authenticate(
        &self,
        token: &PlainToken,
        request: RequestId,
        now: DateTime<Utc>,
    ) -> Result<Option<Opened>, StoreError> {
        let Some(tenant) = token.tenant() else { return Ok(None) };
        let mut tx = ReadTx::begin(self, tenant).await?;
        let found: Option<CredentialRow> = credential::table
            .filter(credential::tenant_id.eq(tenant.as_uuid()))
            .filter(credential::token_hash.eq(token.hash().as_bytes().to_vec()))
            .select(CredentialRow::as_select())
            .first(tx.connection().0.conn())
            .await
            .optional()?;
        tx.finish().await?;
        let Some(row) = found else { return Ok(None) };
        if row.revoked_at.is_some() || row.expires_at.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        let opened = opened(tenant, &row, request);
        if row.last_used_at.is_none_or(|last| now - last >= USE_IS_NOTED_EVERY) {
            self.note_use(&opened, row.id, now).await?;
        }
        Ok(Some(opened))
    }

    async fn note_use(&self, opened: &Opened, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        let scope = opened.scope();
        let mut tx = self.begin(scope).await?;
        diesel::update(
            credential::table
                .filter(credential::tenant_id.eq(scope.tenant().as_uuid()).and(credential::id.eq(id))),
        )
        .set(credential::last_used_at.eq(now))
        .execute(tx.conn())
        .await?;
        tx.commit_trace_of_use().await
    }
}

fn opened(tenant: TenantId, row: &CredentialRow, request: RequestId) -> Opened {
    let credential = CredentialId::from_uuid(row.id);
    match row.directory_id.map(DirectoryId::from_uuid) {
        Some(directory) => {
            let actor = Actor::Directory { directory, credential };
            Opened::Directory(DirectoryScope::new(Scope::new(tenant, actor, request), directory, credential))
        }
        None => Opened::Tenant(AdminScope::new(Scope::new(tenant, Actor::Admin { credential }, request))),
    }
}

/// Keeps the hash of a new credential.
pub async fn add(tx: &mut WriteTx, row: &CredentialRow, hash: TokenHash) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(credential::table)
        .values((
            credential::tenant_id.eq(tenant),
            credential::id.eq(row.id),
            credential::kind.eq(&row.kind),
            credential::directory_id.eq(row.directory_id),
            credential::token_hash.eq(hash.as_bytes().to_vec()),
            credential::hint.eq(&row.hint),
            credential::created_at.eq(row.created_at),
            credential::expires_at.eq(row.expires_at),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How many credentials of a directory can be used now. Locks the directory, so that two issued at once are counted.
pub async fn live_of_directory(
    tx: &mut WriteTx,
    of: DirectoryId,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let _: Uuid = directory::table
        .filter(directory::tenant_id.eq(tenant).and(directory::id.eq(of.as_uuid())))
        .select(directory::id)
        .for_no_key_update()
        .first(tx.conn())
        .await?;
    Ok(credential::table
        .filter(credential::tenant_id.eq(tenant).and(credential::directory_id.eq(of.as_uuid())))
        .filter(credential::revoked_at.is_null())
        .filter(credential::expires_at.is_null().or(credential::expires_at.gt(now)))
        .count()
        .get_result(tx.conn())
        .await?)
}

/// All of them, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<CredentialRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(credential::table
        .filter(credential::tenant_id.eq(tenant))
        .order(credential::id)
        .select(CredentialRow::as_select())
        .load(tx.connection().0.conn())
        .await?)
}

/// Takes a credential back. Returns whether there was one to take.
pub async fn revoke(tx: &mut WriteTx, id: CredentialId, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let changed = diesel::update(
        credential::table
            .filter(credential::tenant_id.eq(tenant).and(credential::id.eq(id.as_uuid())))
            .filter(credential::revoked_at.is_null()),
    )
    .set(credential::revoked_at.eq(at))
    .execute(tx.conn())
    .await?;
    Ok(changed == 1)
}
