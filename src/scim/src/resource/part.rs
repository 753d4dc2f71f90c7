//! A part of a stored document. Knows which names a path begins with; reads past everything else.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::Resource;
use super::values::container_of;

impl Resource {
    /// Takes back of a document that this crate once made what these paths lead to: [`Resource::values_at`] says the same of the part
    /// as of the whole.
    pub fn part_of_stored(text: &str, paths: &BTreeSet<String>) -> Result<Self, serde_json::Error> {
        let names: Vec<String> = paths.iter().filter_map(|path| container_of(path)).collect();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let doc = deserializer.deserialize_map(Named(&names))?;
        deserializer.end()?;
        Ok(Self::from_stored(doc))
    }
}

/// The members of an object with these names, in any case.
struct Named<'a>(&'a [String]);

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.0.iter().any(|wanted| wanted.eq_ignore_ascii_case(&name)) {
                found.insert(name, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_says_the_same_as_the_whole_at_the_paths_that_it_is_of() {
        let doc = json!({
            "userName": "hana",
            "title": "Lead",
            "emails": [{"value": "hana@acme.example", "type": "work"}, {"value": "h@home.example"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "sales", "organization": "Acme"},
            "urn:acme:Badge": {"colours": ["red", "blue"]},
        });
        let whole = Resource::from_stored(doc.as_object().cloned().unwrap());
        for path in [
            "title",
            "TITLE",
            "emails.value",
            "emails",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "URN:ietf:params:scim:schemas:extension:Enterprise:2.0:User:Department",
            "urn:acme:Badge:colours",
            "nickName",
            "urn:other:Badge:colours",
            "no path at all[",
        ] {
            let part =
                Resource::part_of_stored(&doc.to_string(), &BTreeSet::from([path.to_owned()])).unwrap();

            assert_eq!(part.values_at(path), whole.values_at(path), "{path}");
            assert!(part.as_map().len() <= 1, "{path}: {part:?}");
        }
    }
}
