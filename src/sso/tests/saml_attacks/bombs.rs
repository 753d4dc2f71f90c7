//! Documents that cost more than they are worth.

use crate::base::*;
use crate::world::{between, changed};

/// Things of which there are too many, or which are too long.
fn paddings() -> Vec<(&'static str, String)> {
    let transform = format!("<ds:Transform xmlns:ds=\"{XMLDSIG}\" Algorithm=\"{EXCLUSIVE}\"/>");
    let reference = format!("<ds:Reference xmlns:ds=\"{XMLDSIG}\" URI=\"\"/>");
    let signature = format!("<ds:Signature xmlns:ds=\"{XMLDSIG}\"/>");
    let attributes = |each: &dyn Fn(usize) -> String, count: usize| (0..count).map(each).collect::<String>();
    let levels = |count: usize| {
        let opened = attributes(&|n| format!("<x:e{n} xmlns:x=\"urn:{n}\">", n = n % 7), count);
        let closed: Vec<_> = (0..count).rev().map(|n| format!("</x:e{}>", n % 7)).collect();
        opened + &closed.concat()
    };
    vec![
        ("thirty thousand elements", "<x/>".repeat(30_000)),
        ("as many elements as may be", "<x/>".repeat(3_900)),
        ("as many elements with namespaces as may be", "<x:x xmlns:x=\"urn:x\"/>".repeat(3_900)),
        (
            "as many elements with as many namespaces as may be",
            format!(
                "<x {}>{}</x>",
                attributes(&|n| format!(" xmlns:a{n}=\"urn:a{n}\""), 20),
                "<x:x xmlns:x=\"urn:x\" a=\"1\"/>".repeat(3_800)
            ),
        ),
        ("as many elements as may be, each in text", "x<x/>y".repeat(3_900)),
        ("as many IDs as may be", attributes(&|n| format!("<x ID=\"_{n}\"/>"), 3_900)),
        (
            "as many IDs of one length as may be",
            attributes(&|n| format!("<x ID=\"_{}{n:04}\"/>", "i".repeat(30)), 3_000),
        ),
        ("ten thousand levels", levels(10_000)),
        ("as many levels as may be", levels(36)),
        (
            "as many attributes as may be",
            format!("<x{}/>", attributes(&|n| format!(" a{n}=\"1\""), 24)).repeat(600),
        ),
        ("two thousand attributes", format!("<x{}/>", attributes(&|n| format!(" a{n}=\"1\""), 2_000))),
        (
            "two thousand namespaces",
            format!("<x{}/>", attributes(&|n| format!(" xmlns:a{n}=\"urn:a{n}\""), 2_000)),
        ),
        ("as long a text as may be", format!("<x>{}</x>", "x".repeat(64 * 1024)).repeat(2)),
        ("a longer text", format!("<x>{}</x>", "x".repeat(100 * 1024))),
        ("as long an attribute as may be", format!("<x a=\"{}\"/>", "x".repeat(64 * 1024)).repeat(2)),
        ("a text of character references", format!("<x>{}</x>", "&#65;".repeat(10_000)).repeat(3)),
        ("a text of entities", format!("<x>{}</x>", "&amp;".repeat(12_000)).repeat(3)),
        ("white space", " \n".repeat(70_000)),
        ("two thousand signatures", signature.repeat(2_000)),
        ("two thousand references", reference.repeat(2_000)),
        ("two thousand transforms", transform.repeat(2_000)),
        ("two megabytes", format!("<x>{}</x>", "x".repeat(1_000)).repeat(2_000)),
        ("quotes", "<x a='\"' b=\"'\"/>".repeat(3_900)),
        ("closing tags", "</x>".repeat(40_000)),
        ("open tags", "<x>".repeat(40_000)),
        ("angles", "<".repeat(150_000)),
        ("brackets", "]]>".repeat(40_000)),
        (
            "prefix lists",
            format!(
                "<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{}\"/>",
                "xs xsi saml ".repeat(5_000)
            ),
        ),
    ]
}

/// Each before what is signed, in it and behind it, and where the signature itself is read.
pub(crate) fn bombs(base: &Base) -> Vec<Attack> {
    // One that the signature covers cannot be made by an attacker; behind a genuine signature it is seen by the digest.
    let mut attacks = Vec::new();
    for (what, padding) in paddings() {
        for (where_, marker) in [
            ("before the status", "<samlp:Status>"),
            ("in the assertion", "<saml:Subject>"),
            ("in an attribute", "</saml:AttributeValue>"),
            ("after the assertion", "</samlp:Response>"),
            ("in the signed info", "<ds:Reference "),
            ("behind the signature's value", "</ds:Signature>"),
        ] {
            let document = changed(&base.document, marker, &format!("{padding}{marker}"));
            attacks.push(attack(format!("{what} {where_}"), document));
        }
        let key = format!("<ds:KeyInfo><ds:X509Data>{padding}</ds:X509Data></ds:KeyInfo></ds:Signature>");
        attacks.push(attack(
            format!("{what} in the key info"),
            changed(&base.document, "</ds:Signature>", &key),
        ));
    }
    let value = between(&base.document, "<ds:SignatureValue>", "</ds:SignatureValue>");
    for length in [100_000, 60_000] {
        let long = format!("<ds:SignatureValue>{}</ds:SignatureValue>", "A".repeat(length));
        attacks.push(attack(
            format!("a signature of {length} characters"),
            changed(&base.document, value, &long),
        ));
    }
    attacks
}
