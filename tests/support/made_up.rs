//! An OpenID provider whose tokens a test signs itself, and a connection to it.

use app::connections::NewConnection;
use app::login::{LinkTo, OpenIdRules};
use domain::id::{ConnectionId, SessionId, UserId};
use domain::token::{PlainToken, TokenHash, TokenKind};
use serde_json::json;
use usher::system::SystemEntropy;

use super::http::{Doors, db};
use super::oauth::{Key, published};
use super::people::Tenant;

/// A connection `op` to this issuer.
pub async fn connect(doors: &Doors, issuer: &str, client_id: &str, secret: Option<&str>) -> ConnectionId {
    let new = NewConnection {
        slug: "op".to_owned(),
        name: "op".to_owned(),
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
}

impl MadeUp {
    pub async fn fresh() -> Self {
        let key = Key::fresh("ES256");
        let keys = key.jwks.clone();
        let issuer = published(|base| {
            let place = |path: &str| format!("{base}{path}");
            let document = json!({
                "issuer": base,
                "authorization_endpoint": place("/a"), "token_endpoint": place("/t"), "jwks_uri": place("/k"),
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"]
            });
            let signals = json!({"spec_version": "1_0", "issuer": base, "jwks_uri": place("/k")});
            vec![
                ("/.well-known/openid-configuration", document),
                ("/.well-known/ssf-configuration", signals),
                ("/k", keys),
            ]
        });
        let doors = Doors::of(Tenant::named(&super::fresh_slug()).await).await;
        let connection = connect(&doors, &issuer, "gateway", Some("s")).await;
        Self { doors, key, issuer, connection }
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
