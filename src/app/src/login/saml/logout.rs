//! A provider ends somebody's sessions through their browser. Knows whose sessions end and what is answered; whether the request holds, `sso` knows.

use domain::audit::Audit;
use domain::id::RequestId;
use domain::token::TokenHash;
use sso::saml::NameId;
use sso::saml::logout::{self, Incoming, LogoutRequest};
use store::connections::{self, ConnectionRow};
use store::sessions::{self, Meant};
use store::{Scope, identities, users};

use super::{SamlSettings, best};
use crate::App;
use crate::error::{AppError, Refusal};
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
        /// `SAMLRequest`.
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
    /// no place for answers. Anybody can come here, so a refusal is no entry in the audit trail.
    pub async fn end_by_saml(
        &self,
        brought: Brought<'_>,
        request: RequestId,
    ) -> Result<Option<Way>, AppError> {
        let scope = self.sign_in_scope(brought.tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, brought.connection).await?.ok_or(Refusal::UnknownDoor)?;
        let Protocol::Saml(settings) = Protocol::of(&row)? else { return Err(Refusal::UnknownDoor.into()) };
        let ours = self.our_side(&mut tx, brought.tenant, &row, &settings).await?;
        tx.finish().await?;
        let (connection, address) =
            (ours.connection.clone(), self.saml_address(brought.tenant, &row.slug, "slo")?);
        let (message, now) = (brought.message, self.now());
        let asked = self
            .in_turn(move || logout::request(message.incoming(), address.as_str(), &connection, now))
            .await
            .map_err(|refusal| Refusal::Provider(refusal.into()))?;
        self.end_named(&scope, &row, &settings, &asked).await?;

        let Some(place) = best(&settings.single_logout) else { return Ok(None) };
        let mut to = place.endpoint();
        if let Some(answers) = &place.answers {
            to.location = answers.clone();
        }
        let Some(key) = ours.signing.first() else { return Ok(None) };
        let answer = logout::answer(&ours.connection, &to, key, &asked, true, now, &*self.entropy);
        Ok(answer.map(Way::from))
    }

    /// One transaction, in which the request is spent too. People before sessions, by id: who deactivates them does so.
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
        let mut people = sessions::people_of_provider_name(&mut tx, connection, name).await?;
        if settings.rules.subject_attribute.is_none() {
            people.extend(identities::find(&mut tx, connection, &asked.name_id.value).await?);
        }
        people.sort_unstable();
        people.dedup();
        // What was proven before the logout opens nothing after it, also what is under way.
        for person in &people {
            users::sign_out(&mut tx, *person, asked.issued.min(now)).await?;
        }
        let indexes: Vec<_> = asked.session_indexes.iter().map(|index| TokenHash::of(index)).collect();
        let meant = Meant::ProviderName(name, &indexes);
        let ended = sessions::end_at_connection(&mut tx, connection, meant).await?;
        let Some(((first, whose), others)) = ended.split_first() else {
            return Ok(tx.commit_trace_of_use().await?);
        };
        let mut audit = Audit::of(over(&mut tx, End::SignedOut, *whose, *first));
        for (session, user) in others {
            audit.push(over(&mut tx, End::SignedOut, *user, *session));
        }
        Ok(tx.commit(audit, now, &*self.entropy).await?)
    }
}

/// A provider's name for a person, as sessions remember it.
fn name_hash(name: &NameId) -> TokenHash {
    TokenHash::of(&format!("{} {}", name.format, name.value))
}
