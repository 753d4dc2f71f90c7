//! Memberships one by one, of people and of groups. Knows that there are two tables of them; changes neither.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{DirectoryId, GroupId};
use scim::filter::Filter;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::filter_sql::{Pages, Target};
use crate::listing::{Found, Window};
use crate::scope::DirectoryScope;
use crate::statement::{Shape, Statement};
use crate::tx::Reads;

/// Somebody or something directly in a group.
#[derive(Debug, Clone, QueryableByName)]
pub struct MembershipRow {
    /// The group.
    #[diesel(sql_type = SqlUuid)]
    pub group_id: Uuid,
    /// The member.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Whether the member is a group.
    #[diesel(sql_type = Bool)]
    pub is_group: bool,
    /// What the group is called.
    #[diesel(sql_type = Nullable<Text>)]
    pub group_name: Option<String>,
    /// What the member is called.
    #[diesel(sql_type = Nullable<Text>)]
    pub member_name: Option<String>,
    /// Since when.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
}

const COLUMNS: &str = "u.group_id, u.id, u.is_group, u.doc->'group'->>'display' AS group_name, \
    u.doc->'member'->>'display' AS member_name, u.created_at";

/// The memberships of this directory that a filter means, by group and member.
pub async fn list(
    db: &Db,
    directory: &DirectoryScope,
    filter: Option<&Filter>,
    window: &Window,
) -> Result<Found<MembershipRow>, StoreError> {
    pages(filter)?.find(db, directory, window).await
}

/// How the database answers such a list.
pub async fn plan(
    db: &Db,
    directory: &DirectoryScope,
    filter: Option<&Filter>,
    window: &Window,
) -> Result<Vec<String>, StoreError> {
    pages(filter)?.plan(db, directory, window).await
}

fn pages(filter: Option<&Filter>) -> Result<Pages, StoreError> {
    Pages::compile(&[Target::PersonIn, Target::GroupIn].map(|target| (target, filter, None, COLUMNS)))
}

/// One membership of this directory: of a person or of a group with this id.
pub async fn get(
    tx: &mut impl Reads,
    directory: DirectoryId,
    group: GroupId,
    member: Uuid,
) -> Result<Option<MembershipRow>, StoreError> {
    let one = |target: Target| {
        let of = "u.tenant_id = {} AND u.directory_id = {} AND u.group_id = {} AND u.id = {}";
        format!("SELECT {COLUMNS} FROM {} u WHERE {of}", target.table())
    };
    let text = format!("{} UNION ALL {}", one(Target::PersonIn), one(Target::GroupIn));
    let mut ask = Statement::composed(text, Vec::new(), Shape::Kept);
    for _ in [Target::PersonIn, Target::GroupIn] {
        ask = ask
            .bind::<SqlUuid, _>(tx.tenant().as_uuid())
            .bind::<SqlUuid, _>(directory.as_uuid())
            .bind::<SqlUuid, _>(group.as_uuid())
            .bind::<SqlUuid, _>(member);
    }
    Ok(tx.connection().0.load(ask).await?.pop())
}
