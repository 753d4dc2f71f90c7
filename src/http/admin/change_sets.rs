//! `/tenants/{tenant}/change-sets`: several changes at once, shown before they are made.

use actix_web::web::Data;
use app::tenants::{ApplyChanges, OutcomeView, PreviewView, ProposeChanges};
use domain::id::UserId;
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{InTenant, WriteRefusals};
use super::{Answer, answer};

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the documentation only")]
struct Page {
    /// The person after whom to go on: `next` of the page before.
    #[param(value_type = Option<String>, format = Uuid)]
    after: Option<String>,
    /// The most people in the answer.
    #[param(minimum = 1, maximum = 200, default = 100)]
    count: Option<u32>,
}

/// Says what would follow from changes of rules, roles, org units or the blueprint: for whom, in numbers, and which invariants they
/// would break. Nothing is changed. What it says is what the changes come to, computed as they are made and taken back.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/change-sets/preview",
    operation_id = "preview_changes",
    tag = "Access",
    params(InTenant, Page),
    request_body = ProposeChanges,
    responses((status = 200, description = "What would follow.", body = PreviewView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn preview(
    caller: TenantAdminCaller,
    query: Query,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let after = query.get("after")?.map(str::parse::<UserId>).transpose();
    let after = after.or(Err(Refused::parameter("after", "is no id")))?;
    let count = usize::try_from(query.number("count", 1..=200, 100)?).unwrap_or(100);
    let ask: ProposeChanges = body.json(&state).await?;
    Ok(answer::ok(&state.app.preview_changes(&caller.scope, &ask, after, count).await?))
}

/// Makes the changes of a preview, all or none. If anything that it depends on has changed since, or many would lose something and
/// `confirm` does not say how many, the answer is 409 and nothing is done.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/change-sets",
    operation_id = "apply_changes",
    tag = "Access",
    params(InTenant),
    request_body = ApplyChanges,
    responses((status = 200, description = "They are made.", body = OutcomeView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn apply(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let ask: ApplyChanges = body.json(&state).await?;
    Ok(answer::ok(&state.app.apply_changes(&caller.scope, ask).await?))
}
