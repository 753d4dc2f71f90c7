//! A page of a list by its place in it. Knows the bounds and how they are documented; does not know what is listed.

use app::provision::Slice;
use utoipa::IntoParams;

use super::super::error::Refused;
use super::super::query::Query;

const FURTHEST: i64 = 1_000_000_000;

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
pub(super) struct PageOf {
    /// How many to pass over.
    #[param(minimum = 0, maximum = 1_000_000_000, default = 0)]
    offset: Option<i64>,
    /// The most to return.
    #[param(minimum = 1, maximum = 200, default = 100)]
    count: Option<i64>,
}

/// The page that is asked for.
pub(super) fn slice(query: &Query) -> Result<Slice, Refused> {
    Ok(Slice {
        offset: query.number("offset", 0..=FURTHEST, 0)?,
        limit: query.number("count", 1..=200, 100)?,
    })
}
