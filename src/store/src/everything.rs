//! People and groups of a directory in one list. Knows how two tables are put in one order; reads only their ids.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Uuid as SqlUuid};
use domain::id::{GroupId, UserId};
use scim::filter::Filter;
use scim::sort::Sort;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::filter_sql::{Pages, Target};
use crate::listing::{Found, Window};
use crate::scope::DirectoryScope;

/// What is asked of a list over both types; a type that is left out has nobody in it.
#[derive(Debug, Clone, Copy)]
pub struct Everything<'a> {
    /// Of people.
    pub users: Option<OfType<'a>>,
    /// Of groups.
    pub groups: Option<OfType<'a>>,
}

/// The question in the terms of one type.
#[derive(Debug, Clone, Copy)]
pub struct OfType<'a> {
    /// Who is meant; everybody without it.
    pub filter: Option<&'a Filter>,
    /// In which order, the same for both types; by id without it.
    pub sort: Option<&'a Sort>,
}

/// A person or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A person.
    User(UserId),
    /// A group.
    Group(GroupId),
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    is_group: bool,
}

/// The people and groups of this directory that are wanted, in one order.
pub async fn list(
    db: &Db,
    directory: &DirectoryScope,
    of: Everything<'_>,
    window: &Window,
) -> Result<Found<Entry>, StoreError> {
    let users = of.users.map(|of| (Target::User, of.filter, of.sort, "u.id, FALSE AS is_group"));
    let groups = of.groups.map(|of| (Target::Group, of.filter, of.sort, "u.id, TRUE AS is_group"));
    let sources: Vec<_> = users.into_iter().chain(groups).collect();
    if sources.is_empty() {
        return Ok(Found { rows: Vec::new(), total: Some(0), next: None });
    }
    let found = Pages::compile(&sources)?.find::<Row>(db, directory, window).await?;
    let rows = found.rows.iter().map(|row| {
        if row.is_group {
            Entry::Group(GroupId::from_uuid(row.id))
        } else {
            Entry::User(UserId::from_uuid(row.id))
        }
    });
    Ok(Found { rows: rows.collect(), total: found.total, next: found.next })
}
