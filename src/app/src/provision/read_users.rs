//! A directory reads people (RFC 7644 §3.4).

use domain::id::UserId;
use store::users::{self, Groups};
use store::{DirectoryScope, LiveSession};

use super::{ListQuery, Page, UserView};
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

    /// The person whose session this is.
    pub async fn get_own_user(&self, session: &LiveSession, groups: Groups) -> Result<UserView, AppError> {
        let row = users::own(&self.db, &session.scope, session.user, groups).await?;
        row.map(UserView::from).ok_or(AppError::NotFound("user"))
    }

    /// The people that a query is about.
    pub async fn list_users(
        &self,
        directory: &DirectoryScope,
        query: &ListQuery,
        groups: Groups,
    ) -> Result<Page<UserView>, AppError> {
        let question = query.question("Users");
        let asked = self.asked(directory, question)?;
        let found = users::list(&self.db, directory, query.listing(&asked.window), groups).await?;
        self.paged(directory, question, &asked, found, UserView::from)
    }
}
