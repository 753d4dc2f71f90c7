#![doc = include_str!("README.md")]

pub mod cli;
pub mod cluster;
pub mod config;
pub mod http;
pub mod system;
pub mod telemetry;
