//! Operations on the members of a group. Knows the five changes there can be; does not know who is a member.

use serde_json::Value;

use super::body::by_id;
use super::target::Target;
use crate::dialect::{Leniency, Stricture};
use crate::error::Error;
use crate::filter::{Comparand, CompareOp, Filter};
use crate::resource::Member;
use crate::value::Reader;

/// One change to the members of a group, to be carried out as a set operation.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberChange {
    /// Add these. RFC 7644 §3.5.2.1: "If the user was already a member of this group, no changes should be
    /// made to the resource, and a success response should be returned."
    Add(Vec<Member>),
    /// Remove the members with these ids. RFC 7644 §3.5.2.2: "If the user was not a member of this group,
    /// no changes should be made to the resource, and a success response should be returned."
    Remove(Vec<String>),
    /// Remove the members that match; the filter's references are `members` with a sub-attribute.
    RemoveMatching(Filter),
    /// These and no others.
    ReplaceAll(Vec<Member>),
    /// Nobody is left.
    RemoveAll,
}

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Replace,
    Remove,
}

/// Reads one operation on `members`.
///
/// The sub-attributes of a member are immutable (RFC 7643 §4.2), so a member can be added or removed but
/// not changed.
pub(super) fn change(
    op: Op,
    target: &Target,
    value: Option<Value>,
    reader: &Reader<'_>,
) -> Result<MemberChange, Error> {
    let immutable =
        || Error::mutability("A member can be added or removed, its sub-attributes are immutable");
    if target.attr.sub.is_some() {
        return Err(immutable());
    }
    match (op, &target.filter) {
        (Op::Remove, Some(filter)) => Ok(match ids(filter) {
            Some(ids) => MemberChange::Remove(ids),
            None => MemberChange::RemoveMatching(filter.clone()),
        }),
        (_, Some(_)) => Err(immutable()),
        (Op::Remove, None) => match value {
            None | Some(Value::Null) => Ok(MemberChange::RemoveAll),
            Some(value) => {
                may_name_values(reader)?;
                Ok(of(op, read(target, value, reader)?))
            }
        },
        (Op::Add | Op::Replace, None) => Ok(of(op, read(target, given(value)?, reader)?)),
    }
}

/// The same of all members, where the value is a list of ids.
pub(super) fn change_by_ids(
    op: Op,
    target: &Target,
    ids: Vec<String>,
    reader: &Reader<'_>,
) -> Result<MemberChange, Error> {
    if op == Op::Remove {
        may_name_values(reader)?;
    }
    Ok(of(op, Member::read_each(&target.attr.attribute, ids.into_iter().map(by_id), reader)?))
}

fn may_name_values(reader: &Reader<'_>) -> Result<(), Error> {
    if reader.accepts(Leniency::RemoveByValue) {
        return Ok(());
    }
    Err(Error::invalid_syntax("A 'remove' operation has no 'value'"))
}

fn of(op: Op, members: Vec<Member>) -> MemberChange {
    match op {
        Op::Add => MemberChange::Add(members),
        Op::Remove => MemberChange::Remove(members.into_iter().map(|member| member.value).collect()),
        Op::Replace if members.is_empty() => MemberChange::RemoveAll,
        Op::Replace => MemberChange::ReplaceAll(members),
    }
}

/// Forgotten is not empty: a `replace` without a `value` must not empty the group.
fn given(value: Option<Value>) -> Result<Value, Error> {
    value.ok_or_else(|| Error::invalid_value("The operation needs a 'value'"))
}

fn read(target: &Target, value: Value, reader: &Reader<'_>) -> Result<Vec<Member>, Error> {
    let value = match value {
        Value::Object(one) if !reader.dialect.demands(Stricture::ArrayRequired) => {
            Value::Array(vec![Value::Object(one)])
        }
        other => other,
    };
    match value {
        Value::Array(items) => Member::read_each(&target.attr.attribute, items, reader),
        other => match reader.attribute(&target.attr.attribute, other)? {
            Some(Value::Array(members)) => Member::read_all(&members),
            _ => Ok(Vec::new()),
        },
    }
}

/// The ids of `value eq "a"` and of `value eq "a" or value eq "b"`, so that removal needs no search.
fn ids(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Compare { attr, op: CompareOp::Eq, value: Comparand::String(id) }
            if attr.leaf().name == "value" =>
        {
            Some(vec![id.clone()])
        }
        Filter::Or(any) => {
            let each: Option<Vec<Vec<String>>> = any.iter().map(ids).collect();
            each.map(|ids| ids.into_iter().flatten().collect())
        }
        _ => None,
    }
}
