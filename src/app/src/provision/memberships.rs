//! A directory reads, makes and ends memberships one by one (draft-zollner-scim-group-members-01). Knows that they are the
//! members of groups under another address; what follows from a change, the change of a group knows.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::id::GroupId;
use scim::dialect::Dialect;
use scim::filter::Filter;
use scim::message::Paging;
use scim::patch::MemberChange;
use scim::resource::{Member, Resource};
use serde_json::Value;
use store::DirectoryScope;
use store::memberships::{self, MembershipRow};
use uuid::Uuid;

use super::change_group::Asked;
use super::listing::Question;
use super::membership::Changes;
use super::{Members, Page};
use crate::App;
use crate::error::AppError;

/// Which group and which member: what the id of a membership says, so that it is the same for as long as there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipId {
    group: GroupId,
    member: Uuid,
}

impl MembershipId {
    /// What [`Display`](std::fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (group, member) = bytes.split_at(16);
        Some(Self {
            group: GroupId::from_uuid(Uuid::from_slice(group).ok()?),
            member: Uuid::from_slice(member).ok()?,
        })
    }
}

impl std::fmt::Display for MembershipId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [*self.group.as_uuid().as_bytes(), *self.member.as_bytes()].concat();
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// A membership as a directory sees it.
#[derive(Debug, Clone)]
pub struct MembershipView {
    /// Id.
    pub id: MembershipId,
    /// The group.
    pub group: GroupId,
    /// What it is called.
    pub group_name: Option<String>,
    /// The member.
    pub member: Uuid,
    /// Whether that is a group.
    pub is_group: bool,
    /// What it is called.
    pub member_name: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl From<MembershipRow> for MembershipView {
    fn from(row: MembershipRow) -> Self {
        let MembershipRow { group_id, id: member, is_group, group_name, member_name, created_at } = row;
        let group = GroupId::from_uuid(group_id);
        let id = MembershipId { group, member };
        Self { id, group, group_name, member, is_group, member_name, created_at }
    }
}

impl App {
    /// One membership.
    pub async fn get_membership(
        &self,
        directory: &DirectoryScope,
        id: MembershipId,
    ) -> Result<MembershipView, AppError> {
        self.found(directory, id).await?.ok_or(AppError::NotFound("membership"))
    }

    async fn found(
        &self,
        directory: &DirectoryScope,
        id: MembershipId,
    ) -> Result<Option<MembershipView>, AppError> {
        let mut tx = self.db.read(directory.scope()).await?;
        let row = memberships::get(&mut tx, directory.directory(), id.group, id.member).await?;
        tx.finish().await?;
        Ok(row.map(MembershipView::from))
    }

    /// The memberships that a filter means, by group and member.
    pub async fn list_memberships(
        &self,
        directory: &DirectoryScope,
        filter: Option<&Filter>,
        paging: &Paging,
    ) -> Result<Page<MembershipView>, AppError> {
        let question = Question { list: "GroupMemberships", filter, sort: None, paging };
        let asked = self.asked(directory, question)?;
        let found = memberships::list(&self.db, directory, filter, &asked.window).await?;
        self.paged(directory, question, &asked, found, MembershipView::from)
    }

    /// Adds a member to a group. What is not there is the request's mistake, what is a member already is a conflict.
    pub async fn create_membership(
        &self,
        directory: &DirectoryScope,
        body: Value,
        dialect: &Dialect,
    ) -> Result<MembershipView, AppError> {
        let resource = Resource::for_create(&scim::schema::group_membership(), body, dialect)?;
        let end = |name: &str| {
            let value = resource.as_map().get(name).and_then(|end| end.get("value")).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let (group, member) = (end("group"), end("member"));
        let no_group = || AppError::from(scim::Error::invalid_value("group: there is no such Group"));
        let id: GroupId = group.parse().or(Err(no_group()))?;
        if let Ok(known) = member.parse::<Uuid>()
            && self.found(directory, MembershipId { group: id, member: known }).await?.is_some()
        {
            return Err(AppError::Conflict("the group has this member".to_owned()));
        }
        let member = Member { value: member, r#type: None, display: None };
        let known = member.value.parse().unwrap_or_default();
        self.change_one(directory, id, MemberChange::Add(vec![member])).await.map_err(
            |error| match error {
                AppError::NotFound(_) => no_group(),
                other => other,
            },
        )?;
        self.get_membership(directory, MembershipId { group: id, member: known }).await
    }

    /// Removes a member from a group.
    pub async fn delete_membership(
        &self,
        directory: &DirectoryScope,
        id: MembershipId,
    ) -> Result<(), AppError> {
        self.get_membership(directory, id).await?;
        self.change_one(directory, id.group, MemberChange::Remove(vec![id.member.to_string()])).await
    }

    async fn change_one(
        &self,
        directory: &DirectoryScope,
        group: GroupId,
        change: MemberChange,
    ) -> Result<(), AppError> {
        let types = self.types(directory).await?;
        let dialect = Dialect::strict();
        let changes = Changes { list: vec![change], dialect: &dialect };
        let asked =
            Asked { id: group, if_match: None, types: &types, changes, next: |_: &Resource| Ok(None) };
        self.change_group(directory, asked, Members::Omitted).await?;
        Ok(())
    }
}
