//! The words that people are found by. Knows how names and addresses are cut into beginnings of words; does not know SQL.
//!
//! Names and addresses are folded (NFKC, without case) and parted at white space. A search finds whatever begins a part, what
//! follows a punctuation mark in it (`yamada` in `taro.yamada@acme.example`), and, in scripts that are written without spaces
//! between words, whatever stands anywhere (`太郎` in `山田太郎`). Each such beginning is a row, and a word of a search is
//! a range of rows.

use std::collections::BTreeSet;

use scim::resource::Resource;
use scim::text::fold;

/// The longest word of a search, in characters. Rows are cut here, so no search can ask for more than there is.
pub const LONGEST_WORD: usize = 100;
/// So far into a part words begin.
const FURTHEST: usize = 200;
/// Enough for any name and a dozen addresses; what comes after is not found.
const MOST: usize = 300;

/// From here on, characters belong to scripts without spaces (CJK radicals, kana, ideographs, hangul).
const WITHOUT_SPACES: char = '\u{2e80}';

/// Everything that somebody is found by, sorted.
pub(crate) fn of(resource: &Resource) -> BTreeSet<String> {
    let emails = resource.emails().into_iter().map(|email| email.value);
    let names = ["name.formatted", "name.givenName", "name.familyName"];
    let names = names.into_iter().flat_map(|path| resource.values_at(path));
    let texts = resource.user_name().into_iter().chain(resource.display_name()).map(str::to_owned);
    let mut words = BTreeSet::new();
    for text in texts.chain(names).chain(emails) {
        for part in fold(&text).split_whitespace() {
            words.extend(beginnings(part).take(MOST.saturating_sub(words.len())));
        }
    }
    words
}

/// What begins in a part of a name.
fn beginnings(part: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = part.chars().collect();
    let begins = |n: usize| match (n.checked_sub(1).and_then(|n| characters.get(n)), characters.get(n)) {
        (_, None) => false,
        (None, _) => true,
        (Some(before), Some(it)) => *it >= WITHOUT_SPACES || before.is_ascii_punctuation() || *before == '・',
    };
    let starts: Vec<usize> = (0..characters.len().min(FURTHEST)).filter(|n| begins(*n)).collect();
    starts.into_iter().map(move |n| characters.iter().skip(n).take(LONGEST_WORD).collect())
}

/// The words of a search: folded, parted at white space and at these separators. All of them must be found.
pub fn searched(text: &str, separators: &[char]) -> BTreeSet<String> {
    let parts = text.split(separators).map(fold);
    parts.flat_map(|part| part.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The first text after all that begin with this word, in the order of code points.
pub(crate) fn end_of(word: &str) -> String {
    format!("{word}{}", char::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(document: &serde_json::Value) -> Vec<String> {
        let resource = Resource::from_stored(document.as_object().cloned().unwrap());
        of(&resource).into_iter().collect()
    }

    fn finds(words: &[String], search: &str) -> bool {
        let found =
            |word: &String| words.iter().any(|it| *it >= *word && *it < end_of(word) && it.starts_with(word));
        searched(search, &[' ', '\u{3000}']).iter().all(found)
    }

    #[test]
    fn latin_words_are_found_by_their_beginnings() {
        let words = words(&json!({"userName": "Taro.Yamada@Acme.Example"}));

        assert_eq!(words, ["acme.example", "example", "taro.yamada@acme.example", "yamada@acme.example"]);
        for search in ["taro", "YAMADA", "taro yamada", "acme.ex", "taro.yamada@acme.example", "  ", ""] {
            assert!(finds(&words, search), "{search:?}");
        }
        for search in ["mada", "taro suzuki", "taro.yamada@acme.example.org"] {
            assert!(!finds(&words, search), "{search:?}");
        }
    }

    #[test]
    fn words_without_spaces_between_them_are_found_anywhere() {
        let words =
            words(&json!({"userName": "x", "displayName": "山田　太郎", "name": {"formatted": "ﾔﾏﾀﾞﾀﾛｳ"}}));

        for search in ["山田", "太郎", "郎", "太郎　山田", "山田 x", "ヤマダ", "ダタロ", "ﾀﾛｳ", "Ｘ"]
        {
            assert!(finds(&words, search), "{search:?}");
        }
        for search in ["山郎", "山田　花子", "ヤマタ"] {
            assert!(!finds(&words, search), "{search:?}");
        }
    }

    #[test]
    fn there_is_an_end_to_the_words_of_one_person() {
        let long = (0..1_000).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        let unbroken = "字".repeat(1_000);

        assert_eq!(words(&json!({"userName": "x", "displayName": long})).len(), MOST);
        let words = words(&json!({"userName": "x", "displayName": unbroken}));
        assert!(words.len() <= FURTHEST + 1 && words.iter().all(|it| it.chars().count() <= LONGEST_WORD));
    }
}
