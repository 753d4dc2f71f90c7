//! Standard base64 of a key. Knows RFC 4648 §4; does not know what is decoded.
//!
//! The codec crate belongs to the rooms that seal and mint; for one key of 32 bytes the gateway's own manifest
//! does without it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 32 bytes with padding: what `openssl rand -base64 32` prints.
pub(super) fn encode(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(44);
    for chunk in bytes.chunks(3) {
        let mut padded = [0_u8; 4];
        for (slot, byte) in padded.iter_mut().skip(1).zip(chunk) {
            *slot = *byte;
        }
        let word = u32::from_be_bytes(padded);
        for position in 0..4_usize {
            let index = usize::try_from((word >> (18 - 6 * position)) & 63).unwrap_or_default();
            let digit = ALPHABET.get(index).copied().unwrap_or(b'=');
            text.push(if position > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

/// Exactly 32 bytes, or nothing. Only the canonical spelling is accepted, so that two texts are two keys.
pub(super) fn decode(text: &str) -> Option<[u8; 32]> {
    let mut bytes = Vec::with_capacity(33);
    let digits = text.strip_suffix('=').filter(|_| text.len() == 44)?;
    for chunk in digits.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for digit in chunk {
            let value = ALPHABET.iter().position(|known| known == digit)?;
            word = (word << 6) | u32::try_from(value).ok()?;
        }
        let missing = 4_usize.saturating_sub(chunk.len());
        word <<= 6 * missing;
        bytes.extend(word.to_be_bytes().into_iter().skip(1).take(3_usize.saturating_sub(missing)));
    }
    let key = <[u8; 32]>::try_from(bytes).ok()?;
    (encode(&key) == text).then_some(key)
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
