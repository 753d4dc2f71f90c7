//! Bytes are a PATCH request, read, carried out and looked at.
#![no_main]

#[path = "../../src/scim/tests/suite/model/mod.rs"]
mod model;
#[path = "../../src/scim/tests/suite/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::patch(bytes));
