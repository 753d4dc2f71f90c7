//! `/tenants/{tenant}/domains`: domains of e-mail addresses that the tenant proves to be its own.

use actix_web::web::{Data, Path};
use app::domains::{DomainView, NewDomain};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::{Answer, answer};

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
struct InDomain {
    /// The domain.
    #[param(example = "acme.example", min_length = 1, max_length = 253)]
    domain: String,
}

/// All claims.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/domains",
    operation_id = "list_domains",
    tag = "People",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<DomainView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn list(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.list_domains(&caller.scope).await?))
}

/// Claims a domain; the answer says which TXT record proves it. Claimed again, it is shown as it stands.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/domains",
    operation_id = "claim_domain",
    tag = "People",
    params(InTenant),
    request_body = NewDomain,
    responses((status = 201, description = "The claim.", body = DomainView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn claim(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewDomain = body.json(&state).await?;
    Ok(answer::created(&state.app.claim_domain(&caller.scope, new).await?))
}

/// Looks for the record now. A domain that another tenant has verified is a conflict, once the record is there.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/domains/{domain}/verify",
    operation_id = "verify_domain",
    tag = "People",
    params(InTenant, InDomain),
    responses((status = 200, description = "The claim as it stands.", body = DomainView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn verify(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    Ok(answer::ok(&state.app.verify_domain(&caller.scope, &address.1).await?))
}

/// Gives a claim up.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/domains/{domain}",
    operation_id = "release_domain",
    tag = "People",
    params(InTenant, InDomain),
    responses((status = 204, description = "Given up."), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn release(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.release_domain(&caller.scope, &address.1).await?;
    Ok(answer::done())
}
