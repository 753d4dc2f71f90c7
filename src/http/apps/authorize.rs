//! `/op/{tenant}/authorize`: a browser comes with an app's request, and goes back with an answer. Knows where the request stands
//! and which session the browser has.

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::apps::{Claimed, Step};
use serde_json::json;
use url::form_urlencoded;

use super::super::body::Body;
use super::super::error::Refused;
use super::super::login::start::door;
use super::super::login::{cookies, see_other};
use super::super::oauth::form::{Form, dpop, proof};
use super::super::query::Query;
use super::super::state::AppState;
use super::Answer;
use super::metadata::slug;

/// Longer than any honest request: those that are longer are pushed.
const LONGEST_QUERY: usize = 8_192;
const LONGEST_HANDLE: usize = 128;

/// A request in the address.
pub(super) async fn by_link(tenant: Path<String>, request: HttpRequest, state: Data<AppState>) -> Answer {
    let query = request.query_string();
    if query.len() > LONGEST_QUERY {
        return Err(Refused::parameter("query", "is too long"));
    }
    let params: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    answer(&tenant, &params, &request, &state).await
}

/// The same in a form (OpenID Connect Core §3.1.2.1: both MUST be supported).
pub(super) async fn by_form(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let params = body.form(&state).await?;
    answer(&tenant, &params, &request, &state).await
}

async fn answer(
    tenant: &str,
    params: &[(String, String)],
    request: &HttpRequest,
    state: &AppState,
) -> Answer {
    let tenant = door(tenant)?;
    let session = cookies::session(request, state);
    let id = state.request_id(request);
    let step = state.app.authorize(tenant.as_str(), params, session.as_ref(), id).await?;
    Ok(gone_on(&step))
}

/// The browser comes back from signing in.
pub(super) async fn resume(
    tenant: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let handle = query.required("request", LONGEST_HANDLE)?;
    let session = cookies::session(&request, &state);
    let id = state.request_id(&request);
    let step = state.app.resume(tenant.as_str(), handle, session.as_ref(), id).await?;
    Ok(gone_on(&step))
}

pub(in crate::http) fn gone_on(step: &Step) -> HttpResponse {
    match step {
        Step::Back(app) => see_other(app.as_str()).finish(),
        Step::SignIn(door) => see_other(door).finish(),
    }
}

/// `POST /op/{tenant}/par`: an app pushes its request ahead (RFC 9126 §2.1).
pub(super) async fn push(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let form = Form::new(body.form(&state).await?)?;
    let claimed = Claimed { client_id: form.get("client_id"), proof: proof(&request, &form)? };
    let id = state.request_id(&request);
    let tenant = slug(&tenant)?;
    let dpop = dpop(&request)?;
    let asked = (form.params(), dpop.as_deref());
    let (name, seconds) = state.app.push_request(tenant.as_str(), &claimed, asked, id).await?;
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .json(json!({"request_uri": name, "expires_in": seconds})))
}
