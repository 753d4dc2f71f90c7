//! The page where somebody says who they are by an address, and is sent to their connection by its domain.

use serde_json::json;

use crate::support::http::{Doors, PUBLIC};
use crate::support::people::Tenant;
use crate::support::provider::{Browser, provider};
use crate::support::{fresh_slug, run};

const LOGIN: &str = "http://127.0.0.1:9000/login";

/// A tenant with a connection `op` at the provider and a verified domain, and that domain.
async fn doors() -> (Doors, String) {
    let provider = provider();
    let doors = Doors::of(Tenant::named(&provider.slug()).await).await;
    doors.connection("op", &provider.issuer).await;
    let domain = format!("{}.example", fresh_slug());
    doors.verified_domain(&domain).await;
    (doors, domain)
}

async fn give(address: &str) -> crate::support::http::Reply {
    Browser::new().fill_in(LOGIN, &[("address", address)]).await
}

#[test]
fn an_address_is_asked_for_in_three_languages_without_a_script() {
    run(async {
        for (language, title, label) in [
            ("en", "Sign in", "E-mail address at work"),
            ("ja", "サインイン", "勤務先のメールアドレス"),
            ("fr", "Se connecter", "Adresse e-mail professionnelle"),
        ] {
            let mut browser = Browser::new();
            browser.language = language;

            let page = browser.get(&format!("{LOGIN}?return_to=/inbox\"><script>")).await.is(200);

            assert!(page.text.contains(&format!("<h1>{title}</h1>")), "{}", page.text);
            assert!(page.text.contains(&format!("<label for=\"address\">{label}</label>")), "{}", page.text);
            assert!(page.text.contains(&format!("<html lang=\"{language}\"")));
            assert!(!page.text.contains("<script"), "{}", page.text);
            let policy = page.header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{policy}"
            );
            assert_eq!(
                (page.header("cache-control"), page.header("content-language")),
                ("no-store", language)
            );
        }
    });
}

/// What is answered depends on the domain alone.
#[test]
fn nobody_learns_which_addresses_exist() {
    run(async {
        let (doors, domain) = doors().await;
        let somebody = format!("alice@{domain}");
        doors.person(json!({"userName": somebody, "emails": [{"value": somebody}]})).await;

        let known = give(&somebody).await.is(303);
        let unknown = give(&format!("nobody@{}", domain.to_uppercase())).await.is(303);

        assert_eq!(known.header("location"), format!("/login/{}/op", doors.tenant.slug));
        assert_eq!(known.header("location"), unknown.header("location"));
        for stranger in
            ["alice@nobodys.example", "alice", "alice@", "@", "a@b@", "", "alice@com", "alice@gmail.com"]
        {
            let page = give(stranger).await;
            if stranger.is_empty() {
                page.is(400);
            } else {
                let page = page.page(404, "role=\"alert\"");
                assert!(page.text.contains("aria-describedby=\"problem\"") && !page.text.contains("alice@"));
            }
        }
        doors.api.delete(&format!("/domains/{domain}")).await.is(204);
        give(&somebody).await.is(404);
    });
}

#[test]
fn a_deep_link_leads_to_its_place_behind_the_sign_in() {
    run(async {
        let (doors, domain) = doors().await;
        doors.user("alice").await;
        let slug = &doors.tenant.slug;
        let browser = Browser::new();
        let page = browser.get(&format!("{LOGIN}?return_to=%2Finbox%3Fx%3D1%26y")).await.is(200);
        assert!(page.text.contains("name=\"return_to\" value=\"/inbox?x=1&#38;y\""), "{}", page.text);

        let fields = [("address", format!("alice@{domain}")), ("return_to", "/inbox?x=1&y".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let sent = browser.fill_in(LOGIN, &fields).await.is(303).header("location").to_owned();
        let callback = browser.until_callback_from(&format!("{PUBLIC}{sent}"), slug, "alice").await;

        let back = browser.get(&callback).await.is(303);
        assert_eq!(back.header("location"), "https://app.example/inbox?x=1&y");
    });
}

#[test]
fn several_connections_are_chosen_from_by_name() {
    run(async {
        let (doors, domain) = doors().await;
        let slug = &doors.tenant.slug;
        for (name, issuer) in [("partners", "https://partners.example"), ("old", "https://old.example")] {
            doors.connection(name, issuer).await;
        }
        doors.api.change("/connections/partners", json!({"name": "Acme & <Partners>"})).await.is(200);
        doors.api.change("/connections/old", json!({"state": "paused"})).await.is(200);
        let address = format!("alice@{domain}");
        let own = format!("{PUBLIC}/login/{slug}");

        for page in [give(&address).await, Browser::new().get(&format!("{own}?return_to=/a")).await] {
            let page = page.is(200);
            assert!(page.text.contains("<h1>Choose how to sign in</h1>"), "{}", page.text);
            assert!(page.text.contains(&format!("href=\"/login/{slug}/op")), "{}", page.text);
            assert!(page.text.contains("Acme &#38; &#60;Partners&#62;"), "{}", page.text);
            assert!(!page.text.contains(&format!("/login/{slug}/old")), "{}", page.text);
        }
        let page = Browser::new().get(&format!("{own}?return_to=/a")).await.is(200);
        assert!(page.text.contains(&format!("href=\"/login/{slug}/op?return_to=%2Fa\"")), "{}", page.text);

        doors.api.change("/connections/partners", json!({"domains": [domain]})).await.is(200);
        let sent = give(&address).await.is(303);
        assert_eq!(sent.header("location"), format!("/login/{slug}/partners"));
        doors
            .api
            .change("/connections/op", json!({"domains": ["not a domain"]}))
            .await
            .problem(400, "invalid");
    });
}

#[test]
fn a_tenant_that_has_paused_every_connection_says_so() {
    run(async {
        let (doors, domain) = doors().await;
        doors.api.change("/connections/op", json!({"state": "paused"})).await.is(200);

        give(&format!("alice@{domain}")).await.page(403, "paused");
        let own = format!("{PUBLIC}/login/{}", doors.tenant.slug);
        Browser::new().get(&own).await.page(403, "paused");
    });
}

/// A product that does not see the session sends its people back as soon as they are in.
#[test]
fn a_browser_that_goes_round_in_circles_is_told_so_and_can_begin_anew() {
    run(async {
        let (doors, _) = doors().await;
        doors.user("alice").await;
        let (slug, browser) = (&doors.tenant.slug, Browser::new());
        for _ in 0..4 {
            browser.sign_in(slug, "alice").await.is(303);
        }

        let circle = browser.get(&format!("{LOGIN}/{slug}/op")).await.page(429, "going-round");

        assert!(circle.text.contains(&format!("href=\"/login/{slug}/op\"")), "{}", circle.text);
        browser.sign_in(slug, "alice").await.is(303);
        let connection = doors.api.get("/connections/op").await.is(200).id();
        let refused = doors.audit(&connection).await.pop().unwrap();
        assert_eq!(
            (&refused["action"], &refused["after"]["code"]),
            (&json!("login.refuse"), &json!("going-round"))
        );
    });
}

/// Other people, other connections and other browsers are not held up by somebody's circle.
#[test]
fn a_circle_is_one_browsers_at_one_connection() {
    run(async {
        let (doors, _) = doors().await;
        let slug = &doors.tenant.slug;
        doors.connection("other", &provider().issuer).await;
        let browser = Browser::new();
        for _ in 0..4 {
            browser.get(&format!("{LOGIN}/{slug}/op")).await.is(303);
        }

        // The provider knows no such connection, and says so.
        browser.get(&format!("{LOGIN}/{slug}/other")).await.page(502, "connection_misconfigured");
        Browser::new().get(&format!("{LOGIN}/{slug}/op")).await.is(303);

        browser.get(&format!("{PUBLIC}/oidc/{slug}/op/initiate?iss={}", provider().issuer)).await.is(429);
    });
}
