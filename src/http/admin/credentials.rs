//! `/tenants/{tenant}/credentials`: the tokens of directories and administrators.

use actix_web::web::{Data, Path};
use app::connections::{CredentialView, IssueCredential, IssuedCredential, RotateCredential};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All credentials, without their tokens.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/credentials",
    operation_id = "list_credentials",
    tag = "Provisioning",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<CredentialView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_credentials(&caller.scope).await?))
}

/// Issues a credential. Its token is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/credentials",
    operation_id = "issue_credential",
    tag = "Provisioning",
    params(InTenant),
    request_body = IssueCredential,
    responses((status = 201, description = "The token, shown this once.", body = IssuedCredential), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn issue(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: IssueCredential = body.json(&state).await?;
    Ok(answer::created(&state.app.issue_credential(&caller.scope, new).await?))
}

/// Revokes a credential: the next request that shows it is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/credentials/{id}",
    operation_id = "revoke_credential",
    tag = "Provisioning",
    params(InTenant, ById),
    responses((status = 204, description = "It is revoked."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn revoke(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "live credential")?;
    state.app.revoke_credential(&caller.scope, id).await?;
    Ok(answer::done())
}

/// Replaces a credential: the new one opens the same, and the old one works for some hours more.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/credentials/{id}/rotate",
    operation_id = "rotate_credential",
    tag = "Provisioning",
    params(InTenant, ById),
    request_body = RotateCredential,
    responses(
        (status = 201, description = "The new token, shown this once.", body = IssuedCredential),
        WriteRefusals,
    ),
    security(("bearer" = []))
)]
pub(super) async fn rotate(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let how: RotateCredential = body.json(&state).await?;
    let id = id_of(&address.1, "live credential")?;
    Ok(answer::created(&state.app.rotate_credential(&caller.scope, id, how).await?))
}
