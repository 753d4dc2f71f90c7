//! `GET /oidc/{tenant}/{connection}/callback`: a browser comes back from its identity provider.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::login::{CallbackParams, Return};
use app::{AppError, Refusal};

use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::cookies::Comes;
use super::start::door;
use super::{Answer, cookies, counted, let_in};

/// Longer than any honest answer; codes of 2 kB are in use.
const LONGEST_QUERY: usize = 8_192;

/// Finishes the sign-in that this browser began.
pub(super) async fn callback(
    address: Path<(String, String)>,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = address.into_inner();
    let (tenant, connection) = (door(&tenant)?, door(&connection)?);
    let (tenant, connection) = (tenant.as_str(), connection.as_str());
    let back = Return {
        tenant,
        connection,
        params: params(request.query_string())?,
        browser: cookies::flow(&request, connection),
        earlier: cookies::session(&request, &state),
        address: state.address(&request),
    };
    let signed_in = state.app.finish_login(back, state.request_id(&request)).await;
    let signed_in = counted(&state, "openid", signed_in)?;
    Ok(let_in(&signed_in, Comes::ByLink, (tenant, connection), &state))
}

/// The parameters, each given at most once: of two, we and somebody before us could each read another one.
fn params(query: &str) -> Result<CallbackParams, Refused> {
    if query.len() > LONGEST_QUERY {
        return Err(Refused::parameter("query", "is too long"));
    }
    let query = Query::parse(query);
    let get = |name| Ok::<_, Refused>(query.get(name)?.map(str::to_owned));
    let params = CallbackParams {
        code: get("code")?,
        state: get("state")?,
        iss: get("iss")?,
        error: get("error")?,
        error_description: get("error_description")?,
    };
    if params.state.is_none() {
        return Err(AppError::from(Refusal::NoFlow).into());
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_is_given_at_most_once() {
        let read = params("code=c&state=s&iss=https%3A%2F%2Fidp.test&session_state=x").unwrap();

        assert_eq!(read.code.as_deref(), Some("c"));
        assert_eq!(read.iss.as_deref(), Some("https://idp.test"));
        for refused in ["state=s&state=s", "code=c&code=d&state=s", "code=c", "", "state=%00"] {
            assert_eq!(params(refused).unwrap_err().status().as_u16(), 400, "{refused}");
        }
        assert!(params(&format!("state=s&code={}", "x".repeat(LONGEST_QUERY))).is_err());
    }
}
