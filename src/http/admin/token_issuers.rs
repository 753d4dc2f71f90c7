//! `/tenants/{tenant}/token-issuers`: whose access tokens directories believe.

use actix_web::web::{Data, Path};
use app::connections::{NewTokenIssuer, TokenIssuerView};

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::endpoint::id_of;
use super::super::state::AppState;
use super::answer::{ById, InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

/// All issuers that directories trust or trusted.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/token-issuers",
    operation_id = "list_token_issuers",
    tag = "Provisioning",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<TokenIssuerView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_token_issuers(&caller.scope).await?))
}

/// Lets a directory believe the access tokens of an issuer, below `/scim/{tenant}/v2`.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/token-issuers",
    operation_id = "trust_token_issuer",
    tag = "Provisioning",
    params(InTenant),
    request_body = NewTokenIssuer,
    responses((status = 201, description = "It is trusted now.", body = TokenIssuerView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn trust(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewTokenIssuer = body.json(&state).await?;
    Ok(answer::created(&state.app.trust_token_issuer(&caller.scope, new).await?))
}

/// Ends a trust: the next request with such a token is refused.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/token-issuers/{id}",
    operation_id = "revoke_token_issuer",
    tag = "Provisioning",
    params(InTenant, ById),
    responses((status = 204, description = "It is trusted no longer."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn revoke(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let id = id_of(&address.1, "trusted token issuer")?;
    state.app.revoke_token_issuer(&caller.scope, id).await?;
    Ok(answer::done())
}
