//! A directory reads groups (RFC 7644 §3.4).

use std::collections::HashMap;

use domain::id::GroupId;
use store::groups::{self, GroupRow};
use store::members::{self, Place, SomeMembers};
use store::{DirectoryScope, Reads};

use super::{GroupView, ListQuery, Page};
use crate::App;
use crate::error::AppError;

/// Whether the members of each group are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// Read them too.
    Included,
    /// Leave them out: the answer costs the same whatever the size of the group.
    Omitted,
}

impl App {
    /// One group.
    pub async fn get_group(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        wanted: Members,
    ) -> Result<GroupView, AppError> {
        let mut tx = self.db.read(directory.scope()).await?;
        let row =
            groups::get(&mut tx, directory.directory(), id).await?.ok_or(AppError::NotFound("group"))?;
        let members = members_if(&mut tx, wanted, id).await?;
        tx.finish().await?;
        Ok(GroupView::new(&row, members))
    }

    /// The members of a group after a place, as many as are read at once. An error, if the group is gone meanwhile:
    /// what was read of it so far is not the whole of anything.
    pub async fn more_members(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        place: Option<Place>,
    ) -> Result<SomeMembers, AppError> {
        members::after(&self.db, directory, id, place).await?.ok_or(AppError::NotFound("group"))
    }

    /// The groups that a query is about.
    pub async fn list_groups(
        &self,
        directory: &DirectoryScope,
        query: &ListQuery,
        wanted: Members,
    ) -> Result<Page<GroupView>, AppError> {
        let question = query.question("Groups");
        let asked = self.asked(directory, question)?;
        let found = groups::list(&self.db, directory, query.listing(&asked.window)).await?;
        let mut members = if wanted == Members::Included && !found.rows.is_empty() {
            let mut tx = self.db.read(directory.scope()).await?;
            let members = members_of(&mut tx, &found.rows).await?;
            tx.finish().await?;
            Some(members)
        } else {
            None
        };
        self.paged(directory, question, &asked, found, |row| viewed(&row, members.as_mut()))
    }
}

/// The first members of some groups, by group.
pub(super) async fn members_of(
    tx: &mut impl Reads,
    rows: &[GroupRow],
) -> Result<HashMap<GroupId, SomeMembers>, AppError> {
    let ids: Vec<GroupId> = rows.iter().map(GroupRow::group_id).collect();
    Ok(members::first(tx, &ids).await?)
}

/// A group with its share of the members, where they were read.
pub(super) fn viewed(row: &GroupRow, members: Option<&mut HashMap<GroupId, SomeMembers>>) -> GroupView {
    let own = members.map(|members| members.remove(&row.group_id()).unwrap_or_default());
    GroupView::new(row, own)
}

pub(super) async fn members_if(
    tx: &mut impl Reads,
    wanted: Members,
    group: GroupId,
) -> Result<Option<SomeMembers>, AppError> {
    match wanted {
        Members::Included => Ok(members::first(tx, &[group]).await?.remove(&group)),
        Members::Omitted => Ok(None),
    }
}
