//! Signing out, in both directions. Knows RP-Initiated Logout and Back-Channel Logout 1.0; does not know our sessions.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use url::Url;

use super::{Connection, Outside, Provider};
use crate::Secret;
use crate::jose::{AudienceError, Claims, ClaimsError, Jws, JwsError, KeySet, KeysError, between, later};

/// Section 2.4 wants `logout+jwt`; tokens without a type, and those that say no more than that they are one, are in use.
const TYPES: [&str; 2] = ["logout+jwt", "JWT"];
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// A logout token is sent when somebody signs out, and tried again for a while.
const ISSUED_AT_MOST_AGO: Duration = Duration::from_mins(10);
const LONGEST_NAME: usize = 255;
/// Longer hints do not fit into addresses that browsers and servers take.
const LONGEST_HINT: usize = 4096;

/// The check that a logout token failed. Never holds a claim's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutError {
    /// The envelope or the signature.
    #[error("{0}")]
    Envelope(#[from] JwsError),
    /// There are no keys to verify with.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// A required claim is absent.
    #[error("the logout token lacks the claim {0}")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the claim {0} is malformed")]
    ClaimMalformed(&'static str),
    /// `iss` is somebody else.
    #[error("the logout token is by another issuer")]
    IssuerMismatch,
    /// `aud` is somebody else.
    #[error("the logout token is for another audience")]
    AudienceMismatch,
    /// `aud` has others besides us.
    #[error("the logout token is also for others")]
    AudienceNotAlone,
    /// `exp` has passed.
    #[error("the logout token has expired")]
    Expired,
    /// `iat` lies in the future.
    #[error("the logout token was issued in the future")]
    IssuedInTheFuture,
    /// `iat` lies too far in the past.
    #[error("the logout token was issued too long ago")]
    IssuedTooLongAgo,
    /// `events` does not say that somebody signs out.
    #[error("the logout token is about another event")]
    AnotherEvent,
    /// A `nonce` is there, as in an ID token.
    #[error("the logout token has a nonce")]
    NonceProhibited,
    /// Neither `sub` nor `sid` is there.
    #[error("the logout token names neither a person nor a session")]
    NamesNobody,
}

/// Whose sessions a provider ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Its `jti`, to be spent once.
    pub id: String,
    /// When it was made: what was proven before does not open a session any more.
    pub issued: DateTime<Utc>,
    /// From then on it would be refused for its age, and need not be remembered.
    pub forget_at: DateTime<Utc>,
    /// The provider's session (`sid`). Where it is given, only that one ends.
    pub session: Option<String>,
    /// The person (`sub`), as the provider names them to us.
    pub subject: Option<String>,
}

/// Verifies a logout token (Back-Channel Logout section 2.6). Whether it was shown before is for the caller to say.
pub async fn verify_logout_token(
    outside: &Outside<'_>,
    connection: &Connection,
    provider: &Provider,
    token: &str,
) -> Result<LogoutToken, LogoutError> {
    if provider.issuer() != connection.issuer {
        return Err(LogoutError::IssuerMismatch);
    }
    let jws = Jws::parse(token, &connection.allowed_algs, &TYPES)?;
    let judge = |keys: &KeySet| {
        let key = keys.select(jws.key_id.as_deref(), jws.algorithm)?;
        check(&jws.verify(key)?, connection, outside.now)
    };
    let is_about_keys =
        |error: &LogoutError| matches!(error, LogoutError::Envelope(it) if it.is_about_keys());
    provider.keys().judge(outside.egress, outside.now, is_about_keys, judge).await
}

fn check(
    claims: &Map<String, Value>,
    connection: &Connection,
    now: DateTime<Utc>,
) -> Result<LogoutToken, LogoutError> {
    let read = Claims(claims);
    if read.text("iss")? != connection.issuer {
        return Err(LogoutError::IssuerMismatch);
    }
    read.is_for(&[&connection.client_id])?;
    let (issued, forget_at) = check_lifetime(&read, connection, now)?;
    let event = claims.get("events").ok_or(LogoutError::ClaimMissing("events"))?.get(EVENT);
    if !event.is_some_and(Value::is_object) {
        return Err(LogoutError::AnotherEvent);
    }
    // Section 2.4: "a nonce Claim MUST NOT be present", so that no ID token can be shown as a logout token.
    if claims.contains_key("nonce") {
        return Err(LogoutError::NonceProhibited);
    }
    let (session, subject) = (name(claims, "sid")?, name(claims, "sub")?);
    if session.is_none() && subject.is_none() {
        return Err(LogoutError::NamesNobody);
    }
    let id = name(claims, "jti")?.ok_or(LogoutError::ClaimMissing("jti"))?;
    Ok(LogoutToken { id, issued, forget_at, session, subject })
}

/// When the token was made, and from when on it is refused for its age.
fn check_lifetime(
    claims: &Claims<'_>,
    connection: &Connection,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), LogoutError> {
    let skew = connection.clock_skew;
    let end = later(claims.time("exp")?, skew).ok_or(LogoutError::ClaimMalformed("exp"))?;
    if now >= end {
        return Err(LogoutError::Expired);
    }
    let issued = claims.time("iat")?;
    if between(now, issued) > skew {
        return Err(LogoutError::IssuedInTheFuture);
    }
    let too_old =
        later(issued, ISSUED_AT_MOST_AGO.saturating_add(skew)).ok_or(LogoutError::ClaimMalformed("iat"))?;
    if now >= too_old {
        return Err(LogoutError::IssuedTooLongAgo);
    }
    Ok((issued, end.min(too_old)))
}

fn name(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, LogoutError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if (1..=LONGEST_NAME).contains(&text.len()) && !text.contains('\0') => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(LogoutError::ClaimMalformed(name)),
    }
}

/// Where a browser goes so that the provider's own session ends too (RP-Initiated Logout section 2), if the provider has such
/// a place.
pub fn sign_out_at(
    connection: &Connection,
    provider: &Provider,
    hint: Option<&Secret>,
    back_to: &Url,
    state: &Secret,
) -> Option<Url> {
    let mut url = provider.metadata().end_session_endpoint.clone()?;
    let mut query = url.query_pairs_mut();
    query.append_pair("client_id", &connection.client_id);
    if let Some(hint) = hint.filter(|hint| hint.expose().len() <= LONGEST_HINT) {
        query.append_pair("id_token_hint", hint.expose());
    }
    query.append_pair("post_logout_redirect_uri", back_to.as_str()).append_pair("state", state.expose());
    drop(query);
    Some(url)
}

impl From<ClaimsError> for LogoutError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Missing(name) => Self::ClaimMissing(name),
            ClaimsError::Malformed(name) => Self::ClaimMalformed(name),
        }
    }
}

impl From<AudienceError> for LogoutError {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Claim(error) => error.into(),
            AudienceError::Another => Self::AudienceMismatch,
            AudienceError::NotAlone => Self::AudienceNotAlone,
        }
    }
}
