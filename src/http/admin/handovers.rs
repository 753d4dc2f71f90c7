//! `/tenants/{tenant}/handovers`: what leavers leave behind, until the product has handed it over. `/tenants/{tenant}/handover-policy`: to
//! whom it goes when nobody chooses.

use actix_web::web::{Data, Path};
use app::handovers::{
    HandoverPolicyView, HandoverQuery, HandoverView, RedirectHandover, ReportHandover, SetHandoverPolicy,
};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::{ActingCaller, TenantAdminCaller};
use super::super::endpoint::id_of;
use super::super::problem::Problem;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, ForPerson, InTenant, Items, ReadRefusals, WriteRefusals};
use super::paging::{PageOf, slice};
use super::{Answer, answer};

const STATES: [&str; 4] = ["open", "done", "failed", "cancelled"];

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// Those in this state: `open`, `done`, `failed` or `cancelled`.
    #[param(min_length = 1, max_length = 20)]
    state: Option<String>,
    /// Those of this person.
    #[param(value_type = Option<String>, format = Uuid)]
    user: Option<String>,
}

/// What leavers have left at places where they had a role, the newest first: open until the product has handed it over. Asked for a
/// person, what was left at places where that person sees the people.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/handovers",
    operation_id = "list_handovers",
    tag = "Handovers",
    params(InTenant, ForPerson, Which, PageOf),
    responses((status = 200, description = "A page of them.", body = Items<HandoverView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: ActingCaller, query: Query, state: Data<AppState>) -> Answer {
    let wanted = query.one_of("state", &STATES)?;
    let which = HandoverQuery { state: wanted, user: query.id("user")? };
    Ok(answer::items(state.app.list_handovers(&caller.0, which, slice(&query)?).await?))
}

/// One of them.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/handovers/{id}",
    operation_id = "show_handover",
    tag = "Handovers",
    params(InTenant, ById, ForPerson),
    responses((status = 200, description = "The handover.", body = HandoverView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: ActingCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_handover(&caller.0, id_of(&address.1, "handover")?).await?))
}

/// The product says what came of a handover: after `handover.due` it is told again, less and less often for a day, until it has. Said
/// twice, the first stays. One that was cancelled, because the leaver is back, is a 409.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/handovers/{id}/outcome",
    operation_id = "report_handover",
    tag = "Handovers",
    params(InTenant, ById),
    request_body = ReportHandover,
    responses((status = 200, description = "The handover as it is now.", body = HandoverView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn report(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let report: ReportHandover = body.json(&state).await?;
    Ok(answer::ok(&state.app.report_handover(&caller.scope, id_of(&address.1, "handover")?, report).await?))
}

/// The product is told at once, and again until it has answered, as if for the first time.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/handovers/{id}/retry",
    operation_id = "retry_handover",
    tag = "Handovers",
    params(InTenant, ById, ForPerson),
    responses(
        (status = 200, description = "The handover as it is now.", body = HandoverView),
        (status = 409, description = "It is done, or the leaver is back.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn retry(
    caller: ActingCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.retry_handover(&caller.0, id_of(&address.1, "handover")?).await?))
}

/// Somebody else is to get what was left, or nobody, and the product is told at once. Whoever is to get it is active and has a role at
/// the place, else 409.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/handovers/{id}/receiver",
    operation_id = "redirect_handover",
    tag = "Handovers",
    params(InTenant, ById, ForPerson),
    request_body = RedirectHandover,
    responses((status = 200, description = "The handover as it is now.", body = HandoverView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn redirect(
    caller: ActingCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let to: RedirectHandover = body.json(&state).await?;
    Ok(answer::ok(&state.app.redirect_handover(&caller.0, id_of(&address.1, "handover")?, to).await?))
}

/// To whom things go when an identity provider takes somebody away, and how long its word is waited with.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/handover-policy",
    operation_id = "show_handover_policy",
    tag = "Handovers",
    params(InTenant),
    responses((status = 200, description = "What holds.", body = HandoverPolicyView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show_policy(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_handover_policy(&caller.scope).await?))
}

/// Decides it, for those who leave from then on. A product that hands nothing over has nothing to decide: 409.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/handover-policy",
    operation_id = "set_handover_policy",
    tag = "Handovers",
    params(InTenant),
    request_body = SetHandoverPolicy,
    responses((status = 200, description = "What holds now.", body = HandoverPolicyView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set_policy(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let set: SetHandoverPolicy = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_handover_policy(&caller.scope, set).await?))
}
