//! How a connection proves to its provider that we are its client. Knows what is sealed in its row; how it is shown, `sso` knows.

use std::sync::Arc;

use chrono::Duration;
use domain::id::RequestId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sso::Secret;
use sso::jose::SigningKey;
use sso::oidc::ClientAuth;
use store::connections::{self, ConnectionRow};
use utoipa::ToSchema;

use super::openid::OpenIdSettings;
use super::openid_rules::SecretMethod;
use super::settings::Protocol;
use crate::App;
use crate::error::{AppError, Refusal};

const SECRET: &str = "connection.client_secret";
const KEYS: &str = "connection.client_keys";
const KEY_BYTES: usize = 32;

/// How long whoever reads a connection's keys may remember them, in seconds: `max-age` of `jwks.json`.
pub const CLIENT_KEYS_MAX_AGE: u32 = 300;
/// For those who read the keys just before there was a new one, and whose clock is not ours.
const MARGIN: Duration = Duration::minutes(1);

/// What a connection proves itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClientAuthentication {
    /// With a secret that the provider gave.
    #[default]
    Secret,
    /// With a key of its own, whose public half the provider fetches (`private_key_jwt`).
    PrivateKey,
}

impl App {
    pub(super) fn client_auth(
        &self,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
    ) -> Result<ClientAuth, AppError> {
        match settings.client_authentication {
            ClientAuthentication::PrivateKey => {
                Ok(ClientAuth::PrivateKey(Arc::new(self.signing_client_key(row, settings)?)))
            }
            ClientAuthentication::Secret => {
                let secret = String::from_utf8(self.sealer.open(SECRET, sealed(row)?)?)
                    .map(Secret::new)
                    .map_err(|error| AppError::Internal(format!("a client secret is not text: {error}")))?;
                Ok(match settings.rules.secret_method {
                    SecretMethod::Auto => ClientAuth::Secret(secret),
                    SecretMethod::Basic => ClientAuth::SecretBasic(secret),
                    SecretMethod::Post => ClientAuth::SecretPost(secret),
                })
            }
        }
    }

    /// The key that signs now: the newest, as soon as nobody can remember a key set without it, and until then the one before.
    fn signing_client_key(
        &self,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
    ) -> Result<SigningKey, AppError> {
        let (mut keys, now) = (self.client_keys(row)?.into_iter(), self.now());
        let (newest, before) = (keys.next(), keys.next());
        let waits = settings.new_key_signs_from.is_some_and(|from| now < from);
        let key = if waits { before.or(newest) } else { newest };
        key.ok_or_else(|| AppError::Internal("a connection has no key".to_owned()))
    }

    /// The keys of a connection, the newest first: all are published, one of them signs.
    fn client_keys(&self, row: &ConnectionRow) -> Result<Vec<SigningKey>, AppError> {
        let bytes = self.sealer.open(KEYS, sealed(row)?)?;
        let broken = || AppError::Internal("a client key is none".to_owned());
        bytes.chunks(KEY_BYTES).map(|key| SigningKey::from_bytes(key).ok_or_else(broken)).collect()
    }

    /// Seals a secret for a connection's row.
    pub(crate) fn seal_client_secret(&self, secret: &str) -> Result<Vec<u8>, AppError> {
        self.sealer.seal(SECRET, secret.as_bytes(), &*self.entropy)
    }

    /// Makes a key and seals it for a connection's row, before the one that signs now. That one goes on signing until whoever
    /// has read our keys must read them again, and stays published until the next renewal.
    pub(crate) fn seal_new_client_key(
        &self,
        row: &ConnectionRow,
        settings: &mut OpenIdSettings,
    ) -> Result<Vec<u8>, AppError> {
        let mut bytes = SigningKey::generate(&*self.entropy).to_bytes();
        let has_key = settings.client_authentication == ClientAuthentication::PrivateKey
            && row.client_secret_sealed.is_some();
        settings.new_key_signs_from = if has_key {
            bytes.extend(self.signing_client_key(row, settings)?.to_bytes());
            Some(self.now() + Duration::seconds(CLIENT_KEYS_MAX_AGE.into()) + MARGIN)
        } else {
            None
        };
        self.sealer.seal(KEYS, &bytes, &*self.entropy)
    }

    /// The public halves of a connection's keys, as a JSON Web Key Set.
    pub async fn client_key_set(
        &self,
        tenant: &str,
        connection: &str,
        request: RequestId,
    ) -> Result<Value, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, connection).await?.ok_or(Refusal::UnknownDoor)?;
        tx.finish().await?;
        match Protocol::of(&row)? {
            Protocol::OpenId(settings)
                if settings.client_authentication == ClientAuthentication::PrivateKey =>
            {
                let keys: Vec<Value> = self.client_keys(&row)?.iter().map(SigningKey::public_jwk).collect();
                Ok(json!({"keys": keys}))
            }
            Protocol::OpenId(_) | Protocol::Saml(_) => Err(Refusal::UnknownDoor.into()),
        }
    }
}

fn sealed(row: &ConnectionRow) -> Result<&[u8], AppError> {
    let sealed = row.client_secret_sealed.as_deref();
    sealed.ok_or_else(|| AppError::Internal("a connection has nothing to prove itself with".to_owned()))
}
