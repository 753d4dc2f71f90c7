//! `/tenants`, for operators.

use actix_web::web::Data;
use app::tenants::{NewTenant, TenantView};

use super::super::body::Body;
use super::super::caller::OperatorCaller;
use super::super::state::AppState;
use super::answer::{Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All tenants.
#[utoipa::path(
    get,
    path = "/api/v1/tenants",
    operation_id = "list_tenants",
    tag = "Tenants",
    responses((status = 200, description = "All of them.", body = Items<TenantView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: OperatorCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_tenants(&caller.0).await?))
}

/// Creates a tenant.
#[utoipa::path(
    post,
    path = "/api/v1/tenants",
    operation_id = "create_tenant",
    tag = "Tenants",
    request_body = NewTenant,
    responses((status = 201, description = "It is there now.", body = TenantView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: OperatorCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewTenant = body.json(&state).await?;
    Ok(answer::created(&state.app.create_tenant(&caller.0, new).await?))
}
