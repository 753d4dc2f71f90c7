//! SCIM 2.0 as a library (RFC 7643, RFC 7644, RFC 9865). Knows schemas, filters, paths, patches and
//! messages; does not know tenants, SQL, HTTP, async or the clock.
//!
//! | module | answers |
//! |---|---|
//! | [`schema`] | what a User and a Group may hold, and how `/Schemas` says so |
//! | [`json`] | is this request body JSON within our budget |
//! | [`resource`] | is this a valid resource, and what may the client write of it |
//! | [`path`], [`filter`] | which attribute, which values, which resources |
//! | [`sort`] | in which order
//! | [`patch`] | what these operations do to that resource |
//! | [`bulk`] | which operations, in which order, and what their bulkIds stand for |
//! | [`projection`], [`message`] | what the client sees |
//! | [`dialect`] | which deviations of real clients we let pass, and why |
//! | [`error`] | how a refusal looks |

pub mod bulk;
pub mod dialect;
pub mod error;
pub mod filter;
pub mod json;
mod limits;
pub mod message;
pub mod patch;
pub mod path;
pub mod projection;
pub mod resource;
pub mod schema;
pub mod sort;
pub mod text;
mod value;

pub use error::{Error, ScimType};
pub use limits::Limits;
