//! Single logout in both directions (SAML Core §3.7, Profiles §4.4). Knows who ends whose sessions; does not know
//! sessions.

use chrono::{DateTime, Utc};
use domain::clock::Entropy;
use roxmltree::Node;
use serde::{Deserialize, Serialize};

use super::assertion::NameId;
use super::binding::{self, Endpoint, Field, Outgoing, Received};
use super::names::{ASSERTION, PROTOCOL, all, only, text};
use super::prefilter::{Kind, Plain, signature};
use super::request::{instant as written, new_id};
use super::response::{Expected, instant, issued, version};
use super::signing::SigningKey;
use super::xml::{element, escaped};
use super::{Connection, Refusal, envelope, verify};
use crate::Secret;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// A message as it arrives.
#[derive(Clone, Copy, Debug)]
pub enum Incoming<'m> {
    /// The query of the address, not decoded.
    Query(&'m str),
    /// The fields of a form.
    Form {
        /// `SAMLRequest` or `SAMLResponse`.
        message: &'m str,
        /// `RelayState`.
        relay_state: Option<&'m str>,
    },
}

/// An identity provider's request to end somebody's sessions, after every check but that of its replay: the caller
/// remembers `id` until `remember_until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its id, which the answer names.
    pub id: String,
    /// Who.
    pub name_id: NameId,
    /// Which of the provider's sessions; all of them if it names none.
    pub session_indexes: Vec<String>,
    /// When it was made: an assertion that was issued before does not open a session any more.
    pub issued: DateTime<Utc>,
    /// Until when it could be played again.
    pub remember_until: DateTime<Utc>,
    /// To be given back with the answer.
    pub relay_state: Option<String>,
}

/// The names that a provider knows somebody's session by, to be told when they sign out here. What was kept of it is a
/// secret: who somebody is stays out of logs.
#[derive(Serialize, Deserialize)]
pub(super) struct Hint {
    pub(super) name_id: NameId,
    pub(super) session_index: Option<String>,
}

impl Hint {
    /// As it is kept; nothing can go wrong with text.
    pub(super) fn keep(&self) -> Option<Secret> {
        serde_json::to_string(self).ok().map(Secret::new)
    }
}

/// Reads a logout request that arrived at `url`.
pub fn request(
    incoming: Incoming<'_>,
    url: &str,
    connection: &Connection,
    now: DateTime<Utc>,
) -> Result<LogoutRequest, Refusal> {
    let (document, relay_state) = opened(incoming, Field::Request, connection, now)?;
    verified(&document, incoming, Kind::LogoutRequest, connection, now, |root| {
        let expected = Expected { connection, request: None, fresh_since: None, now };
        addressed(root, url, &expected)?;
        let until = instant(root, "NotOnOrAfter")?;
        if until.is_some_and(|until| now >= until + connection.clock_skew) {
            return Err(Refusal::Validity);
        }
        let name = only(root, ASSERTION, "NameID").ok_or(Refusal::ExactlyOne("NameID"))?;
        let issued = instant(root, "IssueInstant")?.ok_or(Refusal::IssueInstant("the request"))?;
        Ok(LogoutRequest {
            id: root.attribute("ID").ok_or(Refusal::Id("the request has none"))?.to_owned(),
            name_id: NameId::read(name)?,
            session_indexes: all(root, PROTOCOL, "SessionIndex")
                .filter_map(text)
                .map(ToOwned::to_owned)
                .collect(),
            issued,
            remember_until: until.unwrap_or(issued + super::response::OLDEST) + connection.clock_skew,
            relay_state: relay_state.clone(),
        })
    })
}

/// Reads the answer to our own logout request; `Ok(false)`: the provider could not end all of its sessions.
pub fn response(
    incoming: Incoming<'_>,
    url: &str,
    connection: &Connection,
    request: &str,
    now: DateTime<Utc>,
) -> Result<bool, Refusal> {
    let (document, _) = opened(incoming, Field::Response, connection, now)?;
    verified(&document, incoming, Kind::LogoutResponse, connection, now, |root| {
        let expected = Expected { connection, request: Some(request), fresh_since: None, now };
        addressed(root, url, &expected)?;
        expected.answers(root, "the response")?;
        let code = only(root, PROTOCOL, "Status").and_then(|status| only(status, PROTOCOL, "StatusCode"));
        Ok(code.and_then(|code| code.attribute("Value")) == Some(SUCCESS))
    })
}

fn opened(
    incoming: Incoming<'_>,
    field: Field,
    connection: &Connection,
    now: DateTime<Utc>,
) -> Result<(String, Option<String>), Refusal> {
    match incoming {
        Incoming::Query(query) => {
            let Received { document, relay_state } = binding::receive(field, query, connection, now)?;
            Ok((document, relay_state))
        }
        Incoming::Form { message, relay_state } => {
            Ok((envelope::open(message)?, relay_state.map(ToOwned::to_owned)))
        }
    }
}

/// Reads what was signed: in a query all of it, in a form what the signature in it covers.
fn verified<T>(
    document: &str,
    incoming: Incoming<'_>,
    kind: Kind,
    connection: &Connection,
    now: DateTime<Utc>,
    read: impl Fn(Node<'_, '_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let plain = Plain::read(document, kind, connection.sha1)?;
    if matches!(incoming, Incoming::Query(_)) {
        return read(plain.root());
    }
    if signature(plain.root()).is_none() {
        return Err(Refusal::Unsigned("the message"));
    }
    let signed = verify::signed(&plain, connection, now)?;
    let tree = signed.read(plain.root())?;
    read(tree.root_element())
}

fn addressed(root: Node<'_, '_>, url: &str, expected: &Expected<'_>) -> Result<(), Refusal> {
    version(root, "the message")?;
    if root.attribute("Destination") != Some(url) {
        return Err(Refusal::Destination);
    }
    if only(root, ASSERTION, "Issuer").and_then(text) != Some(&expected.connection.idp_entity_id) {
        return Err(Refusal::Issuer("the message"));
    }
    issued(root, "the message", expected)?;
    Ok(())
}

/// Answers a logout request. `done`: all sessions have ended.
pub fn answer(
    connection: &Connection,
    to: &Endpoint,
    key: &SigningKey,
    request: &LogoutRequest,
    done: bool,
    now: DateTime<Utc>,
    entropy: &dyn Entropy,
) -> Option<Outgoing> {
    let id = new_id(entropy);
    let status = if done { SUCCESS } else { "urn:oasis:names:tc:SAML:2.0:status:Responder" };
    let document = format!(
        "<samlp:LogoutResponse {head} InResponseTo=\"{answered}\"><saml:Issuer>{issuer}</saml:Issuer>\
         <samlp:Status><samlp:StatusCode Value=\"{status}\"/></samlp:Status></samlp:LogoutResponse>",
        head = head(&id, to, now),
        answered = escaped(&request.id),
        issuer = escaped(&connection.sp_entity_id),
    );
    binding::send(Field::Response, &document, &id, to, request.relay_state.as_deref(), key)
}

/// Asks an identity provider to end its session of somebody who signs out here: the request's id, and what the browser
/// is to do. `hint` is what the identity gave that the session was opened with.
pub fn start(
    connection: &Connection,
    to: &Endpoint,
    key: &SigningKey,
    hint: &Secret,
    now: DateTime<Utc>,
    entropy: &dyn Entropy,
) -> Option<(String, Outgoing)> {
    let Hint { name_id, session_index } = serde_json::from_str(hint.expose()).ok()?;
    let id = new_id(entropy);
    let qualifiers: String =
        [("NameQualifier", &name_id.qualifier), ("SPNameQualifier", &name_id.sp_qualifier)]
            .into_iter()
            .filter_map(|(name, party)| Some(format!(" {name}=\"{}\"", escaped(party.as_ref()?))))
            .collect();
    let document = format!(
        "<samlp:LogoutRequest {head}><saml:Issuer>{issuer}</saml:Issuer>\
         <saml:NameID Format=\"{format}\"{qualifiers}>{name}</saml:NameID>{session}</samlp:LogoutRequest>",
        head = head(&id, to, now),
        issuer = escaped(&connection.sp_entity_id),
        format = escaped(&name_id.format),
        name = escaped(&name_id.value),
        session = session_index.map(|index| element("samlp:SessionIndex", &index)).unwrap_or_default(),
    );
    let outgoing = binding::send(Field::Request, &document, &id, to, None, key)?;
    Some((id, outgoing))
}

fn head(id: &str, to: &Endpoint, now: DateTime<Utc>) -> String {
    format!(
        "xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{}\"",
        written(now),
        escaped(to.location.as_str())
    )
}
