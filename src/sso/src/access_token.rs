//! An access token that Entra ID issued for its provisioning service. Knows the claims of its version 1 tokens; does not know
//! which directory trusts which issuer.
//!
//! Where no secret token is given, Entra ID sends with each SCIM request a token of its own: `iss` is
//! `https://sts.windows.net/{tenant}/`, `aud` the id of the application's template, which is the same for all applications
//! of one's own making. Issuer and audience together are therefore not enough: anybody in that Entra tenant may get such
//! a token for an application of theirs, and `appid` is what tells who got it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::SsoError;
use crate::egress::Egress;
use crate::jose::{
    AudienceError, Claims, ClaimsError, Jws, JwsError, KeySet, KeysError, SigningAlg, between, later,
};
use crate::oidc::Provider;

/// What Entra ID signs with.
const ALGORITHMS: [SigningAlg; 1] = [SigningAlg::Rs256];
const TYPES: [&str; 2] = ["JWT", "at+jwt"];
/// How far the issuer's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);

/// The check that failed. Never holds a claim's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// The envelope or the signature.
    #[error("{0}")]
    Envelope(#[from] JwsError),
    /// There are no keys to verify with.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// What the issuer publishes about itself cannot be had.
    #[error("{0}")]
    Issuer(#[from] SsoError),
    /// A required claim is absent.
    #[error("the access token lacks the claim {0}")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type.
    #[error("the claim {0} is malformed")]
    ClaimMalformed(&'static str),
    /// `iss` is somebody else.
    #[error("the access token is by another issuer")]
    IssuerMismatch,
    /// `aud` is somebody else.
    #[error("the access token is for another audience")]
    AudienceMismatch,
    /// `aud` has others besides us.
    #[error("the access token is also for others")]
    AudienceNotAlone,
    /// `tid` is another Entra tenant.
    #[error("the access token is of another Entra tenant")]
    TenantMismatch,
    /// `appid` is another application.
    #[error("the access token was issued to another application")]
    ApplicationMismatch,
    /// `exp` has passed.
    #[error("the access token has expired")]
    Expired,
    /// `nbf` lies in the future.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// `iat` lies in the future.
    #[error("the access token was issued in the future")]
    IssuedInTheFuture,
}

/// Whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// `iss`, character by character.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `tid`, the Entra tenant.
    pub entra_tenant: String,
    /// `appid`, the application that asked for the token.
    pub application: String,
}

/// Who a token claims to be by and for: nothing to believe, only whose keys to ask.
pub fn claimed(token: &str) -> Option<(String, String)> {
    let payload = token.split('.').nth(1)?;
    let claims: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let text = |name: &str| claims.get(name)?.as_str().map(str::to_owned);
    Some((text("iss")?, text("aud")?))
}

/// Verifies the signature with the issuer's keys and then every claim.
pub async fn verify(
    egress: &Egress,
    issuer: &Provider,
    token: &str,
    trust: &Trust,
    now: DateTime<Utc>,
) -> Result<(), AccessTokenError> {
    if issuer.issuer() != trust.issuer {
        return Err(AccessTokenError::IssuerMismatch);
    }
    let jws = Jws::parse(token, &ALGORITHMS, &TYPES)?;
    let judge = |keys: &KeySet| {
        let key = keys.select(jws.key_id.as_deref(), jws.algorithm)?;
        trust.check(&Claims(&jws.verify(key)?), now)
    };
    let is_about_keys =
        |error: &AccessTokenError| matches!(error, AccessTokenError::Envelope(it) if it.is_about_keys());
    issuer.keys().judge(egress, now, is_about_keys, judge).await
}

impl Trust {
    fn check(&self, claims: &Claims<'_>, now: DateTime<Utc>) -> Result<(), AccessTokenError> {
        if claims.text("iss")? != self.issuer {
            return Err(AccessTokenError::IssuerMismatch);
        }
        claims.is_for(&[&self.audience])?;
        if claims.text("tid")? != self.entra_tenant {
            return Err(AccessTokenError::TenantMismatch);
        }
        if claims.text("appid")? != self.application {
            return Err(AccessTokenError::ApplicationMismatch);
        }
        if later(claims.time("exp")?, SKEW).is_none_or(|end| now >= end) {
            return Err(AccessTokenError::Expired);
        }
        if between(now, claims.time("nbf")?) > SKEW {
            return Err(AccessTokenError::NotYetValid);
        }
        if between(now, claims.time("iat")?) > SKEW {
            return Err(AccessTokenError::IssuedInTheFuture);
        }
        Ok(())
    }
}

impl From<ClaimsError> for AccessTokenError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Missing(name) => Self::ClaimMissing(name),
            ClaimsError::Malformed(name) => Self::ClaimMalformed(name),
        }
    }
}

impl From<AudienceError> for AccessTokenError {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Claim(error) => error.into(),
            AudienceError::Another => Self::AudienceMismatch,
            AudienceError::NotAlone => Self::AudienceNotAlone,
        }
    }
}
