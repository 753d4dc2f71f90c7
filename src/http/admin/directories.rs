//! `/tenants/{tenant}/directories`: the SCIM links of a tenant.

use actix_web::web::Data;
use app::connections::{DirectoryView, NewDirectory};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
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
