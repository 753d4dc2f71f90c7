//! `/login`: where somebody signs in who has not said at which connection. Knows the page that asks for an address, and the one that lets them choose; which connections there are, the use case knows.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use app::AppError;
use app::login::Doors;
use askama::Template;
use url::form_urlencoded;

use super::super::body::Body;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::language::Language;
use super::page::{answer, nonce, our_forms, policy};
use super::start::LONGEST_RETURN;
use super::words::DoorWords;
use super::{Answer, see_other};

/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const LONGEST_ADDRESS: usize = 254;

#[derive(Template)]
#[template(path = "door.html")]
struct Page<'a> {
    language: &'a str,
    words: &'a DoorWords,
    /// The connections to choose from; without any, the address is asked for.
    ways: Vec<Way>,
    /// Whether an address was given that nobody is known by.
    unknown: bool,
    return_to: Option<&'a str>,
    nonce: &'a str,
}

struct Way {
    href: String,
    name: String,
}

/// Asks for an address.
pub(super) async fn ask(query: Query, request: HttpRequest, state: Data<AppState>) -> Answer {
    let return_to = query.text("return_to", LONGEST_RETURN)?;
    page(StatusCode::OK, Vec::new(), false, return_to, &request, &state)
}

/// Sends somebody with an address on, by its domain alone.
pub(super) async fn go_on(body: Body, request: HttpRequest, state: Data<AppState>) -> Answer {
    let form = Query::of_form(body.form(&state).await?);
    let return_to = form.text("return_to", LONGEST_RETURN)?;
    let address = form.text("address", LONGEST_ADDRESS)?.unwrap_or_default();
    match state.app.doors_of(address, state.request_id(&request)).await? {
        Some(doors) => choose(&doors, return_to, &request, &state),
        None => page(StatusCode::NOT_FOUND, Vec::new(), true, return_to, &request, &state),
    }
}

/// Sends somebody to the only connection, or lets them choose.
pub(super) fn choose(
    doors: &Doors,
    return_to: Option<&str>,
    request: &HttpRequest,
    state: &AppState,
) -> Answer {
    let href = |connection: &str| {
        let address = format!("/login/{}/{connection}", doors.tenant);
        match return_to {
            Some(return_to) => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("return_to", return_to)
                    .finish();
                format!("{address}?{query}")
            }
            None => address,
        }
    };
    if let [only] = doors.ways.as_slice() {
        return Ok(see_other(&href(&only.connection)).finish());
    }
    let ways = doors.ways.iter().map(|way| Way { href: href(&way.connection), name: way.name.clone() });
    page(StatusCode::OK, ways.collect(), false, return_to, request, state)
}

fn page(
    status: StatusCode,
    ways: Vec<Way>,
    unknown: bool,
    return_to: Option<&str>,
    request: &HttpRequest,
    state: &AppState,
) -> Answer {
    let language = Language::of(request);
    let nonce = nonce(state);
    let words = DoorWords::of(language, ways.is_empty());
    let page = Page { language: language.tag(), words: &words, ways, unknown, return_to, nonce: &nonce };
    let body = page.render().map_err(|error| Refused::from(AppError::Internal(error.to_string())))?;
    Ok(answer(status, language, &policy(&nonce, "", our_forms(state))).body(body))
}
