//! `/tenants/{tenant}/users/{id}/passkeys` and `/tenants/{tenant}/enforced-sign-in`: signing in through chosen connections only, and who comes in without them.

use actix_web::web::{Data, Path};
use app::login::{EnforcementView, PasskeyInvitationView, PasskeyView, RenamePasskey, SetEnforcement};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::problem::Problem;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
struct OnePasskey {
    /// Id of the passkey.
    #[param(format = Uuid)]
    passkey: String,
}

/// Makes a link by which a local person registers a passkey, once and within a quarter of an hour. Whoever has the link can
/// sign in as them from then on. Somebody whom a directory manages has no passkeys: 409 `managed_by_directory`.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/users/{id}/passkey-invitations",
    operation_id = "invite_passkey",
    tag = "Sign-in",
    params(InTenant, ById),
    responses(
        (status = 201, description = "The link, shown this once.", body = PasskeyInvitationView),
        (status = 409, description = "Not a local person, not active, or the installation has no host name.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn invite(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let user = id_of(&address.1, "user")?;
    Ok(answer::created(&state.app.invite_passkey(&caller.scope, &caller.tenant, user).await?))
}

/// A person's passkeys, oldest first. Somebody whom a directory manages has none.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/users/{id}/passkeys",
    operation_id = "list_passkeys",
    tag = "Sign-in",
    params(InTenant, ById),
    responses((status = 200, description = "All of them.", body = Items<PasskeyView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::items(state.app.list_passkeys(&caller.scope, id_of(&address.1, "user")?).await?))
}

/// Names a passkey.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/users/{id}/passkeys/{passkey}",
    operation_id = "rename_passkey",
    tag = "Sign-in",
    params(InTenant, ById, OnePasskey),
    request_body = RenamePasskey,
    responses((status = 200, description = "The passkey as it is now.", body = PasskeyView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn rename(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let wanted: RenamePasskey = body.json(&state).await?;
    let (user, passkey) = (id_of(&address.1, "user")?, id_of(&address.2, "passkey")?);
    Ok(answer::ok(&state.app.rename_passkey(&caller.scope, user, passkey, wanted).await?))
}

/// Removes a passkey and ends the person's sessions. The last one by which anybody could come in is not removed while people
/// sign in through chosen connections only: 409.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/users/{id}/passkeys/{passkey}",
    operation_id = "remove_passkey",
    tag = "Sign-in",
    params(InTenant, ById, OnePasskey),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Nobody could come in without an identity provider.", body = Problem, content_type = "application/problem+json"),
        ReadRefusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn remove(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    state: Data<AppState>,
) -> Answer {
    state
        .app
        .remove_passkey(&caller.scope, id_of(&address.1, "user")?, id_of(&address.2, "passkey")?)
        .await?;
    Ok(answer::done())
}

/// Through which connections people sign in only, which may be chosen, and who could come in without them.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/enforced-sign-in",
    operation_id = "show_enforced_sign_in",
    tag = "Sign-in",
    params(InTenant),
    responses((status = 200, description = "As it is now.", body = EnforcementView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show_enforcement(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::ok(&state.app.show_enforcement(&caller.scope).await?))
}

/// Says through which connections people sign in only. Each must be chosen already or have passed a trial of its present
/// settings within the last day, and somebody local must have a passkey: 409 otherwise. Who is signed in stays so.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/enforced-sign-in",
    operation_id = "enforce_sign_in",
    tag = "Sign-in",
    params(InTenant),
    request_body = SetEnforcement,
    responses((status = 200, description = "As it is now.", body = EnforcementView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn enforce(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let wanted: SetEnforcement = body.json(&state).await?;
    Ok(answer::ok(&state.app.enforce_sign_in(&caller.scope, wanted).await?))
}
