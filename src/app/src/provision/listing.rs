//! What a directory asks of a list, and the cursors that link its pages (RFC 9865). Knows what a cursor is bound to; keeps
//! nothing between two pages.
//!
//! A cursor is the place where a page ended, sealed. It opens only for the directory, the list, the filter and the order
//! that it was made for, because these are the purpose it is sealed with; how long it is good for and the size of the
//! pages are inside.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Duration;
use scim::filter::Filter;
use scim::message::{PageStart, Paging};
use scim::sort::Sort;
use serde::{Deserialize, Serialize};
use store::DirectoryScope;
use store::listing::{Found, Listing, Position, Slice, Window};

use super::Page;
use crate::App;
use crate::error::AppError;

/// What is asked of the list of one type.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Who is meant; everybody without it.
    pub filter: Option<Filter>,
    /// In which order; by id without it.
    pub sort: Option<Sort>,
    /// Which page.
    pub paging: Paging,
}

impl ListQuery {
    pub(super) fn listing<'a>(&'a self, window: &'a Window) -> Listing<'a> {
        Listing { filter: self.filter.as_ref(), sort: self.sort.as_ref(), window }
    }

    pub(super) fn question(&self, list: &'static str) -> Question<'_> {
        Question { list, filter: self.filter.as_ref(), sort: self.sort.as_ref(), paging: &self.paging }
    }
}

/// All that a cursor is bound to.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) list: &'static str,
    pub(super) filter: Option<&'a Filter>,
    pub(super) sort: Option<&'a Sort>,
    pub(super) paging: &'a Paging,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// Second of the epoch up to which it is good.
    #[serde(rename = "u")]
    until: i64,
    /// Size of the pages.
    #[serde(rename = "c")]
    count: i64,
    /// How many there were in all when the first page was read.
    #[serde(rename = "t")]
    total: i64,
    #[serde(rename = "p")]
    position: Position,
}

/// The part of a list that a page is, and the total that a cursor has brought along.
pub(super) struct Asked {
    pub(super) window: Window,
    total: Option<i64>,
}

impl App {
    /// What the page of a question is in the database's terms. The cursor, if it has one, is opened here.
    pub(super) fn asked(
        &self,
        directory: &DirectoryScope,
        question: Question<'_>,
    ) -> Result<Asked, AppError> {
        let Paging { from, count } = question.paging;
        match from {
            PageStart::Index(index) => {
                let offset = index.saturating_sub(1).max(0);
                Ok(Asked { window: Window::Slice(Slice { offset, limit: *count }), total: None })
            }
            PageStart::First => {
                Ok(Asked { window: Window::After { position: None, limit: *count }, total: None })
            }
            PageStart::Cursor(sealed) => {
                let cursor = self.opened(directory, question, sealed)?;
                let window = Window::After { position: Some(cursor.position), limit: *count };
                Ok(Asked { window, total: Some(cursor.total) })
            }
        }
    }

    /// RFC 9865 §5.2: "Service providers should be able to easily detect forged cursor values and immediately return an
    /// invalidCursor as described in Section 2.1." Whatever is wrong with one, the answer is the same.
    fn opened(
        &self,
        directory: &DirectoryScope,
        question: Question<'_>,
        sealed: &str,
    ) -> Result<Cursor, AppError> {
        let invalid = || scim::Error::invalid_cursor("The cursor is not one of this query");
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).map_err(|_opaque| invalid())?;
        let plain = self.sealer.open(&purpose(directory, question), &sealed).map_err(|_opaque| invalid())?;
        let cursor: Cursor = serde_json::from_slice(&plain).map_err(|_opaque| invalid())?;
        if cursor.until < self.now().timestamp() {
            return Err(scim::Error::expired_cursor("The cursor has expired; begin again").into());
        }
        if cursor.count != question.paging.count {
            let detail = format!("The pages of this query have 'count' {}", cursor.count);
            return Err(scim::Error::invalid_count(detail).into());
        }
        Ok(cursor)
    }

    /// A page of what was found. The total is that of the walk's beginning: counting a large directory again for each
    /// page would cost more than the page.
    pub(super) fn paged<R, T>(
        &self,
        directory: &DirectoryScope,
        question: Question<'_>,
        asked: &Asked,
        found: Found<R>,
        view: impl FnMut(R) -> T,
    ) -> Result<Page<T>, AppError> {
        let total = asked.total.or(found.total).unwrap_or_default();
        let next =
            found.next.map(|position| self.sealed(directory, question, total, position)).transpose()?;
        Ok(Page { items: found.rows.into_iter().map(view).collect(), total, next })
    }

    fn sealed(
        &self,
        directory: &DirectoryScope,
        question: Question<'_>,
        total: i64,
        position: Position,
    ) -> Result<String, AppError> {
        let good_for = Duration::seconds(scim::Limits::DEFAULT.cursor_timeout);
        let until = self.now().timestamp().saturating_add(good_for.num_seconds());
        let cursor = Cursor { until, count: question.paging.count, total, position };
        let plain = serde_json::to_vec(&cursor).map_err(|error| AppError::Internal(error.to_string()))?;
        let sealed = self.sealer.seal(&purpose(directory, question), &plain, &*self.entropy)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }
}

/// The same for one and the same question of one and the same directory, however it is spelled, and for nothing else.
fn purpose(directory: &DirectoryScope, question: Question<'_>) -> String {
    serde_json::json!([
        "scim cursor",
        directory.scope().tenant(),
        directory.directory(),
        question.list,
        question.filter.map(ToString::to_string),
        question.sort.map(ToString::to_string),
    ])
    .to_string()
}
