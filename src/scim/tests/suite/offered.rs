//! What a tenant offers for `roles` and `entitlements`, and the resource types that say so.

use scim::ScimType;
use scim::dialect::{Dialect, Leniencies, Leniency};
use scim::patch::PatchPlan;
use scim::resource::Resource;
use scim::schema::{Form, Offers, Types, USER_URN};
use serde_json::{Value, json};

fn types() -> Types {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    Types::offering(&Offers { roles: texts(&["admin", "guest"]), entitlements: texts(&["upload"]) })
}

fn created(roles: &Value, dialect: &Dialect) -> Result<Resource, scim::Error> {
    let body = json!({ "schemas": [USER_URN], "userName": "ada", "roles": roles });
    Resource::for_create(types().user(), body, dialect)
}

fn roles(resource: &Resource) -> Value {
    resource.as_map().get("roles").cloned().unwrap_or_default()
}

/// Behaviour 88.
#[test]
fn a_role_that_is_not_offered_is_refused_and_those_that_are_are_named() {
    let error = created(&json!([{ "value": "admin" }, { "value": "root" }]), &Dialect::strict()).unwrap_err();

    assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
    assert_eq!(error.detail, "'root' is none of the roles that are offered: admin, guest");
    let taken = created(&json!([{ "value": "ADMIN", "primary": true }]), &Dialect::strict()).unwrap();
    assert_eq!(roles(&taken), json!([{ "value": "ADMIN", "primary": true }]));
}

#[test]
fn what_is_not_offered_is_left_out_and_counted_where_that_is_granted() {
    let dialect = Dialect::with([Leniency::UnknownRole]);

    let some = created(&json!([{ "value": "admin" }, { "value": "root" }]), &dialect).unwrap();

    assert_eq!(roles(&some), json!([{ "value": "admin" }]));
    assert_eq!(roles(&created(&json!([{ "value": "root" }]), &dialect).unwrap()), Value::Null);
    assert_eq!(dialect.used(), Leniencies::from_iter([Leniency::UnknownRole]));
}

#[test]
fn what_a_person_has_may_stay_although_it_is_offered_no_more() {
    let before = json!({ "userName": "ada", "active": true, "roles": [{ "value": "root" }] });
    let before = Resource::from_stored(before.as_object().unwrap().clone());
    let strict = Dialect::strict();
    let patch = |operation: Value| {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
        PatchPlan::parse(types().user(), body, &strict).unwrap().apply(types().user(), &before, &strict)
    };

    let body = json!({ "schemas": [USER_URN], "userName": "ada", "roles": [{ "value": "root" }, { "value": "guest" }] });
    let put = Resource::for_replace(types().user(), body, &before, &strict).unwrap();
    assert_eq!(roles(&put), json!([{ "value": "root" }, { "value": "guest" }]));
    let patched = patch(json!({ "op": "add", "path": "title", "value": "Guide" })).unwrap().unwrap();
    assert_eq!(roles(&patched), json!([{ "value": "root" }]));
    let refused =
        patch(json!({ "op": "add", "path": "roles", "value": [{ "value": "other" }] })).unwrap_err();
    assert_eq!(refused.scim_type, Some(ScimType::InvalidValue));
}

/// Behaviours 6, 89.
#[test]
fn the_schemas_say_what_is_offered_and_in_which_form() {
    let schemas = types().schemas(Form::Okta);
    let schema =
        |urn: &str| schemas.iter().find(|schema| schema.id == urn).map(|schema| schema.to_json("https://x"));
    let user = schema(USER_URN).unwrap();
    let roles = user["attributes"].as_array().unwrap().iter().find(|it| it["name"] == "roles").unwrap();
    assert_eq!(roles["subAttributes"][0]["canonicalValues"], json!(["admin", "guest"]));

    let role = schema("urn:okta:scim:schemas:core:1.0:Role").unwrap();
    assert!(role["attributes"].as_array().unwrap().iter().all(|it| it["mutability"] == "readOnly"));
    assert!(schema("urn:ietf:params:scim:schemas:core:2.0:Role").is_none());
    let names: Vec<String> = types().all(Form::Ietf).iter().map(|found| found.name.clone()).collect();
    assert!(["User", "Group", "Role", "Entitlement"].iter().all(|name| names.iter().any(|it| it == name)));
}
