//! What a list is sorted by, as SQL. Knows which keys an index holds; takes its meaning from `scim::sort`, whose `compare`
//! is the reference that `tests/api/sorting.rs` holds it to.

use scim::path::AttributeRef;
use scim::schema::{Attribute, AttributeType, META};
use scim::sort::{Sort, TEXT_LENGTH};

use super::Target;
use super::compile::{Compiler, Kind, folded, literal};
use crate::error::StoreError;
use crate::nesting::groups_of;

/// An expression over a row of a target, called `u` in its text.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) sql: String,
    /// Turns the text of a key back into its type.
    pub(super) cast: &'static str,
    /// Whether it may be NULL.
    pub(super) optional: bool,
    /// Whether it is a text column that an index holds.
    pub(super) indexed: bool,
}

/// By what the rows of a target are sorted where no order is asked for, before their ids decide.
pub(super) fn natural(target: Target) -> Option<Key> {
    let group = || Key { sql: "u.group_id".to_owned(), cast: "::uuid", optional: false, indexed: false };
    matches!(target, Target::PersonIn | Target::GroupIn).then(group)
}

/// By what the rows of a target are sorted before their ids decide; `None` if it is the id.
pub(super) fn key(target: Target, sort: &Sort) -> Result<Option<Key>, StoreError> {
    let attr = sort.attr();
    if attr.is_core("id") {
        return Ok(None);
    }
    let (mut text, mut values) = (String::new(), Vec::new());
    let compiler = Compiler::new(target, &mut text, &mut values);
    let sub = attr.sub.as_ref().map(|sub| sub.name.as_str());
    if attr.is_core(META) && sub == Some("location") {
        // An address ends in the name of the type and the id.
        return Ok(Some(constant(target.resource_type().0)));
    }
    if attr.is_core("schemas") {
        return Ok(Some(constant(target.resource_type().1)));
    }
    if let Some((sql, kind)) = compiler.column(attr)? {
        return Ok(Some(of_column(attr, sql, kind)));
    }
    let (cast, sql) = typed(attr.leaf(), &value(&compiler, target, attr));
    Ok(Some(Key { sql, cast, optional: true, indexed: false }))
}

fn constant(text: &str) -> Key {
    let sql = format!("({}::text COLLATE \"C\")", literal(text));
    Key { sql, cast: "", optional: false, indexed: false }
}

fn of_column(attr: &AttributeRef, sql: String, kind: Kind) -> Key {
    let optional = matches!(attr.attribute.name.as_str(), "externalId" | "displayName");
    match kind {
        Kind::BooleanColumn => Key { sql, cast: "::boolean", optional, indexed: false },
        Kind::TimeColumn => Key { sql, cast: "::timestamptz", optional, indexed: false },
        Kind::IdColumn => Key { sql, cast: "::uuid", optional, indexed: false },
        Kind::Exact | Kind::Folded | Kind::Foldable if sql.starts_with("u.") => {
            Key { sql, cast: "", optional, indexed: true }
        }
        Kind::Exact | Kind::Folded | Kind::Foldable => {
            Key { sql: format!("({sql} COLLATE \"C\")"), cast: "", optional, indexed: false }
        }
    }
}

/// The text of the one value that counts: of several the primary one, or else the first as they are shown.
fn value(compiler: &Compiler<'_>, target: Target, attr: &AttributeRef) -> String {
    let name = literal(&attr.attribute.name);
    let holder = compiler.holder(attr);
    let sub = attr.sub.as_ref().map(|sub| sub.name.as_str());
    if !attr.attribute.multi_valued {
        return match sub {
            Some(sub) => format!("({holder}->{name}->>{})", literal(sub)),
            None => format!("({holder}->>{name})"),
        };
    }
    match (attr.attribute.name.as_str(), target) {
        ("groups", Target::User) if attr.schema_urn.is_none() => {
            let shown = match sub {
                Some("display") => "g.doc->>'displayName'",
                Some("type") => "t.type",
                // the address ends in the id
                _ => "g.id::text",
            };
            format!("(SELECT {shown} FROM {} ORDER BY g.id LIMIT 1)", groups_of!())
        }
        ("members", Target::Group) => {
            let (of_child, of_person) = match sub {
                Some("display") => {
                    ("g.doc->>'displayName'", "coalesce(p.doc->>'displayName', p.doc->>'userName')")
                }
                Some("type") => ("'Group'", "'User'"),
                // the address of a group comes before that of a person, as the group does
                _ => ("g.id::text", "p.id::text"),
            };
            format!(
                "coalesce((SELECT {of_child} FROM group_child c JOIN groups g ON g.tenant_id = c.tenant_id AND g.id = c.child_id \
                 WHERE c.tenant_id = u.tenant_id AND c.group_id = u.id ORDER BY c.child_id LIMIT 1), \
                 (SELECT {of_person} FROM group_member m JOIN users p ON p.tenant_id = m.tenant_id AND p.id = m.user_id \
                 WHERE m.tenant_id = u.tenant_id AND m.group_id = u.id ORDER BY m.user_id LIMIT 1))"
            )
        }
        _ => {
            let list = format!("{holder}->{name}");
            let list = format!("CASE jsonb_typeof({list}) WHEN 'array' THEN {list} ELSE '[]' END");
            match sub {
                Some(sub) => format!(
                    "(SELECT e.v->>{} FROM jsonb_array_elements({list}) WITH ORDINALITY AS e (v, n) \
                     ORDER BY e.v->'primary' IS NOT DISTINCT FROM 'true'::jsonb DESC, e.n LIMIT 1)",
                    literal(sub)
                ),
                None => format!(
                    "(SELECT e.v FROM jsonb_array_elements_text({list}) WITH ORDINALITY AS e (v, n) \
                     ORDER BY e.n LIMIT 1)"
                ),
            }
        }
    }
}

/// A text as a value of the attribute's type, and the cast to that type.
fn typed(leaf: &Attribute, text: &str) -> (&'static str, String) {
    let cast = match leaf.kind {
        AttributeType::Boolean => "::boolean",
        AttributeType::Integer | AttributeType::Decimal => "::numeric",
        AttributeType::DateTime => "::timestamptz",
        AttributeType::String | AttributeType::Reference | AttributeType::Binary | AttributeType::Complex => {
            let text = if leaf.case_exact { text.to_owned() } else { folded(text) };
            return ("", format!("(left({text}, {TEXT_LENGTH}) COLLATE \"C\")"));
        }
    };
    (cast, format!("({text}{cast})"))
}
