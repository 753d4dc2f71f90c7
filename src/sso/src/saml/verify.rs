//! Signatures. Knows samael, the only place that does; does not know what a message says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use roxmltree::{Document, ParsingOptions};
use samael::crypto::{
    AllowedSignatureAlgorithm as Algorithm, CertificateDer, Crypto, CryptoProvider as _, ReduceMode,
};

use super::connection::Certificate;
use super::names::is;
use super::prefilter::Plain;
use super::{Connection, Refusal};

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RsaSha256,
    Algorithm::RsaSha384,
    Algorithm::RsaSha512,
    Algorithm::EcdsaSha256,
    Algorithm::EcdsaSha384,
    Algorithm::EcdsaSha512,
];

/// The bytes that a connection's certificate has signed, and which certificate that is. Whatever is believed is read
/// from these bytes.
pub(super) struct Signed<'c> {
    pub(super) text: String,
    pub(super) certificate: &'c Certificate,
}

/// Verifies every signature of a document. Each certificate is tried by itself, with all signatures: a document whose
/// parts are signed by different keys is refused.
pub(super) fn signed<'c>(
    plain: &Plain<'_>,
    connection: &'c Connection,
    now: DateTime<Utc>,
) -> Result<Signed<'c>, Refusal> {
    let allowed = (!connection.sha1).then_some(ALGORITHMS.as_slice());
    for certificate in connection.trusted(now)? {
        let keys = [CertificateDer::from(certificate.der().to_vec())];
        // What was canonicalised and digested, byte by byte. The library works in C and is not to be trusted with a panic.
        let reduced = catch_unwind(AssertUnwindSafe(|| {
            Crypto::reduce_xml_to_signed_with_allowed_algorithms(
                plain.text(),
                &keys,
                ReduceMode::PreDigest,
                allowed,
            )
        }));
        if let Ok(Ok(text)) = reduced {
            return Ok(Signed { text, certificate });
        }
    }
    Err(Refusal::Signature)
}

impl Signed<'_> {
    /// The signed bytes as a tree, if what was signed is the element that stood in `shown`: the same name and ID.
    pub(super) fn read<'s>(&'s self, shown: roxmltree::Node<'_, '_>) -> Result<Document<'s>, Refusal> {
        let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
        let tree = Document::parse_with_options(&self.text, options);
        let tree = tree.ok().ok_or(Refusal::SignedSomethingElse)?;
        let (root, name) = (tree.root_element(), shown.tag_name());
        let same_name = name.namespace().is_some_and(|namespace| is(root, namespace, name.name()));
        let same_id = root.attribute("ID").is_some() && root.attribute("ID") == shown.attribute("ID");
        if same_name && same_id { Ok(tree) } else { Err(Refusal::SignedSomethingElse) }
    }
}
