//! The pages on which somebody lets in a device that has no browser (RFC 8628 §3.3). Knows what is asked and what is warned of; does not
//! know codes.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use app::AppError;
use app::apps::{DeviceAsked, DeviceStep};
use askama::Template;

use super::super::error::Refused;
use super::super::state::AppState;
use super::Answer;
use super::device_words::Words;
use super::language::Language;
use super::page::nonce;

#[derive(Template)]
#[template(path = "device.html")]
struct Page<'a> {
    language: &'a str,
    words: &'a Words,
    tenant: &'a str,
    asked: Option<&'a DeviceAsked>,
    is_unknown: bool,
    /// What is said at the end, and nothing is asked any more.
    done: Option<&'a [&'static str; 2]>,
    nonce: &'a str,
}

/// The page of a step.
pub(crate) fn page(step: &DeviceStep, request: &HttpRequest, state: &AppState, tenant: &str) -> Answer {
    let language = Language::of(request);
    let words = Words::of(language);
    let (asked, is_unknown, done) = match step {
        DeviceStep::Ask(asked) => (Some(asked), false, None),
        DeviceStep::Write { is_unknown } => (None, *is_unknown, None),
        DeviceStep::Done { is_in: true } => (None, false, Some(&words.let_in)),
        DeviceStep::Done { is_in: false } => (None, false, Some(&words.refused)),
        DeviceStep::SignIn(_) => return Err(AppError::Internal("nobody is asked here".to_owned()).into()),
    };
    let nonce = nonce(state);
    let shown =
        Page { language: language.tag(), words: &words, tenant, asked, is_unknown, done, nonce: &nonce };
    let body = shown.render().map_err(|error| Refused::from(AppError::Internal(error.to_string())))?;
    let status = if is_unknown { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok(HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, policy(&nonce, state)))
        .insert_header((CONTENT_LANGUAGE, language.tag()))
        .insert_header((VARY, "Accept-Language"))
        // The code in the address is told to nobody, and our own form has to say where it comes from.
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/html; charset=utf-8")
        .body(body))
}

/// Nobody's page shows this one inside itself. Who was signed out meanwhile goes from the form to a provider.
fn policy(nonce: &str, state: &AppState) -> String {
    let onward = if state.insecure_cookies { "https: http:" } else { "https:" };
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'self' {onward}; frame-ancestors 'none'"
    )
}
