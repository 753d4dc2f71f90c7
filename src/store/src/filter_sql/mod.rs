//! A SCIM filter as a SQL condition with bound parameters. Knows which attributes have columns; takes its meaning from
//! `scim::filter`, whose `matches` is the reference that `tests/api/filter.rs` holds it to.
//!
//! Attribute names come from the schema and stand in the text; values never do. Comparisons that indexes serve use only
//! leakproof operators on plain columns, because behind row-level security nothing else can use an index.

mod compile;
mod order;
mod page;

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use scim::filter::{CompareOp, Filter};
use uuid::Uuid;

use crate::error::StoreError;
use crate::members::MemberRow;
use crate::statement::{Shape, Statement, bound};

pub(crate) use page::Pages;

/// What is filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Rows of `users`.
    User,
    /// Rows of `groups`.
    Group,
    /// Members of one group.
    Member,
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

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
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
        match self.target {
            Target::User => "users",
            Target::Group | Target::Member => "groups",
        }
    }

    fn statement<'a>(&self, text: String, tenant: Uuid, of: Uuid) -> Statement<'a> {
        let mut binds = vec![bound::<SqlUuid, _>(tenant), bound::<SqlUuid, _>(of)];
        binds.extend(self.values.iter().map(Value::bind));
        Statement::composed(text, binds, self.shape)
    }

    /// The people directly in one group who satisfy it.
    pub(crate) async fn members(
        &self,
        tenant: Uuid,
        group: Uuid,
        conn: &mut AsyncPgConnection,
    ) -> Result<Vec<MemberRow>, StoreError> {
        let text = format!(
            "SELECT u.group_id, u.id, FALSE AS is_group, NULL::text AS display FROM ( \
                SELECT m.group_id, m.user_id AS id, jsonb_build_object('members', jsonb_build_array(jsonb_build_object( \
                    'value', m.user_id, 'type', 'User', \
                    'display', coalesce(p.doc->>'displayName', p.doc->>'userName')))) AS doc \
                FROM group_member m JOIN users p ON p.tenant_id = m.tenant_id AND p.id = m.user_id \
                WHERE m.tenant_id = {{}} AND m.group_id = {{}}) u WHERE TRUE{}",
            self.text
        );
        Ok(self.statement(text, tenant, group).load(conn).await?)
    }

    /// The groups directly in one group that satisfy it.
    pub(crate) async fn children(
        &self,
        tenant: Uuid,
        group: Uuid,
        conn: &mut AsyncPgConnection,
    ) -> Result<Vec<MemberRow>, StoreError> {
        let text = format!(
            "SELECT u.group_id, u.id, TRUE AS is_group, NULL::text AS display FROM ( \
                SELECT c.group_id, c.child_id AS id, jsonb_build_object('members', jsonb_build_array( \
                    jsonb_build_object('value', c.child_id, 'type', 'Group', 'display', g.doc->'displayName'))) AS doc \
                FROM group_child c JOIN groups g ON g.tenant_id = c.tenant_id AND g.id = c.child_id \
                WHERE c.tenant_id = {{}} AND c.group_id = {{}}) u WHERE TRUE{}",
            self.text
        );
        Ok(self.statement(text, tenant, group).load(conn).await?)
    }
}
