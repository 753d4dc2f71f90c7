//! A SCIM filter as a SQL condition with bound parameters. Knows which attributes have columns; takes its meaning from
//! `scim::filter`, whose `matches` is the reference that `tests/api/filter.rs` holds it to.
//!
//! Attribute names come from the schema and stand in the text; values never do. Comparisons that indexes serve use only
//! leakproof operators on plain columns, because behind row-level security nothing else can use an index.

mod compile;

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use scim::filter::{CompareOp, Filter};
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::members::MemberRow;
use crate::scope::DirectoryScope;
use crate::statement::{Shape, Statement, bound};
use crate::tx::Reads as _;
use crate::users::Slice;

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

    /// A page of the rows of this directory that satisfy it, by id, and how many there are in all. They are counted
    /// only where the page does not show it: one that is not full ends the list.
    pub(crate) async fn page<R>(
        &self,
        columns: &str,
        db: &Db,
        directory: &DirectoryScope,
        slice: Slice,
    ) -> Result<(Vec<R>, i64), StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        let (scope, of) = (directory.scope(), directory.directory().as_uuid());
        let tenant = scope.tenant();
        let rows = if slice.limit > 0 {
            db.at_once::<R>(tenant, Some(scope), self.select(columns, tenant.as_uuid(), of, slice)).await?
        } else {
            Vec::new()
        };
        let found = i64::try_from(rows.len()).map_err(StoreError::corrupt)?;
        let shows_the_end = found < slice.limit && (found > 0 || slice.offset == 0);
        let total = if shows_the_end {
            slice.offset.saturating_add(found)
        } else {
            let mut tx = db.read(scope).await?;
            let counted = tx.connection().0.load::<Count>(self.count(tenant.as_uuid(), of)).await?;
            tx.finish().await?;
            counted.into_iter().next().map_or(0, |count| count.n)
        };
        Ok((rows, total))
    }

    /// How many rows of this directory satisfy it.
    fn count(&self, tenant: Uuid, directory: Uuid) -> Statement<'static> {
        let text = format!(
            "SELECT count(*) AS n FROM {} u WHERE u.tenant_id = {{}} AND u.directory_id = {{}}{}",
            self.table(),
            self.text
        );
        self.statement(text, tenant, directory)
    }

    /// The rows of this directory that satisfy it, by id.
    fn select(&self, columns: &str, tenant: Uuid, directory: Uuid, slice: Slice) -> Statement<'static> {
        let text = format!(
            "SELECT {columns} FROM {} u WHERE u.tenant_id = {{}} AND u.directory_id = {{}}{} \
             ORDER BY u.id LIMIT {{}} OFFSET {{}}",
            self.table(),
            self.text
        );
        self.statement(text, tenant, directory).bind::<BigInt, _>(slice.limit).bind::<BigInt, _>(slice.offset)
    }

    /// The members of one group that satisfy it.
    pub(crate) async fn members(
        &self,
        tenant: Uuid,
        group: Uuid,
        conn: &mut AsyncPgConnection,
    ) -> Result<Vec<MemberRow>, StoreError> {
        let text = format!(
            "SELECT u.group_id, u.user_id, NULL::text AS display FROM ( \
                SELECT m.group_id, m.user_id, jsonb_build_object('members', jsonb_build_array(jsonb_build_object( \
                    'value', m.user_id, 'type', 'User', \
                    'display', coalesce(p.doc->>'displayName', p.doc->>'userName')))) AS doc \
                FROM group_member m JOIN users p ON p.tenant_id = m.tenant_id AND p.id = m.user_id \
                WHERE m.tenant_id = {{}} AND m.group_id = {{}}) u WHERE TRUE{}",
            self.text
        );
        Ok(self.statement(text, tenant, group).load(conn).await?)
    }
}
