//! Links to the outside: directories (SCIM), their credentials, and connections (SSO).

mod credentials;
mod dialects;
mod directories;
mod openid;

pub use credentials::{CredentialView, IssueCredential, IssuedCredential};
pub(crate) use dialects::Dialects;
pub use directories::{
    ChangeDirectory, DialectName, DirectoryDetails, DirectoryView, LeniencyUse, NewDirectory,
};
pub use openid::{ConnectionView, NewConnection};
