//! How a connection proves to its provider that we are its client. Knows what is sealed in its row; how it is shown, `sso` knows.

use std::sync::Arc;

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
                let first = self.client_keys(row)?.into_iter().next();
                let key = first.ok_or_else(|| AppError::Internal("a connection has no key".to_owned()))?;
                Ok(ClientAuth::PrivateKey(Arc::new(key)))
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

    /// The keys of a connection: the first signs, the others are still published.
    fn client_keys(&self, row: &ConnectionRow) -> Result<Vec<SigningKey>, AppError> {
        let bytes = self.sealer.open(KEYS, sealed(row)?)?;
        let broken = || AppError::Internal("a client key is none".to_owned());
        bytes.chunks(KEY_BYTES).map(|key| SigningKey::from_bytes(key).ok_or_else(broken)).collect()
    }

    /// Seals a secret for a connection's row.
    pub(crate) fn seal_client_secret(&self, secret: &str) -> Result<Vec<u8>, AppError> {
        self.sealer.seal(SECRET, secret.as_bytes(), &*self.entropy)
    }

    /// Makes a key and seals it for a connection's row, before the one that signed so far: what that one signed is still on
    /// its way.
    pub(crate) fn seal_new_client_key(
        &self,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
    ) -> Result<Vec<u8>, AppError> {
        let mut bytes = SigningKey::generate(&*self.entropy).to_bytes();
        if settings.client_authentication == ClientAuthentication::PrivateKey
            && row.client_secret_sealed.is_some()
        {
            bytes.extend(self.client_keys(row)?.first().map(SigningKey::to_bytes).unwrap_or_default());
        }
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
