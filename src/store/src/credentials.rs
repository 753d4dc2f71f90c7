//! Bearer credentials of directories and of a tenant's administrators. Only hashes are kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::audit::Actor;
use domain::id::{CredentialId, DirectoryId, RequestId, TenantId};
use domain::token::{CredentialScope, PlainToken, TokenHash};
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::schema::{credential, directory, tenant};
use crate::scope::{AdminScope, DirectoryScope, Scope};
use crate::statement::{Statement, statement};
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
    /// `read` or `write`.
    pub scope: String,
    /// `token`, `access` or `issuer`.
    pub form: String,
    /// The client that fetched it, for form `access`.
    pub client_id: Option<Uuid>,
}

impl CredentialRow {
    /// Whether it can be used.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
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

/// The last use of a credential is known to the minute.
pub(crate) const USE_IS_NOTED_EVERY: Duration = Duration::minutes(1);

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
        let hash = token.hash();
        if let Some(shown) = self.known.get(&hash, now) {
            return shown.opens(tenant, request).map(Some);
        }
        let mut tx = ReadTx::open(self, tenant, None).await?;
        let found: Option<(CredentialRow, String)> = credential::table
            .inner_join(tenant::table.on(tenant::id.eq(credential::tenant_id)))
            .filter(credential::tenant_id.eq(tenant.as_uuid()))
            .filter(credential::token_hash.eq(hash.as_bytes().to_vec()))
            .filter(credential::form.ne("issuer"))
            .select((CredentialRow::as_select(), tenant::slug))
            .first(tx.connection().0.conn().await?)
            .await
            .optional()?;
        tx.finish().await?;
        let Some((row, slug)) = found.filter(|(row, _)| row.is_live(now)) else { return Ok(None) };
        let shown = Shown { row, slug: slug.into() };
        let opened = shown.opens(tenant, request)?;
        self.note_use_of(&opened, shown.row.id, shown.row.last_used_at, now).await?;
        self.known.put(hash, shown, now);
        Ok(Some(opened))
    }

    /// Notes a use, if none was noted in the last minute.
    pub(crate) async fn note_use_of(
        &self,
        opened: &Opened,
        id: Uuid,
        last: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if last.is_some_and(|last| now - last < USE_IS_NOTED_EVERY) {
            return Ok(());
        }
        let scope = opened.scope();
        let mut tx = self.begin(scope).await?;
        diesel::update(
            credential::table
                .filter(credential::tenant_id.eq(scope.tenant().as_uuid()).and(credential::id.eq(id))),
        )
        .set(credential::last_used_at.eq(now))
        .execute(tx.conn().await?)
        .await?;
        tx.commit_trace_of_use().await
    }
}

/// A credential that was shown, and the slug of its tenant.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) row: CredentialRow,
    pub(crate) slug: Arc<str>,
}

/// Credentials that were looked up in the last minute: whose they are, which never changes. Whether one is still good is
/// asked by each transaction that stands on it, in the flight that begins the transaction, so nothing is trusted from
/// here.
#[derive(Default)]
pub(crate) struct Known(RwLock<HashMap<TokenHash, (DateTime<Utc>, Shown)>>);

/// Beyond this many the memory starts anew rather than grow without end.
const MOST_KNOWN: usize = 10_000;

impl Known {
    fn get(&self, hash: &TokenHash, now: DateTime<Utc>) -> Option<Shown> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).filter(|(since, _)| now - *since < USE_IS_NOTED_EVERY).map(|(_, shown)| shown.clone())
    }

    fn put(&self, hash: TokenHash, shown: Shown, now: DateTime<Utc>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(hash, (now, shown));
    }
}

const STILL_GOOD: &str = "\
SELECT id FROM credential WHERE tenant_id = {} AND id = {} AND revoked_at IS NULL \
AND (expires_at IS NULL OR expires_at > now())";

#[derive(QueryableByName)]
struct Good {
    #[diesel(sql_type = SqlUuid)]
    #[expect(dead_code, reason = "that there is a row is the answer")]
    id: Uuid,
}

/// The question whether the credential that a scope stands on is still good; a scope that stands on none always is.
pub(crate) fn still_good(scope: &Scope) -> Option<Statement<'static>> {
    let credential = scope.credential()?;
    let tenant = scope.tenant().as_uuid();
    Some(statement(STILL_GOOD).bind::<SqlUuid, _>(tenant).bind::<SqlUuid, _>(credential.as_uuid()))
}

/// The answer to [`still_good`].
pub(crate) async fn is_good(
    question: &Statement<'static>,
    mut conn: &AsyncPgConnection,
) -> QueryResult<bool> {
    let found: Vec<Good> = question.load(&mut conn).await?;
    Ok(!found.is_empty())
}

impl Shown {
    pub(crate) fn opens(&self, tenant: TenantId, request: RequestId) -> Result<Opened, StoreError> {
        let credential = CredentialId::from_uuid(self.row.id);
        let may =
            CredentialScope::parse(&self.row.scope).ok_or_else(|| StoreError::corrupt("credential.scope"))?;
        let Some(directory) = self.row.directory_id.map(DirectoryId::from_uuid) else {
            let scope = Scope::new(tenant, Actor::Admin { credential }, request).standing_on(credential);
            return Ok(Opened::Tenant(AdminScope::new(scope, may)));
        };
        // An access token is forgotten; the client that fetched it stays.
        let lasting = self.row.client_id.map_or(credential, CredentialId::from_uuid);
        let actor = Actor::Directory { directory, credential: lasting };
        let scope = Scope::new(tenant, actor, request).standing_on(credential);
        let slug = Arc::clone(&self.slug);
        Ok(Opened::Directory(DirectoryScope::new(scope, (directory, credential), may, slug)))
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
            credential::scope.eq(&row.scope),
            credential::form.eq(&row.form),
            credential::client_id.eq(row.client_id),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// How many tokens of a directory can be used now. Locks the directory, so that two issued at once are counted.
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
        .first(tx.conn().await?)
        .await?;
    Ok(credential::table
        .filter(credential::tenant_id.eq(tenant).and(credential::directory_id.eq(of.as_uuid())))
        .filter(credential::form.eq("token").and(credential::revoked_at.is_null()))
        .filter(credential::expires_at.is_null().or(credential::expires_at.gt(now)))
        .count()
        .get_result(tx.conn().await?)
        .await?)
}

/// All tokens, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<CredentialRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(credential::table
        .filter(credential::tenant_id.eq(tenant).and(credential::form.eq("token")))
        .order(credential::id)
        .select(CredentialRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// The token with this id, locked until the transaction ends.
pub async fn lock(tx: &mut WriteTx, id: CredentialId) -> Result<Option<CredentialRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(credential::table
        .filter(credential::tenant_id.eq(tenant).and(credential::id.eq(id.as_uuid())))
        .filter(credential::form.eq("token"))
        .select(CredentialRow::as_select())
        .for_no_key_update()
        .first(tx.conn().await?)
        .await
        .optional()?)
}

/// Sets the end of a credential.
pub async fn expire(tx: &mut WriteTx, id: CredentialId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::update(
        credential::table.filter(credential::tenant_id.eq(tenant).and(credential::id.eq(id.as_uuid()))),
    )
    .set(credential::expires_at.eq(at))
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}

/// Takes a token back. Returns whether there was one to take.
pub async fn revoke(tx: &mut WriteTx, id: CredentialId, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let changed = diesel::update(
        credential::table
            .filter(credential::tenant_id.eq(tenant).and(credential::id.eq(id.as_uuid())))
            .filter(credential::form.eq("token").and(credential::revoked_at.is_null())),
    )
    .set(credential::revoked_at.eq(at))
    .execute(tx.conn().await?)
    .await?;
    Ok(changed == 1)
}
