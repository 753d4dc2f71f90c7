//! Bytes are what a token endpoint answers, a token, keys, or the header and claims of a token that a trusted key then signs.
#![no_main]

#[path = "../../src/sso/tests/fuzzed/token.rs"]
mod token;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    token::token(bytes);
});
