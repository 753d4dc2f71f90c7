//! `/tenants/{tenant}/oauth-clients`: programs that fetch their own access tokens.

use actix_web::web::{Data, Path};
use app::connections::{CreatedOAuthClient, NewOAuthClient, OAuthClientView};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All OAuth clients, without their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/oauth-clients",
    operation_id = "list_oauth_clients",
    tag = "Provisioning",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<OAuthClientView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_oauth_clients(&caller.scope).await?))
}

/// Adds an OAuth client. Its secret, if it has no keys, is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/oauth-clients",
    operation_id = "create_oauth_client",
    tag = "Provisioning",
    params(InTenant),
    request_body = NewOAuthClient,
    responses((status = 201, description = "It is there now.", body = CreatedOAuthClient), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewOAuthClient = body.json(&state).await?;
    Ok(answer::created(&state.app.create_oauth_client(&caller.scope, new).await?))
}

/// Revokes an OAuth client and every access token that it fetched: the next request that shows one is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/oauth-clients/{id}",
    operation_id = "revoke_oauth_client",
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
    let id = id_of(&address.1, "live OAuth client")?;
    state.app.revoke_oauth_client(&caller.scope, id).await?;
    Ok(answer::done())
}
