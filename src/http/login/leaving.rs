//! The question whether somebody wants to sign out. Knows how it is put; the answer comes from this page or from nowhere.

use actix_web::http::StatusCode;
use actix_web::http::header::REFERRER_POLICY;
use actix_web::{HttpRequest, HttpResponse};
use app::apps::Leave;
use askama::Template;

use super::super::state::AppState;
use super::language::Language;
use super::page::{answer, nonce, our_forms, policy};

#[derive(Template)]
#[template(path = "leaving.html")]
struct Page<'a> {
    language: &'a str,
    title: &'a str,
    explained: &'a str,
    button: &'a str,
    tenant: &'a str,
    fields: Vec<(&'static str, &'a str)>,
    nonce: &'a str,
}

/// Asks. What the app said goes along, and is judged anew when it comes back.
pub(crate) fn ask(request: &HttpRequest, state: &AppState, tenant: &str, wish: &Leave) -> HttpResponse {
    let language = Language::of(request);
    let [title, explained, button] = words(language);
    let nonce = nonce(state);
    let said = [
        ("id_token_hint", &wish.hint),
        ("client_id", &wish.client_id),
        ("post_logout_redirect_uri", &wish.back_to),
        ("state", &wish.state),
    ];
    let fields = said.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
    let page = Page { language: language.tag(), title, explained, button, tenant, fields, nonce: &nonce };
    let body = page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "Cannot write a page");
        String::new()
    });
    answer(StatusCode::OK, language, &policy(&nonce, "", our_forms(state)))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .body(body)
}

fn words(language: Language) -> [&'static str; 3] {
    match language {
        Language::English => [
            "Do you want to sign out?",
            "An app asks to sign you out here. You will be signed out of every app that you opened from here.",
            "Sign out",
        ],
        Language::Japanese => [
            "サインアウトしますか？",
            "アプリがサインアウトを求めています。ここから開いたすべてのアプリからサインアウトします。",
            "サインアウト",
        ],
        Language::French => [
            "Voulez-vous vous déconnecter ?",
            "Une application demande votre déconnexion. Vous serez déconnecté de toutes les applications ouvertes d’ici.",
            "Se déconnecter",
        ],
    }
}
