//! Members of a locked group come and go. Knows sets of ids; never the whole list where a few change.

use std::collections::BTreeSet;

use domain::audit::{Action, AuditEvent};
use domain::id::{GroupId, UserId};
use scim::dialect::{Dialect, Leniency};
use scim::patch::MemberChange;
use scim::resource::Member;
use serde_json::json;
use store::members::{self, Mark};
use store::{DirectoryScope, WriteTx, users};

use crate::App;
use crate::access::reevaluate;
use crate::error::AppError;

/// Who came and who went.
#[derive(Debug, Default)]
pub(super) struct Moved {
    came: BTreeSet<UserId>,
    went: BTreeSet<UserId>,
}

impl Moved {
    pub(super) fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty()
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

    /// One event for all who came, one for all who went.
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
    let known = Known(known);
    let mut moved = Moved::default();
    for change in changes {
        match change {
            MemberChange::Add(list) => {
                let people = known.all(&list, dialect)?;
                moved.came(members::add(tx, group, &people, mark).await?);
            }
            MemberChange::Remove(ids) => {
                // Somebody who is not there cannot be a member: nothing to do for them.
                let people: Vec<UserId> = ids.iter().filter_map(|id| known.one(id)).collect();
                moved.went(members::remove(tx, group, &people, mark).await?);
            }
            MemberChange::RemoveMatching(filter) => {
                let people = members::matching(tx, group, &filter).await?;
                let people = users::lock_many(tx, of, &people).await?;
                moved.went(members::remove(tx, group, &people, mark).await?);
            }
            MemberChange::ReplaceAll(list) => {
                let people = known.all(&list, dialect)?;
                moved.went(keep_only(tx, directory, group, &people, mark).await?);
                moved.came(members::add(tx, group, &people, mark).await?);
            }
            MemberChange::RemoveAll => {
                moved.went(keep_only(tx, directory, group, &[], mark).await?);
            }
        }
    }
    Ok(moved)
}

/// Everybody whom the changes name.
pub(super) fn named(changes: &Changes<'_>) -> Vec<UserId> {
    let mut ids = BTreeSet::new();
    for change in &changes.list {
        match change {
            MemberChange::Add(list) | MemberChange::ReplaceAll(list) => {
                ids.extend(list.iter().filter_map(|member| member.value.parse::<UserId>().ok()));
            }
            MemberChange::Remove(list) => ids.extend(list.iter().filter_map(|id| id.parse::<UserId>().ok())),
            MemberChange::RemoveMatching(_) | MemberChange::RemoveAll => {}
        }
    }
    ids.into_iter().collect()
}

/// Those who are there of those who are named, by id, locked.
struct Known(Vec<UserId>);

impl Known {
    fn one(&self, id: &str) -> Option<UserId> {
        id.parse().ok().filter(|id| self.0.binary_search(id).is_ok())
    }

    /// A name that nobody of this directory has refuses the whole request, unless the dialect lets it be passed over.
    /// A list of which nobody is there is refused in any case: passing over all of it would empty the group.
    fn all(&self, list: &[Member], dialect: &Dialect) -> Result<Vec<UserId>, AppError> {
        let mut people = Vec::with_capacity(list.len());
        let mut missing: Option<&str> = None;
        for member in list {
            match self.one(&member.value) {
                Some(person) => people.push(person),
                None if dialect.grants(Leniency::SkipUnknownMember) => missing = Some(&member.value),
                None => return Err(unknown(&member.value)),
            }
        }
        match missing {
            Some(value) if people.is_empty() || !dialect.accepts(Leniency::SkipUnknownMember) => {
                Err(unknown(value))
            }
            Some(_) => {
                let skipped = list.len().saturating_sub(people.len());
                tracing::warn!(skipped, "Passed over members who are not there");
                Ok(people)
            }
            None => Ok(people),
        }
    }
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

/// The access of everybody whom the changes moved; they are locked.
pub(super) async fn settle(app: &App, tx: &mut WriteTx, moved: &Moved) -> Result<Vec<AuditEvent>, AppError> {
    let people: Vec<UserId> = moved.came.union(&moved.went).copied().collect();
    reevaluate(app, tx, &people).await
}

fn unknown(value: &str) -> AppError {
    let shown: String = value.chars().take(64).collect();
    scim::Error::invalid_value(format!("members: there is no User \"{shown}\"")).into()
}
