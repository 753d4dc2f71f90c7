//! What attacks start from: a response that the provider has signed, in every variant of a signature that there is, and the
//! surgery on it. Knows signatures and texts; does not know which attack it serves.

use std::sync::LazyLock;

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use samael::crypto::{Crypto, CryptoProvider as _};
use sso::saml::Connection;

use crate::world::{self, Signer, assertion, between, changed, provider, response, stranger};

/// Who the provider's signature is about.
pub(crate) const PERSON: &str = "p-1001";
/// Who an attack wants to be.
pub(crate) const VICTIM: &str = "p-0001";

pub(crate) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";

/// Where a part stands, as seen from the part that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Before,
    Inside,
    After,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::Inside, Self::After];

    /// `part` before or behind `whole`, or the last thing in its root element.
    pub(crate) fn put(self, part: &str, whole: &str) -> String {
        match self {
            Self::Before => format!("{part}{whole}"),
            Self::After => format!("{whole}{part}"),
            Self::Inside => {
                let (content, end) = whole.rsplit_once("</").unwrap();
                format!("{content}{part}</{end}")
            }
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Inside => "inside",
            Self::After => "after",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Assertion,
    Response,
    Both,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [Self::Assertion, Self::Response, Self::Both];
}

/// A signature's variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) shape: Shape,
    pub(crate) inclusive: bool,
    pub(crate) curve: bool,
    pub(crate) bits: u16,
}

impl Profile {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for shape in Shape::ALL {
            for inclusive in [false, true] {
                for curve in [false, true] {
                    for bits in [256, 384, 512] {
                        all.push(Self { shape, inclusive, curve, bits });
                    }
                }
            }
        }
        all
    }

    pub(crate) const PLAIN: Self =
        Self { shape: Shape::Assertion, inclusive: false, curve: false, bits: 256 };

    pub(crate) fn words(self) -> String {
        let shape = match self.shape {
            Shape::Assertion => "assertion signed",
            Shape::Response => "response signed",
            Shape::Both => "both signed",
        };
        let canonical = if self.inclusive { "inclusive" } else { "exclusive" };
        let key = if self.curve { "ecdsa" } else { "rsa" };
        format!("{shape}, {canonical}, {key}-sha{}", self.bits)
    }

    pub(crate) fn provider(self) -> &'static Signer {
        if self.curve { &PROVIDER_ON_A_CURVE } else { provider() }
    }

    pub(crate) fn stranger(self) -> &'static Signer {
        if self.curve { &STRANGER_ON_A_CURVE } else { stranger() }
    }

    /// The signature before it is made.
    pub(crate) fn template(self, id: &str) -> String {
        let method = if self.curve { "ecdsa" } else { "rsa" };
        let canonical = if self.inclusive { INCLUSIVE } else { EXCLUSIVE };
        let digest = match self.bits {
            384 => "http://www.w3.org/2001/04/xmldsig-more#sha384".to_owned(),
            bits => format!("http://www.w3.org/2001/04/xmlenc#sha{bits}"),
        };
        format!(
            r##"<ds:Signature xmlns:ds="{XMLDSIG}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{canonical}"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#{method}-sha{bits}"/><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{XMLDSIG}enveloped-signature"/><ds:Transform Algorithm="{canonical}"/></ds:Transforms><ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>"##,
            bits = self.bits
        )
    }

    /// Signs the element with this ID where it stands; its issuer must be its first child.
    pub(crate) fn sign(self, signer: &Signer, document: &str, id: &str) -> String {
        sign_with(signer, document, id, &self.template(id))
    }

    /// A response as this variant has it signed.
    pub(crate) fn response(self, signer: &Signer, document: &str) -> String {
        let mut document = document.to_owned();
        if self.shape != Shape::Response {
            document = self.sign(signer, &document, "_a1");
        }
        if self.shape != Shape::Assertion {
            document = self.sign(signer, &document, "_r1");
        }
        document
    }
}

/// Puts the template behind the issuer of the element with this ID, and has it filled in.
pub(crate) fn sign_with(signer: &Signer, document: &str, id: &str, template: &str) -> String {
    try_to_sign(signer, document, id, template).unwrap()
}

/// The same; nothing if there is no such signature.
pub(crate) fn try_to_sign(signer: &Signer, document: &str, id: &str, template: &str) -> Option<String> {
    let document = with_signature(document, id, template);
    let made = Crypto::sign_xml(document, &signer.key.private_key_to_der().unwrap()).ok()?;
    Some(made.split_once("?>").map_or(made.clone(), |(_, rest)| rest.trim().to_owned()))
}

/// The template where the signature belongs, not filled in.
pub(crate) fn with_signature(document: &str, id: &str, template: &str) -> String {
    let (head, rest) = document.split_once(&format!("ID=\"{id}\"")).unwrap();
    let (before, after) = rest.split_once("</saml:Issuer>").unwrap();
    format!("{head}ID=\"{id}\"{before}</saml:Issuer>{template}{after}")
}

fn on_a_curve() -> Signer {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    Signer::new(PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap())
}

static PROVIDER_ON_A_CURVE: LazyLock<Signer> = LazyLock::new(on_a_curve);
static STRANGER_ON_A_CURVE: LazyLock<Signer> = LazyLock::new(on_a_curve);

/// The connection of the other tests, with both keys of the provider.
pub(crate) fn connection() -> Connection {
    let mut connection = world::connection();
    connection.certificates.push(PROVIDER_ON_A_CURVE.trusted());
    connection
}

/// A response about [`PERSON`] that the provider signed.
pub(crate) struct Base {
    pub(crate) profile: Profile,
    pub(crate) document: String,
}

impl Base {
    pub(crate) fn new(profile: Profile) -> Self {
        Self::of(profile, &response(&assertion()))
    }

    pub(crate) fn of(profile: Profile, document: &str) -> Self {
        Self { profile, document: profile.response(profile.provider(), document) }
    }

    pub(crate) fn is_response_signed(&self) -> bool {
        self.profile.shape != Shape::Assertion
    }

    /// The assertion, with its signature if it has one.
    pub(crate) fn assertion(&self) -> &str {
        between(&self.document, "<saml:Assertion", "</saml:Assertion>")
    }

    /// The same without.
    pub(crate) fn bare_assertion(&self) -> String {
        unsigned(self.assertion())
    }

    /// The signature that stands first in the document.
    pub(crate) fn signature(&self) -> &str {
        signature(&self.document)
    }
}

/// The first signature in a text.
pub(crate) fn signature(text: &str) -> &str {
    between(text, "<ds:Signature ", "</ds:Signature>")
}

/// A text without its first signature.
pub(crate) fn unsigned(text: &str) -> String {
    if text.contains("<ds:Signature ") { text.replacen(signature(text), "", 1) } else { text.to_owned() }
}

/// What an attack wants to be believed.
pub(crate) fn forged(id: &str) -> String {
    changed(&changed(&assertion(), PERSON, VICTIM), "\"_a1\"", &format!("\"{id}\""))
}

/// A response around it, in the name of another ID.
pub(crate) fn forged_response(id: &str, content: &str) -> String {
    changed(&response(content), "\"_r1\"", &format!("\"{id}\""))
}

/// A text behind the first issuer in another.
pub(crate) fn behind_issuer(text: &str, part: &str) -> String {
    changed(text, "</saml:Issuer>", &format!("</saml:Issuer>{part}"))
}

/// An attack: what it is, and the message before it is base64.
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) message: Vec<u8>,
}

pub(crate) fn attack(name: impl Into<String>, message: impl Into<Vec<u8>>) -> Attack {
    Attack { name: name.into(), message: message.into() }
}
