//! `/tenants/{tenant}/users`: people as an administrator sees them, and what they may do; the local ones are also written
//! here. `/tenants/{tenant}/tombstones`: who was deleted.

use actix_web::web::{Data, Path};
use app::people::{ChangePerson, Freeze, NewPerson, PeopleQuery, PersonPage, PersonView, TombstoneView};
use utoipa::IntoParams;

use super::super::access_view::AccessView;
use super::super::body::Body;
use super::super::caller::{ActingCaller, TenantAdminCaller};
use super::super::endpoint::id_of;
use super::super::error::Refused;
use super::super::problem::Problem;
use super::super::query::Query;
use super::super::state::AppState;
use super::answer::{ById, ForPerson, InTenant, Items, ReadRefusals, WriteRefusals};
use super::grants::Successor;
use super::paging::{PageOf, slice};
use super::{Answer, answer};

const LONGEST_USER_NAME: usize = 1_024;
const LONGEST_SLUG: usize = 63;
const LONGEST_SEARCH: usize = 200;
const LONGEST_ID: usize = 100;
const LONGEST_KEY: usize = 200;
const LONGEST_IDLE: i64 = 3_650;

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
pub(super) struct Which {
    /// People of any directory who have this user name, compared without case.
    #[param(min_length = 1, max_length = 1024)]
    user_name: Option<String>,
    /// People whom this directory manages, by its slug.
    #[param(min_length = 1, max_length = 63)]
    directory: Option<String>,
    /// `true`: whom no directory manages; `false`: whom one does.
    local: Option<bool>,
    /// People in whose names or addresses each of these words is found, compared by NFKC and without case. A word is found
    /// where a word begins; in scripts without spaces between words, anywhere. White space parts words, a full-width space too.
    #[param(min_length = 1, max_length = 200)]
    search: Option<String>,
    /// `true`: who is active; `false`: who is not.
    active: Option<bool>,
    /// People who stand here, by the id of the blueprint's status.
    #[param(min_length = 1, max_length = 100)]
    status: Option<String>,
    /// People who have this role of the blueprint.
    #[param(min_length = 1, max_length = 100)]
    role: Option<String>,
    /// People who are at home or have a role in this organisational unit or below it, by its key.
    #[param(min_length = 1, max_length = 200)]
    org_unit: Option<String>,
    /// People who have a role in this workspace, by its key; `role`, if that is given too.
    #[param(min_length = 1, max_length = 63)]
    workspace: Option<String>,
    /// People who were not here for so many days.
    #[param(minimum = 1, maximum = 3650)]
    idle_days: Option<i64>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the documentation only; `Query` reads the request")]
struct Part {
    /// `true`: the answer says how many there are in all.
    total: Option<bool>,
}

/// The tenant's people, by id. Asked for a person, those whom the product's grant rules let that person do anything to.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users",
    operation_id = "list_users",
    tag = "People",
    params(InTenant, ForPerson, Which, Part, PageOf),
    responses((status = 200, description = "A page of them.", body = PersonPage), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: ActingCaller, query: Query, state: Data<AppState>) -> Answer {
    let asked = which(&query)?;
    let items = state.app.list_people(&caller.0, asked, slice(&query)?).await?;
    let total = match query.truth("total")? {
        Some(true) => Some(state.app.count_people(&caller.0, asked).await?),
        _ => None,
    };
    Ok(answer::ok(&PersonPage { items, total }))
}

pub(super) fn which(query: &Query) -> Result<PeopleQuery<'_>, Refused> {
    let idle_days = query.get("idleDays")?;
    Ok(PeopleQuery {
        user_name: query.text("userName", LONGEST_USER_NAME)?,
        directory: query.text("directory", LONGEST_SLUG)?,
        local: query.truth("local")?,
        search: query.text("search", LONGEST_SEARCH)?,
        active: query.truth("active")?,
        status: query.text("status", LONGEST_ID)?,
        role: query.text("role", LONGEST_ID)?,
        org_unit: query.text("orgUnit", LONGEST_KEY)?,
        workspace: query.text("workspace", LONGEST_SLUG)?,
        idle_days: idle_days.map(|_| query.number("idleDays", 1..=LONGEST_IDLE, 1)).transpose()?,
    })
}

/// Creates a local person: one whom no directory manages.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/users",
    operation_id = "create_user",
    tag = "People",
    params(InTenant, ForPerson),
    request_body = NewPerson,
    responses((status = 201, description = "They are there now.", body = PersonView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: ActingCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewPerson = body.json(&state).await?;
    Ok(answer::created(&state.app.create_person(&caller.0, new).await?))
}

/// One person. Asked for a person, one whom that person does not see is not there.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}",
    operation_id = "show_user",
    tag = "People",
    params(InTenant, ById, ForPerson),
    responses((status = 200, description = "The person.", body = PersonView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: ActingCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.show_person(&caller.0, id_of(&address.1, "user")?).await?))
}

/// Changes a local person. One whom a directory manages can only be changed there: 409 `managed_by_directory`.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/users/{id}",
    operation_id = "change_user",
    tag = "People",
    params(InTenant, ById, ForPerson),
    request_body = ChangePerson,
    responses((status = 200, description = "The person as they are now.", body = PersonView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: ActingCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let change: ChangePerson = body.json(&state).await?;
    Ok(answer::ok(&state.app.change_person(&caller.0, id_of(&address.1, "user")?, change).await?))
}

/// Deletes a local person. One whom a directory manages can only be deleted there: 409 `managed_by_directory`.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/users/{id}",
    operation_id = "delete_user",
    tag = "People",
    params(InTenant, ById, Successor, ForPerson),
    responses(
        (status = 204, description = "They are gone."),
        (status = 409, description = "A directory manages them.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn delete(
    caller: ActingCaller,
    address: Path<(String, String)>,
    query: Query,
    state: Data<AppState>,
) -> Answer {
    let to = query.id("handOverTo")?;
    state.app.delete_person(&caller.0, id_of(&address.1, "user")?, to).await?;
    Ok(answer::done())
}

/// Shuts somebody out at once, whoever manages them: sessions, tokens and passes end and the seat is free when this answers. A
/// directory goes on writing them and lets nobody in. Done twice, the first stays.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/users/{id}/freeze",
    operation_id = "freeze_user",
    tag = "People",
    params(InTenant, ById, ForPerson),
    request_body = Freeze,
    responses((status = 200, description = "The person as they are now.", body = PersonView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn freeze(
    caller: ActingCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let freeze: Freeze = body.json(&state).await?;
    Ok(answer::ok(&state.app.freeze_person(&caller.0, id_of(&address.1, "user")?, freeze).await?))
}

/// Takes that back: whoever manages them says again whether they are let in, and if so they need a seat.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/users/{id}/freeze",
    operation_id = "thaw_user",
    tag = "People",
    params(InTenant, ById, ForPerson),
    responses((status = 200, description = "The person as they are now.", body = PersonView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn thaw(
    caller: ActingCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.thaw_person(&caller.0, id_of(&address.1, "user")?).await?))
}

/// Who was deleted, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/tombstones",
    operation_id = "list_tombstones",
    tag = "People",
    params(InTenant, PageOf),
    responses((status = 200, description = "A page of them.", body = Items<TombstoneView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn tombstones(caller: TenantAdminCaller, query: Query, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_tombstones(&caller.scope, slice(&query)?).await?))
}

/// What a person may do now, and why.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}/access",
    operation_id = "show_access",
    tag = "Access",
    params(InTenant, ById),
    responses((status = 200, description = "Their access.", body = AccessView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn access(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let access = state.app.show_access(&caller.scope, id_of(&address.1, "user")?).await?;
    Ok(answer::ok(&AccessView::of(&access)?))
}
