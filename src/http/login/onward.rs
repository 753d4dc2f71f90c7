//! The page that sends a browser on with a form. Knows how it is shown safely: its fields are escaped, its script stands at an address of its own.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use app::login::Way;
use askama::Template;
use url::Url;

use super::super::state::AppState;
use super::language::Language;
use super::page::{OUR_SCRIPTS, answer, nonce, policy};
use super::{Answer, see_other};

#[derive(Template)]
#[template(path = "onward.html")]
struct Onward<'a> {
    language: &'a str,
    title: &'a str,
    explained: &'a str,
    button: &'a str,
    action: &'a str,
    fields: &'a [(&'static str, String)],
    nonce: &'a str,
}

/// Sends the form by itself; without scripts, a person presses the button.
const SCRIPT: &str = "document.forms[0].submit();\n";

/// `GET /saml/onward.js`
pub(super) async fn script() -> Answer {
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=86400"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/javascript; charset=utf-8")
        .body(SCRIPT))
}

/// Sends a browser on its way, with these cookies.
pub(crate) fn along<const N: usize>(
    request: &HttpRequest,
    state: &AppState,
    way: &Way,
    cookies: [Cookie<'static>; N],
) -> HttpResponse {
    let (mut response, body) = match way {
        Way::Redirect(location) => (see_other(location.as_str()), String::new()),
        Way::Post { action, fields } => page(request, state, (action, fields)),
    };
    for cookie in cookies {
        response.cookie(cookie);
    }
    if body.is_empty() { response.finish() } else { response.body(body) }
}

/// The page, to be given its cookies.
fn page(
    request: &HttpRequest,
    state: &AppState,
    (action, fields): (&Url, &[(&'static str, String)]),
) -> (HttpResponseBuilder, String) {
    let language = Language::of(request);
    let [title, explained, button] = words(language);
    let nonce = nonce(state);
    let onward = Onward {
        language: language.tag(),
        title,
        explained,
        button,
        action: action.as_str(),
        fields,
        nonce: &nonce,
    };
    let body = onward.render().unwrap_or_else(|error| {
        tracing::error!(%error, "Cannot write a page");
        String::new()
    });
    // A form may go wherever its provider sends it on to, which no list of ours knows; but not by another scheme.
    let forms = format!("{}:", action.scheme());
    let response = answer(StatusCode::OK, language, &policy(&nonce, OUR_SCRIPTS, &forms));
    (response, body)
}

fn words(language: Language) -> [&'static str; 3] {
    match language {
        Language::English => [
            "On to your organisation",
            "Your organisation’s sign-in opens by itself. If it does not, press the button.",
            "Continue",
        ],
        Language::Japanese => [
            "組織のサインインに進みます",
            "組織のサインインが自動的に開きます。開かない場合は、ボタンを押してください。",
            "続ける",
        ],
        Language::French => [
            "Vers votre organisation",
            "La connexion de votre organisation s’ouvre d’elle-même. Sinon, appuyez sur le bouton.",
            "Continuer",
        ],
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::super::super::testing::state;
    use super::*;

    #[actix_web::test]
    async fn what_is_sent_on_is_escaped_and_no_script_stands_in_the_page() {
        let action = Url::parse("https://idp.example/sso?a=1&b=%22").unwrap();
        let fields = [
            ("SAMLRequest", "PGEv+/8=".to_owned()),
            ("RelayState", "\"><script>alert(1)</script>".to_owned()),
        ];
        let request = TestRequest::get().to_http_request();

        let (mut response, html) = page(&request, &state(), (&action, &fields));

        let response = response.finish();
        let policy = response.headers().get("content-security-policy").unwrap().to_str().unwrap();
        assert!(
            policy.contains("script-src 'self'; ") && policy.contains("form-action https:; "),
            "{policy}"
        );
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert!(html.contains("<script src=\"/saml/onward.js\" defer></script>"), "{html}");
        assert!(!html.contains("alert(1)<"), "{html}");
        assert!(html.contains("value=\"PGEv+/8=\""), "{html}");
        assert!(html.contains("<button"), "{html}");
    }
}
