//! `/Me` (RFC 7644 §3.11): the resource of the person who is signed in. Knows sessions and clients apart; a person reads
//! themself, and what they are is for their directory to write.

use actix_web::HttpRequest;
use actix_web::web::Data;

use super::super::caller::Subject;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::search::Shown;
use super::users::{groups_if, location, rendered};
use super::{Answer, answer};

/// `GET /Me`
pub(super) async fn get(
    subject: Subject,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let session = match subject {
        Subject::Person(session) => session,
        Subject::Client => return Err(no_person()),
    };
    let types = state.app.types_of(&session.scope).await?;
    let shown = Shown::from_query(&query)?.of(types.types().user())?;
    let view = state.app.get_own_user(&session, groups_if(&shown)).await?;
    let (version, address) = (view.version, location(&state, view.id));
    let answer = answer::not_modified(&request, version)
        .unwrap_or_else(|| answer::resource(&shown.apply(rendered(view, &state)), version));
    Ok(answer::found_at(answer, &address))
}

/// POST, PUT, PATCH and DELETE of `/Me`.
pub(super) async fn write(subject: Subject) -> Answer {
    Err(match subject {
        Subject::Person(_) => Refused::NotLikeThis(
            "You can read your own resource here; only your organisation's directory changes it.",
        ),
        Subject::Client => no_person(),
    })
}

/// RFC 7644 §3.11: "A service provider that does NOT support this feature SHOULD respond with HTTP status code 501 (Not
/// Implemented)."
fn no_person() -> Refused {
    Refused::NotImplemented("/Me for a provisioning client, which is no person,")
}
