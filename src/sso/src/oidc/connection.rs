//! A connection as configured, and the secrets of one flow over it. Knows our side; does not know what the provider publishes.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::Tenancy;
use crate::Secret;
use crate::jose::{SigningAlg, SigningKey};

/// Our side of an SSO link to an OpenID provider.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The issuer, compared character by character with everything the provider says.
    pub issuer: String,
    /// The name under which the provider knows us.
    pub client_id: String,
    /// How we prove to the provider that we are its client.
    pub client_auth: ClientAuth,
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
    /// Authentication context classes: the person must have signed in by one of them. None: by any.
    pub acr_values: Vec<String>,
    /// Authentication methods (RFC 8176), each of which the person must have used.
    pub amr: Vec<String>,
    /// Whose people the issuer may vouch for.
    pub tenancy: Tenancy,
    /// The claim that names groups.
    pub groups_claim: String,
    /// Whether claims that the ID token does not have are asked for at the provider's userinfo endpoint.
    pub userinfo: bool,
    /// Whether the authorization request is pushed (RFC 9126) where the provider takes it.
    pub push: bool,
}

/// How we prove to a provider that we are its client.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// A shared secret, in the way that the provider publishes: `client_secret_basic` before `client_secret_post`.
    Secret(Secret),
    /// `client_secret_basic`.
    SecretBasic(Secret),
    /// `client_secret_post`.
    SecretPost(Secret),
    /// `private_key_jwt`: the provider knows the public half only.
    PrivateKey(Arc<SigningKey>),
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
