//! `POST /oauth/token`. Knows what a request for an access token says; does not know whether its proof holds.

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use app::connections::TokenRequest;

use super::super::body::Body;
use super::super::state::AppState;
use super::Answer;
use super::form::{Form, proof};

/// Issues an access token to a client that proves that it is itself.
pub(super) async fn fetch(request: HttpRequest, body: Body, state: Data<AppState>) -> Answer {
    let form = Form::new(body.form(&state).await?)?;
    let wanted = TokenRequest {
        grant_type: form.get("grant_type"),
        scope: form.get("scope"),
        client_id: form.get("client_id"),
        proof: proof(&request, &form)?,
    };
    let issued = state.app.fetch_access_token(wanted, state.request_id(&request)).await?;
    // RFC 6749 §5.1 wants both headers.
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .json(issued))
}
