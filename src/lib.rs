#![doc = include_str!("README.md")]
// A use case's future holds the types of its queries, which nest deeply.
#![recursion_limit = "256"]

pub mod cli;
pub mod cluster;
pub mod config;
pub mod http;
pub mod system;
pub mod telemetry;
