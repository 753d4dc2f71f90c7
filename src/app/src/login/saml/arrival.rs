//! A browser posts an identity provider's answer.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::id::RequestId;
use domain::token::PlainToken;
use sso::saml::{self, Accepted, Expected};
use sso::{SsoError, VerifiedIdentity};
use store::Scope;
use store::connections::{self, ConnectionRow};

use super::departure::Kept;
use super::{OurSide, SamlSettings};
use crate::App;
use crate::error::{AppError, Refusal};
use crate::login::admission::{Arrival, SignedIn};
use crate::login::flow::{Taken, landing};
use crate::login::settings::{Protocol, Settings};

/// What a browser posts.
#[derive(Debug)]
pub struct Posted<'a> {
    /// Tenant in the address.
    pub tenant: &'a str,
    /// Connection in the address.
    pub connection: &'a str,
    /// `SAMLResponse`.
    pub response: String,
    /// `RelayState`.
    pub relay_state: Option<String>,
    /// The binding cookie.
    pub browser: Option<PlainToken>,
    /// The session cookie that the browser had so far, if it came along.
    pub earlier: Option<PlainToken>,
    /// Where the browser is.
    pub address: IpAddr,
}

impl App {
    /// A browser comes back from an identity provider that speaks SAML. A refusal is written into the audit trail.
    pub async fn finish_saml_login(
        &self,
        posted: Posted<'_>,
        request: RequestId,
    ) -> Result<SignedIn, AppError> {
        let scope = self.sign_in_scope(posted.tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, posted.connection).await?.ok_or(Refusal::UnknownDoor)?;
        tx.finish().await?;
        let Protocol::Saml(settings) = Protocol::of(&row)? else { return Err(Refusal::UnknownDoor.into()) };
        let outcome = self.return_by_saml(&scope, &row, &settings, posted).await;
        self.note_refusal(&scope, &row, &outcome).await?;
        outcome
    }

    async fn return_by_saml(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &SamlSettings,
        posted: Posted<'_>,
    ) -> Result<SignedIn, AppError> {
        let flow = self.flow_of(scope, row, settings, &posted).await?;
        let asked = flow.as_ref().map(|flow| Asked {
            request: flow.kept.request.clone(),
            fresh_since: flow.kept.is_fresh.then_some(flow.started_at),
        });
        let proven = self.prove_saml(scope, row, settings, &posted, asked.as_ref()).await;
        let (asked_at, return_to, trial, earlier, invitation) = match flow {
            Some(Taken { kept, return_to, started_at, trial, invitation }) => {
                let earlier = kept.earlier.and_then(|token| PlainToken::parse(&token).ok());
                (Some(started_at), return_to, trial, earlier.or(posted.earlier), invitation)
            }
            // Nobody knows where they wanted to go: the relay state is not ours.
            None => (None, landing(&Settings::of(row)?, None).to_string(), None, posted.earlier, None),
        };
        let arrival = proven.map(|identity| Arrival {
            connection: row.connection_id(),
            identity,
            asked_at,
            return_to,
            trial,
            earlier,
            address: posted.address,
            invitation,
        });
        self.arrive(scope, row, trial, arrival).await
    }

    /// What the answer of the provider proves.
    async fn prove_saml(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &SamlSettings,
        posted: &Posted<'_>,
        asked: Option<&Asked>,
    ) -> Result<VerifiedIdentity, AppError> {
        let (ours, accepted) = self.verified(scope, row, settings, posted, asked).await?;
        self.note_saml_certificate(scope, row.connection_id(), &accepted.certificate).await?;
        Ok(accepted.identity(&ours.connection, &ours.facts).map_err(Refusal::Provider)?)
    }

    /// The flow that the answer belongs to. Without one, nobody asked: that is for the connection to allow.
    async fn flow_of(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &SamlSettings,
        posted: &Posted<'_>,
    ) -> Result<Option<Taken<Kept>>, AppError> {
        let taken = match (&posted.relay_state, &posted.browser) {
            (Some(handle), Some(browser)) => {
                self.take_flow(scope, row.connection_id(), handle, browser).await
            }
            _ => Err(Refusal::NoFlow.into()),
        };
        match taken {
            Err(AppError::SignIn(Refusal::NoFlow)) if settings.rules.allow_unsolicited => Ok(None),
            Err(AppError::SignIn(Refusal::NoFlow)) => Err(Refusal::Unasked.into()),
            other => other.map(Some),
        }
    }

    /// Verifies the answer. If no certificate made the signature, the provider may have changed its own: its metadata is
    /// looked at once more, and then that is that.
    async fn verified(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &SamlSettings,
        posted: &Posted<'_>,
        asked: Option<&Asked>,
    ) -> Result<(OurSide, Accepted), AppError> {
        let mut has_looked = false;
        loop {
            let mut tx = self.db.read(scope).await?;
            let ours = self.our_side(&mut tx, posted.tenant, row, settings).await?;
            tx.finish().await?;
            match self.verify_saml(&ours, posted.response.clone(), asked.cloned()).await {
                Ok(accepted) => return Ok((ours, accepted)),
                Err(saml::Refusal::Signature) if !has_looked => {
                    has_looked = true;
                    if !self.look_after_failure(scope, row).await? {
                        return Err(refused(saml::Refusal::Signature));
                    }
                }
                Err(refusal) => return Err(refused(refusal)),
            }
        }
    }

    async fn verify_saml(
        &self,
        ours: &OurSide,
        response: String,
        asked: Option<Asked>,
    ) -> Result<Accepted, saml::Refusal> {
        let (connection, now) = (ours.connection.clone(), self.now());
        let verify = move || {
            let expected = Expected {
                connection: &connection,
                request: asked.as_ref().map(|asked| asked.request.as_str()),
                fresh_since: asked.as_ref().and_then(|asked| asked.fresh_since),
                now,
            };
            saml::accept(&response, &expected)
        };
        self.saml_work.take(verify).await
    }
}

/// What this browser asked for.
#[derive(Clone)]
struct Asked {
    request: String,
    fresh_since: Option<DateTime<Utc>>,
}

fn refused(refusal: saml::Refusal) -> AppError {
    Refusal::Provider(SsoError::from(refusal)).into()
}
