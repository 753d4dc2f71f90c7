//! `/tenants/{tenant}/saml-connections`: what connections by SAML have beside what every connection has.

use actix_web::web::{Data, Path};
use app::connections::{ChangeSamlConnection, ExpiryView, NewSamlConnection, SamlConnectionView};
use utoipa::IntoParams;

use super::super::body::Body;
use super::super::caller::TenantAdminCaller;
use super::super::state::AppState;
use super::answer::{InTenant, Items, ReadRefusals, WriteRefusals};
use super::connections::{InConnection, slug};
use super::{Answer, answer};

/// Adds a connection to an identity provider that speaks SAML.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/saml-connections",
    operation_id = "create_saml_connection",
    tag = "Sign-in",
    params(InTenant),
    request_body = NewSamlConnection,
    responses((status = 201, description = "It is there now.", body = SamlConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn create(caller: TenantAdminCaller, body: Body, state: Data<AppState>) -> Answer {
    let new: NewSamlConnection = body.json(&state).await?;
    Ok(answer::created(&state.app.create_saml_connection(&caller.scope, &caller.tenant, new).await?))
}

/// One connection by SAML, with its certificates and keys.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}",
    operation_id = "show_saml_connection",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 200, description = "The connection.", body = SamlConnectionView), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn show(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.show_saml_connection(&caller.scope, &caller.tenant, slug).await?))
}

/// Changes what the provider is held to, or its metadata.
#[utoipa::path(
    patch,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}",
    operation_id = "change_saml_connection",
    tag = "Sign-in",
    params(InTenant, InConnection),
    request_body = ChangeSamlConnection,
    responses((status = 200, description = "The connection as it is now.", body = SamlConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn change(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let change: ChangeSamlConnection = body.json(&state).await?;
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.change_saml_connection(&caller.scope, &caller.tenant, slug, change).await?))
}

/// Looks at the provider's metadata now.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}/refresh",
    operation_id = "refresh_saml_connection",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 200, description = "The connection as it is now; how the look went stands in it.", body = SamlConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn refresh(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.refresh_saml_connection(&caller.scope, &caller.tenant, slug).await?))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the documentation only")]
pub(super) struct InCertificate {
    /// SHA-256 of the certificate, in hexadecimal digits.
    #[param(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")]
    fingerprint: String,
}

/// Lets a certificate count that waits.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}/certificates/{fingerprint}",
    operation_id = "approve_saml_certificate",
    tag = "Sign-in",
    params(InTenant, InConnection, InCertificate),
    responses((status = 200, description = "The connection as it is now.", body = SamlConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn approve_certificate(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    state: Data<AppState>,
) -> Answer {
    let which = (slug(&address.1)?, address.2.as_str());
    Ok(answer::ok(&state.app.approve_certificate(&caller.scope, &caller.tenant, which).await?))
}

/// Takes a certificate away.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}/certificates/{fingerprint}",
    operation_id = "remove_saml_certificate",
    tag = "Sign-in",
    params(InTenant, InConnection, InCertificate),
    responses((status = 204, description = "It is gone."), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn remove_certificate(
    caller: TenantAdminCaller,
    address: Path<(String, String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.remove_certificate(&caller.scope, (slug(&address.1)?, address.2.as_str())).await?;
    Ok(answer::done())
}

/// Makes and publishes the key that will replace the current one.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}/keys",
    operation_id = "announce_saml_key",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 201, description = "The connection as it is now.", body = SamlConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn announce_key(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let slug = slug(&address.1)?;
    Ok(answer::created(&state.app.announce_saml_key(&caller.scope, &caller.tenant, slug).await?))
}

/// Signs with the next key from now on; the current one becomes the former, which still decrypts.
#[utoipa::path(
    post,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}/keys/switch",
    operation_id = "switch_saml_key",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 200, description = "The connection as it is now.", body = SamlConnectionView), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn switch_key(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    let slug = slug(&address.1)?;
    Ok(answer::ok(&state.app.switch_saml_key(&caller.scope, &caller.tenant, slug).await?))
}

/// Takes the former key away.
#[utoipa::path(
    delete,
    path = "/api/v1/tenants/{tenant}/saml-connections/{connection}/keys/former",
    operation_id = "retire_saml_key",
    tag = "Sign-in",
    params(InTenant, InConnection),
    responses((status = 204, description = "It is gone."), WriteRefusals),
    security(("bearer" = []))
)]
pub(super) async fn retire_key(
    caller: TenantAdminCaller,
    address: Path<(String, String)>,
    state: Data<AppState>,
) -> Answer {
    state.app.retire_saml_key(&caller.scope, &caller.tenant, slug(&address.1)?).await?;
    Ok(answer::done())
}

/// When certificates and keys of the tenant's connections end, the next first.
#[utoipa::path(
    get,
    path = "/api/v1/tenants/{tenant}/certificate-calendar",
    operation_id = "certificate_calendar",
    tag = "Sign-in",
    params(InTenant),
    responses((status = 200, description = "All of them.", body = Items<ExpiryView>), ReadRefusals),
    security(("bearer" = []))
)]
pub(super) async fn calendar(caller: TenantAdminCaller, state: Data<AppState>) -> Answer {
    Ok(answer::items(state.app.certificate_calendar(&caller.scope).await?))
}
