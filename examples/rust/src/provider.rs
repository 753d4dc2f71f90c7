//! Usher as an OpenID provider, and its API. Knows the protocol; does not know cookies or pages.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::reqwest;
use openidconnect::url::Url;
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, IdToken, IdTokenFields, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl,
    Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};

use crate::logout_token;

/// What Usher says of a person besides what OpenID Connect has names for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Claims {
    sid: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    workspaces: Vec<String>,
    org_unit: Option<OrgUnit>,
}

impl AdditionalClaims for Claims {}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct OrgUnit {
    key: String,
}

/// Somebody, as the provider knows them.
#[derive(Debug, Clone)]
pub struct Who {
    id: String,
    pub name: String,
    /// The provider's name of the session.
    pub sid: String,
    pub roles: Vec<String>,
    pub workspaces: Vec<String>,
    org_unit: Option<String>,
}

/// What a sign-in comes to.
pub struct SignedIn {
    pub who: Who,
    pub id_token: UsherIdToken,
}

// The types of the library, with our claims in them.
type Jwe = CoreJweContentEncryptionAlgorithm;
pub type UsherIdToken = IdToken<Claims, CoreGenderClaim, Jwe, CoreJwsSigningAlgorithm>;
type Fields = IdTokenFields<Claims, EmptyExtraTokenFields, CoreGenderClaim, Jwe, CoreJwsSigningAlgorithm>;
type UsherClient = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    Jwe,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

/// For how long what the provider publishes is believed: its next key is there a month before it signs.
const FRESH: Duration = Duration::from_secs(3600);

pub struct Provider {
    issuer: IssuerUrl,
    id: ClientId,
    secret: ClientSecret,
    callback: RedirectUrl,
    http: reqwest::Client,
    published: Mutex<Option<(Instant, Arc<ProviderMetadataWithLogout>)>>,
}

impl Provider {
    pub fn new(issuer: String, id: String, secret: String, callback: String) -> Result<Self, Box<dyn Error>> {
        // Who follows redirects can be sent to addresses that nobody meant.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5));
        Ok(Self {
            issuer: IssuerUrl::new(issuer)?,
            id: ClientId::new(id),
            secret: ClientSecret::new(secret),
            callback: RedirectUrl::new(callback)?,
            http: http.build()?,
            published: Mutex::default(),
        })
    }

    async fn published(&self) -> Result<Arc<ProviderMetadataWithLogout>, Box<dyn Error>> {
        let known = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, metadata)) = known.filter(|(since, _)| since.elapsed() < FRESH) {
            return Ok(metadata);
        }
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await?;
        let metadata = Arc::new(metadata);
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }

    async fn client(&self) -> Result<UsherClient, Box<dyn Error>> {
        let metadata = self.published().await?.as_ref().clone();
        let client =
            UsherClient::from_provider_metadata(metadata, self.id.clone(), Some(self.secret.clone()));
        Ok(client.set_redirect_uri(self.callback.clone()))
    }

    /// Where the browser goes to sign in, and what must be remembered of it.
    pub async fn begin(&self) -> Result<(Url, CsrfToken, Nonce, PkceCodeVerifier), Box<dyn Error>> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let code = CoreAuthenticationFlow::AuthorizationCode;
        let client = self.client().await?;
        let request = client
            .authorize_url(code, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        let scopes = ["profile", "roles", "organisation"].map(|scope| Scope::new(scope.to_owned()));
        let (address, state, nonce) = request.add_scopes(scopes).url();
        Ok((address, state, nonce, verifier))
    }

    /// Who has signed in, by the code that the browser brought. The ID token's signature and claims are checked.
    pub async fn finish(
        &self,
        code: String,
        nonce: &Nonce,
        verifier: PkceCodeVerifier,
    ) -> Result<SignedIn, Box<dyn Error>> {
        let client = self.client().await?;
        let exchange = client.exchange_code(AuthorizationCode::new(code))?.set_pkce_verifier(verifier);
        let tokens = exchange.request_async(&self.http).await?;
        let id_token = tokens.id_token().ok_or("there is no ID token")?.clone();
        let verifier = client.id_token_verifier();
        let claims = id_token.claims(&verifier, nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let (alg, key) = (id_token.signing_alg()?, id_token.signing_key(&verifier)?);
            if AccessTokenHash::from_token(tokens.access_token(), alg, key)? != *expected {
                return Err("the access token belongs to another ID token".into());
            }
        }
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        let said = claims.additional_claims().clone();
        let who = Who {
            id: claims.subject().to_string(),
            name: name.or(claims.preferred_username().map(|name| name.to_string())).unwrap_or_default(),
            sid: said.sid,
            roles: said.roles,
            workspaces: said.workspaces,
            org_unit: said.org_unit.map(|unit| unit.key),
        };
        Ok(SignedIn { who, id_token })
    }

    /// Where the browser goes to be signed out everywhere.
    pub async fn leave(&self, id_token: &UsherIdToken, back_to: String) -> Result<String, Box<dyn Error>> {
        let metadata = self.published().await?;
        let endpoint =
            metadata.additional_metadata().end_session_endpoint.clone().ok_or("nobody can be signed out")?;
        let back_to = PostLogoutRedirectUrl::new(back_to)?;
        let request =
            LogoutRequest::from(endpoint).set_id_token_hint(id_token).set_post_logout_redirect_uri(back_to);
        Ok(request.http_get_url().into())
    }

    /// The session that a logout token says is over.
    pub async fn ended(&self, token: &str) -> Result<String, Box<dyn Error>> {
        let metadata = self.published().await?;
        let ended = logout_token::verified(token, metadata.jwks(), self.issuer.as_str(), self.id.as_str());
        Ok(ended.ok_or("it is not one of this provider's, for this app")?)
    }

    /// What the API says to the question whether somebody may do something where they belong.
    pub async fn ask(
        &self,
        api: &str,
        token: &str,
        who: &Who,
        permission: &str,
    ) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut address = Url::parse(api)?;
        let mut path = address.path_segments_mut().map_err(|()| "API is no address")?;
        path.extend(["users", &who.id, "permissions", permission]);
        drop(path);
        let here = who.org_unit.as_ref().map(|key| ("orgUnit", key));
        let request = self.http.get(address).query(&here.into_iter().collect::<Vec<_>>()).bearer_auth(token);
        Ok(request.send().await?.error_for_status()?.bytes().await?.into())
    }
}
