//! Signing in by OpenID Connect: where the browser is sent, and what its answer proves. Knows the protocol's two halves; whom it means here, `admission` decides.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::audit::{Action, Audit, AuditEvent};
use domain::id::{ConnectionId, RequestId};
use domain::token::PlainToken;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sso::oidc::{self, CallbackParams, Connection, FlowSecrets, Outside, Provider};
use sso::{Secret, SsoError, VerifiedIdentity};
use store::Scope;
use store::audit::Outgoing;
use store::connections::{self, ConnectionRow};
use url::Url;

use super::admission::{Arrival, SignedIn};
use super::client_proof::ClientAuthentication;
use super::flow::{Taken, Wish};
use super::openid_rules::OpenIdRules;
use super::settings::{ConnectionState, Protocol};
use super::start_login::{Departure, Way};
use crate::App;
use crate::error::{AppError, Refusal};

const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// What a connection by OpenID Connect needs to know, as stored. Rows of the first version have no rules, and the names of all
/// algorithms beside: that is what rules are by default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenIdSettings {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) client_authentication: ClientAuthentication,
    #[serde(default)]
    pub(crate) rules: OpenIdRules,
    /// When the newest of its keys signs, if one before it has until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) new_key_signs_from: Option<DateTime<Utc>>,
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
    /// Where the browser is.
    pub address: IpAddr,
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
        asked: &oidc::Wish,
    ) -> Result<Departure, AppError> {
        let ours = self.openid_connection(tenant, row, settings)?;
        let provider = self.provider_of(scope, row, settings).await?;
        let departure =
            oidc::start(&self.outside(), &ours, &provider, asked).await.map_err(Refusal::Provider)?;
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
        let Taken { kept, return_to, started_at, trial, invitation } = flow;
        let proven = self.prove_openid(scope, row, settings, &back, kept).await;
        let arrival = proven.map(|identity| Arrival {
            connection: row.connection_id(),
            identity,
            asked_at: Some(started_at),
            return_to,
            trial,
            earlier: back.earlier,
            address: back.address,
            invitation,
        });
        self.arrive(scope, row, trial, arrival).await
    }

    /// What the answer of the provider proves.
    async fn prove_openid(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
        back: &Return<'_>,
        kept: Kept,
    ) -> Result<VerifiedIdentity, AppError> {
        let ours = self.openid_connection(back.tenant, row, settings)?;
        let provider = self.provider_of(scope, row, settings).await?;
        let proven = oidc::finish(&self.outside(), &ours, &provider, &back.params, &kept.into_flow()).await;
        Ok(proven.map_err(Refusal::Provider)?)
    }

    /// Where a connection's answers come back to; different for each, so that none can be taken to another.
    pub(crate) fn redirect_uri(&self, tenant: &str, connection: &str) -> Result<Url, AppError> {
        self.openid_address(tenant, connection, "callback")
    }

    /// One of the addresses of a connection.
    pub(crate) fn openid_address(&self, tenant: &str, connection: &str, what: &str) -> Result<Url, AppError> {
        self.public_url
            .join(&format!("/oidc/{tenant}/{connection}/{what}"))
            .map_err(|error| AppError::Internal(format!("an address of a connection: {error}")))
    }

    /// Our side of a connection, for `sso`.
    pub(super) fn openid_connection(
        &self,
        tenant: &str,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
    ) -> Result<Connection, AppError> {
        let rules = &settings.rules;
        Ok(Connection {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_auth: self.client_auth(row, settings)?,
            redirect_uri: self.redirect_uri(tenant, &row.slug)?,
            scopes: settings.scopes.clone(),
            allowed_algs: rules.algorithms()?,
            clock_skew: CLOCK_SKEW,
            max_age: rules.max_age_seconds.map(|seconds| Duration::from_secs(seconds.into())),
            acr_values: rules.acr_values.clone(),
            amr: rules.amr.clone(),
            tenancy: rules.tenancy(&settings.issuer),
            groups_claim: rules.groups_claim.clone(),
            userinfo: rules.userinfo,
            push: rules.push_requests,
        })
    }

    /// The network, chance and time, for `sso`.
    pub(super) fn outside(&self) -> Outside<'_> {
        Outside { egress: &self.egress, entropy: &*self.entropy, now: self.now() }
    }

    /// What the provider of a connection publishes. If that speaks for another issuer all at once, the connection is paused:
    /// whoever answers there is somebody else, or will be.
    pub(crate) async fn provider_of(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &OpenIdSettings,
    ) -> Result<Arc<Provider>, AppError> {
        let id = row.connection_id();
        let found = self.providers.get(&self.egress, id, &settings.issuer, self.now()).await;
        if let Err(SsoError::DiscoveryIssuerMismatch) = &found {
            self.pause_disowned(scope, id).await?;
        }
        Ok(found.map_err(Refusal::Provider)?)
    }

    async fn pause_disowned(&self, scope: &Scope, id: ConnectionId) -> Result<(), AppError> {
        let mut tx = self.db.begin(scope).await?;
        let Some(mut row) = connections::lock_by_id(&mut tx, id).await? else {
            return Ok(tx.nothing_changed().await?);
        };
        if ConnectionState::of(&row) == ConnectionState::Paused {
            return Ok(tx.nothing_changed().await?);
        }
        let before = json!({"slug": row.slug, "state": row.state});
        ConnectionState::Paused.name().clone_into(&mut row.state);
        connections::update(&mut tx, &row).await?;
        tx.announce(Outgoing {
            fact: "connection.disowned",
            subject_id: id.to_string(),
            payload: json!({"connection": id, "slug": row.slug}),
        });
        let reason = "the provider's discovery document names another issuer";
        let after = json!({"slug": row.slug, "state": row.state, "reason": reason});
        let event = AuditEvent::new(Action::ConnectionUpdate, id).before(before).after(after);
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(())
    }
}
