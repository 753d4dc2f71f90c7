//! `POST /signals/{tenant}/{connection}/global-token-revocation`: a provider wants somebody to be signed out of everything
//! (draft-parecki-oauth-global-token-revocation). Knows the answers; whom it means, the use case knows.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::signals_in::At;
use serde::Deserialize;
use serde_json::Value;

use super::super::body::Body;
use super::super::caller::presented;
use super::super::error::{Refused, Scheme};
use super::super::login::start::door;
use super::super::state::AppState;
use super::Answer;

/// What is asked for. Whatever else is there means nothing to us.
#[derive(Debug, Deserialize)]
struct Asked {
    /// Who is meant (RFC 9493).
    sub_id: Value,
}

/// 204 when everything of the person has ended, whether there was anything or not; 404 for somebody who never came through
/// the connection; 401 for a token that does not hold.
pub(super) async fn revoke(
    address: Path<(String, String)>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = (door(&address.0)?, door(&address.1)?);
    let token = presented(&request).ok_or(Refused::Unauthenticated(Scheme::Bearer { shown: false }))?;
    let asked: Asked = body.json(&state).await?;
    let at = At { tenant: tenant.as_str(), connection: connection.as_str() };
    state.app.revoke_for_provider(at, token, &asked.sub_id, state.request_id(&request)).await?;
    Ok(HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish())
}
