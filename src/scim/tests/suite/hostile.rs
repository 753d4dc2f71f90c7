//! Inputs meant to hurt: depth, length, repetition.

use scim::dialect::Dialect;
use scim::filter::Filter;
use scim::patch::PatchPlan;
use scim::path::AttributePath;
use scim::{Limits, ScimType, json, schema};
use serde_json::json;

const LEVELS: usize = 10_000;

#[test]
fn ten_thousand_levels_of_json_are_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(LEVELS), close.repeat(LEVELS));
        let error = json::parse(text.as_bytes(), &Limits::DEFAULT).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
    }
}

#[test]
fn the_depth_limit_is_exact() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));

    assert!(json::parse(nested(64).as_bytes(), &Limits::DEFAULT).is_ok());
    assert!(json::parse(nested(65).as_bytes(), &Limits::DEFAULT).is_err());
}

#[test]
fn a_name_given_twice_is_refused() {
    for text in [r#"{"a":1,"a":2}"#, r#"{"x":{"a":1,"\u0061":2}}"#] {
        assert_eq!(
            json::parse(text.as_bytes(), &Limits::DEFAULT).unwrap_err().scim_type,
            Some(ScimType::InvalidSyntax)
        );
    }
}

#[test]
fn bytes_the_database_cannot_keep_are_refused() {
    for text in [&br#""\u0000""#[..], br#"{"\u0000":1}"#, b"\"\xff\"", br#""\ud800""#, b"1e999", b"1 2", b""]
    {
        assert!(json::parse(text, &Limits::DEFAULT).is_err(), "{text:?}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_too_large() {
    let limits = Limits { max_payload_size: 10, ..Limits::DEFAULT };

    assert_eq!(json::parse(b"[1,2,3,4,5,6]", &limits).unwrap_err().status, 413);
}

#[test]
fn ten_thousand_levels_of_filter_are_refused() {
    let user = schema::user();
    for text in [
        format!("{}title pr{}", "(".repeat(LEVELS), ")".repeat(LEVELS)),
        format!("{}title pr{}", "not (".repeat(LEVELS), ")".repeat(LEVELS)),
        format!("{}type pr{}", "emails[".repeat(LEVELS), "]".repeat(LEVELS)),
        format!("{}title pr{}", "(".repeat(40), ")".repeat(40)),
        vec!["title pr"; 400].join(" or "),
        vec!["a"; LEVELS].join("."),
        "(".repeat(4096),
    ] {
        assert_eq!(Filter::parse(&user, &text).unwrap_err().scim_type, Some(ScimType::InvalidFilter));
    }
    assert!(AttributePath::parse(&vec!["a"; LEVELS].join(".")).is_err());
}

#[test]
fn ten_thousand_levels_of_patch_path_are_refused() {
    let user = schema::user();
    let brackets = format!("emails[{}type pr{}].value", "(".repeat(LEVELS), ")".repeat(LEVELS));
    for path in [brackets, "[".repeat(LEVELS), "emails[".repeat(LEVELS), ":".repeat(LEVELS)] {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "remove", "path": path }],
        });
        assert_eq!(PatchPlan::parse(&user, body, &Dialect::undetected()).unwrap_err().status, 400);
    }
}

#[test]
fn more_operations_than_published_are_too_many() {
    let operation = json!({ "op": "remove", "path": "title" });
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": vec![operation; Limits::DEFAULT.max_operations + 1],
    });

    assert_eq!(PatchPlan::parse(&schema::user(), body, &Dialect::strict()).unwrap_err().status, 413);
}
