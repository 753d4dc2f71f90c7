//! A sign-in under way, kept between the two requests of its browser. Knows that it is bound to a browser and a connection, and used once; what the protocol remembers in it is sealed.

use chrono::{DateTime, Duration, Utc};
use domain::id::{ConnectionId, TrialId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Scope;
use store::connections::ConnectionRow;
use store::login_flows::{self, LoginFlow};
use url::Url;

use super::settings::Settings;
use crate::App;
use crate::error::{AppError, Refusal};

/// How long a browser may take at the identity provider.
pub const FLOW_LIFETIME: Duration = Duration::minutes(10);

const PURPOSE: &str = "login_flow.secrets";

/// A flow that came back.
pub(super) struct Taken<K> {
    /// What the protocol remembered.
    pub(super) kept: K,
    /// Where the person wants to go.
    pub(super) return_to: String,
    /// When the browser set out.
    pub(super) started_at: DateTime<Utc>,
    /// The trial that it is, if it is one.
    pub(super) trial: Option<TrialId>,
    /// The link of the invitation that is accepted by it, if one is.
    pub(super) invitation: Option<TokenHash>,
}

/// What somebody who sets out wants.
pub(super) struct Wish {
    /// Where to go in the end.
    pub(super) return_to: Url,
    /// Only to try the connection out.
    pub(super) trial: Option<TrialId>,
    /// To accept an invitation, by this link.
    pub(super) invitation: Option<TokenHash>,
}

impl App {
    /// Remembers a sign-in at a connection: by `handle`, which the provider's answer repeats. The token goes into a
    /// cookie of the browser.
    pub(super) async fn begin_flow(
        &self,
        scope: &Scope,
        connection: &ConnectionRow,
        handle: &str,
        kept: &impl Serialize,
        wish: &Wish,
    ) -> Result<PlainToken, AppError> {
        let now = self.now();
        let browser = PlainToken::mint(TokenKind::Browser, Some(scope.tenant()), &*self.entropy);
        let kept = serde_json::to_vec(kept).map_err(|error| AppError::Internal(error.to_string()))?;
        let flow = LoginFlow {
            connection_id: connection.id,
            browser_hash: browser.hash().as_bytes().to_vec(),
            secrets_sealed: self.sealer.seal(PURPOSE, &kept, &*self.entropy)?,
            return_to: wish.return_to.to_string(),
            trial_id: wish.trial.map(TrialId::as_uuid),
            invitation_hash: wish.invitation.map(|link| link.as_bytes().to_vec()),
            started_at: now,
            expires_at: now + FLOW_LIFETIME,
        };
        let mut tx = self.db.begin(scope).await?;
        login_flows::start(&mut tx, TokenHash::of(handle), &flow).await?;
        tx.commit_trace_of_use().await?;
        Ok(browser)
    }

    /// Takes the flow of a handle, if this is its connection and its browser. To be done before anything is asked of the
    /// provider, so that a repeated answer finds none.
    pub(super) async fn take_flow<K: DeserializeOwned>(
        &self,
        scope: &Scope,
        connection: ConnectionId,
        handle: &str,
        browser: &PlainToken,
    ) -> Result<Taken<K>, AppError> {
        let mut tx = self.db.begin(scope).await?;
        let handle = TokenHash::of(handle);
        let taken = login_flows::take(&mut tx, handle, connection, browser.hash(), self.now()).await?;
        tx.commit_trace_of_use().await?;
        let flow = taken.ok_or(Refusal::NoFlow)?;
        let kept = self.sealer.open(PURPOSE, &flow.secrets_sealed)?;
        let kept = serde_json::from_slice(&kept)
            .map_err(|error| AppError::Internal(format!("a login flow cannot be read: {error}")))?;
        let trial = flow.trial_id.map(TrialId::from_uuid);
        let invitation =
            flow.invitation_hash.and_then(|hash| hash.try_into().ok()).map(TokenHash::from_bytes);
        Ok(Taken { kept, return_to: flow.return_to, started_at: flow.started_at, trial, invitation })
    }
}

/// Where somebody lands who wants to go to `wanted`: there, if it has the origin that the connection is set to.
pub(super) fn landing(settings: &Settings, wanted: Option<&str>) -> Url {
    wanted.and_then(|wanted| own_address(settings, wanted)).unwrap_or_else(|| settings.return_to.clone())
}

/// This address, if it has the origin that the connection is set to.
pub(super) fn own_address(settings: &Settings, wanted: &str) -> Option<Url> {
    let url = settings.return_to.join(wanted).ok()?;
    (url.origin() == settings.return_to.origin() && url.username().is_empty()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::super::settings::{JustInTime, LinkTo};
    use super::*;

    #[test]
    fn people_land_on_the_origin_of_the_connection_and_nowhere_else() {
        let settings = Settings {
            link_claim: "sub".to_owned(),
            link_to: LinkTo::UserName,
            return_to: "https://app.test/home".parse().unwrap(),
            just_in_time: JustInTime::Off,
            highest_role: None,
            domains: Vec::new(),
            allowed_networks: Vec::new(),
        };
        let land = |wanted| landing(&settings, Some(wanted)).to_string();

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
        assert_eq!(landing(&settings, None).to_string(), "https://app.test/home");
    }
}
