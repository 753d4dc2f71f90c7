//! `/tenants/{tenant}/invitation-links`: links by which several people invite themselves, where the product has them.

use actix_web::web::{Data, Path};
use app::invitations::{ChangeInvitationLink, InvitationLinkView, MadeInvitationLink, NewInvitationLink};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// The tenant's links for several people, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/invitation-links",
    operation_id = "list_invitation_links",
    tag = "Invitations",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<InvitationLinkView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_invitation_links(&caller.scope).await?))
}

/// Makes a link by which several people invite themselves, for as long as an invitation of the product is good. Who follows it says
/// their address and gets an invitation of their own there. A product without such links answers 409.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/invitation-links",
    operation_id = "make_invitation_link",
    tag = "Invitations",
    params(InTenant),
    request_body = NewInvitationLink,
    responses((status = 201, description = "The link, shown this once.", body = MadeInvitationLink), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn make(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewInvitationLink = body.json(&state).await?;
    Ok(answer::created(&state.app.make_invitation_link(&caller.scope, &caller.tenant, new).await?))
}

/// Lets a link rest, or be good again. A product whose links do not rest answers 409.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/invitation-links/{id}",
    operation_id = "change_invitation_link",
    tag = "Invitations",
    params(InTenant, ById),
    request_body = ChangeInvitationLink,
    responses((status = 200, description = "The link as it is now.", body = InvitationLinkView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let change: ChangeInvitationLink = body.json(&state).await?;
    let id = id_of(&address.1, "invitation link")?;
    Ok(answer::ok(&state.app.change_invitation_link(&caller.scope, id, change).await?))
}

/// Removes a link. Who was invited by it stays so.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/invitation-links/{id}",
    operation_id = "remove_invitation_link",
    tag = "Invitations",
    params(InTenant, ById),
    responses((status = 204, description = "It is gone."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn remove(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.remove_invitation_link(&caller.scope, id_of(&address.1, "invitation link")?).await?;
    Ok(answer::done())
}
