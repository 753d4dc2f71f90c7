//! Texts that indexes hold. Knows how long one may be; does not know what it names.

use crate::error::StoreError;

/// An entry of a B-tree has at most 2,704 bytes, the ids in front of the text among them.
const LONGEST: usize = 2_048;
/// The ordinal of an e-mail address is a `smallint`.
const MOST: usize = 32_767;

/// The key of an attribute, if an index can hold it.
pub(crate) fn fitting(attribute: &'static str, key: String) -> Result<String, StoreError> {
    if key.len() <= LONGEST { Ok(key) } else { Err(StoreError::TooLong(attribute)) }
}

/// The keys of a multi-valued attribute, if each fits and they can be counted.
pub(crate) fn all_fitting(
    attribute: &'static str,
    keys: impl ExactSizeIterator<Item = String>,
) -> Result<Vec<String>, StoreError> {
    if keys.len() > MOST {
        return Err(StoreError::TooLong(attribute));
    }
    keys.map(|key| fitting(attribute, key)).collect()
}
