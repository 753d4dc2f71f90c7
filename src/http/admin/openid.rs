//! `/tenants/{tenant}/connections/{connection}/openid`: what is a connection's own by OpenID Connect.

use actix_web::web::{Data, Path};
use app::connections::{NewClientSecret, OpenIdView};
use app::login::OpenIdRules;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, ReadRefusals, WriteRefusals};
use super::connections::{InConnection, slug};
use super::{Answer, answer};

/// What is asked of the provider and required of its answers, and what to register there.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/openid",
    operation_id = "show_openid",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 200, description = "All of it.", body = OpenIdView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.show_openid(&caller.scope, &caller.tenant, slug).await?))
}

/// Replaces what is asked of the provider and required of its answers; what is left out is the default.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/openid/rules",
    operation_id = "set_openid_rules",
    tag = "Sign-in",
    params(InTenant, InConnection),
    request_body = OpenIdRules,
    responses((status = 200, description = "As it is now.", body = OpenIdView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set_rules(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let rules: OpenIdRules = body.json(&state).await?;
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.set_openid_rules(&caller.scope, &caller.tenant, slug, rules).await?))
}

/// Puts another client secret in place of what the connection proved itself with.
#[utoipa::path(
    put,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/openid/client-secret",
    operation_id = "set_client_secret",
    tag = "Sign-in",
    params(InTenant, InConnection),
    request_body = NewClientSecret,
    responses((status = 200, description = "As it is now.", body = OpenIdView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn set_secret(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let new: NewClientSecret = body.json(&state).await?;
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.set_client_secret(&caller.scope, &caller.tenant, slug, new).await?))
}

/// Gives the connection a key of its own to prove itself with, or a new one. It is published at once and signs six minutes later,
/// when nobody can remember a key set without it; the one before stays published until the next.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/connections/{connection}/openid/client-key",
    operation_id = "renew_client_key",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 200, description = "As it is now.", body = OpenIdView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn renew_key(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.renew_client_key(&caller.scope, &caller.tenant, slug).await?))
}
