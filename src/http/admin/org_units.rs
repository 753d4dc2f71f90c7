//! `/tenants/{tenant}/org-units`: the organisation tree.

use actix_web::web::Data;
use app::tenants::{NewOrgUnit, OrgUnitView};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// The organisation.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/org-units",
    operation_id = "list_org_units",
    tag = "Organisation",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<OrgUnitView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_org_units(&caller.scope).await?))
}

/// Adds an org unit. Everybody’s access is computed anew.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/org-units",
    operation_id = "create_org_unit",
    tag = "Organisation",
    params(InTenant),
    request_body = NewOrgUnit,
    responses((status = 201, description = "It is there now.", body = OrgUnitView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewOrgUnit = body.json(&state).await?;
    Ok(answer::created(&state.app.create_org_unit(&caller.scope, new).await?))
}
