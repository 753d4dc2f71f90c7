//! What an app must know of its provider (OpenID Connect Discovery §3, RFC 8414 §2). Announces what works, and nothing else.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::AppError;
use app::apps::{DEVICE_GRANT, SCOPES};
use app::connections::ASSERTION_ALGORITHMS;
use domain::slug::Slug;
use serde_json::json;

use super::super::state::AppState;
use super::Answer;

/// `GET /op/{tenant}/.well-known/openid-configuration`, and where RFC 8414 §3.1 looks for it.
pub(in super::super) async fn document(
    tenant: Path<String>,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let tenant = slug(&tenant)?;
    state.app.check_provider(tenant.as_str(), state.request_id(&request)).await?;
    let ours = state.app.app_addresses(tenant.as_str());
    let algorithms: Vec<&str> = ASSERTION_ALGORITHMS.iter().map(|algorithm| algorithm.name()).collect();
    let proofs = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let strong = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let document = json!({
        "issuer": ours.issuer,
        "authorization_endpoint": ours.of("authorize"),
        "pushed_authorization_request_endpoint": ours.of("par"),
        "device_authorization_endpoint": ours.of("device-authorization"),
        "token_endpoint": ours.of("token"),
        "userinfo_endpoint": ours.of("userinfo"),
        "jwks_uri": ours.of("jwks.json"),
        "introspection_endpoint": ours.of("introspect"),
        "revocation_endpoint": ours.of("revoke"),
        "end_session_endpoint": ours.of("end-session"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "token_endpoint_auth_methods_supported": proofs,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": proofs,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": strong,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_supported": [
            "sub", "sid", "auth_time", "amr", "acr", "access_version", "preferred_username", "name", "given_name",
            "family_name", "nickname", "locale", "zoneinfo", "email", "email_verified", "roles", "scoped_roles",
            "admin_level", "org_unit", "workspaces", "flags", "permissions",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        // Only names of requests that were pushed.
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(document))
}

/// `GET /op/{tenant}/jwks.json`. A key is published for a month before it signs.
pub(super) async fn keys(tenant: Path<String>, request: HttpRequest, state: Data<AppState>) -> Answer {
    let (tenant, id) = (slug(&tenant)?, state.request_id(&request));
    let keys = state.app.published_app_keys(tenant.as_str(), id).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=3600")).json(keys))
}

/// The tenant in the address, if it can be one at all.
pub(super) fn slug(text: &str) -> Result<Slug, AppError> {
    Slug::parse(text).or(Err(AppError::NotFound("tenant")))
}
