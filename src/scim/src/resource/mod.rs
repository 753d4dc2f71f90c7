//! The client-writable resource document. Knows schemas; does not know storage.

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::error::Error;
use crate::schema::ResourceType;

/// A resource as the client may write it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    doc: Map<String, Value>,
    members: Option<Vec<Value>>,
}

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub value: String,
    /// Its function.
    pub r#type: Option<String>,
    /// Preferred?
    pub primary: bool,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// Id of the member.
    pub value: String,
    /// `User` or `Group`.
    pub r#type: Option<String>,
    /// A name for people.
    pub display: Option<String>,
}

impl Resource {
    /// From a POST body.
    pub fn for_create(resource_type: &ResourceType, body: Value, dialect: &Dialect) -> Result<Self, Error> {
        let _ = (resource_type, body, dialect);
        Err(Error::new(501, "not yet"))
    }

    /// From a PUT body.
    pub fn for_replace(
        resource_type: &ResourceType,
        body: Value,
        current: &Self,
        dialect: &Dialect,
    ) -> Result<Self, Error> {
        let _ = (resource_type, body, current, dialect);
        Err(Error::new(501, "not yet"))
    }

    /// From our own store.
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

    /// `userName`.
    pub fn user_name(&self) -> Option<&str> {
        self.text("userName")
    }

    /// `externalId`.
    pub fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// `displayName`.
    pub fn display_name(&self) -> Option<&str> {
        self.text("displayName")
    }

    /// `active`.
    pub fn active(&self) -> bool {
        self.doc.get("active").and_then(Value::as_bool).unwrap_or(false)
    }

    /// `emails`.
    pub fn emails(&self) -> Vec<Email> {
        Vec::new()
    }

    /// Every value at a path, as text.
    pub fn values_at(&self, path: &str) -> Vec<String> {
        let _ = path;
        Vec::new()
    }

    /// The members of the request.
    pub fn take_members(&mut self) -> Result<Option<Vec<Member>>, Error> {
        let _ = self.members.take();
        Ok(None)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.doc.get(name).and_then(Value::as_str)
    }
}
