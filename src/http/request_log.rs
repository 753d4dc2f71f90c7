//! One line per request. Knows route patterns, statuses and durations; does not know queries, bodies or callers.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage};
use domain::clock::{Clock, Entropy};
use tracing::Instrument;

use super::door::Door;
use super::metrics::{method_label, route_label};
use crate::telemetry::RequestTag;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Middleware for the whole application, outermost: tags each request (a [`RequestTag`] in its extensions), shows
/// the tag in `X-Request-Id`, and logs the request when it is answered. Successful reads are logged at `debug`.
pub fn log_requests<S, B>(
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let caller = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let tag = RequestTag::new(caller, clock.now(), entropy.as_ref());
        logged(tag, request, next)
    })
}

async fn logged<B: MessageBody + 'static>(
    tag: RequestTag,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let door = Door::of(request.path()).as_str();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request.id = %tag.id(), request.caller_id = tag.caller(), door);
    let shown = HeaderValue::from_str(&tag.id().to_string()).ok();
    request.extensions_mut().insert(tag);
    let mut outcome = next.call(request).instrument(span.clone()).await;
    let _entered = span.enter();
    let (status, route) = match &outcome {
        Ok(response) => (response.status(), route_label(response.request())),
        // Nothing inside answered; what actix-web makes of the error is what the caller gets.
        Err(error) => (error.as_response_error().status_code(), String::new()),
    };
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status_code, method_name) = (status.as_u16(), method_label(&method));
    let read = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    if read && !status.is_client_error() && !status.is_server_error() {
        tracing::debug!(method = method_name, route, status = status_code, milliseconds, "Answered a read");
    } else {
        tracing::info!(method = method_name, route, status = status_code, milliseconds, "Answered a request");
    }
    if let (Ok(response), Some(id)) = (&mut outcome, shown) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpRequest, HttpResponse, web};

    use super::*;
    use crate::system::{SystemClock, SystemEntropy};

    #[actix_web::test]
    async fn the_answer_shows_the_id_that_the_handler_saw() {
        let app = init_service(
            App::new().wrap(log_requests(Arc::new(SystemClock), Arc::new(SystemEntropy))).route(
                "/api/{x}",
                web::get().to(|request: HttpRequest| async move {
                    let tag = request.extensions().get::<RequestTag>().unwrap().clone();
                    HttpResponse::Ok().body(format!("{} {}", tag.id(), tag.caller().unwrap_or("-")))
                }),
            ),
        )
        .await;

        let request = TestRequest::get().uri("/api/1?secret=2").insert_header(("x-request-id", "from-proxy"));
        let response = call_service(&app, request.to_request()).await;

        let shown = response.headers().get("x-request-id").unwrap().to_str().unwrap().to_owned();
        let body = actix_web::test::read_body(response).await;
        assert_eq!(body, format!("{shown} from-proxy"));
    }
}
