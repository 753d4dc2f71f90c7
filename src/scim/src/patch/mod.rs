//! PATCH (RFC 7644 §3.5.2). Knows what operations mean for a resource; does not know where resources are kept.
//!
//! A request becomes a plan first: paths resolved, values checked, mutability enforced, everything that
//! needs no resource. Applying the plan is then a pure function of the resource.

mod apply;
mod body;
mod describe;
mod elements;
mod members;
mod parse;
mod target;

use serde_json::Value;

pub use body::PatchBody;
pub use members::MemberChange;
pub(crate) use parse::members_named;

use crate::dialect::Dialect;
use crate::error::Error;
use crate::resource::Resource;
use crate::schema::ResourceType;
use crate::value::Reader;
use target::Target;

/// The operations of one PATCH request, resolved and checked against the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPlan {
    steps: Vec<Step>,
    members: Vec<MemberChange>,
}

/// One operation on one attribute. A path-less operation becomes several.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    target: Target,
    action: Action,
}

/// What to do at the target; values are in canonical form.
#[derive(Debug, Clone, PartialEq)]
enum Action {
    Add(Value),
    Replace(Value),
    Remove,
    /// Of a multi-valued attribute, the values equal to these.
    RemoveValues(Vec<Value>),
}

impl PatchPlan {
    /// Reads and checks the body of a PATCH.
    pub fn parse(
        resource_type: &ResourceType,
        body: impl Into<PatchBody>,
        dialect: &Dialect,
    ) -> Result<Self, Error> {
        parse::plan(resource_type, body.into(), dialect)
    }

    /// Takes the changes to a group's members out, in the order of the operations. Members are not part
    /// of the document, so their order against other attributes makes no difference.
    pub fn split_members(mut self) -> (Self, Vec<MemberChange>) {
        let members = std::mem::take(&mut self.members);
        (self, members)
    }

    /// Does the plan touch the document at all?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Does one of the operations say that the resource is inactive? What they make of it in the end, [`apply`](Self::apply) tells.
    pub fn deactivates(&self) -> bool {
        let says = |step: &Step| match &step.action {
            Action::Add(value) | Action::Replace(value) => value == &Value::Bool(false),
            Action::Remove | Action::RemoveValues(_) => true,
        };
        self.steps.iter().any(|step| step.target.leaf().name == "active" && says(step))
    }

    /// What the operations make of a resource; `None` when nothing changes.
    ///
    /// RFC 7644 §3.5.2: "A PATCH request, regardless of the number of operations, SHALL be treated as
    /// atomic." The resource given is never touched. Member changes are not applied here.
    pub fn apply(
        &self,
        resource_type: &ResourceType,
        resource: &Resource,
        dialect: &Dialect,
    ) -> Result<Option<Resource>, Error> {
        let mut doc = resource.as_map().clone();
        for step in &self.steps {
            apply::step(step, &mut doc, dialect)?;
        }
        crate::resource::only_offered(
            resource_type,
            Some(resource.as_map()),
            &mut doc,
            &Reader::new(dialect),
        )?;
        crate::resource::require(resource_type, &doc).map_err(Error::mutability)?;
        Ok((doc != *resource.as_map()).then(|| Resource::from_stored(doc)))
    }
}
