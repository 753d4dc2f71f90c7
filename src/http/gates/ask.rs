//! A proxy asks, and a browser comes for a pass. Knows what is said in which header; does not know why.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use app::AppError;
use app::gates::{GateAnswer, GateQuestion, LetThrough, Person, is_ours};
use domain::token::{PlainToken, TokenKind};

use super::super::apps::gone_on;
use super::super::caller::opened;
use super::super::error::{Refused, Scheme};
use super::super::limits::guard_proxy;
use super::super::login::start::door;
use super::super::login::{cookies as session, see_other};
use super::super::query::Query;
use super::super::state::AppState;
use super::super::voice::Voice;
use super::described::{Described, secret};
use super::{Answer, cookies};

/// A sealed request is shorter.
const LONGEST_REQUEST: usize = 2_000;

/// What a proxy sets for what stands behind it, always all of them, so that nothing of a client's is left.
const USER: &str = "x-usher-user";
const NAME: &str = "x-usher-name";
const EMAIL: &str = "x-usher-email";
const ROLES: &str = "x-usher-roles";
const SESSION: &str = "x-usher-session";
const TENANT: &str = "x-usher-tenant";

/// The whole answer: the request passes, or this is what the browser gets instead.
pub(super) async fn ask(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    match decide(&request, &state).await {
        Ok((origin, answer)) => said(&origin, answer, &request, &state),
        Err(refused) => voice(&request).say(&request, &refused),
    }
}

/// Only whether it passes: 200, 401 or 403. What is for us is never let through, and not done yet: nginx asks for what to show.
pub(super) async fn check(request: HttpRequest, state: Data<AppState>) -> HttpResponse {
    let is_ours = Described::in_headers(&request).is_ok_and(|described| is_ours(&described.wanted));
    if is_ours && secret(&request).is_ok() {
        return refusal(&request, &Refused::Unauthenticated(Scheme::Session));
    }
    match decide(&request, &state).await {
        Ok((_, GateAnswer::Through(through))) => passes(&through),
        Ok(_) => refusal(&request, &Refused::Unauthenticated(Scheme::Session)),
        // What nginx is to show instead, it asks for by itself.
        Err(refused) if refused.status().is_client_error() && refused.status() != StatusCode::FORBIDDEN => {
            refusal(&request, &Refused::Unauthenticated(Scheme::Session))
        }
        Err(refused) => refusal(&request, &refused),
    }
}

fn refusal(request: &HttpRequest, refused: &Refused) -> HttpResponse {
    Voice::Problem.say(request, refused)
}

async fn decide(request: &HttpRequest, state: &AppState) -> Result<(String, GateAnswer), Refused> {
    let shown = secret(request)?;
    let credential = shown.expose().to_owned();
    let answer = Box::pin(answer(shown, request, state));
    let limited = guard_proxy(&state.limits, credential.as_bytes(), request, answer, is_of_a_gate).await;
    limited.map_err(Refused::Limited)?
}

/// Whether whoever was answered so showed the secret of a gate.
fn is_of_a_gate(answer: &Result<(String, GateAnswer), Refused>) -> bool {
    !matches!(
        answer,
        Err(Refused::Unauthenticated(_) | Refused::WrongCredential(_) | Refused::App(AppError::Unauthorized))
    )
}

async fn answer(
    shown: PlainToken,
    request: &HttpRequest,
    state: &AppState,
) -> Result<(String, GateAnswer), Refused> {
    if shown.kind() != TokenKind::Gate {
        opened(request, &shown).await?;
        return Err(Refused::WrongCredential("This takes the secret of a gate."));
    }
    let id = state.request_id(request);
    let described = match Described::in_headers(request) {
        Ok(described) => described,
        Err(refused) => {
            // Only who may ask is told what is wrong with the question.
            state.app.check_gate(&shown, id).await?;
            return Err(refused);
        }
    };
    let origin = described.origin;
    let question = GateQuestion {
        secret: shown,
        pass: cookies::pass(request, &origin),
        way: cookies::way(request, &origin),
        origin: origin.clone(),
        wanted: described.wanted,
        navigates: described.navigates,
        request: id,
    };
    Ok((origin, state.app.ask_gate(question).await?))
}

fn said(origin: &str, answer: GateAnswer, request: &HttpRequest, state: &AppState) -> HttpResponse {
    match answer {
        GateAnswer::Through(through) => passes(&through),
        GateAnswer::SignIn { to, way } => see_other(&to).cookie(cookies::set_out(origin, &way)).finish(),
        GateAnswer::Back { pass, until, to } => {
            see_other(&to).cookie(cookies::let_in(origin, &pass, until, state.app.now())).finish()
        }
        GateAnswer::Leave { to } => see_other(&to).cookie(cookies::left(origin)).finish(),
        GateAnswer::NotSignedIn => voice(request).say(request, &Refused::Unauthenticated(Scheme::Session)),
    }
}

/// A page for a browser that shows one, problem details for everybody else.
fn voice(request: &HttpRequest) -> Voice {
    match Described::in_headers(request) {
        Ok(described) if described.navigates => Voice::Page,
        _ => Voice::Problem,
    }
}

/// The request passes, and this is whose it is. Without anybody the headers are there and empty.
fn passes(through: &LetThrough) -> HttpResponse {
    let person = through.person.as_ref();
    let of = |say: fn(&Person) -> String| person.map(say).unwrap_or_default();
    let mut response = HttpResponse::Ok().finish();
    let headers = response.headers_mut();
    for (name, value) in [
        (USER, of(|person| person.user.to_string())),
        (NAME, of(|person| plain(&person.name))),
        (EMAIL, of(|person| person.email.as_deref().map(plain).unwrap_or_default())),
        (ROLES, of(|person| person.roles.iter().map(|role| plain(role)).collect::<Vec<_>>().join(","))),
        (SESSION, of(|person| person.session.to_string())),
        (TENANT, through.tenant.clone()),
    ] {
        // What is encoded holds no character that a header cannot.
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        headers.insert(HeaderName::from_static(name), value);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A text that is in one piece whoever reads it: blanks, commas and everything that is not ASCII are percent-encoded.
fn plain(text: &str) -> String {
    let encoded = |b: u8| match b {
        b'"' | b'%' | b',' | b';' | b'\\' => format!("%{b:02X}"),
        b if b.is_ascii_graphic() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// `GET /op/{tenant}/pass`: a browser comes from a host behind a gate.
pub(in crate::http) async fn pass(
    tenant: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let sealed = query.required("request", LONGEST_REQUEST)?;
    let session = session::session(&request, &state);
    let id = state.request_id(&request);
    let step = state.app.give_pass(tenant.as_str(), sealed, session.as_ref(), id).await?;
    Ok(gone_on(&step))
}
