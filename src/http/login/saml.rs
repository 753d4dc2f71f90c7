//! `/saml/{tenant}/{connection}/…`: what an identity provider that speaks SAML reads of us and has browsers post. Knows forms; what a message proves, the use cases know.

use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::login::{Brought, Carried, Posted};
use app::{AppError, Refusal};

use super::super::body::Body;
use super::super::error::Refused;
use super::super::state::AppState;
use super::cookies::Comes;
use super::signed_out::farewell;
use super::start::door;
use super::{Answer, cookies, counted, let_in, onward};

/// Room for the longest response, encoded for a form, and the rest.
const LONGEST_FORM: usize = 400 * 1024;
/// What we give along is shorter; what others give along unasked is not read.
const LONGEST_STATE: usize = 80;

/// A browser posts an identity provider's answer.
pub(super) async fn consume(
    address: Path<(String, String)>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = address.into_inner();
    let (tenant, connection) = (door(&tenant)?, door(&connection)?);
    let (tenant, connection) = (tenant.as_str(), connection.as_str());
    let form = body.form_up_to(&state, LONGEST_FORM).await?;
    let posted = Posted {
        tenant,
        connection,
        response: field(&form, "SAMLResponse")?
            .ok_or_else(|| Refused::parameter("SAMLResponse", "is missing"))?,
        relay_state: field(&form, "RelayState")?.filter(|handle| handle.len() <= LONGEST_STATE),
        browser: cookies::flow(&request, connection),
        earlier: cookies::session(&request, &state),
        address: state.address(&request),
    };
    let signed_in = state.app.finish_saml_login(posted, state.request_id(&request)).await;
    let signed_in = counted(&state, "saml", signed_in)?;
    Ok(let_in(&signed_in, Comes::Posted, (tenant, connection), &state))
}

/// A field that is given at most once: of two, we and somebody before us could each read another one.
pub(super) fn field(form: &[(String, String)], name: &'static str) -> Result<Option<String>, Refused> {
    let mut found = form.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
    let first = found.next();
    if found.next().is_some() { Err(Refused::parameter(name, "is given more than once")) } else { Ok(first) }
}

/// Which of the two messages about a logout it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// The provider ends somebody's sessions.
    Request,
    /// It answers to us, who asked it to.
    Answer,
}

/// A provider's message about a logout, in the address.
pub(super) async fn logout_by_link(
    address: Path<(String, String)>,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let query = request.query_string().to_owned();
    let is_answer = query.split('&').any(|pair| pair.starts_with("SAMLResponse="));
    let about = if is_answer { About::Answer } else { About::Request };
    logout(address, &request, &state, (about, Carried::Query(query))).await
}

/// The same, in a form.
pub(super) async fn logout_by_form(
    address: Path<(String, String)>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let form = body.form_up_to(&state, LONGEST_FORM).await?;
    let (about, message) = match (field(&form, "SAMLRequest")?, field(&form, "SAMLResponse")?) {
        (Some(message), None) => (About::Request, message),
        (None, Some(message)) => (About::Answer, message),
        (None, None) => return Err(Refused::parameter("SAMLRequest", "is missing")),
        (Some(_), Some(_)) => return Err(Refused::parameter("SAMLResponse", "stands beside SAMLRequest")),
    };
    let relay_state = field(&form, "RelayState")?;
    logout(address, &request, &state, (about, Carried::Form { message, relay_state })).await
}

async fn logout(
    address: Path<(String, String)>,
    request: &HttpRequest,
    state: &AppState,
    (about, message): (About, Carried),
) -> Answer {
    let (tenant, connection) = address.into_inner();
    let (tenant, connection) = (door(&tenant)?, door(&connection)?);
    let (tenant, connection) = (tenant.as_str(), connection.as_str());
    let brought = Brought { tenant, connection, message };
    if about == About::Answer {
        // To the browser that was sent there, and to nobody else.
        let asked = cookies::signing_out(request, connection).ok_or(AppError::from(Refusal::NoFlow))?;
        let everywhere = state.app.left_by_saml(brought, asked.clone(), state.request_id(request)).await?;
        return farewell(request, everywhere, (Comes::Posted, &asked), (tenant, connection), state).await;
    }
    let answer = state.app.end_by_saml(brought, state.request_id(request)).await?;
    Ok(match answer {
        Some(way) => onward::along(request, state, &way, []),
        None => HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish(),
    })
}

/// Our metadata at a connection.
pub(super) async fn metadata(
    address: Path<(String, String)>,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let (tenant, connection) = address.into_inner();
    let (tenant, connection) = (door(&tenant)?, door(&connection)?);
    let id = state.request_id(&request);
    let text = state.app.saml_metadata(tenant.as_str(), connection.as_str(), id).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("application/samlmetadata+xml")
        .body(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check 1.
    #[test]
    fn each_field_is_given_at_most_once() {
        let form = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };

        let once = form(&[("SAMLResponse", "x"), ("RelayState", "")]);
        assert_eq!(field(&once, "SAMLResponse").unwrap().as_deref(), Some("x"));
        assert_eq!(field(&once, "SigAlg").unwrap(), None);
        let twice = form(&[("SAMLResponse", "x"), ("SAMLResponse", "x")]);
        assert_eq!(field(&twice, "SAMLResponse").unwrap_err().status().as_u16(), 400);
    }
}
