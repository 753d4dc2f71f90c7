//! What a directory does to people and groups. Knows the SCIM engine and the order of effects; does not know HTTP.

mod bulk;
mod change_group;
mod create_group;
mod create_user;
mod delete_group;
mod delete_user;
mod let_in_again;
mod listing;
mod membership;
mod memberships;
mod nesting;
mod offered;
mod patch_group;
mod patch_user;
mod pending;
mod read_everything;
mod read_groups;
mod read_users;
mod replace_group;
mod replace_user;
mod seating;
mod settle;
mod types;

use chrono::{DateTime, Utc};
use domain::id::{GroupId, UserId};
use scim::resource::Resource;
use serde_json::{Map, Value};
use store::groups::GroupRow;
use store::users::UserRow;

pub use bulk::BulkVoice;
pub(crate) use bulk::Jobs;
pub(crate) use create_user::{Invited, Start};
pub use listing::ListQuery;
pub use memberships::{MembershipId, MembershipView};
pub use offered::{Offer, Offered, Seats};
pub(crate) use patch_user::Change;
pub use read_everything::{OfType, ResourceView, RootQuery};
pub use read_groups::Members;
pub(crate) use seating::{
    Claims, announce_promoted, claim, invited, meanwhile, pool_of, rehearse_seats, reseat_by_policy,
};
pub(crate) use settle::{announce, leave, settle, state};
pub use store::members::{MemberRow, Place, SomeMembers};
pub use store::users::{Groups, Slice};
pub use types::TenantTypes;
pub(crate) use types::TypesCache;

use crate::error::AppError;

/// A person as a directory sees them.
#[derive(Debug, Clone)]
pub struct UserView {
    /// Id.
    pub id: UserId,
    /// What the directory wrote.
    pub resource: Resource,
    /// Version, one more with each change.
    pub version: i64,
    /// When created.
    pub created_at: DateTime<Utc>,
    /// When last changed.
    pub updated_at: DateTime<Utc>,
    /// Their groups as `[{value, display, type}]`, where asked for.
    pub groups: Option<Value>,
}

/// A group as a directory sees it.
#[derive(Debug, Clone)]
pub struct GroupView {
    /// Id.
    pub id: GroupId,
    /// What the directory wrote, without members.
    pub resource: Resource,
    /// Version, one more with each change of the group or its members.
    pub version: i64,
    /// When created.
    pub created_at: DateTime<Utc>,
    /// When last changed.
    pub updated_at: DateTime<Utc>,
    /// Its first members, where asked for.
    pub members: Option<SomeMembers>,
}

impl From<UserRow> for UserView {
    fn from(mut row: UserRow) -> Self {
        Self {
            id: row.user_id(),
            resource: row.take_resource(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            groups: row.groups,
        }
    }
}

impl GroupView {
    fn new(row: &GroupRow, members: Option<SomeMembers>) -> Self {
        Self {
            id: row.group_id(),
            resource: row.resource(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            members,
        }
    }
}

/// One page of a list, and how many there are in all.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The page.
    pub items: Vec<T>,
    /// All that match; in a walk by cursor, all that matched when it began.
    pub total: i64,
    /// Leads to the next page of a walk by cursor, unless this is the last.
    pub next: Option<String>,
}

/// Refuses a change of a resource that the caller does not have the newest version of (RFC 7644 §3.14).
fn check_version(if_match: Option<&str>, version: i64) -> Result<(), AppError> {
    match if_match {
        Some(header) if !scim::message::etag::matches_any(header, version) => {
            Err(AppError::PreconditionFailed)
        }
        _ => Ok(()),
    }
}

/// The top-level attributes in which two documents differ, as they were and as they are.
fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> (Value, Value) {
    let differs = |name: &&String| before.get(*name) != after.get(*name);
    let pick = |from: &Map<String, Value>| {
        let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
        names
            .filter(differs)
            .filter_map(|name| from.get(name).map(|value| (name.clone(), value.clone())))
            .collect::<Map<_, _>>()
    };
    (Value::Object(pick(before)), Value::Object(pick(after)))
}
