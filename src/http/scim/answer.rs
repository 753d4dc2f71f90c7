//! Answers of the SCIM door. Knows media type, entity tags and preconditions; does not know resources.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use scim::message::{ListResponse, MEDIA_TYPE, etag};
use serde_json::Value;

use super::content::Content;

/// Nobody in between may keep what is about people.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// When to ask again for what is being done.
const RETRY_AFTER_SECONDS: usize = 1;

fn start(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, PRIVATE));
    response
}

/// A SCIM message.
pub(super) fn message(body: impl Into<Content>) -> HttpResponse {
    with(start(StatusCode::OK), body)
}

/// A page of a list.
pub(super) fn list(list: ListResponse) -> HttpResponse {
    message(&Value::Object(list.into_json()))
}

/// A resource in its version.
pub(super) fn resource(body: impl Into<Content>, version: i64) -> HttpResponse {
    let mut response = start(StatusCode::OK);
    response.insert_header((ETAG, etag::weak(version)));
    with(response, body)
}

/// A resource that was asked for under another name, and where it really is (RFC 7644 §3.11).
pub(super) fn found_at(mut answer: HttpResponse, location: &str) -> HttpResponse {
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// Taken on, to be done after this answer, which says where the result will be (RFC 7240 §4.1). `Set-Txn` is the name
/// under which RFC 9967 §3 tells of it.
pub(super) fn accepted(location: &str, txn: &str) -> HttpResponse {
    start(StatusCode::ACCEPTED)
        .insert_header((LOCATION, location))
        .insert_header(("Preference-Applied", "respond-async"))
        .insert_header(("Set-Txn", txn))
        .insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS))
        .finish()
}

/// Not done yet.
pub(super) fn not_yet() -> HttpResponse {
    start(StatusCode::ACCEPTED).insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS)).finish()
}

/// A new resource and where it is (RFC 7644 §3.3).
pub(super) fn created(body: impl Into<Content>, version: i64, location: &str) -> HttpResponse {
    let mut response = start(StatusCode::CREATED);
    response.insert_header((ETAG, etag::weak(version))).insert_header((LOCATION, location));
    with(response, body)
}

fn with(mut response: HttpResponseBuilder, body: impl Into<Content>) -> HttpResponse {
    response.content_type(MEDIA_TYPE);
    body.into().send(response)
}

/// Done, and nothing to say but the version.
pub(super) fn changed(version: i64) -> HttpResponse {
    start(StatusCode::NO_CONTENT).insert_header((ETAG, etag::weak(version))).finish()
}

/// Gone.
pub(super) fn deleted() -> HttpResponse {
    start(StatusCode::NO_CONTENT).finish()
}

/// 304, if the caller has this version already (RFC 7644 §3.14).
pub(super) fn not_modified(request: &HttpRequest, version: i64) -> Option<HttpResponse> {
    let header = tags(request, IF_NONE_MATCH)?;
    etag::matches_any(&header, version)
        .then(|| start(StatusCode::NOT_MODIFIED).insert_header((ETAG, etag::weak(version))).finish())
}

/// The versions that the caller is content to change.
pub(super) fn if_match(request: &HttpRequest) -> Option<String> {
    tags(request, IF_MATCH)
}

/// A header that may be repeated, as one list. What is not text names no version.
fn tags(request: &HttpRequest, name: HeaderName) -> Option<String> {
    let all: Vec<&str> =
        request.headers().get_all(name).map(|value| value.to_str().unwrap_or_default()).collect();
    (!all.is_empty()).then(|| all.join(","))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_version_that_the_caller_has_is_not_sent_again() {
        let ask = |tag: &str| {
            let request = TestRequest::get().insert_header((IF_NONE_MATCH, tag)).to_http_request();
            not_modified(&request, 3).map(|response| response.status().as_u16())
        };

        assert_eq!(ask("W/\"3\""), Some(304));
        assert_eq!(ask("W/\"2\", W/\"3\""), Some(304));
        assert_eq!(ask("W/\"2\""), None);
        assert!(not_modified(&TestRequest::get().to_http_request(), 3).is_none());
    }

    #[test]
    fn an_unreadable_precondition_is_one_that_fails() {
        let request = TestRequest::get().insert_header((IF_MATCH, &b"\xff"[..])).to_http_request();

        let header = if_match(&request).unwrap();

        assert!(!etag::matches_any(&header, 1));
        assert_eq!(if_match(&TestRequest::get().to_http_request()), None);
    }
}
