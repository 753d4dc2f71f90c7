//! `/Bulk` (RFC 7644 §3.7) and the results of what was asked for there. Knows the limits, how operations are answered, and
//! who wants to wait; does not know in which order operations are done.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use app::AppError;
use app::provision::BulkVoice;
use scim::bulk::BulkRequest;

use super::super::body::Body;
use super::super::caller::ScimClient;
use super::super::endpoint::id_of;
use super::super::error::Refused;
use super::super::state::AppState;
use super::{Answer, answer};

/// `POST /Bulk`. With `Prefer: respond-async` the answer comes at once and the result is to be fetched.
pub(super) async fn run(
    client: ScimClient,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let body = body.scim(&state).await.map_err(by_its_name)?;
    let voice = voice(&state);
    if prefers_async(&request) {
        BulkRequest::parse(body.clone())?;
        let id = state.app.accept_bulk(&client.0, &body, client.dialect(), &voice.base).await?;
        state.app.begin_bulk(&client.0, id, &voice);
        return Ok(answer::accepted(&format!("{}/Bulk/{id}", voice.base), &id.to_string()));
    }
    let asked = BulkRequest::parse(body)?;
    Ok(answer::message(&state.app.bulk(&client.0, asked, client.dialect(), &voice).await?))
}

/// `GET /Bulk/{id}`: 202 while it is not done, then the answer to the request.
pub(super) async fn result(client: ScimClient, id: Path<String>, state: Data<AppState>) -> Answer {
    let id = id_of(&id, "bulk request")?;
    let done = state.app.bulk_result(&client.0, id, &voice(&state)).await?;
    Ok(done.map_or_else(answer::not_yet, |done| answer::message(&done)))
}

/// Takes up what processes before this one left undone.
pub(in super::super) async fn resume(state: &AppState) {
    state.app.resume_bulk(&voice(state)).await;
}

/// How operations are answered: as they would be alone.
fn voice(state: &AppState) -> BulkVoice {
    BulkVoice { base: state.scim_base(), say }
}

fn say(error: AppError) -> scim::Error {
    let refused = Refused::from(error);
    refused.log();
    refused.to_scim()
}

/// RFC 7240 §4.1, in a header that may be repeated, and beside other preferences.
fn prefers_async(request: &HttpRequest) -> bool {
    let headers = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    let mut preferences = headers.flat_map(|header| header.split([',', ';']));
    preferences.any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

/// The limit under the name that it is announced by (RFC 7644 §3.7.4).
fn by_its_name(refused: Refused) -> Refused {
    match refused {
        Refused::BodyTooLarge { limit } => scim::Error::payload_too_large(format!(
            "The bulk request is larger than maxPayloadSize ({limit} bytes)"
        ))
        .into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_bulk_request_that_is_too_large_names_the_limit() {
        let refused = by_its_name(Refused::BodyTooLarge { limit: 1024 });

        assert_eq!(refused.status().as_u16(), 413);
        assert!(refused.detail().contains("maxPayloadSize (1024"), "{}", refused.detail());
    }

    #[test]
    fn who_prefers_not_to_wait_says_so_among_other_preferences() {
        let asked = |header: &str| {
            prefers_async(&TestRequest::post().insert_header(("prefer", header)).to_http_request())
        };

        assert!(asked("respond-async"));
        assert!(asked("return=minimal, Respond-Async; wait=10"));
        assert!(!asked("wait=10"));
        assert!(!asked("respond-asynchronously"));
        assert!(!prefers_async(&TestRequest::post().to_http_request()));
    }
}
