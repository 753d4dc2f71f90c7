//! Proof of possession of a code (RFC 7636), by S256 and nothing else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Whether this can be a challenge by S256: 32 bytes in base64url.
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}

/// Whether this verifier is the one that the challenge was made from. RFC 7636 §4.1: 43 to 128 unreserved characters.
pub fn proves(verifier: &str, challenge: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    let made = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    (43..=128).contains(&verifier.len())
        && verifier.chars().all(allowed)
        && bool::from(made.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_holds_and_nothing_near_it() {
        assert!(is_challenge(CHALLENGE) && proves(VERIFIER, CHALLENGE));
        assert!(!proves(CHALLENGE, CHALLENGE), "a plain challenge is none");
        assert!(!proves("", CHALLENGE) && !proves(&VERIFIER.replace('d', "e"), CHALLENGE));
        for wrong in ["", "short", &CHALLENGE.replace('-', "+"), &format!("{CHALLENGE}A")] {
            assert!(!is_challenge(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        let of = |verifier: &str| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        for (verifier, fits) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("~".repeat(128), true),
            ("a".repeat(129), false),
            (format!("{} ", "a".repeat(43)), false),
        ] {
            assert_eq!(proves(&verifier, &of(&verifier)), fits, "{verifier}");
        }
    }
}
