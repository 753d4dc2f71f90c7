//! Our filter and path grammar against another implementation, `scim_v2`: over texts by hand and texts that are made up. Where the
//! two differ, the difference stands in one of the lists below with its reason.

use chrono::DateTime;
use proptest::prelude::*;
use scim::ScimType;
use scim::dialect::Dialect;
use scim::filter::{Comparand, Filter};
use scim::patch::PatchPlan;
use scim::schema;
use scim_v2::filter as other;
use serde_json::{Value, json};

use super::model::text;

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

/// Where the two differ, and why. An example that is read alike is an error, and so is any other difference.
const FILTERS: &[(&str, &str, Differs)] = &[
    (
        "we resolve names, and what is not in the schema is invalidFilter",
        r#"favouriteColour eq "red""#,
        Differs::WeRefuse(&[
            "is not in the schema",
            "is not a sub-attribute of",
            "does not apply to this resource type",
        ]),
    ),
    (
        "we check types: a string is no boolean",
        r#"active eq "true""#,
        Differs::WeRefuse(&["of another type", "does not apply to", "is no dateTime", "is complex: compare"]),
    ),
    (
        "brackets choose among the values of a complex attribute",
        r#"title[value eq "x"]"#,
        Differs::WeRefuse(&["'[' may follow a complex attribute only"]),
    ),
    (
        "what is never shown cannot be asked for",
        r#"password eq "x""#,
        Differs::WeRefuse(&["cannot be part of"]),
    ),
    (
        "the database cannot hold a NUL character",
        r#"title eq "\u0000""#,
        Differs::WeRefuse(&["a NUL character"]),
    ),
    (
        "an example of RFC 7644 §3.5.2.2 has no space before the literal, so we need none where the words are clear",
        r#"userName eq"x""#,
        Differs::Text(spaced),
    ),
    (
        "`$ref` is in RFC 7643, and its `$` is not in ATTRNAME",
        "groups.$ref pr",
        Differs::Text(without_dollar),
    ),
    (
        "`true`, `false` and `null` in any case, as all other words of a filter",
        "active eq TRUE",
        Differs::Text(lower_words),
    ),
    (
        "a complex attribute stands for its `value` (RFC 7644 §3.4.2.2, Figure 2); the other keeps its name",
        r#"emails co "example.com""#,
        Differs::Tree(standing_for_value),
    ),
    (
        "one instant is one value, however it is written; the other keeps the text",
        r#"meta.created ge "2011-05-13T05:42:34+01:00""#,
        Differs::Tree(instants),
    ),
];

/// The same of paths in PATCH.
const PATHS: &[(&str, &str, Differs)] = &[
    (
        "we resolve names, and what is not in the schema is invalidPath",
        "favouriteColour",
        Differs::WeRefuse(&[
            "is not in the schema",
            "is not a sub-attribute of",
            "does not apply to this resource type",
        ]),
    ),
    (
        "we check types in filters of paths as in all others",
        r#"emails[primary eq "x"]"#,
        Differs::WeRefuse(&["of another type", "does not apply to", "is no dateTime"]),
    ),
    (
        "brackets choose among the values of a complex list",
        r#"title[value eq "x"]"#,
        Differs::WeRefuse(&["'[' may follow a multi-valued complex attribute only"]),
    ),
    ("no spaces where the words are clear", r#"emails[type eq"x"]"#, Differs::Text(spaced)),
    ("`$ref` is in RFC 7643, and its `$` is not in ATTRNAME", "groups.$ref", Differs::Text(without_dollar)),
    (
        "the database cannot hold a NUL character",
        r#"ims[type eq "\u0000"]"#,
        Differs::WeRefuse(&["a NUL character"]),
    ),
    ("JSON words in any case", "emails[primary eq TRUE]", Differs::Text(lower_words)),
];

/// How the two differ.
#[derive(Clone, Copy)]
enum Differs {
    /// We refuse what the other reads, in one of these words.
    WeRefuse(&'static [&'static str]),
    /// The other reads the same as we, once the text is written like this.
    Text(fn(&str) -> String),
    /// The trees are the same, once both are written like this.
    Tree(fn(Value) -> Value),
}

/// A tree, or the refusal in words.
type Reading = Result<Value, String>;

/// Our reader and the other's.
#[derive(Clone, Copy)]
struct Readers {
    ours: fn(&str) -> Reading,
    theirs: fn(&str) -> Reading,
}

const FILTER_READERS: Readers = Readers { ours: our_filter, theirs: their_filter };
const PATH_READERS: Readers = Readers { ours: our_path, theirs: their_path };

/// Do the two say the same, but for what these say?
fn agree(text: &str, readers: Readers, differences: &[Differs]) -> bool {
    let rewrite = |text: String, differs: &Differs| {
        if let Differs::Text(write) = differs { write(&text) } else { text }
    };
    let plain = differences.iter().fold(text.to_owned(), rewrite);
    let retree =
        |tree: Value, differs: &Differs| if let Differs::Tree(write) = differs { write(tree) } else { tree };
    let settled = |tree: Value| differences.iter().fold(tree, retree);
    let ours = (readers.ours)(text);
    let theirs = (readers.theirs)(text).or_else(|_| (readers.theirs)(&plain));
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let (ours, theirs) = (settled(ours), settled(theirs));
            ours == theirs || (readers.ours)(&plain).map(settled) == Ok(theirs)
        }
        (Err(_), Err(_)) => true,
        (Ok(_), Err(_)) => false,
        (Err(ours), Ok(_)) => differences.iter().any(|differs| match differs {
            Differs::WeRefuse(words) => words.iter().any(|word| ours.contains(word)),
            Differs::Text(_) | Differs::Tree(_) => false,
        }),
    }
}

fn our_filter(text: &str) -> Reading {
    Filter::parse(&schema::user(), text).map(|filter| our_tree(&filter)).map_err(|error| error.detail)
}

fn their_filter(text: &str) -> Reading {
    text.parse().map(|filter| their_tree(&filter)).map_err(|error| format!("{error}"))
}

/// A path is read, or it is not; what an operation may do there is another question.
fn our_path(path: &str) -> Reading {
    let operation = json!({ "op": "remove", "path": path });
    let body =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
    match PatchPlan::parse(&schema::user(), body, &Dialect::strict()) {
        Err(error) if error.scim_type != Some(ScimType::Mutability) => Err(error.detail),
        _ => Ok(Value::Null),
    }
}

fn their_path(path: &str) -> Reading {
    path.parse::<other::PatchPath>().map(|_| Value::Null).map_err(|error| format!("{error}"))
}

#[test]
fn every_difference_in_the_lists_is_one() {
    for (list, readers) in [(FILTERS, FILTER_READERS), (PATHS, PATH_READERS)] {
        for (reason, example, differs) in list {
            let both = format!("{example}: {:?}, {:?}", (readers.ours)(example), (readers.theirs)(example));
            assert!(!agree(example, readers, &[]), "read alike; take it off the list: {both}: {reason}");
            assert!(agree(example, readers, &[*differs]), "{both}: {reason}");
        }
    }
}

fn all(list: &[(&str, &str, Differs)]) -> Vec<Differs> {
    list.iter().map(|(.., differs)| *differs).collect()
}

proptest! {
    /// Behaviour 28.
    #[test]
    fn filters_that_are_made_up_are_read_alike(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let text = text::filter(&bytes);

        let alike = agree(&text, FILTER_READERS, &all(FILTERS));

        prop_assert!(alike, "{}: {:?}, {:?}", text, our_filter(&text), their_filter(&text));
    }

    /// Behaviours 53 and 54.
    #[test]
    fn paths_that_are_made_up_are_read_alike(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let text = text::path(&bytes);

        let alike = agree(&text, PATH_READERS, &all(PATHS));

        prop_assert!(alike, "{}: {:?}, {:?}", text, our_path(&text), their_path(&text));
    }
}

/// What is outside of strings, changed.
fn outside_strings(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        if next != '"' {
            plain.push(next);
            continue;
        }
        out.push_str(&change(&std::mem::take(&mut plain)));
        out.push(next);
        while let Some(next) = rest.next() {
            out.push(next);
            match next {
                '\\' => out.extend(rest.next()),
                '"' => break,
                _ => {}
            }
        }
    }
    out + &change(&plain)
}

/// A space between a word and a parenthesis or a string.
fn spaced(text: &str) -> String {
    let parts = outside_strings(text, |plain| {
        let mut out = String::new();
        let mut last = '"';
        for next in plain.chars().chain(['"']) {
            let words = (last, next);
            if matches!(words, ('a'..='z' | 'A'..='Z', '(' | '"') | (')' | '"', 'a'..='z' | 'A'..='Z')) {
                out.push(' ');
            }
            out.push(next);
            last = next;
        }
        out.pop();
        out
    });
    parts.trim().to_owned()
}

fn without_dollar(text: &str) -> String {
    outside_strings(text, |plain| plain.replace("$ref", "value"))
}

fn lower_words(text: &str) -> String {
    outside_strings(text, |plain| {
        ["TRUE", "False", "NULL"]
            .iter()
            .fold(plain.to_owned(), |text, word| text.replace(word, &word.to_lowercase()))
    })
}

fn each_leaf(tree: Value, change: fn(&mut Vec<Value>)) -> Value {
    match tree {
        Value::Array(mut leaf) if leaf.first().is_some_and(Value::is_string) => {
            change(&mut leaf);
            Value::Array(leaf)
        }
        Value::Array(parts) => parts.into_iter().map(|part| each_leaf(part, change)).collect(),
        Value::Object(parts) => {
            parts.into_iter().map(|(name, part)| (name, each_leaf(part, change))).collect()
        }
        other => other,
    }
}

fn standing_for_value(tree: Value) -> Value {
    each_leaf(tree, |leaf| {
        if leaf.len() == 3 && (leaf[0] == "emails" || leaf[0] == "groups" || leaf[0] == "manager") {
            leaf[0] = json!("value");
        }
    })
}

fn instants(tree: Value) -> Value {
    each_leaf(tree, |leaf| {
        let time = leaf.last().and_then(|time| DateTime::parse_from_rfc3339(time.as_str()?).ok());
        if let (Some(time), Some(last)) = (time, leaf.last_mut()) {
            *last = json!(time.to_utc().to_rfc3339());
        }
    })
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
