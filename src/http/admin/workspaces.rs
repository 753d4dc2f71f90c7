//! `/tenants/{tenant}/workspaces`.

use actix_web::web::Data;
use app::tenants::{NewWorkspace, WorkspaceView};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All workspaces.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/workspaces",
    operation_id = "list_workspaces",
    tag = "Organisation",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<WorkspaceView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_workspaces(&caller.scope).await?))
}

/// Adds a workspace. Everybody’s access is computed anew.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/workspaces",
    operation_id = "create_workspace",
    tag = "Organisation",
    params(InTenant),
    request_body = NewWorkspace,
    responses((status = 201, description = "It is there now.", body = WorkspaceView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewWorkspace = body.json(&state).await?;
    Ok(answer::created(&state.app.create_workspace(&caller.scope, new).await?))
}
