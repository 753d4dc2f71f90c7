//! `/tenants/{tenant}/connections`: the SSO links of a tenant.

use actix_web::web::{Data, Path};
use app::AppError;
use app::connections::{ChangeConnection, ConnectionView, NewConnection};
use app::login::TrialView;
use domain::slug::Slug;
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All connections.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/connections",
    operation_id = "list_connections",
    tag = "Sign-in",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<ConnectionView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_connections(&caller.scope, &caller.tenant).await?))
}

/// Adds a connection to an OpenID provider.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/connections",
    operation_id = "create_connection",
    tag = "Sign-in",
    params(InTenant),
    request_body = NewConnection,
    responses((status = 201, description = "It is there now.", body = ConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewConnection = body.json(&state).await?;
    Ok(answer::created(&state.app.create_connection(&caller.scope, &caller.tenant, new).await?))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
pub(super) struct InConnection {
    /// Slug of the connection.
    #[param(example = "entra", min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    connection: String,
}

/// One connection.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/connections/{connection}",
    operation_id = "show_connection",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 200, description = "The connection.", body = ConnectionView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let view = state.app.show_connection(&caller.scope, &caller.tenant, slug(&address.1)?).await?;
    Ok(answer::ok(&view))
}

/// Renames, pauses or resumes a connection, or changes where people land.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/connections/{connection}",
    operation_id = "change_connection",
    tag = "Sign-in",
    params(InTenant, InConnection),
    request_body = ChangeConnection,
    responses((status = 200, description = "The connection as it is now.", body = ConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let change: ChangeConnection = body.json(&state).await?;
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.change_connection(&caller.scope, &caller.tenant, slug, change).await?))
}

/// Begins a trial: whoever goes to its address within an hour passes every check of a sign-in and is not signed in. Also
/// a connection that is paused can be tried out.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/trials",
    operation_id = "begin_trial",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses(
        (status = 201, description = "It can be gone to.", body = TrialView),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn begin_trial(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let slug = slug(&address.1)?;
    Ok(answer::created(&state.app.begin_trial(&caller.scope, &caller.tenant, slug).await?))
}

/// A trial, and how each check ended if somebody came back. Kept for a day.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/trials/{id}",
    operation_id = "show_trial",
    tag = "Sign-in",
    params(InTenant, InConnection, ById),
    responses((status = 200, description = "The trial.", body = TrialView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show_trial(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.2, "trial")?;
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.show_trial(&caller.scope, &caller.tenant, slug, id).await?))
}

/// What is no slug names no connection.
pub(super) fn slug(text: &str) -> Result<&str, AppError> {
    match Slug::parse(text) {
        Ok(_) => Ok(text),
        Err(_not_a_slug) => Err(AppError::NotFound("connection")),
    }
}
