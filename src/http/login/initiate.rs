//! `/oidc/{tenant}/{connection}/initiate`: somebody else sends a browser to sign in here (OpenID Connect Core §4), as a
//! provider's page of applications does.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::login::Initiation;

use super::super::body::Body;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::Answer;
use super::laps::Laps;
use super::start::{door, going_round, sent_off};

const LONGEST: usize = 2_048;

/// By a link.
pub(super) async fn by_link(
    address: Path<(String, String)>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    initiate(&address, &query, &request, &state).await
}

/// By a form: "The Initiate Login URI MUST support both GET and POST".
pub(super) async fn by_form(
    address: Path<(String, String)>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let form = Query::of_form(body.form(&state).await?);
    initiate(&address, &form, &request, &state).await
}

async fn initiate(
    address: &(String, String),
    given: &Query,
    request: &HttpRequest,
    state: &AppState,
) -> Answer {
    let (tenant, connection) = (door(&address.0)?, door(&address.1)?);
    let text = |name| Ok::<_, Refused>(given.text(name, LONGEST)?.map(str::to_owned));
    let asked = Initiation {
        issuer: text("iss")?,
        login_hint: text("login_hint")?,
        target: text("target_link_uri")?,
    };
    let laps = Laps::of(request, tenant.as_str(), connection.as_str(), state.app.now());
    if laps.are_a_circle() {
        return Ok(going_round((&tenant, &connection), laps, request, state).await);
    }
    let request_id = state.request_id(request);
    let departure = state.app.initiate_login(tenant.as_str(), connection.as_str(), asked, request_id).await?;
    Ok(sent_off(&departure, tenant.as_str(), laps, request, state))
}
