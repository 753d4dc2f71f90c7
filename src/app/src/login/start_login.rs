//! A browser sets out to its identity provider.

use domain::id::{RequestId, TrialId};
use domain::token::PlainToken;
use sso::oidc;
use store::Scope;
use store::connections::{self, ConnectionRow};
use url::Url;

use super::enforcement::check_enforcement;
use super::flow::{Wish, landing};
use super::settings::{ConnectionState, Protocol, Settings};
use crate::App;
use crate::error::{AppError, Refusal};

/// Where to send the browser, and what to remember in it.
#[derive(Debug)]
pub struct Departure {
    /// How the browser gets to the identity provider.
    pub way: Way,
    /// Goes into the binding cookie of this connection.
    pub browser: PlainToken,
    /// The connection's slug, for the cookie's path.
    pub connection: String,
    /// Whether the answer will come by a form that another site posts.
    pub is_posted_back: bool,
}

/// A way to an identity provider.
#[derive(Debug)]
pub enum Way {
    /// To this address.
    Redirect(Url),
    /// To this address, with a form; by SAML only.
    Post {
        /// Where to.
        action: Url,
        /// Names and values, not escaped.
        fields: Vec<(&'static str, String)>,
    },
}

/// What a browser brings along that sets out.
#[derive(Debug, Default)]
pub struct SettingOut<'a> {
    /// Where the person wants to go. It must have the origin that the connection is set to, else people land on the
    /// connection's own address.
    pub return_to: Option<&'a str>,
    /// The trial that it is to be, which can also be made of a connection that is paused.
    pub trial: Option<TrialId>,
    /// The session that the browser has so far.
    pub earlier: Option<PlainToken>,
    /// The link of an invitation that is to be accepted by it.
    pub invitation: Option<PlainToken>,
}

impl App {
    /// Starts a sign-in at a tenant's connection.
    pub async fn start_login(
        &self,
        tenant: &str,
        connection: &str,
        setting_out: SettingOut<'_>,
        request: RequestId,
    ) -> Result<Departure, AppError> {
        let trial = setting_out.trial;
        let scope = self.sign_in_scope(tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, connection).await?.ok_or(Refusal::UnknownDoor)?;
        let enforced = if trial.is_none() { check_enforcement(&mut tx, &row).await } else { Ok(()) };
        tx.finish().await?;
        let open = match trial {
            // Anybody can make one up, and it is nobody's then.
            Some(trial) => {
                self.check_trial(&scope, &row, trial).await?;
                Ok(())
            }
            None if enforced.is_ok() && ConnectionState::of(&row) == ConnectionState::Paused => {
                Err(Refusal::Paused.into())
            }
            None => enforced,
        };
        let departure = match open {
            Ok(()) => self.depart(&scope, tenant, &row, setting_out).await,
            Err(error) => Err(error),
        };
        self.turned_away(&scope, &row, trial, departure).await
    }

    /// Sends a browser off to a connection that is open to it.
    async fn depart(
        &self,
        scope: &Scope,
        tenant: &str,
        row: &ConnectionRow,
        setting_out: SettingOut<'_>,
    ) -> Result<Departure, AppError> {
        let SettingOut { return_to, trial, earlier, invitation } = setting_out;
        let (back_to, asked) = match self.wanted_by_app(scope, tenant, return_to).await? {
            Some(wanted) if trial.is_none() => (wanted.return_to, wanted.asked),
            _ => {
                let ours = match self.wanted_by_gate(scope, tenant, return_to)? {
                    None => self.wanted_by_device(tenant, return_to)?,
                    for_a_pass => for_a_pass,
                };
                let landing = || Ok::<_, AppError>(landing(&Settings::of(row)?, return_to));
                (ours.filter(|_| trial.is_none()).map_or_else(landing, Ok)?, oidc::Wish::default())
            }
        };
        let invitation =
            invitation.filter(|link| link.tenant() == Some(scope.tenant())).map(|link| link.hash());
        let wish = Wish { return_to: back_to, trial, invitation };
        match Protocol::of(row)? {
            Protocol::OpenId(openid) => {
                self.depart_to_openid(scope, tenant, row, &openid, &wish, &asked).await
            }
            Protocol::Saml(saml) => {
                // SAML knows no age of a proof.
                let anew = asked.prompt == Some(oidc::Prompt::Login) || asked.max_age.is_some();
                self.depart_by_saml(scope, tenant, row, &saml, (&wish, earlier.as_ref(), anew)).await
            }
        }
    }

    /// Notes that a browser sets out to a connection as soon as it is back from there, and refuses.
    pub async fn refuse_circle(&self, tenant: &str, connection: &str, request: RequestId) -> AppError {
        match self.note_circle(tenant, connection, request).await {
            Ok(()) => Refusal::GoingRound.into(),
            Err(error) => error,
        }
    }

    async fn note_circle(&self, tenant: &str, connection: &str, request: RequestId) -> Result<(), AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let row = self.open_connection(&scope, connection).await?;
        self.note_refusal(&scope, &row, &Err(Refusal::GoingRound.into())).await
    }

    /// What somebody without a session may do at a tenant's door.
    pub(crate) async fn sign_in_scope(&self, tenant: &str, request: RequestId) -> Result<Scope, AppError> {
        Ok(self.db.enter_to_sign_in(tenant, request).await?.ok_or(Refusal::UnknownDoor)?)
    }

    /// The connection that is named, if people can sign in there.
    pub(super) async fn open_connection(&self, scope: &Scope, slug: &str) -> Result<ConnectionRow, AppError> {
        let mut tx = self.db.read(scope).await?;
        let row = connections::by_slug(&mut tx, slug).await?.ok_or(Refusal::UnknownDoor)?;
        check_enforcement(&mut tx, &row).await?;
        tx.finish().await?;
        if ConnectionState::of(&row) == ConnectionState::Paused {
            return Err(Refusal::Paused.into());
        }
        Ok(row)
    }
}
