//! Signing out by SAML, in both directions. Knows whose sessions end, what is answered and what is asked; whether a message holds, `sso` knows.

use domain::audit::{Action, Audit};
use domain::id::RequestId;
use domain::token::TokenHash;
use sso::Secret;
use sso::saml::NameId;
use sso::saml::logout::{self, Incoming, LogoutRequest};
use store::connections::{self, ConnectionRow};
use store::sessions::{self, Meant};
use store::{LiveSession, Scope, identities};
use url::Url;

use super::{OurSide, SamlSettings, best};
use crate::App;
use crate::error::{AppError, Refusal};
use crate::login::provider_logout::end_at_provider;
use crate::login::sessions::{End, over};
use crate::login::settings::Protocol;
use crate::login::start_login::Way;

/// A message about a logout, as a browser brings it.
#[derive(Debug)]
pub struct Brought<'a> {
    /// Tenant in the address.
    pub tenant: &'a str,
    /// Connection in the address.
    pub connection: &'a str,
    /// How it came.
    pub message: Carried,
}

/// How a message came.
#[derive(Debug, Clone)]
pub enum Carried {
    /// In this query, not decoded.
    Query(String),
    /// In a form.
    Form {
        /// `SAMLRequest` or `SAMLResponse`.
        message: String,
        /// `RelayState`.
        relay_state: Option<String>,
    },
}

impl Carried {
    fn incoming(&self) -> Incoming<'_> {
        match self {
            Self::Query(query) => Incoming::Query(query),
            Self::Form { message, relay_state } => {
                Incoming::Form { message, relay_state: relay_state.as_deref() }
            }
        }
    }
}

impl App {
    /// Ends the sessions that a provider's request names, and says what the browser is to do: nothing, if the provider has
    /// no place for answers. Anybody can come here, so the audit trail has the same refusal once a minute.
    pub async fn end_by_saml(
        &self,
        brought: Brought<'_>,
        request: RequestId,
    ) -> Result<Option<Way>, AppError> {
        let sides = self.sides(&brought, request).await?;
        let asked = match self.take_at_its_word(&sides, brought.message).await {
            Err(AppError::SignIn(refusal)) => {
                let action = Action::ProviderLogoutRefuse;
                self.note_once(&sides.scope, &sides.row, action, &refusal).await?;
                return Err(Refusal::NotSignedOut(Box::new(refusal)).into());
            }
            asked => asked?,
        };
        let (Sides { settings, ours, .. }, now) = (sides, self.now());
        let Some(place) = best(&settings.single_logout) else { return Ok(None) };
        let mut to = place.endpoint();
        if let Some(answers) = &place.answers {
            to.location = answers.clone();
        }
        let Some(key) = ours.signing.first() else { return Ok(None) };
        let answer = logout::answer(&ours.connection, &to, key, &asked, true, now, &*self.entropy);
        Ok(answer.map(Way::from))
    }

    /// Asks the provider to end its session too: the request's id, and how the browser gets there. Nothing, if the provider
    /// has no place for that.
    pub(in crate::login) async fn leave_by_saml(
        &self,
        session: &LiveSession,
        tenant: &str,
        row: &ConnectionRow,
        (settings, hint): (&SamlSettings, &Secret),
    ) -> Option<(Secret, Way)> {
        let place = best(&settings.single_logout)?;
        let mut tx = self.db.read(&session.scope).await.ok()?;
        let ours = self.our_side(&mut tx, tenant, row, settings).await.ok()?;
        tx.finish().await.ok()?;
        let (to, key) = (place.endpoint(), ours.signing.first()?);
        let (id, asked) = logout::start(&ours.connection, &to, key, hint, self.now(), &*self.entropy)?;
        Some((Secret::new(id), asked.into()))
    }

    /// What the provider answers to the request of this id: whether all of its sessions have ended, as far as that can be
    /// believed. The session here was over before it was asked.
    pub async fn left_by_saml(
        &self,
        brought: Brought<'_>,
        asked: String,
        request: RequestId,
    ) -> Result<bool, AppError> {
        let Sides { row, ours, address, .. } = self.sides(&brought, request).await?;
        let (message, connection, now) = (brought.message, ours.connection, self.now());
        let answered = self
            .saml_work
            .take(move || logout::response(message.incoming(), address.as_str(), &connection, &asked, now))
            .await;
        Ok(answered.unwrap_or_else(|refusal| {
            tracing::info!(connection = row.slug, %refusal, "An answer to a logout request does not count");
            false
        }))
    }

    /// Whoever a provider's request names is signed out, if it holds.
    async fn take_at_its_word(&self, sides: &Sides, message: Carried) -> Result<LogoutRequest, AppError> {
        let (connection, address, now) = (sides.ours.connection.clone(), sides.address.clone(), self.now());
        let asked = self
            .saml_work
            .take(move || logout::request(message.incoming(), address.as_str(), &connection, now))
            .await
            .map_err(|refusal| Refusal::Provider(refusal.into()))?;
        self.end_named(&sides.scope, &sides.row, &sides.settings, &asked).await?;
        Ok(asked)
    }

    async fn sides(&self, brought: &Brought<'_>, request: RequestId) -> Result<Sides, AppError> {
        let scope = self.sign_in_scope(brought.tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, brought.connection).await?.ok_or(Refusal::UnknownDoor)?;
        let Protocol::Saml(settings) = Protocol::of(&row)? else { return Err(Refusal::UnknownDoor.into()) };
        let ours = self.our_side(&mut tx, brought.tenant, &row, &settings).await?;
        tx.finish().await?;
        let address = self.saml_address(brought.tenant, &row.slug, "slo")?;
        Ok(Sides { scope, row, settings, ours, address })
    }

    /// One transaction, in which the request is spent too.
    async fn end_named(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        settings: &SamlSettings,
        asked: &LogoutRequest,
    ) -> Result<(), AppError> {
        let (now, connection) = (self.now(), row.connection_id());
        let mut tx = self.db.begin(scope).await?;
        let spent = (TokenHash::of(&format!("logout:{}", asked.id)), asked.remember_until);
        if !connections::spend(&mut tx, connection, &[spent], now).await? {
            return Err(Refusal::Replayed.into());
        }
        let name = name_hash(&asked.name_id);
        let whoever = Meant::ProviderName(name, &[]);
        let mut people = sessions::people_at_connection(&mut tx, connection, whoever).await?;
        if settings.rules.subject_attribute.is_none() {
            people.extend(identities::find(&mut tx, connection, &asked.name_id.value).await?);
        }
        let indexes: Vec<_> = asked.session_indexes.iter().map(|index| TokenHash::of(index)).collect();
        let meant = Meant::ProviderName(name, &indexes);
        let ended = end_at_provider(&mut tx, connection, meant, people, asked.issued.min(now)).await?;
        let Some(((first, whose), others)) = ended.split_first() else {
            return Ok(tx.commit_trace_of_use().await?);
        };
        let mut audit = Audit::of(over(&mut tx, End::SignedOut, *whose, *first));
        for (session, user) in others {
            audit.push(over(&mut tx, End::SignedOut, *user, *session));
        }
        self.commit(tx, audit, now).await
    }
}

/// The two sides of a connection between which a message about a logout travels.
struct Sides {
    scope: Scope,
    row: ConnectionRow,
    settings: Box<SamlSettings>,
    ours: OurSide,
    /// Where such messages come to us.
    address: Url,
}

/// A provider's name for a person, as sessions remember it.
fn name_hash(name: &NameId) -> TokenHash {
    TokenHash::of(&format!("{} {}", name.format, name.value))
}
