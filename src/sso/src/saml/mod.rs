//! SAML 2.0 as a service provider. Knows what an identity provider's word must look like to be believed; does not know
//! browsers, SQL or whom the word means here.
//!
//! | module | what it is |
//! |---|---|
//! | [`Connection`] | what is configured |
//! | `envelope`, `scan`, `prefilter` | from base64 to a document that can be read in one way only |
//! | `verify` | the signed bytes, by samael: nothing else is asked of that library |
//! | `decrypt` | encrypted assertions |
//! | `response`, `assertion` | what the signed bytes must say |
//! | [`start`], [`logout`], [`metadata`] | what we send, and how messages travel |
//! | [`Refusal`] | one variant per check that failed, with its number |

mod assertion;
mod attributes;
mod binding;
mod connection;
mod decrypt;
mod envelope;
mod identity;
mod keys;
pub mod logout;
pub mod metadata;
mod names;
mod prefilter;
mod refusal;
mod request;
mod response;
mod scan;
mod signing;
mod verify;
mod xml;

pub use assertion::NameId;
pub use attributes::Attributes;
pub use binding::{Binding, Endpoint, Outgoing};
pub use connection::{Certificate, Connection, DecryptionKey, Signed, Subject};
pub use identity::Facts;
pub use keys::{NewKey, generate as generate_key};
pub use refusal::{Refusal, Status};
pub use request::{AuthnRequest, Wish, new_id, start};
pub use response::{Accepted, Expected, accept};
pub use signing::SigningKey;
