//! `GET /.well-known/oauth-authorization-server` (RFC 8414 §3). Knows what the token endpoint takes; does not know clients.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use app::connections::ASSERTION_ALGORITHMS;
use domain::oauth::SCOPES;
use serde_json::json;

use super::super::state::AppState;
use super::Answer;

/// The document.
pub(super) async fn document(state: Data<AppState>) -> Answer {
    let algorithms: Vec<&str> = ASSERTION_ALGORITHMS.iter().map(|algorithm| algorithm.name()).collect();
    let document = json!({
        "issuer": state.app.issuer(),
        "token_endpoint": state.app.token_endpoint(),
        "grant_types_supported": ["client_credentials"],
        // §2 requires the list; there is no authorization endpoint to answer from.
        "response_types_supported": [],
        "scopes_supported": SCOPES,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
    });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=3600")).json(document))
}
