//! `/tenants/{tenant}/directories`: the SCIM links of a tenant.

use actix_web::web::{Data, Path};
use app::AppError;
use app::connections::{ChangeDirectory, DirectoryDetails, DirectoryView, NewDirectory, PendingMemberView};
use domain::slug::Slug;
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::paging::{PageOf, slice};
use super::{Answer, answer};

/// All directories.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/directories",
    operation_id = "list_directories",
    tag = "Provisioning",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<DirectoryView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_directories(&caller.scope).await?))
}

/// Adds a directory.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/directories",
    operation_id = "create_directory",
    tag = "Provisioning",
    params(InTenant),
    request_body = NewDirectory,
    responses((status = 201, description = "It is there now.", body = DirectoryView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewDirectory = body.json(&state).await?;
    Ok(answer::created(&state.app.create_directory(&caller.scope, new).await?))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
pub(super) struct InDirectory {
    /// Slug of the directory.
    #[param(example = "entra", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    directory: String,
}

/// One directory: its dialect, who was recognised, and which deviations its client needed.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/directories/{directory}",
    operation_id = "show_directory",
    tag = "Provisioning",
    params(InTenant, InDirectory),
    responses((status = 200, description = "The directory.", body = DirectoryDetails), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_directory(&caller.scope, slug(&address.1)?).await?))
}

/// Sets its dialect.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/directories/{directory}",
    operation_id = "change_directory",
    tag = "Provisioning",
    params(InTenant, InDirectory),
    request_body = ChangeDirectory,
    responses((status = 200, description = "The directory as it is now.", body = DirectoryView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let change: ChangeDirectory = body.json(&state).await?;
    let view = state.app.change_directory(&caller.scope, slug(&address.1)?, change).await?;
    Ok(answer::ok(&view))
}

/// Members whom its client has named and who are not there: each becomes one when somebody arrives with that `externalId`.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/pending-members",
    operation_id = "list_pending_members",
    tag = "Provisioning",
    params(InTenant, InDirectory, PageOf),
    responses((status = 200, description = "A page of them, by name.", body = Items<PendingMemberView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn pending_members(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let directory = slug(&address.1)?;
    Ok(answer::items(state.app.list_pending_members(&caller.scope, directory, slice(&query)?).await?))
}

/// What is no slug names no directory.
pub(super) fn slug(text: &str) -> Result<&str, AppError> {
    match Slug::parse(text) {
        Ok(_) => Ok(text),
        Err(_not_a_slug) => Err(AppError::NotFound("directory")),
    }
}
