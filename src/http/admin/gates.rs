//! `/tenants/{tenant}/gates`: proxies that ask for each request whether it may pass.

use actix_web::web::{Data, Path};
use app::apps::RotateSecret;
use app::gates::{CreatedGate, GateView, RotatedGateSecret, SetGate};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All gates, without their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/gates",
    operation_id = "list_gates",
    tag = "Gates",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<GateView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_gates(&caller.scope).await?))
}

/// Sets a gate up. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/gates",
    operation_id = "create_gate",
    tag = "Gates",
    params(InTenant),
    request_body = SetGate,
    responses((status = 201, description = "It is there now.", body = CreatedGate), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: SetGate = body.json(&state).await?;
    Ok(answer::created(&state.app.create_gate(&caller.scope, new).await?))
}

/// One gate.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/gates/{id}",
    operation_id = "show_gate",
    tag = "Gates",
    params(InTenant, ById),
    responses((status = 200, description = "The gate.", body = GateView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_gate(&caller.scope, id_of(&address.1, "gate")?).await?))
}

/// Says anew what a gate is called and may ask about; from the next request on.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/gates/{id}",
    operation_id = "set_gate",
    tag = "Gates",
    params(InTenant, ById),
    request_body = SetGate,
    responses((status = 200, description = "The gate as it is now.", body = GateView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "gate")?;
    let wanted: SetGate = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_gate(&caller.scope, id, wanted).await?))
}

/// Gives a gate another secret; the one before is good beside it for a while.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/gates/{id}/rotate-secret",
    operation_id = "rotate_gate_secret",
    tag = "Gates",
    params(InTenant, ById),
    request_body = RotateSecret,
    responses((status = 200, description = "The new secret.", body = RotatedGateSecret), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn rotate(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "gate")?;
    let how: RotateSecret = body.json(&state).await?;
    Ok(answer::ok(&state.app.rotate_gate_secret(&caller.scope, id, how).await?))
}

/// Takes a gate down: it may ask nothing from the next request on, and every pass of it is gone.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/gates/{id}",
    operation_id = "delete_gate",
    tag = "Gates",
    params(InTenant, ById),
    responses((status = 204, description = "It is gone."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn delete(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.delete_gate(&caller.scope, id_of(&address.1, "gate")?).await?;
    Ok(answer::done())
}
