//! `/op/{tenant}/token`, `introspect` and `revoke`: what apps ask about tokens. Knows forms; does not know what a token is good for.

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::TokenRefusal;
use app::apps::{AppTokenRequest, Claimed, Shown};

use super::super::body::Body;
use super::super::error::Refused;
use super::super::oauth::form::{Form, dpop, proof};
use super::super::state::AppState;
use super::Answer;
use super::metadata::slug;

/// Tokens for a code, a refresh token, or an app's own word (RFC 6749 §3.2).
pub(super) async fn issue(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let form = Form::new(body.form(&state).await?)?;
    let resources = form.params().iter().filter(|(name, value)| name == "resource" && !value.is_empty());
    let wanted = AppTokenRequest {
        claimed: claimed(&request, &form)?,
        grant_type: form.get("grant_type"),
        code: form.get("code"),
        redirect_uri: form.get("redirect_uri"),
        code_verifier: form.get("code_verifier"),
        refresh_token: form.get("refresh_token"),
        device_code: form.get("device_code"),
        dpop: dpop(&request)?,
        scope: form.get("scope"),
        resources: resources.map(|(_, value)| value.clone()).collect(),
    };
    let issued = state.app.app_tokens(slug(&tenant)?.as_str(), wanted, state.request_id(&request)).await?;
    // RFC 6749 §5.1 wants both headers.
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .json(issued))
}

/// Whether a token is good now (RFC 7662 §2).
pub(super) async fn introspect(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let shown = shown(&request, body, &state).await?;
    let said = state.app.introspect(slug(&tenant)?.as_str(), &shown, state.request_id(&request)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .json(said))
}

/// An app gives a token back (RFC 7009 §2). `token_type_hint` is not needed: a token says what it is.
pub(super) async fn release(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let shown = shown(&request, body, &state).await?;
    state.app.release(slug(&tenant)?.as_str(), &shown, state.request_id(&request)).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish())
}

async fn shown(request: &HttpRequest, body: Body, state: &AppState) -> Result<Shown, Refused> {
    let form = Form::new(body.form(state).await?)?;
    let token = form.get("token").ok_or(TokenRefusal::Request("token is missing"))?;
    Ok(Shown { claimed: claimed(request, &form)?, token })
}

fn claimed(request: &HttpRequest, form: &Form) -> Result<Claimed, TokenRefusal> {
    Ok(Claimed { client_id: form.get("client_id"), proof: proof(request, form)? })
}
