//! `/tenants/{tenant}/users`: people as an administrator sees them, and what they may do.

use actix_web::web::{Data, Path};
use app::AppError;
use app::provision::Slice;
use app::tenants::PersonView;
use utoipa::IntoParams;

use super::super::access_view::AccessView;
use super::super::caller::TenantAdminCaller;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals};
use super::{Answer, answer};

const LONGEST_USER_NAME: usize = 1_024;
const FURTHEST: i64 = 1_000_000_000;

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// People of any directory who have this user name, compared without case.
    #[param(min_length = 1, max_length = 1024)]
    user_name: Option<String>,
    /// How many to pass over.
    #[param(minimum = 0, maximum = 1_000_000_000, default = 0)]
    offset: Option<i64>,
    /// The most to return.
    #[param(minimum = 1, maximum = 200, default = 100)]
    count: Option<i64>,
}

/// The tenant's people, by id.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users",
    operation_id = "list_users",
    tag = "Access",
    params(InTenant, Which),
    responses((status = 200, description = "A page of them.", body = Items<PersonView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let user_name = query.text("userName", LONGEST_USER_NAME)?;
    let slice = Slice {
        offset: query.number("offset", 0..=FURTHEST, 0)?,
        limit: query.number("count", 1..=200, 100)?,
    };
    Ok(answer::items(state.app.list_people(&caller.scope, user_name, slice).await?))
}

/// What a person may do now, and why.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}/access",
    operation_id = "show_access",
    tag = "Access",
    params(InTenant, ById),
    responses((status = 200, description = "Their access.", body = AccessView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn access(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = address.1.parse().or(Err(AppError::NotFound("user")))?;
    let access = state.app.show_access(&caller.scope, id).await?;
    Ok(answer::ok(&AccessView::of(&access)?))
}
