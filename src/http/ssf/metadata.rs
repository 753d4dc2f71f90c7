//! `GET /.well-known/ssf-configuration` (SSF §7) and the keys that tokens are signed with. Knows what there is; does not know
//! receivers.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use app::signals::{POLL, PUSH};
use serde_json::json;

use super::super::state::AppState;
use super::Answer;

/// Keys are published a month before they sign.
const FOR_AN_HOUR: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "public, max-age=3600");

/// The document.
pub(in crate::http) async fn configuration(state: Data<AppState>) -> Answer {
    let issuer = state.app.issuer();
    let at = |path: &str| format!("{issuer}/ssf/{path}");
    let document = json!({
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": at("jwks"),
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": at("stream"),
        "status_endpoint": at("status"),
        "verification_endpoint": at("verify"),
        "critical_subject_members": ["user", "session"],
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}],
        "default_subjects": "ALL",
    });
    Ok(HttpResponse::Ok().insert_header(FOR_AN_HOUR).json(document))
}

/// The keys, as a JSON Web Key Set.
pub(super) async fn keys(state: Data<AppState>) -> Answer {
    Ok(HttpResponse::Ok().insert_header(FOR_AN_HOUR).json(state.app.published_set_keys()?))
}
