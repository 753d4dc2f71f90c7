//! Health. Knows the two questions an orchestrator asks; does not know what readiness depends on.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use futures_util::future::BoxFuture;
use serde_json::json;

/// How long readiness may take to find out; an orchestrator does not wait longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says whether requests can be served now.
pub trait Readiness: Send + Sync {
    /// Asks everything that serving needs.
    fn check(&self) -> BoxFuture<'_, Result<(), NotReady>>;
}

/// Why requests cannot be served now, in words that anybody may read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotReady {
    /// A sentence without addresses or secrets: the endpoint is open.
    pub reason: String,
}

impl NotReady {
    /// Not ready because of `reason`.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// `GET /healthz`: the process answers. Nothing else is asked: restarting Usher does not mend a database.
pub fn healthz() -> Ready<HttpResponse> {
    ready(uncached(HttpResponse::Ok().json(json!({"status": "ok"}))))
}

/// `GET /readyz`: requests can be served, else 503 with the reason; needs the application data
/// `web::Data<dyn Readiness>` (`web::Data::from(Arc<dyn Readiness>)`).
pub async fn readyz(readiness: web::Data<dyn Readiness>) -> HttpResponse {
    let checked = tokio::time::timeout(PATIENCE, readiness.check())
        .await
        .unwrap_or_else(|_late| Err(NotReady::because("The check did not finish in time.")));
    uncached(match checked {
        Ok(()) => HttpResponse::Ok().json(json!({"status": "ready"})),
        Err(NotReady { reason }) => {
            tracing::warn!(reason, "Not ready");
            HttpResponse::ServiceUnavailable().json(json!({"status": "unavailable", "reason": reason}))
        }
    })
}

fn uncached(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::App;
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use serde_json::Value;

    use super::*;

    struct Says(Result<(), NotReady>);

    impl Readiness for Says {
        fn check(&self) -> BoxFuture<'_, Result<(), NotReady>> {
            Box::pin(async { self.0.clone() })
        }
    }

    struct Hangs;

    impl Readiness for Hangs {
        fn check(&self) -> BoxFuture<'_, Result<(), NotReady>> {
            Box::pin(std::future::pending())
        }
    }

    async fn ask(readiness: Arc<dyn Readiness>, path: &str) -> (StatusCode, Value) {
        let app = init_service(
            App::new()
                .app_data(web::Data::from(readiness))
                .route("/healthz", web::get().to(healthz))
                .route("/readyz", web::get().to(readyz)),
        )
        .await;
        let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        (response.status(), read_body_json(response).await)
    }

    #[actix_web::test]
    async fn readiness_gives_its_reason_and_health_does_not_ask() {
        let down = || Arc::new(Says(Err(NotReady::because("The database is restarting."))));

        assert_eq!(
            ask(Arc::new(Says(Ok(()))), "/readyz").await,
            (StatusCode::OK, json!({"status": "ready"}))
        );
        assert_eq!(
            ask(down(), "/readyz").await,
            (
                StatusCode::SERVICE_UNAVAILABLE,
                json!({"status": "unavailable", "reason": "The database is restarting."})
            )
        );
        assert_eq!(ask(down(), "/healthz").await.0, StatusCode::OK);
    }

    #[actix_web::test]
    async fn a_check_that_hangs_is_an_answer_too() {
        assert_eq!(ask(Arc::new(Hangs), "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
