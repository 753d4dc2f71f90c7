//! A connection as configured, and the secrets of one flow over it. Knows our side; does not know what the provider publishes.

use std::time::Duration;

use url::Url;

use crate::Secret;
use crate::jose::SigningAlg;

/// Our side of an SSO link to an OpenID provider.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The issuer, compared character by character with everything the provider says.
    pub issuer: String,
    /// The name under which the provider knows us.
    pub client_id: String,
    /// The secret the provider gave us.
    pub client_secret: Secret,
    /// Where the browser comes back to; different for each connection, so that an answer cannot be taken to another.
    pub redirect_uri: Url,
    /// Scopes to ask for besides `openid`.
    pub scopes: Vec<String>,
    /// Algorithms an ID token may be signed with, whatever the provider publishes.
    pub allowed_algs: Vec<SigningAlg>,
    /// How far the provider's clock may be from ours.
    pub clock_skew: Duration,
    /// How long ago the person may have proved who they are.
    pub max_age: Option<Duration>,
}

/// What one flow must remember between its halves: bound to the browser, used once, ten minutes old at most.
#[derive(Clone, Debug)]
pub struct FlowSecrets {
    /// Comes back in the callback.
    pub state: Secret,
    /// Comes back in the ID token.
    pub nonce: Secret,
    /// Is shown to the token endpoint only.
    pub pkce_verifier: Secret,
}
