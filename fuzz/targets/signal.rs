//! Bytes are a token by which a provider tells us something, or the header and claims of one that a trusted key then signs.
#![no_main]

#[path = "../../src/sso/tests/fuzzed/signal.rs"]
mod signal;
#[path = "../../src/sso/tests/fuzzed/token.rs"]
#[expect(dead_code, reason = "the rest of it is for another target")]
mod token;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    signal::signal(bytes);
});
