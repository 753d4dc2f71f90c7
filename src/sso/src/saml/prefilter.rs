//! The strict reading of a message before anything cryptographic touches it. Knows which documents are plain enough to
//! be read in one way only; does not know keys, times or persons.
//!
//! Attacks on SAML live from two readers of one document who see different things. So a document passes here only if
//! there is one assertion at most, where it belongs, signatures stand where they belong and cover what they stand in, and
//! nothing in it asks a parser or the signature library for more than reading it.

use std::collections::HashSet;
use std::ptr;

use roxmltree::{Document, Namespace, Node, ParsingOptions};

use super::names::{
    ASSERTION, ENCRYPTION, EXCLUSIVE, PREFIXES, PROTOCOL, SIGNATURE, all, is, only, text as text_of,
};
use super::{Refusal, scan};

/// A text node or an attribute; a certificate has two kilobytes.
const LONGEST_TEXT: usize = 64 * 1024;

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const XML_SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const XINCLUDE: &str = "http://www.w3.org/2001/XInclude";

/// Signature algorithms, RFC 6931 §2.3: RSA and ECDSA with SHA-2.
const SIGNATURE_ALGORITHMS: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];
/// Only where a connection allows it.
const RSA_SHA1: &str = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
const DIGEST_ALGORITHMS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";

/// Parts of an assertion that stand nowhere else (SAML Core §2.3.3).
const STATEMENTS: [&str; 4] = ["Subject", "Conditions", "AuthnStatement", "AttributeStatement"];

/// What a document is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An answer of an identity provider.
    Response,
    /// An assertion that was encrypted.
    Assertion,
    /// A request to end sessions.
    LogoutRequest,
    /// The answer to one.
    LogoutResponse,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Response => "Response",
            Self::Assertion => "Assertion",
            Self::LogoutRequest => "LogoutRequest",
            Self::LogoutResponse => "LogoutResponse",
        }
    }

    const fn namespace(self) -> &'static str {
        match self {
            Self::Assertion => ASSERTION,
            Self::Response | Self::LogoutRequest | Self::LogoutResponse => PROTOCOL,
        }
    }
}

/// A document that can be read in one way only.
pub(super) struct Plain<'t> {
    text: &'t str,
    tree: Document<'t>,
}

impl<'t> Plain<'t> {
    /// Reads it. `sha1`: whether the connection still allows signatures by SHA-1.
    pub(super) fn read(text: &'t str, kind: Kind, sha1: bool) -> Result<Self, Refusal> {
        scan::scan(text)?;
        let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
        let tree = Document::parse_with_options(text, options).map_err(|error| match error {
            roxmltree::Error::DtdDetected => Refusal::DocumentType,
            _ => Refusal::Malformed,
        })?;
        let plain = Self { text, tree };
        plain.check(kind, sha1)?;
        Ok(plain)
    }

    /// The document's text.
    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// Its root element.
    pub(super) fn root(&self) -> Node<'_, 't> {
        self.tree.root_element()
    }

    /// The assertion in it, plain or encrypted, if there is one.
    pub(super) fn assertion(&self) -> Option<Node<'_, 't>> {
        let root = self.root();
        if is(root, ASSERTION, "Assertion") {
            return Some(root);
        }
        root.children()
            .find(|node| is(*node, ASSERTION, "Assertion") || is(*node, ASSERTION, "EncryptedAssertion"))
    }

    fn check(&self, kind: Kind, sha1: bool) -> Result<(), Refusal> {
        let root = self.root();
        if !is(root, kind.namespace(), kind.name()) {
            return Err(Refusal::Root(kind.name()));
        }
        let mut ids = HashSet::new();
        // Every element has all that are in force there, so each declaration is looked at once.
        let mut seen = HashSet::new();
        for element in self.tree.descendants().filter(Node::is_element) {
            for namespace in element.namespaces().filter(|it| seen.insert(ptr::from_ref::<Namespace<'_>>(it)))
            {
                declared(namespace)?;
            }
            attributes(element, &mut ids)?;
            texts(element)?;
            place(element, root)?;
        }
        assertions(root)?;
        if kind == Kind::Response {
            content(root)?;
        }
        for holder in
            [Some(root), self.assertion().filter(|assertion| *assertion != root)].into_iter().flatten()
        {
            signature_of(holder, sha1)?;
        }
        Ok(())
    }
}

fn declared(namespace: &Namespace<'_>) -> Result<(), Refusal> {
    let (prefix, uri) = (namespace.name(), namespace.uri());
    if !is_absolute(uri) {
        return Err(Refusal::Namespace("it is empty or relative"));
    }
    if prefix == Some("xmlns") {
        return Err(Refusal::Namespace("a reserved prefix is declared"));
    }
    let meant = PREFIXES.into_iter().find(|(name, _)| Some(*name) == prefix);
    if meant.is_some_and(|(_, meant)| meant != uri) {
        return Err(Refusal::Namespace("a well-known prefix stands for something else"));
    }
    Ok(())
}

/// RFC 3986 §4.3: it begins with a scheme.
fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

fn attributes(element: Node<'_, '_>, ids: &mut HashSet<String>) -> Result<(), Refusal> {
    if element.tag_name().namespace() == Some(XINCLUDE) {
        return Err(Refusal::Inclusion);
    }
    for attribute in element.attributes() {
        if attribute.value().len() > LONGEST_TEXT {
            return Err(Refusal::Oversized("characters in one place"));
        }
        if attribute.namespace() == Some(XML_SCHEMA_INSTANCE)
            && matches!(attribute.name(), "schemaLocation" | "noNamespaceSchemaLocation")
        {
            return Err(Refusal::Inclusion);
        }
        if attribute.name().eq_ignore_ascii_case("id") {
            if attribute.namespace().is_some() {
                return Err(Refusal::Id("it is in a namespace"));
            }
            if !is_name(attribute.value()) {
                return Err(Refusal::Id("it is no XML name"));
            }
            if !ids.insert(attribute.value().to_ascii_lowercase()) {
                return Err(Refusal::Id("it stands there twice"));
            }
        }
    }
    Ok(())
}

/// An `NCName` of ASCII characters, which is what every implementation makes.
fn is_name(id: &str) -> bool {
    id.len() <= 256
        && id.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// Values of the schema that are one text, and how long texts are.
fn texts(element: Node<'_, '_>) -> Result<(), Refusal> {
    let is_cipher = is(element, ENCRYPTION, "CipherValue");
    let long =
        |node: Node<'_, '_>| node.is_text() && node.text().is_some_and(|text| text.len() > LONGEST_TEXT);
    if !is_cipher && element.children().any(long) {
        return Err(Refusal::Oversized("characters in one place"));
    }
    for (namespace, name) in [
        (ASSERTION, "Issuer"),
        (ASSERTION, "NameID"),
        (ASSERTION, "Audience"),
        (ASSERTION, "AuthnContextClassRef"),
        (PROTOCOL, "SessionIndex"),
    ] {
        if is(element, namespace, name) && text_of(element).is_none() {
            return Err(Refusal::LeafText(name));
        }
    }
    Ok(())
}

/// Whether an element with a name that matters stands where it belongs.
fn place(element: Node<'_, '_>, root: Node<'_, '_>) -> Result<(), Refusal> {
    for (name, namespace) in [
        ("Assertion", ASSERTION),
        ("EncryptedAssertion", ASSERTION),
        ("Signature", SIGNATURE),
        ("Response", PROTOCOL),
    ] {
        if element.tag_name().name() == name && element.tag_name().namespace() != Some(namespace) {
            return Err(Refusal::BorrowedName(name));
        }
    }
    if element == root {
        return Ok(());
    }
    let parent = element.parent();
    let below_root = parent == Some(root);
    if is(element, PROTOCOL, "Response") {
        return Err(Refusal::Root("Response"));
    }
    if is(element, ASSERTION, "Assertion") || is(element, ASSERTION, "EncryptedAssertion") {
        return if below_root && is(root, PROTOCOL, "Response") {
            Ok(())
        } else {
            Err(Refusal::AssertionPlace)
        };
    }
    for name in STATEMENTS {
        if is(element, ASSERTION, name) && !parent.is_some_and(|parent| is(parent, ASSERTION, "Assertion")) {
            return Err(Refusal::Stray(name));
        }
    }
    if is(element, SIGNATURE, "Signature") {
        let in_assertion = parent.is_some_and(|parent| is(parent, ASSERTION, "Assertion"));
        return if below_root || in_assertion { Ok(()) } else { Err(Refusal::SignaturePlace) };
    }
    Ok(())
}

/// One at most, plain or encrypted; an answer that says what went wrong has none.
fn assertions(root: Node<'_, '_>) -> Result<(), Refusal> {
    let found = all(root, ASSERTION, "Assertion").chain(all(root, ASSERTION, "EncryptedAssertion")).count();
    if found > 1 { Err(Refusal::AssertionPlace) } else { Ok(()) }
}

/// SAML Core §3.2.2 and §3.3.3: what a response is made of.
fn content(root: Node<'_, '_>) -> Result<(), Refusal> {
    const PARTS: [(&str, &str); 6] = [
        (ASSERTION, "Issuer"),
        (SIGNATURE, "Signature"),
        (PROTOCOL, "Extensions"),
        (PROTOCOL, "Status"),
        (ASSERTION, "Assertion"),
        (ASSERTION, "EncryptedAssertion"),
    ];
    let belongs = |child: Node<'_, '_>| match child.text().filter(|_| child.is_text()) {
        Some(text) => text.trim().is_empty(),
        None => PARTS.into_iter().any(|(namespace, name)| is(child, namespace, name)),
    };
    if root.children().all(belongs) { Ok(()) } else { Err(Refusal::Stray("something in the response")) }
}

/// The signature that stands in an element, if one does: XML Signature, narrowed to what SAML Core §5.4 asks for.
pub(super) fn signature<'a, 'i>(holder: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    holder.children().find(|node| is(*node, SIGNATURE, "Signature"))
}

fn signature_of(holder: Node<'_, '_>, sha1: bool) -> Result<(), Refusal> {
    if all(holder, SIGNATURE, "Signature").count() > 1 {
        return Err(Refusal::SignaturePlace);
    }
    let Some(signature) = signature(holder) else { return Ok(()) };
    let (info, value) = parts(signature)?;
    method(info, "CanonicalizationMethod", |uri| uri == EXCLUSIVE, Refusal::Canonicalization)?;
    let allowed = |uri: &str| SIGNATURE_ALGORITHMS.contains(&uri) || (sha1 && uri == RSA_SHA1);
    method(info, "SignatureMethod", allowed, Refusal::SignatureAlgorithm)?;

    let reference = only(info, SIGNATURE, "Reference").ok_or(Refusal::ReferenceCount)?;
    if info.children().filter(Node::is_element).count() != 3 {
        return Err(Refusal::SignatureParts);
    }
    let target = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#'));
    if target.is_none() || target != holder.attribute("ID") {
        return Err(Refusal::ReferenceTarget);
    }
    transforms(reference)?;
    let allowed = |uri: &str| DIGEST_ALGORITHMS.contains(&uri) || (sha1 && uri == SHA1);
    method(reference, "DigestMethod", allowed, Refusal::DigestAlgorithm)?;
    let digest = only(reference, SIGNATURE, "DigestValue").ok_or(Refusal::SignatureText)?;
    if text_of(digest).is_none() || text_of(value).is_none() {
        return Err(Refusal::SignatureText);
    }
    Ok(())
}

/// `SignedInfo` and `SignatureValue`.
fn parts<'a, 'i>(signature: Node<'a, 'i>) -> Result<(Node<'a, 'i>, Node<'a, 'i>), Refusal> {
    let info = only(signature, SIGNATURE, "SignedInfo").ok_or(Refusal::SignatureParts)?;
    let value = only(signature, SIGNATURE, "SignatureValue").ok_or(Refusal::SignatureParts)?;
    let key_info: Vec<_> = all(signature, SIGNATURE, "KeyInfo").collect();
    let elements = signature.children().filter(Node::is_element).count();
    if key_info.len() > 1 || elements != key_info.len().saturating_add(2) {
        return Err(Refusal::SignatureParts);
    }
    // The key is the connection's, whatever stands there; but nobody is sent to fetch one either.
    let fetches = |node: Node<'_, '_>| {
        node.is_element() && matches!(node.tag_name().name(), "RetrievalMethod" | "KeyInfoReference")
    };
    if key_info.into_iter().any(|info| info.descendants().any(fetches)) {
        return Err(Refusal::KeyInfo);
    }
    Ok((info, value))
}

/// The one element that names an algorithm. It has no parameters.
fn method(
    parent: Node<'_, '_>,
    name: &'static str,
    allowed: impl Fn(&str) -> bool,
    refusal: Refusal,
) -> Result<(), Refusal> {
    let method = only(parent, SIGNATURE, name).ok_or(refusal)?;
    let known = method.attribute("Algorithm").is_some_and(allowed);
    let plain =
        !method.children().any(|child| child.is_element() && !is(child, EXCLUSIVE, "InclusiveNamespaces"));
    if known && plain { Ok(()) } else { Err(refusal) }
}

/// The enveloped signature, once, and exclusive canonicalisation, once.
fn transforms(reference: Node<'_, '_>) -> Result<(), Refusal> {
    let transforms = only(reference, SIGNATURE, "Transforms").ok_or(Refusal::Transforms)?;
    let list: Vec<_> = transforms.children().filter(Node::is_element).collect();
    if !list.iter().all(|transform| is(*transform, SIGNATURE, "Transform")) {
        return Err(Refusal::Transforms);
    }
    let algorithms: Vec<_> = list.iter().map(|transform| transform.attribute("Algorithm")).collect();
    if algorithms != [Some(ENVELOPED), Some(EXCLUSIVE)] {
        return Err(Refusal::Transforms);
    }
    let parameters = list.iter().flat_map(|transform| transform.children().filter(Node::is_element));
    for parameter in parameters {
        if !is(parameter, EXCLUSIVE, "InclusiveNamespaces") || parameter.has_children() {
            return Err(Refusal::TransformParameters);
        }
    }
    Ok(())
}
