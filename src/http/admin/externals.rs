//! `/tenants/{tenant}/external-requests`: people of other companies, who are asked for and let in, or not.

use actix_web::web::{Data, Path};
use app::externals::{
    DecideExternal, DecidedExternal, ExternalRequestView, RequestExternals, RequestedExternals,
};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::ActingCaller;
use super::super::endpoint::id_of;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, ForPerson, InTenant, Items, ReadRefusals, WriteRefusals};
use super::paging::{PageOf, slice};
use super::{Answer, answer};

const STATES: [&str; 4] = ["requested", "approved", "rejected", "ended"];

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// Those in this state: `requested`, `approved`, `rejected` or `ended`.
    #[param(min_length = 1, max_length = 20)]
    state: Option<String>,
}

/// Requests to let people of other companies in, the newest first. Asked for a person, their own and those on which that person
/// may decide; of other companies' people nobody sees any.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/external-requests",
    operation_id = "list_external_requests",
    tag = "Invitations",
    params(InTenant, ForPerson, Which, PageOf),
    responses((status = 200, description = "A page of them.", body = Items<ExternalRequestView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: ActingCaller, query: Query, state: Data<AppState>) -> Answer {
    let wanted = query.one_of("state", &STATES)?;
    Ok(answer::items(state.app.list_external_requests(&caller.0, wanted, slice(&query)?).await?))
}

/// Asks that people of other companies be let into a place, where the product and the tenant's plan have such. Whoever may decide
/// hears of it. An address that waits at that place already is not asked for again.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/external-requests",
    operation_id = "request_externals",
    tag = "Invitations",
    params(InTenant, ForPerson),
    request_body = RequestExternals,
    responses(
        (status = 201, description = "The requests wait, in the order of the addresses.", body = RequestedExternals),
        (status = 200, description = "All of them waited already.", body = RequestedExternals),
        WriteRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn request(caller: ActingCaller, body: Body, state: Data<AppState>) -> Answer {
    let wanted: RequestExternals = body.json(&state).await?;
    let requested = state.app.request_externals(&caller.0, wanted).await?;
    Ok(if requested.any_new { answer::created(&requested) } else { answer::ok(&requested) })
}

/// One request, with what became of it.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/external-requests/{id}",
    operation_id = "show_external_request",
    tag = "Invitations",
    params(InTenant, ById, ForPerson),
    responses((status = 200, description = "The request.", body = ExternalRequestView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: ActingCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "external request")?;
    Ok(answer::ok(&state.app.show_external_request(&caller.0, id).await?))
}

/// Decides on a request. Who is approved is invited and will hold the role of such people at that place and nothing else; one who
/// is here already, from another place, has this one too. At the limit of seats it waits on: 409 `no_seat`.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/external-requests/{id}",
    operation_id = "decide_external_request",
    tag = "Invitations",
    params(InTenant, ById, ForPerson),
    request_body = DecideExternal,
    responses((status = 200, description = "It is decided.", body = DecidedExternal), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn decide(
    caller: ActingCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let decided: DecideExternal = body.json(&state).await?;
    let id = id_of(&address.1, "external request")?;
    Ok(answer::ok(&state.app.decide_external(&caller.0, &address.0, id, decided).await?))
}
