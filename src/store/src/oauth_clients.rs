//! OAuth clients of directories, and the assertions that they spent.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use domain::audit::Actor;
use domain::id::{CredentialId, DirectoryId, OAuthClientId, RequestId};
use domain::oauth::ClientName;
use domain::token::TokenHash;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::schema::{credential, oauth_client, spent_assertion};
use crate::scope::Scope;
use crate::tx::{ReadTx, Reads, WriteTx};

/// A client as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = oauth_client)]
pub struct ClientRow {
    /// Id.
    pub id: Uuid,
    /// Its directory.
    pub directory_id: Uuid,
    /// Display name.
    pub name: String,
    /// `read` or `write`.
    pub scope: String,
    /// Hash of its secret, if it has one.
    pub secret_hash: Option<Vec<u8>>,
    /// Prefix and last characters of its secret.
    pub hint: Option<String>,
    /// The keys that it gave us.
    pub jwks: Option<Value>,
    /// Where it publishes its keys.
    pub jwks_uri: Option<String>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When somebody took it back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it last fetched a token.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ClientRow {
    /// The id, typed.
    pub fn client_id(&self) -> OAuthClientId {
        OAuthClientId::from_uuid(self.id)
    }

    /// Its directory, typed.
    pub fn directory(&self) -> DirectoryId {
        DirectoryId::from_uuid(self.directory_id)
    }

    /// Whether this is its secret. Hashes are compared, so the time that it takes tells nothing of the secret.
    pub fn has_secret(&self, secret: &str) -> bool {
        self.secret_hash.as_deref() == Some(TokenHash::of(secret).as_bytes().as_slice())
    }
}

impl Db {
    /// The live client that a name means, and the scope in which it may fetch a token once it has proved that it is itself.
    pub async fn claimed_client(
        &self,
        name: ClientName,
        request: RequestId,
    ) -> Result<Option<(Scope, ClientRow)>, StoreError> {
        let mut tx = ReadTx::open(self, name.tenant, None).await?;
        let found: Option<ClientRow> = oauth_client::table
            .filter(oauth_client::tenant_id.eq(name.tenant.as_uuid()))
            .filter(oauth_client::id.eq(name.client.as_uuid()))
            .filter(oauth_client::revoked_at.is_null())
            .select(ClientRow::as_select())
            .first(tx.connection().0.conn().await?)
            .await
            .optional()?;
        tx.finish().await?;
        Ok(found.map(|row| {
            let credential = CredentialId::from_uuid(row.id);
            let actor = Actor::Directory { directory: row.directory(), credential };
            (Scope::new(name.tenant, actor, request), row)
        }))
    }
}

/// Adds a client.
pub async fn create(tx: &mut WriteTx, row: &ClientRow) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(oauth_client::table)
        .values((
            oauth_client::tenant_id.eq(tenant),
            oauth_client::id.eq(row.id),
            oauth_client::directory_id.eq(row.directory_id),
            oauth_client::name.eq(&row.name),
            oauth_client::scope.eq(&row.scope),
            oauth_client::secret_hash.eq(&row.secret_hash),
            oauth_client::hint.eq(&row.hint),
            oauth_client::jwks.eq(&row.jwks),
            oauth_client::jwks_uri.eq(&row.jwks_uri),
            oauth_client::created_at.eq(row.created_at),
        ))
        .execute(tx.conn().await?)
        .await?;
    Ok(())
}

/// All of them, oldest first.
pub async fn all(tx: &mut impl Reads) -> Result<Vec<ClientRow>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    Ok(oauth_client::table
        .filter(oauth_client::tenant_id.eq(tenant))
        .order(oauth_client::id)
        .select(ClientRow::as_select())
        .load(tx.connection().0.conn().await?)
        .await?)
}

/// Notes that a client fetches a token, and holds its row, so that it is either not revoked before the token is there, or
/// revoked and gets none. Returns whether it may.
pub async fn hold(tx: &mut WriteTx, id: OAuthClientId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let changed = diesel::update(
        oauth_client::table
            .filter(oauth_client::tenant_id.eq(tenant).and(oauth_client::id.eq(id.as_uuid())))
            .filter(oauth_client::revoked_at.is_null()),
    )
    .set(oauth_client::last_used_at.eq(now))
    .execute(tx.conn().await?)
    .await?;
    Ok(changed == 1)
}

/// Takes a client back, and every access token that it fetched. Returns whether there was one to take.
pub async fn revoke(tx: &mut WriteTx, id: OAuthClientId, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let changed = diesel::update(
        oauth_client::table
            .filter(oauth_client::tenant_id.eq(tenant).and(oauth_client::id.eq(id.as_uuid())))
            .filter(oauth_client::revoked_at.is_null()),
    )
    .set(oauth_client::revoked_at.eq(at))
    .execute(tx.conn().await?)
    .await?;
    diesel::update(
        credential::table
            .filter(credential::tenant_id.eq(tenant).and(credential::client_id.eq(id.as_uuid())))
            .filter(credential::revoked_at.is_null()),
    )
    .set(credential::revoked_at.eq(at))
    .execute(tx.conn().await?)
    .await?;
    Ok(changed == 1)
}

/// Spends an assertion, and forgets those of this tenant that have expired. Returns whether it was not spent before, by
/// whichever process.
pub async fn spend(
    tx: &mut WriteTx,
    client: OAuthClientId,
    jti: TokenHash,
    forget_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let over = spent_assertion::tenant_id.eq(tenant).and(spent_assertion::forget_at.lt(now));
    diesel::delete(spent_assertion::table.filter(over)).execute(tx.conn().await?).await?;
    let added = diesel::insert_into(spent_assertion::table)
        .values((
            spent_assertion::tenant_id.eq(tenant),
            spent_assertion::client_id.eq(client.as_uuid()),
            spent_assertion::jti_hash.eq(jti.as_bytes().to_vec()),
            spent_assertion::forget_at.eq(forget_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn().await?)
        .await?;
    Ok(added == 1)
}

/// Forgets access tokens of a client that ended before `before`.
pub async fn forget_ended(
    tx: &mut WriteTx,
    client: OAuthClientId,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::delete(
        credential::table
            .filter(credential::tenant_id.eq(tenant).and(credential::client_id.eq(client.as_uuid())))
            .filter(credential::expires_at.lt(before)),
    )
    .execute(tx.conn().await?)
    .await?;
    Ok(())
}
