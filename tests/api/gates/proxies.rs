//! A real nginx and a real Caddy in front of an app that knows nothing of us, set up as the page about them says.

use reqwest::Url;
use serde_json::json;

use super::world::World;
use crate::support::http::{Doors, PUBLIC, Reply, base};
use crate::support::people::Tenant;
use crate::support::program::free_port;
use crate::support::provider::{Browser, provider};
use crate::support::proxy::{Kind, Proxy, origin};
use crate::support::receiver::{Got, Receiver};
use crate::support::run;

/// A host behind a proxy.
struct Behind {
    world: World,
    proxy: Proxy,
    /// What stands there: it shows everybody what it was asked.
    app: Receiver,
    origin: String,
}

impl Behind {
    async fn start(kind: Kind) -> Self {
        let port = free_port();
        let rules = json!([
            {"path": "/"},
            {"path": "/public", "public": true},
            {"path": "/admin", "adminLevel": "admin"},
        ]);
        let world = World::with(json!({origin(port): rules})).await;
        Self::with(world, kind, port)
    }

    fn with(world: World, kind: Kind, port: u16) -> Self {
        let app = Receiver::answering(|got| (200, got.asked.clone()));
        let behind = Url::parse(&app.address).unwrap();
        let behind = format!("127.0.0.1:{}", behind.port().unwrap());
        let usher = base().strip_prefix("http://").unwrap();
        let proxy = Proxy::start(kind, port, &world.secret, usher, &behind);
        Self { world, proxy, app, origin: origin(port) }
    }

    /// The cookie of a pass.
    async fn pass(&self) -> String {
        self.world.pass_at(&self.origin).await
    }

    /// What the app was asked last.
    fn last(&self) -> Got {
        self.app.got().last().cloned().expect("nothing came to the app")
    }

    /// Nothing of it reaches the app.
    #[track_caller]
    fn is_refused(&self, target: &str, headers: &[&str], status: u16) {
        let before = self.app.got().len();
        let (said, answer) = self.proxy.get(target, headers);
        assert_eq!(said, status, "{target} {headers:?}: {answer}");
        assert_eq!(self.app.got().len(), before, "{target} came through");
    }
}

/// All that the app was told under a name, whatever its hyphens are.
fn told(got: &Got, name: &str) -> Vec<String> {
    let is_it = |known: &str| known.replace('_', "-").eq_ignore_ascii_case(name);
    got.headers.iter().filter(|(known, _)| is_it(known)).map(|(_, value)| value.clone()).collect()
}

/// Follows redirects until there are none.
async fn follow(browser: &Browser, mut reply: Reply) -> Reply {
    while (300..400).contains(&reply.status) {
        let here = reply.asked.split_once(' ').unwrap().1;
        let next = Url::parse(here).unwrap().join(reply.header("location")).unwrap();
        reply = browser.get_page(next.as_str()).await;
    }
    reply
}

#[test]
fn somebody_signs_in_through_their_provider_and_comes_back_to_the_page_that_they_wanted() {
    run(async {
        for kind in Kind::ALL {
            let port = free_port();
            let doors = Doors::of(Tenant::named(&provider().slug()).await).await;
            doors.connection("op", &provider().issuer).await;
            let world = World::of(doors, json!({origin(port): [{"path": "/"}]})).await;
            // One way in, so that nobody is asked which.
            world.doors.api.change("/connections/x", json!({"state": "paused"})).await.is(200);
            let there = Behind::with(world, kind, port);
            let browser = Browser::new();

            let wanted = format!("{}/wiki/Page?version=2&x=%2F", there.origin);
            let sent = browser.get_page(&wanted).await.is(303);
            let slug = &there.world.doors.tenant.slug;
            let callback = browser.until_callback_from(sent.header("location"), slug, "alice").await;
            let page = follow(&browser, browser.get_page(&callback).await).await;

            assert_eq!(
                (page.status, page.asked.as_str()),
                (200, format!("GET {wanted}").as_str()),
                "{kind:?}"
            );
            assert_eq!(page.text, "GET /wiki/Page?version=2&x=%2F", "{kind:?}");
            assert_eq!(told(&there.last(), "x-usher-name"), ["alice"], "{kind:?}");
            browser.get_page(&wanted).await.is(200);

            let leave = browser.get_page(&format!("{}/.usher/sign-out", there.origin)).await.is(303);
            let leave = leave.header("location").to_owned();
            assert_eq!(leave, format!("{PUBLIC}/op/{}/end-session", there.world.doors.tenant.slug));
            assert!(browser.get(&leave).await.is(200).text.contains("<form"), "they are asked");
            browser.get_page(&wanted).await.is(303);
        }
    });
}

#[test]
fn a_leaver_is_refused_in_the_very_next_request_through_the_proxy() {
    run(async {
        for kind in Kind::ALL {
            let there = Behind::start(kind).await;
            let cookie = format!("Cookie: {}", there.pass().await);
            assert_eq!(there.proxy.get("/page", &[&cookie]).0, 200, "{kind:?}");

            there.world.doors.set_active(&there.world.user, false).await;

            there.is_refused("/page", &[&cookie], 401);
        }
    });
}

#[test]
fn whoever_is_not_let_through_is_told_in_a_way_that_they_understand() {
    run(async {
        for kind in Kind::ALL {
            let there = Behind::start(kind).await;
            let cookie = format!("Cookie: {}", there.pass().await);
            let (html, problem) = ("Content-Type: text/html", "application/problem+json");
            let contains = |answer: &str, what: &str| {
                assert!(answer.to_lowercase().contains(&what.to_lowercase()), "{kind:?} {what}: {answer}");
            };

            let (status, answer) = there.proxy.get("/page", &["Accept: application/json"]);
            assert_eq!(status, 401, "{kind:?}");
            contains(&answer, problem);
            let (status, answer) = there.proxy.get("/page?a=b", &["Accept: text/html"]);
            assert_eq!(status, 303, "{kind:?}: {answer}");
            contains(&answer, &format!("Location: {PUBLIC}/op/"));
            contains(&answer, "Set-Cookie: usher-way=");
            let (status, answer) = there.proxy.get("/admin", &["Accept: text/html", &cookie]);
            assert_eq!(status, 403, "{kind:?}");
            contains(&answer, html);
            contains(&answer, "not-allowed");
            let (status, answer) = there.proxy.get("/admin", &[&cookie]);
            assert_eq!(status, 403, "{kind:?}");
            contains(&answer, problem);
            let host = there.origin.strip_prefix("http://").unwrap();
            let (line, host) = ("POST /page HTTP/1.1", format!("Host: {host}"));
            let post = [line, &host, "Accept: text/html", "Content-Length: 0", "Connection: close"];
            assert_eq!(there.proxy.raw(&post).0, 401, "{kind:?}: what was sent is not sent round");
            let with_pass = [&post[..], &[cookie.as_str()]].concat();
            assert_eq!(there.proxy.raw(&with_pass).0, 200, "{kind:?}");
            assert_eq!(there.last().asked, "POST /page", "{kind:?}");
            let (status, _) = there.proxy.get("/public/logo.svg", &[]);
            assert_eq!(status, 200, "{kind:?}");
            assert!(told(&there.last(), "x-usher-user").iter().all(String::is_empty), "{kind:?}");
        }
    });
}

#[test]
fn nothing_that_a_client_says_of_itself_comes_through() {
    run(async {
        for kind in Kind::ALL {
            let there = Behind::start(kind).await;
            let cookie = format!("Cookie: {}", there.pass().await);
            let smuggled = [
                "X-Usher-User: admin",
                "x-usher-user: admin",
                "X-USHER-USER: admin",
                "X_Usher_User: admin",
                "X-Usher_User: admin",
                "X_USHER-USER: admin",
                "X-Usher-Roles: admin",
                "X-Usher-Roles: owner",
                "X_Usher_Roles: admin",
                "X-Usher-Email: admin@acme.example",
                "X-Usher-Tenant: other",
                "X-Usher-Session: 0",
                "X-Usher-Name: admin",
                "X-Original-URL: /admin",
                "X-Rewrite-URL: /admin",
                "X-Forwarded-Uri: /public/x",
                "X-Forwarded-Method: OPTIONS",
                "X-Forwarded-Prefix: /admin",
                "X-Forwarded-Host: evil.example",
                "X-Forwarded-Proto: https",
                "X-Forwarded-For: 10.0.0.1",
                "Forwarded: for=10.0.0.1;host=evil.example;proto=https",
            ];

            let with_pass = [&smuggled[..], &[cookie.as_str()]].concat();
            let (status, answer) = there.proxy.get("/page", &with_pass);

            assert_eq!(status, 200, "{kind:?}: {answer}");
            let got = there.last();
            assert_eq!(told(&got, "x-usher-user"), [there.world.user.as_str()], "{kind:?}");
            assert_eq!(told(&got, "x-usher-name"), ["alice"], "{kind:?}");
            assert_eq!(told(&got, "x-usher-tenant"), [there.world.doors.tenant.slug.as_str()], "{kind:?}");
            let all = format!("{:?}", got.headers);
            for left in ["admin", "owner", "evil", "10.0.0.1", "/public", "OPTIONS"] {
                assert!(!all.contains(left), "{kind:?}: {left} in {all}");
            }

            // Without a pass none of it opens anything; where everybody gets through, nobody is told that they are somebody.
            there.is_refused("/page", &smuggled, 401);
            let (status, _) = there.proxy.get("/public/x", &smuggled);
            assert_eq!(status, 200, "{kind:?}");
            let all = format!("{:?}", there.last().headers);
            assert!(!all.contains("admin") && !all.contains("owner"), "{kind:?}: {all}");
        }
    });
}

#[test]
fn what_is_served_is_what_was_judged_however_the_path_is_written() {
    run(async {
        for kind in Kind::ALL {
            let there = Behind::start(kind).await;
            let cookie = format!("Cookie: {}", there.pass().await);
            for path in [
                "/public/../admin",
                "/public/%2e%2e/admin",
                "/public/.%2E/admin",
                "/public/..%2fadmin",
                "/public%2f..%2fadmin",
                "/public/%252e%252e/admin",
                "/public/..%5cadmin",
                "/public/..\\admin",
                "/public/..;/admin",
                "/public;/../admin",
                "/public//admin",
                "//admin",
                "/./admin",
                "/public/%00/admin",
                "/public/%0d%0a",
                "/public/%c0%ae%c0%ae/admin",
                "/admin%3b",
            ] {
                let before = there.app.got().len();
                let (status, answer) = there.proxy.get(path, &[&cookie]);
                assert!(matches!(status, 400 | 403), "{kind:?} {path}: {status} {answer}");
                assert_eq!(there.app.got().len(), before, "{kind:?}: {path} came through");
            }
            for admin in ["/admin", "/ADMIN", "/%61dmin", "/admin/", "/Admin/x?y=/public"] {
                there.is_refused(admin, &[&cookie], 403);
            }
            for open in ["/public/a%20b?x=..%2f..", "/public/caf%C3%A9", "/pa%67e"] {
                assert_eq!(there.proxy.get(open, &[&cookie]).0, 200, "{kind:?} {open}");
                assert_eq!(there.last().asked, format!("GET {open}"), "{kind:?}: as it was written");
            }
        }
    });
}

#[test]
fn another_host_another_target_or_half_a_request_does_not_get_through() {
    run(async {
        for kind in Kind::ALL {
            let there = Behind::start(kind).await;
            let host = there.origin.strip_prefix("http://").unwrap().to_owned();
            let (own, before) = (format!("Host: {host}"), there.app.got().len());
            let absolute = "GET http://evil.example/public/x HTTP/1.1";
            for lines in [
                vec!["GET /public/x HTTP/1.1", "Host: evil.example", "Connection: close"],
                vec!["GET /public/x HTTP/1.1", "Connection: close"],
                vec!["GET /public/x HTTP/1.1", &own, "Host: evil.example", "Connection: close"],
                vec![absolute, "Host: evil.example", "Connection: close"],
                vec!["CONNECT evil.example:80 HTTP/1.1", "Host: evil.example:80", "Connection: close"],
                vec!["GET /public/x\u{0}y HTTP/1.1", &own, "Connection: close"],
            ] {
                let (status, answer) = there.proxy.raw(&lines);
                // A proxy that has no such host answers something of its own; nothing may come of it behind.
                if status == 200 {
                    assert!(answer.contains("Content-Length: 0"), "{kind:?} {lines:?}: {answer}");
                }
            }
            let came: Vec<String> = there.app.got()[before..].iter().map(|got| got.asked.clone()).collect();
            assert!(came.is_empty(), "{kind:?}: {came:?}");
        }
    });
}
