//! A directory reads groups (RFC 7644 §3.4).

use std::collections::HashMap;

use domain::id::GroupId;
use scim::filter::Filter;
use store::groups::{self, GroupRow};
use store::members::{self, MemberRow};
use store::users::Slice;
use store::{DirectoryScope, Reads};
use uuid::Uuid;

use super::{GroupView, Page};
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
        let members = members_if(&mut tx, wanted, &[id]).await?;
        tx.finish().await?;
        Ok(GroupView::new(&row, members))
    }

    /// The groups that a filter names.
    pub async fn list_groups(
        &self,
        directory: &DirectoryScope,
        filter: Option<&Filter>,
        slice: Slice,
        wanted: Members,
    ) -> Result<Page<GroupView>, AppError> {
        let (rows, total) = groups::list(&self.db, directory, filter, slice).await?;
        if wanted == Members::Omitted {
            return Ok(Page { items: rows.iter().map(|row| GroupView::new(row, None)).collect(), total });
        }
        let ids: Vec<GroupId> = rows.iter().map(GroupRow::group_id).collect();
        let mut tx = self.db.read(directory.scope()).await?;
        let members = members::of_groups(&mut tx, &ids).await?;
        tx.finish().await?;
        let mut of: HashMap<Uuid, Vec<MemberRow>> = HashMap::new();
        for member in members {
            of.entry(member.group_id).or_default().push(member);
        }
        let items = rows
            .iter()
            .map(|row| GroupView::new(row, Some(of.remove(&row.id).unwrap_or_default())))
            .collect();
        Ok(Page { items, total })
    }
}

pub(super) async fn members_if(
    tx: &mut impl Reads,
    wanted: Members,
    groups: &[GroupId],
) -> Result<Option<Vec<MemberRow>>, AppError> {
    match wanted {
        Members::Included => Ok(Some(members::of_groups(tx, groups).await?)),
        Members::Omitted => Ok(None),
    }
}
