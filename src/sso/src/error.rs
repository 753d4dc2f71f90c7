//! What went wrong at a sign-in. Knows every check by name; does not know secrets, claims or the person.

use crate::egress::EgressError;
use crate::jose::{JwsError, KeysError};
use crate::oidc::ErrorCode;
use crate::saml;

/// The check that failed. `Display` is the detail for the trace; it never holds a secret, a token or a claim's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SsoError {
    /// A check of SAML failed.
    #[error("{0} (check {check})", check = .0.check())]
    Saml(saml::Refusal),

    // The provider as configured and discovered
    /// The configured issuer is no URL a provider can be discovered at.
    #[error("the issuer is not an absolute URL without query and fragment")]
    IssuerNotAUrl,
    /// The discovery document could not be fetched.
    #[error("the discovery document could not be fetched: {0}")]
    DiscoveryUnreachable(#[source] EgressError),
    /// The discovery document was answered with something else than 200.
    #[error("the discovery document was answered with status {0}")]
    DiscoveryStatus(u16),
    /// The discovery document lacks what the specification requires.
    #[error("the discovery document is not valid provider metadata")]
    DiscoveryMalformed,
    /// The discovery document speaks for another issuer than the one it was fetched from.
    #[error("the discovery document names another issuer than the configured one")]
    DiscoveryIssuerMismatch,
    /// An endpoint in the discovery document is one we would never visit or send a browser to.
    #[error("an endpoint of the discovery document is refused: {0}")]
    EndpointRefused(#[source] EgressError),
    /// The provider publishes its PKCE methods and S256 is not among them.
    #[error("the provider does not support PKCE with S256")]
    PkceUnsupported,
    /// The provider accepts neither `client_secret_basic` nor `client_secret_post`.
    #[error("the provider accepts no client authentication that we support")]
    ClientAuthUnsupported,
    /// The key set could not be fetched.
    #[error("the key set could not be fetched: {0}")]
    JwksUnreachable(#[source] EgressError),
    /// The key set was answered with something else than 200.
    #[error("the key set was answered with status {0}")]
    JwksStatus(u16),
    /// The key set is no JSON Web Key Set.
    #[error("the key set is not a JSON Web Key Set")]
    JwksMalformed,
    /// No key of the set could verify an ID token: all are symmetric, for encryption, too short or of an unknown kind.
    #[error("the key set has no usable signature key")]
    JwksWithoutUsableKey,
    /// The provider given is not the one of the connection.
    #[error("the connection and the discovered provider have different issuers")]
    ProviderOfAnotherIssuer,

    // The callback
    /// `state` is absent or not the one of this flow.
    #[error("the state is absent or belongs to another flow")]
    StateMismatch,
    /// The provider promises the `iss` parameter (RFC 9207) and the callback lacks it.
    #[error("the callback lacks the iss parameter that the provider promises")]
    CallbackIssuerMissing,
    /// The `iss` parameter (RFC 9207) names somebody else.
    #[error("the iss parameter of the callback names another issuer")]
    CallbackIssuerMismatch,
    /// The provider answered with an error.
    #[error("the provider refused the sign-in: {error}")]
    ProviderRefused {
        /// The code as the provider sent it, if it is one we know.
        error: ErrorCode,
    },
    /// The callback has no code.
    #[error("the callback has no authorization code")]
    CodeMissing,
    /// The code is longer than any real one.
    #[error("the authorization code is too long")]
    CodeTooLong,

    // The token response
    /// The token endpoint could not be reached or did not answer as one.
    #[error("the token endpoint could not be used: {0}")]
    TokenEndpointUnreachable(#[source] EgressError),
    /// The token endpoint refused the code.
    #[error("the token endpoint answered with status {status}: {error}")]
    TokenRefused {
        /// The HTTP status.
        status: u16,
        /// The code as the provider sent it, if it is one we know.
        error: ErrorCode,
    },
    /// The token response is not what RFC 6749 section 5.1 describes.
    #[error("the token response is malformed")]
    TokenResponseMalformed,
    /// The token type is not Bearer.
    #[error("the token type is not Bearer")]
    TokenTypeRefused,
    /// The token response has no ID token.
    #[error("the token response has no ID token")]
    IdTokenMissing,

    // The envelope of the ID token
    /// The ID token is longer than 16 KiB.
    #[error("the ID token is too long")]
    IdTokenTooLong,
    /// The ID token is no compact JWS.
    #[error("the ID token is not a compact JWS: {0}")]
    IdTokenMalformed(&'static str),
    /// The `typ` header is neither absent nor JWT.
    #[error("the ID token declares another type than JWT")]
    TypeRefused,
    /// A header that would change how or with what the token is verified.
    #[error("the ID token carries the header {0}")]
    HeaderRefused(&'static str),
    /// The algorithm is not on the connection's list.
    #[error("the signature algorithm is not on the connection's list")]
    AlgorithmRefused,
    /// No published key fits, also after looking again.
    #[error("no published key fits the ID token")]
    KeyUnknown,
    /// Several different published keys fit.
    #[error("several published keys fit the ID token")]
    KeyAmbiguous,
    /// The signature is not by the published key.
    #[error("the signature is not valid")]
    SignatureInvalid,

    // The claims of the ID token
    /// A required claim is absent.
    #[error("the ID token lacks the claim {0}")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the claim {0} is malformed")]
    ClaimMalformed(&'static str),
    /// `iss` is not exactly the configured issuer.
    #[error("the ID token is by another issuer")]
    IssuerMismatch,
    /// `aud` does not contain our client id.
    #[error("the ID token is for another audience")]
    AudienceMismatch,
    /// `aud` contains others besides us, any of whom could replay the token here.
    #[error("the ID token is also for others")]
    AudienceNotAlone,
    /// `azp` is somebody else.
    #[error("the ID token was issued to another party")]
    AuthorizedPartyMismatch,
    /// `exp` has passed.
    #[error("the ID token has expired")]
    Expired,
    /// `iat` lies in the future.
    #[error("the ID token was issued in the future")]
    IssuedInTheFuture,
    /// `iat` lies too far in the past for a token that was just handed out.
    #[error("the ID token was issued too long ago")]
    IssuedTooLongAgo,
    /// `nbf` lies in the future.
    #[error("the ID token is not valid yet")]
    NotYetValid,
    /// `nonce` is absent or not the one of this flow.
    #[error("the nonce is absent or belongs to another flow")]
    NonceMismatch,
    /// A maximum age was asked for and there is no `auth_time`.
    #[error("the ID token does not say when the person signed in")]
    AuthTimeMissing,
    /// `auth_time` lies in the future.
    #[error("the person signed in in the future")]
    AuthTimeInTheFuture,
    /// The person proved who they are longer ago than the connection allows.
    #[error("the person signed in too long ago")]
    AuthenticationTooOld,
    /// `at_hash` does not belong to the access token it came with.
    #[error("the ID token belongs to another access token")]
    AccessTokenHashMismatch,
    /// `sub` is empty, longer than 255 characters or not ASCII.
    #[error("the subject is empty, too long or not ASCII")]
    SubjectInvalid,
    /// Something that is said about the person is too long, too much, or has control characters in it.
    #[error("a claim is too long or has control characters")]
    AttributeRefused,
}

impl From<saml::Refusal> for SsoError {
    fn from(refusal: saml::Refusal) -> Self {
        Self::Saml(refusal)
    }
}

impl SsoError {
    /// A short stable code for the page: enough for a support call, nothing for an attacker.
    pub const fn public_code(&self) -> &'static str {
        match self {
            Self::Saml(refusal) => refusal.public_code(),
            Self::IssuerNotAUrl
            | Self::DiscoveryMalformed
            | Self::DiscoveryIssuerMismatch
            | Self::EndpointRefused(_)
            | Self::PkceUnsupported
            | Self::ClientAuthUnsupported
            | Self::JwksMalformed
            | Self::JwksWithoutUsableKey
            | Self::ProviderOfAnotherIssuer => "connection_misconfigured",
            Self::DiscoveryUnreachable(_)
            | Self::DiscoveryStatus(_)
            | Self::JwksUnreachable(_)
            | Self::JwksStatus(_)
            | Self::TokenEndpointUnreachable(_) => "provider_unreachable",
            Self::StateMismatch => "flow_mismatch",
            Self::CallbackIssuerMissing | Self::CallbackIssuerMismatch => "issuer_mismatch",
            Self::ProviderRefused { error } => match error {
                ErrorCode::AccessDenied => "access_denied",
                ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError => "provider_unreachable",
                _ => "provider_refused",
            },
            Self::CodeMissing | Self::CodeTooLong => "callback_malformed",
            Self::TokenRefused { .. }
            | Self::TokenResponseMalformed
            | Self::TokenTypeRefused
            | Self::IdTokenMissing => "token_refused",
            Self::Expired
            | Self::IssuedInTheFuture
            | Self::IssuedTooLongAgo
            | Self::NotYetValid
            | Self::AuthTimeInTheFuture => "token_time",
            Self::AuthTimeMissing | Self::AuthenticationTooOld => "authentication_too_old",
            Self::KeyUnknown | Self::KeyAmbiguous | Self::SignatureInvalid => "signature",
            Self::IdTokenTooLong
            | Self::IdTokenMalformed(_)
            | Self::TypeRefused
            | Self::HeaderRefused(_)
            | Self::AlgorithmRefused
            | Self::ClaimMissing(_)
            | Self::ClaimMalformed(_)
            | Self::IssuerMismatch
            | Self::AudienceMismatch
            | Self::AudienceNotAlone
            | Self::AuthorizedPartyMismatch
            | Self::NonceMismatch
            | Self::AccessTokenHashMismatch
            | Self::SubjectInvalid
            | Self::AttributeRefused => "token_invalid",
        }
    }
}

/// A token that is verified at a sign-in is an ID token.
impl From<JwsError> for SsoError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::TooLong => Self::IdTokenTooLong,
            JwsError::Malformed(what) => Self::IdTokenMalformed(what),
            JwsError::TypeRefused => Self::TypeRefused,
            JwsError::HeaderRefused(name) => Self::HeaderRefused(name),
            JwsError::AlgorithmRefused => Self::AlgorithmRefused,
            JwsError::KeyUnknown => Self::KeyUnknown,
            JwsError::KeyAmbiguous => Self::KeyAmbiguous,
            JwsError::SignatureInvalid => Self::SignatureInvalid,
        }
    }
}

impl From<KeysError> for SsoError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Unreachable(error) => Self::JwksUnreachable(error),
            KeysError::Status(status) => Self::JwksStatus(status),
            KeysError::Malformed => Self::JwksMalformed,
            KeysError::WithoutUsableKey => Self::JwksWithoutUsableKey,
        }
    }
}
