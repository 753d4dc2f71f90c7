//! Request bodies. Knows sizes, media types and JSON; does not know what a body asks for.
//!
//! [`Body`] reads nothing by itself: a handler reads it after its caller is known, so that a stranger's body costs
//! nothing and every refusal comes in the same order: who, then what.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use encoding_rs::SHIFT_JIS;
use futures_util::StreamExt;
use scim::message::{JSON_MEDIA_TYPE, MEDIA_TYPE};
use scim::patch::PatchBody;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use super::error::Refused;
use super::recording::Recording;
use super::state::AppState;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

const FORM_MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
const SHEET_MEDIA_TYPE: &str = "text/csv";
/// Room for the longest assertion, and the rest.
const LONGEST_FORM: usize = 32 * 1024;

/// A body that was not read yet.
pub(super) struct Body {
    payload: Payload,
    media_type: String,
    encoded: bool,
    announced: Option<usize>,
    /// Who wants to know what it was.
    recording: Option<Recording>,
}

impl FromRequest for Body {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let essence = header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
        ready(Ok(Self {
            payload: payload.take(),
            media_type: essence.trim().to_ascii_lowercase(),
            encoded: header(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")),
            announced: header(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            recording: Recording::of(request),
        }))
    }
}

impl Body {
    /// A SCIM message: RFC 7644 §3.8 has `application/scim+json`, and `application/json` is accepted too.
    pub(super) async fn scim(self, state: &AppState) -> Result<Value, Refused> {
        Ok(scim::json::parse(&self.scim_text(state).await?, &state.json_limits())?)
    }

    /// The same of a PATCH that may name very many.
    pub(super) async fn scim_patch(self, state: &AppState) -> Result<PatchBody, Refused> {
        Ok(PatchBody::read(&self.scim_text(state).await?, &state.json_limits())?)
    }

    async fn scim_text(self, state: &AppState) -> Result<Bytes, Refused> {
        self.must_be(&[MEDIA_TYPE, JSON_MEDIA_TYPE], "application/scim+json or application/json")?;
        let recording = self.recording.clone();
        let bytes = self.read(state.max_body_bytes).await?;
        if let Some(recording) = recording {
            recording.read(&bytes, state.room.enter(bytes.len()).await);
        }
        Ok(bytes)
    }

    /// The parameters of a form.
    pub(super) async fn form(self, state: &AppState) -> Result<Vec<(String, String)>, Refused> {
        self.form_up_to(state, LONGEST_FORM).await
    }

    /// The parameters of a form of at most so many bytes.
    pub(super) async fn form_up_to(
        self,
        state: &AppState,
        longest: usize,
    ) -> Result<Vec<(String, String)>, Refused> {
        self.must_be(&[FORM_MEDIA_TYPE], FORM_MEDIA_TYPE)?;
        let bytes = self.read(state.max_body_bytes.min(longest)).await?;
        Ok(form_urlencoded::parse(&bytes).into_owned().collect())
    }

    /// A sheet (RFC 4180), in UTF-8 or else in `Shift_JIS`, which spreadsheets in Japan write.
    pub(super) async fn sheet(self, state: &AppState) -> Result<String, Refused> {
        self.must_be(&[SHEET_MEDIA_TYPE], SHEET_MEDIA_TYPE)?;
        let bytes = self.read(state.max_body_bytes).await?;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            return Ok(text.trim_start_matches('\u{feff}').to_owned());
        }
        match SHIFT_JIS.decode_without_bom_handling_and_without_replacement(&bytes) {
            Some(text) => Ok(text.into_owned()),
            None => Err(Refused::Body("The sheet is neither in UTF-8 nor in Shift_JIS.".to_owned())),
        }
    }

    /// Whether it says that it is a sheet.
    pub(super) fn is_sheet(&self) -> bool {
        self.media_type == SHEET_MEDIA_TYPE
    }

    /// A signed token of this media type.
    pub(super) async fn token(self, state: &AppState, media_type: &'static str) -> Result<String, Refused> {
        self.must_be(&[media_type], media_type)?;
        let bytes = self.read(state.max_body_bytes.min(LONGEST_FORM)).await?;
        match std::str::from_utf8(&bytes) {
            Ok(token) => Ok(token.trim_ascii().to_owned()),
            Err(_not_text) => Err(Refused::Body("The body is no token.".to_owned())),
        }
    }

    /// A JSON object of exactly this shape.
    pub(super) async fn json<T: DeserializeOwned>(self, state: &AppState) -> Result<T, Refused> {
        self.must_be(&[JSON_MEDIA_TYPE], JSON_MEDIA_TYPE)?;
        let bytes = self.read(state.max_body_bytes).await?;
        let value =
            scim::json::parse(&bytes, &state.json_limits()).map_err(|error| Refused::Body(error.detail))?;
        // serde reads a list as an object without names; the schema does not.
        if !value.is_object() {
            return Err(Refused::Body("The body must be a JSON object.".to_owned()));
        }
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let place = if path == "." { String::new() } else { format!("{path}: ") };
            Refused::Body(format!("{place}{}", error.into_inner()))
        })
    }

    fn must_be(&self, accepted: &[&str], expected: &'static str) -> Result<(), Refused> {
        if !accepted.contains(&self.media_type.as_str()) {
            return Err(Refused::MediaType { expected });
        }
        if self.encoded {
            return Err(Refused::ContentCoding);
        }
        Ok(())
    }

    async fn read(mut self, limit: usize) -> Result<Bytes, Refused> {
        if self.announced.is_some_and(|length| length > limit) {
            return Err(Refused::BodyTooLarge { limit });
        }
        let whole = async {
            let mut bytes = BytesMut::with_capacity(self.announced.unwrap_or_default());
            while let Some(chunk) = self.payload.next().await {
                let chunk = chunk.map_err(|error| Refused::Body(format!("The body broke off: {error}")))?;
                if bytes.len().saturating_add(chunk.len()) > limit {
                    return Err(Refused::BodyTooLarge { limit });
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes.freeze())
        };
        tokio::time::timeout(PATIENCE, whole).await.unwrap_or(Err(Refused::BodyTooSlow))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("media_type", &self.media_type).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::super::testing::state;
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        name: String,
    }

    async fn read(media_type: &str, body: &[u8]) -> Result<Thing, Refused> {
        let request = TestRequest::post()
            .insert_header((CONTENT_TYPE, media_type))
            .set_payload(body.to_vec())
            .to_http_parts();
        let (request, mut payload) = request;
        Body::from_request(&request, &mut payload).await?.json(&state()).await
    }

    async fn why(media_type: &str, body: &[u8]) -> (u16, String) {
        let refused = read(media_type, body).await.unwrap_err();
        (refused.status().as_u16(), refused.detail().into_owned())
    }

    #[actix_web::test]
    async fn a_body_of_the_right_type_and_shape_is_read() {
        assert_eq!(read("application/json; charset=utf-8", br#"{"name":"x"}"#).await.unwrap().name, "x");
    }

    #[actix_web::test]
    async fn another_shape_is_refused_with_its_place() {
        assert_eq!(why("application/json", br#"{"name":1}"#).await.0, 400);
        assert!(why("application/json", br#"{"name":1}"#).await.1.starts_with("name: "));
        assert!(why("application/json", br#"{"name":"x","extra":1}"#).await.1.contains("unknown field"));
        assert!(why("application/json", br#"{"name":"a\u0000b"}"#).await.1.contains("NUL"));
        assert_eq!(why("application/json", br#"["x"]"#).await.0, 400);
        assert_eq!(why("application/json", b"{").await.0, 400);
        assert_eq!(why("application/json", b"").await.0, 400);
        assert_eq!(why("application/json", b"\xff").await.0, 400);
        assert_eq!(why("application/json", "[".repeat(4_000).as_bytes()).await.0, 400);
    }

    #[actix_web::test]
    async fn other_media_types_and_large_bodies_are_refused() {
        assert_eq!(why("text/plain", b"{}").await.0, 415);
        assert_eq!(why("", b"{}").await.0, 415);
        let large = vec![b' '; state().max_body_bytes + 1];
        let (status, detail) = why("application/json", &large).await;
        assert_eq!(status, 413);
        assert!(detail.contains(&state().max_body_bytes.to_string()), "{detail}");
    }
}
