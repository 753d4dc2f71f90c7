//! A provider's discovery document, checked. Knows OpenID Connect Discovery and RFC 8414; does not know keys.

use openidconnect::ProviderMetadata;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::SsoError;
use crate::egress::{Egress, EgressError};

type Document = ProviderMetadata<
    Extensions,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Members that later standards added.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Extensions {
    /// RFC 9207 section 3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    /// RFC 8414 section 2.
    code_challenge_methods_supported: Option<Vec<String>>,
    /// RFC 9126 section 5.
    pushed_authorization_request_endpoint: Option<Url>,
    #[serde(default)]
    require_pushed_authorization_requests: bool,
    /// RP-Initiated Logout section 2.1.
    end_session_endpoint: Option<Url>,
}

impl openidconnect::AdditionalProviderMetadata for Extensions {}

/// What we use of a discovery document.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) end_session_endpoint: Option<Url>,
    /// RFC 9126: where authorization requests are taken ahead of the browser, and whether it takes no others.
    pub(super) push_endpoint: Option<Url>,
    pub(super) push_required: bool,
    /// As published; none is not the same as an empty list.
    pub(super) client_auth_methods: Option<Vec<CoreClientAuthMethod>>,
    /// RFC 9207: the callback always carries `iss`.
    pub(super) sends_issuer: bool,
}

/// Fetches the document of `issuer` and takes from it what we use.
pub(super) async fn fetch(egress: &Egress, issuer: &str) -> Result<Metadata, SsoError> {
    let location = location(issuer)?;
    let response = egress.get(&location).await.map_err(SsoError::DiscoveryUnreachable)?;
    if response.status != 200 {
        return Err(SsoError::DiscoveryStatus(response.status));
    }
    let document: Document = response.json().map_err(|error| match error {
        EgressError::MalformedJson => SsoError::DiscoveryMalformed,
        other => SsoError::DiscoveryUnreachable(other),
    })?;
    check(egress, issuer, &document)
}

fn check(egress: &Egress, issuer: &str, document: &Document) -> Result<Metadata, SsoError> {
    // Discovery section 4.3: "The issuer value returned MUST be identical to the Issuer URL that was used as the prefix".
    if document.issuer().as_str() != issuer {
        return Err(SsoError::DiscoveryIssuerMismatch);
    }
    let extensions = document.additional_metadata();
    let without_s256 = |methods: &Vec<String>| !methods.iter().any(|method| method == "S256");
    if extensions.code_challenge_methods_supported.as_ref().is_some_and(without_s256) {
        return Err(SsoError::PkceUnsupported);
    }
    let metadata = Metadata {
        authorization_endpoint: document.authorization_endpoint().url().clone(),
        token_endpoint: document.token_endpoint().ok_or(SsoError::DiscoveryMalformed)?.url().clone(),
        jwks_uri: document.jwks_uri().url().clone(),
        userinfo_endpoint: document.userinfo_endpoint().map(|endpoint| endpoint.url().clone()),
        end_session_endpoint: extensions.end_session_endpoint.clone(),
        push_endpoint: extensions.pushed_authorization_request_endpoint.clone(),
        push_required: extensions.require_pushed_authorization_requests,
        client_auth_methods: document.token_endpoint_auth_methods_supported().cloned(),
        sends_issuer: extensions.authorization_response_iss_parameter_supported,
    };
    let always = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
    let offered = [&metadata.userinfo_endpoint, &metadata.end_session_endpoint, &metadata.push_endpoint];
    for endpoint in always.into_iter().chain(offered.into_iter().flatten()) {
        egress.check(endpoint).map_err(SsoError::EndpointRefused)?;
    }
    Ok(metadata)
}

/// Discovery section 4: the well-known path is appended to the issuer, after removing a terminating slash.
fn location(issuer: &str) -> Result<Url, SsoError> {
    let parsed = Url::parse(issuer).or(Err(SsoError::IssuerNotAUrl))?;
    if parsed.cannot_be_a_base() || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(SsoError::IssuerNotAUrl);
    }
    let prefix = issuer.trim_end_matches('/');
    Url::parse(&format!("{prefix}/.well-known/openid-configuration")).or(Err(SsoError::IssuerNotAUrl))
}
