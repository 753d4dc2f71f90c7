//! `/tenants/{tenant}/connections/{connection}/transmitter`: who tells us security events of a connection's people.

use actix_web::web::{Data, Path};
use app::signals_in::{At, SetTransmitter, TransmitterView};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, ReadRefusals, WriteRefusals};
use super::connections::{InConnection, slug};
use super::{Answer, answer};

/// The transmitter of a connection, and what to register there.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/transmitter",
    operation_id = "show_transmitter",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 200, description = "The transmitter.", body = TransmitterView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let at = At { tenant: &caller.tenant, connection: slug(&address.1)? };
    Ok(answer::ok(&state.app.show_transmitter(&caller.scope, at).await?))
}

/// Lets somebody tell us security events of a connection's people, in place of whoever did: what they revoke, ends here.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/transmitter",
    operation_id = "set_transmitter",
    tag = "Sign-in",
    params(InTenant, InConnection),
    request_body = SetTransmitter,
    responses((status = 200, description = "As it is now.", body = TransmitterView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let wanted: SetTransmitter = body.json(&state).await?;
    let at = At { tenant: &caller.tenant, connection: slug(&address.1)? };
    Ok(answer::ok(&state.app.set_transmitter(&caller.scope, at, wanted).await?))
}

/// Lets nobody tell us security events of a connection's people any more.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/transmitter",
    operation_id = "remove_transmitter",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 204, description = "Nobody does."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn remove(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let at = At { tenant: &caller.tenant, connection: slug(&address.1)? };
    state.app.remove_transmitter(&caller.scope, at).await?;
    Ok(answer::done())
}
