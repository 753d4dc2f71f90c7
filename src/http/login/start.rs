//! `GET /login/{tenant}` and `/login/{tenant}/{connection}`: a browser sets out to its identity provider.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::{AppError, Refusal};
use domain::slug::Slug;

use super::super::query::Query;
use super::super::state::AppState;
use super::{Answer, cookies, see_other};

/// The longest address to return to.
const LONGEST_RETURN: usize = 2_048;

/// At the tenant's only connection.
pub(super) async fn at_tenant(
    tenant: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    start(&tenant, None, &query, &request, &state).await
}

/// At this connection.
pub(super) async fn at_connection(
    door: Path<(String, String)>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = door.into_inner();
    start(&tenant, Some(&connection), &query, &request, &state).await
}

async fn start(
    tenant: &str,
    connection: Option<&str>,
    query: &Query,
    request: &HttpRequest,
    state: &AppState,
) -> Answer {
    let tenant = door(tenant)?;
    let connection = connection.map(door).transpose()?;
    let return_to = query.text("return_to", LONGEST_RETURN)?;
    let (connection, request_id) = (connection.as_ref().map(Slug::as_str), state.request_id(request));
    let departure = state.app.start_login(tenant.as_str(), connection, return_to, request_id).await?;
    let cookie = cookies::flow_started(&departure.browser, tenant.as_str(), &departure.connection, state);
    Ok(see_other(departure.location.as_str()).cookie(cookie).finish())
}

/// A part of a sign-in address; what is no slug names no door.
pub(super) fn door(text: &str) -> Result<Slug, AppError> {
    Slug::parse(text).or(Err(Refusal::UnknownDoor.into()))
}
