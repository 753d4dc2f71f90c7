//! A response at the assertion consumer service. Knows the order of the checks; what an assertion must say, `assertion`
//! knows.

use chrono::{DateTime, Duration, Utc};
use roxmltree::{Document, Node};

use super::assertion::{self, NameId, Said};
use super::connection::Signed;
use super::names::{ASSERTION, PROTOCOL, is, only, text};
use super::prefilter::{Kind, Plain, signature};
use super::refusal::Status;
use super::{Attributes, Connection, Refusal, decrypt, envelope, verify};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// A response is made when the browser is sent on; a person who is asked for consent takes a few minutes.
pub(super) const OLDEST: Duration = Duration::minutes(10);

/// What a response is held to.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// The connection at whose address it arrived.
    pub connection: &'e Connection,
    /// The request of this browser that it answers; none if nobody asked.
    pub request: Option<&'e str>,
    /// Since when the person must have proved who they are, if the request asked for that.
    pub fresh_since: Option<DateTime<Utc>>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Who a response says is signing in, after every check that needs no memory. That it is not played again, the caller
/// remembers: `id` and `response_id` until `remember_until`, in the transaction that opens the session.
pub struct Accepted {
    /// What identifies the person on the connection.
    pub subject: String,
    /// The name identifier, for a logout.
    pub name_id: NameId,
    /// What the provider says of them.
    pub attributes: Attributes,
    /// When they proved who they are.
    pub authn_instant: DateTime<Utc>,
    /// By what means.
    pub authn_context: Option<String>,
    /// The provider's name for its session.
    pub session_index: Option<String>,
    /// When the provider's session ends.
    pub session_not_on_or_after: Option<DateTime<Utc>>,
    /// The assertion's id.
    pub id: String,
    /// When it was made.
    pub issued_at: DateTime<Utc>,
    /// The response's id.
    pub response_id: String,
    /// Until when both could be played again.
    pub remember_until: DateTime<Utc>,
    /// SHA-256 of the certificate that made the signature.
    pub certificate: String,
}

/// Who somebody is stays out of logs.
impl std::fmt::Debug for Accepted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Accepted").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Reads a response as it came, in base64.
pub fn accept(message: &str, expected: &Expected<'_>) -> Result<Accepted, Refusal> {
    let connection = expected.connection;
    connection.trusted(expected.now)?;
    let text = envelope::open(message)?;
    let shown = Plain::read(&text, Kind::Response, connection.sha1)?;
    response(shown.root(), expected)?;
    let found = shown.assertion().ok_or(Refusal::ExactlyOne("Assertion"))?;
    if signature(shown.root()).is_some() {
        signed_response(&shown, found, expected)
    } else if connection.signed == Signed::Response || connection.signed == Signed::Both {
        Err(Refusal::Unsigned("the response"))
    } else {
        let id = shown.root().attribute("ID").ok_or(Refusal::Id("the response has none"))?;
        signed_assertion(&shown, found, id, expected)
    }
}

/// The response is signed, and all of it is read from what was signed.
fn signed_response(
    shown: &Plain<'_>,
    found: Node<'_, '_>,
    expected: &Expected<'_>,
) -> Result<Accepted, Refusal> {
    let connection = expected.connection;
    let signed = verify::signed(shown, connection, expected.now)?;
    let tree = signed.read(shown.root())?;
    let root = tree.root_element();
    response(root, expected)?;
    if root.attribute("Destination").is_none() {
        return Err(Refusal::Destination); // Bindings §3.5.5.2: a signed message must say where it goes
    }
    let id = root.attribute("ID").ok_or(Refusal::Id("the response has none"))?;
    let both = connection.signed == Signed::Both || connection.signed == Signed::Assertion;
    if is(found, ASSERTION, "EncryptedAssertion") {
        let encrypted = only(root, ASSERTION, "EncryptedAssertion").ok_or(Refusal::SignedSomethingElse)?;
        let text = decrypt::assertion(encrypted, &connection.decryption_keys)?;
        let plain = Plain::read(&text, Kind::Assertion, connection.sha1)?;
        if signature(plain.root()).is_some() {
            let inner = verify::signed(&plain, connection, expected.now)?;
            let tree = inner.read(plain.root())?;
            return said(&tree.root_element(), id, signed.certificate.fingerprint(), expected);
        }
        if both {
            return Err(Refusal::Unsigned("the assertion"));
        }
        return said(&plain.root(), id, signed.certificate.fingerprint(), expected);
    }
    if both && signature(found).is_none() {
        return Err(Refusal::Unsigned("the assertion"));
    }
    let assertion = only(root, ASSERTION, "Assertion").ok_or(Refusal::SignedSomethingElse)?;
    said(&assertion, id, signed.certificate.fingerprint(), expected)
}

/// Only the assertion is signed, and only it is believed.
fn signed_assertion(
    shown: &Plain<'_>,
    found: Node<'_, '_>,
    response_id: &str,
    expected: &Expected<'_>,
) -> Result<Accepted, Refusal> {
    let connection = expected.connection;
    let decrypted;
    let plain;
    let (document, holder) = if is(found, ASSERTION, "EncryptedAssertion") {
        decrypted = decrypt::assertion(found, &connection.decryption_keys)?;
        plain = Plain::read(&decrypted, Kind::Assertion, connection.sha1)?;
        (&plain, plain.root())
    } else {
        (shown, found)
    };
    if signature(holder).is_none() {
        return Err(Refusal::Unsigned("the assertion"));
    }
    let signed = verify::signed(document, connection, expected.now)?;
    let tree: Document<'_> = signed.read(holder)?;
    said(&tree.root_element(), response_id, signed.certificate.fingerprint(), expected)
}

fn said(
    assertion: &Node<'_, '_>,
    response_id: &str,
    certificate: String,
    expected: &Expected<'_>,
) -> Result<Accepted, Refusal> {
    let said: Said = assertion::read(*assertion, expected)?;
    Ok(Accepted {
        subject: said.subject,
        name_id: said.name_id,
        attributes: said.attributes,
        authn_instant: said.authn_instant,
        authn_context: said.authn_context,
        session_index: said.session_index,
        session_not_on_or_after: said.session_not_on_or_after,
        id: said.id,
        issued_at: said.issued_at,
        response_id: response_id.to_owned(),
        remember_until: said.not_on_or_after + expected.connection.clock_skew,
        certificate,
    })
}

/// The response itself, signed or not: what it says is held against it in either case.
fn response(root: Node<'_, '_>, expected: &Expected<'_>) -> Result<(), Refusal> {
    version(root, "the response")?;
    let destination = root.attribute("Destination");
    if destination.is_some_and(|destination| destination != expected.connection.acs_url) {
        return Err(Refusal::Destination);
    }
    let issuer = only(root, ASSERTION, "Issuer").and_then(text);
    if issuer.is_some_and(|issuer| issuer != expected.connection.idp_entity_id) {
        return Err(Refusal::Issuer("the response"));
    }
    expected.answers(root, "the response")?;
    status(root)?;
    issued(root, "the response", expected)?;
    Ok(())
}

fn status(root: Node<'_, '_>) -> Result<(), Refusal> {
    let code = only(root, PROTOCOL, "Status").and_then(|status| only(status, PROTOCOL, "StatusCode"));
    let code = code.ok_or(Refusal::Status(Status::Other))?;
    if code.attribute("Value") == Some(SUCCESS) {
        return Ok(());
    }
    let detail = only(code, PROTOCOL, "StatusCode").and_then(|detail| detail.attribute("Value"));
    let status = detail.and_then(|uri| uri.strip_prefix("urn:oasis:names:tc:SAML:2.0:status:"));
    Err(Refusal::Status(match status {
        Some("AuthnFailed") => Status::AuthnFailed,
        Some("NoPassive") => Status::NoPassive,
        Some("RequestDenied") => Status::RequestDenied,
        Some("NoAuthnContext" | "InvalidNameIDPolicy" | "RequestUnsupported" | "UnsupportedBinding") => {
            Status::Unsupported
        }
        _ => Status::Other,
    }))
}

pub(super) fn version(element: Node<'_, '_>, what: &'static str) -> Result<(), Refusal> {
    if element.attribute("Version") == Some("2.0") { Ok(()) } else { Err(Refusal::Version(what)) }
}

/// When it was issued: within the last minutes, as both clocks see it.
pub(super) fn issued(
    element: Node<'_, '_>,
    what: &'static str,
    expected: &Expected<'_>,
) -> Result<DateTime<Utc>, Refusal> {
    let issued = instant(element, "IssueInstant")?.ok_or(Refusal::IssueInstant(what))?;
    let skew = expected.connection.clock_skew;
    if issued > expected.now + skew || issued < expected.now - OLDEST - skew {
        return Err(Refusal::IssueInstant(what));
    }
    Ok(issued)
}

/// Whether the time lies in a span, of which either end may be open, as both clocks see it. The end itself is outside.
pub(super) fn is_within(
    expected: &Expected<'_>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> bool {
    let skew = expected.connection.clock_skew;
    from.is_none_or(|from| expected.now >= from - skew)
        && until.is_none_or(|until| expected.now < until + skew)
}

/// A time in an attribute (SAML Core §1.3.3: in UTC, written with `Z`).
pub(super) fn instant(element: Node<'_, '_>, name: &'static str) -> Result<Option<DateTime<Utc>>, Refusal> {
    let Some(written) = element.attribute(name) else { return Ok(None) };
    let read = DateTime::parse_from_rfc3339(written).ok().filter(|_| written.ends_with('Z'));
    read.map(|time| Some(time.to_utc())).ok_or(Refusal::Time(name))
}

impl Expected<'_> {
    /// Whether an element answers this browser's request, or, if there was none, nobody's.
    pub(super) fn answers(&self, element: Node<'_, '_>, what: &'static str) -> Result<(), Refusal> {
        match (self.request, element.attribute("InResponseTo")) {
            (Some(request), Some(answered)) if request == answered => Ok(()),
            (None, None) if self.connection.unsolicited => Ok(()),
            (None, None) => Err(Refusal::Unsolicited),
            _ => Err(Refusal::InResponseTo(what)),
        }
    }
}
