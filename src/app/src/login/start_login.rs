//! A browser sets out to its identity provider.

use domain::id::{ConnectionId, RequestId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use serde::{Deserialize, Serialize};
use sso::Secret;
use sso::oidc::{self, FlowSecrets};
use store::connections::{self, ConnectionRow};
use store::login_flows::{self, LoginFlow};
use store::{Reads, Scope};
use url::Url;

use super::{FLOW, FLOW_LIFETIME, Settings, settings_of};
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

/// The secrets of a flow as they are sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptSecrets {
    state: String,
    nonce: String,
    pkce_verifier: String,
}

impl KeptSecrets {
    fn of(flow: &FlowSecrets) -> Self {
        Self {
            state: flow.state.expose().to_owned(),
            nonce: flow.nonce.expose().to_owned(),
            pkce_verifier: flow.pkce_verifier.expose().to_owned(),
        }
    }

    pub(super) fn into_flow(self) -> FlowSecrets {
        FlowSecrets {
            state: Secret::new(self.state),
            nonce: Secret::new(self.nonce),
            pkce_verifier: Secret::new(self.pkce_verifier),
        }
    }
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
        let settings = settings_of(&row)?;
        let ours = self.oidc_connection(tenant, &row, &settings)?;
        let now = self.now();
        let provider = self
            .providers
            .get(&self.egress, row.connection_id(), &settings.issuer, now)
            .await
            .map_err(Refusal::Provider)?;
        let departure = oidc::start(&ours, &provider, &*self.entropy);
        let browser = PlainToken::mint(TokenKind::Browser, Some(scope.tenant()), &*self.entropy);
        let kept = serde_json::to_vec(&KeptSecrets::of(&departure.flow))
            .map_err(|error| AppError::Internal(error.to_string()))?;
        let flow = LoginFlow {
            connection: ConnectionId::from_uuid(row.id),
            browser: browser.hash(),
            secrets_sealed: self.sealer.seal(FLOW, &kept, &*self.entropy)?,
            return_to: landing(&settings, return_to).to_string(),
            expires_at: now + FLOW_LIFETIME,
        };
        let mut tx = self.db.begin(&scope).await?;
        login_flows::start(&mut tx, state_hash(departure.flow.state.expose()), &flow, now).await?;
        tx.commit_trace_of_use().await?;
        Ok(Departure { location: departure.url, browser, connection: row.slug })
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

pub(super) fn state_hash(state: &str) -> TokenHash {
    TokenHash::of(state)
}

fn landing(settings: &Settings, wanted: Option<&str>) -> Url {
    wanted
        .and_then(|wanted| settings.return_to.join(wanted).ok())
        .filter(|url| url.origin() == settings.return_to.origin() && url.username().is_empty())
        .unwrap_or_else(|| settings.return_to.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            issuer: "https://idp.test".to_owned(),
            client_id: "usher".to_owned(),
            scopes: Vec::new(),
            allowed_algs: Vec::new(),
            link_claim: "sub".to_owned(),
            link_to: super::super::LinkTo::UserName,
            return_to: "https://app.test/home".parse().unwrap(),
        }
    }

    #[test]
    fn people_land_on_the_origin_of_the_connection_and_nowhere_else() {
        let land = |wanted| landing(&settings(), Some(wanted)).to_string();

        assert_eq!(land("/inbox?x=1"), "https://app.test/inbox?x=1");
        assert_eq!(land("https://app.test/a"), "https://app.test/a");
        for elsewhere in [
            "https://evil.test/",
            "//evil.test/",
            "\\\\evil.test/",
            "http://app.test/",
            "https://app.test:444/",
            "https://app.test@evil.test/",
            "https://evil@app.test/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.test.evil.test/",
        ] {
            assert_eq!(land(elsewhere), "https://app.test/home", "{elsewhere}");
        }
        assert_eq!(landing(&settings(), None).to_string(), "https://app.test/home");
    }
}
