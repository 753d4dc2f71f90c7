//! Problem details (RFC 9457). Knows the media type and its members; does not know what went wrong.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::telemetry::RequestTag;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The type of a problem that its status and `code` say all about.
const ABOUT_BLANK: &str = "about:blank";

/// What went wrong, in the voice of `/api`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status, repeated for those who only see the body.
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16, example = 409)]
    pub status: StatusCode,
    /// A URI that names the kind of problem; `about:blank` when `code` does.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "about:blank")]
    pub kind: Cow<'static, str>,
    /// The kind in words, the same for every occurrence.
    #[schema(value_type = String)]
    pub title: Cow<'static, str>,
    /// This occurrence in words.
    #[schema(value_type = String)]
    pub detail: Cow<'static, str>,
    /// The kind as a stable word for programs.
    #[schema(value_type = String, example = "slug_taken")]
    pub code: Cow<'static, str>,
}

/// What is sent: the problem and the request's id.
#[derive(Serialize)]
struct Sent<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Problem {
    /// A problem whose title is its status in words, as RFC 9457 §4.2.1 wants for `about:blank`.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            kind: Cow::Borrowed(ABOUT_BLANK),
            title: Cow::Borrowed(status.canonical_reason().unwrap_or("Error")),
            detail: detail.into(),
            code: code.into(),
        }
    }

    /// The answer to `request`, with the request's id in the body.
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let request_id = request.extensions().get::<RequestTag>().map(|tag| tag.id().to_string());
        let sent = Sent { problem: self, request_id };
        // Texts and a number always have a JSON form; were it otherwise, the status would still say the most.
        let body = serde_json::to_vec(&sent).unwrap_or_default();
        HttpResponse::build(self.status).content_type(PROBLEM_JSON).body(body)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes every field by reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use super::*;
    use crate::system::{SystemClock, SystemEntropy};
    use domain::clock::Clock;

    #[actix_web::test]
    async fn a_problem_is_sent_with_its_media_type_and_the_requests_id() {
        let request = TestRequest::default().to_http_request();
        let tag = RequestTag::new(None, SystemClock.now(), &SystemEntropy);
        request.extensions_mut().insert(tag.clone());

        let response =
            Problem::new(StatusCode::CONFLICT, "slug_taken", "The slug is taken.").respond(&request);

        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
        assert_eq!(
            body,
            json!({
                "status": 409,
                "type": "about:blank",
                "title": "Conflict",
                "detail": "The slug is taken.",
                "code": "slug_taken",
                "request_id": tag.id().to_string(),
            })
        );
    }
}
