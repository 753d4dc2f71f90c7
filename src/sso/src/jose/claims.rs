//! The claims of a token, read one by one. Knows their types (RFC 7519 section 4.1); does not know what they should say.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::numeric_date;

/// A claim is absent, or not of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimsError {
    Missing(&'static str),
    Malformed(&'static str),
}

/// We are not whom the token is for, or not alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AudienceError {
    Claim(ClaimsError),
    Another,
    NotAlone,
}

/// What a verified token says.
pub(crate) struct Claims<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Claims<'a> {
    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, ClaimsError> {
        let value = self.0.get(name).ok_or(ClaimsError::Missing(name))?;
        value.as_str().ok_or(ClaimsError::Malformed(name))
    }

    pub(crate) fn time(&self, name: &'static str) -> Result<DateTime<Utc>, ClaimsError> {
        self.optional_time(name)?.ok_or(ClaimsError::Missing(name))
    }

    pub(crate) fn optional_time(&self, name: &'static str) -> Result<Option<DateTime<Utc>>, ClaimsError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => numeric_date(value).map(Some).ok_or(ClaimsError::Malformed(name)),
        }
    }

    /// RFC 7519 section 4.1.3: one string or a list. We must be among the audiences under one of our names; we trust no
    /// other audience, so we must also be alone.
    pub(crate) fn is_for(&self, us: &[&str]) -> Result<(), AudienceError> {
        let malformed = AudienceError::Claim(ClaimsError::Malformed("aud"));
        let audiences = match self.0.get("aud") {
            None => return Err(AudienceError::Claim(ClaimsError::Missing("aud"))),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => {
                several.iter().map(|one| one.as_str().ok_or(malformed)).collect::<Result<Vec<_>, _>>()?
            }
            Some(_) => return Err(malformed),
        };
        if !audiences.iter().any(|audience| us.contains(audience)) {
            return Err(AudienceError::Another);
        }
        match audiences.as_slice() {
            [first, others @ ..] if others.iter().all(|other| other == first) => Ok(()),
            _ => Err(AudienceError::NotAlone),
        }
    }
}
