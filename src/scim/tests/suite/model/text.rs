//! Filters and paths as text, made from choices: mostly well formed, sometimes with a piece lost, repeated or put in. Knows the
//! grammar of RFC 7644 §3.4.2.2; does not know what is in a schema.

use super::choices::Choices;

const NAMES: [&str; 14] = [
    "userName",
    "name.givenName",
    "emails",
    "emails.type",
    "active",
    "meta.created",
    "groups.$ref",
    "externalId",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "urn:ietf:params:scim:schemas:core:2.0:User:title",
    "USERNAME",
    "favouriteColour",
    "password",
];
const PARTS: [&str; 7] = ["type", "value", "primary", "display", "$ref", "VALUE", "colour"];
const LITERALS: [&str; 14] = [
    "\"a\"",
    "\"a b\"",
    "\"quote \\\" and \\\\\"",
    "\"\\u00e9 é\"",
    "\"\\u0000\"",
    "\"2011-05-13T05:42:34+01:00\"",
    "true",
    "false",
    "null",
    "TRUE",
    "NULL",
    "0",
    "-1.5e3",
    "1e999",
];
const STRAYS: [&str; 14] =
    ["(", ")", "[", "]", "not", " and ", " or ", "pr", "eq", "\"", ".", ":", " ", "\\"];

/// A filter.
pub(crate) fn filter(bytes: &[u8]) -> String {
    let mut choices = Choices::new(bytes);
    let mut pieces = Vec::new();
    disjunction(&mut pieces, false, 3, &mut choices);
    spoilt(pieces, &mut choices)
}

/// A path of a PATCH operation.
pub(crate) fn path(bytes: &[u8]) -> String {
    let mut choices = Choices::new(bytes);
    let mut pieces = vec![(*choices.of(&NAMES)).to_owned()];
    if choices.once_in(2) {
        pieces = vec![
            (*choices.of(&["emails", "addresses", "groups", "title", "ims"])).to_owned(),
            "[".to_owned(),
        ];
        disjunction(&mut pieces, true, 2, &mut choices);
        pieces.push("]".to_owned());
        if choices.once_in(2) {
            pieces.push(format!(".{}", choices.of(&PARTS)));
        }
    }
    spoilt(pieces, &mut choices)
}

fn spoilt(mut pieces: Vec<String>, choices: &mut Choices<'_>) -> String {
    if choices.once_in(3) {
        let at = choices.below(pieces.len());
        match choices.below(3) {
            0 => pieces.insert(at, (*choices.of(&STRAYS)).to_owned()),
            1 => pieces.insert(at, pieces[at].clone()),
            _ => {
                pieces.remove(at);
            }
        }
    }
    pieces.concat()
}

fn disjunction(pieces: &mut Vec<String>, inside: bool, depth: usize, choices: &mut Choices<'_>) {
    factor(pieces, inside, depth, choices);
    while choices.once_in(3) {
        pieces.push((*choices.of(&[" and ", " or ", " AND ", "  or\t"])).to_owned());
        factor(pieces, inside, depth, choices);
    }
}

fn factor(pieces: &mut Vec<String>, inside: bool, depth: usize, choices: &mut Choices<'_>) {
    let group = depth > 0 && choices.once_in(3);
    if group && !inside && choices.once_in(3) {
        pieces.extend([(*choices.of(&["emails", "groups", "title", "name"])).to_owned(), "[".to_owned()]);
        disjunction(pieces, true, depth - 1, choices);
        pieces.push("]".to_owned());
    } else if group {
        let open = choices.of(&["(", "not (", "not(", "NOT ("]);
        pieces.push((*open).to_owned());
        disjunction(pieces, inside, depth - 1, choices);
        pieces.push(")".to_owned());
    } else {
        pieces.push((*choices.of(if inside { &PARTS[..] } else { &NAMES[..] })).to_owned());
        if choices.once_in(6) {
            pieces.push(" pr".to_owned());
            return;
        }
        let op = choices.of(&["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "xx"]);
        let space = if choices.once_in(8) { "" } else { " " };
        pieces.extend([format!(" {op}{space}"), (*choices.of(&LITERALS)).to_owned()]);
    }
}
