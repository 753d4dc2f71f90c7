//! The claims of an ID token. Knows every rule of OpenID Connect Core section 3.1.3.7; does not know signatures.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use openssl::hash::hash;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use super::{Connection, facts};
use crate::jose::{AudienceError, Claims, ClaimsError, Jws, SigningAlg, VerifyingKey, between, later};
use crate::{Secret, SsoError, VerifiedIdentity};

/// The token was handed out in answer to our request, a moment ago; this is how slow a provider may be.
const ISSUED_AT_MOST_AGO: Duration = Duration::from_mins(10);
const LONGEST_SUBJECT: usize = 255;

/// What the claims of a token are compared with.
pub(super) struct Expectations<'a> {
    pub(super) connection: &'a Connection,
    pub(super) nonce: &'a Secret,
    pub(super) access_token: &'a Secret,
    pub(super) code: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// What an ID token says that holds.
pub(super) struct Verified {
    pub(super) sub: String,
    /// The person's name, where `sub` is not the one to know them by.
    name: Option<String>,
    issued_at: DateTime<Utc>,
    auth_time: Option<DateTime<Utc>>,
    /// The provider's session (Front-Channel Logout section 3, Back-Channel Logout section 2.1).
    session: Option<String>,
    session_ends: Option<DateTime<Utc>>,
    pub(super) claims: Map<String, Value>,
}

/// Verifies the signature with `key` and then every claim.
pub(super) fn verify(
    jws: &Jws<'_>,
    key: &VerifyingKey,
    expected: &Expectations<'_>,
) -> Result<Verified, SsoError> {
    let claims = jws.verify(key)?;

    expected.check_issuer(&claims)?;
    expected.check_audience(&claims)?;
    expected.check_authorized_party(&claims)?;
    expected.check_lifetime(&claims)?;
    expected.check_nonce(&claims)?;
    let auth_time = expected.check_auth_time(&claims)?;
    expected.check_authentication(&claims)?;
    let half_hash = |of: &str| half_hash(jws.algorithm, of);
    if !holds(&claims, "at_hash", || half_hash(expected.access_token.expose()))? {
        return Err(SsoError::AccessTokenHashMismatch);
    }
    if !holds(&claims, "c_hash", || half_hash(expected.code))? {
        return Err(SsoError::CodeHashMismatch);
    }
    let sub = check_subject(&claims)?;
    let name = expected.connection.tenancy.check(&claims)?;
    let session_ends = Claims(&claims).optional_time("session_expiry")?;
    let issued_at = Claims(&claims).time("iat")?;
    let session = claims.get("sid").and_then(Value::as_str).map(str::to_owned);
    Ok(Verified { sub, name, issued_at, auth_time, session, session_ends, claims })
}

impl Verified {
    pub(super) fn into_identity(self, connection: &Connection) -> Result<VerifiedIdentity, SsoError> {
        let subject = self.name.unwrap_or(self.sub);
        let issuer = connection.issuer.clone();
        let mut identity = VerifiedIdentity::new(issuer, subject, self.claims, self.issued_at)?;
        identity.email = facts::email(&identity.claims, &connection.tenancy);
        identity.groups = facts::groups(&identity.claims, &connection.groups_claim);
        identity.provider_session = self.session;
        identity.auth_time = self.auth_time;
        identity.expires_hint = self.session_ends;
        Ok(identity)
    }
}

impl Expectations<'_> {
    /// Step 2: "MUST exactly match the value of the iss (issuer) Claim".
    fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), SsoError> {
        if Claims(claims).text("iss")? == self.connection.issuer {
            Ok(())
        } else {
            Err(SsoError::IssuerMismatch)
        }
    }

    /// Step 3: we must be among the audiences. We trust no other one, so we must also be alone.
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), SsoError> {
        Ok(Claims(claims).is_for(&[&self.connection.client_id])?)
    }

    /// Steps 4 and 5: `azp`, where present, is us. With one audience it need not be present.
    fn check_authorized_party(&self, claims: &Map<String, Value>) -> Result<(), SsoError> {
        match claims.get("azp") {
            None => Ok(()),
            Some(Value::String(party)) if *party == self.connection.client_id => Ok(()),
            Some(_) => Err(SsoError::AuthorizedPartyMismatch),
        }
    }

    /// Steps 9 and 10, and RFC 7519 section 4.1.5.
    fn check_lifetime(&self, claims: &Map<String, Value>) -> Result<(), SsoError> {
        let skew = self.connection.clock_skew;
        let expires = Claims(claims).time("exp")?;
        if later(expires, skew).is_some_and(|end| self.now >= end) {
            return Err(SsoError::Expired);
        }
        let issued = Claims(claims).time("iat")?;
        if between(self.now, issued) > skew {
            return Err(SsoError::IssuedInTheFuture);
        }
        if between(issued, self.now) > ISSUED_AT_MOST_AGO.saturating_add(skew) {
            return Err(SsoError::IssuedTooLongAgo);
        }
        match Claims(claims).optional_time("nbf")? {
            Some(not_before) if between(self.now, not_before) > skew => Err(SsoError::NotYetValid),
            _ => Ok(()),
        }
    }

    /// Step 11.
    fn check_nonce(&self, claims: &Map<String, Value>) -> Result<(), SsoError> {
        match claims.get("nonce").and_then(Value::as_str) {
            Some(nonce) if self.nonce.matches(nonce) => Ok(()),
            _ => Err(SsoError::NonceMismatch),
        }
    }

    /// Step 13. Without a maximum age `auth_time` is optional, but never in the future.
    fn check_auth_time(&self, claims: &Map<String, Value>) -> Result<Option<DateTime<Utc>>, SsoError> {
        let skew = self.connection.clock_skew;
        let auth_time = Claims(claims).optional_time("auth_time")?;
        if auth_time.is_some_and(|moment| between(self.now, moment) > skew) {
            return Err(SsoError::AuthTimeInTheFuture);
        }
        if let Some(max_age) = self.connection.max_age {
            let moment = auth_time.ok_or(SsoError::AuthTimeMissing)?;
            if between(moment, self.now) > max_age.saturating_add(skew) {
                return Err(SsoError::AuthenticationTooOld);
            }
        }
        Ok(auth_time)
    }

    /// Step 12, and RFC 8176: what the connection requires of how the person proved who they are.
    fn check_authentication(&self, claims: &Map<String, Value>) -> Result<(), SsoError> {
        let classes = &self.connection.acr_values;
        let class = claims.get("acr").and_then(Value::as_str);
        if !classes.is_empty() && !class.is_some_and(|class| classes.iter().any(|known| known == class)) {
            return Err(SsoError::ContextClassRefused);
        }
        // A list by the standard; some send a lone one as a text.
        let used: Vec<&str> = match claims.get("amr") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if self.connection.amr.iter().all(|required| used.contains(&required.as_str())) {
            Ok(())
        } else {
            Err(SsoError::MethodMissing)
        }
    }
}

/// Sections 3.1.3.8 and 3.3.2.11: the left half of the hash of what the token came with. Optional in the code flow, binding
/// where present.
fn holds(
    claims: &Map<String, Value>,
    name: &'static str,
    expected: impl FnOnce() -> Option<String>,
) -> Result<bool, SsoError> {
    let Some(claimed) = claims.get(name) else { return Ok(true) };
    let claimed = claimed.as_str().ok_or(SsoError::ClaimMalformed(name))?;
    Ok(expected().is_some_and(|expected| expected.as_bytes().ct_eq(claimed.as_bytes()).into()))
}

fn half_hash(algorithm: SigningAlg, of: &str) -> Option<String> {
    let hash = hash(algorithm.digest(), of.as_bytes()).ok()?;
    let half: Vec<u8> = hash.iter().copied().take(hash.len() / 2).collect();
    Some(URL_SAFE_NO_PAD.encode(half))
}

/// Section 2: "It MUST NOT exceed 255 ASCII \[RFC20\] characters in length". Control characters are ASCII, but no name.
fn check_subject(claims: &Map<String, Value>) -> Result<String, SsoError> {
    let subject = Claims(claims).text("sub")?;
    let well_formed = (1..=LONGEST_SUBJECT).contains(&subject.len())
        && subject.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control());
    if well_formed { Ok(subject.to_owned()) } else { Err(SsoError::SubjectInvalid) }
}

impl From<ClaimsError> for SsoError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Missing(name) => Self::ClaimMissing(name),
            ClaimsError::Malformed(name) => Self::ClaimMalformed(name),
        }
    }
}

impl From<AudienceError> for SsoError {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Claim(error) => error.into(),
            AudienceError::Another => Self::AudienceMismatch,
            AudienceError::NotAlone => Self::AudienceNotAlone,
        }
    }
}
