//! Asking an identity provider to sign somebody in (SAML Core §3.4). Knows what is asked; does not know what is answered.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::clock::Entropy;

use super::binding::{self, Endpoint, Field, Outgoing};
use super::connection::hexadecimal;
use super::signing::SigningKey;
use super::xml::{element, escaped};
use super::{Connection, Subject};

/// What is asked beside "who is this".
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'w> {
    /// The person is to prove anew who they are.
    pub force: bool,
    /// The person is not to be asked anything.
    pub passive: bool,
    /// What the provider may fill its form with.
    pub login_hint: Option<&'w str>,
}

/// A request on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Its id, which the answer must name: 128 random bits.
    pub id: String,
    /// What the browser is to do.
    pub outgoing: Outgoing,
}

/// Makes a signed request. `relay_state` comes back with the answer.
pub fn start(
    connection: &Connection,
    endpoint: &Endpoint,
    key: &SigningKey,
    wish: Wish<'_>,
    relay_state: Option<&str>,
    now: DateTime<Utc>,
    entropy: &dyn Entropy,
) -> Option<AuthnRequest> {
    let id = new_id(entropy);
    let document = document(connection, endpoint, &id, wish, now);
    let outgoing = binding::send(Field::Request, &document, &id, endpoint, relay_state, key)?;
    Some(AuthnRequest { id, outgoing })
}

/// An id that nobody guesses and that is an XML name.
pub fn new_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    format!("_{}", hexadecimal(&bytes))
}

pub(super) fn instant(now: DateTime<Utc>) -> String {
    now.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn document(connection: &Connection, to: &Endpoint, id: &str, wish: Wish<'_>, now: DateTime<Utc>) -> String {
    let flag = |name: &str, set: bool| if set { format!(" {name}=\"true\"") } else { String::new() };
    let (force, passive) = (flag("ForceAuthn", wish.force), flag("IsPassive", wish.passive));
    let subject =
        wish.login_hint.map(|hint| format!("<saml:Subject>{}</saml:Subject>", element("saml:NameID", hint)));
    let format = match &connection.subject {
        Subject::NameId { format } => format!(" Format=\"{}\"", escaped(format)),
        Subject::Attribute { .. } => String::new(),
    };
    let contexts = connection.authn_contexts.iter().map(|uri| element("saml:AuthnContextClassRef", uri));
    let contexts = match contexts.collect::<String>() {
        none if none.is_empty() => none,
        contexts => {
            format!(
                "<samlp:RequestedAuthnContext Comparison=\"exact\">{contexts}</samlp:RequestedAuthnContext>"
            )
        }
    };
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{protocol}\" xmlns:saml=\"{assertion}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{at}\" Destination=\"{to}\" AssertionConsumerServiceURL=\"{acs}\" \
         ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"{force}{passive}>\
         <saml:Issuer>{issuer}</saml:Issuer>{subject}<samlp:NameIDPolicy{format} AllowCreate=\"true\"/>{contexts}\
         </samlp:AuthnRequest>",
        protocol = super::names::PROTOCOL,
        assertion = super::names::ASSERTION,
        at = instant(now),
        to = escaped(to.location.as_str()),
        acs = escaped(&connection.acs_url),
        issuer = escaped(&connection.sp_entity_id),
        subject = subject.unwrap_or_default(),
    )
}
