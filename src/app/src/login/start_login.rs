//! A browser sets out to its identity provider.

use domain::id::RequestId;
use domain::token::PlainToken;
use store::connections::{self, ConnectionRow};
use store::{Reads, Scope};
use url::Url;

use super::flow::landing;
use super::settings::{ConnectionState, Protocol, Settings};
use crate::App;
use crate::error::{AppError, Refusal};

/// Where to send the browser, and what to remember in it.
#[derive(Debug)]
pub struct Departure {
    /// The identity provider's address.
    pub location: Url,
    /// Goes into the binding cookie of this connection.
    pub browser: PlainToken,
    /// The connection's slug, for the cookie's path.
    pub connection: String,
}

impl App {
    /// Starts a sign-in at a tenant's connection; without a connection, at the tenant's only one. `return_to` must have
    /// the origin that the connection is set to, else people land on the connection's own address.
    pub async fn start_login(
        &self,
        tenant: &str,
        connection: Option<&str>,
        return_to: Option<&str>,
        request: RequestId,
    ) -> Result<Departure, AppError> {
        let scope = self.sign_in_scope(tenant, request).await?;
        let row = self.find_connection(&scope, connection).await?;
        if ConnectionState::of(&row) == ConnectionState::Paused {
            return Err(Refusal::Paused.into());
        }
        let return_to = landing(&Settings::of(&row)?, return_to);
        match Protocol::of(&row)? {
            Protocol::OpenId(openid) => {
                self.depart_to_openid(&scope, tenant, &row, &openid, &return_to).await
            }
        }
    }

    /// What somebody without a session may do at a tenant's door.
    pub(super) async fn sign_in_scope(&self, tenant: &str, request: RequestId) -> Result<Scope, AppError> {
        Ok(self.db.enter_to_sign_in(tenant, request).await?.ok_or(Refusal::UnknownDoor)?)
    }

    async fn find_connection(&self, scope: &Scope, slug: Option<&str>) -> Result<ConnectionRow, AppError> {
        let mut tx = self.db.read(scope).await?;
        let found = match slug {
            Some(slug) => connections::by_slug(&mut tx, slug).await?,
            None => only_one(&mut tx).await?,
        };
        tx.finish().await?;
        Ok(found.ok_or(Refusal::UnknownDoor)?)
    }
}

async fn only_one(tx: &mut impl Reads) -> Result<Option<ConnectionRow>, AppError> {
    let mut all = connections::all(tx).await?;
    Ok(if all.len() == 1 { all.pop() } else { None })
}
