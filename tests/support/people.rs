//! A tenant of one's own, set up through the use cases.

use std::sync::Arc;

use app::connections::{DialectName, IssueCredential, NewDirectory};
use app::provision::UserView;
use app::tenants::{NewOrgUnit, NewTenant, SeatLimit, SetSeatPool};
use app::{AdminScope, App, AppError, DirectoryScope, Opened, Operator};
use domain::id::UserId;
use domain::seat::PoolClass;
use domain::token::PlainToken;
use scim::dialect::Dialect;
use serde_json::{Value, json};

/// A tenant with one directory.
#[derive(Clone)]
pub struct Tenant {
    pub app: Arc<App>,
    pub slug: String,
    pub admin: AdminScope,
    pub directory: DirectoryScope,
    pub scim_token: String,
}

impl Tenant {
    pub async fn fresh() -> Self {
        Self::named(&super::fresh_slug()).await
    }

    pub async fn named(slug: &str) -> Self {
        Self::of_product(slug, "bellface").await
    }

    /// A tenant of the product with this blueprint.
    pub async fn of_product(slug: &str, blueprint: &str) -> Self {
        let app = super::app();
        let operator = Operator::at_the_console(app.request_id());
        let slug = slug.to_owned();
        let new = NewTenant { slug: slug.clone(), name: "Test".to_owned(), blueprint: blueprint.to_owned() };
        app.create_tenant(&operator, new).await.unwrap();
        let admin = app.enter(&operator, &slug).await.unwrap();
        let top = NewOrgUnit { key: "Top".to_owned(), name: "Top".to_owned(), parent: None, kind: None };
        app.create_org_unit(&admin, top).await.unwrap();
        let new = NewDirectory {
            slug: "directory".to_owned(),
            name: "Directory".to_owned(),
            dialect: DialectName::Auto,
        };
        app.create_directory(&admin, new).await.unwrap();
        let wanted = IssueCredential { directory: Some("directory".to_owned()), ..Default::default() };
        let scim_token = app.issue_credential(&admin, wanted).await.unwrap().token;
        let directory = open_directory(&app, &scim_token).await;
        Self { app, slug, admin, directory, scim_token }
    }

    pub async fn with_seats(purchased: i32) -> Self {
        let tenant = Self::fresh().await;
        let set = SetSeatPool { purchased, at_limit: Some(SeatLimit::Waitlist), ..SetSeatPool::default() };
        tenant.app.set_seat_pool(&tenant.admin, PoolClass::default(), set).await.unwrap();
        tenant
    }

    pub async fn create(&self, user_name: &str) -> Result<UserView, AppError> {
        self.app.create_user(&self.directory, person(user_name), &Dialect::strict()).await
    }

    pub async fn set_active(&self, user: UserId, active: bool) -> Result<UserView, AppError> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": active}],
        });
        self.app.patch_user(&self.directory, user, None, body, &Dialect::strict()).await
    }
}

pub async fn open_directory(app: &App, token: &str) -> DirectoryScope {
    let token = PlainToken::parse(token).unwrap();
    match app.authenticate(&token, app.request_id()).await.unwrap() {
        Some(Opened::Directory(directory)) => directory,
        other => panic!("not a directory's credential: {other:?}"),
    }
}

pub fn person(user_name: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name})
}
