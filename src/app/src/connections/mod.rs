//! Links to the outside: directories (SCIM), their credentials, and connections (SSO).

mod credentials;
mod dialects;
mod directories;
mod openid;
mod operator_credentials;
mod rotate_credential;

pub use credentials::{CredentialState, CredentialView, IssueCredential, IssuedCredential};
pub(crate) use dialects::Dialects;
pub use directories::{
    ChangeDirectory, DialectName, DirectoryDetails, DirectoryView, LeniencyUse, NewDirectory,
};
pub use openid::{ConnectionView, NewConnection};
pub use operator_credentials::OperatorCredentialView;
pub use rotate_credential::RotateCredential;
