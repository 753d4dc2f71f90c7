//! The envelope of a message. Knows base64 and UTF-8; does not know XML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Refusal;

/// In base64, as it comes: a response with two thousand groups has half of it.
const LONGEST: usize = 256 * 1024;

/// The text of a message that came by the POST binding (SAML Bindings §3.5.4): standard base64, with white space where a
/// form put some.
pub(super) fn open(message: &str) -> Result<String, Refusal> {
    if message.len() > LONGEST {
        return Err(Refusal::TooLong);
    }
    let compact: String = message.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    let bytes = STANDARD.decode(compact).map_err(|error| refused(&error, "it is not standard base64"))?;
    let text = String::from_utf8(bytes).map_err(|error| refused(&error, "it is not UTF-8"))?;
    if text.starts_with('\u{feff}') {
        return Err(Refusal::Encoding("it begins with a byte order mark"));
    }
    Ok(text)
}

fn refused(_: &dyn std::error::Error, why: &'static str) -> Refusal {
    Refusal::Encoding(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_be_broken_into_lines_and_nothing_else() {
        assert_eq!(open("PGEv\r\n Pg=="), Ok("<a/>".to_owned()));

        for (message, why) in [
            ("PGEvPg", "it is not standard base64"),
            ("PGEv-g==", "it is not standard base64"),
            ("gICA", "it is not UTF-8"),
            ("77u/PGEvPg==", "it begins with a byte order mark"),
        ] {
            assert_eq!(open(message), Err(Refusal::Encoding(why)), "{message}");
        }
        assert_eq!(open(&"A".repeat(LONGEST + 1)), Err(Refusal::TooLong));
    }
}
