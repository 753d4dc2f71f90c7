//! `/tenants/{tenant}/roles`: the product's roles, what the tenant changed of them, and its own. Whoever acts for a person is held to
//! the grant rules of the product.

use actix_web::web::{Data, Path};
use app::tenants::{ChangeRole, NewRole, RoleView};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::body::Body;
use super::super::caller::{ActingCaller, TenantAdminCaller};
use super::super::problem::Problem;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ForPerson, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
pub(super) struct ByRole {
    /// Id of the role.
    #[param(example = "night_shift")]
    role: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the documentation only")]
struct Instead {
    /// Id of the role that takes its place wherever it is given.
    replacement: Option<String>,
}

/// What deleting a role did.
#[derive(Debug, Serialize, ToSchema)]
struct Deleted {
    /// How many people may do something else now. Absent if they are still being computed (`…/reevaluation`).
    #[serde(skip_serializing_if = "Option::is_none")]
    affected: Option<usize>,
}

const LONGEST_ID: usize = 64;

/// All roles, the highest first, with the number of those who hold them.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/roles",
    operation_id = "list_roles",
    tag = "Access",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<RoleView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_roles(&caller.scope).await?))
}

/// Makes a role of the tenant's own, where the product has such; or brings back an example of the product that was deleted. What is
/// not said of permissions is taken from `from`, or is the least that there is. More roles than the product allows are 409.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/roles",
    operation_id = "create_role",
    tag = "Access",
    params(InTenant, ForPerson),
    request_body = NewRole,
    responses((status = 201, description = "It is there now.", body = RoleView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: ActingCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewRole = body.json(&state).await?;
    Ok(answer::created(&state.app.create_role(&caller.0, new).await?))
}

/// One role.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/roles/{role}",
    operation_id = "show_role",
    tag = "Access",
    params(InTenant, ByRole),
    responses((status = 200, description = "The role.", body = RoleView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_role(&caller.scope, &address.1).await?))
}

/// Changes what a role is called and what it gives, for everybody who holds it at once; or makes it the default. `affected` says how
/// many people may do something else now.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/roles/{role}",
    operation_id = "change_role",
    tag = "Access",
    params(InTenant, ByRole, ForPerson),
    request_body = ChangeRole,
    responses((status = 200, description = "The role as it is now.", body = RoleView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: ActingCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let wanted: ChangeRole = body.json(&state).await?;
    Ok(answer::ok(&state.app.change_role(&caller.0, &address.1, wanted).await?))
}

/// Deletes a role of the tenant's own, or an example of the product. One that is held, given or the default needs a replacement.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/roles/{role}",
    operation_id = "delete_role",
    tag = "Access",
    params(InTenant, ByRole, Instead, ForPerson),
    responses(
        (status = 200, description = "It is gone.", body = Deleted),
        (status = 409, description = "It is held or given and no replacement is named, or it is the product's.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn delete(
    caller: ActingCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let replacement = query.text("replacement", LONGEST_ID)?;
    let affected = state.app.delete_role(&caller.0, &address.1, replacement).await?;
    Ok(answer::ok(&Deleted { affected }))
}
