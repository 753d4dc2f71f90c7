//! The first half of a flow: where the browser is sent. Knows the authorization request; does not know tokens.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Entropy;
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;

use super::{Connection, FlowSecrets, Outside, Provider, client_auth, push};
use crate::{Secret, SsoError};

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

/// What may be asked of one sign-in besides what its connection always asks.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Who wants to sign in, as far as somebody said (`login_hint`).
    pub login_hint: Option<String>,
    /// What the provider is to show (`prompt`).
    pub prompt: Option<Prompt>,
    /// Seconds since the person last proved who they are, at most, if the connection allows more (`max_age`).
    pub max_age: Option<u64>,
    /// The classes of authentication that are preferred, besides those that the connection requires (`acr_values`).
    pub acr_values: Vec<String>,
}

/// What a provider is asked to show, whatever session the person has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// They have to prove anew who they are.
    Login,
    /// They are asked who they want to be.
    SelectAccount,
}

/// Begins a flow: authorization code, always with PKCE S256, a state and a nonce of 256 bits each.
pub async fn start(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    wish: &Wish,
) -> Result<AuthorizationRequest, SsoError> {
    if provider.issuer() != connection.issuer {
        return Err(SsoError::ProviderOfAnotherIssuer);
    }
    client_auth::check(connection, provider)?;
    let flow = FlowSecrets {
        state: random_token(outside.entropy),
        nonce: random_token(outside.entropy),
        pkce_verifier: random_token(outside.entropy),
    };
    let request = request(connection, &flow, wish);
    let pushed = push::push(outside, connection, provider, &request).await?;
    let mut url = provider.authorization_endpoint().clone();
    match pushed {
        // RFC 9126 section 4: the reference stands for everything else.
        Some(reference) => {
            url.query_pairs_mut()
                .append_pair("client_id", &connection.client_id)
                .append_pair("request_uri", &reference);
        }
        None => {
            url.query_pairs_mut().extend_pairs(&request);
        }
    }
    Ok(AuthorizationRequest { url, flow })
}

fn request(connection: &Connection, flow: &FlowSecrets, wish: &Wish) -> Vec<(&'static str, String)> {
    let verifier = PkceCodeVerifier::new(flow.pkce_verifier.expose().to_owned());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    let mut request = vec![
        ("response_type", "code".to_owned()),
        ("client_id", connection.client_id.clone()),
        ("redirect_uri", connection.redirect_uri.to_string()),
        ("scope", scope(connection)),
        ("state", flow.state.expose().to_owned()),
        ("nonce", flow.nonce.expose().to_owned()),
        ("code_challenge", challenge.as_str().to_owned()),
        ("code_challenge_method", challenge.method().to_string()),
    ];
    let max_age = connection.max_age.map(|max_age| max_age.as_secs()).into_iter().chain(wish.max_age).min();
    request.extend(max_age.map(|max_age| ("max_age", max_age.to_string())));
    let mut acr_values = connection.acr_values.clone();
    acr_values.extend(wish.acr_values.iter().filter(|it| !connection.acr_values.contains(it)).cloned());
    if !acr_values.is_empty() {
        request.push(("acr_values", acr_values.join(" ")));
    }
    request.extend(wish.prompt.map(|prompt| {
        let name = match prompt {
            Prompt::Login => "login",
            Prompt::SelectAccount => "select_account",
        };
        ("prompt", name.to_owned())
    }));
    request.extend(wish.login_hint.clone().map(|hint| ("login_hint", hint)));
    request
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
