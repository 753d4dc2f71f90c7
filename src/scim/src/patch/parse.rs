//! From a PATCH body to a plan. Knows the message's shape and every check that needs no resource; does not
//! know the resource.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::body::{self, PatchBody};
use super::members::{self, MemberChange, Op};
use super::target::{Place, Target};
use super::{Action, PatchPlan, Step};
use crate::dialect::{Dialect, Leniency, Stricture};
use crate::error::Error;
use crate::limits::Limits;
use crate::message::PATCH_OP_URN;
use crate::resource::{Key, check_schemas, draft_schema, is_members, key, names_itself};
use crate::schema::{Mutability, ResourceType, Schema};
use crate::value::Reader;

pub(super) fn plan(
    resource_type: &ResourceType,
    body: PatchBody,
    dialect: &Dialect,
) -> Result<PatchPlan, Error> {
    let (message, ids) = body.into_parts();
    let operations = operations(message)?;
    let mut ids = ids.into_iter().peekable();
    let mut planner =
        Planner { resource_type, reader: Reader::new(dialect), steps: Vec::new(), members: Vec::new() };
    for (n, operation) in operations.into_iter().enumerate() {
        let ids = ids.next_if(|ids| ids.operation == n).map(|ids| ids.list);
        planner.operation(operation, ids)?;
    }
    let Planner { steps, members, .. } = planner;
    Ok(PatchPlan { steps, members })
}

/// RFC 7644 §3.5.2: "The body of each request MUST contain the "schemas" attribute with the URI value of
/// "urn:ietf:params:scim:api:messages:2.0:PatchOp"." and "The body of an HTTP PATCH request MUST contain
/// the attribute "Operations", whose value is an array of one or more PATCH operations."
fn operations(body: Value) -> Result<Vec<Value>, Error> {
    let Value::Object(body) = body else {
        return Err(Error::invalid_syntax("The request body must be a JSON object"));
    };
    let [schemas, operations] = members_named(body, ["schemas", "Operations"], |_| true)?;
    let is_patch = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(PATCH_OP_URN));
    if !matches!(&schemas, Some(Value::Array(urns)) if urns.iter().any(is_patch)) {
        return Err(Error::invalid_syntax(format!("'schemas' must contain '{PATCH_OP_URN}'")));
    }
    let most = Limits::DEFAULT.max_operations;
    match operations {
        Some(Value::Array(operations)) if operations.len() > most => {
            Err(Error::payload_too_large(format!("The request has more than maxOperations, {most}")))
        }
        Some(Value::Array(operations)) if !operations.is_empty() => Ok(operations),
        _ => Err(Error::invalid_syntax("'Operations' must be an array of one or more operations")),
    }
}

/// The members of an object with these names, in any case.
pub(crate) fn members_named<const N: usize>(
    object: Map<String, Value>,
    names: [&str; N],
    ignore: impl Fn(&str) -> bool,
) -> Result<[Option<Value>; N], Error> {
    let mut found = [const { None }; N];
    for (name, value) in object {
        let slot = names.iter().zip(&mut found).find(|(wanted, _)| wanted.eq_ignore_ascii_case(&name));
        match slot {
            Some((_, Some(_))) => return Err(crate::value::twice(&name)),
            Some((_, slot)) => *slot = Some(value),
            None if ignore(&name) => {}
            None => return Err(Error::invalid_syntax(format!("An operation has no member '{name}'"))),
        }
    }
    Ok(found)
}

/// Whether this may be the path of a group's members.
fn ends_in_members(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with("members")
}

struct Planner<'a> {
    resource_type: &'a ResourceType,
    reader: Reader<'a>,
    steps: Vec<Step>,
    members: Vec<MemberChange>,
}

impl Planner<'_> {
    /// One operation, and what its value says if that is a list of ids alone.
    fn operation(&mut self, operation: Value, ids: Option<Vec<String>>) -> Result<(), Error> {
        let Value::Object(operation) = operation else {
            return Err(Error::invalid_syntax("Each operation must be a JSON object"));
        };
        let reader = &self.reader;
        let [op, path, value] = members_named(operation, ["op", "path", "value"], |_| {
            reader.accepts(Leniency::UnknownAttribute)
        })?;
        let op = self.op(op.as_ref())?;
        let value = match (ids, &path) {
            (Some(ids), Some(Value::String(path))) if ends_in_members(path) => {
                return self.by_ids(op, path, ids);
            }
            (Some(ids), _) => Some(ids.into_iter().map(body::by_id).collect()),
            (None, _) => value,
        };
        match (op, path, value) {
            (_, Some(Value::String(path)), value) => self.at_path(op, &path, value),
            (_, Some(path), _) if !path.is_null() => Err(Error::invalid_path("'path' must be a string")),
            // RFC 7644 §3.5.2.2: "If "path" is unspecified, the operation fails with HTTP status code 400
            // and a "scimType" error code of "noTarget"."
            (Op::Remove, _, _) if !reader.dialect.demands(Stricture::PathRequired) => {
                Err(Error::no_target("A 'remove' operation needs a 'path'"))
            }
            _ if reader.dialect.demands(Stricture::PathRequired) => {
                Err(Error::invalid_syntax("Every operation needs a 'path'"))
            }
            (_, _, Some(Value::Object(object))) => self.whole_resource(op, object),
            _ => Err(Error::invalid_value(
                "An operation without 'path' needs an object of attributes as 'value'",
            )),
        }
    }

    fn by_ids(&mut self, op: Op, path: &str, ids: Vec<String>) -> Result<(), Error> {
        if let Place::Attribute(target) = Place::parse(self.resource_type, path, self.reader.dialect)?
            && is_members(self.resource_type, &target.attr.attribute)
            && target.attr.sub.is_none()
            && target.filter.is_none()
        {
            target.refuse_read_only()?;
            self.members.push(members::change_by_ids(op, &target, ids, &self.reader)?);
            return Ok(());
        }
        self.at_path(op, path, Some(ids.into_iter().map(body::by_id).collect()))
    }

    fn op(&self, op: Option<&Value>) -> Result<Op, Error> {
        let unknown = || Error::invalid_syntax("'op' must be one of 'add', 'remove' and 'replace'");
        let text = op.and_then(Value::as_str).ok_or_else(unknown)?;
        let known = [("add", Op::Add), ("remove", Op::Remove), ("replace", Op::Replace)];
        if let Some((_, op)) = known.iter().find(|(name, _)| *name == text) {
            return Ok(*op);
        }
        match known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, op)) if self.reader.accepts(Leniency::OperationCase) => Ok(*op),
            _ => Err(unknown()),
        }
    }

    fn at_path(&mut self, op: Op, path: &str, value: Option<Value>) -> Result<(), Error> {
        match Place::parse(self.resource_type, path, self.reader.dialect)? {
            Place::Attribute(target) if target.attr.is_core("schemas") => self.schemas(op, value),
            Place::Attribute(target) => {
                target.refuse_read_only()?;
                self.step(op, target, value)
            }
            Place::Schema(schema) => self.whole_schema(op, &schema, value),
        }
    }

    /// `schemas` is computed from what a resource holds, so it can be named but not changed.
    fn schemas(&self, op: Op, value: Option<Value>) -> Result<(), Error> {
        match (op, value) {
            (Op::Remove, _) => Err(Error::mutability("'schemas' is required")),
            (Op::Replace, Some(value)) => check_schemas(self.resource_type, value, &self.reader),
            (Op::Add, Some(value)) => {
                let core = Value::from(self.resource_type.schema.id.as_str());
                let mut urns = vec![core];
                match value {
                    Value::Array(items) => urns.extend(items),
                    one => urns.push(one),
                }
                check_schemas(self.resource_type, Value::Array(urns), &self.reader)
            }
            (_, None) => Err(Error::invalid_value("The operation needs a 'value'")),
        }
    }

    /// A path that is the URN of a schema: every attribute of it that the value names.
    fn whole_schema(&mut self, op: Op, schema: &Arc<Schema>, value: Option<Value>) -> Result<(), Error> {
        match (op, value) {
            (Op::Remove, _) => {
                let Some(extension) = self.resource_type.extension(&schema.id) else {
                    return Err(Error::mutability("The core schema cannot be removed"));
                };
                for attribute in &Arc::clone(extension).attributes {
                    if attribute.mutability != Mutability::ReadOnly {
                        let target = Target::whole(Some(schema.id.clone()), Arc::clone(attribute));
                        self.step(Op::Remove, target, None)?;
                    }
                }
                Ok(())
            }
            (_, Some(Value::Object(object))) if schema.id == self.resource_type.schema.id => {
                self.whole_resource(op, object)
            }
            (_, Some(Value::Object(object))) => self.extension(op, schema, object),
            _ => Err(Error::invalid_value("The operation needs an object of attributes as 'value'")),
        }
    }

    /// RFC 7644 §3.5.2.3: "If the "path" parameter is omitted, the target is assumed to be the resource
    /// itself.  In this case, the "value" attribute SHALL contain a list of one or more attributes that are
    /// to be replaced."
    fn whole_resource(&mut self, op: Op, object: Map<String, Value>) -> Result<(), Error> {
        for (name, value) in object {
            if self.is_notation(&name) {
                self.at_dotted_key(op, &name, value)?;
                continue;
            }
            match key(self.resource_type, &name, &self.reader)? {
                Key::Schemas => self.schemas(op, Some(value))?,
                Key::Extension(schema) => match value {
                    Value::Object(object) => self.extension(op, schema, object)?,
                    Value::Null if op == Op::Replace => {
                        self.whole_schema(Op::Remove, schema, None)?;
                    }
                    Value::Null => {}
                    _ => return Err(Error::invalid_syntax(format!("'{name}' must be an object"))),
                },
                Key::Core(attribute) => {
                    self.step(op, Target::whole(None, Arc::clone(attribute)), Some(value))?;
                }
                Key::Ignored => {
                    let read_only = self
                        .resource_type
                        .attribute(&name)
                        .is_some_and(|attribute| attribute.mutability == Mutability::ReadOnly);
                    if read_only && !self.reader.accepts(Leniency::ReadOnlyInPatch) {
                        return Err(Error::mutability(format!("'{name}' is read-only")));
                    }
                }
            }
        }
        Ok(())
    }

    fn extension(&mut self, op: Op, schema: &Schema, object: Map<String, Value>) -> Result<(), Error> {
        for (name, value) in object {
            match schema.attribute(&name) {
                Some(attribute) if attribute.mutability == Mutability::ReadOnly => {
                    if !self.reader.accepts(Leniency::ReadOnlyInPatch) {
                        return Err(Error::mutability(format!("'{name}' is read-only")));
                    }
                }
                Some(attribute) => {
                    let target = Target::whole(Some(schema.id.clone()), Arc::clone(attribute));
                    self.step(op, target, Some(value))?;
                }
                None if name.contains('.') => {
                    self.at_dotted_key(op, &format!("{}:{name}", schema.id), value)?;
                }
                None if names_itself(schema, &name, &value) => {}
                None if self.reader.accepts(Leniency::UnknownAttribute) => {}
                None => {
                    let detail = format!("The attribute '{name}' is not in '{}'", schema.id);
                    return Err(Error::invalid_syntax(detail));
                }
            }
        }
        Ok(())
    }

    /// Is this key an attribute path rather than a name or a schema URN?
    fn is_notation(&self, name: &str) -> bool {
        name.contains(['.', '[', ':'])
            && self.resource_type.schema_by_urn(name).is_none()
            && draft_schema(self.resource_type, name).is_none()
    }

    /// `name.givenName`, `urn:…:User:department` or `emails[type eq "work"].value` as a key. A key of a schema
    /// we do not have goes the way of other unknown keys.
    fn at_dotted_key(&mut self, op: Op, name: &str, value: Value) -> Result<(), Error> {
        let target = match Target::parse(self.resource_type, name, self.reader.dialect) {
            Ok(target) => target,
            Err(error) => {
                let leniency =
                    if name.contains(':') { Leniency::UnknownSchema } else { Leniency::UnknownAttribute };
                let unknown = !name.contains('[') && self.reader.accepts(leniency);
                return if unknown { Ok(()) } else { Err(Error::invalid_syntax(error.detail)) };
            }
        };
        let plain_urn = target.attr.sub.is_none() && target.filter.is_none();
        if !plain_urn && !self.reader.accepts(Leniency::DottedKey) {
            return Err(Error::invalid_syntax(format!("'{name}' is a path, not the name of an attribute")));
        }
        if target.is_read_only() && self.reader.accepts(Leniency::ReadOnlyInPatch) {
            return Ok(());
        }
        target.refuse_read_only()?;
        self.step(op, target, Some(value))
    }

    /// One attribute, one value. Replacing by null or `[]` unassigns, and so does the empty string where an
    /// object is expected; an object with nothing in it that we keep changes nothing. What is write-only, a password,
    /// is taken and forgotten, however it is named.
    fn step(&mut self, op: Op, target: Target, value: Option<Value>) -> Result<(), Error> {
        if target.leaf().mutability == Mutability::WriteOnly {
            return Ok(());
        }
        if is_members(self.resource_type, &target.attr.attribute) {
            self.members.push(members::change(op, &target, value, &self.reader)?);
            return Ok(());
        }
        let action = match op {
            Op::Remove => self.removal(&target, value)?,
            Op::Add | Op::Replace => {
                let value = value.ok_or_else(|| Error::invalid_value("The operation needs a 'value'"))?;
                let unassigns = match &value {
                    Value::Object(_) => false,
                    Value::String(text) if text.is_empty() => true,
                    _ => op == Op::Replace,
                };
                match (self.value(op, &target, value)?, op) {
                    (Some(value), Op::Add) => Action::Add(value),
                    (Some(value), _) => Action::Replace(value),
                    (None, _) if unassigns => {
                        target.refuse_unassigning()?;
                        Action::Remove
                    }
                    (None, _) => return Ok(()),
                }
            }
        };
        self.steps.push(Step { target, action });
        Ok(())
    }

    fn removal(&self, target: &Target, value: Option<Value>) -> Result<Action, Error> {
        target.refuse_unassigning()?;
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Action::Remove) };
        if !self.reader.accepts(Leniency::RemoveByValue) {
            return Err(Error::invalid_syntax("A 'remove' operation has no 'value'"));
        }
        if !target.leaf().multi_valued || target.filter.is_some() {
            return Ok(Action::Remove);
        }
        match self.value(Op::Add, target, value)? {
            Some(Value::Array(items)) => Ok(Action::RemoveValues(items)),
            _ => Ok(Action::RemoveValues(Vec::new())),
        }
    }

    /// The value in the form the target takes: one element behind a filter, otherwise the whole.
    ///
    /// RFC 7644 §3.5.2.1: "The value MAY be a quoted value, or it may be a JSON object containing the
    /// sub-attributes of the complex attribute specified in the operation's "path"." So one value may be
    /// added to a multi-valued attribute without an array around it.
    fn value(&self, op: Op, target: &Target, value: Value) -> Result<Option<Value>, Error> {
        let leaf = target.leaf();
        if target.filter.is_some() && target.attr.sub.is_none() {
            let one = match value {
                Value::Array(items) if items.len() == 1 => items.into_iter().next().unwrap_or_default(),
                other => other,
            };
            return self.reader.element(leaf, one);
        }
        match value {
            Value::Array(items) => self.reader.attribute(leaf, Value::Array(items)),
            Value::Null => Ok(None),
            _ if leaf.multi_valued && self.reader.dialect.demands(Stricture::ArrayRequired) => {
                Err(Error::invalid_value(format!("'{}' is multi-valued: an array is expected", leaf.name)))
            }
            one if leaf.multi_valued && op == Op::Add => self.reader.list(leaf, vec![one]),
            other => self.reader.attribute(leaf, other),
        }
    }
}
