//! Domains of e-mail addresses that a tenant proves to be its own. Knows how a claim is proved and when it lapses; does
//! not know how DNS is spoken (`dns`).

mod claims;
mod dns;
mod proof;

pub use claims::{DomainState, DomainView, NewDomain};
pub(crate) use dns::Dns;
