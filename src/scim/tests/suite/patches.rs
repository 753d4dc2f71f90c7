//! PATCH beyond the fixtures: the shape of the message, and what the plan tells its caller.

use scim::ScimType;
use scim::dialect::{Dialect, Leniency, Profile};
use scim::patch::{MemberChange, PatchPlan};
use scim::resource::Resource;
use scim::schema;
use serde_json::{Map, Value, json};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

fn scim_type(body: Value) -> Option<ScimType> {
    PatchPlan::parse(&schema::user(), body, &Dialect::strict()).unwrap_err().scim_type
}

#[test]
fn a_message_of_another_shape_is_refused() {
    for body in [
        json!([]),
        json!({ "Operations": [{ "op": "remove", "path": "title" }] }),
        json!({ "schemas": ["urn:other"], "Operations": [{ "op": "remove", "path": "title" }] }),
        json!({ "schemas": [PATCH_OP] }),
        json!({ "schemas": [PATCH_OP], "Operations": [] }),
        json!({ "schemas": [PATCH_OP], "Operations": {} }),
        json!({ "schemas": [PATCH_OP], "Operations": ["remove"] }),
        json!({ "schemas": [PATCH_OP], "Operations": [{ "path": "title" }] }),
        json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "remove", "OP": "add", "path": "title" }] }),
        json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "title", "value": "x", "from": "y" }] }),
    ] {
        assert_eq!(scim_type(body.clone()), Some(ScimType::InvalidSyntax), "{body}");
    }
}

#[test]
fn names_of_the_message_have_no_case() {
    let body = json!({ "SCHEMAS": [PATCH_OP], "operations": [{ "OP": "remove", "Path": "title" }] });

    assert!(PatchPlan::parse(&schema::user(), body, &Dialect::strict()).is_ok());
}

#[test]
fn the_dialect_says_which_leniencies_a_plan_took() {
    let body = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "Replace", "path": "active", "value": "False" }] });

    let dialect = Dialect::of(Profile::Entra);
    PatchPlan::parse(&schema::user(), body, &dialect).unwrap();

    let used: Vec<Leniency> = dialect.used().iter().collect();
    assert_eq!(used, [Leniency::OperationCase, Leniency::BooleanAsString]);
}

#[test]
fn a_plan_of_members_only_leaves_the_document_alone() {
    let body =
        json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "members", "value": [] }] });

    let (plan, members) =
        PatchPlan::parse(&schema::group(), body, &Dialect::strict()).unwrap().split_members();

    assert!(plan.is_empty());
    assert_eq!(members, [MemberChange::Add(vec![])]);
}

#[test]
fn a_password_is_forgotten_in_every_spelling() {
    let said = [
        json!({ "op": "replace", "path": "password", "value": "secret" }),
        json!({ "op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:PASSWORD", "value": "secret" }),
        json!({ "op": "replace", "value": { "Password": "secret" } }),
        json!({ "op": "remove", "path": "password" }),
    ];
    for operation in said {
        let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
        let plan = PatchPlan::parse(&schema::user(), body, &Dialect::strict()).unwrap();
        let babs = Resource::from_stored(Map::from_iter([("userName".to_owned(), json!("bjensen"))]));

        assert_eq!(plan.apply(&schema::user(), &babs, &Dialect::strict()).unwrap(), None);
    }
}

#[test]
fn removing_active_leaves_nobody_active() {
    let body = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "remove", "path": "active" }] });
    let given = json!({ "userName": "bjensen", "active": true });
    let user = Resource::from_stored(given.as_object().unwrap().clone());

    let plan = PatchPlan::parse(&schema::user(), body, &Dialect::strict()).unwrap();
    let after = plan.apply(&schema::user(), &user, &Dialect::strict()).unwrap().unwrap();

    assert!(!after.active());
    assert!(user.active(), "the resource given is never touched");
}

#[test]
fn ten_thousand_values_are_added_in_one_pass() {
    let values: Vec<Value> = (0..10_000).map(|n| json!({ "value": format!("{n}@example.com") })).collect();
    let body =
        json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "emails", "value": values }] });
    let user = Resource::from_stored(Map::from_iter([("userName".into(), json!("x"))]));

    let plan = PatchPlan::parse(&schema::user(), body, &Dialect::strict()).unwrap();
    let once = plan.apply(&schema::user(), &user, &Dialect::strict()).unwrap().unwrap();

    assert_eq!(once.emails().len(), 10_000);
    assert_eq!(plan.apply(&schema::user(), &once, &Dialect::strict()).unwrap(), None);
}

/// Found among a million operations that were made up.
#[test]
fn a_value_that_was_told_from_another_by_being_primary_is_that_other_when_it_is_not() {
    let given = json!({ "userName": "x", "emails": [
        { "value": "a@example.com", "primary": false }, { "value": "a@example.com", "primary": true },
    ] });
    let user = Resource::from_stored(given.as_object().unwrap().clone());
    let add = json!([{ "value": "b@example.com", "primary": true }]);
    let body =
        json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "emails", "value": add }] });

    let plan = PatchPlan::parse(&schema::user(), body, &Dialect::strict()).unwrap();
    let once = plan.apply(&schema::user(), &user, &Dialect::strict()).unwrap().unwrap();

    let emails = json!([{ "value": "a@example.com", "primary": false }, { "value": "b@example.com", "primary": true }]);
    assert_eq!(once.as_map()["emails"], emails);
    assert_eq!(plan.apply(&schema::user(), &once, &Dialect::strict()).unwrap(), None);
}
