//! What went wrong at a sign-in. Knows every check by name; does not know secrets, claims or the person.

use crate::egress::EgressError;
use crate::jose::{JwsError, KeysError};
use crate::oidc::{ErrorCode, Said};
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
    /// The provider publishes how it wants clients to prove themselves, and a secret is not among the ways.
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

    // The authorization request, where it is pushed (RFC 9126)
    /// The endpoint could not be reached or did not answer as one.
    #[error("the pushed authorization request endpoint could not be used: {0}")]
    PushUnreachable(#[source] EgressError),
    /// The provider refused the request.
    #[error("the pushed authorization request was answered with status {status}: {said}")]
    PushRefused {
        /// The HTTP status.
        status: u16,
        /// What the provider said.
        said: Said,
    },
    /// The answer is not what RFC 9126 section 2.2 describes.
    #[error("the answer to the pushed authorization request is malformed")]
    PushMalformed,

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
    #[error("the token endpoint answered with status {status}: {said}")]
    TokenRefused {
        /// The HTTP status.
        status: u16,
        /// What the provider said.
        said: Said,
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
    /// `c_hash` does not belong to the code that was redeemed.
    #[error("the ID token belongs to another code")]
    CodeHashMismatch,
    /// The person signed in by none of the context classes (`acr`) that the connection requires.
    #[error("the person signed in by another context class than the connection requires")]
    ContextClassRefused,
    /// The person did not use a method (`amr`) that the connection requires.
    #[error("the person did not use an authentication method that the connection requires")]
    MethodMissing,
    /// `tid` is another Entra tenant.
    #[error("the person is of another Entra tenant")]
    EntraTenantMismatch,
    /// `hd` is not the connection's Google Workspace domain.
    #[error("the person is of another Google Workspace domain, or of none")]
    HostedDomainMismatch,
    /// `sub` is empty, longer than 255 characters or not ASCII.
    #[error("the subject is empty, too long or not ASCII")]
    SubjectInvalid,
    /// Something that is said about the person is too long, too much, or has control characters in it.
    #[error("a claim is too long or has control characters")]
    AttributeRefused,

    // The userinfo endpoint
    /// The connection wants it and the provider has none.
    #[error("the provider has no userinfo endpoint")]
    UserInfoNotOffered,
    /// It could not be reached or did not answer as one.
    #[error("the userinfo endpoint could not be used: {0}")]
    UserInfoUnreachable(#[source] EgressError),
    /// It answered with something else than 200.
    #[error("the userinfo endpoint answered with status {0}")]
    UserInfoStatus(u16),
    /// The answer is no JSON object.
    #[error("the userinfo answer is malformed")]
    UserInfoMalformed,
    /// The answer is signed, and the signature does not hold.
    #[error("the signed userinfo answer is refused: {0}")]
    UserInfoToken(#[source] JwsError),
    /// The answer is about somebody else than the ID token.
    #[error("the userinfo answer is about another person")]
    UserInfoSubjectMismatch,
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
            | Self::ProviderOfAnotherIssuer
            | Self::PushRefused { status: ..500, .. }
            | Self::PushMalformed
            | Self::UserInfoNotOffered => "connection_misconfigured",
            Self::PushRefused { status: 500.., .. }
            | Self::DiscoveryUnreachable(_)
            | Self::DiscoveryStatus(_)
            | Self::JwksUnreachable(_)
            | Self::JwksStatus(_)
            | Self::PushUnreachable(_)
            | Self::TokenEndpointUnreachable(_)
            | Self::UserInfoUnreachable(_)
            | Self::UserInfoStatus(_) => "provider_unreachable",
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
            Self::ContextClassRefused | Self::MethodMissing => "authentication_too_weak",
            Self::EntraTenantMismatch | Self::HostedDomainMismatch => "another_organisation",
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
            | Self::CodeHashMismatch
            | Self::SubjectInvalid
            | Self::AttributeRefused
            | Self::UserInfoMalformed
            | Self::UserInfoToken(_)
            | Self::UserInfoSubjectMismatch => "token_invalid",
        }
    }
}

impl SsoError {
    /// The number of the check in the list that docs/openid.md prints; of a SAML message, in that of [`Refusal::check`].
    ///
    /// [`Refusal::check`]: crate::saml::Refusal::check
    pub const fn check(&self) -> u8 {
        match self {
            Self::Saml(refusal) => refusal.check(),
            Self::StateMismatch => 4,
            Self::ProviderRefused { .. } => 5,
            Self::CallbackIssuerMissing | Self::CallbackIssuerMismatch => 6,
            Self::CodeMissing | Self::CodeTooLong => 7,
            Self::ProviderOfAnotherIssuer => 9,
            Self::TokenRefused { .. } => 10,
            Self::ClientAuthUnsupported | Self::PushRefused { .. } => 11,
            Self::IssuerNotAUrl
            | Self::DiscoveryUnreachable(_)
            | Self::DiscoveryStatus(_)
            | Self::DiscoveryMalformed
            | Self::EndpointRefused(_)
            | Self::JwksUnreachable(_)
            | Self::JwksStatus(_)
            | Self::JwksMalformed
            | Self::PushUnreachable(_)
            | Self::PushMalformed
            | Self::TokenEndpointUnreachable(_)
            | Self::TokenResponseMalformed => 12,
            Self::TokenTypeRefused => 13,
            Self::IdTokenMissing => 14,
            Self::IdTokenTooLong | Self::IdTokenMalformed(_) => 15,
            Self::AlgorithmRefused => 16,
            Self::TypeRefused | Self::HeaderRefused(_) => 17,
            Self::JwksWithoutUsableKey | Self::KeyUnknown | Self::KeyAmbiguous => 18,
            Self::SignatureInvalid => 19,
            Self::IssuerMismatch => 20,
            Self::AudienceMismatch | Self::AudienceNotAlone => 21,
            Self::AuthorizedPartyMismatch => 22,
            Self::Expired => 23,
            Self::IssuedInTheFuture | Self::IssuedTooLongAgo => 24,
            Self::NotYetValid => 25,
            Self::NonceMismatch => 26,
            Self::AuthTimeMissing | Self::AuthTimeInTheFuture | Self::AuthenticationTooOld => 27,
            Self::ContextClassRefused | Self::MethodMissing => 28,
            Self::AccessTokenHashMismatch | Self::CodeHashMismatch => 29,
            Self::SubjectInvalid => 30,
            Self::AttributeRefused => 73,
            Self::EntraTenantMismatch => 31,
            Self::HostedDomainMismatch => 32,
            Self::UserInfoNotOffered
            | Self::UserInfoUnreachable(_)
            | Self::UserInfoStatus(_)
            | Self::UserInfoMalformed
            | Self::UserInfoToken(_)
            | Self::UserInfoSubjectMismatch => 34,
            Self::ClaimMissing(name) | Self::ClaimMalformed(name) => check_of_claim(name),
            Self::DiscoveryIssuerMismatch => 51,
            Self::PkceUnsupported => 53,
        }
    }
}

const fn check_of_claim(name: &str) -> u8 {
    match name.as_bytes() {
        b"iss" => 20,
        b"aud" => 21,
        b"exp" => 23,
        b"iat" => 24,
        b"nbf" => 25,
        b"auth_time" => 27,
        b"at_hash" | b"c_hash" => 29,
        b"tid" | b"oid" => 31,
        b"session_expiry" => 49,
        _ => 30,
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
