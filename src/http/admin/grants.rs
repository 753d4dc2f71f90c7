//! `/tenants/{tenant}/users/{id}/grants`: what a person was given by hand. Whoever acts for a person is held to the grant rules of
//! the product.

use actix_web::web::{Data, Path};
use app::people::{GrantView, NewGrant};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::{ActingCaller, TenantAdminCaller};
use super::super::endpoint::id_of;
use super::super::problem::Problem;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, ForPerson, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
struct Which {
    /// Id of the grant.
    #[param(value_type = String, format = Uuid)]
    grant: String,
}

/// What a person was given by hand, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}/grants",
    operation_id = "list_grants",
    tag = "Access",
    params(InTenant, ById),
    responses((status = 200, description = "All of it.", body = Items<GrantView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::items(state.app.list_grants(&caller.scope, id_of(&address.1, "user")?).await?))
}

/// Gives a person a role, flags, a level, restrictions or a home. A role takes the place of the one that they were given by hand
/// there, a home that of another. What a mapping rule decides is not given beside it: 409.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/users/{id}/grants",
    operation_id = "give",
    tag = "Access",
    params(InTenant, ById, ForPerson),
    request_body = NewGrant,
    responses((status = 201, description = "They have it.", body = GrantView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn give(
    caller: ActingCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let new: NewGrant = body.json(&state).await?;
    Ok(answer::created(&state.app.give(&caller.0, id_of(&address.1, "user")?, new).await?))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
pub(super) struct Successor {
    /// Who is to get what the person leaves, if that is their last role at a place: somebody active who has a role there. Whoever
    /// cannot receive it keeps nobody in: the handover fails, and waits for an administrator. Without it, it goes to nobody.
    #[param(value_type = Option<String>, format = Uuid)]
    hand_over_to: Option<String>,
}

/// Takes away what a person was given by hand.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/users/{id}/grants/{grant}",
    operation_id = "take",
    tag = "Access",
    params(InTenant, ById, Which, Successor, ForPerson),
    responses(
        (status = 204, description = "They have it no longer."),
        (status = 409, description = "Too few would hold a role, or something else requires it.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn take(
    caller: ActingCaller,
    address: Path<(String, String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let grant = (id_of(&address.1, "user")?, id_of(&address.2, "grant")?);
    let to = query.id("handOverTo")?;
    state.app.take(&caller.0, grant, to).await?;
    Ok(answer::done())
}
