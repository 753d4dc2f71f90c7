//! `/tenants/{tenant}/change-sets`: several changes at once, shown before they are made.

use actix_web::web::{Data, Path};
use app::tenants::{ApplyChanges, ChangeSetView, MadeView, PreviewView, ProposeChanges, UndoChanges};
use domain::id::UserId;
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::paging::{PageOf, slice};
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

fn page(query: &Query) -> Result<(Option<UserId>, usize), Refused> {
    let count = usize::try_from(query.number("count", 1..=200, 100)?).unwrap_or(100);
    Ok((query.id("after")?, count))
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
    let (after, count) = page(&query)?;
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
    responses((status = 200, description = "They are made.", body = MadeView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn apply(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let ask: ApplyChanges = body.json(&state).await?;
    Ok(answer::ok(&state.app.apply_changes(&caller.scope, ask).await?))
}

/// Changes that were made together, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/change-sets",
    operation_id = "list_change_sets",
    tag = "Access",
    params(InTenant, PageOf),
    responses((status = 200, description = "A page of them.", body = Items<ChangeSetView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_change_sets(&caller.scope, slice(&query)?).await?))
}

/// One of them, with everything that it turned as it was before and after.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/change-sets/{id}",
    operation_id = "show_change_set",
    tag = "Access",
    params(InTenant, ById),
    responses((status = 200, description = "The change set.", body = ChangeSetView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_change_set(&caller.scope, id_of(&address.1, "change set")?).await?))
}

/// Says what would follow from taking a change set back, and changes nothing. Where something that it turned has changed since, the
/// answer is 409.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/change-sets/{id}/undo/preview",
    operation_id = "preview_undo",
    tag = "Access",
    params(InTenant, ById, Page),
    responses((status = 200, description = "What would follow.", body = PreviewView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn preview_undo(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let (id, (after, count)) = (id_of(&address.1, "change set")?, page(&query)?);
    Ok(answer::ok(&state.app.preview_undo(&caller.scope, id, after, count).await?))
}

/// Takes a change set back: the rules, roles, org units and the blueprint's version that it turned are again as they were before. That is
/// a change set of its own. If anything of it has changed since, or the preview came to something else, the answer is 409 and nothing
/// is done.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/change-sets/{id}/undo",
    operation_id = "undo_changes",
    tag = "Access",
    params(InTenant, ById),
    request_body = UndoChanges,
    responses((status = 200, description = "It is taken back.", body = MadeView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn undo(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "change set")?;
    let ask: UndoChanges = body.json(&state).await?;
    Ok(answer::ok(&state.app.undo_changes(&caller.scope, id, ask).await?))
}
