//! What the provisioning log is told of a request. Knows headers, addresses and answers; what is kept of them, the use cases
//! know.
//!
//! A [`Recording`] travels in the request's extensions. Whoever learns something writes it there: the extractor whose the
//! request is, the body what came, the reading what it took, the voice why it was refused. The middleware [`record`] hands
//! it over when the answer is there.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, DATE, HeaderName, IF_MATCH, LOCATION, USER_AGENT};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest};
use app::DirectoryScope;
use app::provision::TenantTypes;
use app::requests::{Exchange, Origin};
use chrono::{DateTime, Utc};
use domain::token::PlainToken;
use scim::ScimType;
use scim::dialect::Leniencies;
use tokio::sync::OwnedSemaphorePermit;

use super::error::Refused;
use super::limits::client_address;
use super::state::AppState;
use crate::telemetry::RequestTag;

/// What is known so far of a request.
#[derive(Clone, Default)]
pub(super) struct Recording(Rc<RefCell<Known>>);

#[derive(Default)]
struct Known {
    origin: Option<Origin>,
    dialect: Option<&'static str>,
    used: Option<Leniencies>,
    types: Option<Arc<TenantTypes>>,
    body: Bytes,
    room: Option<OwnedSemaphorePermit>,
    scim_type: Option<&'static str>,
    detail: Option<String>,
}

impl Recording {
    /// The recording of a request, where one is made.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// It is of this directory.
    pub(super) fn belongs_to(&self, directory: &DirectoryScope) {
        self.0.borrow_mut().origin = Origin::of(directory);
    }

    /// It was read in this dialect, with these leniencies, as being about these types.
    pub(super) fn took(&self, dialect: &'static str, used: Leniencies, types: &Arc<TenantTypes>) {
        let mut known = self.0.borrow_mut();
        (known.dialect, known.used, known.types) = (Some(dialect), Some(used), Some(Arc::clone(types)));
    }

    /// This came with it, and has this room until the request is answered.
    pub(super) fn read(&self, body: &Bytes, room: Option<OwnedSemaphorePermit>) {
        let mut known = self.0.borrow_mut();
        (known.body, known.room) = (body.clone(), room);
    }

    /// It was refused.
    pub(super) fn refused(&self, refused: &Refused) {
        let mut known = self.0.borrow_mut();
        known.scim_type = refused.scim_type().map(ScimType::as_str);
        known.detail = Some(refused.detail().into_owned());
    }
}

/// Middleware around the SCIM door: every request that shows a directory's credential, in force or not, goes into the
/// provisioning log. One over the limit does not: it is refused so that it costs nothing, and the metrics count it.
pub(super) fn record<S, B>()
-> impl Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(async move |request: ServiceRequest, next: Next<B>| {
        let started = Instant::now();
        let recording = Recording::default();
        request.extensions_mut().insert(recording.clone());
        let at = request.app_data::<Data<AppState>>().map(|state| state.clock.now());
        let address = request
            .app_data::<Data<AppState>>()
            .map(|state| client_address(request.request(), state.limits.trusted_proxies()).to_string());
        let response = next.call(request).await?;
        if let (Some(at), Some(address)) = (at, address) {
            hand_over(&recording, &response, at, address, started);
        }
        Ok(response)
    })
}

fn hand_over<B>(
    recording: &Recording,
    response: &ServiceResponse<B>,
    at: DateTime<Utc>,
    address: String,
    started: Instant,
) {
    let (request, status) = (response.request(), response.status());
    let Ok(state) = AppState::of(request) else { return };
    let known = recording.0.take();
    let Some(origin) = known.origin.or_else(|| shown(request)) else { return };
    if status == StatusCode::TOO_MANY_REQUESTS {
        return;
    }
    let created = (status == StatusCode::CREATED)
        .then(|| response.headers().get(LOCATION)?.to_str().ok()?.rsplit('/').next().map(str::to_owned))
        .flatten();
    state.app.record(Exchange {
        id: state.request_id(request),
        at,
        origin,
        caller_id: request.extensions().get::<RequestTag>().and_then(|tag| tag.caller().map(str::to_owned)),
        agent: header(request, USER_AGENT),
        address,
        client_time: header(request, DATE)
            .and_then(|date| DateTime::parse_from_rfc2822(&date).ok())
            .map(Into::into),
        method: request.method().as_str().to_owned(),
        path: below_the_door(request),
        if_match: header(request, IF_MATCH),
        dialect: known.dialect,
        used: known.used.unwrap_or(Leniencies::NONE),
        types: known.types,
        body: known.body.into(),
        status: status.as_u16(),
        scim_type: known.scim_type,
        detail: known.detail,
        created,
        took: started.elapsed(),
    });
}

/// The token that was shown where no handler looked at it, or where it opened nothing.
fn shown(request: &HttpRequest) -> Option<Origin> {
    let header = header(request, AUTHORIZATION)?;
    let (scheme, token) = header.split_once(' ')?;
    let token = PlainToken::parse(token.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    token.tenant().is_some().then_some(Origin::Token(token))
}

fn header(request: &HttpRequest, name: HeaderName) -> Option<String> {
    request.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn below_the_door(request: &HttpRequest) -> String {
    let path = request.path();
    let path = path.strip_prefix("/scim/v2").unwrap_or(path);
    match request.query_string() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}
