//! The names of SAML's and XML Signature's vocabularies. Knows words; does not know what they mean.

use roxmltree::Node;

/// SAML's protocol messages.
pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// SAML's assertions.
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// SAML's metadata.
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// XML Signature.
pub(super) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML Encryption.
pub(super) const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";
/// Exclusive canonicalisation, without comments.
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// The prefixes that people read as these vocabularies, and so may stand for nothing else.
pub(super) const PREFIXES: [(&str, &str); 11] = [
    ("saml", ASSERTION),
    ("saml2", ASSERTION),
    ("samlp", PROTOCOL),
    ("saml2p", PROTOCOL),
    ("md", METADATA),
    ("ds", SIGNATURE),
    ("dsig", SIGNATURE),
    ("xenc", ENCRYPTION),
    ("ec", EXCLUSIVE),
    ("xs", "http://www.w3.org/2001/XMLSchema"),
    ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
];

/// Whether a node is this element.
pub(super) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The children that are this element.
pub(super) fn all<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// The child that is this element, if there is exactly one.
pub(super) fn only<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Option<Node<'a, 'i>> {
    let mut found = all(node, namespace, name);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The text of an element that has nothing else in it.
pub(super) fn text<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let mut children = node.children();
    let first = children.next()?;
    (first.is_text() && children.next().is_none()).then(|| first.text()).flatten()
}
