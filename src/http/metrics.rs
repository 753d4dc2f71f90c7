//! Prometheus metrics. Knows doors, route patterns and statuses; does not know tenants or people.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use app::requests::JournalState;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::door::Door;
use super::state::AppState;

/// From half a millisecond to ten seconds: a cached read, a slow identity provider.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The route of what matched none: paths are for callers to choose, labels are not.
const UNMATCHED: &str = "unmatched";

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    leniencies: Family<LeniencyLabels, Counter>,
    sign_ins: Family<SignInLabels, Counter>,
    log_dropped: Counter,
    log_waiting: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeniencyLabels {
    dialect: &'static str,
    leniency: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabels {
    protocol: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    door: &'static str,
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    door: &'static str,
    route: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics of HTTP, with all counts at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("usher");
        let requests = Family::default();
        let seconds: Family<RouteLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register("http_request_seconds", "Time until the answer began", seconds.clone());
        let leniencies = Family::default();
        registry.register(
            "scim_leniencies",
            "Requests that needed a deviation from the SCIM RFCs",
            leniencies.clone(),
        );
        let sign_ins = Family::default();
        registry.register(
            "sign_ins",
            "Sign-ins that came to an end, by the code of the refusal",
            sign_ins.clone(),
        );
        let (log_dropped, log_waiting) = (Counter::default(), Gauge::default());
        let dropped = "Requests left out of the provisioning log";
        registry.register("scim_log_dropped", dropped, log_dropped.clone());
        registry.register("scim_log_waiting", "Requests that wait to be logged", log_waiting.clone());
        Self { registry, requests, seconds, leniencies, sign_ins, log_dropped, log_waiting }
    }

    /// Where other parts register their metrics; names get the prefix `usher_`.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// The text of `/metrics`.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut output = String::new();
        text::encode(&mut output, &self.registry).map(|()| output)
    }

    /// A request was read with this leniency, in this dialect.
    pub(super) fn count_leniency(&self, dialect: &'static str, leniency: &'static str) {
        self.leniencies.get_or_create(&LeniencyLabels { dialect, leniency }).inc();
    }

    /// A sign-in by this protocol ended so: `signed-in`, or the code that its page shows.
    pub(super) fn count_sign_in(&self, protocol: &'static str, outcome: &'static str) {
        self.sign_ins.get_or_create(&SignInLabels { protocol, outcome }).inc();
    }

    /// How the provisioning log keeps up.
    pub(super) fn show_log(&self, log: JournalState) {
        self.log_dropped.inner().store(log.dropped, Ordering::Relaxed);
        self.log_waiting.set(i64::try_from(log.waiting).unwrap_or(i64::MAX));
    }

    fn count(&self, labels: &RequestLabels, seconds: f64) {
        let route = RouteLabels { door: labels.door, route: labels.route.clone() };
        self.seconds.get_or_create(&route).observe(seconds);
        self.requests.get_or_create(labels).inc();
    }
}

/// Middleware for the whole application: counts every request by door, method, matched route and status.
pub fn count_requests<S, B>(
    metrics: Arc<Metrics>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| counted(Arc::clone(&metrics), request, next))
}

async fn counted<B: MessageBody + 'static>(
    metrics: Arc<Metrics>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let door = Door::of(request.path()).as_str();
    let method = method_label(request.method());
    let outcome = next.call(request).await;
    let (route, status) = match &outcome {
        Ok(response) => (route_label(response.request()), response.status()),
        Err(error) => (UNMATCHED.to_owned(), error.as_response_error().status_code()),
    };
    let labels = RequestLabels { door, method, route, status: status.as_u16() };
    metrics.count(&labels, started.elapsed().as_secs_f64());
    outcome
}

/// `GET /metrics`; needs the application data `web::Data<Metrics>` (`web::Data::from(Arc<Metrics>)`).
#[expect(clippy::needless_pass_by_value, reason = "an extractor is passed by value")]
pub fn metrics(request: HttpRequest, metrics: web::Data<Metrics>) -> Ready<HttpResponse> {
    if let Ok(state) = AppState::of(&request) {
        metrics.show_log(state.app.journal_state());
    }
    ready(match metrics.render() {
        Ok(body) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(body),
        Err(error) => {
            tracing::error!(%error, "Cannot write the metrics");
            HttpResponse::InternalServerError().finish()
        }
    })
}

/// The matched pattern (`/scim/v2/Users/{id}`), never the path.
pub(super) fn route_label(request: &HttpRequest) -> String {
    request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned())
}

/// The method, when it is one of the usual: a caller may send any word.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};

    use super::*;

    #[actix_web::test]
    async fn requests_are_counted_by_pattern_and_never_by_path() {
        let shared = Arc::new(Metrics::new());
        let app = init_service(
            App::new()
                .app_data(web::Data::from(Arc::clone(&shared)))
                .wrap(count_requests(Arc::clone(&shared)))
                .service(web::scope("/scim/v2").route("/Users/{id}", web::get().to(HttpResponse::Ok)))
                .route("/metrics", web::get().to(metrics)),
        )
        .await;

        for path in ["/scim/v2/Users/1", "/scim/v2/Users/2", "/scim/v2/hana@acme.example", "/elsewhere"] {
            call_service(&app, TestRequest::get().uri(path).to_request()).await;
        }
        let body = call_and_read_body(&app, TestRequest::get().uri("/metrics").to_request()).await;
        let text = std::str::from_utf8(&body).unwrap();

        let users = r#"usher_http_requests_total{door="scim",method="GET",route="/scim/v2/Users/{id}",status="200"} 2"#;
        assert!(text.contains(users), "{text}");
        let unmatched =
            r#"usher_http_requests_total{door="scim",method="GET",route="unmatched",status="404"} 1"#;
        assert!(text.contains(unmatched), "{text}");
        let seconds = r#"usher_http_request_seconds_count{door="scim",route="/scim/v2/Users/{id}"} 2"#;
        assert!(text.contains(seconds), "{text}");
        assert!(!text.contains("hana"), "{text}");
    }
}
