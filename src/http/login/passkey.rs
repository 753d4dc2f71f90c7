//! `/passkey/{tenant}`: local people sign in by a passkey, or register one by a link. Knows pages, forms and one script; what an answer proves, the use cases know.
//!
//! Each step is a page with a form: the script puts the authenticator's answer into it and sends it, so that a refusal is a
//! page as everywhere at this door, and a browser without scripts is told that it needs them.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};
use app::AppError;
use app::login::{Answered, Question};
use askama::Template;

use super::super::body::Body;
use super::super::error::Refused;
use super::super::query::Query;
use super::super::state::AppState;
use super::language::Language;
use super::page::{OUR_SCRIPTS, answer, nonce, our_forms, policy};
use super::passkey_words::PasskeyWords;
use super::saml::field;
use super::start::{LONGEST_RETURN, door};
use super::{Answer, cookies, counted, see_other};

/// Room for an answer with a long attestation, which nobody asked for.
const LONGEST_FORM: usize = 64 * 1024;

const SCRIPT: &str = include_str!("templates/ceremony.js");

#[derive(Template)]
#[template(path = "passkey.html")]
struct Page<'a> {
    language: &'a str,
    words: &'a PasskeyWords,
    step: Option<Step>,
    nonce: &'a str,
}

/// A form, and what the script does before it is sent.
pub(super) struct Step {
    kind: &'static str,
    action: String,
    field: &'static str,
    options: Option<String>,
    asks_name: bool,
}

/// Asks for a passkey of anybody's.
pub(super) async fn ask(
    tenant: Path<String>,
    query: Query,
    request: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let return_to = query.text("return_to", LONGEST_RETURN)?;
    let question = state.app.ask_for_passkey(tenant.as_str(), return_to, state.request_id(&request)).await?;
    let step = Step::ceremony("sign-in", format!("/passkey/{}", tenant.as_str()), &question);
    let words = PasskeyWords::of_sign_in(Language::of(&request));
    let mut page = page(&words, Some(step), &request, &state)?;
    bind(&mut page, &question, tenant.as_str(), &state)?;
    Ok(page)
}

/// Signs in whoever answers.
pub(super) async fn sign_in(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let answer = given(body, "answer", &state).await?.0;
    let answered = Answered {
        tenant: tenant.as_str(),
        answer: &answer,
        sealed: cookies::ceremony(&request),
        earlier: cookies::session(&request, &state),
    };
    let signed_in = state.app.sign_in_by_passkey(answered, state.request_id(&request)).await;
    let signed_in = counted(&state, "passkey", signed_in)?;
    let session = cookies::signed_in(&signed_in.session, signed_in.expires_at, state.app.now(), &state);
    Ok(see_other(&signed_in.return_to)
        .cookie(session)
        .cookie(cookies::ceremony_over(tenant.as_str(), &state))
        .finish())
}

/// Takes a link to register a passkey, which the script finds in the address.
pub(super) async fn invitation(tenant: Path<String>, request: HttpRequest, state: Data<AppState>) -> Answer {
    let tenant = door(&tenant)?;
    let step = Step::link(format!("/passkey/{}/register", tenant.as_str()));
    page(&PasskeyWords::of_invitation(Language::of(&request)), Some(step), &request, &state)
}

/// Asks whoever was invited for a new passkey.
pub(super) async fn ask_to_register(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let token = given(body, "invitation", &state).await?.0;
    let id = state.request_id(&request);
    let question = state.app.ask_to_register(tenant.as_str(), &token, id).await?;
    let words = PasskeyWords::of_registration(Language::of(&request));
    registration(&words, &question, tenant.as_str(), &request, &state)
}

/// Registers the passkey.
pub(super) async fn register(
    tenant: Path<String>,
    request: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let tenant = door(&tenant)?;
    let (answer, name) = given(body, "answer", &state).await?;
    let answered = Answered {
        tenant: tenant.as_str(),
        answer: &answer,
        sealed: cookies::ceremony(&request),
        earlier: None,
    };
    state.app.register_passkey(answered, &name, state.request_id(&request)).await?;
    let words = PasskeyWords::of_success(Language::of(&request));
    let mut page = page(&words, None, &request, &state)?;
    add_cookie(&mut page, &cookies::ceremony_over(tenant.as_str(), &state))?;
    Ok(page)
}

/// `GET /passkey/ceremony.js`
pub(super) async fn script() -> Answer {
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=86400"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/javascript; charset=utf-8")
        .body(SCRIPT))
}

impl Step {
    /// Takes the secret of a link from the address.
    pub(super) const fn link(action: String) -> Self {
        Self { kind: "invitation", action, field: "invitation", options: None, asks_name: false }
    }

    fn ceremony(kind: &'static str, action: String, question: &Question) -> Self {
        let options = Some(question.options.to_string());
        Self { kind, action, field: "answer", options, asks_name: false }
    }
}

/// The page that asks for a new passkey.
pub(super) fn registration(
    words: &PasskeyWords,
    question: &Question,
    tenant: &str,
    request: &HttpRequest,
    state: &AppState,
) -> Answer {
    let action = format!("/passkey/{tenant}/registered");
    let step = Step { asks_name: true, ..Step::ceremony("register", action, question) };
    let mut page = page(words, Some(step), request, state)?;
    bind(&mut page, question, tenant, state)?;
    Ok(page)
}

/// A field of the form, and the name beside it.
async fn given(body: Body, what: &'static str, state: &AppState) -> Result<(String, String), Refused> {
    let form = body.form_up_to(state, LONGEST_FORM).await?;
    let given = field(&form, what)?.ok_or_else(|| Refused::parameter(what, "is missing"))?;
    Ok((given, field(&form, "name")?.unwrap_or_default()))
}

pub(super) fn page(
    words: &PasskeyWords,
    step: Option<Step>,
    request: &HttpRequest,
    state: &AppState,
) -> Result<HttpResponse, Refused> {
    let language = Language::of(request);
    let nonce = nonce(state);
    let page = Page { language: language.tag(), words, step, nonce: &nonce };
    let body = page.render().map_err(|error| Refused::from(AppError::Internal(error.to_string())))?;
    Ok(answer(StatusCode::OK, language, &policy(&nonce, OUR_SCRIPTS, our_forms(state))).body(body))
}

fn bind(page: &mut HttpResponse, question: &Question, tenant: &str, state: &AppState) -> Result<(), Refused> {
    add_cookie(page, &cookies::ceremony_begun(&question.sealed, tenant, state))
}

fn add_cookie(page: &mut HttpResponse, cookie: &actix_web::cookie::Cookie<'_>) -> Result<(), Refused> {
    page.add_cookie(cookie).map_err(|error| AppError::Internal(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::header::ACCEPT_LANGUAGE;
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::super::super::testing::state;
    use super::*;

    async fn shown(language: &str, options: &serde_json::Value) -> (String, String) {
        let request = TestRequest::get().insert_header((ACCEPT_LANGUAGE, language)).to_http_request();
        let step = Step {
            kind: "sign-in",
            action: "/passkey/acme".to_owned(),
            field: "answer",
            options: Some(options.to_string()),
            asks_name: false,
        };
        let words = PasskeyWords::of_sign_in(Language::of(&request));
        let page = page(&words, Some(step), &request, &state()).unwrap();
        let policy = page.headers().get("content-security-policy").unwrap().to_str().unwrap().to_owned();
        let body = to_bytes(page.into_body()).await.unwrap_or_else(|_| panic!("a page is in memory"));
        (policy, String::from_utf8(body.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn what_the_script_is_to_ask_is_escaped_and_no_script_stands_in_the_page() {
        let (policy, html) = shown("en", &json!({"publicKey": {"challenge": "\"><script>alert(1)"}})).await;

        assert!(
            policy.contains("script-src 'self'; ") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(html.contains("<script src=\"/passkey/ceremony.js\" defer></script>"), "{html}");
        assert!(html.contains("<noscript>"), "{html}");
    }

    #[actix_web::test]
    async fn the_page_speaks_the_browsers_language() {
        for tag in ["en", "ja", "fr"] {
            let (_, html) = shown(tag, &json!({})).await;
            assert!(html.contains(&format!("<html lang=\"{tag}\"")), "{html}");
        }
    }
}
