//! Signals in: what identity providers tell us of their people, by a word that they sign. Knows whose sessions end; whether
//! the word holds, `sso` knows.
//!
//! A provider speaks for the people who have signed in through its connection, and for nobody else.

mod events;
mod poll;
mod revocation;
mod transmitters;

use domain::id::{ConnectionId, DirectoryId, RequestId, UserId};
use domain::token::TokenHash;
use sso::jose::SigningAlg;
use sso::signals::{Name, SenderKeys, claimed_issuer};
use store::connections::{self, ConnectionRow};
use store::transmitters::TransmitterRow;
use store::{Scope, WriteTx, identities};

use crate::App;
use crate::error::AppError;
use crate::login::Protocol;

pub use events::SetRefusal;
pub use transmitters::{PollFrom, SetTransmitter, TransmitterView};

/// A connection as an address names it.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// Slug of the tenant.
    pub tenant: &'a str,
    /// Slug of the connection.
    pub connection: &'a str,
}

/// Somebody whose word counts at a connection.
struct Sender {
    issuer: String,
    keys: SenderKeys,
    algorithms: Vec<SigningAlg>,
}

impl App {
    async fn told_at(&self, at: At<'_>, request: RequestId) -> Result<(Scope, ConnectionRow), AppError> {
        let scope = self.sign_in_scope(at.tenant, request).await?;
        let mut tx = self.db.read(&scope).await?;
        let row = connections::by_slug(&mut tx, at.connection).await?;
        tx.finish().await?;
        Ok((scope, row.ok_or(AppError::NotFound("connection"))?))
    }

    /// Who has signed a token, by its own claim, if their word counts at a connection at all. Whoever else signs costs no
    /// request to anybody.
    async fn sender(
        &self,
        scope: &Scope,
        row: &ConnectionRow,
        token: &str,
    ) -> Result<Option<Sender>, AppError> {
        let Some(issuer) = claimed_issuer(token) else { return Ok(None) };
        if let Protocol::OpenId(settings) = Protocol::of(row)?
            && settings.issuer == issuer
        {
            let provider = self.provider_of(scope, row, &settings).await.map_err(away)?;
            let algorithms = settings.rules.algorithms()?;
            return Ok(Some(Sender { issuer, keys: SenderKeys::Provider(provider), algorithms }));
        }
        let mut tx = self.db.read(scope).await?;
        let transmitter = store::transmitters::find(&mut tx, row.connection_id()).await?;
        tx.finish().await?;
        match transmitter {
            Some(transmitter) => self.transmitting(row, transmitter, token).await,
            None => Ok(None),
        }
    }

    /// The transmitter of a connection, if a token claims to be by it.
    async fn transmitting(
        &self,
        row: &ConnectionRow,
        transmitter: TransmitterRow,
        token: &str,
    ) -> Result<Option<Sender>, AppError> {
        if claimed_issuer(token).as_deref() != Some(&transmitter.issuer) {
            return Ok(None);
        }
        let known = &self.keys_of_transmitters;
        let keys = known.get(&self.egress, row.connection_id(), &transmitter.jwks_uri, self.now()).await;
        let keys = SenderKeys::Published(keys.map_err(away)?);
        Ok(Some(Sender { issuer: transmitter.issuer, keys, algorithms: SigningAlg::DEFAULT.to_vec() }))
    }
}

/// The keys cannot be had right now. That is nobody's mistake who shows a token.
fn away(error: impl std::fmt::Display) -> AppError {
    AppError::Unavailable(format!("the keys of a provider: {error}"))
}

/// Which of the people of a connection are meant. A name that another issuer gave is nobody's.
async fn whom(
    tx: &mut WriteTx,
    row: &ConnectionRow,
    names: &[Name],
    issuers: &[&str],
) -> Result<Vec<UserId>, AppError> {
    let (mut subjects, mut addresses) = (Vec::new(), Vec::new());
    for name in names {
        match name {
            Name::Subject { issuer, subject } if issuers.contains(&issuer.as_str()) => {
                subjects.push(subject.clone());
            }
            Name::Subject { .. } => {}
            Name::Opaque(subject) => subjects.push(subject.clone()),
            Name::Email(address) => addresses.push(address.clone()),
        }
    }
    let of: (ConnectionId, DirectoryId) = (row.connection_id(), row.directory());
    Ok(identities::named(tx, of, subjects, &addresses).await?)
}

/// The issuers whose names for people count: that of the connection, and the one who tells.
fn namers<'a>(protocol: &'a Protocol, sender: &'a Sender) -> Vec<&'a str> {
    let mut all = vec![sender.issuer.as_str()];
    if let Protocol::OpenId(settings) = protocol {
        all.push(&settings.issuer);
    }
    all
}

/// What a token is remembered by, so that it counts once.
fn spent_as(kind: &str, issuer: &str, id: &str) -> TokenHash {
    TokenHash::of(&format!("{kind}:{issuer} {id}"))
}
