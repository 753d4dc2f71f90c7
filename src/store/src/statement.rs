//! SQL written out, with bound parameters, prepared once per connection. Knows diesel's query traits.
//!
//! Diesel's own `sql_query` is prepared anew each time it runs; the statements here are kept. A parameter stands as
//! `{}`; the text never holds a value.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, SingleValue, Untyped};

/// A statement and its parameters.
pub(crate) struct Statement<'a> {
    text: std::borrow::Cow<'static, str>,
    binds: Vec<Box<dyn QueryFragment<Pg> + Send + Sync + 'a>>,
    shape: Shape,
}

/// What may be done with a statement to make it fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any of very many: preparing it once per connection does not pay.
    Any,
    /// One of a small number: a connection prepares it once and keeps it.
    Kept,
    /// Kept, and an index leads to its few rows: so short that others may wait behind it.
    Point,
}

/// The answer of a statement that counts: one row, with `n` in it.
#[derive(diesel::QueryableByName)]
pub(crate) struct Count {
    #[diesel(sql_type = BigInt)]
    pub(crate) n: i64,
}

/// Starts a statement whose text is fixed, so that a connection prepares it once.
pub(crate) fn statement<'a>(text: &'static str) -> Statement<'a> {
    Statement { text: text.into(), binds: Vec::new(), shape: Shape::Kept }
}

impl<'a> Statement<'a> {
    /// A statement composed while running.
    pub(crate) fn composed(
        text: String,
        binds: Vec<Box<dyn QueryFragment<Pg> + Send + Sync + 'a>>,
        shape: Shape,
    ) -> Self {
        Self { text: text.into(), binds, shape }
    }

    /// Its text, by which a connection knows it again.
    pub(crate) fn text(&self) -> &std::borrow::Cow<'static, str> {
        &self.text
    }

    /// Goes on.
    pub(crate) fn then(mut self, text: &str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// The text with its parameters by number, and how many there are.
    pub(crate) fn numbered(&self) -> (String, usize) {
        let mut text = String::new();
        for (n, piece) in pieces(&self.text).enumerate() {
            if n > 0 {
                text.push('$');
                text.push_str(&n.to_string());
            }
            text.push_str(piece);
        }
        (text, self.binds.len())
    }

    /// Whether a connection prepares it once and keeps it.
    pub(crate) fn is_kept(&self) -> bool {
        self.shape != Shape::Any
    }

    /// Whether it is so short that others may wait behind it.
    pub(crate) fn is_point(&self) -> bool {
        self.shape == Shape::Point
    }

    /// Binds the next parameter.
    pub(crate) fn bind<ST, T>(mut self, value: T) -> Self
    where
        Pg: HasSqlType<ST>,
        T: ToSql<ST, Pg> + Send + Sync + 'a,
        ST: SingleValue + Send + Sync + 'a,
    {
        self.binds.push(bound::<ST, T>(value));
        self
    }
}

/// The text between the parameters. One character is found much faster than two, and diesel walks a statement three times
/// whenever it runs.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let all = rest?;
        let mut from = 0_usize;
        while let Some(at) = all.get(from..).and_then(|more| more.find('{')) {
            let at = from.saturating_add(at);
            let behind = all.get(at..).and_then(|more| more.strip_prefix("{}"));
            if behind.is_some() {
                rest = behind;
                return all.get(..at);
            }
            from = at.saturating_add(1);
        }
        rest = None;
        Some(all)
    })
}

/// One parameter, typed.
struct Bound<ST, T>(T, std::marker::PhantomData<ST>);

/// Boxes one parameter for [`Statement::composed`].
pub(crate) fn bound<'a, ST, T>(value: T) -> Box<dyn QueryFragment<Pg> + Send + Sync + 'a>
where
    Pg: HasSqlType<ST>,
    T: ToSql<ST, Pg> + Send + Sync + 'a,
    ST: Send + Sync + 'a,
{
    Box::new(Bound::<ST, T>(value, std::marker::PhantomData))
}

impl<ST, T> QueryFragment<Pg> for Bound<ST, T>
where
    Pg: HasSqlType<ST>,
    T: ToSql<ST, Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<ST, T>(&self.0)
    }
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_kept() {
            out.unsafe_to_cache_prepared();
        }
        let mut binds = self.binds.iter();
        let mut pieces = pieces(&self.text);
        if let Some(first) = pieces.next() {
            out.push_sql(first);
        }
        for piece in pieces {
            if let Some(bind) = binds.next() {
                bind.walk_ast(out.reborrow())?;
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brace_is_a_parameter_only_with_the_other() {
        for (text, expected) in [
            ("", vec![""]),
            ("{}", vec!["", ""]),
            ("a = {} AND {} {", vec!["a = ", " AND ", " {"]),
            ("jsonb_set(d, '{members}', {}) {{}}", vec!["jsonb_set(d, '{members}', ", ") {", "}"]),
        ] {
            assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text}");
            assert_eq!(text.split("{}").collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
