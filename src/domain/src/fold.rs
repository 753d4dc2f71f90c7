//! Comparison of names people type. Knows case; does not know where the names come from.

/// The key under which two spellings of a name are the same name.
///
/// Group names, organisation keys and attribute values come from strings that SCIM declares
/// `caseExact: false`, so `Sales` and `sales` are one unit.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Whether two spellings are the same name. Every group of a person is compared with every rule that names one, so that two
/// different names are told apart without writing either anew.
pub(crate) fn same(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    left == right || (nearly(left).eq(nearly(right)) && fold(left) == fold(right))
}

/// The characters of the key as far as each can be said by itself: which small sigma it is depends on its place.
fn nearly(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase).map(|it| if it == 'ς' { 'σ' } else { it })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_are_one_name_if_and_only_if_their_keys_are_equal() {
        let names = [
            "",
            "Sales",
            "sALES",
            "sales ",
            "sale",
            "営業",
            "営業部",
            "Ａ",
            "ａ",
            "ΟΔΟΣ",
            "οδος",
            "οδοσ",
            "ΟΔΟΣ2",
            "οδοσ2",
            "Σ",
            "σ",
            "ς",
            "İ",
            "i",
            "i\u{307}",
            "I",
            "\u{212a}",
            "k",
            "K",
            "ß",
            "ẞ",
            "SS",
            "École",
            "ÉCOLE",
            "E\u{301}cole",
        ];

        for left in names {
            for right in names {
                assert_eq!(same(left, right), fold(left) == fold(right), "{left:?} and {right:?}");
            }
        }
        assert!(same("ΟΔΟΣ", "οδος") && !same("οδοσ", "οδος") && same("\u{212a}", "K"));
    }
}
