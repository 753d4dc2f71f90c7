//! A plan in words: each operation with its whole path and its value as the engine understood it. Knows how a path is
//! written; does not know the resource.

use serde_json::{Value, json};

use super::members::MemberChange;
use super::target::Target;
use super::{Action, PatchPlan};
use crate::filter::Filter;
use crate::path::AttributeRef;

/// How many ids of members are told.
const MEMBERS_TOLD: usize = 100;

impl PatchPlan {
    /// The operations as they were understood, one per attribute: what `op` was written in which case, what was a string
    /// and means a boolean, which attributes a path-less operation names, is no question any more. Changes of members come
    /// last, with how many they name and the first of their ids.
    pub fn describe(&self) -> Vec<Value> {
        let steps = self.steps.iter().map(|step| {
            let path = path(&step.target);
            match &step.action {
                Action::Add(value) => json!({"op": "add", "path": path, "value": value}),
                Action::Replace(value) => json!({"op": "replace", "path": path, "value": value}),
                Action::Remove => json!({"op": "remove", "path": path}),
                Action::RemoveValues(values) => json!({"op": "remove", "path": path, "value": values}),
            }
        });
        steps.chain(self.members.iter().map(MemberChange::describe)).collect()
    }
}

impl MemberChange {
    fn describe(&self) -> Value {
        let told = |op: &str, ids: Vec<&str>| {
            let (count, first) = (ids.len(), ids.iter().take(MEMBERS_TOLD).collect::<Vec<_>>());
            json!({"op": op, "path": "members", "count": count, "members": first})
        };
        match self {
            Self::Add(list) => told("add", list.iter().map(|member| member.value.as_str()).collect()),
            Self::Remove(ids) => told("remove", ids.iter().map(String::as_str).collect()),
            Self::RemoveMatching(filter) => json!({"op": "remove", "path": format!("members[{filter}]")}),
            Self::ReplaceAll(list) => {
                told("replace", list.iter().map(|member| member.value.as_str()).collect())
            }
            Self::RemoveAll => json!({"op": "remove", "path": "members"}),
        }
    }
}

fn path(target: &Target) -> String {
    let Some(filter) = &target.filter else { return target.attr.to_string() };
    let whole = AttributeRef { sub: None, ..target.attr.clone() };
    let sub = target.attr.sub.as_ref().map(|sub| format!(".{}", sub.name)).unwrap_or_default();
    format!("{}{sub}", Filter::ValuePath { attr: whole, filter: Box::new(filter.clone()) })
}

#[cfg(test)]
mod tests {
    use crate::dialect::{Dialect, Profile};
    use crate::schema;

    use super::*;

    fn described(of: &schema::ResourceType, operations: &Value) -> Vec<Value> {
        let body = json!({"schemas": [crate::message::PATCH_OP_URN], "Operations": operations});
        PatchPlan::parse(of, body, &Dialect::of(Profile::Entra)).unwrap().describe()
    }

    #[test]
    fn what_a_dialect_wrote_is_told_as_the_rfc_has_it() {
        let operations = json!([
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "hana@acme.example"},
            {"op": "replace", "value": {"name.givenName": "Hana", "title": "Head"}},
            {"op": "Remove", "path": "nickName"},
        ]);

        assert_eq!(
            described(&schema::user(), &operations),
            [
                json!({"op": "replace", "path": "active", "value": false}),
                json!({"op": "add", "path": "emails[type eq \"work\"].value", "value": "hana@acme.example"}),
                json!({"op": "replace", "path": "name.givenName", "value": "Hana"}),
                json!({"op": "replace", "path": "title", "value": "Head"}),
                json!({"op": "remove", "path": "nickName"}),
            ]
        );
    }

    #[test]
    fn members_are_counted_and_the_first_are_named() {
        let many: Vec<Value> = (0..250).map(|n| json!({"value": n.to_string()})).collect();
        let operations = json!([
            {"op": "Add", "path": "members", "value": many},
            {"op": "Remove", "path": "members", "value": [{"value": "7"}]},
            {"op": "Remove", "path": "members[display eq \"Hana\"]"},
        ]);

        let told = described(&schema::group(), &operations);

        assert_eq!((&told[0]["count"], told[0]["members"].as_array().unwrap().len()), (&json!(250), 100));
        assert_eq!(told[1], json!({"op": "remove", "path": "members", "count": 1, "members": ["7"]}));
        assert_eq!(told[2], json!({"op": "remove", "path": "members[members.display eq \"Hana\"]"}));
    }
}
