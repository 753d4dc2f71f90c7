//! A directory replaces a group (RFC 7644 §3.5.1); its members become the given set by a difference of sets.

use domain::id::GroupId;
use scim::dialect::Dialect;
use scim::patch::MemberChange;
use scim::resource::{Replacement, Resource};
use serde_json::Value;
use store::DirectoryScope;

use super::change_group::Asked;
use super::membership::Changes;
use super::{GroupView, Members};
use crate::App;
use crate::error::AppError;

impl App {
    /// Replaces a group's document and its members.
    pub async fn replace_group(
        &self,
        directory: &DirectoryScope,
        id: GroupId,
        if_match: Option<&str>,
        body: Value,
        dialect: &Dialect,
        wanted: Members,
    ) -> Result<GroupView, AppError> {
        let types = self.types(directory).await?;
        let schema = types.types().group();
        let mut asked = Replacement::read(schema, body, dialect)?;
        let change = match asked.take_members()? {
            Some(members) => MemberChange::ReplaceAll(members),
            None => MemberChange::RemoveAll,
        };
        let next = |current: &Resource| {
            let next = asked.clone().over(schema, current, dialect)?;
            Ok((next.as_map() != current.as_map()).then_some(next))
        };
        let changes = Changes { list: vec![change], dialect };
        self.change_group(directory, Asked { id, if_match, types: &types, changes, next }, wanted).await
    }
}
