//! `/tenants/{tenant}/mapping-rules`: from what a directory says to what a person gets.

use actix_web::web::{Data, Path};
use app::tenants::{AuditEventView, ChangeMappingRule, MappingRuleView, NewMappingRule};
use domain::id::MappingRuleId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// An order of all rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrderRules {
    /// Every rule, once; the first wins.
    #[schema(value_type = Vec<String>)]
    ids: Vec<MappingRuleId>,
}

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

/// Changes a rule: what it says, its place in the order, whether it applies. Everybody’s access is computed anew.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/mapping-rules/{id}",
    operation_id = "change_mapping_rule",
    tag = "Access",
    params(InTenant, ById),
    request_body = ChangeMappingRule,
    responses((status = 200, description = "The rule as it is now.", body = MappingRuleView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "mapping rule")?;
    let wanted: ChangeMappingRule = body.json(&state).await?;
    Ok(answer::ok(&state.app.change_mapping_rule(&caller.scope, id, wanted).await?))
}

/// Puts all rules into an order, the first winning. One that does not name every rule once is 409.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/mapping-rule-order",
    operation_id = "order_mapping_rules",
    tag = "Access",
    params(InTenant),
    request_body = OrderRules,
    responses((status = 200, description = "All of them, in it.", body = Items<MappingRuleView>), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn order(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let wanted: OrderRules = body.json(&state).await?;
    Ok(answer::items(state.app.order_mapping_rules(&caller.scope, wanted.ids).await?))
}

/// Who saved a rule when, and how it was before and after; the newest first. There for a rule that is gone too.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/mapping-rules/{id}/history",
    operation_id = "history_of_mapping_rule",
    tag = "Access",
    params(InTenant, ById),
    responses((status = 200, description = "All of it.", body = Items<AuditEventView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn history(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "mapping rule")?;
    Ok(answer::items(state.app.history_of_rule(&caller.scope, id).await?))
}
