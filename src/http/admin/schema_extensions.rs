//! `/tenants/{tenant}/schema-extensions`: what a tenant's people and groups may hold besides.

use actix_web::web::{Data, Path};
use app::tenants::{DeclareExtension, ExtensionView};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All extensions, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/schema-extensions",
    operation_id = "list_schema_extensions",
    tag = "Provisioning",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<ExtensionView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_extensions(&caller.scope).await?))
}

/// Declares an extension. Directories can use it within seconds.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/schema-extensions",
    operation_id = "declare_schema_extension",
    tag = "Provisioning",
    params(InTenant),
    request_body = DeclareExtension,
    responses((status = 201, description = "It is there now.", body = ExtensionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn declare(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: DeclareExtension = body.json(&state).await?;
    Ok(answer::created(&state.app.declare_extension(&caller.scope, new).await?))
}

/// Declares it anew. While people or groups have values of it, only so that all of them stay valid.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/schema-extensions/{id}",
    operation_id = "redeclare_schema_extension",
    tag = "Provisioning",
    params(InTenant, ById),
    request_body = DeclareExtension,
    responses((status = 200, description = "The extension as it is now.", body = ExtensionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn redeclare(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "schema extension")?;
    let new: DeclareExtension = body.json(&state).await?;
    Ok(answer::ok(&state.app.redeclare_extension(&caller.scope, id, new).await?))
}

/// Withdraws it. While people or groups have values of it, that is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/schema-extensions/{id}",
    operation_id = "withdraw_schema_extension",
    tag = "Provisioning",
    params(InTenant, ById),
    responses((status = 204, description = "It is gone."), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn withdraw(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.withdraw_extension(&caller.scope, id_of(&address.1, "schema extension")?).await?;
    Ok(answer::done())
}
