//! Usher: SCIM 2.0 provisioning and single sign-on gateway.

pub mod cluster;
pub mod config;
pub mod http;
pub mod system;
pub mod telemetry;
