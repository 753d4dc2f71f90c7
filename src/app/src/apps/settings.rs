//! What an app is allowed and how it is reached. Knows which of it makes sense together; does not know rows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sso::op::{self, ClientKind};
use store::apps::AppRow;
use url::Url;
use utoipa::ToSchema;

use super::SCOPES;
use crate::App;
use crate::connections::public_keys;
use crate::error::AppError;

const MOST_ADDRESSES: usize = 32;

/// How an app proves that it is itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AppProof {
    /// By a secret that it keeps on a server.
    #[default]
    Secret,
    /// By an assertion that it signs (RFC 7523 §2.2).
    PrivateKey,
    /// It cannot: it runs in a browser or on somebody's machine.
    None,
}

impl AppProof {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::PrivateKey => "privateKey",
            Self::None => "none",
        }
    }

    pub(super) fn of(row: &AppRow) -> Self {
        let all = [Self::Secret, Self::PrivateKey];
        all.into_iter().find(|proof| proof.as_str() == row.proof).unwrap_or(Self::None)
    }

    pub(super) fn kind(self) -> ClientKind {
        if self == Self::None { ClientKind::Public } else { ClientKind::Confidential }
    }
}

/// By which algorithm its ID tokens and logout tokens are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum IdTokenAlg {
    /// ECDSA on P-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1.5, for apps that read nothing else.
    #[serde(rename = "RS256")]
    Rs256,
}

impl IdTokenAlg {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// An app to be, or what an app is to be from now on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub struct NewApp {
    /// Display name.
    #[schema(example = "Schedule", min_length = 1, max_length = 200)]
    pub name: String,
    /// How it proves that it is itself. Cannot be changed.
    #[serde(default)]
    pub proof: AppProof,
    /// The public keys that it signs with, as a JSON Web Key Set.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Where it publishes those keys instead.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// Where browsers come back to after a sign-in. One that is asked for is one of these, character by character.
    #[serde(default)]
    #[schema(example = json!(["https://schedule.example/callback"]))]
    pub redirect_uris: Vec<String>,
    /// Where browsers may be sent after signing out.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session is over (OpenID Connect Back-Channel Logout).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// The scopes that it may ask for; without, all.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["openid", "profile", "roles"]))]
    pub scopes: Vec<String>,
    /// The resources (RFC 8707) that it may ask tokens for, or whose tokens it may ask about.
    #[serde(default)]
    pub resources: Vec<String>,
    /// For how many seconds its access and ID tokens are good.
    #[serde(default = "five_minutes")]
    #[schema(minimum = 60, maximum = 3600, default = 300)]
    pub token_seconds: i64,
    /// By which algorithm its ID tokens and logout tokens are signed.
    #[serde(default)]
    #[schema(default = "ES256")]
    pub id_token_signing_alg: IdTokenAlg,
    /// Whether it gets refresh tokens, which last as long as the session.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub refresh_tokens: bool,
    /// Whether it may fetch access tokens for itself (`client_credentials`).
    #[serde(default)]
    pub own_tokens: bool,
    /// Whether it pushes every request ahead (RFC 9126), and none is taken from a browser.
    #[serde(default)]
    pub pushed_requests_only: bool,
    /// Whether it runs on devices without a browser, and is let in from another one (RFC 8628).
    #[serde(default)]
    pub device_flow: bool,
    /// Whether it gets tokens only that are bound to a key of which it proves that it holds it (RFC 9449).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
}

fn five_minutes() -> i64 {
    NewApp::TOKEN_SECONDS
}

fn yes() -> bool {
    true
}

impl NewApp {
    /// For how many seconds tokens are good where nobody says otherwise.
    pub const TOKEN_SECONDS: i64 = 300;

    pub(super) fn of(row: &AppRow) -> Result<Self, AppError> {
        serde_json::from_value(row.settings.clone())
            .map_err(|error| AppError::Internal(format!("an app cannot be read: {error}")))
    }

    pub(super) fn to_value(&self) -> Result<Value, AppError> {
        serde_json::to_value(self).map_err(|error| AppError::Internal(error.to_string()))
    }

    /// Of these scopes, those that it may have; an app that lists none may have all.
    pub(super) fn granted(&self, asked: &[String]) -> Vec<String> {
        let may = |scope: &&String| {
            SCOPES.contains(&scope.as_str()) && (self.scopes.is_empty() || self.scopes.contains(scope))
        };
        asked.iter().filter(may).cloned().collect()
    }

    fn has_redirect_uri(&self, shown: &str) -> bool {
        self.redirect_uris.iter().any(|known| op::is_registered(shown, known, self.proof.kind()))
    }
}

impl App {
    /// Whether browsers may be sent there with an answer: it is the app's, and what may be registered today.
    pub(super) fn may_answer_at(&self, app: &NewApp, shown: &str) -> bool {
        app.has_redirect_uri(shown)
            && op::check_redirect_uri(shown, app.proof.kind(), self.is_in_the_clear()).is_ok()
    }

    /// Whether we are at http, which the configuration allows on loopback alone.
    fn is_in_the_clear(&self) -> bool {
        self.public_url.scheme() == "http"
    }

    /// Whether it makes sense, each thing for itself and all of it together.
    pub(super) fn check_app(&self, app: &NewApp) -> Result<(), AppError> {
        let refused =
            |name: &str, why: &dyn std::fmt::Display| Err(AppError::Invalid(format!("{name}: {why}")));
        check_keys(app)?;
        if let Some(address) = &app.jwks_uri {
            self.check_outgoing("jwksUri", address)?;
        }
        if let Some(address) = &app.backchannel_logout_uri {
            self.check_outgoing("backchannelLogoutUri", address)?;
        }
        // RP-Initiated Logout §3.1 lets apps with a secret be at http, where nothing secret is said.
        for (name, addresses, in_the_clear) in [
            ("redirectUris", &app.redirect_uris, self.is_in_the_clear()),
            ("postLogoutRedirectUris", &app.post_logout_redirect_uris, true),
        ] {
            if addresses.len() > MOST_ADDRESSES
                || addresses.iter().collect::<BTreeSet<_>>().len() < addresses.len()
            {
                return refused(name, &format!("at most {MOST_ADDRESSES}, each once"));
            }
            for address in addresses {
                if let Err(why) = op::check_redirect_uri(address, app.proof.kind(), in_the_clear) {
                    return refused(name, &why);
                }
            }
        }
        let others = app.own_tokens || app.device_flow || !app.resources.is_empty();
        if app.redirect_uris.is_empty() && !others {
            return refused("redirectUris", &"without one nobody can sign in to the app");
        }
        if let Some(unknown) = app.scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            return refused("scopes", &format!("there is no scope {unknown:?}"));
        }
        let is_resource =
            |text: &String| Url::parse(text).is_ok() && !text.contains('#') && text.len() <= 500;
        if app.resources.len() > MOST_ADDRESSES || !app.resources.iter().all(is_resource) {
            return refused("resources", &"are absolute URIs without a fragment");
        }
        if !(60..=3_600).contains(&app.token_seconds) {
            return refused("tokenSeconds", &"is 60 to 3600");
        }
        if app.own_tokens && app.proof == AppProof::None {
            return refused("ownTokens", &"only for an app that proves that it is itself");
        }
        Ok(())
    }

    fn check_outgoing(&self, name: &str, text: &str) -> Result<(), AppError> {
        let refused = |why: String| AppError::Invalid(format!("{name}: {why}"));
        let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        if url.fragment().is_some() || text.len() > 1_024 {
            return Err(refused("has a fragment or is too long".to_owned()));
        }
        self.egress.check(&url).map_err(|error| refused(error.to_string()))
    }
}

fn check_keys(app: &NewApp) -> Result<(), AppError> {
    let refused = |why: &str| Err(AppError::Invalid(why.to_owned()));
    match (app.proof, &app.jwks, &app.jwks_uri) {
        (AppProof::PrivateKey, Some(jwks), None) => public_keys(jwks),
        (AppProof::PrivateKey, None, Some(_)) => Ok(()),
        (AppProof::PrivateKey, ..) => {
            refused("jwks: an app with the proof privateKey has jwks or jwksUri, and not both")
        }
        (_, None, None) => Ok(()),
        _ => refused("jwks: only an app with the proof privateKey has keys"),
    }
}
