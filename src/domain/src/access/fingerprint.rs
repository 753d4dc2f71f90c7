//! A short text that stands for a long one. Knows how texts are put together; does not know what they say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What stands for a row of texts: the same for the same texts in the same order, and another for others.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds a text to the row.
    pub fn add(&mut self, text: &str) {
        // With its length, so that no two rows run together.
        self.0.update(text.len().to_string());
        self.0.update(":");
        self.0.update(text);
    }

    /// The text that stands for the row.
    pub fn finish(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> String {
        let mut fingerprint = Fingerprint::default();
        for text in texts {
            fingerprint.add(text);
        }
        fingerprint.finish()
    }

    #[test]
    fn other_texts_have_another_fingerprint_wherever_they_are_cut() {
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        for other in [&["a", "bc"][..], &["abc"], &["c", "ab"], &["ab", "c", ""], &[]] {
            assert_ne!(of(&["ab", "c"]), of(other), "{other:?}");
        }
    }
}
