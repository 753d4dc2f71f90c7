//! Tokens that are bound to a key (RFC 9449): what a proof must be, what is bound to it, and that without it what was stolen opens
//! nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::token::TokenHash;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sso::op::TokenKind;

use super::world::{CALLBACK, VERIFIER, World, answer, error, later};
use crate::support::http::{Reply, agent, text};
use crate::support::run;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A key of an app.
struct Holder(EcKey<Private>);

impl Holder {
    fn fresh() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self(EcKey::generate(&group).unwrap())
    }

    fn jwk(&self) -> Value {
        let mut ctx = BigNumContext::new().unwrap();
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        self.0.public_key().affine_coordinates(self.0.group(), &mut x, &mut y, &mut ctx).unwrap();
        let part = |number: &BigNum| URL_SAFE_NO_PAD.encode(number.to_vec_padded(32).unwrap());
        json!({"kty": "EC", "crv": "P-256", "x": part(&x), "y": part(&y)})
    }

    fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        URL_SAFE_NO_PAD.encode(TokenHash::of(&canonical).as_bytes())
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = EcdsaSig::sign(TokenHash::of(&signed).as_bytes(), &self.0).unwrap();
        let numbers = [signature.r(), signature.s()].map(|number| number.to_vec_padded(32).unwrap());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(numbers.concat()))
    }

    /// A proof for this method at this endpoint, used once by the tests.
    fn proof(&self, world: &World, method: &str, endpoint: &str) -> String {
        self.sign(&claims(world, method, endpoint))
    }

    /// A proof beside an access token at userinfo.
    fn beside(&self, world: &World, method: &str, token: &str) -> String {
        let mut claims = claims(world, method, "userinfo");
        claims["ath"] = json!(URL_SAFE_NO_PAD.encode(TokenHash::of(token).as_bytes()));
        self.sign(&claims)
    }
}

fn claims(world: &World, method: &str, endpoint: &str) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = format!("proof {} of {}", NEXT.fetch_add(1, Ordering::Relaxed), world.app);
    let now = crate::support::app().now().timestamp();
    json!({"jti": id, "htm": method, "htu": format!("{}/{endpoint}", world.issuer()), "iat": now})
}

/// A form to an endpoint with these proofs in its headers.
async fn ask(world: &World, endpoint: &str, form: &[(&str, &str)], proofs: &[&str]) -> Reply {
    let mut request = agent().post(world.at(endpoint));
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    let request = match &world.secret {
        Some(secret) => request.basic_auth(&world.app, Some(secret)).form(form),
        None => request.form(&[form, &[("client_id", world.app.as_str())]].concat()),
    };
    Reply::of(format!("POST {endpoint}"), request).await
}

async fn exchange(world: &World, code: &str, proofs: &[&str]) -> Reply {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    ask(world, "token", &form, proofs).await
}

async fn refresh(world: &World, token: &Value, proofs: &[&str]) -> Reply {
    let token = text(token);
    ask(world, "token", &[("grant_type", "refresh_token"), ("refresh_token", &token)], proofs).await
}

/// Tokens that are bound to this holder's key.
async fn bound(world: &World, holder: &Holder) -> Value {
    let proof = holder.proof(world, "POST", "token");
    exchange(world, &world.code().await, &[&proof]).await.is(200).json()
}

async fn userinfo(world: &World, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Reply {
    Reply::of("GET userinfo".to_owned(), change(agent().get(world.at("userinfo")))).await
}

/// Shown with a proof.
async fn shown(world: &World, token: &str, proof: &str) -> Reply {
    userinfo(world, |request| request.header("authorization", format!("DPoP {token}")).header("dpop", proof))
        .await
}

#[track_caller]
fn refused(reply: &Reply, code: &str) {
    error(reply, 401, code);
    let challenge = reply.header("www-authenticate");
    assert_eq!(challenge, format!("DPoP error=\"{code}\", algs=\"ES256 RS256 PS256 EdDSA\""));
}

async fn public() -> World {
    World::with(json!({"proof": "none"})).await
}

/// RFC 9449 §5, §6.1, §7.1.
#[test]
fn a_token_is_bound_to_the_key_that_its_app_holds() {
    run(async {
        for world in [public().await, World::new().await] {
            let holder = Holder::fresh();

            let tokens = bound(&world, &holder).await;

            assert_eq!(tokens["token_type"], "DPoP");
            let access = text(&tokens["access_token"]);
            let said = world.claims(&tokens["access_token"], TokenKind::Access).await;
            assert_eq!(said["cnf"], json!({"jkt": holder.thumbprint()}));
            let info = shown(&world, &access, &holder.beside(&world, "GET", &access)).await.is(200).json();
            assert_eq!(info["sub"], world.user);
            let post = agent()
                .post(world.at("userinfo"))
                .header("authorization", format!("dpop {access}"))
                .header("dpop", holder.beside(&world, "POST", &access));
            Reply::of("POST userinfo".to_owned(), post).await.is(200);
        }
    });
}

/// RFC 9449 §7.1: shown without a proof, with that of another key, method, address or token; §7.2: or as a bearer token.
#[test]
fn whoever_stole_a_token_that_is_bound_has_nothing_of_it() {
    run(async {
        let world = public().await;
        let (holder, thief) = (Holder::fresh(), Holder::fresh());
        let tokens = bound(&world, &holder).await;
        let access = text(&tokens["access_token"]);

        refused(&world.userinfo(&access).await, "invalid_token");
        let form = agent().post(world.at("userinfo")).form(&[("access_token", access.as_str())]);
        refused(&Reply::of("POST userinfo".to_owned(), form).await, "invalid_token");
        refused(&shown(&world, &access, &thief.beside(&world, "GET", &access)).await, "invalid_dpop_proof");
        let bare = |request: RequestBuilder| request.header("authorization", format!("DPoP {access}"));
        refused(&userinfo(&world, bare).await, "invalid_dpop_proof");
        let twice = |request: RequestBuilder| {
            bare(request)
                .header("dpop", holder.beside(&world, "GET", &access))
                .header("dpop", holder.beside(&world, "GET", &access))
        };
        refused(&userinfo(&world, twice).await, "invalid_dpop_proof");
        let another = text(&bound(&world, &holder).await["access_token"]);
        for wrong in [
            holder.beside(&world, "POST", &access),
            holder.beside(&world, "GET", &another),
            holder.proof(&world, "GET", "userinfo"),
            holder.proof(&world, "GET", "token"),
            "nonsense".to_owned(),
        ] {
            refused(&shown(&world, &access, &wrong).await, "invalid_dpop_proof");
        }
        // RFC 9449 §11.1: and what was seen on the wire is good no second time.
        let proof = holder.beside(&world, "GET", &access);
        shown(&world, &access, &proof).await.is(200);
        refused(&shown(&world, &access, &proof).await, "invalid_dpop_proof");
        let unbound = text(&world.tokens().await["access_token"]);
        refused(&shown(&world, &unbound, &holder.beside(&world, "GET", &unbound)).await, "invalid_token");
        world.userinfo(&unbound).await.is(200);
    });
}

/// RFC 9449 §4.3 at the token endpoint; whoever gets nothing has not used up the code either.
#[test]
fn a_proof_that_does_not_hold_gets_no_tokens() {
    run(async {
        let mut world = public().await;
        let (holder, code) = (Holder::fresh(), world.code().await);
        let with = |name: &str, value: Value| {
            let mut claims = claims(&world, "POST", "token");
            claims[name] = value;
            holder.sign(&claims)
        };
        let (first, second) = (holder.proof(&world, "POST", "token"), holder.proof(&world, "POST", "token"));
        let now = crate::support::app().now().timestamp();
        let other = format!("{}/token", world.issuer().replace("/op/", "/op/not-"));
        for proofs in [
            vec![first.clone(), second],
            vec![String::new()],
            vec![holder.proof(&world, "GET", "token")],
            vec![holder.proof(&world, "POST", "userinfo")],
            vec![with("htu", json!(other))],
            vec![with("iat", json!(now - 600))],
            vec![with("iat", json!(now + 600))],
            vec![with("jti", json!(""))],
            vec![format!("{first}x")],
        ] {
            let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
            error(&exchange(&world, &code, &proofs).await, 400, "invalid_dpop_proof");
        }

        exchange(&world, &code, &[&first]).await.is(200);
        let code = world.code().await;
        error(&exchange(&world, &code, &[&first]).await, 400, "invalid_dpop_proof");
        let (_serving, server) = later(119);
        world.server = server;
        error(&exchange(&world, &code, &[&first]).await, 400, "invalid_dpop_proof");
    });
}

/// RFC 9449 §5: that of an app with a secret is bound to the secret.
#[test]
fn a_refresh_token_of_an_app_without_a_secret_is_bound_to_its_key() {
    run(async {
        let (world, holder, thief) = (public().await, Holder::fresh(), Holder::fresh());
        let tokens = bound(&world, &holder).await;
        let token = &tokens["refresh_token"];

        error(&refresh(&world, token, &[]).await, 400, "invalid_dpop_proof");
        let stolen = thief.proof(&world, "POST", "token");
        error(&refresh(&world, token, &[&stolen]).await, 400, "invalid_dpop_proof");
        let own = holder.proof(&world, "POST", "token");
        let next = refresh(&world, token, &[&own]).await.is(200).json();
        assert_eq!(next["token_type"], "DPoP");
        error(&refresh(&world, &next["refresh_token"], &[]).await, 400, "invalid_dpop_proof");
        let own = holder.proof(&world, "POST", "token");
        refresh(&world, &next["refresh_token"], &[&own]).await.is(200);

        let world = World::new().await;
        let tokens = bound(&world, &holder).await;
        let another = thief.proof(&world, "POST", "token");
        let next = refresh(&world, &tokens["refresh_token"], &[&another]).await.is(200).json();
        let said = world.claims(&next["access_token"], TokenKind::Access).await;
        assert_eq!(said["cnf"]["jkt"], thief.thumbprint());
        let last = refresh(&world, &next["refresh_token"], &[]).await.is(200).json();
        assert_eq!(last["token_type"], "Bearer");
    });
}

/// RFC 9449 §10: whoever has the code and the verifier has not the key; §10.1: and for a request that is pushed.
#[test]
fn a_code_can_be_bound_to_a_key_before_it_is_there() {
    run(async {
        let (world, holder, thief) = (World::new().await, Holder::fresh(), Holder::fresh());
        let thumbprint = holder.thumbprint();
        let code = world.code_for(&[("dpop_jkt", &thumbprint)]).await;
        error(&exchange(&world, &code, &[]).await, 400, "invalid_grant");
        let stolen = thief.proof(&world, "POST", "token");
        error(&exchange(&world, &code, &[&stolen]).await, 400, "invalid_grant");
        let own = holder.proof(&world, "POST", "token");
        exchange(&world, &code, &[&own]).await.is(200);
        let said = answer(&world.authorize(&[("dpop_jkt", "short")]).await.is(303));
        assert_eq!(said["error"], "invalid_request");

        let request = world.request(&[]);
        let form: Vec<(&str, &str)> = request.iter().map(|(name, value)| (&**name, &**value)).collect();
        let named = [&form[..], &[("dpop_jkt", thumbprint.as_str())]].concat();
        let other = thief.proof(&world, "POST", "par");
        error(&ask(&world, "par", &named, &[&other]).await, 400, "invalid_dpop_proof");
        let wrong = holder.proof(&world, "POST", "token");
        error(&ask(&world, "par", &form, &[&wrong]).await, 400, "invalid_dpop_proof");
        for form in [&form, &named] {
            let proof = holder.proof(&world, "POST", "par");
            let pushed = ask(&world, "par", form, &[&proof]).await.is(201).json();
            let name = [
                ("client_id".to_owned(), world.app.clone()),
                ("request_uri".to_owned(), text(&pushed["request_uri"])),
            ];
            let code =
                answer(&world.authorize_with(&name, Some(&world.cookie)).await.is(303))["code"].clone();
            error(&exchange(&world, &code, &[]).await, 400, "invalid_grant");
            let own = holder.proof(&world, "POST", "token");
            exchange(&world, &code, &[&own]).await.is(200);
        }
    });
}

/// RFC 9449 §6.2, and §5.2: `dpop_bound_access_tokens`; of devices and of an app's own tokens, too.
#[test]
fn whoever_asks_about_a_bound_token_is_told_its_key_and_an_app_may_have_no_others() {
    run(async {
        let holder = Holder::fresh();
        let world = World::with(
            json!({"dpopBoundAccessTokens": true, "deviceFlow": true, "ownTokens": true, "resources": ["https://api.example/"]}),
        )
        .await;
        let public = world.another(json!({"proof": "none", "resources": ["https://api.example/"]})).await;
        let code = world.code().await;
        error(&exchange(&world, &code, &[]).await, 400, "invalid_dpop_proof");
        let (own, proof) = ([("grant_type", "client_credentials")], holder.proof(&world, "POST", "token"));
        error(&ask(&world, "token", &own, &[]).await, 400, "invalid_dpop_proof");
        let own = ask(&world, "token", &own, &[&proof]).await.is(200).json();
        let device = world.ask("device-authorization", &[("scope", "openid")]).await.is(200).json();
        let form = [("grant_type", GRANT), ("device_code", device["device_code"].as_str().unwrap())];
        error(&ask(&world, "token", &form, &[]).await, 400, "invalid_dpop_proof");
        let proof = holder.proof(&world, "POST", "token");
        error(&ask(&world, "token", &form, &[&proof]).await, 400, "authorization_pending");

        let bound_to = json!({"jkt": holder.thumbprint()});
        let code = public.code_for(&[("resource", "https://api.example/")]).await;
        let proof = holder.proof(&public, "POST", "token");
        let tokens = exchange(&public, &code, &[&proof]).await.is(200).json();
        for token in [&own["access_token"], &tokens["access_token"]] {
            let said = world.introspect(&text(token)).await;
            assert_eq!((&said["token_type"], &said["cnf"]), (&json!("DPoP"), &bound_to), "{said}");
        }
    });
}
