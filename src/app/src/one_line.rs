//! What others said, for a place that has one line for it. Knows text; does not know who said it.

/// The first so many characters, those that control something (line ends too) as spaces.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}
