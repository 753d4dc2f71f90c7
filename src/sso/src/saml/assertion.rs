//! What an assertion must say (SAML Core §2, Profiles §4.1.4). Knows the connection and the time; reads only what was
//! signed.

use chrono::{DateTime, Duration, Utc};
use roxmltree::Node;
use serde::{Deserialize, Serialize};

use super::names::{ASSERTION, all, only, text};
use super::response::{Expected, instant, is_within, issued, version};
use super::{Attributes, Refusal, Subject};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// No identity provider gives a browser longer to carry an assertion over.
const LONGEST_CONFIRMATION: Duration = Duration::minutes(30);
/// Longer identifiers do not fit the 256 characters that SAML Core §8.3 allows persistent ones.
const LONGEST_SUBJECT: usize = 256;

/// What a valid assertion says.
pub(super) struct Said {
    pub(super) id: String,
    pub(super) issued_at: DateTime<Utc>,
    pub(super) name_id: NameId,
    pub(super) subject: String,
    pub(super) attributes: Attributes,
    pub(super) authn_instant: DateTime<Utc>,
    pub(super) authn_context: Option<String>,
    pub(super) session_index: Option<String>,
    pub(super) session_not_on_or_after: Option<DateTime<Utc>>,
    /// Until when the assertion could be played again.
    pub(super) not_on_or_after: DateTime<Utc>,
}

/// A name identifier with what qualifies it: a logout request repeats it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameId {
    /// The name.
    pub value: String,
    /// Its format.
    pub format: String,
    /// `NameQualifier`, if it is given: whose name it is.
    pub qualifier: Option<String>,
    /// `SPNameQualifier`, if it is given: for whom it is a name.
    pub sp_qualifier: Option<String>,
}

/// Holds a signed assertion to every rule.
pub(super) fn read(assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<Said, Refusal> {
    let connection = expected.connection;
    version(assertion, "the assertion")?;
    let issuer = only(assertion, ASSERTION, "Issuer").and_then(text);
    if issuer != Some(&connection.idp_entity_id) {
        return Err(Refusal::Issuer("the assertion"));
    }
    let issued_at = issued(assertion, "the assertion", expected)?;
    encrypted_parts(assertion)?;

    let subject = one(assertion, "Subject")?;
    let name_id = name_id(subject, expected)?;
    let confirmed_until = confirmation(subject, expected)?;
    let valid_until = conditions(one(assertion, "Conditions")?, expected)?;
    let authn = authn(one(assertion, "AuthnStatement")?, expected)?;
    let attributes = Attributes::read(assertion)?;
    Ok(Said {
        id: assertion.attribute("ID").ok_or(Refusal::Id("the assertion has none"))?.to_owned(),
        subject: key(&name_id, &attributes, &connection.subject)?,
        name_id,
        issued_at,
        attributes,
        not_on_or_after: confirmed_until.max(valid_until.unwrap_or(confirmed_until)),
        authn_instant: authn.instant,
        authn_context: authn.context,
        session_index: authn.session_index,
        session_not_on_or_after: authn.not_on_or_after,
    })
}

fn one<'a, 'i>(parent: Node<'a, 'i>, name: &'static str) -> Result<Node<'a, 'i>, Refusal> {
    only(parent, ASSERTION, name).ok_or(Refusal::ExactlyOne(name))
}

fn encrypted_parts(assertion: Node<'_, '_>) -> Result<(), Refusal> {
    let is_encrypted = |node: Node<'_, '_>| {
        node.is_element() && matches!(node.tag_name().name(), "EncryptedID" | "EncryptedAttribute")
    };
    if assertion.descendants().any(is_encrypted) { Err(Refusal::EncryptedPart) } else { Ok(()) }
}

fn name_id(subject: Node<'_, '_>, expected: &Expected<'_>) -> Result<NameId, Refusal> {
    let name = NameId::read(one(subject, "NameID")?)?;
    if let Subject::NameId { format: wanted } = &expected.connection.subject
        && (name.format != *wanted || name.format == TRANSIENT)
    {
        return Err(Refusal::NameIdFormat { found: format_name(&name.format), wanted: format_name(wanted) });
    }
    for (named, party) in [
        (&name.qualifier, &expected.connection.idp_entity_id),
        (&name.sp_qualifier, &expected.connection.sp_entity_id),
    ] {
        if named.as_ref().is_some_and(|named| named != party) {
            return Err(Refusal::NameIdQualifier);
        }
    }
    Ok(name)
}

/// A format of SAML Core §8.3 in a word: what else a message says is not repeated.
fn format_name(uri: &str) -> &'static str {
    const NAMES: [(&str, &str); 8] = [
        ("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "unspecified"),
        ("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "emailAddress"),
        ("urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName", "X509SubjectName"),
        (
            "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName",
            "WindowsDomainQualifiedName",
        ),
        ("urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos", "kerberos"),
        ("urn:oasis:names:tc:SAML:2.0:nameid-format:entity", "entity"),
        ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "persistent"),
        (TRANSIENT, "transient, which changes"),
    ];
    NAMES.into_iter().find(|(known, _)| *known == uri).map_or("another", |(_, name)| name)
}

impl NameId {
    /// A name that is there, of a length and of characters that names have.
    pub(super) fn read(element: Node<'_, '_>) -> Result<Self, Refusal> {
        let value = text(element).map(str::trim).filter(|value| !value.is_empty());
        let value = value.ok_or(Refusal::LeafText("NameID"))?;
        checked(value)?;
        let format = element.attribute("Format").unwrap_or(UNSPECIFIED);
        let given = |attribute| element.attribute(attribute).map(ToOwned::to_owned);
        Ok(Self {
            value: value.to_owned(),
            format: format.to_owned(),
            qualifier: given("NameQualifier"),
            sp_qualifier: given("SPNameQualifier"),
        })
    }
}

/// Who somebody is stays out of logs.
impl std::fmt::Debug for NameId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NameId").field("format", &self.format).finish_non_exhaustive()
    }
}

fn checked(value: &str) -> Result<(), Refusal> {
    if value.len() > LONGEST_SUBJECT || value.chars().any(char::is_control) {
        return Err(Refusal::AttributeText);
    }
    Ok(())
}

/// What identifies the person on this connection.
fn key(name_id: &NameId, attributes: &Attributes, subject: &Subject) -> Result<String, Refusal> {
    match subject {
        Subject::NameId { .. } => Ok(name_id.value.clone()),
        Subject::Attribute { name } => match attributes.of(name) {
            [value] if !value.is_empty() => {
                checked(value)?;
                Ok(value.clone())
            }
            _ => Err(Refusal::ExactlyOne("value of the attribute that names the person")),
        },
    }
}

/// Until when the person's bearer may present the assertion; by Profiles §4.1.4.2 one valid confirmation is enough.
fn confirmation(subject: Node<'_, '_>, expected: &Expected<'_>) -> Result<DateTime<Utc>, Refusal> {
    let mut refusal = Refusal::Confirmation("there is none");
    for candidate in all(subject, ASSERTION, "SubjectConfirmation") {
        if candidate.attribute("Method") != Some(BEARER) {
            continue;
        }
        match bearer(candidate, expected) {
            Ok(until) => return Ok(until),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

fn bearer(confirmation: Node<'_, '_>, expected: &Expected<'_>) -> Result<DateTime<Utc>, Refusal> {
    let data = only(confirmation, ASSERTION, "SubjectConfirmationData");
    let data = data.ok_or(Refusal::Confirmation("it has no data"))?;
    if data.attribute("Recipient") != Some(&expected.connection.acs_url) {
        return Err(Refusal::Confirmation("it names another recipient"));
    }
    if data.has_attribute("NotBefore") {
        return Err(Refusal::Confirmation("it has a beginning, which bearers may not have"));
    }
    let until = instant(data, "NotOnOrAfter")?.ok_or(Refusal::Confirmation("it has no end"))?;
    if expected.now >= until + expected.connection.clock_skew {
        return Err(Refusal::Confirmation("it has ended"));
    }
    if until > expected.now + LONGEST_CONFIRMATION {
        return Err(Refusal::Confirmation("it ends too late"));
    }
    expected.answers(data, "the confirmation")?;
    Ok(until)
}

/// Until when the assertion is valid, if it says so.
fn conditions(conditions: Node<'_, '_>, expected: &Expected<'_>) -> Result<Option<DateTime<Utc>>, Refusal> {
    let (from, until) = (instant(conditions, "NotBefore")?, instant(conditions, "NotOnOrAfter")?);
    if !is_within(expected, from, until) {
        return Err(Refusal::Validity);
    }
    let mut audiences = 0_usize;
    for condition in conditions.children().filter(Node::is_element) {
        match (condition.tag_name().namespace(), condition.tag_name().name()) {
            (Some(ASSERTION), "AudienceRestriction") => {
                audiences += 1;
                let us = Some(expected.connection.sp_entity_id.as_str());
                if !all(condition, ASSERTION, "Audience").any(|audience| text(audience) == us) {
                    return Err(Refusal::Audience);
                }
            }
            // The replay memory makes every assertion a one-time one; and we are nobody's proxy.
            (Some(ASSERTION), "OneTimeUse" | "ProxyRestriction") => {}
            _ => return Err(Refusal::UnknownCondition),
        }
    }
    if audiences == 0 { Err(Refusal::Audience) } else { Ok(until) }
}

struct Authn {
    instant: DateTime<Utc>,
    context: Option<String>,
    session_index: Option<String>,
    not_on_or_after: Option<DateTime<Utc>>,
}

fn authn(statement: Node<'_, '_>, expected: &Expected<'_>) -> Result<Authn, Refusal> {
    let connection = expected.connection;
    let authenticated = instant(statement, "AuthnInstant")?.ok_or(Refusal::AuthnInstant)?;
    let too_old =
        connection.max_age.is_some_and(|age| authenticated < expected.now - age - connection.clock_skew);
    let before_asked =
        expected.fresh_since.is_some_and(|asked| authenticated < asked - connection.clock_skew);
    if authenticated > expected.now + connection.clock_skew || too_old || before_asked {
        return Err(Refusal::AuthnInstant);
    }
    let ended = instant(statement, "SessionNotOnOrAfter")?;
    if ended.is_some_and(|ended| expected.now >= ended + connection.clock_skew) {
        return Err(Refusal::SessionEnded);
    }
    let context = only(statement, ASSERTION, "AuthnContext")
        .and_then(|context| only(context, ASSERTION, "AuthnContextClassRef"))
        .and_then(text);
    let required = &connection.authn_contexts;
    if !required.is_empty() && !context.is_some_and(|context| required.iter().any(|one| one == context)) {
        return Err(Refusal::AuthnContext);
    }
    Ok(Authn {
        instant: authenticated,
        context: context.map(ToOwned::to_owned),
        session_index: statement.attribute("SessionIndex").map(ToOwned::to_owned),
        not_on_or_after: ended,
    })
}
