//! `POST /oidc/{tenant}/{connection}/backchannel-logout`: a provider says that somebody has signed out there. Knows the two
//! answers of Back-Channel Logout §2.8; whether the word holds, the use case knows.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::super::body::Body;
use super::super::error::Refused;
use super::super::state::AppState;
use super::Answer;
use super::start::door;

/// Takes a logout token. 200 when its sessions are ended, whether there were any or not; 400 for everything that does not hold.
pub(super) async fn logout(
    address: Path<(String, String)>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    match end(&address, &request, body, &state).await {
        Ok(()) => Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish()),
        Err(refused) if refused.status().is_client_error() => {
            refused.log();
            let body = json!({"error": "invalid_request"});
            Ok(HttpResponse::BadRequest().insert_header((CACHE_CONTROL, "no-store")).json(body))
        }
        Err(trouble) => Err(trouble),
    }
}

async fn end(
    address: &(String, String),
    request: &HttpRequest,
    body: Body,
    state: &AppState,
) -> Result<(), Refused> {
    let (tenant, connection) = (door(&address.0)?, door(&address.1)?);
    let form = body.form(state).await?;
    let mut tokens = form.iter().filter(|(name, _)| name == "logout_token");
    let (Some((_, token)), None) = (tokens.next(), tokens.next()) else {
        return Err(Refused::parameter("logout_token", "is given exactly once"));
    };
    state.app.end_by_provider(tenant.as_str(), connection.as_str(), token, state.request_id(request)).await?;
    Ok(())
}
