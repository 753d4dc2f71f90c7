//! `/tenants/{tenant}/guards` and `…/held-departures`: what stands between a tenant and an accident.

use actix_web::web::{Data, Path};
use app::guards::{DepartureDecision, DirectoryGuard, GuardsView, HeldDepartureView, SetMassGuard};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::directories::{InDirectory, slug};
use super::{Answer, answer};

/// How the guards stand: who still holds what the tenant must not run out of, and how many went through each directory.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/guards",
    operation_id = "show_guards",
    tag = "Access",
    params(InTenant),
    responses((status = 200, description = "The guards.", body = GuardsView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_guards(&caller.scope).await?))
}

/// Sets what happens when a directory shuts out many people within an hour: an alarm, or an alarm and a hold.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/directories/{directory}/mass-guard",
    operation_id = "set_mass_guard",
    tag = "Provisioning",
    params(InTenant, InDirectory),
    request_body = SetMassGuard,
    responses((status = 200, description = "The guard as it stands.", body = DirectoryGuard), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let directory = slug(&address.1)?;
    let set: SetMassGuard = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_mass_guard(&caller.scope, directory, set).await?))
}

/// Departures that wait for an administrator, the oldest first, 1,000 at most.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/held-departures",
    operation_id = "list_held_departures",
    tag = "Provisioning",
    params(InTenant),
    responses((status = 200, description = "What waits.", body = Items<HeldDepartureView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn held(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_held_departures(&caller.scope).await?))
}

/// What is decided of a departure that waits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    /// Whether they go.
    decision: DepartureDecision,
}

/// Lets somebody go whose departure was held, or lets them stay.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/held-departures/{id}",
    operation_id = "decide_held_departure",
    tag = "Provisioning",
    params(InTenant, ById),
    request_body = Decided,
    responses((status = 204, description = "Done."), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn decide(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let user = id_of(&address.1, "held departure")?;
    let Decided { decision } = body.json(&state).await?;
    state.app.decide_departure(&caller.scope, user, decision).await?;
    Ok(answer::done())
}
