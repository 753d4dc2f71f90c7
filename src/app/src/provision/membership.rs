//! Members of a locked group, people and groups, come and go. Knows sets of ids; never the whole list where a few change.

use std::collections::BTreeSet;

use domain::audit::{Action, AuditEvent};
use domain::id::{GroupId, UserId};
use scim::dialect::{Dialect, Leniency};
use scim::patch::MemberChange;
use scim::resource::Member;
use serde_json::json;
use store::members::{self, Mark};
use store::{DirectoryScope, WriteTx, users};

use super::nesting::Nested;
use crate::App;
use crate::access::reevaluate;
use crate::error::AppError;

/// Who came and who went.
#[derive(Debug, Default)]
pub(super) struct Moved {
    came: BTreeSet<UserId>,
    went: BTreeSet<UserId>,
    nested: Nested,
}

impl Moved {
    pub(super) fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty() && self.nested.is_empty()
    }

    fn came(&mut self, people: Vec<UserId>) {
        for user in people {
            if !self.went.remove(&user) {
                self.came.insert(user);
            }
        }
    }

    fn went(&mut self, people: Vec<UserId>) {
        for user in people {
            if !self.came.remove(&user) {
                self.went.insert(user);
            }
        }
    }

    /// One event for all people who came, one for all who went, and the same of groups.
    pub(super) fn events(&self, group: GroupId) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        if !self.came.is_empty() {
            events.push(AuditEvent::new(Action::GroupMembersAdd, group).after(json!({"members": self.came})));
        }
        if !self.went.is_empty() {
            events.push(
                AuditEvent::new(Action::GroupMembersRemove, group).before(json!({"members": self.went})),
            );
        }
        events.extend(self.nested.events(group));
        events
    }
}

/// Changes of a group's members, and the dialect that they were asked for in.
pub(super) struct Changes<'a> {
    pub(super) list: Vec<MemberChange>,
    pub(super) dialect: &'a Dialect,
}

/// Applies the changes in their order. Those who are named and `known` have been locked first, all at once and in the
/// order of ids, so that two requests that name the same people wait for each other instead of blocking each other.
pub(super) async fn apply(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    group: GroupId,
    Changes { list: changes, dialect }: Changes<'_>,
    known: Vec<UserId>,
    mark: Mark,
) -> Result<Moved, AppError> {
    let of = directory.directory();
    let known = Known::of(tx, directory, &changes, known).await?;
    let mut moved = Moved::default();
    for change in changes {
        match change {
            MemberChange::Add(list) => {
                let named = known.all(&list, dialect)?;
                moved.came(members::add(tx, group, &named.people, mark).await?);
                moved.nested.add(tx, group, &named.groups, mark).await?;
            }
            MemberChange::Remove(ids) => {
                // What is not there cannot be a member: nothing to do for it.
                let people: Vec<UserId> = ids.iter().filter_map(|id| known.person(id)).collect();
                let groups: Vec<GroupId> = ids.iter().filter_map(|id| known.group(id)).collect();
                moved.went(members::remove(tx, group, &people, mark).await?);
                moved.nested.remove(tx, group, &groups, mark).await?;
            }
            MemberChange::RemoveMatching(filter) => {
                let people = members::matching(tx, group, &filter).await?;
                let people = users::lock_many(tx, of, &people).await?;
                let groups = store::nesting::matching(tx, group, &filter).await?;
                moved.went(members::remove(tx, group, &people, mark).await?);
                moved.nested.remove(tx, group, &groups, mark).await?;
            }
            MemberChange::ReplaceAll(list) => {
                let named = known.all(&list, dialect)?;
                moved.went(keep_only(tx, directory, group, &named.people, mark).await?);
                moved.came(members::add(tx, group, &named.people, mark).await?);
                moved.nested.keep_only(tx, group, &named.groups, mark).await?;
                moved.nested.add(tx, group, &named.groups, mark).await?;
            }
            MemberChange::RemoveAll => {
                moved.went(keep_only(tx, directory, group, &[], mark).await?);
                moved.nested.keep_only(tx, group, &[], mark).await?;
            }
        }
    }
    Ok(moved)
}

/// Everybody whom the changes name.
pub(super) fn named(changes: &Changes<'_>) -> Vec<UserId> {
    values(&changes.list).filter_map(|id| id.parse().ok()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every member that the changes name.
fn values(changes: &[MemberChange]) -> impl Iterator<Item = &str> {
    changes.iter().flat_map(|change| -> Box<dyn Iterator<Item = &str> + Send + '_> {
        match change {
            MemberChange::Add(list) | MemberChange::ReplaceAll(list) => {
                Box::new(list.iter().map(|member| member.value.as_str()))
            }
            MemberChange::Remove(list) => Box::new(list.iter().map(String::as_str)),
            MemberChange::RemoveMatching(_) | MemberChange::RemoveAll => Box::new(std::iter::empty()),
        }
    })
}

/// What is there of what is named, by id: people, who are locked, and groups.
struct Known {
    people: Vec<UserId>,
    groups: Vec<GroupId>,
}

/// The members of one list.
struct Listed {
    people: Vec<UserId>,
    groups: Vec<GroupId>,
}

impl Known {
    /// Who is no person may be a group.
    async fn of(
        tx: &mut WriteTx,
        directory: &DirectoryScope,
        changes: &[MemberChange],
        people: Vec<UserId>,
    ) -> Result<Self, AppError> {
        let mut known = Self { people, groups: Vec::new() };
        let others: BTreeSet<GroupId> = values(changes)
            .filter(|id| known.person(id).is_none())
            .filter_map(|id| id.parse().ok())
            .collect();
        let others: Vec<GroupId> = others.into_iter().collect();
        known.groups = store::nesting::groups_among(tx, directory.directory(), &others).await?;
        Ok(known)
    }

    fn person(&self, id: &str) -> Option<UserId> {
        id.parse().ok().filter(|id| self.people.binary_search(id).is_ok())
    }

    fn group(&self, id: &str) -> Option<GroupId> {
        id.parse().ok().filter(|id| self.groups.binary_search(id).is_ok())
    }

    /// A name that nobody of this directory has refuses the whole request, unless the dialect lets it be passed over.
    /// A list of which nobody is there is refused in any case: passing over all of it would empty the group.
    fn all(&self, list: &[Member], dialect: &Dialect) -> Result<Listed, AppError> {
        let mut listed = Listed { people: Vec::with_capacity(list.len()), groups: Vec::new() };
        let mut missing = None;
        for member in list {
            let (is_user, is_group) = (may_be(member, "User"), may_be(member, "Group"));
            if let Some(person) = self.person(&member.value).filter(|_| is_user) {
                listed.people.push(person);
            } else if let Some(group) = self.group(&member.value).filter(|_| is_group) {
                listed.groups.push(group);
            } else if dialect.grants(Leniency::SkipUnknownMember) {
                missing = Some(member);
            } else {
                return Err(unknown(member));
            }
        }
        let there = listed.people.len().saturating_add(listed.groups.len());
        match missing {
            Some(member) if there == 0 || !dialect.accepts(Leniency::SkipUnknownMember) => {
                Err(unknown(member))
            }
            Some(_) => {
                let skipped = list.len().saturating_sub(there);
                tracing::warn!(skipped, "Passed over members who are not there");
                Ok(listed)
            }
            None => Ok(listed),
        }
    }
}

/// A member that says what it is, is that or nothing.
fn may_be(member: &Member, kind: &str) -> bool {
    member.r#type.as_ref().is_none_or(|said| said.eq_ignore_ascii_case(kind))
}

/// Removes everybody but these, and locks those who went.
async fn keep_only(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    group: GroupId,
    people: &[UserId],
    mark: Mark,
) -> Result<Vec<UserId>, AppError> {
    let went = members::keep_only(tx, group, people, mark).await?;
    users::lock_many(tx, directory.directory(), &went).await?;
    Ok(went)
}

/// The access of everybody whom the changes moved.
pub(super) async fn settle(
    app: &App,
    tx: &mut WriteTx,
    group: GroupId,
    moved: &Moved,
) -> Result<Vec<AuditEvent>, AppError> {
    let people: Vec<UserId> = moved.came.union(&moved.went).copied().collect();
    let changed = reevaluate(app, tx, &people).await?;
    moved.nested.settle(app, tx, group).await?;
    Ok(changed)
}

fn unknown(member: &Member) -> AppError {
    let shown: String = member.value.chars().take(64).collect();
    let kind = if !may_be(member, "User") && may_be(member, "Group") { "Group" } else { "User" };
    scim::Error::invalid_value(format!("members: there is no {kind} \"{shown}\"")).into()
}
