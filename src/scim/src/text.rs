//! Comparison keys of strings. Knows Unicode; does not know attributes.

use unicode_normalization::UnicodeNormalization as _;

/// The comparison key of a `caseExact: false` string.
///
/// RFC 7644 §5: "Before comparing or evaluating the uniqueness of a "userName" or "password" attribute,
/// service providers MUST use the preparation, enforcement, and comparison of internationalized strings
/// (PRECIS) preparation and comparison rules"
///
/// The profile for names is `UsernameCaseMapped` (RFC 8265 §3.3): width mapping, `toLowerCase()`, NFC. This
/// key is a superset of it that any attribute can use: NFKC (which includes the width mapping and NFC), then
/// the full lower-case mapping of every character, then NFKC again, because lowering can leave a decomposed
/// sequence.
///
/// The mapping looks at single characters and never at their neighbours (a capital sigma always becomes
/// `σ`), so that the key of a prefix is a prefix of the key and `sw` agrees with `eq`. It does not
/// refuse anything: a name PRECIS would disallow still compares equal to itself.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}
