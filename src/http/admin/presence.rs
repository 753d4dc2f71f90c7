//! `/tenants/{tenant}/presence`: the product says who is there now.

use actix_web::web::Data;
use app::people::{ArePresent, NotedPresence};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, WriteRefusals};
use super::{Answer, answer};

/// Notes that people are there now, and with which version of the product's program. Whoever was noted within five minutes is `online` in
/// the list of people; those who use Usher's own sessions are noted without this. Sent once a minute for those who are connected.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/presence",
    operation_id = "note_presence",
    tag = "People",
    params(InTenant),
    request_body = ArePresent,
    responses((status = 200, description = "It is noted.", body = NotedPresence), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn note(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let present: ArePresent = body.json(&state).await?;
    Ok(answer::ok(&state.app.note_presence(&caller.scope, present).await?))
}
