//! Signing in by OpenID Connect: where the browser is sent, and what its answer proves. Knows the protocol's two halves; whom it means here, `admission` decides.

use domain::id::RequestId;
use domain::token::PlainToken;
use serde::{Deserialize, Serialize};
use sso::oidc::{self, CallbackParams, Connection, FlowSecrets, SigningAlg};
use sso::{Secret, VerifiedIdentity};
use store::Scope;
use store::connections::{self, ConnectionRow};
use url::Url;

use super::admission::{Arrival, SignedIn};
use super::flow::{Taken, Wish};
use super::settings::Protocol;
use super::start_login::{Departure, Way};
use crate::App;
use crate::error::{AppError, Refusal};

const CLOCK_SKEW: std::time::Duration = std::time::Duration::from_mins(1);
const SECRET: &str = "connection.client_secret";

/// What a connection by OpenID Connect needs to know, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OpenIdSettings {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    /// Names of the signature algorithms that ID tokens may use (RFC 7518 §3.1).
    pub(crate) allowed_algs: Vec<String>,
}

/// What a browser brings back.
#[derive(Debug)]
pub struct Return<'a> {
    /// Tenant in the address.
    pub tenant: &'a str,
    /// Connection in the address.
    pub connection: &'a str,
    /// The answer's parameters.
    pub params: CallbackParams,
    /// The binding cookie.
    pub browser: Option<PlainToken>,
    /// The session cookie that the browser had so far: that session ends.
    pub earlier: Option<PlainToken>,
}

/// The secrets of a flow as they are sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    nonce: String,
    pkce_verifier: String,
}

impl Kept {
    fn of(flow: &FlowSecrets) -> Self {
        Self {
            state: flow.state.expose().to_owned(),
            nonce: flow.nonce.expose().to_owned(),
            pkce_verifier: flow.pkce_verifier.expose().to_owned(),
        }
    }

    fn into_flow(self) -> FlowSecrets {
        FlowSecrets {
            state: Secret::new(self.state),
            nonce: Secret::new(self.nonce),
            pkce_verifier: Secret::new(self.pkce_verifier),
        }
    }
}

impl App {
    pub(super) async fn depart_to_openid(
        &self,
        scope: &Scope,
        tenant: &str,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
        wish: &Wish,
    ) -> Result<Departure, AppError> {
        let ours = self.openid_connection(tenant, row, settings)?;
        let provider = self
            .providers
            .get(&self.egress, row.connection_id(), &settings.issuer, self.now())
            .await
            .map_err(Refusal::Provider)?;
        let departure = oidc::start(&ours, &provider, &*self.entropy);
        let kept = Kept::of(&departure.flow);
        let browser = self.begin_flow(scope, row, &kept.state, &kept, wish).await?;
        Ok(Departure {
            way: Way::Redirect(departure.url),
            browser,
            connection: row.slug.clone(),
            is_posted_back: false,
        })
    }

    /// A browser comes back from an OpenID provider. A refusal is written into the audit trail.
    pub async fn finish_login(&self, back: Return<'_>, request: RequestId) -> Result<SignedIn, AppError> {
        let scope = self.sign_in_scope(back.tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, back.connection).await?.ok_or(Refusal::UnknownDoor)?;
        tx.finish().await?;
        let Protocol::OpenId(settings) = Protocol::of(&row)? else { return Err(Refusal::UnknownDoor.into()) };
        let outcome = self.return_from_openid(&scope, &row, &settings, back).await;
        self.note_refusal(&scope, &row, &outcome).await?;
        outcome
    }

    async fn return_from_openid(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
        back: Return<'_>,
    ) -> Result<SignedIn, AppError> {
        let (Some(state), Some(browser)) = (&back.params.state, &back.browser) else {
            return Err(Refusal::NoFlow.into());
        };
        let flow: Taken<Kept> = self.take_flow(scope, row.connection_id(), state, browser).await?;
        let Taken { kept, return_to, started_at, trial } = flow;
        let proven = self.prove_openid(row, settings, &back, kept).await;
        let arrival = proven.map(|identity| Arrival {
            connection: row.connection_id(),
            identity,
            asked_at: Some(started_at),
            return_to,
            trial,
            earlier: back.earlier,
        });
        match trial {
            Some(trial) => {
                self.conclude_trial(scope, trial, arrival).await?;
                Err(Refusal::Trial.into())
            }
            None => self.admit(scope, arrival?).await,
        }
    }

    /// What the answer of the provider proves.
    async fn prove_openid(
        &self,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
        back: &Return<'_>,
        kept: Kept,
    ) -> Result<VerifiedIdentity, AppError> {
        let now = self.now();
        let ours = self.openid_connection(back.tenant, row, settings)?;
        let provider = self
            .providers
            .get(&self.egress, row.connection_id(), &settings.issuer, now)
            .await
            .map_err(Refusal::Provider)?;
        let flow = kept.into_flow();
        let proven = oidc::finish(&self.egress, &ours, &provider, &back.params, &flow, now).await;
        Ok(proven.map_err(Refusal::Provider)?)
    }

    /// Where a connection's answers come back to; different for each, so that none can be taken to another.
    pub(crate) fn redirect_uri(&self, tenant: &str, connection: &str) -> Result<Url, AppError> {
        self.public_url
            .join(&format!("/oidc/{tenant}/{connection}/callback"))
            .map_err(|error| AppError::Internal(format!("the redirect URI: {error}")))
    }

    /// Our side of a connection, for `sso`.
    fn openid_connection(
        &self,
        tenant: &str,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
    ) -> Result<Connection, AppError> {
        let allowed_algs = settings
            .allowed_algs
            .iter()
            .map(|name| name.parse::<SigningAlg>().map_err(|error| AppError::Internal(error.to_string())))
            .collect::<Result<_, _>>()?;
        Ok(Connection {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret: self.client_secret(row)?,
            redirect_uri: self.redirect_uri(tenant, &row.slug)?,
            scopes: settings.scopes.clone(),
            allowed_algs,
            clock_skew: CLOCK_SKEW,
            max_age: None,
        })
    }

    fn client_secret(&self, row: &ConnectionRow) -> Result<Secret, AppError> {
        let sealed = row.client_secret_sealed.as_deref();
        let sealed =
            sealed.ok_or_else(|| AppError::Internal("a connection has no client secret".to_owned()))?;
        String::from_utf8(self.sealer.open(SECRET, sealed)?)
            .map(Secret::new)
            .map_err(|error| AppError::Internal(format!("a client secret is not text: {error}")))
    }

    /// Seals a connection's client secret for its row.
    pub(crate) fn seal_client_secret(&self, secret: &str) -> Result<Vec<u8>, AppError> {
        self.sealer.seal(SECRET, secret.as_bytes(), &*self.entropy)
    }
}
