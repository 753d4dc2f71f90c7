//! Bytes choose a resource and operations of their own; the engine is held to the model.
#![no_main]

#[path = "../../src/scim/tests/suite/model/mod.rs"]
mod model;
#[path = "../../src/scim/tests/suite/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracles::model(bytes));
