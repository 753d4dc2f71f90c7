//! Somebody signs out: here, and where they signed in.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::audit::Audit;
use sso::Secret;
use sso::oidc::{self, Provider};
use store::connections::{self, ConnectionRow};
use store::sessions::{self, Ended};
use store::{LiveSession, tenants};
use url::Url;

use super::openid::OpenIdSettings;
use super::sessions::{End, over};
use super::settings::Protocol;
use super::start_login::Way;
use crate::App;
use crate::error::AppError;

/// Older than its use by SAML.
const HINT: &str = "session.id_token";

/// A session is over.
#[derive(Debug)]
pub struct SignedOut {
    /// Where a browser goes so that the provider's session ends too, if the provider has such a place.
    pub provider: Option<AtProvider>,
}

/// Signing out at the provider, too (OpenID Connect RP-Initiated Logout, SAML Single Logout).
#[derive(Debug)]
pub struct AtProvider {
    /// How the browser gets there.
    pub way: Way,
    /// What it brings back, or what the provider's answer names. It stays in the browser until then.
    pub ticket: Secret,
    /// Whether the answer may come by a form that another site posts.
    pub is_posted_back: bool,
    /// Slug of the tenant, for the address that it comes back to.
    pub tenant: String,
    /// Slug of the connection, for the same.
    pub connection: String,
}

impl App {
    /// Ends this session, and only this one. Whatever becomes of the provider's session, ours is over.
    pub async fn sign_out(&self, session: &LiveSession) -> Result<SignedOut, AppError> {
        let mut tx = self.db.begin(&session.scope).await?;
        let Some(ended) = sessions::end(&mut tx, session.id).await? else {
            tx.nothing_changed().await?;
            return Ok(SignedOut { provider: None });
        };
        let row = match ended.connection {
            Some(connection) => connections::by_id(&mut tx, connection).await?,
            None => None,
        };
        let tenant = tenants::slug(&mut tx).await?;
        let event = over(&mut tx, End::SignedOut, session.user, session.id);
        self.commit(tx, Audit::of(event), self.now()).await?;
        let provider = match row {
            Some(row) => self.at_provider(session, &tenant, &row, &ended).await,
            None => None,
        };
        Ok(SignedOut { provider })
    }

    /// A provider that cannot be reached or understood is no reason not to be signed out here.
    async fn at_provider(
        &self,
        session: &LiveSession,
        tenant: &str,
        row: &ConnectionRow,
        ended: &Ended,
    ) -> Option<AtProvider> {
        let hint = ended.logout_hint_sealed.as_deref().and_then(|sealed| self.sealer.open(HINT, sealed).ok());
        let hint = hint.and_then(|hint| String::from_utf8(hint).ok()).map(Secret::new);
        let protocol = Protocol::of(row).ok()?;
        let is_posted_back = matches!(protocol, Protocol::Saml(_));
        let (ticket, way) = match protocol {
            Protocol::OpenId(settings) => {
                self.leave_openid(session, tenant, row, (&settings, hint.as_ref())).await?
            }
            Protocol::Saml(settings) => self.leave_by_saml(session, tenant, row, (&settings, &hint?)).await?,
        };
        let (tenant, connection) = (tenant.to_owned(), row.slug.clone());
        Some(AtProvider { way, ticket, is_posted_back, tenant, connection })
    }

    async fn leave_openid(
        &self,
        session: &LiveSession,
        tenant: &str,
        row: &ConnectionRow,
        (settings, hint): (&OpenIdSettings, Option<&Secret>),
    ) -> Option<(Secret, Way)> {
        let provider: Arc<Provider> = self.provider_of(&session.scope, row, settings).await.ok()?;
        let ours = self.openid_connection(tenant, row, settings).ok()?;
        let back_to = self.signed_out_uri(tenant, &row.slug).ok()?;
        let mut state = [0_u8; 32];
        self.entropy.fill(&mut state);
        let state = Secret::new(URL_SAFE_NO_PAD.encode(state));
        let location = oidc::sign_out_at(&ours, &provider, hint, &back_to, &state)?;
        Some((state, Way::Redirect(location)))
    }

    /// Where a provider sends browsers back to that have signed out there.
    pub(crate) fn signed_out_uri(&self, tenant: &str, connection: &str) -> Result<Url, AppError> {
        self.openid_address(tenant, connection, "signed-out")
    }

    /// Keeps what is to be shown to the provider at the end, sealed.
    pub(super) fn seal_logout_hint(&self, hint: &Secret) -> Result<Vec<u8>, AppError> {
        self.sealer.seal(HINT, hint.expose().as_bytes(), &*self.entropy)
    }
}
