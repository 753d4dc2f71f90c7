//! A text is read as a path, alone and in a PATCH.
#![no_main]

#[path = "../../src/scim/tests/suite/model/mod.rs"]
mod model;
#[path = "../../src/scim/tests/suite/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::path(bytes));
