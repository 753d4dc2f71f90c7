//! Links to the outside: directories (SCIM), their credentials, and connections (SSO).

mod connections;
mod credentials;
mod directories;

pub use connections::{ConnectionView, NewConnection};
pub use credentials::{CredentialView, IssueCredential, IssuedCredential};
pub use directories::{DirectoryView, NewDirectory};
