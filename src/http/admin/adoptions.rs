//! `/tenants/{tenant}/adoptions`: local people who may be people whom a directory manages.

use actix_web::web::Data;
use app::people::{AdoptionView, DecideAdoption, PersonView};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::paging::{PageOf, slice};
use super::{Answer, answer};

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// `true`: those who were declined.
    declined: Option<bool>,
}

/// Who may be the same: a local person and a directory's with an address in common, in a domain that the tenant has
/// verified. Nothing was linked; nothing is, unless it is approved.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/adoptions",
    operation_id = "list_adoptions",
    tag = "People",
    params(InTenant, Which, PageOf),
    responses((status = 200, description = "A page of them.", body = Items<AdoptionView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let declined = query.truth("declined")?.unwrap_or(false);
    Ok(answer::items(state.app.list_adoptions(&caller.scope, declined, slice(&query)?).await?))
}

/// Says whether two who may be the same are. Approved, the local person becomes the directory's: the directory's id
/// stays, the local one leads to it; identities, sessions and the seat go along, and the e-mail addresses stay those of
/// the local person until the directory changes them.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/adoptions",
    operation_id = "decide_adoption",
    tag = "People",
    params(InTenant),
    request_body = DecideAdoption,
    responses((status = 200, description = "The directory's person as they are then.", body = PersonView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn decide(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let decide: DecideAdoption = body.json(&state).await?;
    Ok(answer::ok(&state.app.decide_adoption(&caller.scope, decide).await?))
}
