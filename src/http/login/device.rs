//! The pages on which somebody lets in a device that has no browser (RFC 8628 §3.3). Knows what is asked and what is warned of; does not
//! know codes.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::REFERRER_POLICY;
use app::AppError;
use app::apps::{DeviceAsked, DeviceStep};
use askama::Template;

use super::super::error::Refused;
use super::super::state::AppState;
use super::Answer;
use super::device_words::Words;
use super::language::Language;
use super::page::{answer, nonce, our_forms, policy};

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
    Ok(answer(status, language, &policy(&nonce, "", our_forms(state)))
        // The code in the address is told to nobody, and our own form has to say where it comes from.
        .insert_header((REFERRER_POLICY, "same-origin"))
        .body(body))
}
