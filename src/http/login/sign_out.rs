//! `POST /logout`: somebody signs out.

use std::collections::BTreeMap;

use actix_web::cookie::Cookie;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, ORIGIN};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use app::login::Way;
use serde_json::json;

use super::super::error::Refused;
use super::super::state::AppState;
use super::{Answer, cookies, onward};

/// Ends the session, if there is one, and takes the cookie back. Only our own pages may ask for it. Where the provider can be
/// signed out of too, the browser goes on there.
pub(super) async fn sign_out(request: HttpRequest, state: Data<AppState>) -> Answer {
    if !is_same_origin(&request, &state.public_url) {
        return Err(Refused::CrossSite);
    }
    let mut provider = None;
    if let Some(token) = cookies::session(&request, &state)
        && let Some(live) = state.app.resolve_session(&token, state.request_id(&request)).await?
    {
        provider = state.app.sign_out(&live).await?.provider;
    }
    let Some(provider) = provider else {
        let response = HttpResponse::NoContent()
            .insert_header((CACHE_CONTROL, "no-store"))
            .cookie(cookies::signed_out(&state))
            .finish();
        return Ok(response);
    };
    let cookies = [cookies::signed_out(&state), cookies::signing_out_begun(&provider, &state)];
    // A page's form is taken along to the provider.
    Ok(if navigates(&request) {
        onward::along(&request, &state, &provider.way, cookies)
    } else {
        told(&provider.way, cookies)
    })
}

/// A script is told where to go and what to post there, since it cannot follow.
fn told(way: &Way, [over, begun]: [Cookie<'static>; 2]) -> HttpResponse {
    let told = match way {
        Way::Redirect(location) => json!({"location": location}),
        Way::Post { action, fields } => {
            let fields: BTreeMap<_, _> = fields.iter().map(|(name, value)| (*name, value)).collect();
            json!({"location": action, "fields": fields})
        }
    };
    HttpResponse::Ok().cookie(over).cookie(begun).insert_header((CACHE_CONTROL, "no-store")).json(told)
}

/// Whether the answer is shown as a page.
fn navigates(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match header("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => header(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html")),
    }
}

/// Browsers say where a request comes from, by `Sec-Fetch-Site` or at least by `Origin`. A request with neither comes
/// from no page, and a program has its owner's cookie by its owner's will.
pub(crate) fn is_same_origin(request: &HttpRequest, public_url: &str) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == public_url,
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_our_own_pages_may_sign_somebody_out() {
        let allowed = |headers: &[(&str, &str)]| {
            let mut request = TestRequest::post();
            for (name, value) in headers {
                request = request.insert_header((*name, *value));
            }
            is_same_origin(&request.to_http_request(), "https://usher.test")
        };

        assert!(allowed(&[("sec-fetch-site", "same-origin"), ("origin", "https://usher.test")]));
        assert!(allowed(&[("origin", "https://usher.test")]));
        assert!(allowed(&[]));
        assert!(!allowed(&[("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&[("sec-fetch-site", "same-site")]));
        assert!(!allowed(&[("origin", "https://evil.test")]));
        assert!(!allowed(&[("origin", "null")]));
    }
}
