//! `/tenants/{tenant}/audit-events`: who did what, newest first.

use actix_web::web::Data;
use app::tenants::{AuditEventView, AuditQuery};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::caller::TenantAdminCaller;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{InTenant, ReadRefusals};
use super::{Answer, answer};

const LONGEST_TARGET: usize = 200;

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// Events about the thing with this id only.
    #[param(min_length = 1, max_length = 200)]
    target: Option<String>,
    /// Events older than the one with this id.
    #[param(value_type = Option<String>, format = Uuid)]
    before: Option<String>,
    /// The most to return.
    #[param(minimum = 1, maximum = 200, default = 50)]
    count: Option<i64>,
}

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEvents {
    /// The events, newest first.
    events: Vec<AuditEventView>,
}

/// The audit trail, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/audit-events",
    operation_id = "list_audit_events",
    tag = "Audit",
    params(InTenant, Which),
    responses((status = 200, description = "A page of the trail.", body = AuditEvents), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    let before = match query.get("before")? {
        Some(text) => Some(text.parse().or(Err(Refused::parameter("before", "is an event's id")))?),
        None => None,
    };
    let wanted = AuditQuery {
        target: query.text("target", LONGEST_TARGET)?.map(str::to_owned),
        before,
        limit: query.number("count", 1..=200, 50)?,
    };
    let events = state.app.list_audit_events(&caller.scope, &wanted).await?;
    Ok(answer::ok(&AuditEvents { events }))
}
