//! Bytes are an assertion, which a trusted key then signs.
#![no_main]

#[path = "../../src/sso/tests/fuzzed/saml.rs"]
mod saml;
#[path = "../../src/sso/tests/saml/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    saml::assertion(bytes);
});
