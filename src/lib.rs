//! Usher: SCIM 2.0 provisioning and single sign-on gateway.

pub mod cluster;
pub mod config;
