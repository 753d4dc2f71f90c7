//! Somebody else sends a browser to sign in here (OpenID Connect Core section 4). Knows what may be asked in this way.

use domain::id::RequestId;
use sso::SsoError;
use sso::oidc;
use store::Scope;
use store::connections::ConnectionRow;

use super::flow::{Wish, own_address};
use super::settings::{Protocol, Settings};
use super::start_login::Departure;
use crate::App;
use crate::error::{AppError, Refusal};

/// What whoever sends the browser says.
#[derive(Debug, Default)]
pub struct Initiation {
    /// The provider (`iss`).
    pub issuer: Option<String>,
    /// Who wants to sign in (`login_hint`).
    pub login_hint: Option<String>,
    /// Where they want to go afterwards (`target_link_uri`).
    pub target: Option<String>,
}

impl App {
    /// Starts a sign-in that somebody else began: at the provider of this connection and no other, and to nowhere but the
    /// connection's own origin.
    pub async fn initiate_login(
        &self,
        tenant: &str,
        connection: &str,
        asked: Initiation,
        request: RequestId,
    ) -> Result<Departure, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let row = self.open_connection(&scope, connection).await?;
        let departure = self.depart_as_asked(&scope, tenant, &row, asked).await;
        self.turned_away(&scope, &row, None, departure).await
    }

    async fn depart_as_asked(
        &self,
        scope: &Scope,
        tenant: &str,
        row: &ConnectionRow,
        asked: Initiation,
    ) -> Result<Departure, AppError> {
        let Protocol::OpenId(openid) = Protocol::of(row)? else { return Err(Refusal::UnknownDoor.into()) };
        match &asked.issuer {
            Some(issuer) if *issuer == openid.issuer => {}
            Some(_) => return Err(Refusal::Provider(SsoError::CallbackIssuerMismatch).into()),
            None => return Err(Refusal::Provider(SsoError::CallbackIssuerMissing).into()),
        }
        let settings = Settings::of(row)?;
        let return_to = match &asked.target {
            Some(target) => own_address(&settings, target).ok_or(Refusal::ForeignTarget)?,
            None => settings.return_to.clone(),
        };
        let wish = Wish { return_to, trial: None, invitation: None };
        let hint = oidc::Wish { login_hint: asked.login_hint, ..oidc::Wish::default() };
        self.depart_to_openid(scope, tenant, row, &openid, &wish, &hint).await
    }
}
