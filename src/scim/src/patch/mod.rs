//! PATCH (RFC 7644 §3.5.2). Knows operations; does not know storage.

use serde_json::Value;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::filter::Filter;
use crate::resource::{Member, Resource};
use crate::schema::ResourceType;

/// One change to the members of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberChange {
    /// Add these; those already present are left alone.
    Add(Vec<Member>),
    /// Remove the members with these ids; absent ones are left alone.
    Remove(Vec<String>),
    /// Remove the members that match.
    RemoveMatching(Filter),
    /// These and no others.
    ReplaceAll(Vec<Member>),
    /// None at all.
    RemoveAll,
}

/// The operations of one PATCH request, resolved and checked against the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPlan {
    members: Vec<MemberChange>,
}

impl PatchPlan {
    /// Reads and checks a PATCH body.
    pub fn parse(resource_type: &ResourceType, body: Value, dialect: &Dialect) -> Result<Self, Error> {
        let _ = (resource_type, body, dialect);
        Err(Error::new(501, "not yet"))
    }

    /// Takes the member changes out, in the order of the operations.
    pub fn split_members(mut self) -> (Self, Vec<MemberChange>) {
        let members = std::mem::take(&mut self.members);
        (self, members)
    }

    /// What the operations make of a resource; `None` when nothing changes.
    pub fn apply(
        &self,
        resource_type: &ResourceType,
        resource: &Resource,
    ) -> Result<Option<Resource>, Error> {
        let _ = (resource_type, resource);
        Err(Error::new(501, "not yet"))
    }
}
