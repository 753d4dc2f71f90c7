//! `GET /oidc/{tenant}/{connection}/signed-out`: a browser comes back from signing out at its identity provider.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::{AppError, Refusal};

use super::super::query::Query;
use super::super::state::AppState;
use super::cookies::Comes;
use super::start::door;
use super::{Answer, cookies, page};

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
    let brought = query.text("state", LONGEST_STATE)?;
    if brought.is_none() || brought != cookies::signing_out(&request, connection).as_deref() {
        return Err(AppError::from(Refusal::NoFlow).into());
    }
    farewell(&request, true, Comes::ByLink, (tenant, connection), &state)
}

/// The last page of somebody who came back from signing out at their provider, `everywhere` or only here.
pub(super) fn farewell(
    request: &HttpRequest,
    everywhere: bool,
    comes: Comes,
    (tenant, connection): (&str, &str),
    state: &AppState,
) -> Answer {
    let mut response = page::signed_out(request, everywhere);
    let over = cookies::signing_out_over(comes, tenant, connection, state);
    response.add_cookie(&over).map_err(|error| AppError::Internal(format!("a cookie: {error}")))?;
    Ok(response)
}
