//! What every handler may use. Knows the use cases and the settings of the doors; does not know routes.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use app::{App, AppError};
use domain::clock::{Clock, Entropy};
use domain::id::RequestId;
use domain::slug::Slug;
use futures_util::future::BoxFuture;

use super::error::Refused;
use super::health::{NotReady, Readiness};
use super::limits::{Limits, exact_address};
use super::metrics::Metrics;
use super::room::Room;
use crate::config::Config;
use crate::telemetry::RequestTag;

/// The state of the doors, shared by the workers.
#[derive(Clone)]
pub struct AppState {
    /// The use cases.
    pub app: Arc<App>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Who may ask how often.
    pub limits: Arc<Limits>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where everybody reaches us, without a slash at the end.
    pub public_url: String,
    /// The tenant that the address of a SCIM request names; then its addresses are below that.
    pub addressed: Option<Slug>,
    /// The largest body that is read.
    pub max_body_bytes: usize,
    /// Where large bodies are worked on.
    pub(super) room: Arc<Room>,
    /// Whether cookies go without `Secure` (development over http on loopback).
    pub insecure_cookies: bool,
}

impl AppState {
    /// The state for this configuration.
    pub fn new(
        app: Arc<App>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        metrics: Arc<Metrics>,
        config: &Config,
    ) -> Self {
        Self {
            app,
            clock,
            entropy,
            limits: Arc::new(Limits::new(&config.limits, config.http.trusted_proxies.clone())),
            metrics,
            public_url: config.http.public_url.clone(),
            addressed: None,
            max_body_bytes: config.http.max_body_bytes,
            room: Arc::new(Room::new(config.http.workers)),
            insecure_cookies: config.development.insecure_cookies,
        }
    }

    /// Where a request comes from, as far as trusted proxies say.
    pub(super) fn address(&self, request: &HttpRequest) -> IpAddr {
        exact_address(request, self.limits.trusted_proxies())
    }

    /// What a JSON body may cost.
    pub(super) fn json_limits(&self) -> scim::Limits {
        scim::Limits { max_payload_size: self.max_body_bytes, ..scim::Limits::DEFAULT }
    }

    /// The base of the SCIM addresses, as whoever asks has written it.
    pub(super) fn scim_base(&self) -> String {
        match &self.addressed {
            Some(tenant) => format!("{}/scim/{tenant}/v2", self.public_url),
            None => format!("{}/scim/v2", self.public_url),
        }
    }

    /// The state behind a request.
    pub(super) fn of(request: &HttpRequest) -> Result<&Self, Refused> {
        match request.app_data::<actix_web::web::Data<Self>>() {
            Some(state) => Ok(state.as_ref()),
            None => Err(AppError::Internal("the server was built without its state".to_owned()).into()),
        }
    }

    /// The id of a request, as its log lines have it.
    pub(super) fn request_id(&self, request: &HttpRequest) -> RequestId {
        use actix_web::HttpMessage;
        let tagged = request.extensions().get::<RequestTag>().map(RequestTag::id);
        tagged.unwrap_or_else(|| self.app.request_id())
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// Requests can be served when the database answers.
impl Readiness for AppState {
    fn check(&self) -> BoxFuture<'_, Result<(), NotReady>> {
        Box::pin(async {
            match self.app.ready().await {
                Ok(()) => Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "The database cannot be reached");
                    Err(NotReady::because("The database cannot be reached."))
                }
            }
        })
    }
}
