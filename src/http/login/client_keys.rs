//! `GET /oidc/{tenant}/{connection}/jwks.json`: the keys by which we prove to a provider that we are its client.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use app::login::CLIENT_KEYS_MAX_AGE;

use super::super::state::AppState;
use super::Answer;
use super::start::door;

/// A JSON Web Key Set (RFC 7517) of public halves.
pub(super) async fn show(
    address: Path<(String, String)>,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = (door(&address.0)?, door(&address.1)?);
    let keys =
        state.app.client_key_set(tenant.as_str(), connection.as_str(), state.request_id(&request)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, format!("public, max-age={CLIENT_KEYS_MAX_AGE}")))
        .content_type("application/jwk-set+json")
        .body(keys.to_string()))
}
