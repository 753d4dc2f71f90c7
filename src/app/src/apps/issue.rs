//! The tokens that an app gets. Knows what stands in each; does not know for what they were exchanged.

use domain::id::AppGrantId;
use domain::token::PlainToken;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sso::op::{self, TokenKind};
use store::LiveSession;

use super::claims;
use super::possession::confirmation;
use super::proof::Proven;
use crate::App;
use crate::error::AppError;

/// Tokens that were just issued (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct IssuedTokens {
    /// What opens an API.
    pub access_token: String,
    /// `Bearer`; `DPoP` for one that is bound to a key.
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// What it says.
    pub scope: String,
    /// What is exchanged for the next tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

impl std::fmt::Debug for IssuedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedTokens").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// What tokens are made for.
pub(super) struct Issue<'a> {
    pub(super) proven: &'a Proven,
    pub(super) grant: AppGrantId,
    pub(super) live: &'a LiveSession,
    /// The scopes of the tokens.
    pub(super) scopes: Vec<String>,
    /// What the access token is for.
    pub(super) resources: Vec<String>,
    pub(super) nonce: Option<String>,
    pub(super) email_verified: bool,
    /// Thumbprint of the key that the access token is bound to.
    pub(super) key: Option<String>,
}

/// RFC 9449 §5.
pub(super) fn token_type(is_bound: bool) -> &'static str {
    if is_bound { "DPoP" } else { "Bearer" }
}

impl App {
    pub(super) async fn issue_tokens(
        &self,
        issue: &Issue<'_>,
        refresh: Option<PlainToken>,
    ) -> Result<IssuedTokens, AppError> {
        let scope = issue.scopes.join(" ");
        let tenant = issue.proven.scope.tenant();
        let keys = self.op_keys(tenant)?;
        let ask = self.app_addresses(&issue.proven.tenant).of("userinfo");
        let access = claims::of_access(&issue.scopes, &issue.live.access);
        let session = claims::of_session(issue.live);

        let mut base = self.access_claims(issue.proven, issue.grant, &issue.resources, &scope);
        base.extend(session.clone());
        base.extend(issue.key.as_deref().map(|key| ("cnf".to_owned(), confirmation(key))));
        let access_token = keys.sign_sized(TokenKind::Access, &base, &access, &ask)?;

        let has_openid = issue.scopes.iter().any(|scope| scope == "openid");
        let id_token = if has_openid {
            let keys = self.id_keys(&issue.proven.scope, issue.proven.app.id_token_signing_alg).await?;
            let mut base = self.id_claims(issue);
            base.extend(session);
            base.insert("at_hash".to_owned(), json!(op::at_hash(&access_token)));
            let mut more = claims::of_person(&issue.scopes, issue.live, issue.email_verified);
            more.extend(access);
            Some(keys.sign_sized(TokenKind::Id, &base, &more, &ask)?)
        } else {
            None
        };
        Ok(IssuedTokens {
            access_token,
            token_type: token_type(issue.key.is_some()),
            expires_in: issue.proven.app.token_seconds,
            scope,
            refresh_token: refresh.map(|token| token.expose().to_owned()),
            id_token,
        })
    }

    /// RFC 9068 §2.2. Without a resource, the token is for us alone: it opens userinfo, and no API takes it.
    pub(super) fn access_claims(
        &self,
        proven: &Proven,
        grant: AppGrantId,
        resources: &[String],
        scope: &str,
    ) -> Map<String, Value> {
        let issuer = self.app_addresses(&proven.tenant).issuer;
        let audience = match resources {
            [] => json!(issuer),
            [one] => json!(one),
            several => json!(several),
        };
        let now = self.now().timestamp();
        let mut id = [0_u8; 16];
        self.entropy.fill(&mut id);
        let id = u128::from_be_bytes(id);
        let claims = json!({
            "iss": issuer, "aud": audience, "client_id": proven.id(), "scope": scope, "iat": now,
            "exp": now + proven.app.token_seconds, "jti": format!("{id:032x}"), "grant": grant,
        });
        claims.as_object().cloned().unwrap_or_default()
    }

    /// OpenID Connect Core §2.
    fn id_claims(&self, issue: &Issue<'_>) -> Map<String, Value> {
        let issuer = self.app_addresses(&issue.proven.tenant).issuer;
        let (client, now) = (issue.proven.id(), self.now().timestamp());
        let claims = json!({
            "iss": issuer, "aud": client, "azp": client, "iat": now, "exp": now + issue.proven.app.token_seconds,
        });
        let mut claims = claims.as_object().cloned().unwrap_or_default();
        if let Some(nonce) = &issue.nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        claims
    }
}
