//! The first half of a flow: where the browser is sent. Knows the authorization request; does not know tokens.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Entropy;
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;

use super::{Connection, FlowSecrets, Provider};
use crate::Secret;

/// Where to send the browser, and what to remember until it comes back.
#[derive(Clone)]
pub struct AuthorizationRequest {
    /// The provider's authorization endpoint with our request. Holds the state and the nonce: not for logs.
    pub url: Url,
    /// What [`finish`](super::finish) needs.
    pub flow: FlowSecrets,
}

/// State and nonce are in the query: `Debug` prints where the browser goes and no more.
impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthorizationRequest")
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

/// Begins a flow: authorization code, always with PKCE S256, a state and a nonce of 256 bits each.
pub fn start(connection: &Connection, provider: &Provider, entropy: &dyn Entropy) -> AuthorizationRequest {
    let flow = FlowSecrets {
        state: random_token(entropy),
        nonce: random_token(entropy),
        pkce_verifier: random_token(entropy),
    };
    let verifier = PkceCodeVerifier::new(flow.pkce_verifier.expose().to_owned());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);

    let mut url = provider.authorization_endpoint().clone();
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &connection.client_id)
            .append_pair("redirect_uri", connection.redirect_uri.as_str())
            .append_pair("scope", &scope(connection))
            .append_pair("state", flow.state.expose())
            .append_pair("nonce", flow.nonce.expose())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", challenge.method().as_str());
        if let Some(max_age) = connection.max_age {
            query.append_pair("max_age", &max_age.as_secs().to_string());
        }
    }
    AuthorizationRequest { url, flow }
}

/// `openid` first and once, whatever the connection lists.
fn scope(connection: &Connection) -> String {
    let mut scopes = vec!["openid"];
    for scope in &connection.scopes {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

/// 32 random bytes as 43 characters: also the shortest verifier that RFC 7636 section 4.1 allows.
fn random_token(entropy: &dyn Entropy) -> Secret {
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}
