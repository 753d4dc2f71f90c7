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
        let mut tx = self.db.read(directory.scope()).await?;
        let row = users::get(&mut tx, directory.directory(), id, groups).await?;
        tx.finish().await?;
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
        let mut tx = self.db.read(directory.scope()).await?;
        let (rows, total) = users::list(&mut tx, directory.directory(), filter, slice, groups).await?;
        tx.finish().await?;
        Ok(Page { items: rows.into_iter().map(UserView::from).collect(), total })
    }
}
