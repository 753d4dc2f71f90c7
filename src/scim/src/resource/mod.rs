//! The document a client may write. Knows what a valid resource is; does not know where it is kept.

mod offered;
mod part;
mod read;
mod values;

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::error::Error;
use crate::schema::{Attribute, ResourceType};
use crate::value::Reader;
pub(crate) use offered::only_offered;
pub(crate) use read::{Key, draft_schema, is_members, key, names_itself, require, schemas as check_schemas};

/// A resource without `id`, `meta`, `schemas` and everything read-only, in canonical spelling: core
/// attributes at the top, each extension's under its URN, no nulls and no empty values.
///
/// The members of a group are not part of the document, however many there are: a request's members wait
/// beside it until [`Resource::take_members`].
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    doc: Map<String, Value>,
    members: Option<Vec<Value>>,
}

/// The body of a PUT, read before what it replaces is known.
#[derive(Debug, Clone)]
pub struct Replacement(Resource);

/// An e-mail address of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub value: String,
    /// What it is for.
    pub r#type: Option<String>,
    /// Is it the preferred one?
    pub primary: bool,
}

/// A member of a group, as a client names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The member's id.
    pub value: String,
    /// `User` or `Group`, if the client says so.
    pub r#type: Option<String>,
    /// A name for people.
    pub display: Option<String>,
}

impl Resource {
    /// Reads the body of a POST.
    ///
    /// A user whose `active` is not given is active: RFC 7643 §2.2 leaves defaults to the provider.
    pub fn for_create(resource_type: &ResourceType, body: Value, dialect: &Dialect) -> Result<Self, Error> {
        let reader = Reader::new(dialect);
        let (mut doc, members) = read::body(resource_type, body, &reader)?;
        if read::has_active(resource_type) && !doc.contains_key("active") {
            doc.insert("active".to_owned(), Value::Bool(true));
        }
        only_offered(resource_type, None, &mut doc, &reader)?;
        read::require(resource_type, &doc).map_err(Error::invalid_value)?;
        Ok(Self { doc, members })
    }

    /// Reads the body of a PUT over what it replaces; [`Replacement`] does it in two steps.
    pub fn for_replace(
        resource_type: &ResourceType,
        body: Value,
        current: &Self,
        dialect: &Dialect,
    ) -> Result<Self, Error> {
        Replacement::read(resource_type, body, dialect)?.over(resource_type, current, dialect)
    }

    /// Takes back a document this crate once made.
    pub fn from_stored(doc: Map<String, Value>) -> Self {
        Self { doc, members: None }
    }

    /// The document.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.doc
    }

    /// The document.
    pub fn into_map(self) -> Map<String, Value> {
        self.doc
    }

    /// The members a request names, once. `None` when it does not mention `members`, an empty list when
    /// it says there are none. Repeated ids are left out.
    pub fn take_members(&mut self) -> Result<Option<Vec<Member>>, Error> {
        self.members.take().map(|members| Member::read_all(&members)).transpose()
    }
}

impl Replacement {
    /// Reads the body of a PUT.
    pub fn read(resource_type: &ResourceType, body: Value, dialect: &Dialect) -> Result<Self, Error> {
        let (doc, members) = read::body(resource_type, body, &Reader::new(dialect))?;
        Ok(Self(Resource { doc, members }))
    }

    /// As [`Resource::take_members`].
    pub fn take_members(&mut self) -> Result<Option<Vec<Member>>, Error> {
        self.0.take_members()
    }

    /// What `current` becomes.
    ///
    /// RFC 7644 §3.5.1: "the service provider MAY assign a default value to the final resource
    /// representation": an omitted `active` stays what it was, because a client that forgets it must
    /// neither lock a person out nor let one back in. Other omitted attributes are cleared. Immutable
    /// attributes must be omitted or unchanged.
    pub fn over(
        self,
        resource_type: &ResourceType,
        current: &Resource,
        dialect: &Dialect,
    ) -> Result<Resource, Error> {
        let Resource { mut doc, members } = self.0;
        if read::has_active(resource_type)
            && !doc.contains_key("active")
            && let Some(active) = current.doc.get("active")
        {
            doc.insert("active".to_owned(), active.clone());
        }
        read::keep_immutable(resource_type, &mut doc, &current.doc)?;
        only_offered(resource_type, Some(&current.doc), &mut doc, &Reader::new(dialect))?;
        read::require(resource_type, &doc).map_err(Error::invalid_value)?;
        Ok(Resource { doc, members })
    }
}

impl Member {
    /// Members from values in canonical form.
    pub(crate) fn read_all(values: &[Value]) -> Result<Vec<Self>, Error> {
        let mut seen = std::collections::HashSet::new();
        let mut members = Vec::with_capacity(values.len());
        for value in values {
            let member = Self::read(value)?;
            if seen.insert(member.value.clone()) {
                members.push(member);
            }
        }
        Ok(members)
    }

    /// Members from the values of a request, one after the other: of a long list there is no room for two.
    pub(crate) fn read_each(
        attribute: &Attribute,
        values: impl IntoIterator<Item = Value>,
        reader: &Reader<'_>,
    ) -> Result<Vec<Self>, Error> {
        let mut seen = std::collections::HashSet::new();
        let mut members = Vec::new();
        let mut lacking = None;
        for value in values {
            let Some(value) = reader.element(attribute, value)? else { continue };
            match Self::read(&value) {
                Ok(member) if seen.insert(member.value.clone()) => members.push(member),
                Ok(_again) => {}
                // A value of the wrong type is the first thing to say, wherever it stands.
                Err(error) => {
                    lacking.get_or_insert(error);
                }
            }
        }
        lacking.map_or(Ok(members), Err)
    }

    fn read(member: &Value) -> Result<Self, Error> {
        let text = |name: &str| member.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let value = text("value")
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Error::invalid_value("Each member needs a 'value', the id of the member"))?;
        Ok(Self { value, r#type: text("type"), display: text("display") })
    }
}
