//! Pages of lists, by index and by position. Knows keyset paging; does not know how a position travels.
//!
//! A list is in the order of a key and then of the id, and one who has no key is last, or first if it is descending. The
//! rows with a key and those without are asked for apart, so that each statement is one range of one index.
//!
//! Plans serve all values (see `connector::connect`), so the planner cannot see how short a page is. What it can see is the
//! limit inside, which no page exceeds; it keeps it from sorting a whole directory where an index has the order.

use diesel::QueryableByName;
use diesel::deserialize;
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use scim::filter::Filter;
use scim::sort::{Sort, SortOrder};
use uuid::Uuid;

use super::order::{self, Key};
use super::{Condition, Target, Value};
use crate::db::Db;
use crate::error::StoreError;
use crate::link::Link;
use crate::listing::{Found, Position, Window};
use crate::scope::DirectoryScope;
use crate::statement::{Count, Shape, Statement, bound};
use crate::tx::Reads as _;

/// No page is longer, with the one row more that says whether there is another page.
const LONGEST: i64 = scim::Limits::DEFAULT.max_page_size.saturating_add(1);

/// The rows of one table in a list.
struct Source {
    condition: Condition,
    columns: String,
    key: Option<Key>,
}

/// A list over one or more tables of a directory.
pub(crate) struct Pages {
    sources: Vec<Source>,
    descending: bool,
    shape: Shape,
}

/// A statement while it is written.
#[derive(Default)]
struct Draft {
    text: String,
    values: Vec<Value>,
}

impl Draft {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.push_str(&text.to_string());
    }
}

/// Which rows of a list one statement reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All; the order is by id.
    Whole,
    /// Those with a key.
    Keyed,
    /// Those without.
    Keyless,
}

/// A row and where it stands in the order.
struct Placed<R> {
    row: R,
    at: Position,
}

impl<R: QueryableByName<Pg>> QueryableByName<Pg> for Placed<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let key = NamedRow::get::<Nullable<Text>, Option<String>>(row, "sort_key")?;
        let id = NamedRow::get::<SqlUuid, Uuid>(row, "id")?;
        Ok(Self { row: R::build(row)?, at: Position { key, id } })
    }
}

impl Pages {
    /// A list of these targets, each with its filter, its order and the columns that are read. The orders are one: by
    /// the same attribute, which each type resolves in its own schema.
    pub(crate) fn compile(
        sources: &[(Target, Option<&Filter>, Option<&Sort>, &str)],
    ) -> Result<Self, StoreError> {
        let descending = sources
            .iter()
            .any(|(_, _, sort, _)| sort.is_some_and(|sort| sort.order() == SortOrder::Descending));
        let sources = sources.iter().map(|(target, filter, sort, columns)| {
            let condition = Condition::compile(*target, *filter)?;
            let key = match sort {
                Some(sort) => order::key(*target, sort)?,
                None => order::natural(*target),
            };
            Ok(Source { condition, columns: (*columns).to_owned(), key })
        });
        let sources = sources.collect::<Result<Vec<_>, StoreError>>()?;
        let shape = match sources.as_slice() {
            [Source { condition, key: None, .. }] => condition.shape,
            [Source { condition, key: Some(key), .. }] if key.indexed && condition.text.is_empty() => {
                Shape::Kept
            }
            _ => Shape::Any,
        };
        Ok(Self { sources, descending, shape })
    }

    fn is_keyed(&self) -> bool {
        self.sources.iter().any(|source| source.key.is_some())
    }

    /// The rows of a window and, where it was asked for, how many there are in all. They are counted only where the
    /// page does not show it: one that ends the list does.
    pub(crate) async fn find<R>(
        &self,
        db: &Db,
        directory: &DirectoryScope,
        window: &Window,
    ) -> Result<Found<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        match window {
            Window::Slice(slice) if slice.limit <= 0 => {
                Ok(Found { rows: Vec::new(), total: Some(self.count(db, directory).await?), next: None })
            }
            Window::Slice(slice) if slice.offset > 0 || self.shape == Shape::Point => {
                let rows = ask::<R>(db, directory, self.slice(directory, slice.offset, slice.limit)).await?;
                let found = length(&rows)?;
                let shows_the_end = found < slice.limit && (found > 0 || slice.offset == 0);
                let total = if shows_the_end {
                    slice.offset.saturating_add(found)
                } else {
                    self.count(db, directory).await?
                };
                Ok(Found { rows: without_places(rows), total: Some(total), next: None })
            }
            Window::Slice(slice) => {
                let found = self.walk::<R>(db, directory, None, slice.limit).await?;
                Ok(Found { next: None, ..found })
            }
            Window::After { position: Some(_), limit } if *limit <= 0 => {
                Ok(Found { rows: Vec::new(), total: None, next: None })
            }
            Window::After { position: None, limit } if *limit <= 0 => {
                Ok(Found { rows: Vec::new(), total: Some(self.count(db, directory).await?), next: None })
            }
            Window::After { position, limit } => {
                self.walk::<R>(db, directory, position.as_ref(), *limit).await
            }
        }
    }

    /// The rows after a position, and at the beginning of the list how many there are in all.
    async fn walk<R>(
        &self,
        db: &Db,
        directory: &DirectoryScope,
        after: Option<&Position>,
        limit: i64,
    ) -> Result<Found<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        let mut rows: Vec<Placed<R>> = Vec::new();
        for (part, after) in self.parts(after) {
            let wanted = limit.saturating_add(1).saturating_sub(length(&rows)?);
            if wanted > 0 {
                rows.extend(ask(db, directory, self.after(directory, part, after, wanted)).await?);
            }
        }
        let more = length(&rows)? > limit;
        if more {
            rows.pop();
        }
        let total = match after {
            Some(_) => None,
            None if more => Some(self.count(db, directory).await?),
            None => Some(length(&rows)?),
        };
        let next = rows.last().filter(|_| more).map(|last| last.at.clone());
        Ok(Found { rows: without_places(rows), total, next })
    }

    /// What is left of the list, part by part, and where each begins.
    fn parts<'a>(&self, after: Option<&'a Position>) -> Vec<(Part, Option<&'a Position>)> {
        let optional = self.sources.iter().any(|source| source.key.as_ref().is_none_or(|key| key.optional));
        let in_keyless = after.is_some_and(|position| position.key.is_none());
        match (self.is_keyed(), optional, self.descending) {
            (false, ..) => vec![(Part::Whole, after)],
            (true, true, false) if in_keyless => vec![(Part::Keyless, after)],
            (true, true, false) => vec![(Part::Keyed, after), (Part::Keyless, None)],
            (true, true, true) if after.is_none() || in_keyless => {
                vec![(Part::Keyless, after), (Part::Keyed, None)]
            }
            (true, false, _) | (true, true, true) => vec![(Part::Keyed, after)],
        }
    }

    /// The first rows of a part after a position in it.
    fn after(
        &self,
        of: &DirectoryScope,
        part: Part,
        after: Option<&Position>,
        limit: i64,
    ) -> Statement<'static> {
        let most = LONGEST.max(limit);
        let way = self.way();
        let order = if part == Part::Keyed { format!("k{way}, id{way}") } else { format!("id{way}") };
        self.compose(limit, order.as_str(), |draft, source| {
            source.select(draft, of, part == Part::Keyed);
            self.range(draft, source, of, part, after);
            draft.add(format_args!(" ORDER BY {order} LIMIT {most}"));
        })
    }

    /// Rows by their index in the whole list.
    fn slice(&self, of: &DirectoryScope, offset: i64, limit: i64) -> Statement<'static> {
        let way = self.way();
        let order = if self.is_keyed() { format!("k{way}, id{way}") } else { format!("id{way}") };
        if let [source] = self.sources.as_slice()
            && offset > 0
        {
            return self.far_slice(of, source, order.as_str(), (offset, limit));
        }
        let statement = self.compose(limit, order.as_str(), |draft, source| {
            source.select(draft, of, true);
            if offset > 0 && source.key.is_none() {
                self.range(draft, source, of, Part::Whole, None);
            }
        });
        statement.then(" OFFSET {}").bind::<BigInt, _>(offset)
    }

    /// The same of one table, where rows are passed over: what a row shows is computed for those that are shown.
    fn far_slice(
        &self,
        of: &DirectoryScope,
        source: &Source,
        order: &str,
        (offset, limit): (i64, i64),
    ) -> Statement<'static> {
        let mut draft = Draft::default();
        draft.add(format_args!("SELECT {}, u.k::text AS sort_key FROM (", source.columns));
        source.select_these(&mut draft, of, "u.*", true);
        if source.key.is_none() {
            self.range(&mut draft, source, of, Part::Whole, None);
        }
        draft.add(format_args!(" ORDER BY {order} LIMIT {{}} OFFSET {{}}) u ORDER BY {order}"));
        let binds = draft.values.iter().map(Value::bind).collect();
        Statement::composed(draft.text, binds, self.shape).bind::<BigInt, _>(limit).bind::<BigInt, _>(offset)
    }

    fn way(&self) -> &'static str {
        if self.descending { " DESC" } else { "" }
    }

    fn compose(&self, limit: i64, order: &str, write: impl Fn(&mut Draft, &Source)) -> Statement<'static> {
        let mut draft = Draft::default();
        draft.text.push_str("SELECT p.*, p.k::text AS sort_key FROM (");
        for (n, source) in self.sources.iter().enumerate() {
            draft.text.push_str(if n > 0 { " UNION ALL (" } else { "(" });
            write(&mut draft, source);
            draft.text.push(')');
        }
        draft.add(format_args!(") p ORDER BY {order} LIMIT {{}}"));
        let binds = draft.values.iter().map(Value::bind).collect();
        Statement::composed(draft.text, binds, self.shape).bind::<BigInt, _>(limit)
    }

    /// The bound that a position puts on the rows of a part. Where the key is in an index, its beginning is said too:
    /// that it is the index to use shows in the condition as well as in the order. For the same reason the id is bounded
    /// twice. By itself, because that is where a scan of the index begins; and together with the directory, from whose first
    /// row a scan bounded by that alone would begin: the primary key, which has the ids of all directories in one order, would
    /// do for a planner that takes a tenant to have one directory, as most do.
    fn range(
        &self,
        draft: &mut Draft,
        source: &Source,
        of: &DirectoryScope,
        part: Part,
        after: Option<&Position>,
    ) {
        let sign = if self.descending { "<" } else { ">" };
        let start = if self.descending { Uuid::max() } else { Uuid::nil() };
        let id = after.map_or(start, |position| position.id);
        let Some(key) = source.key.as_ref() else {
            draft.add(format_args!(" AND u.id {sign} {{}} AND (u.directory_id, u.id) {sign} ({{}}, {{}})"));
            draft.values.extend([Value::Uuid(id), Value::Uuid(of.directory().as_uuid()), Value::Uuid(id)]);
            return;
        };
        match (part, after.and_then(|position| position.key.as_deref())) {
            (Part::Keyed, Some(from)) => {
                draft.add(format_args!(" AND ({}, u.id) {sign} ({{}}{}, {{}})", key.sql, key.cast));
                draft.values.extend([Value::Text(from.to_owned()), Value::Uuid(id)]);
            }
            (Part::Keyed, None) if key.indexed => draft.add(format_args!(" AND {} >= ''", key.sql)),
            (Part::Keyed, None) => draft.add(format_args!(" AND {} IS NOT NULL", key.sql)),
            (Part::Keyless | Part::Whole, _) => {
                draft.add(format_args!(" AND {} IS NULL AND u.id {sign} {{}}", key.sql));
                draft.values.push(Value::Uuid(id));
            }
        }
    }

    /// How many rows there are in the whole list.
    async fn count(&self, db: &Db, directory: &DirectoryScope) -> Result<i64, StoreError> {
        let mut tx = db.read_in_time(directory.scope()).await?;
        let mut total: i64 = 0;
        for source in &self.sources {
            let counted = tx.connection().0.load::<Count>(source.count(directory)).await?;
            total = counted.iter().fold(total, |total, counted| total.saturating_add(counted.n));
        }
        tx.finish().await?;
        Ok(total)
    }

    /// How the database answers a window: the plan of its first statement, line by line.
    pub(crate) async fn plan(
        &self,
        db: &Db,
        directory: &DirectoryScope,
        window: &Window,
    ) -> Result<Vec<String>, StoreError> {
        let statement = match window {
            Window::Slice(slice) if slice.offset > 0 || self.shape == Shape::Point => {
                self.slice(directory, slice.offset, slice.limit)
            }
            Window::Slice(slice) => self.first(directory, None, slice.limit),
            Window::After { position, limit } => self.first(directory, position.as_ref(), *limit),
        };
        let mut tx = db.read(directory.scope()).await?;
        let lines = explain(&statement, tx.connection().0).await?;
        tx.finish().await?;
        Ok(lines)
    }

    fn first(&self, of: &DirectoryScope, after: Option<&Position>, limit: i64) -> Statement<'static> {
        let first = self.parts(after).into_iter().next().unwrap_or((Part::Whole, after));
        self.after(of, first.0, first.1, limit.saturating_add(1))
    }
}

impl Source {
    fn select(&self, draft: &mut Draft, of: &DirectoryScope, with_key: bool) {
        self.select_these(draft, of, &self.columns, with_key);
    }

    fn select_these(&self, draft: &mut Draft, of: &DirectoryScope, columns: &str, with_key: bool) {
        let key = self.key.as_ref().filter(|_| with_key).map_or("NULL::text", |key| key.sql.as_str());
        let table = self.condition.table();
        draft.add(format_args!(
            "SELECT {columns}, {key} AS k FROM {table} u WHERE u.tenant_id = {{}} AND u.directory_id = {{}}{}",
            self.condition.text
        ));
        draft.values.push(Value::Uuid(of.scope().tenant().as_uuid()));
        draft.values.push(Value::Uuid(of.directory().as_uuid()));
        draft.values.extend(self.condition.values.iter().cloned());
    }

    fn count(&self, of: &DirectoryScope) -> Statement<'static> {
        let text = format!(
            "SELECT count(*) AS n FROM {} u WHERE u.tenant_id = {{}} AND u.directory_id = {{}}{}",
            self.condition.table(),
            self.condition.text
        );
        let mut binds = vec![
            bound::<SqlUuid, _>(of.scope().tenant().as_uuid()),
            bound::<SqlUuid, _>(of.directory().as_uuid()),
        ];
        binds.extend(self.condition.values.iter().map(Value::bind));
        Statement::composed(text, binds, self.condition.shape)
    }
}

async fn ask<R>(
    db: &Db,
    directory: &DirectoryScope,
    statement: Statement<'static>,
) -> Result<Vec<Placed<R>>, StoreError>
where
    R: QueryableByName<Pg> + Send + 'static,
{
    db.at_once(directory.scope().tenant(), Some(directory.scope()), statement).await
}

fn length<T>(rows: &[T]) -> Result<i64, StoreError> {
    i64::try_from(rows.len()).map_err(StoreError::corrupt)
}

fn without_places<R>(rows: Vec<Placed<R>>) -> Vec<R> {
    rows.into_iter().map(|placed| placed.row).collect()
}

struct Line(String);

impl QueryableByName<Pg> for Line {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        NamedRow::get::<Text, String>(row, "QUERY PLAN").map(Self)
    }
}

/// The plan that serves all values, as it is kept by a connection.
pub(crate) async fn explain(statement: &Statement<'_>, link: &mut Link) -> Result<Vec<String>, StoreError> {
    let (text, parameters) = statement.numbered();
    let values = vec!["NULL"; parameters].join(", ");
    link.later_text(format!("PREPARE explained AS {text}"));
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE explained({values})");
    let lines: Vec<Line> = link.load(Statement::composed(explain, Vec::new(), Shape::Any)).await?;
    link.later_text("DEALLOCATE explained".to_owned());
    Ok(lines.into_iter().map(|line| line.0).collect())
}
