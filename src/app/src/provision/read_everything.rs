//! A directory reads people and groups in one list (RFC 7644 §3.4.2.1).

use std::collections::HashMap;

use domain::id::{GroupId, UserId};
use scim::filter::Filter;
use scim::message::Paging;
use scim::sort::Sort;
use store::DirectoryScope;
use store::everything::{self, Entry, Everything};
use store::groups::{self, GroupRow};
use store::users::{self, Groups, UserRow};
use uuid::Uuid;

use super::listing::Question;
use super::read_groups::{members_of, viewed};
use super::{GroupView, Members, Page, UserView};
use crate::App;
use crate::error::AppError;

/// What is asked of the list of all types. Each type has the filter and the order in terms of its own schema.
#[derive(Debug, Clone)]
pub struct RootQuery {
    /// Of people.
    pub users: OfType,
    /// Of groups.
    pub groups: OfType,
    /// Which page.
    pub paging: Paging,
}

/// A query as one type understands it.
#[derive(Debug, Clone)]
pub struct OfType {
    /// Whether any of this type can match.
    pub can_match: bool,
    /// Who is meant; everybody without it.
    pub filter: Option<Filter>,
    /// In which order; by id without it.
    pub sort: Option<Sort>,
}

impl OfType {
    fn question(&self) -> Option<everything::OfType<'_>> {
        let question = everything::OfType { filter: self.filter.as_ref(), sort: self.sort.as_ref() };
        self.can_match.then_some(question)
    }
}

/// A person or a group.
#[derive(Debug, Clone)]
pub enum ResourceView {
    /// A person.
    User(Box<UserView>),
    /// A group.
    Group(Box<GroupView>),
}

impl App {
    /// The people and groups that a query is about, in one order.
    pub async fn list_everything(
        &self,
        directory: &DirectoryScope,
        query: &RootQuery,
        of_users: Groups,
        of_groups: Members,
    ) -> Result<Page<ResourceView>, AppError> {
        let RootQuery { users, groups, paging } = query;
        let question =
            Question { list: "", filter: users.filter.as_ref(), sort: users.sort.as_ref(), paging };
        let asked = self.asked(directory, question)?;
        let of = Everything { users: users.question(), groups: groups.question() };
        let found = everything::list(&self.db, directory, of, &asked.window).await?;
        let mut views = self.viewed(directory, &found.rows, of_users, of_groups).await?;
        let page = self.paged(directory, question, &asked, found, |entry| views.remove(&id(entry)))?;
        // Whoever was deleted a moment ago is not shown.
        let items = page.items.into_iter().flatten().collect();
        Ok(Page { items, total: page.total, next: page.next })
    }

    async fn viewed(
        &self,
        directory: &DirectoryScope,
        entries: &[Entry],
        of_users: Groups,
        of_groups: Members,
    ) -> Result<HashMap<Uuid, ResourceView>, AppError> {
        let mut views = HashMap::new();
        if entries.is_empty() {
            return Ok(views);
        }
        let mut tx = self.db.read(directory.scope()).await?;
        let ids: Vec<UserId> = entries.iter().filter_map(|entry| user(*entry)).collect();
        let people = users::by_ids(&mut tx, directory.directory(), &ids, of_users).await?;
        views.extend(people.into_iter().map(|row: UserRow| {
            let id = row.id;
            (id, ResourceView::User(Box::new(row.into())))
        }));
        let ids: Vec<GroupId> = entries.iter().filter_map(|entry| group(*entry)).collect();
        let found: Vec<GroupRow> = groups::by_ids(&mut tx, directory.directory(), &ids).await?;
        let mut members = match of_groups {
            Members::Included => Some(members_of(&mut tx, &found).await?),
            Members::Omitted => None,
        };
        views.extend(
            found.iter().map(|row| (row.id, ResourceView::Group(Box::new(viewed(row, members.as_mut()))))),
        );
        tx.finish().await?;
        Ok(views)
    }
}

fn user(entry: Entry) -> Option<UserId> {
    match entry {
        Entry::User(id) => Some(id),
        Entry::Group(_) => None,
    }
}

fn group(entry: Entry) -> Option<GroupId> {
    match entry {
        Entry::Group(id) => Some(id),
        Entry::User(_) => None,
    }
}

fn id(entry: Entry) -> Uuid {
    match entry {
        Entry::User(id) => id.as_uuid(),
        Entry::Group(id) => id.as_uuid(),
    }
}
