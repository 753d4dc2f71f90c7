//! Links to the outside: directories (SCIM), what opens them, and connections (SSO).

mod credentials;
mod dialects;
mod directories;
mod fetch_access_token;
mod oauth_clients;
mod openid;
mod operator_credentials;
mod pending_members;
mod rotate_credential;
mod saml;
mod saml_keys;
mod sso;
mod token_issuers;

pub(crate) use self::sso::document;
pub use self::sso::{ChangeConnection, ConnectionView};
pub use ::sso::client_assertion::ALGORITHMS as ASSERTION_ALGORITHMS;
pub use credentials::{CredentialState, CredentialView, IssueCredential, IssuedCredential};
pub(crate) use dialects::Dialects;
pub use directories::{
    ChangeDirectory, DialectName, DirectoryDetails, DirectoryView, LeniencyUse, NewDirectory,
};
pub use fetch_access_token::{AccessToken, Proof, TokenRequest};
pub(crate) use oauth_clients::public_keys;
pub use oauth_clients::{ClientProof, CreatedOAuthClient, NewOAuthClient, OAuthClientView};
pub use openid::{NewClientSecret, NewConnection, OpenIdView};
pub use operator_credentials::OperatorCredentialView;
pub use pending_members::PendingMemberView;
pub use rotate_credential::RotateCredential;
pub use saml::{
    CertificateView, ChangeSamlConnection, ExpiryView, KeyView, MetadataSourceView, NewSamlConnection,
    SamlConnectionView,
};
pub use token_issuers::{NewTokenIssuer, TokenIssuerView};
