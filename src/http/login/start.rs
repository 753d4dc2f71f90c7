//! `GET /login/{tenant}` and `/login/{tenant}/{connection}`: a browser sets out to its identity provider.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::login::{Departure, Way};
use app::{AppError, Refusal};
use domain::id::TrialId;
use domain::slug::Slug;

use super::super::query::Query;
use super::super::state::AppState;
use super::cookies::Comes;
use super::door::choose;
use super::{Answer, cookies, onward, see_other};

/// The longest address to return to.
pub(super) const LONGEST_RETURN: usize = 2_048;

const LONGEST_ID: usize = 36;

/// At the tenant's only connection, or at one that is chosen.
pub(super) async fn at_tenant(
    tenant: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let return_to = query.text("return_to", LONGEST_RETURN)?;
    let doors = state.app.doors(door(&tenant)?.as_str(), state.request_id(&request)).await?;
    choose(&doors, return_to, &request, &state)
}

/// At this connection.
pub(super) async fn at_connection(
    address: Path<(String, String)>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = address.into_inner();
    let (tenant, connection) = (door(&tenant)?, door(&connection)?);
    let return_to = query.text("return_to", LONGEST_RETURN)?;
    let trial = query.text("trial", LONGEST_ID)?.map(|id| id.parse::<TrialId>().or(Err(Refusal::NoFlow)));
    let trial = trial.transpose().map_err(AppError::from)?;
    let (request_id, earlier) = (state.request_id(&request), cookies::session(&request, &state));
    let departure = state
        .app
        .start_login(tenant.as_str(), connection.as_str(), return_to, trial, request_id, earlier.as_ref())
        .await?;
    Ok(sent_off(&departure, tenant.as_str(), &request, &state))
}

/// Sends a browser to its identity provider, bound to the flow.
pub(super) fn sent_off(
    departure: &Departure,
    tenant: &str,
    request: &HttpRequest,
    state: &AppState,
) -> HttpResponse {
    let comes = if departure.is_posted_back { Comes::Posted } else { Comes::ByLink };
    let cookie = cookies::flow_started(comes, &departure.browser, tenant, &departure.connection, state);
    match &departure.way {
        Way::Redirect(location) => see_other(location.as_str()).cookie(cookie).finish(),
        Way::Post { action, fields } => {
            let (mut page, body) = onward::page(request, state, (action, fields));
            page.cookie(cookie).body(body)
        }
    }
}

/// A part of a sign-in address; what is no slug names no door.
pub(super) fn door(text: &str) -> Result<Slug, AppError> {
    Slug::parse(text).or(Err(Refusal::UnknownDoor.into()))
}
