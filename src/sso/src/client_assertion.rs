//! A client's signed word that it is itself (RFC 7523 section 3, and its update of 2025). Knows every rule of the claims;
//! does not know which client has which keys, or which assertions were seen before.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::sync::Arc;

use crate::egress::Egress;
use crate::jose::{
    AudienceError, Claims, ClaimsError, Jws, JwsError, KeySet, KeysError, PublishedKeys, SigningAlg, between,
    later,
};

/// What a client may sign with, to prove that it is itself or that it holds a key.
pub const ALGORITHMS: [SigningAlg; 4] =
    [SigningAlg::Es256, SigningAlg::Rs256, SigningAlg::Ps256, SigningAlg::EdDsa];

/// What an assertion calls itself, if anything. The first is the update's.
const TYPES: [&str; 2] = ["client-authentication+jwt", "JWT"];
/// How far the client's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);
/// Section 3, 4: "The authorization server MAY reject JWTs with an `exp` claim value that is unreasonably far in the
/// future." An hour is what common libraries write by themselves.
const LONGEST_LIFE: Duration = Duration::from_hours(1);
const LONGEST_ID: usize = 255;

/// The check that failed. Never holds a claim's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// The envelope or the signature.
    #[error("{0}")]
    Envelope(#[from] JwsError),
    /// There are no keys to verify with.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// A required claim is absent.
    #[error("the assertion lacks the claim {0}")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the claim {0} is malformed")]
    ClaimMalformed(&'static str),
    /// `iss` is not the client.
    #[error("the assertion is not by the client")]
    IssuerMismatch,
    /// `sub` is not the client.
    #[error("the assertion is about another client")]
    SubjectMismatch,
    /// `aud` is neither our issuer nor our token endpoint.
    #[error("the assertion is for another audience")]
    AudienceMismatch,
    /// `aud` has others besides us, any of whom could replay the assertion here.
    #[error("the assertion is also for others")]
    AudienceNotAlone,
    /// `exp` has passed.
    #[error("the assertion has expired")]
    Expired,
    /// `exp` is more than an hour away.
    #[error("the assertion is valid for too long")]
    ValidTooLong,
    /// `nbf` lies in the future.
    #[error("the assertion is not valid yet")]
    NotYetValid,
    /// `iat` lies in the future.
    #[error("the assertion was issued in the future")]
    IssuedInTheFuture,
}

/// What an assertion is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The client that it should be of.
    pub client: &'a str,
    /// The names by which it may mean us: the issuer, the token endpoint.
    pub audiences: &'a [&'a str],
    /// The time.
    pub now: DateTime<Utc>,
}

/// An assertion that holds, to be spent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its `jti`.
    pub id: String,
    /// From then on it would be refused as expired, and need not be remembered.
    pub forget_at: DateTime<Utc>,
}

/// The keys of a client.
#[derive(Clone, Debug)]
pub enum ClientKeys {
    /// As it gave them to us.
    Given(Arc<KeySet>),
    /// As it publishes them.
    Published(Arc<PublishedKeys>),
}

/// The client that an assertion claims to be of: nothing to believe, only where to look for keys.
pub fn claimed_client(assertion: &str) -> Option<String> {
    let payload = assertion.split('.').nth(1)?;
    let claims: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// Verifies the signature and then every claim.
pub async fn verify(
    egress: &Egress,
    assertion: &str,
    keys: &ClientKeys,
    expected: Expected<'_>,
) -> Result<Assertion, AssertionError> {
    let jws = Jws::parse(assertion, &ALGORITHMS, &TYPES)?;
    let judge = |keys: &KeySet| {
        let key = keys.select(jws.key_id.as_deref(), jws.algorithm)?;
        expected.check(&Claims(&jws.verify(key)?))
    };
    match keys {
        ClientKeys::Given(keys) => judge(keys),
        ClientKeys::Published(keys) => {
            let is_about_keys =
                |error: &AssertionError| matches!(error, AssertionError::Envelope(it) if it.is_about_keys());
            keys.judge(egress, expected.now, is_about_keys, judge).await
        }
    }
}

impl Expected<'_> {
    fn check(&self, claims: &Claims<'_>) -> Result<Assertion, AssertionError> {
        // 1: "The JWT MUST contain an "iss" (issuer) claim"; 2.B: "the subject MUST be the "client_id" of the OAuth client."
        if claims.text("iss")? != self.client {
            return Err(AssertionError::IssuerMismatch);
        }
        if claims.text("sub")? != self.client {
            return Err(AssertionError::SubjectMismatch);
        }
        // 3, which the update narrows to one audience: a list would let another server of the client use it here.
        claims.is_for(self.audiences)?;
        let expires = self.check_lifetime(claims)?;
        let id = claims.text("jti")?;
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(AssertionError::ClaimMalformed("jti"));
        }
        Ok(Assertion { id: id.to_owned(), forget_at: expires })
    }

    /// 4 to 6. The moment from which the assertion is refused as expired.
    fn check_lifetime(&self, claims: &Claims<'_>) -> Result<DateTime<Utc>, AssertionError> {
        let expires = claims.time("exp")?;
        let end = later(expires, SKEW).ok_or(AssertionError::ClaimMalformed("exp"))?;
        if self.now >= end {
            return Err(AssertionError::Expired);
        }
        if between(self.now, expires) > LONGEST_LIFE.saturating_add(SKEW) {
            return Err(AssertionError::ValidTooLong);
        }
        if claims.optional_time("nbf")?.is_some_and(|moment| between(self.now, moment) > SKEW) {
            return Err(AssertionError::NotYetValid);
        }
        if claims.optional_time("iat")?.is_some_and(|moment| between(self.now, moment) > SKEW) {
            return Err(AssertionError::IssuedInTheFuture);
        }
        Ok(end)
    }
}

impl From<ClaimsError> for AssertionError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Missing(name) => Self::ClaimMissing(name),
            ClaimsError::Malformed(name) => Self::ClaimMalformed(name),
        }
    }
}

impl From<AudienceError> for AssertionError {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Claim(error) => error.into(),
            AudienceError::Another => Self::AudienceMismatch,
            AudienceError::NotAlone => Self::AudienceNotAlone,
        }
    }
}
