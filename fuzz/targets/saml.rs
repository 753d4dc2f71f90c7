//! Bytes are what a browser or an identity provider brings, with parts in it that a provider has signed.
#![no_main]

#[path = "../../src/sso/tests/fuzzed/saml.rs"]
mod saml;
#[path = "../../src/sso/tests/saml/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    saml::document(bytes);
});
