//! A client fetches an access token (RFC 6749 §4.4) and proves first that it is itself (§2.3, RFC 7523 §2.2).

use chrono::{Duration, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{CredentialId, RequestId};
use domain::oauth::{ClientName, granted, scope_name};
use domain::token::{CredentialScope, PlainToken, TokenHash, TokenKind};
use serde::Serialize;
use serde_json::json;
use sso::client_assertion::{self, Assertion, Expected, claimed_client};
use store::credentials::{self, CredentialRow};
use store::oauth_clients::{self, ClientRow};

use crate::App;
use crate::error::{AppError, TokenRefusal};

/// How long an access token works.
const LIFE: Duration = Duration::minutes(15);
/// How long an access token that has ended is kept, for whoever looks for the cause of a refusal.
const KEPT_AFTER_ITS_END: Duration = Duration::hours(1);

/// A request for an access token, its parameters apart.
#[derive(Default)]
pub struct TokenRequest {
    /// `grant_type`.
    pub grant_type: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `client_id`, where it stands beside the proof.
    pub client_id: Option<String>,
    /// How the client proves that it is itself.
    pub proof: Option<Proof>,
}

/// What a client shows.
pub enum Proof {
    /// Its name and secret.
    Secret {
        /// `client_id`.
        client_id: String,
        /// `client_secret`.
        secret: String,
    },
    /// `client_assertion`, a JWT.
    Assertion(String),
}

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// An access token that was just issued (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct AccessToken {
    /// The token.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds until it stops to work.
    pub expires_in: i64,
    /// What it may do.
    pub scope: &'static str,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl App {
    /// Issues an access token for the directory of a client.
    pub async fn fetch_access_token(
        &self,
        wanted: TokenRequest,
        request: RequestId,
    ) -> Result<AccessToken, AppError> {
        match wanted.grant_type.as_deref() {
            Some("client_credentials") => {}
            Some(_) => return Err(TokenRefusal::GrantType.into()),
            None => return Err(TokenRefusal::Request("grant_type is missing").into()),
        }
        let proof = wanted.proof.as_ref().ok_or_else(TokenRefusal::client)?;
        let name = claimed_name(proof, wanted.client_id.as_deref())?;
        let claimed = self.db.claimed_client(name, request).await?;
        let (scope, client) = claimed.ok_or_else(TokenRefusal::client)?;
        let assertion = self.prove_client(name, &client, proof).await?;
        let may = CredentialScope::parse(&client.scope).unwrap_or(CredentialScope::Read);
        let may = granted(wanted.scope.as_deref(), may).ok_or(TokenRefusal::Scope)?;

        let now = self.now();
        let id = client.client_id();
        let token = PlainToken::mint(TokenKind::Access, Some(name.tenant), &*self.entropy);
        let row = access_token(&client, &token, may, (now, CredentialId::generate(now, &*self.entropy)));
        let mut tx = self.db.begin(&scope).await?;
        if !oauth_clients::hold(&mut tx, id, now).await? {
            return Err(TokenRefusal::client().into());
        }
        if let Some(Assertion { id: jti, forget_at }) = assertion
            && !oauth_clients::spend(&mut tx, id, TokenHash::of(&jti), forget_at, now).await?
        {
            return Err(TokenRefusal::Client("the assertion was used before".to_owned()).into());
        }
        oauth_clients::forget_ended(&mut tx, id, now - KEPT_AFTER_ITS_END).await?;
        credentials::add(&mut tx, &row, token.hash()).await?;
        let event = AuditEvent::new(Action::CredentialIssue, CredentialId::from_uuid(row.id))
            .after(json!({"form": row.form, "client": id, "scope": row.scope, "expiresAt": row.expires_at}));
        self.commit(tx, Audit::of(event), now).await?;
        Ok(AccessToken {
            access_token: token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: LIFE.num_seconds(),
            scope: scope_name(may),
        })
    }

    /// Whether the client is itself; an assertion that says so is yet to be spent.
    async fn prove_client(
        &self,
        name: ClientName,
        client: &ClientRow,
        proof: &Proof,
    ) -> Result<Option<Assertion>, AppError> {
        match proof {
            Proof::Secret { secret, .. } if client.has_secret(secret) => Ok(None),
            Proof::Secret { .. } => Err(TokenRefusal::client().into()),
            Proof::Assertion(assertion) => {
                let keys = self.keys_of(client).await?;
                let (issuer, endpoint) = (self.issuer(), self.token_endpoint());
                let expected =
                    Expected { client: &name.to_string(), audiences: &[&issuer, &endpoint], now: self.now() };
                let verified = client_assertion::verify(&self.egress, assertion, &keys, expected).await;
                verified.map(Some).map_err(|error| TokenRefusal::Client(error.to_string()).into())
            }
        }
    }
}

/// Which client the proof is of. RFC 7521 §4.2: a `client_id` beside an assertion must be the same.
fn claimed_name(proof: &Proof, beside: Option<&str>) -> Result<ClientName, AppError> {
    let claimed = match proof {
        Proof::Secret { client_id, .. } => Some(client_id.clone()),
        Proof::Assertion(assertion) => claimed_client(assertion),
    };
    let claimed = claimed.ok_or_else(TokenRefusal::client)?;
    if beside.is_some_and(|beside| beside != claimed) {
        return Err(TokenRefusal::Request("client_id is not the client that the proof is of").into());
    }
    ClientName::parse(&claimed).ok_or_else(|| TokenRefusal::client().into())
}

fn access_token(
    client: &ClientRow,
    token: &PlainToken,
    may: CredentialScope,
    (now, id): (chrono::DateTime<Utc>, CredentialId),
) -> CredentialRow {
    CredentialRow {
        id: id.as_uuid(),
        kind: "scim".to_owned(),
        directory_id: Some(client.directory_id),
        hint: token.hint(),
        created_at: now,
        expires_at: Some(now + LIFE),
        revoked_at: None,
        last_used_at: None,
        scope: may.as_str().to_owned(),
        form: "access".to_owned(),
        client_id: Some(client.id),
    }
}
