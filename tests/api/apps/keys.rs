//! The keys that sign what apps are told: who has which, how they follow each other, and apps that read RS256 alone.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value, json};
use sso::op::TokenKind;
use store::app_rsa_keys::AppRsaKeyRow;

use super::world::{World, later};
use crate::support::http::{Reply, agent, db, text};
use crate::support::run;

const MONTH: i64 = 30 * 24 * 60 * 60;

fn header(token: &Value) -> Value {
    let header = text(token).split('.').next().map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}

async fn published(world: &World) -> Vec<Value> {
    let keys = Reply::of("GET jwks.json".to_owned(), agent().get(world.at("jwks.json"))).await.is(200).json();
    keys["keys"].as_array().unwrap().clone()
}

fn named(keys: &[Value], kind: &str) -> BTreeSet<String> {
    keys.iter().filter(|key| key["kty"] == kind).map(|key| text(&key["kid"])).collect()
}

#[test]
fn an_app_that_reads_rs256_alone_gets_id_tokens_that_it_reads() {
    run(async {
        let world = World::with(json!({"idTokenSigningAlg": "RS256"})).await;

        let tokens = world.tokens().await;
        let refreshed = world.refresh(&text(&tokens["refresh_token"])).await.is(200).json();

        for tokens in [&tokens, &refreshed] {
            assert_eq!(header(&tokens["id_token"])["alg"], "RS256");
            assert_eq!(header(&tokens["access_token"])["alg"], "ES256", "APIs read what they always read");
            assert_eq!(world.claims(&tokens["id_token"], TokenKind::Id).await["sub"], world.user);
        }
        world.userinfo(&text(&refreshed["access_token"])).await.is(200);
        let hint = [("id_token_hint", text(&refreshed["id_token"]))];
        let leave = Url::parse_with_params(&world.at("end-session"), hint).unwrap();
        Reply::of("GET end-session".to_owned(), agent().get(leave)).await.is(200);
        world.userinfo(&text(&refreshed["access_token"])).await.is(401);
    });
}

#[test]
fn rsa_keys_are_published_where_an_app_wants_them_and_without_what_is_secret() {
    run(async {
        let plain = World::new().await;
        assert_eq!(named(&published(&plain).await, "RSA"), BTreeSet::new());
        let (rsa, other) = (
            plain.another(json!({"idTokenSigningAlg": "RS256"})).await,
            World::with(json!({"idTokenSigningAlg": "RS256"})).await,
        );

        let (keys, foreign) = (published(&rsa).await, published(&other).await);

        assert_eq!((named(&keys, "RSA").len(), named(&keys, "EC").len()), (2, 3), "no RSA key signed before");
        assert!(named(&keys, "RSA").is_disjoint(&named(&foreign, "RSA")), "each tenant has its own");
        for key in &keys {
            for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(key.get(secret).is_none(), "{secret}");
            }
        }
        assert_eq!(
            header(&plain.tokens().await["id_token"])["alg"],
            "ES256",
            "the other app's stay as they are"
        );
        let change = json!({"idTokenSigningAlg": "ES256"});
        let shown = rsa.doors.api.change(&format!("/apps/{}", rsa.app), change).await.is(200).json();
        assert_eq!(shown["idTokenSigningAlg"], "ES256");
        assert_eq!(header(&rsa.tokens().await["id_token"])["alg"], "ES256");
        for alg in ["HS256", "none", "rs256", ""] {
            let new =
                json!({"name": "App", "redirectUris": ["https://x.example/"], "idTokenSigningAlg": alg});
            assert_eq!(rsa.doors.api.post("/apps", new).await.status, 400, "{alg}");
        }
    });
}

/// A key for RS256 is made once and kept: of processes that need it at once the first decides, and one that begins later reads it. One
/// that was sealed by a key that is gone is replaced.
#[test]
fn all_processes_have_the_same_rsa_keys() {
    run(async {
        let mut world = World::with(json!({"idTokenSigningAlg": "RS256"})).await;
        let (first, second) = (later(0), later(0));
        let ask = |server: &str| {
            let at = world.at("jwks.json").replace(&world.server, server);
            async move { Reply::of("GET jwks.json".to_owned(), agent().get(at)).await.is(200).json() }
        };
        let (one, other) = tokio::join!(ask(&first.1), ask(&second.1));
        let of = |keys: &Value| named(keys["keys"].as_array().unwrap(), "RSA");

        assert_eq!((of(&one).len(), of(&one)), (2, of(&other)));
        let token = world.tokens().await;
        assert!(of(&one).contains(&text(&header(&token["id_token"])["kid"])), "the third reads what is kept");

        let scope = world.doors.tenant.admin.scope();
        let mut tx = db().begin(scope).await.unwrap();
        for row in store::app_rsa_keys::since(&mut tx, 0).await.unwrap() {
            store::app_rsa_keys::forget(&mut tx, &row).await.unwrap();
            let row = AppRsaKeyRow { key_sealed: vec![0; 64], ..row };
            store::app_rsa_keys::keep(&mut tx, &[row]).await.unwrap();
        }
        tx.commit_trace_of_use().await.unwrap();
        let (_serving, server) = later(0);
        world.server = server;
        let replaced = named(&published(&world).await, "RSA");
        assert!(replaced.len() == 2 && replaced.is_disjoint(&of(&one)));
    });
}

/// Of the three that are published, each is there for three months and signs in the second.
#[test]
fn keys_of_both_kinds_follow_each_other_by_themselves() {
    run(async {
        let mut world = World::with(json!({"idTokenSigningAlg": "RS256"})).await;
        let now = published(&world).await;
        let tokens = world.tokens().await;
        let mut later_on = Vec::new();
        let mut servers = Vec::new();
        for month in 1..=3 {
            let (serving, server) = later(month * MONTH);
            servers.push(serving);
            world.server = server;
            later_on.push(published(&world).await);
        }

        for (kind, token) in [("EC", "access_token"), ("RSA", "id_token")] {
            let signed = text(&header(&tokens[token])["kid"]);
            let of = |keys: &[Value]| named(keys, kind);
            assert!(of(&now).contains(&signed) && of(&later_on[0]).contains(&signed), "{kind}");
            assert!(!of(&later_on[1]).contains(&signed), "{kind}: two months later it is gone");
            assert_eq!(of(&now).intersection(&of(&later_on[0])).count(), 2, "{kind}");
            assert_eq!(of(&now).intersection(&of(&later_on[1])).count(), 1, "{kind}");
            assert!(of(&now).is_disjoint(&of(&later_on[2])), "{kind}");
        }
    });
}
