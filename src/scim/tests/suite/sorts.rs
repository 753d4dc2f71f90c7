//! Sorting: what comes first, and what cannot be sorted by.

use std::cmp::Ordering;

use scim::ScimType;
use scim::filter::Filter;
use scim::schema;
use scim::sort::{Sort, SortOrder, TEXT_LENGTH};
use serde_json::{Map, Value, json};

fn by(path: &str, order: Option<&str>) -> Sort {
    Sort::parse(&schema::user(), Some(path), order).unwrap().unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

/// The ids in order.
fn sorted(sort: &Sort, resources: &[Value]) -> Vec<String> {
    let mut resources: Vec<_> = resources.iter().cloned().map(object).collect();
    resources.sort_by(|one, other| sort.compare(one, other));
    resources.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nobody_without_a_value_is_before_anybody_with_one_unless_descending() {
    let people = [
        json!({ "id": "1" }),
        json!({ "id": "2", "title": "b" }),
        json!({ "id": "3", "title": "" }),
        json!({ "id": "4", "title": "B" }),
        json!({ "id": "5", "title": "a" }),
        json!({ "id": "6" }),
    ];

    assert_eq!(sorted(&by("title", None), &people), ["3", "5", "2", "4", "1", "6"]);
    assert_eq!(sorted(&by("TITLE", Some("Descending")), &people), ["6", "1", "4", "2", "5", "3"]);
}

#[test]
fn case_counts_where_the_schema_says_so() {
    let people = [
        json!({ "id": "1", "externalId": "a", "userName": "a" }),
        json!({ "id": "2", "externalId": "B", "userName": "B" }),
    ];

    assert_eq!(sorted(&by("userName", None), &people), ["1", "2"]);
    assert_eq!(sorted(&by("externalId", None), &people), ["2", "1"]);
}

#[test]
fn of_several_values_the_primary_one_counts_or_else_the_first() {
    let people = [
        json!({ "id": "1", "emails": [{ "value": "a" }, { "value": "z", "primary": true }] }),
        json!({ "id": "2", "emails": [{ "value": "m" }, { "value": "a", "primary": false }] }),
        json!({ "id": "3", "emails": [{ "type": "work", "primary": true }, { "value": "a" }] }),
    ];

    for path in ["emails", "emails.value"] {
        assert_eq!(sorted(&by(path, None), &people), ["2", "1", "3"], "{path}");
    }
    assert_eq!(by("emails", None).to_string(), "emails.value ascending");
}

#[test]
fn times_and_flags_are_sorted_as_what_they_are() {
    let people = [
        json!({ "id": "1", "active": true, "meta": { "created": "2026-01-01T09:00:00+09:00" } }),
        json!({ "id": "2", "active": false, "meta": { "created": "2026-01-01T00:00:00.001Z" } }),
    ];

    assert_eq!(sorted(&by("meta.created", None), &people), ["1", "2"]);
    assert_eq!(sorted(&by("active", None), &people), ["2", "1"]);
    assert_eq!(by("active", None).order(), SortOrder::Ascending);
}

#[test]
fn beyond_what_is_compared_the_id_decides() {
    let long = |last: char, id: &str| {
        object(json!({ "id": id, "title": format!("{}{last}", "é".repeat(TEXT_LENGTH)) }))
    };

    let sort = by("title", None);

    assert_eq!(sort.compare(&long('b', "1"), &long('a', "2")), Ordering::Less);
}

#[test]
fn what_names_no_value_or_only_secret_ones_cannot_be_sorted_by() {
    for (path, scim_type) in [
        ("nonsense", ScimType::InvalidPath),
        ("name", ScimType::InvalidPath),
        ("addresses", ScimType::InvalidPath),
        ("name.nonsense", ScimType::InvalidPath),
        ("urn:unknown:title", ScimType::InvalidPath),
        ("emails[type eq \"work\"]", ScimType::InvalidPath),
        ("title asc", ScimType::InvalidPath),
        ("password", ScimType::InvalidValue),
    ] {
        let refused = Sort::parse(&schema::user(), Some(path), None).unwrap_err();
        assert_eq!(refused.scim_type, Some(scim_type), "{path}");
    }
    let refused = Sort::parse(&schema::user(), Some("title"), Some("up")).unwrap_err();
    assert_eq!(refused.scim_type, Some(ScimType::InvalidValue));
    assert_eq!(Sort::parse(&schema::user(), Some(" "), Some("")), Ok(None));
}

#[test]
fn a_filter_is_decided_by_what_is_known_where_that_is_enough() {
    let sample = object(json!({ "meta": { "resourceType": "User" } }));
    let verdict = |filter: &str| {
        let filter = Filter::parse(&schema::user(), filter).unwrap();
        filter.verdict(&sample, &|attr| attr.to_string() == "meta.resourceType" || attr.is_core("nickName"))
    };

    for (filter, decided) in [
        ("nickName eq \"x\"", Some(false)),
        ("nickName ne \"x\"", Some(true)),
        ("nickName pr", Some(false)),
        ("not (nickName pr)", Some(true)),
        ("nickName pr and title pr", Some(false)),
        ("nickName pr or title pr", None),
        ("not (title pr)", None),
        ("meta.resourceType eq \"User\"", Some(true)),
        ("meta.resourceType eq \"Group\" or nickName pr", Some(false)),
        ("meta.resourceType eq \"User\" and title pr", None),
    ] {
        assert_eq!(verdict(filter), decided, "{filter}");
    }
}
