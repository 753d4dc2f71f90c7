//! The tests of the whole, in one binary: real Postgres, real HTTP, real programs.
//!
//! **A test is a tenant.** One database serves all; each test makes a fresh tenant and sees nothing else, so everything
//! runs at once and every leak shows as a failure.

#![expect(missing_docs, reason = "tests are named as facts")]

mod house;
mod schema;
mod seats;
mod support;
mod tenancy;
