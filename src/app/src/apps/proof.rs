//! An app proves that it is itself (RFC 6749 §2.3, RFC 7523 §2.2). Knows secrets by their hashes and assertions by the app's keys.

use std::sync::Arc;

use chrono::Duration;
use domain::id::{AppId, RequestId};
use domain::token::TokenHash;
use sso::client_assertion::{self, Assertion, ClientKeys, Expected, claimed_client};
use sso::jose::KeySet;
use store::apps::{self, AppRow};
use store::{ReadTx, Scope, tenants};

use super::settings::{AppProof, NewApp};
use crate::App;
use crate::connections::Proof;
use crate::error::{AppError, TokenRefusal};

const USE_IS_NOTED_EVERY: Duration = Duration::minutes(1);

/// Who asks, and what it shows for that.
#[derive(Default)]
pub struct Claimed {
    /// `client_id`, where it stands beside the proof, or alone.
    pub client_id: Option<String>,
    /// How the app proves that it is itself.
    pub proof: Option<Proof>,
}

impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// An app that has proved that it is itself, or that cannot and need not.
pub(super) struct Proven {
    pub(super) scope: Scope,
    /// Slug of the tenant.
    pub(super) tenant: String,
    pub(super) row: AppRow,
    pub(super) app: NewApp,
}

impl Proven {
    pub(super) fn id(&self) -> AppId {
        self.row.app_id()
    }

    /// What only an app may do that has proved that it is itself.
    pub(super) fn confidential(self) -> Result<Self, AppError> {
        if self.app.proof == AppProof::None { Err(TokenRefusal::client().into()) } else { Ok(self) }
    }
}

impl App {
    /// What somebody may do at a tenant's provider before it is known who it is.
    pub(super) async fn op_scope(&self, tenant: &str, request: RequestId) -> Result<Scope, AppError> {
        self.db.enter_to_sign_in(tenant, request).await?.ok_or(AppError::NotFound("tenant"))
    }

    /// The app that asks, at this endpoint of the tenant's provider.
    pub(super) async fn prove_app(
        &self,
        tenant: &str,
        endpoint: &str,
        claimed: &Claimed,
        request: RequestId,
    ) -> Result<Proven, AppError> {
        let scope = self.op_scope(tenant, request).await?;
        let id = claimed_app(claimed)?;
        let mut tx: ReadTx = self.db.read(&scope).await?;
        let row = apps::find(&mut tx, id).await?.ok_or_else(TokenRefusal::client)?;
        let secrets = apps::secrets(&mut tx, Some(id)).await?;
        let tenant = tenants::slug(&mut tx).await?;
        tx.finish().await?;
        let app = NewApp::of(&row)?;
        let now = self.now();
        let assertion = match (app.proof, &claimed.proof) {
            (AppProof::Secret, Some(Proof::Secret { secret, .. }))
                if secrets.iter().any(|known| known.is_live(now) && known.is(secret)) =>
            {
                None
            }
            (AppProof::PrivateKey, Some(Proof::Assertion(assertion))) => {
                Some(self.verify_app(&tenant, endpoint, (&row, &app), assertion).await?)
            }
            (AppProof::None, None) => None,
            _ => return Err(TokenRefusal::client().into()),
        };
        let scope = self.db.enter_as_app(scope.tenant(), id, request);
        self.note_app(&scope, &row, assertion).await?;
        Ok(Proven { scope, tenant, row, app })
    }

    async fn verify_app(
        &self,
        tenant: &str,
        endpoint: &str,
        (row, app): (&AppRow, &NewApp),
        assertion: &str,
    ) -> Result<Assertion, AppError> {
        let refused = |why: String| AppError::from(TokenRefusal::Client(why));
        let keys = match (&app.jwks, &app.jwks_uri) {
            (Some(jwks), _) => {
                let keys =
                    KeySet::read(jwks.clone()).map_err(|error| AppError::Internal(error.to_string()))?;
                ClientKeys::Given(Arc::new(keys))
            }
            (None, Some(address)) => {
                let published = self.keys_of_apps.get(&self.egress, row.app_id(), address, self.now()).await;
                ClientKeys::Published(published.map_err(|error| refused(error.to_string()))?)
            }
            (None, None) => return Err(TokenRefusal::client().into()),
        };
        let ours = self.app_addresses(tenant);
        // RFC 9126 §2: the issuer, the token endpoint or the endpoint that is asked.
        let audiences = [ours.issuer.clone(), ours.of("token"), ours.of(endpoint)];
        let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
        let client = row.app_id().to_string();
        let expected = Expected { client: &client, audiences: &audiences, now: self.now() };
        let verified = client_assertion::verify(&self.egress, assertion, &keys, expected).await;
        verified.map_err(|error| refused(error.to_string()))
    }

    /// Spends an assertion, and notes that the app was here.
    async fn note_app(
        &self,
        scope: &Scope,
        row: &AppRow,
        assertion: Option<Assertion>,
    ) -> Result<(), AppError> {
        let now = self.now();
        let seen = row.last_used_at.is_some_and(|at| now - at < USE_IS_NOTED_EVERY);
        if seen && assertion.is_none() {
            return Ok(());
        }
        let mut tx = self.db.begin(scope).await?;
        if let Some(Assertion { id, forget_at }) = assertion
            && !apps::spend(&mut tx, row.app_id(), TokenHash::of(&id), forget_at, now).await?
        {
            return Err(TokenRefusal::Client("the assertion was used before".to_owned()).into());
        }
        if !seen {
            apps::note_used(&mut tx, row.app_id(), now).await?;
        }
        Ok(tx.commit_trace_of_use().await?)
    }
}

/// Which app the proof is of. RFC 7521 §4.2: a `client_id` beside an assertion must be the same.
fn claimed_app(claimed: &Claimed) -> Result<AppId, AppError> {
    let named = match &claimed.proof {
        Some(Proof::Secret { client_id, .. }) => Some(client_id.clone()),
        Some(Proof::Assertion(assertion)) => claimed_client(assertion),
        None => claimed.client_id.clone(),
    };
    let named = named.ok_or_else(TokenRefusal::client)?;
    if claimed.client_id.as_ref().is_some_and(|beside| *beside != named) {
        return Err(TokenRefusal::Request("client_id is not the client that the proof is of").into());
    }
    app_id(&named).ok_or_else(|| TokenRefusal::client().into())
}

/// An app's id in its one spelling.
pub(super) fn app_id(text: &str) -> Option<AppId> {
    text.parse::<AppId>().ok().filter(|id| id.to_string() == text)
}
