//! `/tenants/{tenant}/reevaluation`: how far everybody's access has been computed since the policy was changed.

use actix_web::web::Data;
use app::access::ReevaluationView;

use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, ReadRefusals};
use super::{Answer, answer};

/// How far everybody's access has been computed since the policy (blueprint, organisation, mapping rules, roles, offer) was last
/// changed. Whoever changes it has the answer when everybody is computed, but after half a minute at the latest; the rest follows.
/// Whoever is not computed yet may do what the policy before let them.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/reevaluation",
    operation_id = "show_reevaluation",
    tag = "Access",
    params(InTenant),
    responses((status = 200, description = "How far it has come.", body = ReevaluationView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_reevaluation(&caller.scope).await?))
}
