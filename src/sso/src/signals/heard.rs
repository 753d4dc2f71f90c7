//! What others sign for us: that somebody is to be signed out of everything (Global Token Revocation), and that something
//! happened (security event tokens, RFC 8417). Knows every rule of their claims; does not know which connection trusts whom,
//! or which tokens were shown before.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::egress::Egress;
use crate::jose::{
    AudienceError, Claims, ClaimsError, Jws, JwsError, KeySet, KeysError, PublishedKeys, SigningAlg, between,
    later,
};
use crate::oidc::Provider;

/// What a revocation calls itself, if anything. Its audience is the address that it is shown at, so that no other token of
/// the provider can be shown there.
const REVOCATION: [&str; 2] = ["global-token-revocation+jwt", "JWT"];
/// RFC 8417 §2.3.
const SET: [&str; 1] = ["secevent+jwt"];
/// How far the sender's clock may be from ours.
const SKEW: Duration = Duration::from_mins(1);
/// A revocation that is good for longer is refused.
const LONGEST_LIFE: Duration = Duration::from_hours(1);
/// For so long a sender may try to hand over a security event token; for as long it is remembered.
const LONGEST_WAY: Duration = Duration::from_hours(7 * 24);
const LONGEST_ID: usize = 255;
/// The most events of one token.
const MOST_EVENTS: usize = 16;

/// The check that failed. Never holds a claim's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeardError {
    /// The envelope or the signature.
    #[error("{0}")]
    Envelope(#[from] JwsError),
    /// There are no keys to verify with.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// It does not say that it is a security event token.
    #[error("the token is not of the type secevent+jwt")]
    Untyped,
    /// A required claim is absent.
    #[error("the token lacks the claim {0}")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the claim {0} is malformed")]
    ClaimMalformed(&'static str),
    /// `iss` is somebody else.
    #[error("the token is by another issuer")]
    IssuerMismatch,
    /// `aud` is somebody else.
    #[error("the token is for another audience")]
    AudienceMismatch,
    /// `aud` has others besides us.
    #[error("the token is also for others")]
    AudienceNotAlone,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `exp` is more than an hour away.
    #[error("the token is valid for too long")]
    ValidTooLong,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is of the future")]
    OfTheFuture,
    /// `iat` lies too far in the past.
    #[error("the token was issued too long ago")]
    IssuedTooLongAgo,
}

impl HeardError {
    /// Whether it is the signature or its key that does not hold.
    pub fn is_about_keys(&self) -> bool {
        match self {
            Self::Keys(_) => true,
            Self::Envelope(error) => error.is_about_keys(),
            _ => false,
        }
    }
}

/// The keys of a sender.
#[derive(Clone, Debug)]
pub enum SenderKeys {
    /// Those of an OpenID provider.
    Provider(Arc<Provider>),
    /// Those at an address.
    Published(Arc<PublishedKeys>),
}

impl SenderKeys {
    fn published(&self) -> &PublishedKeys {
        match self {
            Self::Provider(provider) => provider.keys(),
            Self::Published(keys) => keys,
        }
    }
}

/// What a token is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// By whom it should be, character by character.
    pub issuer: &'a str,
    /// For whom.
    pub audience: &'a str,
    /// What it may be signed with.
    pub algorithms: &'a [SigningAlg],
    /// The time.
    pub now: DateTime<Utc>,
}

/// A revocation that holds, to be spent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its `jti`; without one, what is made from the whole token.
    pub id: String,
    /// From then on it would be refused as expired, and need not be remembered.
    pub forget_at: DateTime<Utc>,
}

/// A security event token that holds, to be spent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEventToken {
    /// Its `jti`.
    pub id: String,
    /// From then on it would be refused for its age, and need not be remembered.
    pub forget_at: DateTime<Utc>,
    /// Whom all its events are about (`sub_id`).
    pub subject: Option<Value>,
    /// The events, by their URIs.
    pub events: Map<String, Value>,
}

/// By whom a token claims to be: nothing to believe, only whose keys to ask.
pub fn claimed_issuer(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let claims: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// Verifies the word that somebody is to be signed out of everything: the signature and then every claim.
pub async fn verify_revocation(
    egress: &Egress,
    keys: &SenderKeys,
    token: &str,
    expected: Expected<'_>,
) -> Result<Revocation, HeardError> {
    let jws = Jws::parse(token, expected.algorithms, &REVOCATION)?;
    verified(egress, keys, &jws, expected, |claims| expected.check_revocation(claims, token)).await
}

/// Verifies a security event token: the signature and then every claim.
pub async fn verify_set(
    egress: &Egress,
    keys: &SenderKeys,
    token: &str,
    expected: Expected<'_>,
) -> Result<SecurityEventToken, HeardError> {
    let jws = parsed_set(token, expected)?;
    verified(egress, keys, &jws, expected, |claims| expected.check_set(claims)).await
}

async fn verified<T>(
    egress: &Egress,
    keys: &SenderKeys,
    jws: &Jws<'_>,
    expected: Expected<'_>,
    check: impl Fn(&Map<String, Value>) -> Result<T, HeardError>,
) -> Result<T, HeardError> {
    let judge = |keys: &KeySet| judged(keys, jws, &check);
    let is_about_keys = |error: &HeardError| matches!(error, HeardError::Envelope(it) if it.is_about_keys());
    keys.published().judge(egress, expected.now, is_about_keys, judge).await
}

fn judged<T>(
    keys: &KeySet,
    jws: &Jws<'_>,
    check: impl Fn(&Map<String, Value>) -> Result<T, HeardError>,
) -> Result<T, HeardError> {
    let key = keys.select(jws.key_id.as_deref(), jws.algorithm)?;
    check(&jws.verify(key)?)
}

/// [`verify_revocation`] by these keys, without asking anybody for others.
pub fn judge_revocation(
    keys: &KeySet,
    token: &str,
    expected: Expected<'_>,
) -> Result<Revocation, HeardError> {
    let jws = Jws::parse(token, expected.algorithms, &REVOCATION)?;
    judged(keys, &jws, |claims| expected.check_revocation(claims, token))
}

/// [`verify_set`] by these keys, without asking anybody for others.
pub fn judge_set(
    keys: &KeySet,
    token: &str,
    expected: Expected<'_>,
) -> Result<SecurityEventToken, HeardError> {
    let jws = parsed_set(token, expected)?;
    judged(keys, &jws, |claims| expected.check_set(claims))
}

fn parsed_set<'t>(token: &'t str, expected: Expected<'_>) -> Result<Jws<'t>, HeardError> {
    let jws = Jws::parse(token, expected.algorithms, &SET)?;
    if !jws.is_typed {
        return Err(HeardError::Untyped);
    }
    Ok(jws)
}

impl Expected<'_> {
    fn check_revocation(&self, claims: &Map<String, Value>, token: &str) -> Result<Revocation, HeardError> {
        let read = Claims(claims);
        if read.text("iss")? != self.issuer {
            return Err(HeardError::IssuerMismatch);
        }
        read.is_for(&[self.audience])?;
        let expires = read.time("exp")?;
        let end = later(expires, SKEW).ok_or(HeardError::ClaimMalformed("exp"))?;
        if self.now >= end {
            return Err(HeardError::Expired);
        }
        if between(self.now, expires) > LONGEST_LIFE.saturating_add(SKEW) {
            return Err(HeardError::ValidTooLong);
        }
        for moment in [read.optional_time("iat")?, read.optional_time("nbf")?].into_iter().flatten() {
            if between(self.now, moment) > SKEW {
                return Err(HeardError::OfTheFuture);
            }
        }
        let id = match claims.get("jti") {
            None => URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
            Some(_) => id(&read)?,
        };
        Ok(Revocation { id, forget_at: end })
    }

    fn check_set(&self, claims: &Map<String, Value>) -> Result<SecurityEventToken, HeardError> {
        let read = Claims(claims);
        if read.text("iss")? != self.issuer {
            return Err(HeardError::IssuerMismatch);
        }
        // RFC 8417 §2.2: others may be told the same; whoever hands it on hands on the truth.
        match read.is_for(&[self.audience]) {
            Ok(()) | Err(AudienceError::NotAlone) => {}
            Err(error) => return Err(error.into()),
        }
        let issued = read.time("iat")?;
        if between(self.now, issued) > SKEW {
            return Err(HeardError::OfTheFuture);
        }
        let too_old = later(issued, LONGEST_WAY).ok_or(HeardError::ClaimMalformed("iat"))?;
        if self.now >= too_old {
            return Err(HeardError::IssuedTooLongAgo);
        }
        // RFC 8417 §2.2 advises against it; who says so all the same means it.
        if let Some(expires) = read.optional_time("exp")?
            && later(expires, SKEW).is_none_or(|end| self.now >= end)
        {
            return Err(HeardError::Expired);
        }
        let subject = match claims.get("sub_id") {
            None | Some(Value::Null) => None,
            Some(subject @ Value::Object(_)) => Some(subject.clone()),
            Some(_) => return Err(HeardError::ClaimMalformed("sub_id")),
        };
        Ok(SecurityEventToken { id: id(&read)?, forget_at: too_old, subject, events: events(claims)? })
    }
}

/// RFC 8417 §2.2: an object with a member for each event, whose value is an object.
fn events(claims: &Map<String, Value>) -> Result<Map<String, Value>, HeardError> {
    let malformed = HeardError::ClaimMalformed("events");
    match claims.get("events") {
        None => Err(HeardError::ClaimMissing("events")),
        Some(Value::Object(events)) if (1..=MOST_EVENTS).contains(&events.len()) => {
            if events.values().all(Value::is_object) { Ok(events.clone()) } else { Err(malformed) }
        }
        Some(_) => Err(malformed),
    }
}

fn id(claims: &Claims<'_>) -> Result<String, HeardError> {
    let id = claims.text("jti")?;
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(HeardError::ClaimMalformed("jti"));
    }
    Ok(id.to_owned())
}

impl From<ClaimsError> for HeardError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Missing(name) => Self::ClaimMissing(name),
            ClaimsError::Malformed(name) => Self::ClaimMalformed(name),
        }
    }
}

impl From<AudienceError> for HeardError {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Claim(error) => error.into(),
            AudienceError::Another => Self::AudienceMismatch,
            AudienceError::NotAlone => Self::AudienceNotAlone,
        }
    }
}
