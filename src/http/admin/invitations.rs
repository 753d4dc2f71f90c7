//! `/tenants/{tenant}/invitations`: people who are invited, one or several at once; sent again, or taken back.

use actix_web::web::{Data, Path};
use app::invitations::{InvitationView, Invite, InviteSeveral, Invited, Resend, Row};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::body::Body;
use super::super::caller::ActingCaller;
use super::super::endpoint::id_of;
use super::super::error::Refused;
use super::super::problem::Problem;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, ForPerson, InTenant, Items, ReadRefusals, WriteRefusals};
use super::paging::{PageOf, slice};
use super::{Answer, answer};

const STATES: [&str; 4] = ["pending", "accepted", "cancelled", "expired"];

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Which {
    /// Those in this state: `pending`, `accepted`, `cancelled` or `expired`.
    #[param(min_length = 1, max_length = 20)]
    state: Option<String>,
}

/// Invitations, the newest first. Asked for a person, those of people whom that person sees; a page can then have fewer.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/invitations",
    operation_id = "list_invitations",
    tag = "Invitations",
    params(InTenant, ForPerson, Which, PageOf),
    responses((status = 200, description = "A page of them.", body = Items<InvitationView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: ActingCaller, query: Query, state: Data<AppState>) -> Answer {
    let wanted = query.one_of("state", &STATES)?;
    Ok(answer::items(state.app.list_invitations(&caller.0, wanted, slice(&query)?).await?))
}

/// Invites somebody: they are a local person from now on, in the product's status for those who were invited, and hold nothing
/// until they have accepted by the link. Where mail is set up a mail with it leaves; the answer has it in any case, to be handed
/// on. At the limit of seats nothing is sent: 409 `no_seat`.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/invitations",
    operation_id = "invite",
    tag = "Invitations",
    params(InTenant, ForPerson),
    request_body = Invite,
    responses((status = 201, description = "They are invited.", body = Invited), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn invite(
    caller: ActingCaller,
    address: Path<String>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let wanted: Invite = body.json(&state).await?;
    Ok(answer::created(&state.app.invite(&caller.0, &address, wanted).await?))
}

/// What became of one of several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowView {
    /// The address, as it was given.
    #[schema(example = "hana@acme.example")]
    address: String,
    /// `invited`, `would_be_invited` (of a dry run) or `refused`.
    #[schema(example = "invited")]
    outcome: &'static str,
    /// The invitation.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<InvitationView>,
    /// The link by which it is accepted, once; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// Why they were refused: the code that a request about them alone is refused by.
    code: Option<&'static str>,
    /// The same in words.
    detail: Option<String>,
}

impl From<Row> for RowView {
    fn from(row: Row) -> Self {
        let (outcome, invited, refused) = match row.outcome {
            Ok(Some(invited)) => ("invited", Some(invited), None),
            Ok(None) => ("would_be_invited", None, None),
            Err(error) => ("refused", None, Some(Refused::from(error))),
        };
        let code = refused.as_ref().map(Refused::code);
        let detail = refused.map(|refused| refused.detail().into_owned());
        let (invitation, link) = invited.map(|Invited { invitation, link }| (invitation, link)).unzip();
        Self { address: row.address, outcome, invitation, link, code, detail }
    }
}

/// Invites several, each by themselves: what is wrong with one keeps nobody else out. With `dryRun` it is only tried.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/invitation-batches",
    operation_id = "invite_several",
    tag = "Invitations",
    params(InTenant, ForPerson),
    request_body = InviteSeveral,
    responses(
        (status = 200, description = "What became of each, in the order in which they were named.", body = Items<RowView>),
        WriteRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn invite_several(
    caller: ActingCaller,
    address: Path<String>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let wanted: InviteSeveral = body.json(&state).await?;
    let rows = state.app.invite_several(&caller.0, &address, wanted).await?;
    Ok(answer::items(rows.into_iter().map(RowView::from).collect()))
}

/// One invitation, with what became of its mail and what to do if that did not arrive.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/invitations/{id}",
    operation_id = "show_invitation",
    tag = "Invitations",
    params(InTenant, ById, ForPerson),
    responses((status = 200, description = "The invitation.", body = InvitationView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: ActingCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "invitation")?;
    Ok(answer::ok(&state.app.show_invitation(&caller.0, id).await?))
}

/// Sends an invitation again, by a new link, to another address if one is given. The link before is dead. One that ran out is
/// good again, if there is a seat.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/invitations/{id}/resend",
    operation_id = "resend_invitation",
    tag = "Invitations",
    params(InTenant, ById, ForPerson),
    request_body = Resend,
    responses((status = 200, description = "The invitation and its new link.", body = Invited), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn resend(
    caller: ActingCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let wanted: Resend = body.json(&state).await?;
    let id = id_of(&address.1, "invitation")?;
    Ok(answer::ok(&state.app.resend_invitation(&caller.0, &address.0, id, wanted).await?))
}

/// Takes an invitation back: the link is dead and the seat is free. Whoever was invited is deactivated where the product says so,
/// and the invitation is shown as it is then; else they are deleted, and the invitation with them.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/invitations/{id}",
    operation_id = "cancel_invitation",
    tag = "Invitations",
    params(InTenant, ById, ForPerson),
    responses(
        (status = 200, description = "They are deactivated.", body = InvitationView),
        (status = 204, description = "They are gone."),
        (status = 409, description = "It was accepted, or taken back, before.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn cancel(
    caller: ActingCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "invitation")?;
    match state.app.cancel_invitation(&caller.0, id).await? {
        Some(shown) => Ok(answer::ok(&shown)),
        None => Ok(answer::done()),
    }
}
