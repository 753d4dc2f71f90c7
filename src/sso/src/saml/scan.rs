//! The outline of a document, measured before any parser sees it. Knows tags and quotes; does not know names.
//!
//! Parsers take time and memory that grow faster than some of these numbers, so they are bounded first. What is not well
//! formed is the parser's to find: the scan only has to count at least as much as a parser would.

use super::Refusal;

/// Elements in a message: two thousand groups with a name each.
const MOST_ELEMENTS: usize = 4_000;
const MOST_DEPTH: usize = 40;
/// Attributes of one element, declarations of namespaces among them.
const MOST_ATTRIBUTES: usize = 24;
/// Declarations of namespaces that are in force in one place: for each element, a parser goes through all of them.
const MOST_NAMESPACES: usize = 32;
/// The same, over all elements: two thousand groups whose values declare two of their own have a third of it.
const MOST_IN_FORCE: usize = 40_000;

/// Refuses what no message of SAML needs and what is too much.
pub(super) fn scan(text: &str) -> Result<(), Refusal> {
    let mut rest = without_declaration(text)?;
    // For each element that is open, the declarations in force there.
    let (mut open, mut elements, mut in_force) = (Vec::new(), 0_usize, 0_usize);
    while let Some((_, tag)) = rest.split_once('<') {
        if tag.starts_with('!') {
            return Err(declared(tag));
        }
        if tag.starts_with('?') {
            return Err(Refusal::NotPlain("a processing instruction"));
        }
        let Tag { attributes, declarations, is_empty, after } = Tag::read(tag)?;
        let namespaces = open.last().copied().unwrap_or(0_usize).saturating_add(declarations);
        if tag.starts_with('/') {
            open.pop();
        } else {
            elements += 1;
            in_force = in_force.saturating_add(namespaces);
            if !is_empty {
                open.push(namespaces);
            }
        }
        for (number, most, what) in [
            (elements, MOST_ELEMENTS, "elements"),
            (open.len(), MOST_DEPTH, "levels"),
            (attributes, MOST_ATTRIBUTES, "attributes"),
            (namespaces, MOST_NAMESPACES, "namespaces"),
            (in_force, MOST_IN_FORCE, "namespaces of all elements"),
        ] {
            if number > most {
                return Err(Refusal::Oversized(what));
            }
        }
        rest = after;
    }
    Ok(())
}

/// The text behind the XML declaration, which may name no encoding but the one that the text was decoded from.
fn without_declaration(text: &str) -> Result<&str, Refusal> {
    let Some(declaration) =
        text.strip_prefix("<?xml").filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']))
    else {
        return Ok(text);
    };
    let (declaration, rest) = declaration.split_once("?>").ok_or(Refusal::Malformed)?;
    let Some((_, encoding)) = declaration.split_once("encoding") else { return Ok(rest) };
    let encoding = encoding.trim_start().trim_start_matches('=').trim_start();
    let quoted = encoding.strip_prefix(['"', '\'']).and_then(|name| name.split(['"', '\'']).next());
    if quoted.is_some_and(|name| name.eq_ignore_ascii_case("utf-8")) {
        Ok(rest)
    } else {
        Err(Refusal::Encoding("it declares another encoding than UTF-8"))
    }
}

fn declared(tag: &str) -> Refusal {
    if tag.starts_with("!--") {
        Refusal::NotPlain("a comment")
    } else if tag.starts_with("![CDATA[") {
        Refusal::NotPlain("a CDATA section")
    } else {
        Refusal::DocumentType
    }
}

/// A tag, from behind its `<`.
struct Tag<'t> {
    attributes: usize,
    /// Those among the attributes that declare a namespace.
    declarations: usize,
    is_empty: bool,
    after: &'t str,
}

impl<'t> Tag<'t> {
    fn read(mut rest: &'t str) -> Result<Self, Refusal> {
        let (mut attributes, mut declarations) = (0, 0);
        loop {
            let (before, after) = rest.split_once(['>', '"', '\'']).ok_or(Refusal::Malformed)?;
            let mark = rest.strip_prefix(before).and_then(|rest| rest.chars().next());
            match mark {
                Some(quote @ ('"' | '\'')) => {
                    attributes += 1;
                    declarations += usize::from(before.contains("xmlns"));
                    rest = after.split_once(quote).ok_or(Refusal::Malformed)?.1;
                }
                _ => return Ok(Self { attributes, declarations, is_empty: before.ends_with('/'), after }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_document_passes() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a b='>' c=\"/\"><d/>&lt;</a>";

        assert_eq!(scan(text), Ok(()));
    }

    #[test]
    fn what_no_message_has_is_refused_by_its_name() {
        for (text, refusal) in [
            ("<!DOCTYPE a><a/>", Refusal::DocumentType),
            ("<a><!-- --></a>", Refusal::NotPlain("a comment")),
            ("<a><![CDATA[x]]></a>", Refusal::NotPlain("a CDATA section")),
            ("<a><?php ?></a>", Refusal::NotPlain("a processing instruction")),
            ("<?xml-stylesheet href='x'?><a/>", Refusal::NotPlain("a processing instruction")),
            (
                "<?xml version='1.0' encoding='utf-16'?><a/>",
                Refusal::Encoding("it declares another encoding than UTF-8"),
            ),
            ("<a", Refusal::Malformed),
            ("<a b='", Refusal::Malformed),
        ] {
            assert_eq!(scan(text), Err(refusal), "{text}");
        }
    }

    #[test]
    fn the_bounds_are_these() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        let flat = |elements: usize| format!("<r>{}</r>", "<a/>".repeat(elements - 1));
        let wide = |attributes: usize| format!("<r{}/>", " a='<>'".repeat(attributes));

        let bound = |namespaces: usize| {
            let (outer, inner) = (" xmlns:a='urn:a'".repeat(20), " xmlns:b='urn:b'".repeat(namespaces - 20));
            format!("<r{outer}>{}</r>", format!("<a{inner}/>").repeat(9))
        };
        let crowded = |total: usize| {
            format!("<r{}>{}</r>", " xmlns:a='urn:a'".repeat(20), "<a/>".repeat(total.div_ceil(20) - 1))
        };
        let check = |document: &dyn Fn(usize) -> String, most, what| {
            assert_eq!(scan(&document(most)), Ok(()), "{what}");
            assert_eq!(scan(&document(most + 1)), Err(Refusal::Oversized(what)));
        };

        check(&nested, MOST_DEPTH, "levels");
        check(&flat, MOST_ELEMENTS, "elements");
        check(&wide, MOST_ATTRIBUTES, "attributes");
        check(&bound, MOST_NAMESPACES, "namespaces");
        check(&crowded, MOST_IN_FORCE, "namespaces of all elements");
    }
}
