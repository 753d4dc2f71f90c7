//! The page that a person sees who was not let in, or has left. Knows how it is put together and shown safely.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;
use domain::slug::Slug;
use uuid::Uuid;

use super::super::error::Refused;
use super::super::state::AppState;
use super::language::Language;
use super::words::{Labels, Situation, Words};

#[derive(Template)]
#[template(path = "refusal.html")]
struct Page<'a> {
    language: &'a str,
    words: &'a Words,
    labels: &'a Labels,
    code: &'a str,
    request: String,
    retry: Option<String>,
    nonce: &'a str,
}

/// The page about a refusal, in the browser's language.
pub(crate) fn refusal(request: &HttpRequest, refused: &Refused) -> HttpResponse {
    let situation = Situation::of(refused);
    let retry = situation.is_worth_a_retry().then(|| sign_in_address(request)).flatten();
    let words = situation.words(Language::of(request));
    page(request, refused.status(), &words, refused.code(), retry)
}

/// The page that somebody sees who has signed out here and at their provider, `everywhere` or not for sure.
pub(crate) fn signed_out(request: &HttpRequest, everywhere: bool) -> HttpResponse {
    let words = Words::of_leaving(Language::of(request), everywhere);
    page(request, StatusCode::OK, &words, "signed-out", sign_in_address(request))
}

fn page(
    request: &HttpRequest,
    status: StatusCode,
    words: &Words,
    code: &str,
    retry: Option<String>,
) -> HttpResponse {
    let language = Language::of(request);
    let (nonce, id) = match AppState::of(request) {
        Ok(state) => (nonce(state), state.request_id(request).to_string()),
        Err(_) => (String::new(), String::new()),
    };
    let page = Page {
        language: language.tag(),
        words,
        labels: &Labels::of(language),
        code,
        request: id,
        retry,
        nonce: &nonce,
    };
    let body = page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "Cannot write a page");
        String::new()
    });
    answer(status, language, &policy(&nonce, "", "'none'")).body(body)
}

/// The answer that a page is the body of. It is nobody else's business where a reader came from.
pub(super) fn answer(status: StatusCode, language: Language, policy: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((CONTENT_LANGUAGE, language.tag()))
        .insert_header((VARY, "Accept-Language"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/html; charset=utf-8");
    response
}

/// What a page is held to: a style of its own and nothing else, save scripts and forms that it is allowed; and no frame around it.
pub(super) fn policy(nonce: &str, scripts: &str, forms: &str) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; {scripts}base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
    )
}

/// To a page that has a script of ours.
pub(super) const OUR_SCRIPTS: &str = "script-src 'self'; ";

/// To a page whose form is ours. Browsers hold the redirects that follow a form to this list too, and these lead to identity
/// providers, apps and products.
pub(super) fn our_forms(state: &AppState) -> &'static str {
    if state.insecure_cookies { "'self' https: http:" } else { "'self' https:" }
}

pub(super) fn nonce(state: &AppState) -> String {
    let mut bytes = [0_u8; 16];
    state.entropy.fill(&mut bytes);
    Uuid::from_bytes(bytes).simple().to_string()
}

/// Where this sign-in begins anew, if the address says which it was.
fn sign_in_address(request: &HttpRequest) -> Option<String> {
    let part = |name| request.match_info().get(name).and_then(|text| Slug::parse(text).ok());
    let tenant = part("tenant")?;
    Some(match part("connection") {
        Some(connection) => format!("/login/{}/{}", tenant.as_str(), connection.as_str()),
        None => format!("/login/{}", tenant.as_str()),
    })
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::header::ACCEPT_LANGUAGE;
    use actix_web::test::TestRequest;
    use actix_web::web;
    use app::{AppError, Refusal};

    use super::super::super::testing::state;
    use super::*;

    async fn page(language: &str, refused: &Refused) -> (HttpResponse, String) {
        let request = TestRequest::get()
            .uri("/oidc/acme/entra/callback")
            .param("tenant", "acme")
            .param("connection", "entra")
            .insert_header((ACCEPT_LANGUAGE, language))
            .app_data(web::Data::new(state()))
            .to_http_request();
        let (response, body) = refusal(&request, refused).into_parts();
        let bytes = to_bytes(body).await.unwrap_or_else(|_| panic!("a page is in memory"));
        (response.set_body(actix_web::body::BoxBody::new(())), String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn refused(refusal: Refusal) -> Refused {
        AppError::from(refusal).into()
    }

    #[actix_web::test]
    async fn somebody_inactive_reads_what_happened_and_what_to_do() {
        let (response, html) = page("en", &refused(Refusal::Inactive)).await;

        assert_eq!(response.status().as_u16(), 403);
        assert!(html.contains("<html lang=\"en\""), "{html}");
        assert!(html.contains("inactive"), "the code: {html}");
        assert!(!html.contains("<script"), "{html}");
    }

    #[actix_web::test]
    async fn the_page_speaks_the_browsers_language() {
        for (language, tag) in [("ja-JP", "ja"), ("fr", "fr"), ("de", "en")] {
            let (response, html) = page(language, &refused(Refusal::NoSeat { position: Some(4) })).await;
            assert!(html.contains(&format!("<html lang=\"{tag}\"")), "{html}");
            assert!(html.contains('4'), "the place in line: {html}");
            assert_eq!(response.headers().get("content-language").unwrap(), tag);
        }
    }

    #[actix_web::test]
    async fn the_style_and_the_policy_share_a_nonce_and_nothing_is_kept() {
        let (response, html) = page("en", &refused(Refusal::NoFlow)).await;

        let policy = response.headers().get("content-security-policy").unwrap().to_str().unwrap().to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert_eq!(nonce.len(), 32);
        assert!(html.contains(&format!("<style nonce=\"{nonce}\">")), "{html}");
        assert!(policy.starts_with("default-src 'none'"));
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        assert!(html.contains("href=\"/login/acme/entra\""), "{html}");
    }
}
