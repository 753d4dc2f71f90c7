//! A directory replaces a person's document (RFC 7644 §3.5.1).

use domain::id::UserId;
use scim::dialect::Dialect;
use scim::resource::Resource;
use serde_json::Value;
use store::DirectoryScope;

use super::{Change, UserView};
use crate::App;
use crate::error::AppError;

impl App {
    /// Replaces a person's document. Nothing changed, nothing is written.
    pub async fn replace_user(
        &self,
        directory: &DirectoryScope,
        id: UserId,
        if_match: Option<&str>,
        body: Value,
        dialect: &Dialect,
    ) -> Result<UserView, AppError> {
        let types = self.types(directory).await?;
        let change = Change { id, if_match, leaves: body.get("active") == Some(&Value::Bool(false)) };
        self.change_user(directory, &types, change, |current| {
            let next = Resource::for_replace(types.types().user(), body, current, dialect)?;
            Ok((next.as_map() != current.as_map()).then_some(next))
        })
        .await
    }
}
