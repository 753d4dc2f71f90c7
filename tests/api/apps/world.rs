//! A tenant with an app and somebody who is signed in, and what an app does: requests, exchanges, questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::token::TokenHash;
use reqwest::{RequestBuilder, Url};
use serde_json::{Map, Value, json};
use sso::op::{self, TokenKind};

use crate::support::http::{COOKIE, Client, Doors, PUBLIC, Reply, agent, base, start, text};
use crate::support::new_app_at;

pub const CALLBACK: &str = "https://rp.example/callback";
pub const VERIFIER: &str = "a-verifier-of-the-tests-that-is-long-enough-0123456789";

#[derive(Clone)]
pub struct World {
    pub doors: Doors,
    pub user: String,
    /// The session cookie of the browser.
    pub cookie: String,
    pub app: String,
    pub secret: Option<String>,
    /// The server that is asked.
    pub server: String,
}

impl World {
    pub async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// With an app that is registered so.
    pub async fn with(change: Value) -> Self {
        let doors = Doors::fresh().await;
        let user = doors.user("alice").await;
        let connection = doors.connection("x", "https://idp.example").await;
        let cookie = doors.session(&user, connection).await;
        Self::of(doors, user, cookie, change).await
    }

    /// The same of a tenant that is there, with the browser of this person.
    pub async fn of(doors: Doors, user: String, cookie: String, change: Value) -> Self {
        let (app, secret) = register(&doors, change).await;
        Self { doors, user, cookie, app, secret, server: base().to_owned() }
    }

    /// Another app of the same tenant, with the same browser.
    pub async fn another(&self, change: Value) -> Self {
        let (app, secret) = register(&self.doors, change).await;
        Self { app, secret, ..self.clone() }
    }

    pub fn slug(&self) -> &str {
        &self.doors.tenant.slug
    }

    pub fn issuer(&self) -> String {
        format!("{PUBLIC}/op/{}", self.slug())
    }

    pub fn at(&self, what: &str) -> String {
        format!("{}/op/{}/{what}", self.server, self.slug())
    }

    /// An honest request, changed: an empty value leaves a parameter out.
    pub fn request(&self, change: &[(&str, &str)]) -> Vec<(String, String)> {
        let challenge = URL_SAFE_NO_PAD.encode(TokenHash::of(VERIFIER).as_bytes());
        let honest = [
            ("client_id", self.app.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email roles organisation permissions"),
            ("state", "a state"),
            ("nonce", "a nonce"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let kept = honest.iter().filter(|(name, _)| !change.iter().any(|(other, _)| other == name));
        let all = kept.chain(change.iter().filter(|(_, value)| !value.is_empty()));
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    pub async fn authorize(&self, change: &[(&str, &str)]) -> Reply {
        self.authorize_with(&self.request(change), Some(&self.cookie)).await
    }

    pub async fn authorize_with(&self, params: &[(String, String)], cookie: Option<&str>) -> Reply {
        let mut request = agent().get(Url::parse_with_params(&self.at("authorize"), params).unwrap());
        if let Some(cookie) = cookie {
            request = request.header("cookie", format!("{COOKIE}={cookie}"));
        }
        Reply::of("GET authorize".to_owned(), request).await
    }

    pub async fn code(&self) -> String {
        self.code_for(&[]).await
    }

    pub async fn code_for(&self, change: &[(&str, &str)]) -> String {
        answer(&self.authorize(change).await.is(303))["code"].clone()
    }

    /// A form to an endpoint, with the app's proof.
    pub async fn ask(&self, endpoint: &str, form: &[(&str, &str)]) -> Reply {
        let proof = |request: RequestBuilder| match &self.secret {
            Some(secret) => request.basic_auth(&self.app, Some(secret)).form(form),
            None => request.form(&[form, &[("client_id", self.app.as_str())]].concat()),
        };
        Reply::of(format!("POST {endpoint}"), proof(agent().post(self.at(endpoint)))).await
    }

    pub async fn exchange(&self, code: &str) -> Reply {
        self.exchange_with(code, &[]).await
    }

    pub async fn exchange_with(&self, code: &str, change: &[(&str, &str)]) -> Reply {
        let honest = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let kept = honest.iter().filter(|(name, _)| !change.iter().any(|(other, _)| other == name));
        let form: Vec<(&str, &str)> =
            kept.chain(change.iter().filter(|(_, value)| !value.is_empty())).copied().collect();
        self.ask("token", &form).await
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        self.ask("token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// What a sign-in comes to.
    pub async fn tokens(&self) -> Value {
        self.exchange(&self.code().await).await.is(200).json()
    }

    pub async fn userinfo(&self, access_token: &str) -> Reply {
        Reply::of("GET userinfo".to_owned(), agent().get(self.at("userinfo")).bearer_auth(access_token)).await
    }

    pub async fn introspect(&self, token: &str) -> Value {
        self.ask("introspect", &[("token", token)]).await.is(200).json()
    }

    pub async fn is_active(&self, token: &str) -> bool {
        let said = self.introspect(token).await;
        if said["active"] == false {
            assert_eq!(said, json!({"active": false}), "RFC 7662 §2.2: nothing else is said");
        }
        said["active"].as_bool().unwrap()
    }

    /// The claims of a token, by the keys that we publish.
    pub async fn claims(&self, token: &Value, kind: TokenKind) -> Map<String, Value> {
        let keys = Client::at(&format!("/op/{}", self.slug())).get("/jwks.json").await.is(200).json();
        op::read(&text(token), kind, &keys).unwrap_or_else(|| panic!("not ours, or no {kind:?} token"))
    }

    /// That nothing of a sign-in works any more, in the very next request and at every door.
    pub async fn all_is_over(&self, tokens: &Value, spare_code: &str) {
        let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
        let refused = self.userinfo(&access).await.is(401);
        assert!(refused.header("www-authenticate").contains("invalid_token"), "{}", refused.text);
        assert!(!self.is_active(&access).await && !self.is_active(&refresh).await);
        error(&self.refresh(&refresh).await, 400, "invalid_grant");
        error(&self.exchange(spare_code).await, 400, "invalid_grant");
    }
}

/// A server whose clock is ahead by so many seconds.
pub fn later(seconds: i64) -> (usher::http::Serving, String) {
    start(Arc::new(new_app_at(2, Arc::new(Later(chrono::TimeDelta::seconds(seconds))))))
}

struct Later(chrono::TimeDelta);

impl domain::clock::Clock for Later {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        usher::system::SystemClock.now() + self.0
    }
}

/// Registers an app; its id and secret.
pub async fn register(doors: &Doors, change: Value) -> (String, Option<String>) {
    let mut new = json!({"name": "App", "redirectUris": [CALLBACK]});
    new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let created = doors.api.post("/apps", new).await.is(201).json();
    (text(&created["id"]), created["clientSecret"].as_str().map(str::to_owned))
}

/// What an answer brings to the app.
pub fn answer(reply: &Reply) -> BTreeMap<String, String> {
    let location = Url::parse(reply.header("location")).unwrap_or_else(|_| panic!("nowhere: {}", reply.text));
    location.query_pairs().into_owned().collect()
}

/// A refusal in the words of RFC 6749 §5.2.
#[track_caller]
pub fn error(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}: {}", reply.asked, reply.text);
    assert_eq!(reply.json()["error"], code, "{}: {}", reply.asked, reply.text);
    assert_eq!(reply.header("cache-control"), "no-store", "{}", reply.asked);
}
