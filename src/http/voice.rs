//! The voices of the doors. Knows how each says a refusal; does not know why there was one.
//!
//! Handlers and extractors end in [`Refused`]. The middleware [`speak`] around a door turns it into that door's words and
//! writes it into the log, so that nobody else has to.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, HeaderValue, PRAGMA};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse};
use app::AppError;
use serde_json::json;

use super::door::Door;
use super::error::Refused;
use super::login::page;
use super::problem::Problem;
use super::recording::Recording;

/// How a door says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The error message of RFC 7644 §3.12.
    Scim,
    /// Problem details (RFC 9457).
    Problem,
    /// The error of RFC 6749 §5.2.
    OAuth,
    /// A page for a person.
    Page,
}

impl Voice {
    /// The voice that somebody understands who came to no door.
    pub fn of_stranger(request: &HttpRequest) -> Self {
        match Door::of(request.path()) {
            Door::Scim => Self::Scim,
            Door::OAuth | Door::Apps => Self::OAuth,
            Door::Login | Door::None if wants_page(request) => Self::Page,
            Door::Api | Door::Gates | Door::Signals | Door::Operation | Door::Login | Door::None => {
                Self::Problem
            }
        }
    }

    /// Says a refusal and writes it into the log.
    pub fn say(self, request: &HttpRequest, refused: &Refused) -> HttpResponse {
        refused.log();
        if let Some(recording) = Recording::of(request) {
            recording.refused(refused);
        }
        let mut response = match self {
            Self::Scim => scim_error(refused),
            Self::Problem => {
                Problem::new(refused.status(), refused.code(), refused.detail()).respond(request)
            }
            Self::OAuth => oauth_error(refused),
            Self::Page => page::refusal(request, refused),
        };
        refused.put_headers(response.headers_mut());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The error message of RFC 7644 §3.12, for every status.
fn scim_error(refused: &Refused) -> HttpResponse {
    HttpResponse::build(refused.status())
        .content_type(scim::message::MEDIA_TYPE)
        .body(refused.to_scim().to_json().to_string())
}

/// The error of RFC 6749 §5.2, with the two codes of §4.1.2.1 for what is not the client's doing.
fn oauth_error(refused: &Refused) -> HttpResponse {
    let status = refused.status();
    let error = match refused {
        Refused::App(AppError::Token(refusal)) => refusal.code(),
        _ if matches!(status.as_u16(), 429 | 503) => "temporarily_unavailable",
        _ if status.is_server_error() => "server_error",
        // RFC 6750 §3.1
        _ if status.as_u16() == 401 => "invalid_token",
        _ => "invalid_request",
    };
    // "Values for the "error_description" parameter MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E."
    let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    let description: String = refused.detail().chars().filter(allowed).collect();
    HttpResponse::build(status)
        .insert_header((PRAGMA, "no-cache"))
        .json(json!({"error": error, "error_description": description}))
}

/// Middleware around a door: its refusals are said in its voice.
pub fn speak<S, B>(
    voice: Voice,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<EitherBody<B>>, Error = Error, InitError = ()>
+ 'static
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| async move {
        let response = next.call(request).await?;
        let Some(error) = response.response().error() else { return Ok(response.map_into_left_body()) };
        let said = if let Some(refused) = error.as_error::<Refused>() {
            voice.say(response.request(), refused)
        } else {
            let status = error.as_response_error().status_code();
            voice.say(response.request(), &Refused::Framework(status))
        };
        Ok(response.into_response(said).map_into_right_body())
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use actix_web::{App, web};
    use serde_json::{Value, json};

    use super::*;

    async fn said(voice: Voice, refused: fn() -> Refused) -> (u16, String, Value) {
        let app = init_service(
            App::new().service(
                web::scope("/x")
                    .wrap(speak(voice))
                    .default_service(web::to(move || async move { Err::<HttpResponse, _>(refused()) })),
            ),
        )
        .await;
        let response = call_service(&app, TestRequest::get().uri("/x").to_request()).await;
        let media_type = response.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
        (response.status().as_u16(), media_type, read_body_json(response).await)
    }

    #[actix_web::test]
    async fn the_scim_door_speaks_rfc_7644() {
        let (status, media_type, body) =
            said(Voice::Scim, || scim::Error::invalid_filter("The filter ends too early").into()).await;

        assert_eq!((status, media_type.as_str()), (400, "application/scim+json"));
        assert_eq!(
            body,
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "400",
                "scimType": "invalidFilter",
                "detail": "The filter ends too early",
            })
        );
    }

    #[actix_web::test]
    async fn the_api_door_speaks_rfc_9457() {
        let (status, media_type, body) = said(Voice::Problem, || Refused::BodyTooLarge { limit: 1024 }).await;

        assert_eq!((status, media_type.as_str()), (413, "application/problem+json"));
        assert_eq!(body["code"], "body_too_large");
        assert_eq!(body["detail"], "The body is larger than the limit of 1024 bytes.");
    }

    #[test]
    fn a_stranger_with_a_browser_gets_a_page() {
        let asked = |path: &str, accept: &str| {
            Voice::of_stranger(
                &TestRequest::get().uri(path).insert_header((ACCEPT, accept)).to_http_request(),
            )
        };

        assert_eq!(asked("/", "text/html,application/xhtml+xml"), Voice::Page);
        assert_eq!(asked("/", "*/*"), Voice::Problem);
        assert_eq!(asked("/api/v9", "text/html"), Voice::Problem);
        assert_eq!(asked("/scim", "text/html"), Voice::Scim);
    }
}
