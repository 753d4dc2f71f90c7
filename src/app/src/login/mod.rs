//! Signing in and out. Knows the order of a sign-in; what is proven, `sso` proves.
//!
//! A sign-in is two requests of one browser. [`App::start_login`](crate::App::start_login) remembers a flow and sends
//! the browser to the identity provider; [`App::finish_login`](crate::App::finish_login) takes the flow, has the answer
//! verified, finds the person and opens a session. Between the two nothing is kept but the flow's row and the browser's
//! binding cookie.

mod finish_login;
mod sign_out;
mod start_login;

pub use finish_login::{Return, SignedIn};
pub use sso::oidc::CallbackParams;
pub use start_login::Departure;

use chrono::Duration;
use domain::token::PlainToken;
use serde::{Deserialize, Serialize};
use sso::Secret;
use sso::oidc::{Connection, SigningAlg};
use store::LiveSession;
use store::connections::ConnectionRow;

use crate::App;
use crate::error::AppError;

/// How long a browser may take at the identity provider.
pub const FLOW_LIFETIME: Duration = Duration::minutes(10);
const CLOCK_SKEW: std::time::Duration = std::time::Duration::from_mins(1);

const SECRET: &str = "connection.client_secret";
const FLOW: &str = "login_flow.secrets";

/// What a connection is set to, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    /// Names of the signature algorithms that ID tokens may use (RFC 7518 §3.1).
    pub(crate) allowed_algs: Vec<String>,
    /// Which claim names the person the first time.
    pub(crate) link_claim: String,
    /// Which attribute of the person it equals.
    pub(crate) link_to: LinkTo,
    /// Where people land, and the only origin that they may be sent back to.
    pub(crate) return_to: url::Url,
}

/// The attribute of the SCIM person that the link claim equals. Both are unique in a directory; an e-mail address is
/// not, and is never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkTo {
    /// `userName`, compared without case.
    UserName,
    /// `externalId`, compared exactly.
    ExternalId,
}

impl App {
    /// The session that this token opens, if it is in force. Asked anew for each request.
    pub async fn resolve_session(
        &self,
        token: &PlainToken,
        request: domain::id::RequestId,
    ) -> Result<Option<LiveSession>, AppError> {
        Ok(self.db.session(token, request, self.session.idle, self.now()).await?)
    }

    /// Where a connection's answers come back to; different for each, so that none can be taken to another.
    pub(crate) fn redirect_uri(&self, tenant: &str, connection: &str) -> Result<url::Url, AppError> {
        self.public_url
            .join(&format!("/oidc/{tenant}/{connection}/callback"))
            .map_err(|error| AppError::Internal(format!("the redirect URI: {error}")))
    }

    /// Our side of a connection, for `sso`.
    fn oidc_connection(
        &self,
        tenant: &str,
        row: &ConnectionRow,
        settings: &Settings,
    ) -> Result<Connection, AppError> {
        let secret = self.sealer.open(SECRET, &row.client_secret_sealed)?;
        let secret = String::from_utf8(secret)
            .map_err(|error| AppError::Internal(format!("a client secret is not text: {error}")))?;
        let allowed_algs = settings
            .allowed_algs
            .iter()
            .map(|name| name.parse::<SigningAlg>().map_err(|error| AppError::Internal(error.to_string())))
            .collect::<Result<_, _>>()?;
        Ok(Connection {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret: Secret::new(secret),
            redirect_uri: self.redirect_uri(tenant, &row.slug)?,
            scopes: settings.scopes.clone(),
            allowed_algs,
            clock_skew: CLOCK_SKEW,
            max_age: None,
        })
    }
}

pub(crate) fn settings_of(row: &ConnectionRow) -> Result<Settings, AppError> {
    serde_json::from_value(row.settings.clone())
        .map_err(|error| AppError::Internal(format!("stored settings of a connection: {error}")))
}

impl App {
    /// Seals a connection's client secret for its row.
    pub(crate) fn seal_client_secret(&self, secret: &str) -> Result<Vec<u8>, AppError> {
        self.sealer.seal(SECRET, secret.as_bytes(), &*self.entropy)
    }
}
