//! `/op/{tenant}/userinfo`. Knows where an access token stands in a request (RFC 6750 §2).

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::TokenRefusal;
use app::apps::{ShownAccess, ShownProof};

use super::super::body::Body;
use super::super::error::{Refused, Scheme};
use super::super::oauth::form::{Form, dpop};
use super::super::state::AppState;
use super::Answer;
use super::metadata::slug;

/// With the token in the `Authorization` header.
pub(super) async fn by_header(tenant: Path<String>, request: HttpRequest, state: Data<AppState>) -> Answer {
    let shown = shown(&request)?.ok_or(Refused::Unauthenticated(Scheme::Bearer { shown: false }))?;
    said(&tenant, &shown, &request, &state).await
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
    let shown = match (shown(&request)?, in_form) {
        (Some(one), None) => one,
        (None, Some(token)) => ShownAccess { token, held: None },
        (None, None) => return Err(Refused::Unauthenticated(Scheme::Bearer { shown: false })),
        // RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request."
        (Some(_), Some(_)) => return Err(Refused::parameter("access_token", "is shown twice")),
    };
    said(&tenant, &shown, &request, &state).await
}

async fn said(tenant: &str, shown: &ShownAccess, request: &HttpRequest, state: &AppState) -> Answer {
    let said = state.app.userinfo(slug(tenant)?.as_str(), shown, state.request_id(request)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .json(said))
}

/// By the scheme `Bearer`, or `DPoP` beside a proof (RFC 9449 §7.1).
fn shown(request: &HttpRequest) -> Result<Option<ShownAccess>, Refused> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Ok(None) };
    let unknown = || Refused::Unauthenticated(Scheme::Bearer { shown: true });
    let text = header.to_str().ok().filter(|_| headers.next().is_none()).ok_or_else(unknown)?;
    let (scheme, token) = text.split_once(' ').ok_or_else(unknown)?;
    let held = if scheme.eq_ignore_ascii_case("bearer") {
        None
    } else if scheme.eq_ignore_ascii_case("dpop") {
        let method = request.method().as_str().to_owned();
        let proof = dpop(request).map_err(|refusal| TokenRefusal::Unproven(refusal.to_string()))?;
        Some(ShownProof { proof: proof.unwrap_or_default(), method })
    } else {
        return Err(unknown());
    };
    Ok(Some(ShownAccess { token: token.trim().to_owned(), held }))
}
