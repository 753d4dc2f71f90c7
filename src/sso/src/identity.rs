//! The word of an identity provider, checked. Knows what was proven, whichever protocol proved it; does not know how, nor whom it means here.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::{Secret, SsoError};

const LONGEST_SUBJECT: usize = 1_024;
const LONGEST_TEXT: usize = 8 * 1_024;
const MOST_CLAIMS: usize = 256;
const MOST_VALUES: usize = 4_096;
const DEEPEST: usize = 8;

/// Who an identity provider says is signing in, after every check of this crate.
///
/// The pair (`issuer`, `subject`) is the only key of a person; the rest are facts about them at this moment. Only this
/// crate can make one. All text in it is of limited length, in Unicode's normal form C and without control characters.
#[derive(Clone, PartialEq)]
pub struct VerifiedIdentity {
    /// The issuer, exactly as configured.
    pub issuer: String,
    /// The issuer's name for the person, compared byte by byte.
    pub subject: String,
    /// What the issuer says about them: the claims of an ID token, or the attributes of an assertion by name, each a text
    /// or a list of texts.
    pub claims: Map<String, Value>,
    /// Their e-mail address, if the issuer gives one.
    pub email: Option<Email>,
    /// Their groups.
    pub groups: Groups,
    /// When the issuer made this statement, by its own clock.
    pub issued_at: DateTime<Utc>,
    /// When the person last proved who they are, if the issuer says so.
    pub auth_time: Option<DateTime<Utc>>,
    /// The moment after which the issuer no longer vouches for the session (claim `session_expiry`,
    /// `SessionNotOnOrAfter`); a session built on this identity must not outlive it.
    pub expires_hint: Option<DateTime<Utc>>,
    /// The issuer's name for the session (claim `sid`, `SessionIndex`), by which it may end it.
    pub provider_session: Option<String>,
    /// The issuer's name for the person of the session, where it ends sessions by another name than the subject.
    pub provider_name: Option<String>,
    /// What to show the issuer when the person signs out: the ID token itself, or the names in the assertion.
    pub logout_hint: Option<Secret>,
    /// The messages that proved it. Each is good for one session: whoever opens one notes them in the same transaction,
    /// and opens none if one is noted already.
    pub spent: Vec<SpentMessage>,
    /// SHA-256 of the certificate that they were verified by, where the protocol has certificates.
    pub certificate: Option<String>,
    proof: Proof,
}

/// An e-mail address as an issuer gives it. Whether it may speak for anybody here is decided elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether the issuer says that it is the person's; nothing if it does not say.
    pub verified: Option<bool>,
}

/// What an issuer says of a person's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Groups {
    /// These, and no others.
    Known(Vec<String>),
    /// It did not say, or did not say all of them: somebody of whom too many are known looks like somebody in none.
    Unknown,
}

/// A message that must not prove anything twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentMessage {
    /// Its id, unique among the messages of its issuer.
    pub id: String,
    /// From when on it would be refused as expired in any case.
    pub forget_at: DateTime<Utc>,
}

/// Closes the struct: nobody outside can write the literal.
#[derive(Clone, Copy, PartialEq)]
struct Proof;

impl VerifiedIdentity {
    /// What was proven, if all of it is text that can be kept and compared. A subject is taken as it is or not at all;
    /// of what is said about the person, the normal form is taken.
    pub(crate) fn new(
        issuer: String,
        subject: String,
        claims: Map<String, Value>,
        issued_at: DateTime<Utc>,
    ) -> Result<Self, SsoError> {
        if !is_name(&subject, LONGEST_SUBJECT) {
            return Err(SsoError::SubjectInvalid);
        }
        Ok(Self {
            issuer,
            subject,
            claims: tidy_claims(claims)?,
            email: None,
            groups: Groups::Unknown,
            issued_at,
            auth_time: None,
            expires_hint: None,
            provider_session: None,
            provider_name: None,
            logout_hint: None,
            spent: Vec::new(),
            certificate: None,
            proof: Proof,
        })
    }

    /// A claim that is a text, or a list of one.
    pub fn claim(&self, name: &str) -> Option<&str> {
        match self.claims.get(name)? {
            Value::Array(values) => match values.as_slice() {
                [only] => only.as_str(),
                _ => None,
            },
            value => value.as_str(),
        }
    }
}

/// Not empty, not too long, in normal form C, without control characters.
fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && is_nfc(text) && !text.chars().any(char::is_control)
}

fn tidy_claims(claims: Map<String, Value>) -> Result<Map<String, Value>, SsoError> {
    if claims.len() > MOST_CLAIMS || claims.keys().any(|name| !is_name(name, LONGEST_TEXT)) {
        return Err(SsoError::AttributeRefused);
    }
    let mut values = 0;
    claims.into_iter().map(|(name, value)| Ok((name, tidy(value, &mut values, DEEPEST)?))).collect()
}

/// The value with its texts in normal form; refused if one is too long or has control characters, or if it is too much.
fn tidy(value: Value, values: &mut usize, depth: usize) -> Result<Value, SsoError> {
    *values += 1;
    let deeper = depth.checked_sub(1).filter(|_| *values <= MOST_VALUES).ok_or(SsoError::AttributeRefused)?;
    Ok(match value {
        Value::String(text) => Value::String(tidy_text(text)?),
        Value::Array(list) => {
            list.into_iter().map(|item| tidy(item, values, deeper)).collect::<Result<_, _>>()?
        }
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, member)| Ok((tidy_text(name)?, tidy(member, values, deeper)?)))
                .collect::<Result<_, SsoError>>()?,
        ),
        other => other,
    })
}

fn tidy_text(text: String) -> Result<String, SsoError> {
    // Tabs and line breaks are in street addresses (OpenID Connect Core section 5.1.1).
    let refused = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if text.len() > LONGEST_TEXT || text.chars().any(refused) {
        return Err(SsoError::AttributeRefused);
    }
    Ok(if is_nfc(&text) { text } else { text.nfc().collect() })
}

/// Claims are personal data: `Debug` prints the names of the claims and none of the values.
impl fmt::Debug for VerifiedIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifiedIdentity")
            .field("issuer", &self.issuer)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .field("issued_at", &self.issued_at)
            .field("auth_time", &self.auth_time)
            .field("expires_hint", &self.expires_hint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(subject: &str, claims: Value) -> Result<VerifiedIdentity, SsoError> {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        VerifiedIdentity::new("https://idp.test".to_owned(), subject.to_owned(), claims, DateTime::UNIX_EPOCH)
    }

    /// Check 73.
    #[test]
    fn a_subject_is_taken_as_it_is_or_not_at_all() {
        let longest = "x".repeat(LONGEST_SUBJECT);
        for fine in ["a", "Zoë", "山田", longest.as_str()] {
            assert_eq!(identity(fine, json!({})).unwrap().subject, fine);
        }
        let too_long = format!("{longest}x");
        for refused in ["", "Zoe\u{308}", "a\u{0}", "a\nb", "a\u{85}b", too_long.as_str()] {
            assert_eq!(identity(refused, json!({})), Err(SsoError::SubjectInvalid), "{refused:?}");
        }
    }

    /// Check 73.
    #[test]
    fn what_is_said_of_a_person_is_in_normal_form_and_of_limited_length() {
        let identity_of = |claims| identity("s", claims);

        let said =
            identity_of(json!({"name": "Zoe\u{308}", "groups": ["e\u{301}"], "at": {"street": "1\n2"}}))
                .unwrap();

        assert_eq!(said.claim("name"), Some("Zo\u{eb}"));
        assert_eq!(said.claim("groups"), Some("\u{e9}"));
        assert_eq!(said.claims["at"]["street"], "1\n2");
        let mut deep = json!("x");
        for _ in 0..=DEEPEST {
            deep = json!([deep]);
        }
        let many: Map<String, Value> = (0..=MOST_CLAIMS).map(|n| (n.to_string(), json!(n))).collect();
        for refused in [
            json!({"name": "a\u{0}b"}),
            json!({"name": ["fine", "a\u{1b}[2J"]}),
            json!({"at": {"str\u{7}eet": "x"}}),
            json!({"na\nme": "x"}),
            json!({"name": "x".repeat(LONGEST_TEXT + 1)}),
            json!({"groups": vec!["g"; MOST_VALUES + 1]}),
            json!({"deep": deep}),
            Value::Object(many),
        ] {
            assert_eq!(identity_of(refused), Err(SsoError::AttributeRefused));
        }
    }

    #[test]
    fn a_claim_is_a_text_or_a_list_of_one() {
        let said = identity("s", json!({"a": "1", "b": ["2"], "c": ["3", "4"], "d": [], "e": 5})).unwrap();

        assert_eq!((said.claim("a"), said.claim("b")), (Some("1"), Some("2")));
        for nothing in ["c", "d", "e", "f"] {
            assert_eq!(said.claim(nothing), None, "{nothing}");
        }
    }
}
