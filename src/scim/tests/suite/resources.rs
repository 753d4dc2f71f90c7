//! Bodies of POST and PUT.

use std::sync::Arc;

use scim::ScimType;
use scim::dialect::{Dialect, Leniency};
use scim::resource::Resource;
use scim::schema::{self, ENTERPRISE_USER_URN, GROUP_URN, Mutability, USER_URN};
use serde_json::{Map, Value, json};

fn user_body(more: &Value) -> Value {
    let mut body = json!({ "schemas": [USER_URN], "userName": "bjensen" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn create(more: &Value, dialect: &Dialect) -> Result<Map<String, Value>, Option<ScimType>> {
    Resource::for_create(&schema::user(), user_body(more), dialect)
        .map(Resource::into_map)
        .map_err(|error| error.scim_type)
}

#[track_caller]
fn kept(more: &Value, expected: &Value) {
    let mut expected = expected.as_object().unwrap().clone();
    expected.insert("userName".into(), json!("bjensen"));
    expected.entry("active").or_insert(json!(true));
    assert_eq!(create(more, &Dialect::strict()).unwrap(), expected);
}

#[track_caller]
fn refused(more: &Value, scim_type: ScimType) {
    assert_eq!(create(more, &Dialect::strict()), Err(Some(scim_type)));
}

#[test]
fn names_are_kept_in_canonical_spelling() {
    kept(
        &json!({ "NICKNAME": "B", "name": { "GIVENNAME": "Babs" } }),
        &json!({ "nickName": "B", "name": { "givenName": "Babs" } }),
    );
}

#[test]
fn null_and_empty_and_absent_are_the_same() {
    kept(
        &json!({ "title": null, "emails": [], "name": {}, "roles": [null], "phoneNumbers": null }),
        &json!({}),
    );
}

#[test]
fn read_only_attributes_and_passwords_are_dropped() {
    kept(
        &json!({ "id": "x", "meta": { "version": 3 }, "groups": [1], "password": "secret",
            ENTERPRISE_USER_URN: { "manager": { "value": "m", "displayName": "M" } } }),
        &json!({ ENTERPRISE_USER_URN: { "manager": { "value": "m" } } }),
    );
}

#[test]
fn an_extension_need_not_be_listed_in_schemas() {
    kept(
        &json!({ ENTERPRISE_USER_URN.to_lowercase(): { "department": "Tour" } }),
        &json!({ ENTERPRISE_USER_URN: { "department": "Tour" } }),
    );
}

#[test]
fn a_repeated_value_is_kept_once() {
    kept(
        &json!({ "emails": [{ "value": "a" }, { "VALUE": "a" }] }),
        &json!({ "emails": [{ "value": "a" }] }),
    );
}

#[test]
fn values_must_be_of_their_type() {
    for wrong in [
        json!({ "title": 5 }),
        json!({ "active": "true" }),
        json!({ "name": "Babs" }),
        json!({ "emails": { "value": "a" } }),
        json!({ "emails": ["a"] }),
        json!({ "emails": [[{ "value": "a" }]] }),
        json!({ "emails": [{ "primary": 1 }] }),
        json!({ "x509Certificates": [{ "value": "not base64!" }] }),
        json!({ "profileUrl": "not a uri" }),
        json!({ "title": "nul\u{0}" }),
    ] {
        refused(&wrong, ScimType::InvalidValue);
    }
}

#[test]
fn two_primary_values_are_refused() {
    refused(
        &json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }),
        ScimType::InvalidValue,
    );
}

#[test]
fn a_user_needs_a_name() {
    for name in [json!(null), json!(""), json!("  ")] {
        refused(&json!({ "userName": name }), ScimType::InvalidValue);
    }
}

#[test]
fn what_the_schema_does_not_have_is_refused() {
    for unknown in [
        json!({ "favouriteColour": "red" }),
        json!({ "name": { "nick": "B" } }),
        json!({ "urn:example:unknown": {} }),
        json!({ ENTERPRISE_USER_URN: { "floor": 3 } }),
        json!({ ENTERPRISE_USER_URN: { "schemas": [USER_URN] } }),
        json!({ ENTERPRISE_USER_URN: { "schemas": ENTERPRISE_USER_URN } }),
        json!({ ENTERPRISE_USER_URN: "x" }),
        json!({ "title": "a", "TITLE": "b" }),
        json!({ "schemas": [USER_URN, "urn:example:unknown"] }),
        json!({ "schemas": [ENTERPRISE_USER_URN] }),
        json!({ "schemas": [] }),
        json!({ "schemas": USER_URN }),
        json!({ "schemas": null }),
    ] {
        refused(&unknown, ScimType::InvalidSyntax);
    }
    assert!(Resource::for_create(&schema::user(), json!([]), &Dialect::strict()).is_err());
    assert!(Resource::for_create(&schema::user(), json!({ "userName": "x" }), &Dialect::strict()).is_err());
}

#[test]
fn a_client_that_is_not_known_yet_may_say_more_than_we_know() {
    let body = json!({
        "schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"],
        "favouriteColour": "red",
        "active": "True",
        "emails": { "value": "a", "primary": "false" },
        "urn:scim:schemas:extension:enterprise:2.0": { "department": "Tour", "floor": 3 },
        "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User": {},
    });

    let dialect = Dialect::undetected();
    let user = Resource::for_create(&schema::user(), user_body(&body), &dialect).unwrap();

    assert_eq!(
        Value::Object(user.as_map().clone()),
        json!({ "userName": "bjensen", "active": true, "emails": [{ "value": "a", "primary": false }],
            ENTERPRISE_USER_URN: { "department": "Tour" } })
    );
    assert!(dialect.used().contains(Leniency::DraftSchema));
    assert!(dialect.used().contains(Leniency::BooleanAsString));
    assert!(!dialect.used().contains(Leniency::ScalarForComplex));
}

#[test]
fn a_replacement_without_active_leaves_it_alone() {
    for active in [true, false] {
        let current = Resource::from_stored(Map::from_iter([("active".into(), json!(active))]));
        let body = user_body(&json!({}));
        let user = Resource::for_replace(&schema::user(), body, &current, &Dialect::strict()).unwrap();
        assert_eq!(user.active(), active);
    }
}

#[test]
fn a_replacement_clears_what_it_omits() {
    let current = Resource::from_stored(Map::from_iter([("title".into(), json!("Guide"))]));

    let user =
        Resource::for_replace(&schema::user(), user_body(&json!({})), &current, &Dialect::strict()).unwrap();

    assert!(!user.as_map().contains_key("title"));
}

#[test]
fn a_user_whose_active_was_removed_is_not_active() {
    assert!(!Resource::from_stored(Map::new()).active());
}

#[test]
fn members_wait_beside_the_document() {
    let read = |members: Value| {
        let mut body = json!({ "schemas": [GROUP_URN], "displayName": "Guides" });
        if !members.is_null() {
            body["members"] = members;
        }
        let mut group = Resource::for_create(&schema::group(), body, &Dialect::strict())?;
        assert!(!group.as_map().contains_key("members"));
        group.take_members()
    };

    let members =
        read(json!([{ "value": "a", "$ref": null, "type": "User" }, { "value": "a" }, { "value": "b" }]));
    let ids: Vec<String> = members.unwrap().unwrap().into_iter().map(|member| member.value).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(read(json!([])).unwrap(), Some(vec![]));
    assert_eq!(read(json!(null)).unwrap(), None);
    assert_eq!(read(json!([{ "display": "x" }])).unwrap_err().scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn values_are_found_by_path_in_any_case() {
    let doc = create(
        &json!({ "emails": [{ "value": "a", "type": "work" }, { "value": "b" }], "name": { "givenName": "Babs" },
            ENTERPRISE_USER_URN: { "department": "Tour", "manager": { "value": "m" } } }),
        &Dialect::strict(),
    );
    let user = Resource::from_stored(doc.unwrap());

    assert_eq!(user.values_at("USERNAME"), ["bjensen"]);
    assert_eq!(user.values_at("emails"), ["a", "b"]);
    assert_eq!(user.values_at("emails.type"), ["work"]);
    assert_eq!(user.values_at("active"), ["true"]);
    assert_eq!(user.values_at("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName"), ["Babs"]);
    assert_eq!(user.values_at(&format!("{ENTERPRISE_USER_URN}:Department").to_lowercase()), ["Tour"]);
    assert_eq!(user.values_at(&format!("{ENTERPRISE_USER_URN}:manager")), ["m"]);
    assert!(user.values_at("userName.x").is_empty());
    assert!(user.values_at("name").is_empty());
    assert!(user.values_at("..").is_empty());
    assert_eq!(user.emails().len(), 2);
}

/// Behaviour 46. No attribute of ours is immutable; an extension's may be.
#[test]
fn an_immutable_attribute_keeps_its_first_value() {
    let mut user = (*schema::user()).clone();
    let mut core = (*user.schema).clone();
    for attribute in core.attributes.iter_mut().filter(|attribute| attribute.name == "nickName") {
        Arc::make_mut(attribute).mutability = Mutability::Immutable;
    }
    user.schema = Arc::new(core);
    let replace = |current: &Value, body: &Value| {
        let current = Resource::for_create(&user, user_body(current), &Dialect::strict()).unwrap();
        let next = Resource::for_replace(&user, user_body(body), &current, &Dialect::strict());
        next.map(|next| next.as_map().get("nickName").cloned()).map_err(|error| error.scim_type)
    };

    assert_eq!(replace(&json!({}), &json!({"nickName": "Mi"})), Ok(Some(json!("Mi"))));
    assert_eq!(replace(&json!({"nickName": "Mi"}), &json!({"nickName": "Mi"})), Ok(Some(json!("Mi"))));
    assert_eq!(
        replace(&json!({"nickName": "Mi"}), &json!({})),
        Ok(Some(json!("Mi"))),
        "omitted, not cleared"
    );
    let changed = replace(&json!({"nickName": "Mi"}), &json!({"nickName": "Na"}));
    assert_eq!(changed, Err(Some(ScimType::Mutability)));
}
