//! `/tenants/{tenant}/users/{id}/sessions` and `/tenants/{tenant}/session-policy`: who is signed in, and for how long.

use actix_web::web::{Data, Path};
use app::login::{SessionPolicyView, SessionView};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
struct OneSession {
    /// Id of the session.
    #[param(format = Uuid)]
    session: String,
}

/// A person's sessions that are in force, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}/sessions",
    operation_id = "list_sessions",
    tag = "Sign-in",
    params(InTenant, ById),
    responses((status = 200, description = "All of them.", body = Items<SessionView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::items(state.app.list_sessions(&caller.scope, id_of(&address.1, "user")?).await?))
}

/// Signs a person out of everything. What an identity provider has proven of them before opens no session any more.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/users/{id}/sessions",
    operation_id = "revoke_sessions",
    tag = "Sign-in",
    params(InTenant, ById),
    responses((status = 204, description = "They have none."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn revoke_all(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.revoke_sessions(&caller.scope, id_of(&address.1, "user")?).await?;
    Ok(answer::done())
}

/// Ends one session of a person.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/users/{id}/sessions/{session}",
    operation_id = "revoke_session",
    tag = "Sign-in",
    params(InTenant, ById, OneSession),
    responses((status = 204, description = "It is over."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn revoke(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    state: Data<AppState>,
) -> Answer {
    let session = id_of(&address.2, "session")?;
    state.app.revoke_session(&caller.scope, id_of(&address.1, "user")?, session).await?;
    Ok(answer::done())
}

/// How long the tenant's sessions live, where it is shorter than the installation allows.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/session-policy",
    operation_id = "show_session_policy",
    tag = "Sign-in",
    params(InTenant),
    responses((status = 200, description = "The lifetimes.", body = SessionPolicyView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show_policy(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_session_policy(&caller.scope).await?))
}

/// Says how long the tenant's sessions live, those that are open included.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/session-policy",
    operation_id = "set_session_policy",
    tag = "Sign-in",
    params(InTenant),
    request_body = SessionPolicyView,
    responses((status = 200, description = "The lifetimes as they are now.", body = SessionPolicyView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set_policy(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let wanted: SessionPolicyView = body.json(&state).await?;
    Ok(answer::ok(&state.app.set_session_policy(&caller.scope, wanted).await?))
}
