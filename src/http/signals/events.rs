//! `POST /signals/{tenant}/{connection}/events`: a transmitter pushes a security event token (RFC 8935). Knows the two answers
//! of §2; whether the token holds, and what follows, the use case knows.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::signals_in::{At, SetRefusal};
use serde_json::json;

use super::super::body::Body;
use super::super::error::Refused;
use super::super::login::start::door;
use super::super::state::AppState;
use super::Answer;

/// RFC 8417 §7.2.
const MEDIA_TYPE: &str = "application/secevent+jwt";

/// 202 when what its events end has ended; 400 with a code for everything that does not hold.
pub(super) async fn take(
    address: Path<(String, String)>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    match hear(&address, &request, body, &state).await {
        Ok(Ok(())) => Ok(HttpResponse::Accepted().insert_header((CACHE_CONTROL, "no-store")).finish()),
        Ok(Err(refusal)) => Ok(bad(refusal.err, &refusal.description)),
        Err(refused) if refused.status() == 404 => Err(refused),
        Err(refused) if refused.status().is_client_error() => {
            refused.log();
            Ok(bad("invalid_request", &refused.detail()))
        }
        Err(trouble) => Err(trouble),
    }
}

async fn hear(
    address: &(String, String),
    request: &HttpRequest,
    body: Body,
    state: &AppState,
) -> Result<Result<(), SetRefusal>, Refused> {
    let (tenant, connection) = (door(&address.0)?, door(&address.1)?);
    let token = body.token(state, MEDIA_TYPE).await?;
    let at = At { tenant: tenant.as_str(), connection: connection.as_str() };
    Ok(state.app.take_security_events(at, &token, state.request_id(request)).await?)
}

/// RFC 8935 §2.3.
fn bad(err: &str, description: &str) -> HttpResponse {
    HttpResponse::BadRequest()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_LANGUAGE, "en"))
        .json(json!({"err": err, "description": description}))
}
