//! Links to the outside: directories (SCIM), their credentials, and connections (SSO).

mod credentials;
mod directories;
mod openid;

pub use credentials::{CredentialView, IssueCredential, IssuedCredential};
pub use directories::{DirectoryView, NewDirectory};
pub use openid::{ConnectionView, NewConnection};
