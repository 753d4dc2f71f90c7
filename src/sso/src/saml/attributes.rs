//! The attributes of an assertion (SAML Core §2.7.3). Knows names and texts; does not know what they mean.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::Refusal;
use super::names::{ASSERTION, all, text};

/// A value of an attribute; a distinguished name of a group is shorter.
const LONGEST_VALUE: usize = 1024;

/// Attributes by name, with their values in order. Values that are no text (`eduPersonTargetedID`) are left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, Vec<String>>);

impl Attributes {
    /// Those of every statement; one that is named twice has the values of both.
    pub(super) fn read(assertion: Node<'_, '_>) -> Result<Self, Refusal> {
        let mut attributes = BTreeMap::<String, Vec<String>>::new();
        let statements = all(assertion, ASSERTION, "AttributeStatement");
        for attribute in statements.flat_map(|statement| all(statement, ASSERTION, "Attribute")) {
            let name = attribute.attribute("Name").ok_or(Refusal::ExactlyOne("name of an attribute"))?;
            let values = attributes.entry(checked(name)?.to_owned()).or_default();
            for value in all(attribute, ASSERTION, "AttributeValue").filter_map(text) {
                values.push(checked(value.trim())?.to_owned());
            }
        }
        Ok(Self(attributes))
    }

    /// The values of an attribute.
    pub fn of(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Each attribute with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

/// What is said of somebody stays out of logs: `Debug` prints the names of the attributes.
impl std::fmt::Debug for Attributes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

fn checked(text: &str) -> Result<&str, Refusal> {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    if text.len() <= LONGEST_VALUE && text.chars().all(is_plain) {
        Ok(text)
    } else {
        Err(Refusal::AttributeText)
    }
}
