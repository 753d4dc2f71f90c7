//! Every file in `fixtures/`: a resource, a PATCH and what becomes of it. Named by RFC section, or by the
//! client that sends it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use scim::dialect::{Dialect, Profile};
use scim::patch::{MemberChange, PatchPlan};
use scim::resource::{Member, Resource};
use scim::schema::{self, ResourceType};
use serde_json::{Value, json};

#[test]
fn every_fixture_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut read = 0;

    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let fixture: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        check(&name, &fixture);
        read += 1;
    }

    assert!(read >= 66, "fixtures have been lost: {read}");
}

fn check(name: &str, fixture: &Value) {
    let resource_type = resource_type(&fixture["resourceType"]);
    let dialect = Dialect::of(Profile::parse(fixture["dialect"].as_str().unwrap()).unwrap());
    let given = Resource::from_stored(fixture["given"].as_object().unwrap().clone());

    let outcome = PatchPlan::parse(&resource_type, fixture["patch"].clone(), &dialect).and_then(|plan| {
        let (plan, members) = plan.split_members();
        Ok((plan.apply(&resource_type, &given, &dialect)?, members))
    });

    match (outcome, fixture["error"].as_str()) {
        (Err(error), Some(expected)) => {
            assert_eq!(error.scim_type.map(scim::ScimType::as_str), Some(expected), "{name}: {error}");
            assert_eq!(error.status, 400, "{name}");
        }
        (Ok((after, members)), None) => {
            let after = after.map_or(json!("unchanged"), |after| Value::Object(after.into_map()));
            assert_eq!(after, fixture["then"], "{name}");
            let members: Vec<Value> = members.iter().map(member_change).collect();
            assert_eq!(json!(members), fixture.get("members").cloned().unwrap_or(json!([])), "{name}");
        }
        (outcome, expected) => panic!("{name}: expected {expected:?}, came {outcome:?}"),
    }
}

fn resource_type(name: &Value) -> Arc<ResourceType> {
    if name == "Group" { schema::group() } else { schema::user() }
}

fn member_change(change: &MemberChange) -> Value {
    let ids = |members: &[Member]| members.iter().map(|member| member.value.clone()).collect::<Vec<_>>();
    match change {
        MemberChange::Add(members) => json!({ "add": ids(members) }),
        MemberChange::Remove(ids) => json!({ "remove": ids }),
        MemberChange::RemoveMatching(filter) => json!({ "removeMatching": filter.to_string() }),
        MemberChange::ReplaceAll(members) => json!({ "replaceAll": ids(members) }),
        MemberChange::RemoveAll => json!("removeAll"),
    }
}
