//! `GET /oidc/{tenant}/{connection}/signed-out`: a browser comes back from signing out at its identity provider.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::{AppError, Refusal};

use super::super::query::Query;
use super::super::state::AppState;
use super::cookies::Comes;
use super::start::door;
use super::{Answer, cookies, page, see_other};

/// No state of ours is longer.
const LONGEST_STATE: usize = 128;

/// Says that it is done, to the browser that signed out here before it went there.
pub(super) async fn show(
    address: Path<(String, String)>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = (door(&address.0)?, door(&address.1)?);
    let (tenant, connection) = (tenant.as_str(), connection.as_str());
    let known = cookies::signing_out(&request, connection);
    let brought = query.text("state", LONGEST_STATE)?.filter(|state| known.as_deref() == Some(state));
    let brought = brought.ok_or(AppError::from(Refusal::NoFlow))?;
    farewell(&request, true, (Comes::ByLink, brought), (tenant, connection), &state).await
}

/// The last page of somebody who came back from signing out at their provider, `everywhere` or only here; or the way on, to
/// the app that wanted it.
pub(super) async fn farewell(
    request: &HttpRequest,
    everywhere: bool,
    (comes, ticket): (Comes, &str),
    (tenant, connection): (&str, &str),
    state: &AppState,
) -> Answer {
    let mut response = match state.app.way_on(tenant, ticket, state.request_id(request)).await? {
        Some(app) => see_other(app.as_str()).finish(),
        None => page::signed_out(request, everywhere),
    };
    let over = cookies::signing_out_over(comes, tenant, connection, state);
    cookies::add(&mut response, &over)?;
    Ok(response)
}
