//! The tests of the whole, in one binary: real Postgres, real HTTP, real programs.
//!
//! **A test is a tenant.** One database serves all; each test makes a fresh tenant and sees nothing else, so everything
//! runs at once and every leak shows as a failure.

#![cfg(test)] // so that clippy knows helpers for what they are
#![expect(unreachable_pub, reason = "a binary of tests, which are named as facts")]

mod api;
mod coverage;
mod crash;
mod examples;
mod house;
mod overlap;
mod routes;
mod schema;
mod seats;
mod support;
mod tenancy;
