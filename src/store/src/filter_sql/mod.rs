//! A SCIM filter as a SQL condition with bound parameters. Knows which attributes have columns; takes its meaning from
//! `scim::filter`, whose `matches` is the reference that `tests/api/filter.rs` holds it to.
//!
//! Attribute names come from the schema and stand in the text; values never do. Comparisons that indexes serve use only
//! leakproof operators on plain columns, because behind row-level security nothing else can use an index.

mod compile;
mod order;
mod page;

use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{Bool, Text, Timestamptz, Uuid as SqlUuid};
use scim::filter::{CompareOp, Filter};
use uuid::Uuid;

use crate::error::StoreError;
use crate::statement::{Shape, Statement, bound};

pub(crate) use page::{Pages, explain};

/// What is filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Rows of `users`.
    User,
    /// Rows of `groups`.
    Group,
    /// Members of one group.
    Member,
    /// Rows of `group_member`, each as a membership.
    PersonIn,
    /// Rows of `group_child`, each as a membership.
    GroupIn,
}

/// Memberships of people as rows with everything that a filter asks for; `id` is the member.
const PERSON_IN: &str = "(SELECT m.tenant_id, g.directory_id, m.group_id, m.user_id AS id, FALSE AS is_group, \
    m.added_at AS created_at, m.added_at AS updated_at, 1 AS version, jsonb_build_object( \
        'group', jsonb_build_object('value', m.group_id, 'display', g.doc->'displayName'), \
        'member', jsonb_build_object('value', m.user_id, 'type', 'User', 'display', ( \
            SELECT coalesce(p.doc->>'displayName', p.doc->>'userName') FROM users p \
            WHERE p.tenant_id = m.tenant_id AND p.id = m.user_id))) AS doc \
    FROM group_member m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id)";

/// The same of groups.
const GROUP_IN: &str = "(SELECT c.tenant_id, g.directory_id, c.group_id, c.child_id AS id, TRUE AS is_group, \
    c.added_at AS created_at, c.added_at AS updated_at, 1 AS version, jsonb_build_object( \
        'group', jsonb_build_object('value', c.group_id, 'display', g.doc->'displayName'), \
        'member', jsonb_build_object('value', c.child_id, 'type', 'Group', 'display', ( \
            SELECT p.doc->'displayName' FROM groups p WHERE p.tenant_id = c.tenant_id AND p.id = c.child_id))) AS doc \
    FROM group_child c JOIN groups g ON g.tenant_id = c.tenant_id AND g.id = c.group_id)";

impl Target {
    /// Its rows.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Group | Self::Member => "groups",
            Self::PersonIn => PERSON_IN,
            Self::GroupIn => GROUP_IN,
        }
    }

    /// Name and schema of its resource type.
    fn resource_type(self) -> (&'static str, &'static str) {
        match self {
            Self::User => ("User", scim::schema::USER_URN),
            Self::Group | Self::Member => ("Group", scim::schema::GROUP_URN),
            Self::PersonIn | Self::GroupIn => ("GroupMembership", scim::schema::GROUP_MEMBERSHIP_URN),
        }
    }
}

/// A value to bind.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    Time(chrono::DateTime<chrono::Utc>),
    Uuid(Uuid),
}

impl Value {
    fn bind<'a>(&self) -> Box<dyn QueryFragment<Pg> + Send + Sync + 'a> {
        match self.clone() {
            Self::Text(text) => bound::<Text, _>(text),
            Self::Bool(flag) => bound::<Bool, _>(flag),
            Self::Time(time) => bound::<Timestamptz, _>(time),
            Self::Uuid(id) => bound::<SqlUuid, _>(id),
        }
    }
}

/// A condition over the rows of a target, called `u` in its text.
#[derive(Debug)]
pub(crate) struct Condition {
    target: Target,
    text: String,
    values: Vec<Value>,
    shape: Shape,
}

impl Condition {
    /// Translates a filter; none at all is every row.
    pub(crate) fn compile(target: Target, filter: Option<&Filter>) -> Result<Self, StoreError> {
        let mut text = String::new();
        let mut values = Vec::new();
        if let Some(filter) = filter {
            text.push_str(" AND ");
            compile::Compiler::new(target, &mut text, &mut values).filter(filter)?;
        }
        let shape = match filter {
            Some(Filter::Compare { attr, op: CompareOp::Eq, .. }) if compile::is_indexed(attr) => {
                Shape::Point
            }
            None | Some(Filter::Compare { .. }) => Shape::Kept,
            _ => Shape::Any,
        };
        Ok(Self { target, text, values, shape })
    }

    fn table(&self) -> &'static str {
        self.target.table()
    }

    /// The first people directly in one group after `last` who satisfy it, by their ids.
    pub(crate) fn members(&self, tenant: Uuid, group: Uuid, last: Uuid, limit: i64) -> Statement<'static> {
        let text = format!(
            "SELECT u.user_id FROM ( \
                SELECT m.user_id, jsonb_build_object('members', jsonb_build_array(jsonb_build_object( \
                    'value', m.user_id, 'type', 'User', \
                    'display', coalesce(p.doc->>'displayName', p.doc->>'userName')))) AS doc \
                FROM group_member m CROSS JOIN LATERAL (SELECT p.doc FROM users p \
                    WHERE p.tenant_id = m.tenant_id AND p.id = m.user_id OFFSET 0) AS p \
                WHERE m.tenant_id = {{}} AND m.group_id = {{}} AND m.user_id > {{}}) u WHERE TRUE{} \
             ORDER BY u.user_id LIMIT {limit}",
            self.text
        );
        let mut binds =
            vec![bound::<SqlUuid, _>(tenant), bound::<SqlUuid, _>(group), bound::<SqlUuid, _>(last)];
        binds.extend(self.values.iter().map(Value::bind));
        Statement::composed(text, binds, self.shape)
    }

    /// The groups directly in one group that satisfy it.
    pub(crate) fn children(&self, tenant: Uuid, group: Uuid) -> Statement<'static> {
        let text = format!(
            "SELECT u.id FROM ( \
                SELECT c.child_id AS id, jsonb_build_object('members', jsonb_build_array( \
                    jsonb_build_object('value', c.child_id, 'type', 'Group', 'display', g.doc->'displayName'))) AS doc \
                FROM group_child c JOIN groups g ON g.tenant_id = c.tenant_id AND g.id = c.child_id \
                WHERE c.tenant_id = {{}} AND c.group_id = {{}}) u WHERE TRUE{}",
            self.text
        );
        let mut binds = vec![bound::<SqlUuid, _>(tenant), bound::<SqlUuid, _>(group)];
        binds.extend(self.values.iter().map(Value::bind));
        Statement::composed(text, binds, self.shape)
    }
}
