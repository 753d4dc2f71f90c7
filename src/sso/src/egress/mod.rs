//! The one HTTP client for everything that leaves. Knows what may be visited and how much may come back; does not know why.
//!
//! Addresses come from configuration and from documents that others publish, so each request is treated as an attempt to
//! reach something inside: https only, no private address (checked on the address that is connected to, so a name cannot
//! change its mind in between), no redirects, five seconds, a few ports, one mebibyte or less.

mod address;
mod client;
mod resolver;

pub use client::{Egress, EgressError, EgressPolicy, EgressResponse, Parcel, Receipt};
