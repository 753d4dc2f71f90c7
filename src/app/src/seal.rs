//! Seals what must be read back. Knows an AEAD and key ids; does not know what it seals.
//!
//! A sealed value is `key id length (1 byte) | key id | nonce (12 bytes) | ciphertext and tag`, AES-256-GCM, with the
//! purpose as associated data: a secret of one kind cannot be passed off as another. Any known key opens, the first
//! one seals, so that keys can be rotated.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use domain::clock::Entropy;

use crate::error::AppError;

/// One key and its name.
#[derive(Clone)]
pub struct SealingKey {
    /// Name, at most 255 bytes; stands in front of everything that the key sealed.
    pub id: String,
    /// The key.
    pub key: [u8; 32],
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Seals and opens.
#[derive(Debug, Clone)]
pub struct Sealer {
    active: SealingKey,
    older: Vec<SealingKey>,
}

const NONCE_BYTES: usize = 12;

impl Sealer {
    /// Seals with `active`; opens with it and with `older`.
    pub fn new(active: SealingKey, older: Vec<SealingKey>) -> Self {
        Self { active, older }
    }

    /// The keys, the active one first, for what is made from them and kept nowhere.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.active).chain(&self.older).map(|key| &key.key)
    }

    pub(crate) fn seal(
        &self,
        purpose: &str,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, AppError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let length = u8::try_from(self.active.id.len())
            .map_err(|error| AppError::Internal(format!("sealing key id: {error}")))?;
        let cipher = Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&self.active.key));
        let sealed = cipher
            .encrypt(Nonce::from_slice(&nonce), Payload { msg: plain, aad: purpose.as_bytes() })
            .map_err(|error| AppError::Internal(format!("sealing: {error}")))?;
        Ok([&[length], self.active.id.as_bytes(), &nonce, &sealed].concat())
    }

    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, AppError> {
        let broken = || AppError::Internal(format!("a sealed value cannot be opened ({purpose})"));
        let (length, rest) = sealed.split_first().ok_or_else(broken)?;
        let (id, rest) = rest.split_at_checked(usize::from(*length)).ok_or_else(broken)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES).ok_or_else(broken)?;
        let key = std::iter::once(&self.active)
            .chain(&self.older)
            .find(|key| key.id.as_bytes() == id)
            .ok_or_else(broken)?;
        Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&key.key))
            .decrypt(Nonce::from_slice(nonce), Payload { msg: ciphertext, aad: purpose.as_bytes() })
            .map_err(|_opaque| broken())
    }
}

#[cfg(test)]
mod tests {
    use domain::clock::CountingEntropy;

    use super::*;

    fn key(id: &str, byte: u8) -> SealingKey {
        SealingKey { id: id.to_owned(), key: [byte; 32] }
    }

    #[test]
    fn an_older_key_still_opens_after_a_rotation() {
        let entropy = CountingEntropy::new();
        let sealed = Sealer::new(key("one", 1), vec![]).seal("secret", b"hello", &entropy).unwrap();

        let rotated = Sealer::new(key("two", 2), vec![key("one", 1)]);

        assert_eq!(rotated.open("secret", &sealed).unwrap(), b"hello");
        assert_ne!(rotated.seal("secret", b"hello", &entropy).unwrap(), sealed);
    }

    #[test]
    fn another_purpose_another_key_or_a_changed_byte_opens_nothing() {
        let sealer = Sealer::new(key("one", 1), vec![]);
        let secret_box = sealer.seal("secret", b"hello", &CountingEntropy::new()).unwrap();

        assert!(sealer.open("flow", &secret_box).is_err());
        assert!(Sealer::new(key("one", 9), vec![]).open("secret", &secret_box).is_err());
        for at in 0..secret_box.len() {
            let mut changed = secret_box.clone();
            changed[at] ^= 1;
            assert!(sealer.open("secret", &changed).is_err(), "byte {at}");
            assert!(sealer.open("secret", &secret_box[..at]).is_err(), "cut at {at}");
        }
    }
}
