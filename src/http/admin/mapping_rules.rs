//! `/tenants/{tenant}/mapping-rules`: from what a directory says to what a person gets.

use actix_web::web::{Data, Path};
use app::tenants::{MappingRuleView, NewMappingRule};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All rules, in the order in which they win.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/mapping-rules",
    operation_id = "list_mapping_rules",
    tag = "Access",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<MappingRuleView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_mapping_rules(&caller.scope).await?))
}

/// Adds a rule. Everybody’s access is computed anew.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/mapping-rules",
    operation_id = "create_mapping_rule",
    tag = "Access",
    params(InTenant),
    request_body = NewMappingRule,
    responses((status = 201, description = "It is there now.", body = MappingRuleView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewMappingRule = body.json(&state).await?;
    Ok(answer::created(&state.app.create_mapping_rule(&caller.scope, new).await?))
}

/// Removes a rule. Everybody’s access is computed anew.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/mapping-rules/{id}",
    operation_id = "delete_mapping_rule",
    tag = "Access",
    params(InTenant, ById),
    responses((status = 204, description = "It is gone."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn delete(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "mapping rule")?;
    state.app.delete_mapping_rule(&caller.scope, id).await?;
    Ok(answer::done())
}
