//! `/tenants/{tenant}/users`: people as an administrator sees them, and what they may do; the local ones are also written
//! here. `/tenants/{tenant}/tombstones`: who was deleted.

use actix_web::web::{Data, Path};
use app::AppError;
use app::people::{ChangePerson, NewPerson, PersonView, TombstoneView, Whom};
use app::provision::Slice;
use domain::id::UserId;
use utoipa::IntoParams;

use super::super::access_view::AccessView;
use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::error::Refused;
use super::super::problem::Problem;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

const LONGEST_USER_NAME: usize = 1_024;
const LONGEST_SLUG: usize = 63;
const FURTHEST: i64 = 1_000_000_000;

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// People of any directory who have this user name, compared without case.
    #[param(min_length = 1, max_length = 1024)]
    user_name: Option<String>,
    /// People whom this directory manages, by its slug.
    #[param(min_length = 1, max_length = 63)]
    directory: Option<String>,
    /// `true`: whom no directory manages; `false`: whom one does.
    local: Option<bool>,
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
    tag = "People",
    params(InTenant, Which),
    responses((status = 200, description = "A page of them.", body = Items<PersonView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let whom = Whom {
        user_name: query.text("userName", LONGEST_USER_NAME)?,
        directory: query.text("directory", LONGEST_SLUG)?,
        local: match query.get("local")? {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(Refused::parameter("local", "is true or false")),
        },
    };
    Ok(answer::items(state.app.list_people(&caller.scope, whom, slice(&query)?).await?))
}

fn slice(query: &Query) -> Result<Slice, Refused> {
    Ok(Slice {
        offset: query.number("offset", 0..=FURTHEST, 0)?,
        limit: query.number("count", 1..=200, 100)?,
    })
}

/// What is no id names nobody.
fn person(address: &(String, String)) -> Result<UserId, AppError> {
    address.1.parse().or(Err(AppError::NotFound("user")))
}

/// Creates a local person: one whom no directory manages.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/users",
    operation_id = "create_user",
    tag = "People",
    params(InTenant),
    request_body = NewPerson,
    responses((status = 201, description = "They are there now.", body = PersonView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewPerson = body.json(&state).await?;
    Ok(answer::created(&state.app.create_person(&caller.scope, new).await?))
}

/// One person.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}",
    operation_id = "show_user",
    tag = "People",
    params(InTenant, ById),
    responses((status = 200, description = "The person.", body = PersonView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_person(&caller.scope, person(&address)?).await?))
}

/// Changes a local person. One whom a directory manages can only be changed there: 409 `managed_by_directory`.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/users/{id}",
    operation_id = "change_user",
    tag = "People",
    params(InTenant, ById),
    request_body = ChangePerson,
    responses((status = 200, description = "The person as they are now.", body = PersonView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let change: ChangePerson = body.json(&state).await?;
    Ok(answer::ok(&state.app.change_person(&caller.scope, person(&address)?, change).await?))
}

/// Deletes a local person. One whom a directory manages can only be deleted there: 409 `managed_by_directory`.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/users/{id}",
    operation_id = "delete_user",
    tag = "People",
    params(InTenant, ById),
    responses(
        (status = 204, description = "They are gone."),
        (status = 409, description = "A directory manages them.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn delete(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.delete_person(&caller.scope, person(&address)?).await?;
    Ok(answer::done())
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct PageOf {
    /// How many to pass over.
    #[param(minimum = 0, maximum = 1_000_000_000, default = 0)]
    offset: Option<i64>,
    /// The most to return.
    #[param(minimum = 1, maximum = 200, default = 100)]
    count: Option<i64>,
}

/// Who was deleted, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/tombstones",
    operation_id = "list_tombstones",
    tag = "People",
    params(InTenant, PageOf),
    responses((status = 200, description = "A page of them.", body = Items<TombstoneView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn tombstones(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_tombstones(&caller.scope, slice(&query)?).await?))
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
    let access = state.app.show_access(&caller.scope, person(&address)?).await?;
    Ok(answer::ok(&AccessView::of(&access)?))
}
