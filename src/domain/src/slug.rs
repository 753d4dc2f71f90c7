//! Short names for addresses. Knows which characters are safe in a URL; does not know what they name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A short name that is safe in a URL and a host name: lower-case ASCII letters, digits and `-`,
/// 1 to 63 characters, no dash at either end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Slug(String);

/// The text is not a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlug {
    /// Nothing, or more than 63 characters.
    #[error("a slug has 1 to 63 characters")]
    Length,
    /// Something other than a lower-case ASCII letter, a digit or a dash.
    #[error("a slug has only lower-case ASCII letters, digits and dashes")]
    Character,
    /// A dash at the beginning or the end.
    #[error("a slug neither begins nor ends with a dash")]
    EdgeDash,
}

impl Slug {
    /// Reads a slug.
    pub fn parse(text: &str) -> Result<Self, InvalidSlug> {
        if text.is_empty() || text.len() > 63 {
            return Err(InvalidSlug::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(InvalidSlug::Character);
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(InvalidSlug::EdgeDash);
        }
        Ok(Self(text.to_owned()))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_inner_dashes_make_a_slug() {
        for text in ["a", "7", "acme", "acme-emea-2", &"x".repeat(63)] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_would_need_escaping_or_folding_is_refused() {
        assert_eq!(Slug::parse(""), Err(InvalidSlug::Length));
        assert_eq!(Slug::parse(&"x".repeat(64)), Err(InvalidSlug::Length));
        for text in ["Acme", "a_b", "a.b", "a/b", "営業", "a b", "a\0b"] {
            assert_eq!(Slug::parse(text), Err(InvalidSlug::Character), "{text}");
        }
        for text in ["-a", "a-", "-"] {
            assert_eq!(Slug::parse(text), Err(InvalidSlug::EdgeDash), "{text}");
        }
    }

    #[test]
    fn a_stored_slug_is_checked_again_when_read() {
        assert!(serde_json::from_str::<Slug>("\"acme\"").is_ok());
        assert!(serde_json::from_str::<Slug>("\"Acme!\"").is_err());
    }
}
