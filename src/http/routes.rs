//! The route table. Knows which door has which voice and which limits; the addresses below a door are in its own module.

use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpRequest, HttpResponse, web};

use super::endpoint::Endpoint;
use super::error::Refused;
use super::limits::{authorization, guard, guard_answers};
use super::recording::record;
use super::state::AppState;
use super::voice::{Voice, speak};
use super::{admin, apps, gates, health, login, metrics, oauth, scim, signals, ssf};

/// Every address of Usher.
pub fn configure(cfg: &mut web::ServiceConfig, state: &AppState) {
    let limits = || std::sync::Arc::clone(&state.limits);
    let api_guard = guard(limits(), authorization, over_limit(Voice::Problem));
    let cookie = super::login::cookies::session_name(state);
    let scim_guard = guard(limits(), credential_or_session(cookie), over_limit(Voice::Scim));
    let session_guard = || guard(limits(), session_cookie(cookie), over_limit(Voice::Problem));
    let oauth_guard = || guard(limits(), nobody, over_limit(Voice::OAuth));
    let page_guard = || guard(limits(), nobody, over_limit(Voice::Page));
    let answer_guard = || guard_answers(limits(), over_limit(Voice::Page));
    // The same as for other pages, around another type.
    let provider_guard = || guard(limits(), nobody, over_limit(Voice::Page));

    for_programs(cfg, state);
    cfg.service(
        web::scope("/scim")
            .service(web::scope("/v2").configure(scim::routes).default_service(web::to(nothing_here)))
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Scim))
            .wrap(scim_guard)
            .wrap(record())
            .wrap(scim::tenant_in_address()),
    )
    .service(
        web::scope("/api")
            .service(web::scope("/v1").configure(admin::routes).default_service(web::to(nothing_here)))
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(api_guard),
    )
    .service(
        web::scope("/login")
            .configure(login::start_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Page))
            .wrap(page_guard()),
    )
    .service(
        web::scope("/oidc")
            .configure(login::callback_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Page))
            .wrap(answer_guard())
            .wrap(provider_guard()),
    )
    .service(
        web::scope("/saml")
            .configure(login::saml_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Page))
            .wrap(answer_guard())
            .wrap(provider_guard()),
    )
    .service(
        web::scope("/invitation")
            .configure(login::invitation_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Page))
            .wrap(page_guard()),
    )
    .service(
        web::scope("/passkey")
            .configure(login::passkey_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Page))
            .wrap(page_guard()),
    )
    .service(
        web::scope("/oauth")
            .configure(oauth::routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::OAuth))
            .wrap(oauth_guard()),
    )
    .service(
        web::scope("/op")
            .configure(apps::routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::OAuth))
            .wrap(guard(limits(), authorization, over_limit(Voice::OAuth))),
    )
    .service(
        web::scope("/session")
            .configure(login::session_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(session_guard()),
    )
    .service(
        web::scope("/logout")
            .configure(login::sign_out_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(session_guard()),
    )
    .service(
        web::scope("")
            .service(Endpoint::at("/healthz").get(health::healthz))
            .service(Endpoint::at("/readyz").get(health::readyz))
            .service(Endpoint::at("/metrics").get(metrics::metrics))
            .default_service(web::to(a_stranger)),
    );
}

/// The doors of proxies, of receivers, and what programs read of all doors.
fn for_programs(cfg: &mut web::ServiceConfig, state: &AppState) {
    let limits = || std::sync::Arc::clone(&state.limits);
    cfg.service(
        web::scope("/forward-auth")
            .configure(gates::routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem)),
    )
    .service(
        web::scope("/ssf")
            .configure(ssf::routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(guard(limits(), authorization, over_limit(Voice::Problem))),
    )
    .service(
        web::scope("/signals")
            .configure(signals::routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::Problem))
            .wrap(guard(limits(), nobody, over_limit(Voice::Problem))),
    )
    .service(
        web::scope("/.well-known")
            .configure(oauth::metadata_routes)
            .default_service(web::to(nothing_here))
            .wrap(speak(Voice::OAuth))
            .wrap(guard(limits(), nobody, over_limit(Voice::OAuth))),
    );
}

/// What a door says of an address that it does not have.
async fn nothing_here() -> Result<HttpResponse, Refused> {
    Err(Refused::NoSuchPath)
}

/// Who came to no door is answered in the voice that they are likely to understand.
async fn a_stranger(request: HttpRequest) -> HttpResponse {
    Voice::of_stranger(&request).say(&request, &Refused::NoSuchPath)
}

fn over_limit(voice: Voice) -> impl Fn(&HttpRequest, super::limits::Limited) -> HttpResponse + 'static {
    move |request, limited| voice.say(request, &Refused::Limited(limited))
}

fn session_cookie(name: &'static str) -> impl Fn(&ServiceRequest) -> Option<Cow<'_, [u8]>> {
    move |request| request.cookie(name).map(|cookie| Cow::Owned(cookie.value().as_bytes().to_vec()))
}

/// What counts at the SCIM door: a client's credential, or a person's session where people ask too.
fn credential_or_session(cookie: &'static str) -> impl Fn(&ServiceRequest) -> Option<Cow<'_, [u8]>> {
    let session = session_cookie(cookie);
    move |request| match scim::presented(request) {
        None if scim::is_for_people(request.path()) => session(request),
        presented => presented,
    }
}

/// Signing in begins without a credential, and so does fetching one: addresses count.
fn nobody(_: &ServiceRequest) -> Option<Cow<'_, [u8]>> {
    None
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::dev::ServiceResponse;
    use actix_web::http::Method;
    use actix_web::middleware::{NormalizePath, TrailingSlash};
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use domain::clock::CountingEntropy;
    use domain::id::TenantId;
    use domain::token::{PlainToken, TokenKind};
    use serde_json::Value;

    use super::super::testing::state;
    use super::*;

    async fn ask(request: TestRequest) -> ServiceResponse {
        let state = web::Data::new(state());
        let app = init_service(
            App::new()
                .app_data(state.clone())
                .configure(|cfg| configure(cfg, &state))
                .wrap(NormalizePath::new(TrailingSlash::Trim)),
        )
        .await;
        call_service(&app, request.to_request()).await.map_into_boxed_body()
    }

    async fn said(method: &str, path: &str) -> (u16, String, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let response = ask(TestRequest::default().method(method).uri(path)).await;
        let status = response.status().as_u16();
        let header = response.headers().get("content-type");
        let media_type = header.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        (status, media_type, serde_json::from_slice(&read_body(response).await).unwrap_or_default())
    }

    const SCIM: &str = "application/scim+json";
    const PROBLEM: &str = "application/problem+json";

    #[actix_web::test]
    async fn every_closed_address_of_the_scim_door_asks_for_a_credential() {
        for (method, path) in [
            ("GET", "/scim/v2"),
            ("GET", "/scim/v2/"),
            ("POST", "/scim/v2/.search"),
            ("GET", "/scim/v2/Users"),
            ("GET", "/scim/v2/Users/"),
            ("POST", "/scim/v2/Users"),
            ("POST", "/scim/v2/Users/.search"),
            ("GET", "/scim/v2/Users/1"),
            ("PUT", "/scim/v2/Users/1"),
            ("PATCH", "/scim/v2/Users/1"),
            ("DELETE", "/scim/v2/Users/1"),
            ("GET", "/scim/v2/Groups"),
            ("POST", "/scim/v2/Groups"),
            ("POST", "/scim/v2/Groups/.search"),
            ("GET", "/scim/v2/Groups/1"),
            ("PUT", "/scim/v2/Groups/1"),
            ("PATCH", "/scim/v2/Groups/1"),
            ("DELETE", "/scim/v2/Groups/1"),
            ("GET", "/scim/v2/Roles"),
            ("POST", "/scim/v2/Roles/.search"),
            ("GET", "/scim/v2/Roles/1"),
            ("GET", "/scim/v2/Entitlements"),
            ("POST", "/scim/v2/Entitlements/.search"),
            ("GET", "/scim/v2/Entitlements/1"),
            ("GET", "/scim/v2/GroupMemberships"),
            ("POST", "/scim/v2/GroupMemberships"),
            ("POST", "/scim/v2/GroupMemberships/.search"),
            ("GET", "/scim/v2/GroupMemberships/1"),
            ("DELETE", "/scim/v2/GroupMemberships/1"),
            ("GET", "/scim/v2/Me"),
            ("POST", "/scim/v2/Bulk"),
        ] {
            let (status, media_type, body) = said(method, path).await;
            assert_eq!((status, media_type.as_str()), (401, SCIM), "{method} {path}");
            assert_eq!(body["status"], "401", "{method} {path}");
        }
    }

    #[actix_web::test]
    async fn every_address_of_the_api_but_its_description_asks_for_a_credential() {
        for (method, path) in [
            ("GET", "/tenants"),
            ("POST", "/tenants"),
            ("GET", "/tenants/acme/org-units"),
            ("POST", "/tenants/acme/org-units"),
            ("GET", "/tenants/acme/workspaces"),
            ("POST", "/tenants/acme/workspaces"),
            ("GET", "/tenants/acme/directories"),
            ("POST", "/tenants/acme/directories"),
            ("GET", "/tenants/acme/credentials"),
            ("POST", "/tenants/acme/credentials"),
            ("DELETE", "/tenants/acme/credentials/1"),
            ("GET", "/tenants/acme/connections"),
            ("POST", "/tenants/acme/connections"),
            ("GET", "/tenants/acme/mapping-rules"),
            ("POST", "/tenants/acme/mapping-rules"),
            ("DELETE", "/tenants/acme/mapping-rules/1"),
            ("GET", "/tenants/acme/schema-extensions"),
            ("POST", "/tenants/acme/schema-extensions"),
            ("PUT", "/tenants/acme/schema-extensions/1"),
            ("DELETE", "/tenants/acme/schema-extensions/1"),
            ("GET", "/tenants/acme/seat-pool"),
            ("PUT", "/tenants/acme/seat-pool"),
            ("GET", "/tenants/acme/users"),
            ("POST", "/tenants/acme/users"),
            ("GET", "/tenants/acme/users/1"),
            ("PATCH", "/tenants/acme/users/1"),
            ("DELETE", "/tenants/acme/users/1"),
            ("GET", "/tenants/acme/users/1/access"),
            ("GET", "/tenants/acme/tombstones"),
            ("GET", "/tenants/acme/adoptions"),
            ("POST", "/tenants/acme/adoptions"),
            ("GET", "/tenants/acme/guards"),
            ("PUT", "/tenants/acme/directories/entra/mass-guard"),
            ("GET", "/tenants/acme/held-departures"),
            ("POST", "/tenants/acme/held-departures/1"),
            ("GET", "/tenants/acme/domains"),
            ("POST", "/tenants/acme/domains"),
            ("DELETE", "/tenants/acme/domains/acme.example"),
            ("POST", "/tenants/acme/domains/acme.example/verify"),
            ("GET", "/tenants/acme/audit-events"),
        ] {
            let (status, media_type, body) = said(method, &format!("/api/v1{path}")).await;
            assert_eq!((status, media_type.as_str()), (401, PROBLEM), "{method} {path}");
            assert_eq!(body["code"], "unauthenticated", "{method} {path}");
        }
        assert_eq!(said("GET", "/api/v1/openapi.json").await.0, 200);
    }

    #[actix_web::test]
    async fn each_door_refuses_unknown_addresses_and_methods_in_its_voice() {
        for (method, path, status, media_type) in [
            ("GET", "/scim/v2/Printers", 404, SCIM),
            ("GET", "/scim/v1/Users", 404, SCIM),
            ("GET", "/scim", 404, SCIM),
            ("BREW", "/scim/v2/Users", 405, SCIM),
            ("DELETE", "/scim/v2/Schemas", 405, SCIM),
            ("GET", "/api/v1/nothing", 404, PROBLEM),
            ("GET", "/api/v2/tenants", 404, PROBLEM),
            ("PATCH", "/api/v1/tenants", 405, PROBLEM),
            ("POST", "/session", 405, PROBLEM),
            ("GET", "/logout", 405, PROBLEM),
            ("GET", "/session", 401, PROBLEM),
            ("GET", "/login", 200, "text/html; charset=utf-8"),
            ("PUT", "/login", 405, "text/html; charset=utf-8"),
            ("GET", "/login/Not%20a%20slug", 404, "text/html; charset=utf-8"),
            ("POST", "/login/acme", 405, "text/html; charset=utf-8"),
            ("GET", "/oidc/acme/entra/callback", 400, "text/html; charset=utf-8"),
            ("GET", "/oidc/acme/entra/callback?state=a&state=b", 400, "text/html; charset=utf-8"),
            ("GET", "/nowhere", 404, PROBLEM),
            ("GET", "/", 404, PROBLEM),
        ] {
            let (said_status, said_type, _) = said(method, path).await;
            assert_eq!((said_status, said_type.as_str()), (status, media_type), "{method} {path}");
        }
    }

    #[actix_web::test]
    async fn discovery_is_open_and_takes_no_filter() {
        for path in ["ServiceProviderConfig", "ResourceTypes", "Schemas", "ResourceTypes/User"] {
            let (status, media_type, _) = said("GET", &format!("/scim/v2/{path}")).await;
            assert_eq!((status, media_type.as_str()), (200, SCIM), "{path}");
            assert_eq!(said("GET", &format!("/scim/v2/{path}?filter=id+pr")).await.0, 403, "{path}");
        }
        let user = "urn%3Aietf%3Aparams%3Ascim%3Aschemas%3Acore%3A2.0%3AUser";
        assert_eq!(said("GET", &format!("/scim/v2/Schemas/{user}")).await.2["name"], "User");
        assert_eq!(said("GET", "/scim/v2/Schemas/urn:nothing").await.0, 404);
        assert_eq!(said("GET", "/scim/v2/ResourceTypes/Printer").await.0, 404);
        assert_eq!(said("GET", "/scim/v2/ServiceProviderConfig").await.2["bulk"]["supported"], true);
    }

    #[actix_web::test]
    async fn without_a_database_a_known_shape_of_credential_is_told_to_return() {
        let tenant = TenantId::from_uuid(uuid::Uuid::nil());
        let token = PlainToken::mint(TokenKind::Scim, Some(tenant), &CountingEntropy::new());
        let bearer = ("authorization", format!("Bearer {}", token.expose()));

        let response = ask(TestRequest::get().uri("/scim/v2/Users").insert_header(bearer)).await;

        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "1");
        assert_eq!(response.headers().get("content-type").unwrap(), SCIM);
    }

    #[actix_web::test]
    async fn a_session_or_browser_token_is_no_credential() {
        let tenant = TenantId::from_uuid(uuid::Uuid::nil());
        for kind in [TokenKind::Session, TokenKind::Browser] {
            let token = PlainToken::mint(kind, Some(tenant), &CountingEntropy::new());
            for path in ["/scim/v2/Users", "/api/v1/tenants", "/api/v1/tenants/acme/users"] {
                let bearer = ("authorization", format!("Bearer {}", token.expose()));
                let response = ask(TestRequest::get().uri(path).insert_header(bearer)).await;
                assert_eq!(response.status().as_u16(), 401, "{kind:?} {path}");
                let challenge = response.headers().get("www-authenticate").unwrap().to_str().unwrap();
                assert!(challenge.contains("invalid_token"), "{challenge}");
            }
        }
    }

    #[actix_web::test]
    async fn signing_out_without_a_session_takes_the_cookie_back() {
        let response = ask(TestRequest::post().uri("/logout")).await;

        assert_eq!(response.status().as_u16(), 204);
        let cookie = response.headers().get("set-cookie").unwrap().to_str().unwrap();
        assert!(cookie.starts_with("__Host-usher=;") && cookie.contains("Max-Age=0"), "{cookie}");
        let foreign = TestRequest::post().uri("/logout").insert_header(("sec-fetch-site", "cross-site"));
        assert_eq!(ask(foreign).await.status().as_u16(), 403);
    }
}
