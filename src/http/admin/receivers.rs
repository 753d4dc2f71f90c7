//! `/tenants/{tenant}/receivers`: who follows a tenant, and what became of what they were sent.

use actix_web::web::{Data, Path};
use app::signals::{
    ChangeReceiver, CreatedReceiver, DeliveryQuery, DeliveryState, DeliveryView, NewReceiver,
    ReceiverDetails, ReceiverView, ReplayDeliveries, Replayed, RotateReceiver, RotatedReceiver,
};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All receivers, without their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/receivers",
    operation_id = "list_receivers",
    tag = "Signals",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<ReceiverView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_receivers(&caller.scope).await?))
}

/// Adds a receiver. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/receivers",
    operation_id = "create_receiver",
    tag = "Signals",
    params(InTenant),
    request_body = NewReceiver,
    responses((status = 201, description = "It is there now.", body = CreatedReceiver), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewReceiver = body.json(&state).await?;
    Ok(answer::created(&state.app.create_receiver(&caller.scope, new).await?))
}

/// One receiver, and how much waits for it.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/receivers/{id}",
    operation_id = "show_receiver",
    tag = "Signals",
    params(InTenant, ById),
    responses((status = 200, description = "The receiver.", body = ReceiverDetails), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_receiver(&caller.scope, id_of(&address.1, "receiver")?).await?))
}

/// Changes a receiver: pauses, disables or enables it, or what it is sent and where.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/receivers/{id}",
    operation_id = "change_receiver",
    tag = "Signals",
    params(InTenant, ById),
    request_body = ChangeReceiver,
    responses((status = 200, description = "The receiver as it is now.", body = ReceiverView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let change: ChangeReceiver = body.json(&state).await?;
    Ok(answer::ok(&state.app.change_receiver(&caller.scope, id_of(&address.1, "receiver")?, change).await?))
}

/// Deletes a receiver, with its log and all that waits for it.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/receivers/{id}",
    operation_id = "delete_receiver",
    tag = "Signals",
    params(InTenant, ById),
    responses((status = 204, description = "It is gone."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn delete(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.delete_receiver(&caller.scope, id_of(&address.1, "receiver")?).await?;
    Ok(answer::done())
}

/// Gives a receiver another secret or token; the old one is good beside it for some hours more.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/receivers/{id}/rotate",
    operation_id = "rotate_receiver",
    tag = "Signals",
    params(InTenant, ById),
    request_body = RotateReceiver,
    responses((status = 201, description = "The new secret, shown this once.", body = RotatedReceiver), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn rotate(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let how: RotateReceiver = body.json(&state).await?;
    Ok(answer::created(&state.app.rotate_receiver(&caller.scope, id_of(&address.1, "receiver")?, how).await?))
}

/// Sends a receiver a test: a webhook `receiver.test`, or a verification event.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/receivers/{id}/test",
    operation_id = "test_receiver",
    tag = "Signals",
    params(InTenant, ById),
    responses((status = 204, description = "It is on its way; the log tells what becomes of it."), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn test(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.test_receiver(&caller.scope, id_of(&address.1, "receiver")?).await?;
    Ok(answer::done())
}

/// Makes deliveries again: the dead letters, or all facts of a time. They keep their ids.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/receivers/{id}/replay",
    operation_id = "replay_deliveries",
    tag = "Signals",
    params(InTenant, ById),
    request_body = ReplayDeliveries,
    responses((status = 200, description = "They wait again.", body = Replayed), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn replay(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let which: ReplayDeliveries = body.json(&state).await?;
    Ok(answer::ok(&state.app.replay_deliveries(&caller.scope, id_of(&address.1, "receiver")?, which).await?))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// Deliveries in this state only: `pending`, `done` or `dead`.
    state: Option<DeliveryState>,
    /// Deliveries older than the one with this id.
    #[param(value_type = Option<String>, format = Uuid)]
    before: Option<String>,
    /// The most to return.
    #[param(minimum = 1, maximum = 200, default = 50)]
    count: Option<i64>,
}

/// What became of deliveries to a receiver, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/receivers/{id}/deliveries",
    operation_id = "list_deliveries",
    tag = "Signals",
    params(InTenant, ById, Which),
    responses((status = 200, description = "A page of the log.", body = Items<DeliveryView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn deliveries(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let wanted = match query.get("state")? {
        Some(text) => Some(
            DeliveryState::parse(text)
                .ok_or_else(|| Refused::parameter("state", "is pending, done or dead"))?,
        ),
        None => None,
    };
    let before = match query.get("before")? {
        Some(text) => Some(text.parse().or(Err(Refused::parameter("before", "is a delivery's id")))?),
        None => None,
    };
    let query = DeliveryQuery { state: wanted, before, limit: query.number("count", 1..=200, 50)? };
    Ok(answer::items(state.app.list_deliveries(&caller.scope, id_of(&address.1, "receiver")?, &query).await?))
}
