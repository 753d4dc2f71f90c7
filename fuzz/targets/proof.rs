//! Bytes are a proof that an app holds a key, or the header and claims of one that the key then signs.
#![no_main]

#[path = "../../src/sso/tests/fuzzed/proof.rs"]
mod proof;
#[path = "../../src/sso/tests/fuzzed/token.rs"]
#[expect(dead_code, reason = "the rest of it is for another target")]
mod token;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    proof::proof(bytes);
});
