//! `/op/{tenant}/userinfo`. Knows where an access token stands in a request (RFC 6750 §2).

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::super::body::Body;
use super::super::error::{Refused, Scheme};
use super::super::oauth::form::Form;
use super::super::state::AppState;
use super::Answer;
use super::metadata::slug;

/// With the token in the `Authorization` header.
pub(super) async fn by_header(tenant: Path<String>, request: HttpRequest, state: Data<AppState>) -> Answer {
    let token = bearer(&request)?.ok_or(Refused::Unauthenticated(Scheme::Bearer { shown: false }))?;
    said(&tenant, &token, &request, &state).await
}

/// With the token there, or in a form.
pub(super) async fn by_form(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let in_form = if request.headers().contains_key(CONTENT_TYPE) {
        Form::new(body.form(&state).await?)?.get("access_token")
    } else {
        None
    };
    let token = match (bearer(&request)?, in_form) {
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Err(Refused::Unauthenticated(Scheme::Bearer { shown: false })),
        // RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request."
        (Some(_), Some(_)) => return Err(Refused::parameter("access_token", "is shown twice")),
    };
    said(&tenant, &token, &request, &state).await
}

async fn said(tenant: &str, token: &str, request: &HttpRequest, state: &AppState) -> Answer {
    let said = state.app.userinfo(slug(tenant)?.as_str(), token, state.request_id(request)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(said))
}

fn bearer(request: &HttpRequest) -> Result<Option<String>, Refused> {
    let Some(header) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    let token = header.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    token.map(Some).ok_or(Refused::Unauthenticated(Scheme::Bearer { shown: true }))
}
