//! What holds for any input.

use proptest::prelude::*;
use scim::dialect::{Dialect, Leniency};
use scim::filter::Filter;
use scim::patch::PatchPlan;
use scim::path::AttributePath;
use scim::projection::Projection;
use scim::resource::Resource;
use scim::schema::{self, USER_URN};
use scim::{Limits, json as reader, text};
use serde_json::{Value, json};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[A-C]", Just("é\"\\".to_owned())]
}

/// A well-formed comparison of a user's attributes.
fn comparison(inside: bool) -> BoxedStrategy<String> {
    let names: &[&str] = if inside {
        &["type", "value", "display"]
    } else {
        &[
            "userName",
            "name.givenName",
            "emails.type",
            "emails",
            "externalId",
            "meta.version",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        ]
    };
    let name = proptest::sample::select(names.to_vec());
    let op = proptest::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let compare = (name.clone(), op, word())
        .prop_map(|(name, op, literal)| format!("{name} {op} {}", Value::from(literal)));
    let more = if inside { "primary eq true" } else { "meta.created ge \"2011-05-13T04:42:34.5Z\"" };
    prop_oneof![4 => compare, 1 => name.prop_map(|name| format!("{name} pr")), 1 => Just(more.to_owned())]
        .boxed()
}

fn filter(inside: bool) -> BoxedStrategy<String> {
    let leaf = if inside {
        comparison(true)
    } else {
        prop_oneof![3 => comparison(false), 1 => filter(true).prop_map(|inner| format!("emails[{inner}]"))]
            .boxed()
    };
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
    .boxed()
}

fn email() -> impl Strategy<Value = Value> {
    (word(), proptest::option::of(proptest::sample::select(vec!["work", "home"])), any::<bool>()).prop_map(
        |(value, kind, primary)| {
            let mut email = json!({ "value": value });
            if let Some(kind) = kind {
                email["type"] = json!(kind);
            }
            if primary {
                email["primary"] = json!(true);
            }
            email
        },
    )
}

fn addition() -> impl Strategy<Value = Value> {
    prop_oneof![
        email().prop_map(|email| json!({ "op": "add", "path": "emails", "value": [email] })),
        word().prop_map(|title| json!({ "op": "add", "path": "title", "value": title })),
        word().prop_map(|name| json!({ "op": "add", "value": { "name": { "givenName": name } } })),
        word().prop_map(
            |x| json!({ "op": "add", "path": "addresses", "value": { "region": x, "primary": true } })
        ),
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    let path = proptest::sample::select(vec![
        "emails",
        "emails.type",
        "emails.primary",
        "emails.value",
        "name",
        "name.givenName",
        "userName",
        "active",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[not (type pr)].primary",
        "emails[value co \"a\"].type",
        "groups",
        "id",
        "title",
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "emails[primary eq true]",
    ]);
    let value = prop_oneof![
        email(),
        proptest::collection::vec(email(), 0..3).prop_map(Value::Array),
        word().prop_map(Value::from),
        Just(json!(true)),
        Just(json!(null)),
        Just(json!({ "givenName": "x" })),
        Just(json!({ "department": "x" })),
        Just(json!("")),
    ];
    let op = proptest::sample::select(vec!["add", "replace", "remove"]);
    prop_oneof![
        1 => addition(),
        3 => (op, path, value).prop_map(|(op, path, value)| json!({ "op": op, "path": path, "value": value })),
    ]
}

fn plan(operations: &[Value], dialect: &Dialect) -> Result<PatchPlan, scim::Error> {
    PatchPlan::parse(&schema::user(), json!({ "schemas": [PATCH_OP], "Operations": operations }), dialect)
}

fn some_user() -> Resource {
    let body = json!({ "schemas": [USER_URN], "userName": "bjensen",
        "emails": [{ "value": "a", "type": "work", "primary": true }, { "value": "b" }] });
    Resource::for_create(&schema::user(), body, &Dialect::strict()).unwrap()
}

/// Reading a document again must change nothing: then it is valid and canonical.
fn is_valid(resource: &Resource) -> bool {
    let mut body = resource.as_map().clone();
    body.insert("schemas".into(), json!([USER_URN]));
    Resource::for_replace(&schema::user(), Value::Object(body), resource, &Dialect::strict())
        .is_ok_and(|again| again == *resource)
}

proptest! {
    #[test]
    fn a_printed_filter_reads_back_as_itself(source in filter(false)) {
        let filter = Filter::parse(&schema::user(), &source).unwrap();
        let again = Filter::parse(&schema::user(), &filter.to_string()).unwrap();
        prop_assert_eq!(again, filter);
    }

    #[test]
    fn not_turns_every_answer_around(source in filter(false)) {
        let user = some_user();
        let plain = Filter::parse(&schema::user(), &source).unwrap();
        let negated = Filter::parse(&schema::user(), &format!("not ({source})")).unwrap();
        prop_assert_ne!(plain.matches(user.as_map()), negated.matches(user.as_map()));
    }

    #[test]
    fn no_text_makes_a_parser_panic(source in "\\PC{0,60}") {
        let user = schema::user();
        let _ = Filter::parse(&user, &source);
        let _ = Filter::parse_as(&user, &source, &Dialect::with(Leniency::ALL));
        let _ = AttributePath::parse(&source);
        let _ = Projection::parse(&user, Some(&source), None);
        let _ = plan(&[json!({ "op": "remove", "path": source })], &Dialect::with(Leniency::ALL));
        let _ = reader::parse(source.as_bytes(), &Limits::DEFAULT);
    }

    #[test]
    fn no_almost_filter_makes_a_parser_panic(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "(", ")", "[", "]", "not", "and", "or", "pr", "eq", "\"", "\\", "emails", "type", ".", ":", " ", "true",
            "null", "-1", "1e9", "é", "\"x\"", "urn:ietf:params:scim:schemas:core:2.0:User:", "userName",
        ]), 0..20),
    ) {
        let source = pieces.concat();
        let _ = Filter::parse(&schema::user(), &source);
        let _ = Filter::parse_as(&schema::user(), &source, &Dialect::with(Leniency::ALL));
        let _ = plan(&[json!({ "op": "add", "path": source, "value": "x" })], &Dialect::with(Leniency::ALL));
    }

    #[test]
    fn no_bytes_make_the_json_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = reader::parse(&bytes, &Limits::DEFAULT);
    }

    #[test]
    fn adding_twice_is_adding_once(operation in addition()) {
        let Ok(plan) = plan(&[operation], &Dialect::strict()) else { return Ok(()) };
        let user = some_user();
        let once = plan.apply(&schema::user(), &user, &Dialect::strict()).unwrap().unwrap_or(user);
        prop_assert_eq!(plan.apply(&schema::user(), &once, &Dialect::strict()).unwrap(), None);
    }

    #[test]
    fn a_patch_never_makes_an_invalid_resource(
        operations in proptest::collection::vec(operation(), 1..5),
        tolerant in any::<bool>(),
    ) {
        let dialect = if tolerant { Dialect::with(Leniency::ALL) } else { Dialect::strict() };
        let user = some_user();
        prop_assert!(is_valid(&user));
        if let Ok(Some(after)) = plan(&operations, &dialect).and_then(|plan| plan.apply(&schema::user(), &user, &dialect)) {
            prop_assert!(is_valid(&after), "{:?}", after.as_map());
            prop_assert_ne!(after, user);
        }
    }

    #[test]
    fn folding_twice_is_folding_once(source in "\\PC{0,20}") {
        let once = text::fold(&source);
        prop_assert_eq!(text::fold(&once), once);
    }
}
