//! `/op/{tenant}/device-authorization` and `/op/{tenant}/device`: a device without a browser is let in from another one (RFC 8628).
//! Knows forms and which session the browser has.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::apps::{Claimed, DeviceAnswer, DeviceStep};

use super::super::body::Body;
use super::super::error::Refused;
use super::super::login::sign_out::is_same_origin;
use super::super::login::start::door;
use super::super::login::{cookies, device, see_other};
use super::super::oauth::form::{Form, proof};
use super::super::query::Query;
use super::super::state::AppState;
use super::Answer;
use super::metadata::slug;

const LONGEST_WRITTEN: usize = 64;

/// A device begins to wait (RFC 8628 §3.1).
pub(super) async fn begin(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let form = Form::new(body.form(&state).await?)?;
    let claimed = Claimed { client_id: form.get("client_id"), proof: proof(&request, &form)? };
    let (tenant, id) = (slug(&tenant)?, state.request_id(&request));
    let waiting = state.app.device_waits(tenant.as_str(), &claimed, form.params(), id).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(waiting))
}

/// Somebody comes with the code that the device shows in the address, or to write it.
pub(super) async fn come(
    tenant: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let written = query.text("user_code", LONGEST_WRITTEN)?;
    let (session, id) = (cookies::session(&request, &state), state.request_id(&request));
    let step = state.app.come_for_device(tenant.as_str(), written, session.as_ref(), id).await?;
    gone_on(&step, &request, &state, tenant.as_str())
}

/// Somebody has written the code, or answers: on our own page, and nowhere else.
pub(super) async fn say(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let form = Query::of_form(body.form(&state).await?);
    if !is_same_origin(&request, &state.public_url) {
        return Err(Refused::CrossSite);
    }
    let tenant = door(&tenant)?;
    let written = form.required("user_code", LONGEST_WRITTEN)?;
    let (session, id) = (cookies::session(&request, &state), state.request_id(&request));
    let answer = match form.text("answer", LONGEST_WRITTEN)? {
        None => None,
        Some("let-in") => Some(DeviceAnswer::LetIn),
        Some("refuse") => Some(DeviceAnswer::Refuse),
        Some(_) => return Err(Refused::parameter("answer", "is let-in or refuse")),
    };
    let (app, name) = (&state.app, tenant.as_str());
    let step = match answer {
        None => app.come_for_device(name, Some(written), session.as_ref(), id).await?,
        Some(answer) => app.answer_for_device(name, written, answer, session.as_ref(), id).await?,
    };
    gone_on(&step, &request, &state, name)
}

fn gone_on(step: &DeviceStep, request: &HttpRequest, state: &AppState, tenant: &str) -> Answer {
    match step {
        DeviceStep::SignIn(door) => Ok(see_other(door).finish()),
        shown => device::page(shown, request, state, tenant),
    }
}
