//! A directory reads people (RFC 7644 §3.4).

use domain::id::UserId;
use scim::filter::Filter;
use store::DirectoryScope;
use store::users::{self, Groups, Slice};

use super::{Page, UserView};
use crate::App;
use crate::error::AppError;

impl App {
    /// One person.
    pub async fn get_user(
        &self,
        directory: &DirectoryScope,
        id: UserId,
        groups: Groups,
    ) -> Result<UserView, AppError> {
        let row = users::get(&self.db, directory, id, groups).await?;
        row.map(UserView::from).ok_or(AppError::NotFound("user"))
    }

    /// The people that a filter names.
    pub async fn list_users(
        &self,
        directory: &DirectoryScope,
        filter: Option<&Filter>,
        slice: Slice,
        groups: Groups,
    ) -> Result<Page<UserView>, AppError> {
        let (rows, total) = users::list(&self.db, directory, filter, slice, groups).await?;
        Ok(Page { items: rows.into_iter().map(UserView::from).collect(), total })
    }
}
