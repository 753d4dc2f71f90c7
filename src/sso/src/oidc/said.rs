//! What a provider says when it refuses (RFC 6749 section 5.2). Knows how much of it an administrator is shown; does not know what
//! was asked.

use std::fmt;

use serde::Deserialize;

use crate::egress::EgressResponse;

/// The most characters of a code and of a description that are kept.
const LONGEST_CODE: usize = 64;
const LONGEST_DESCRIPTION: usize = 300;

/// The words of a provider's endpoint, which we asked ourselves: for administrators, never for a page. Each is cut short and has
/// no control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `error`.
    pub error: Option<String>,
    /// `error_description`.
    pub description: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Option<String>,
    error_description: Option<String>,
}

impl Said {
    /// The same without the description, where it may be about a person.
    pub(super) fn code_in(response: &EgressResponse) -> Self {
        Self { description: None, ..Self::in_answer(response) }
    }

    /// What stands in this answer; nothing, if it is not what RFC 6749 describes.
    pub(super) fn in_answer(response: &EgressResponse) -> Self {
        response.json::<Body>().map_or_else(
            |_| Self::default(),
            |body| Self {
                error: body.error.map(|text| plain(&text, LONGEST_CODE)),
                description: body.error_description.map(|text| plain(&text, LONGEST_DESCRIPTION)),
            },
        )
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.error.as_deref().unwrap_or("it does not say why"))?;
        self.description.iter().try_for_each(|description| write!(formatter, " ({description})"))
    }
}

/// One line of text that turns no other text round.
fn plain(text: &str, longest: usize) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&c| !c.is_control() && !turns(c)).take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_provider_are_one_short_line() {
        assert_eq!(plain("a\nb\u{1b}[31m\u{202e}c\0", 64), "ab[31mc");
        assert_eq!(plain(&"é".repeat(400), LONGEST_DESCRIPTION).chars().count(), LONGEST_DESCRIPTION);
    }

    #[test]
    fn a_refusal_is_told_by_its_code_and_its_description() {
        let said = |error: Option<&str>, description: Option<&str>| {
            Said { error: error.map(str::to_owned), description: description.map(str::to_owned) }.to_string()
        };

        assert_eq!(said(Some("invalid_client"), Some("wrong secret")), "invalid_client (wrong secret)");
        assert_eq!(said(Some("invalid_client"), None), "invalid_client");
        assert_eq!(said(None, None), "it does not say why");
    }
}
