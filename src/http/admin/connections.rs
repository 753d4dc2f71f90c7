//! `/tenants/{tenant}/connections`: the SSO links of a tenant.

use actix_web::web::Data;
use app::connections::{ConnectionView, NewConnection};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All connections.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/connections",
    operation_id = "list_connections",
    tag = "Sign-in",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<ConnectionView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_connections(&caller.scope, &caller.tenant).await?))
}

/// Adds a connection to an OpenID provider.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/connections",
    operation_id = "create_connection",
    tag = "Sign-in",
    params(InTenant),
    request_body = NewConnection,
    responses((status = 201, description = "It is there now.", body = ConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewConnection = body.json(&state).await?;
    Ok(answer::created(&state.app.create_connection(&caller.scope, &caller.tenant, new).await?))
}
