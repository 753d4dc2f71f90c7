//! Our filter and path grammar against another implementation, `scim_v2`. Where the two disagree, the case
//! stands in one of the lists below with the reason.

use scim::dialect::Dialect;
use scim::filter::{Comparand, Filter};
use scim::patch::PatchPlan;
use scim::schema;
use scim_v2::filter as other;
use serde_json::{Value, json};

/// Read alike by both, to the same tree.
const ALIKE: &[&str] = &[
    r#"userName eq "bjensen""#,
    r#"name.familyName co "O'Malley""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department sw "J""#,
    "title pr",
    "TITLE PR",
    r#"title pr and userType eq "Employee""#,
    r#"title pr or userType eq "Intern" and nickName pr"#,
    r#"(title pr or userType eq "Intern") and nickName pr"#,
    "not (title pr) or nickName pr and locale pr",
    "not (title pr or nickName pr)",
    r#"userType eq "Employee" and (emails.type eq "work")"#,
    r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]"#,
    r#"emails[not (type eq "work") or primary eq true]"#,
    "active eq true",
    "active ne false",
    "nickName eq null",
    r#"userName eq "quote \" backslash \\ and é""#,
    "((((title pr))))",
    "title pr and nickName pr and locale pr or userName pr or timezone pr",
];

/// Refused by both.
const REFUSED: &[&str] = &[
    "",
    "title",
    "title eq",
    "title xx \"y\"",
    "title pr and",
    "(title pr",
    "title pr)",
    "emails[]",
    "emails[type pr",
    "title pr nickName pr",
    "and",
    "emails[emails[type pr]]",
    r#"title eq "open"#,
    "title eq 'single'",
    "not title pr",
];

/// Read by the other, refused by us, and why.
const ONLY_THEIRS: &[(&str, &str)] = &[
    (r#"favouriteColour eq "red""#, "we resolve names: unknown attributes are invalidFilter"),
    (r#"active eq "true""#, "we check types: a string is no boolean"),
    ("active gt true", "RFC 7644 §3.4.2.2, Table 3: no order on booleans"),
    (r#"meta.created gt "yesterday""#, "we check types: no dateTime"),
    (r#"name eq "x""#, "we check types: complex without a value sub-attribute"),
];

/// Read by us, refused by the other, and why.
const ONLY_OURS: &[(&str, &str)] =
    &[(r#"userName eq"x""#, "an example of RFC 7644 §3.5.2.2 has no space before the literal")];

#[test]
fn what_only_we_read_is_in_the_rfc() {
    for (text, reason) in ONLY_OURS {
        assert!(Filter::parse(&schema::user(), text).is_ok(), "{text}: {reason}");
        assert!(text.parse::<other::Filter>().is_err(), "{text}: {reason}");
    }
}

#[test]
fn both_read_the_same_tree() {
    for text in ALIKE {
        let ours = Filter::parse(&schema::user(), text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let theirs: other::Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(our_tree(&ours), their_tree(&theirs), "{text}");
    }
}

#[test]
fn both_refuse_the_same_texts() {
    for text in REFUSED {
        assert!(Filter::parse(&schema::user(), text).is_err(), "we read {text}");
        assert!(text.parse::<other::Filter>().is_err(), "they read {text}");
    }
}

#[test]
fn what_only_the_other_reads_is_a_matter_of_schema() {
    for (text, reason) in ONLY_THEIRS {
        assert!(Filter::parse(&schema::user(), text).is_err(), "{text}: {reason}");
        assert!(text.parse::<other::Filter>().is_ok(), "{text}: {reason}");
    }
}

#[test]
fn patch_paths_are_read_alike() {
    for (path, valid) in [
        ("title", true),
        ("name.givenName", true),
        (r#"emails[type eq "work"]"#, true),
        (r#"emails[type eq "work" and not (primary eq true)].value"#, true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", true),
        ("emails[type eq \"work\"", false),
        ("emails[].value", false),
        ("emails[type eq \"work\"].value.x", false),
        ("title[", false),
        ("name.", false),
        (".name", false),
        ("na me", false),
    ] {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "remove", "path": path }],
        });
        assert_eq!(
            PatchPlan::parse(&schema::user(), body, &Dialect::strict()).is_ok(),
            valid,
            "ours: {path}"
        );
        assert_eq!(path.parse::<other::PatchPath>().is_ok(), valid, "theirs: {path}");
    }
}

fn our_tree(filter: &Filter) -> Value {
    match filter {
        Filter::And(all) => json!({ "and": all.iter().map(our_tree).collect::<Vec<_>>() }),
        Filter::Or(any) => json!({ "or": any.iter().map(our_tree).collect::<Vec<_>>() }),
        Filter::Not(inner) => json!({ "not": our_tree(inner) }),
        Filter::Present(attr) => json!([attr.leaf().name.to_lowercase(), "pr"]),
        Filter::ValuePath { attr, filter } => json!({ attr.attribute.name.to_lowercase(): our_tree(filter) }),
        Filter::Compare { attr, op, value } => {
            let value = match value {
                Comparand::String(text) => json!(text),
                Comparand::Boolean(value) => json!(value),
                Comparand::Number(number) => json!(number),
                Comparand::DateTime(time) => json!(time.to_rfc3339()),
                Comparand::Null => Value::Null,
            };
            json!([attr.leaf().name.to_lowercase(), op.as_str(), value])
        }
    }
}

fn their_tree(filter: &other::Filter) -> Value {
    match filter {
        other::Filter::Attr(expression) => their_expression(expression),
        other::Filter::ValuePath(path) => json!({ path.attr.name.to_lowercase(): their_inner(&path.filter) }),
        other::Filter::Not(inner) => json!({ "not": their_tree(inner) }),
        other::Filter::And(all) => {
            json!({ "and": all.as_slice().iter().map(their_tree).collect::<Vec<_>>() })
        }
        other::Filter::Or(any) => json!({ "or": any.as_slice().iter().map(their_tree).collect::<Vec<_>>() }),
    }
}

fn their_inner(filter: &other::ValFilter) -> Value {
    match filter {
        other::ValFilter::Attr(expression) => their_expression(expression),
        other::ValFilter::Not(inner) => json!({ "not": their_inner(inner) }),
        other::ValFilter::And(all) => {
            json!({ "and": all.as_slice().iter().map(their_inner).collect::<Vec<_>>() })
        }
        other::ValFilter::Or(any) => {
            json!({ "or": any.as_slice().iter().map(their_inner).collect::<Vec<_>>() })
        }
    }
}

fn their_expression(expression: &other::AttrExp) -> Value {
    let leaf = |path: &other::AttrPath| path.sub_attr.as_ref().unwrap_or(&path.name).to_lowercase();
    match expression {
        other::AttrExp::Present(path) => json!([leaf(path), "pr"]),
        other::AttrExp::Comparison(path, op, value) => {
            let value = match value {
                other::CompValue::False => json!(false),
                other::CompValue::True => json!(true),
                other::CompValue::Null => Value::Null,
                other::CompValue::Number(number) => json!(number),
                other::CompValue::Str(text) => json!(text),
            };
            json!([leaf(path), format!("{op:?}").to_lowercase(), value])
        }
    }
}
