//! Members of a locked group come and go. Knows sets of ids; never the whole list where a few change.

use std::collections::BTreeSet;

use domain::audit::{Action, AuditEvent};
use domain::id::{GroupId, UserId};
use scim::patch::MemberChange;
use scim::resource::Member;
use serde_json::json;
use store::{DirectoryScope, WriteTx, members, users};

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

    fn note(&mut self, came: Vec<UserId>, went: Vec<UserId>) {
        for user in came {
            if !self.went.remove(&user) {
                self.came.insert(user);
            }
        }
        for user in went {
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

/// Applies the changes in their order.
pub(super) async fn apply(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    group: GroupId,
    changes: Vec<MemberChange>,
) -> Result<Moved, AppError> {
    let mut moved = Moved::default();
    for change in changes {
        match change {
            MemberChange::Add(list) => {
                let people = known(tx, directory, &list).await?;
                moved.note(members::add(tx, group, &people).await?, Vec::new());
            }
            MemberChange::Remove(ids) => {
                // Somebody who is not there cannot be a member: nothing to do for them.
                let people: Vec<UserId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
                let people = users::lock_many(tx, directory.directory(), &people).await?;
                moved.note(Vec::new(), members::remove(tx, group, &people).await?);
            }
            MemberChange::RemoveMatching(filter) => {
                let people = members::matching(tx, group, &filter).await?;
                let people = users::lock_many(tx, directory.directory(), &people).await?;
                moved.note(Vec::new(), members::remove(tx, group, &people).await?);
            }
            MemberChange::ReplaceAll(list) => {
                let people = known(tx, directory, &list).await?;
                let went = members::keep_only(tx, group, &people).await?;
                moved.note(members::add(tx, group, &people).await?, went);
            }
            MemberChange::RemoveAll => {
                moved.note(Vec::new(), members::keep_only(tx, group, &[]).await?);
            }
        }
    }
    Ok(moved)
}

/// The access of everybody whom the changes moved.
pub(super) async fn settle(
    app: &App,
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    moved: &Moved,
) -> Result<Vec<AuditEvent>, AppError> {
    let people: Vec<UserId> = moved.came.union(&moved.went).copied().collect();
    let people = users::lock_many(tx, directory.directory(), &people).await?;
    reevaluate(app, tx, &people).await
}

/// The people that a list of members names, locked. A name that nobody of this directory has refuses the whole
/// request.
async fn known(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    list: &[Member],
) -> Result<Vec<UserId>, AppError> {
    let wanted: BTreeSet<UserId> = list
        .iter()
        .map(|member| member.value.parse::<UserId>().map_err(|_not_an_id| unknown(&member.value)))
        .collect::<Result<_, _>>()?;
    let wanted: Vec<UserId> = wanted.into_iter().collect();
    let found = users::lock_many(tx, directory.directory(), &wanted).await?;
    match wanted.iter().find(|id| found.binary_search(id).is_err()) {
        Some(missing) => Err(unknown(&missing.to_string())),
        None => Ok(found),
    }
}

fn unknown(value: &str) -> AppError {
    let shown: String = value.chars().take(64).collect();
    scim::Error::invalid_value(format!("members: there is no User \"{shown}\"")).into()
}
