//! `/tenants/{tenant}/seat-pool`: what was bought, what is used, who waits.

use actix_web::web::Data;
use app::tenants::{SeatPoolView, SetSeatPool};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// The pool as it is.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/seat-pool",
    operation_id = "show_seat_pool",
    tag = "Seats",
    params(InTenant),
    responses((status = 200, description = "The pool.", body = SeatPoolView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_seat_pool(&caller.scope).await?))
}

/// Sets the pool, making it if there is none. More seats let in those who wait.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/seat-pool",
    operation_id = "set_seat_pool",
    tag = "Seats",
    params(InTenant),
    request_body = SetSeatPool,
    responses((status = 200, description = "The pool as it is now.", body = SeatPoolView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let set: SetSeatPool = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_seat_pool(&caller.scope, set).await?))
}
