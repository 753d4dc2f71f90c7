//! A directory changes a group (RFC 7644 §3.5.2). One member more costs the same in a group of a million.

use domain::id::GroupId;
use scim::dialect::Dialect;
use scim::patch::{PatchBody, PatchPlan};
use store::DirectoryScope;

use super::change_group::Asked;
use super::membership::Changes;
use super::{GroupView, Members};
use crate::App;
use crate::error::AppError;

impl App {
    /// Applies a PATCH to a group, all of it or nothing. Nothing changed, nothing is written.
    pub async fn patch_group(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        if_match: Option<&str>,
        body: impl Into<PatchBody>,
        dialect: &Dialect,
        wanted: Members,
    ) -> Result<GroupView, AppError> {
        let types = self.types(directory).await?;
        let schema = types.types().group();
        let (plan, changes) = PatchPlan::parse(schema, body, dialect)?.split_members();
        let asked = Asked {
            id,
            if_match,
            types: &types,
            changes: Changes { list: changes, dialect },
            next: |current: &_| plan.apply(schema, current, dialect),
        };
        self.change_group(directory, asked, wanted).await
    }
}
