//! One sign-in in progress: an honest provider, a connection to it and a browser that has been sent there. Tests then
//! change the one thing they are about.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::CountingEntropy;
use serde_json::{Value, json};
use sso::egress::{Egress, EgressPolicy};
use sso::oidc::{
    self, AuthorizationRequest, CallbackParams, ClientAuth, Connection, Outside, Provider, SigningAlg,
    Tenancy, Wish,
};
use sso::{Secret, SsoError, VerifiedIdentity};

use crate::provider::{DISCOVERY, HostileProvider, JWKS, Reply, TOKEN};
use crate::signer::Signer;

pub(crate) const ACCESS_TOKEN: &str = "an-access-token";
pub(crate) const CLIENT_SECRET: &str = "gateway secret/+:";

pub(crate) struct World {
    pub(crate) hostile: HostileProvider,
    pub(crate) signer: Signer,
    pub(crate) egress: Egress,
    pub(crate) entropy: CountingEntropy,
    pub(crate) connection: Connection,
    pub(crate) provider: Provider,
    pub(crate) request: AuthorizationRequest,
    pub(crate) now: DateTime<Utc>,
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_795_298_900)
}

pub(crate) fn development() -> Egress {
    Egress::new(EgressPolicy { allow_loopback: true, ..EgressPolicy::default() }).unwrap()
}

pub(crate) fn honest_document(hostile: &HostileProvider) -> Value {
    let issuer = hostile.issuer();
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?tenant=acme"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // more than any connection allows: what a provider publishes must not widen the list
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "EdDSA", "HS256", "none"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    })
}

pub(crate) fn connection(issuer: String) -> Connection {
    Connection {
        issuer,
        client_id: "gateway".to_owned(),
        client_auth: ClientAuth::Secret(Secret::new(CLIENT_SECRET)),
        redirect_uri: "http://127.0.0.1:9000/oidc/acme/idp/callback".parse().unwrap(),
        scopes: vec!["openid".to_owned(), "profile".to_owned(), "email".to_owned()],
        allowed_algs: SigningAlg::DEFAULT.to_vec(),
        clock_skew: Duration::from_mins(1),
        max_age: None,
        acr_values: Vec::new(),
        amr: Vec::new(),
        tenancy: Tenancy::Any,
        groups_claim: "groups".to_owned(),
        userinfo: false,
        push: true,
    }
}

pub(crate) async fn honest_provider(signer: &Signer) -> HostileProvider {
    let hostile = HostileProvider::start().await;
    hostile.says(DISCOVERY, Reply::json(&honest_document(&hostile)));
    hostile.says(JWKS, Reply::json(&json!({"keys": [signer.jwk]})));
    hostile
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::signed_by(Signer::es256(7, "first")).await
    }

    pub(crate) async fn signed_by(signer: Signer) -> Self {
        let hostile = honest_provider(&signer).await;
        Self::at(hostile, signer).await
    }

    pub(crate) async fn at(hostile: HostileProvider, signer: Signer) -> Self {
        let egress = development();
        let connection = connection(hostile.issuer());
        let provider = Provider::discover(&egress, &connection.issuer).await.unwrap();
        let entropy = CountingEntropy::new();
        let outside = Outside { egress: &egress, entropy: &entropy, now: now() };
        let request = oidc::start(&outside, &connection, &provider, &Wish::default()).await.unwrap();
        Self { hostile, signer, egress, entropy, connection, provider, request, now: now() }
    }

    /// The same with a provider that publishes something else from now on; a text that begins with a slash is a place there.
    pub(crate) async fn offering(change: Value) -> Self {
        let world = Self::new().await;
        let mut document = honest_document(&world.hostile);
        for (name, value) in change.as_object().unwrap() {
            let place = value.as_str().filter(|text| text.starts_with('/'));
            document[name] = match place {
                Some(path) => json!(format!("{}{path}", world.hostile.issuer())),
                None => value.clone(),
            };
        }
        world.hostile.says(DISCOVERY, Reply::json(&document));
        let provider = Provider::discover(&world.egress, &world.connection.issuer).await.unwrap();
        Self { provider, ..world }
    }

    pub(crate) fn outside(&self) -> Outside<'_> {
        Outside { egress: &self.egress, entropy: &self.entropy, now: self.now }
    }

    /// Begins another flow, as the connection is set now.
    pub(crate) async fn start(&self, wish: &Wish) -> Result<AuthorizationRequest, SsoError> {
        oidc::start(&self.outside(), &self.connection, &self.provider, wish).await
    }

    pub(crate) fn honest_claims(&self) -> Value {
        json!({
            "iss": self.connection.issuer,
            "sub": "alice",
            "aud": "gateway",
            "exp": self.now.timestamp() + 300,
            "iat": self.now.timestamp(),
            "nonce": self.request.flow.nonce.expose(),
            "preferred_username": "alice@acme.test",
        })
    }

    pub(crate) fn honest_params(&self) -> CallbackParams {
        CallbackParams {
            code: Some("a-code".to_owned()),
            state: Some(self.request.flow.state.expose().to_owned()),
            ..CallbackParams::default()
        }
    }

    /// The token endpoint hands out this ID token from now on.
    pub(crate) fn hands_out(&self, id_token: &str) {
        self.hostile.says(
            TOKEN,
            Reply::json(&json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": id_token})),
        );
    }

    pub(crate) async fn finish(&self) -> Result<VerifiedIdentity, SsoError> {
        self.finish_with(&self.honest_params()).await
    }

    pub(crate) async fn finish_with(&self, params: &CallbackParams) -> Result<VerifiedIdentity, SsoError> {
        let Self { connection, provider, request, .. } = self;
        oidc::finish(&self.outside(), connection, provider, params, &request.flow).await
    }

    /// Finishes with a token whose honest claims were changed and then signed.
    pub(crate) async fn finish_claiming(&self, change: Value) -> Result<VerifiedIdentity, SsoError> {
        let mut claims = self.honest_claims();
        for (name, value) in change.as_object().unwrap() {
            if *value == json!("(absent)") {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        self.hands_out(&self.signer.token(&claims));
        self.finish().await
    }

    /// Finishes with an honest token under changed headers, signed over them.
    pub(crate) async fn finish_under(&self, change: Value) -> Result<VerifiedIdentity, SsoError> {
        let mut header = self.signer.header();
        for (name, value) in change.as_object().unwrap() {
            header[name] = value.clone();
        }
        self.hands_out(&self.signer.token_with(&header, &self.honest_claims()));
        self.finish().await
    }
}
