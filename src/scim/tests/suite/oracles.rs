//! What must hold for any bytes that arrive. Knows what each reader promises; does not know who makes the bytes: the properties do
//! here, a fuzzer does in `fuzz/`.

use scim::dialect::{Dialect, Leniency, Profile};
use scim::filter::Filter;
use scim::message::{self, Meta};
use scim::patch::{MemberChange, PatchPlan};
use scim::path::{AttributePath, AttributeRef};
use scim::projection::Projection;
use scim::resource::{Member, Resource};
use scim::schema::{self, ResourceType};
use scim::{Error, Limits, ScimType, json as reader};
use serde_json::{Map, Value, json};

use super::model::{self, Scenario, State};

/// A filter that is read says what it prints, and means it.
pub(crate) fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for resource_type in [schema::user(), schema::group()] {
        for dialect in dialects() {
            let Ok(filter) = Filter::parse_as(&resource_type, text, &dialect) else { continue };
            let printed = filter.to_string();
            let again = Filter::parse(&resource_type, &printed);
            assert_eq!(again.as_ref(), Ok(&filter), "{printed}");
            let negated = Filter::Not(Box::new(filter.clone()));
            for doc in [somebody(), Map::new()] {
                assert_ne!(filter.matches(&doc), negated.matches(&doc), "{printed}");
            }
        }
    }
}

/// A path that is read says what it prints; as the path of an operation it is read or refused.
pub(crate) fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = AttributePath::parse(text);
    for resource_type in [schema::user(), schema::group(), model::device()] {
        if let Ok(attribute) = AttributeRef::parse(&resource_type, text) {
            assert_eq!(AttributeRef::parse(&resource_type, &attribute.to_string()), Ok(attribute), "{text}");
        }
        let _ = Projection::parse(&resource_type, Some(text), None);
        for operation in [
            json!({ "op": "remove", "path": text }),
            json!({ "op": "add", "path": text, "value": "a" }),
            json!({ "op": "replace", "path": text, "value": [{ "value": "a", "type": "work" }] }),
            json!({ "op": "replace", "value": { text: "a" } }),
        ] {
            carried_out(&resource_type, &json!({ "schemas": [model::PATCH_OP], "Operations": [operation] }));
        }
    }
}

/// Within the budget our reader and that of `serde_json` read the same, and what only ours refuses has a reason.
pub(crate) fn json(bytes: &[u8]) {
    let limits = Limits { max_payload_size: 2048, max_depth: 16, ..Limits::DEFAULT };
    let theirs = serde_json::from_slice::<Value>(bytes);
    match reader::parse(bytes, &limits) {
        Ok(ours) => {
            assert!(bytes.len() <= limits.max_payload_size);
            assert_eq!(Some(&ours), theirs.as_ref().ok());
            assert!(!has_nul(&ours));
            assert!(depth(&ours) <= limits.max_depth);
        }
        Err(error) => {
            let ours_alone = ["larger than", "too deeply", "NUL", "occurs twice"];
            assert!(
                theirs.is_err() || ours_alone.iter().any(|reason| error.detail.contains(reason)),
                "{error}"
            );
            assert!(matches!(error.status, 400 | 413));
        }
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(all) => all.iter().any(has_nul),
        Value::Object(all) => all.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// A PATCH request is refused or carried out, and what comes out is valid.
pub(crate) fn patch(bytes: &[u8]) {
    let Ok(body) = reader::parse(bytes, &Limits::DEFAULT) else { return };
    for resource_type in [schema::user(), schema::group(), model::device()] {
        carried_out(&resource_type, &body);
    }
}

/// What the engine does is what the model does.
pub(crate) fn model(bytes: &[u8]) {
    let scenario = Scenario::of(bytes);
    let of = &scenario.resource_type;
    let before = given(&scenario);
    let engine = patched(of, &before, scenario.request(), &Dialect::strict());
    let model = model::patch(of, &before, &scenario.operations);
    let sent: Vec<&Value> = scenario.operations.iter().map(|operation| &operation.sent).collect();
    assert_eq!(outcome(engine), model.map(|state| told(&state)), "{} of {}", json!(sent), told(&before));
}

/// The resource that a scenario begins with.
pub(crate) fn given(scenario: &Scenario) -> State {
    let resource = Resource::for_create(&scenario.resource_type, scenario.body.clone(), &Dialect::strict());
    let doc = resource.unwrap_or_else(|error| panic!("{error}: {}", scenario.body)).into_map();
    let mut members: Vec<Value> = Vec::new();
    for member in &scenario.members {
        if !members.iter().any(|other| other["value"] == member["value"]) {
            members.push(member.clone());
        }
    }
    State { doc, members }
}

/// What the engine makes of it, with the changes of members carried out one after the other.
pub(crate) fn patched(
    of: &ResourceType,
    state: &State,
    body: Value,
    dialect: &Dialect,
) -> Result<State, Error> {
    let (plan, changes) = PatchPlan::parse(of, body, dialect)?.split_members();
    let before = Resource::from_stored(state.doc.clone());
    let after = plan.apply(of, &before, dialect)?;
    assert_ne!(after.as_ref(), Some(&before), "a change that changes nothing");
    let mut members = state.members.clone();
    for change in changes {
        change_members(&mut members, change);
    }
    Ok(State { doc: after.unwrap_or(before).into_map(), members })
}

fn change_members(members: &mut Vec<Value>, change: MemberChange) {
    let add = |members: &mut Vec<Value>, more: Vec<Member>| {
        for member in more {
            if !members.iter().any(|there| there["value"] == *member.value) {
                members.push(json!({ "value": member.value }));
            }
        }
    };
    match change {
        MemberChange::Add(more) => add(members, more),
        MemberChange::Remove(ids) => members.retain(|there| !ids.iter().any(|id| there["value"] == **id)),
        MemberChange::RemoveMatching(filter) => {
            members
                .retain(|there| !filter.matches(&Map::from_iter([("members".to_owned(), json!([there]))])));
        }
        MemberChange::ReplaceAll(these) => {
            members.clear();
            add(members, these);
        }
        MemberChange::RemoveAll => members.clear(),
    }
}

/// The document, and who is a member.
pub(crate) fn told(state: &State) -> Value {
    let mut ids: Vec<&str> = state.members.iter().filter_map(|member| member["value"].as_str()).collect();
    ids.sort_unstable();
    json!({ "doc": state.doc, "members": ids })
}

fn outcome(result: Result<State, Error>) -> Result<Value, &'static str> {
    result.map(|state| told(&state)).map_err(|error| error.scim_type.map_or("", ScimType::as_str))
}

/// What a GET shows of it.
pub(crate) fn rendered(of: &ResourceType, state: &State) -> Value {
    let time = "2026-11-22T08:00:00Z".parse().unwrap();
    let location = "https://a.example/scim/v2/x".to_owned();
    let meta = Meta { created: time, last_modified: time, version: 7, location };
    let mut extra = Map::new();
    if of.attribute("members").is_some() {
        extra.insert("members".to_owned(), json!(state.members));
    }
    if of.attribute("groups").is_some() {
        extra.insert("groups".to_owned(), json!([{ "value": "g", "display": "Group", "type": "direct" }]));
    }
    message::render(of, "x", state.doc.clone(), meta, extra)
}

/// The request, in every reading, on something that is there: what comes of it can be read and put back unchanged.
fn carried_out(of: &ResourceType, body: &Value) {
    let doc = match of.name.as_str() {
        "User" => somebody(),
        "Group" => Map::from_iter([("displayName".to_owned(), json!("Group"))]),
        _ => Map::from_iter([("code".to_owned(), json!("c")), ("ports".to_owned(), json!([1]))]),
    };
    let before = State { doc, members: vec![json!({ "value": "a" })] };
    for dialect in dialects() {
        let Ok(after) = patched(of, &before, body.clone(), &dialect) else { continue };
        let current = Resource::from_stored(after.doc.clone());
        let again = Resource::for_replace(of, rendered(of, &after), &current, &Dialect::strict());
        assert_eq!(again.map(Resource::into_map), Ok(after.doc), "{body}");
    }
}

/// The strict reading, the most tolerant one, and the one that asks for more than the RFC.
fn dialects() -> [Dialect; 3] {
    [Dialect::strict(), Dialect::with(Leniency::ALL), Dialect::of(Profile::Interop)]
}

fn somebody() -> Map<String, Value> {
    let body = json!({
        "schemas": [schema::USER_URN], "userName": "bjensen", "externalId": "1", "active": true, "title": "",
        "name": { "givenName": "Barbara" },
        "emails": [{ "value": "a", "type": "work", "primary": true }, { "value": "b" }],
        "roles": [{ "value": "r" }],
        schema::ENTERPRISE_USER_URN: { "department": "É", "manager": { "value": "a" } },
    });
    Resource::for_create(&schema::user(), body, &Dialect::strict()).unwrap().into_map()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
