//! OAuth clients of directories: programs that fetch their own access tokens. A secret is kept as a hash; of keys only the
//! public half is ever seen.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{DirectoryId, OAuthClientId};
use domain::oauth::ClientName;
use domain::token::{CredentialScope, PlainToken, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sso::client_assertion::ClientKeys;
use sso::jose::KeySet;
use store::oauth_clients::{self, ClientRow};
use store::{AdminScope, directories};
use url::Url;
use utoipa::ToSchema;

use crate::App;
use crate::error::{AppError, TokenRefusal};
use crate::tenants::display_name;

/// Members of a JSON Web Key that are nobody's but its owner's (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// An OAuth client to be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOAuthClient {
    /// Slug of the directory that its access tokens open.
    #[schema(example = "entra")]
    pub directory: String,
    /// Display name.
    #[schema(example = "Okta provisioning", min_length = 1, max_length = 200)]
    pub name: String,
    /// What its access tokens may do at most: `read`, or `write`, which includes reading and is the default.
    #[serde(default)]
    #[schema(value_type = String, example = "write")]
    pub scope: CredentialScope,
    /// The public keys that it signs with (`private_key_jwt`), as a JSON Web Key Set. Without keys it gets a secret.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Where it publishes those keys instead.
    #[schema(example = "https://idp.example/jwks")]
    pub jwks_uri: Option<String>,
}

/// How a client proves that it is itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientProof {
    /// By a secret, as `client_secret_basic` or `client_secret_post`.
    ClientSecret,
    /// By a signed assertion (RFC 7523 §2.2).
    PrivateKeyJwt,
}

impl ClientProof {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

/// An OAuth client.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuthClientView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: OAuthClientId,
    /// The name that it shows at the token endpoint.
    pub client_id: String,
    /// The directory that its access tokens open.
    #[schema(value_type = String, format = Uuid)]
    pub directory: DirectoryId,
    /// Display name.
    pub name: String,
    /// What its access tokens may do at most.
    #[schema(value_type = String, example = "write")]
    pub scope: CredentialScope,
    /// How it proves that it is itself.
    pub proof: ClientProof,
    /// Prefix and last characters of its secret.
    pub hint: Option<String>,
    /// Where it publishes its keys.
    pub jwks_uri: Option<String>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it last fetched an access token.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// An OAuth client that was just created. The secret is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedOAuthClient {
    /// The client.
    #[serde(flatten)]
    pub client: OAuthClientView,
    /// Its secret, if it proves itself by one.
    pub client_secret: Option<String>,
    /// Where it fetches access tokens.
    pub token_endpoint: String,
}

impl std::fmt::Debug for CreatedOAuthClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedOAuthClient").field("client", &self.client).finish_non_exhaustive()
    }
}

impl App {
    /// Adds a client.
    pub async fn create_oauth_client(
        &self,
        admin: &AdminScope,
        new: NewOAuthClient,
    ) -> Result<CreatedOAuthClient, AppError> {
        let now = self.now();
        if new.jwks.is_some() && new.jwks_uri.is_some() {
            return Err(AppError::Invalid("give jwks or jwksUri, not both".to_owned()));
        }
        new.jwks.as_ref().map(public_keys).transpose()?;
        let jwks_uri = new.jwks_uri.as_deref().map(|text| self.key_address(text)).transpose()?;
        let name = display_name(&new.name)?;
        let tenant = admin.scope().tenant();
        let secret = (new.jwks.is_none() && jwks_uri.is_none())
            .then(|| PlainToken::mint(TokenKind::ClientSecret, Some(tenant), &*self.entropy));
        let mut tx = self.db.begin(admin.scope()).await?;
        let directory = directories::by_slug(&mut tx, &new.directory)
            .await?
            .ok_or_else(|| AppError::Invalid(format!("there is no directory {:?}", new.directory)))?;
        let row = ClientRow {
            id: OAuthClientId::generate(now, &*self.entropy).as_uuid(),
            directory_id: directory.as_uuid(),
            name,
            scope: new.scope.as_str().to_owned(),
            secret_hash: secret.as_ref().map(|secret| secret.hash().as_bytes().to_vec()),
            hint: secret.as_ref().map(PlainToken::hint),
            jwks: new.jwks,
            jwks_uri,
            created_at: now,
            revoked_at: None,
            last_used_at: None,
        };
        oauth_clients::create(&mut tx, &row).await?;
        let event = AuditEvent::new(Action::OAuthClientCreate, row.client_id()).after(json!({
            "name": row.name, "directory": directory, "scope": row.scope, "jwksUri": row.jwks_uri,
        }));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(CreatedOAuthClient {
            client: view(admin, row),
            client_secret: secret.map(|secret| secret.expose().to_owned()),
            token_endpoint: self.token_endpoint(),
        })
    }

    /// All clients of the tenant.
    pub async fn list_oauth_clients(&self, admin: &AdminScope) -> Result<Vec<OAuthClientView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let rows = oauth_clients::all(&mut tx).await?;
        tx.finish().await?;
        Ok(rows.into_iter().map(|row| view(admin, row)).collect())
    }

    /// Revokes a client and every access token that it fetched.
    pub async fn revoke_oauth_client(&self, admin: &AdminScope, id: OAuthClientId) -> Result<(), AppError> {
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        if !oauth_clients::revoke(&mut tx, id, now).await? {
            return Err(AppError::NotFound("live OAuth client"));
        }
        let event = AuditEvent::new(Action::OAuthClientRevoke, id);
        self.commit(tx, Audit::of(event), now).await?;
        self.client_keys.forget(id);
        Ok(())
    }

    /// Where clients fetch access tokens.
    pub fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.issuer())
    }

    /// Our name as an authorization server (RFC 8414 §2): one for all tenants, since a client's name tells its tenant.
    pub fn issuer(&self) -> String {
        self.public_url.as_str().trim_end_matches('/').to_owned()
    }

    /// An address that keys may be fetched from.
    fn key_address(&self, text: &str) -> Result<String, AppError> {
        let refused = |why: String| AppError::Invalid(format!("jwksUri: {why}"));
        let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        self.egress.check(&url).map_err(|error| refused(error.to_string()))?;
        Ok(url.into())
    }

    /// The keys of a client that has some.
    pub(super) async fn keys_of(&self, row: &ClientRow) -> Result<ClientKeys, AppError> {
        if let Some(jwks) = &row.jwks {
            let keys = KeySet::read(jwks.clone()).map_err(|error| AppError::Internal(error.to_string()))?;
            return Ok(ClientKeys::Given(Arc::new(keys)));
        }
        let Some(address) = &row.jwks_uri else { return Err(TokenRefusal::client().into()) };
        let published = self.client_keys.get(&self.egress, row.client_id(), address, self.now()).await;
        published.map(ClientKeys::Published).map_err(|error| TokenRefusal::Client(error.to_string()).into())
    }
}

/// Whether these are keys, at least one of them usable, and none of them private.
pub(crate) fn public_keys(jwks: &Value) -> Result<(), AppError> {
    let refused = |why: &str| AppError::Invalid(format!("jwks: {why}"));
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if keys.iter().any(|key| PRIVATE_MEMBERS.iter().any(|name| key.get(name).is_some())) {
        return Err(refused("holds a private key; give the public half, and use another key from now on"));
    }
    KeySet::read(jwks.clone()).map(drop).map_err(|error| refused(&error.to_string()))
}

fn view(admin: &AdminScope, row: ClientRow) -> OAuthClientView {
    let id = row.client_id();
    let proof =
        if row.secret_hash.is_some() { ClientProof::ClientSecret } else { ClientProof::PrivateKeyJwt };
    OAuthClientView {
        id,
        client_id: ClientName { tenant: admin.scope().tenant(), client: id }.to_string(),
        directory: row.directory(),
        scope: CredentialScope::parse(&row.scope).unwrap_or(CredentialScope::Read),
        proof,
        name: row.name,
        hint: row.hint,
        jwks_uri: row.jwks_uri,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    }
}
