//! `GET /login/{tenant}` and `/login/{tenant}/{connection}`: a browser sets out to its identity provider.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::login::{Departure, SettingOut};
use app::{AppError, Refusal};
use domain::id::TrialId;
use domain::slug::Slug;

use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::cookies::Comes;
use super::door::choose;
use super::laps::Laps;
use super::{Answer, cookies, onward};

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
    let laps = Laps::of(&request, tenant.as_str(), connection.as_str(), state.app.now());
    if laps.are_a_circle() && trial.is_none() {
        return Ok(going_round((&tenant, &connection), laps, &request, &state).await);
    }
    let with = SettingOut {
        return_to,
        trial,
        earlier: cookies::session(&request, &state),
        invitation: cookies::invitation(&request),
    };
    let request_id = state.request_id(&request);
    let departure = state.app.start_login(tenant.as_str(), connection.as_str(), with, request_id).await?;
    Ok(sent_off(&departure, tenant.as_str(), laps, &request, &state))
}

/// Says that a browser goes round in circles, to its person and in the audit trail.
pub(super) async fn going_round(
    (tenant, connection): (&Slug, &Slug),
    laps: Laps,
    request: &HttpRequest,
    state: &AppState,
) -> HttpResponse {
    let id = state.request_id(request);
    let refused = state.app.refuse_circle(tenant.as_str(), connection.as_str(), id).await;
    laps.page(request, &Refused::from(refused), state)
}

/// Sends a browser to its identity provider, bound to the flow.
pub(super) fn sent_off(
    departure: &Departure,
    tenant: &str,
    laps: Laps,
    request: &HttpRequest,
    state: &AppState,
) -> HttpResponse {
    let lap = laps.and_now(state.app.now(), state);
    let comes = if departure.is_posted_back { Comes::Posted } else { Comes::ByLink };
    let cookie = cookies::flow_started(comes, &departure.browser, tenant, &departure.connection, state);
    onward::along(request, state, &departure.way, [cookie, lap])
}

/// A part of a sign-in address; what is no slug names no door.
pub(crate) fn door(text: &str) -> Result<Slug, AppError> {
    Slug::parse(text).or(Err(Refusal::UnknownDoor.into()))
}
