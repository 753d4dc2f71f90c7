//! An OpenID provider whose tokens a test signs itself, a connection to it, and a browser's way through it.

use std::sync::{Arc, Mutex};

use app::connections::NewConnection;
use app::login::{LinkTo, OpenIdRules};
use domain::id::{ConnectionId, SessionId, UserId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use reqwest::Url;
use serde_json::{Value, json};
use usher::system::SystemEntropy;

use super::http::{Doors, PUBLIC, Reply, db};
use super::oauth::{Answers, Key, always, answering};
use super::people::Tenant;
use super::provider::Browser;

/// A connection `op` to this issuer.
pub async fn connect(doors: &Doors, issuer: &str, client_id: &str, secret: Option<&str>) -> ConnectionId {
    connect_as(doors, "op", issuer, (client_id, secret)).await
}

/// One of this name.
pub async fn connect_as(
    doors: &Doors,
    slug: &str,
    issuer: &str,
    (client_id, secret): (&str, Option<&str>),
) -> ConnectionId {
    let new = NewConnection {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        directory: None,
        issuer: issuer.to_owned(),
        client_id: client_id.to_owned(),
        client_secret: secret.map(str::to_owned),
        scopes: vec!["profile".to_owned()],
        link_claim: "preferred_username".to_owned(),
        link_to: LinkTo::UserName,
        return_to: "https://app.example/home".to_owned(),
        rules: OpenIdRules::default(),
    };
    doors.tenant.app.create_connection(&doors.tenant.admin, &doors.tenant.slug, new).await.unwrap().id
}

/// A provider whose tokens the test signs itself.
pub struct MadeUp {
    pub doors: Doors,
    pub key: Key,
    pub issuer: String,
    pub connection: ConnectionId,
    /// What its token endpoint answers.
    tokens: Arc<Mutex<Value>>,
}

impl MadeUp {
    pub async fn fresh() -> Self {
        let key = Key::fresh("ES256");
        let keys = key.jwks.clone();
        let tokens = Arc::new(Mutex::new(json!({})));
        let told = Arc::clone(&tokens);
        let issuer = answering(|base| {
            let place = |path: &str| format!("{base}{path}");
            let document = json!({
                "issuer": base,
                "authorization_endpoint": place("/a"), "token_endpoint": place("/t"), "jwks_uri": place("/k"),
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"]
            });
            let signals = json!({"spec_version": "1_0", "issuer": base, "jwks_uri": place("/k")});
            let answer: Answers = Box::new(move || told.lock().unwrap().clone());
            vec![
                ("/.well-known/openid-configuration", always(document)),
                ("/.well-known/ssf-configuration", always(signals)),
                ("/k", always(keys)),
                ("/t", answer),
            ]
        });
        let doors = Doors::of(Tenant::named(&super::fresh_slug()).await).await;
        let connection = connect(&doors, &issuer, "gateway", Some("s")).await;
        Self { doors, key, issuer, connection, tokens }
    }

    /// A browser sets out at this connection and comes to the callback with what the provider says of somebody: `sub` is the
    /// one that is given, unless the claims say otherwise.
    pub async fn sign_in(&self, browser: &Browser, connection: &str, sub: &str, claims: &Value) -> Reply {
        let callback = self.callback(browser, connection, sub, claims).await;
        browser.get(&callback).await
    }

    /// The address of the callback, with an answer that is about to be good.
    pub async fn callback(&self, browser: &Browser, connection: &str, sub: &str, claims: &Value) -> String {
        let slug = &self.doors.tenant.slug;
        let departure = browser.get(&format!("{PUBLIC}/login/{slug}/{connection}")).await.is(303);
        let location = Url::parse(departure.header("location")).unwrap();
        let asked = |name: &str| {
            let found = location.query_pairs().find(|(key, _)| key == name);
            found.unwrap_or_else(|| panic!("no {name} in {location}")).1.into_owned()
        };
        let now = self.doors.tenant.app.now().timestamp();
        let mut token = json!({
            "iss": self.issuer, "aud": "gateway", "sub": sub, "iat": now, "exp": now + 120, "nonce": asked("nonce")
        });
        token.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        *self.tokens.lock().unwrap() = json!({
            "access_token": "at", "token_type": "Bearer", "id_token": self.key.sign(&token), "refresh_token": "rt"
        });
        let back_to = asked("redirect_uri");
        format!("{back_to}?code=a-code&state={}", asked("state"))
    }

    /// A session of this person that the provider knows by this name; the value of its cookie.
    pub async fn session(&self, user: &str, provider_session: &str) -> String {
        let scope = self.doors.tenant.admin.scope();
        let (now, entropy) = (self.doors.tenant.app.now(), SystemEntropy);
        let token = PlainToken::mint(TokenKind::Session, Some(scope.tenant()), &entropy);
        let new = store::sessions::NewSession {
            id: SessionId::generate(now, &entropy),
            user: user.parse::<UserId>().unwrap(),
            connection: Some(self.connection),
            token: token.hash(),
            provider_session: Some(TokenHash::of(provider_session)),
            provider_name: None,
            proven: store::sessions::Proven::default(),
            logout_hint_sealed: None,
            expires_at: now + chrono::Duration::hours(1),
        };
        let mut tx = db().begin(scope).await.unwrap();
        store::sessions::open(&mut tx, &new, now).await.unwrap();
        tx.commit_trace_of_use().await.unwrap();
        token.expose().to_owned()
    }

    /// This person is known to the provider by this name.
    pub async fn link(&self, user: &str, subject: &str) {
        let scope = self.doors.tenant.admin.scope();
        let mut tx = db().begin(scope).await.unwrap();
        let (user, now) = (user.parse::<UserId>().unwrap(), self.doors.tenant.app.now());
        store::identities::link(&mut tx, self.connection, subject, user, now).await.unwrap();
        tx.commit_trace_of_use().await.unwrap();
    }
}
