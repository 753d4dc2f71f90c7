//! A key of 32 bytes as text. Knows its length; the alphabet is the codec's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// 32 bytes with padding: what `openssl rand -base64 32` prints.
pub(super) fn encode(bytes: &[u8; 32]) -> String {
    STANDARD.encode(bytes)
}

/// Exactly 32 bytes in their canonical spelling, or nothing.
pub(super) fn decode(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn thirty_two_bytes_are_spelt_as_openssl_spells_them() {
        let mut key = [0_u8; 32];
        for (index, byte) in key.iter_mut().enumerate() {
            *byte = u8::try_from(255 - index * 7).unwrap();
        }

        let text = encode(&key);

        assert_eq!(text, "//jx6uPc1c7HwLmyq6Sdlo+IgXpzbGVeV1BJQjs0LSY=");
        assert_eq!(decode(&text), Some(key));
        assert_eq!(encode(&[0; 32]), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    }

    #[test]
    fn other_lengths_and_spellings_are_no_keys() {
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-=",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
