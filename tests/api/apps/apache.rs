//! Apache with `mod_auth_openidc`, a relying party that the OpenID Foundation has certified: it signs people in, refreshes, signs them
//! out, and hears of sessions that end elsewhere.

use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::{Value, json};

use super::world::World;
use crate::support::apache::{self, Party};
use crate::support::http::{PUBLIC, Reply};
use crate::support::program::{Program, free_port};
use crate::support::provider::Browser;
use crate::support::receiver::{Got, Receiver, courier};
use crate::support::run;

/// An Apache in front of a page, and a browser in which somebody is signed in at Usher.
struct Site {
    world: World,
    browser: Browser,
    origin: String,
    /// What stands behind it.
    page: Receiver,
    _apache: Program,
}

impl Site {
    /// With an app that is registered so, beside where it is.
    async fn with(change: Value, more: &str) -> Self {
        let port = free_port();
        let origin = format!("http://localhost:{port}");
        let mut new = json!({
            "redirectUris": [format!("{origin}/oidc")],
            "postLogoutRedirectUris": [format!("{origin}/oidc?bye")],
            "backchannelLogoutUri": format!("{origin}/oidc?logout=backchannel"),
        });
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let world = World::with(new).await;
        let page = Receiver::answering(|got| (200, got.asked.clone()));
        let behind = Url::parse(&page.address).unwrap();
        let apache = apache::start(&Party {
            port,
            issuer: &world.issuer(),
            client_id: &world.app,
            secret: world.secret.as_deref().unwrap(),
            server: &world.server,
            behind: &format!("127.0.0.1:{}", behind.port().unwrap()),
            more,
        });
        let browser = Browser::new();
        browser.hold(&world.cookie);
        Self { world, browser, origin, page, _apache: apache }
    }

    /// Where a browser ends that wants this, and what it is shown there.
    async fn visit(&self, address: &str) -> Reply {
        let mut reply = self.browser.get_page(address).await;
        for _ in 0..10 {
            if !(300..400).contains(&reply.status) {
                break;
            }
            let here = reply.asked.split_once(' ').unwrap().1;
            let next = Url::parse(here).unwrap().join(reply.header("location")).unwrap();
            reply = self.browser.get_page(next.as_str()).await;
        }
        reply
    }

    /// Signs in by opening a page, and returns what the page was told.
    async fn sign_in(&self) -> Got {
        let wanted = format!("{}/plan?week=47", self.origin);
        let sent = self.browser.get_page(&wanted).await.is(302);
        assert!(sent.header("location").starts_with(&format!("{}/authorize?", self.world.issuer())));
        let shown = self.visit(&wanted).await.is(200);
        assert_eq!((shown.asked, shown.text), (format!("GET {wanted}"), "GET /plan?week=47".to_owned()));
        self.page.got().last().cloned().unwrap()
    }

    /// Whether the page is shown without another sign-in.
    async fn is_in(&self) -> bool {
        let reply = self.browser.get_page(&format!("{}/plan", self.origin)).await;
        (reply.status, reply.text.as_str()) == (200, "GET /plan")
    }
}

#[test]
fn apache_signs_somebody_in_tells_the_page_and_signs_them_out_everywhere() {
    run(async {
        for alg in ["ES256", "RS256"] {
            signs_in_and_out(alg).await;
        }
    });
}

async fn signs_in_and_out(alg: &str) {
    let only = format!("OIDCIDTokenSignedResponseAlg {alg}");
    let site = Site::with(json!({"idTokenSigningAlg": alg}), &only).await;

    let told = site.sign_in().await;

    assert_eq!(told.header("oidc_claim_sub"), site.world.user);
    assert_eq!(told.header("oidc_claim_preferred_username"), "alice");
    assert_eq!(told.header("oidc_claim_roles"), "general");
    assert!(site.is_in().await);

    let leave = format!("{}/oidc?logout={}", site.origin, "https%3A%2F%2Felsewhere.example%2F");
    assert_ne!(site.browser.get_page(&leave).await.status, 302, "nobody is sent to another host");
    let bye = format!("{}/oidc?bye", site.origin);
    let leave = Url::parse_with_params(&format!("{}/oidc", site.origin), [("logout", &bye)]).unwrap();
    let sent = site.browser.get_page(leave.as_str()).await.is(302);
    assert!(sent.header("location").starts_with(&format!("{PUBLIC}/op/")), "{}", sent.header("location"));
    let back = site.browser.get_page(sent.header("location")).await.is(303);
    assert_eq!(back.header("location"), bye);
    assert!(!site.is_in().await);
    let session = site.browser.get(&format!("{PUBLIC}/session")).await;
    assert_eq!(session.status, 401, "signed out here, too: {}", session.text);
}

#[test]
fn apache_believes_no_id_token_by_another_algorithm_than_the_one_that_it_reads() {
    run(async {
        let site = Site::with(json!({}), "OIDCIDTokenSignedResponseAlg RS256").await;

        let shown = site.visit(&format!("{}/plan", site.origin)).await;

        assert!(shown.text.contains("Error"), "{}", shown.text);
        assert!(!site.is_in().await);
        let came: Vec<String> = site.page.got().iter().map(|got| got.asked.clone()).collect();
        assert!(came.is_empty(), "{came:?}");
    });
}

/// The tokens are good for a minute, and within the last minute of theirs Apache refreshes: at each request. Nothing is told to it of
/// the end.
#[test]
fn apache_refreshes_and_lets_nobody_in_whose_session_has_ended() {
    run(async {
        let site = Site::with(json!({"tokenSeconds": 60, "backchannelLogoutUri": null}), "").await;
        let first = site.sign_in().await;
        let token = |got: &Got| got.header("oidc_access_token").to_owned();
        tokio::time::sleep(Duration::from_millis(1_100)).await;

        assert!(site.is_in().await);
        let second = token(site.page.got().last().unwrap());
        assert_ne!(second, token(&first), "refreshed");
        assert!(site.world.userinfo(&second).await.status == 200);

        site.world.doors.set_active(&site.world.user, false).await;

        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let before = site.page.got().len();
        assert!(!site.is_in().await);
        assert_eq!(site.page.got().len(), before, "nothing came through");
    });
}

#[test]
fn apache_hears_that_a_session_ended_elsewhere() {
    run(async {
        courier();
        let only = "OIDCIDTokenSignedResponseAlg RS256";
        let site = Site::with(json!({"idTokenSigningAlg": "RS256"}), only).await;
        site.sign_in().await;
        assert!(site.is_in().await);

        site.world.doors.set_active(&site.world.user, false).await;

        let log = format!("/receivers/{}/deliveries", site.world.app);
        let began = Instant::now();
        loop {
            let log = site.world.doors.api.get(&log).await.is(200).json();
            if !site.is_in().await && log["items"][0]["state"] == "done" {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "not told, or not believed: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}
