//! Bytes are read as JSON within the budget, and by another reader.
#![no_main]

#[path = "../../src/scim/tests/suite/model/mod.rs"]
mod model;
#[path = "../../src/scim/tests/suite/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::json(bytes));
