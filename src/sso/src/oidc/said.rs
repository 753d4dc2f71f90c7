//! What claims say about a person beside who they are: address and groups. Knows the shapes that providers use; does not know whether to believe them.

use serde_json::{Map, Value};

use crate::identity::{Email, Groups};

/// OpenID Connect Core section 5.1. Some providers write booleans as text.
pub(super) fn email(claims: &Map<String, Value>) -> Option<Email> {
    let address = claims.get("email")?.as_str()?.to_owned();
    let verified = match claims.get("email_verified") {
        Some(Value::Bool(verified)) => Some(*verified),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    Some(Email { address, verified })
}

/// The claim `groups`: a name or a list of names. Entra ID leaves it out when there are too many, and says so by
/// `_claim_names` or `hasgroups`; what is said elsewhere is not asked for.
pub(super) fn groups(claims: &Map<String, Value>) -> Groups {
    let elsewhere = claims
        .get("_claim_names")
        .is_some_and(|names| names.as_object().is_none_or(|names| names.contains_key("groups")))
        || claims.get("hasgroups").is_some_and(|has| *has != Value::Bool(false));
    match claims.get("groups") {
        Some(Value::String(name)) if !elsewhere => Groups::Known(vec![name.clone()]),
        Some(Value::Array(names)) if !elsewhere => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()
            .map_or(Groups::Unknown, Groups::Known),
        _ => Groups::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of<T>(read: fn(&Map<String, Value>) -> T, claims: Value) -> T {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        read(&claims)
    }

    #[test]
    fn too_many_groups_are_not_no_groups() {
        let known = |names: &[&str]| Groups::Known(names.iter().copied().map(str::to_owned).collect());
        for (claims, expected) in [
            (json!({"groups": []}), known(&[])),
            (json!({"groups": ["a", "b"]}), known(&["a", "b"])),
            (json!({"groups": "a"}), known(&["a"])),
            (json!({"groups": ["a"], "hasgroups": false}), known(&["a"])),
            (json!({"groups": ["a"], "_claim_names": {"address": "src1"}}), known(&["a"])),
            (json!({}), Groups::Unknown),
            (json!({"groups": null}), Groups::Unknown),
            (json!({"groups": ["a", 1]}), Groups::Unknown),
            (json!({"groups": {"a": []}}), Groups::Unknown),
            (json!({"hasgroups": true}), Groups::Unknown),
            (json!({"hasgroups": "true", "groups": []}), Groups::Unknown),
            (json!({"_claim_names": {"groups": "src1"}, "groups": []}), Groups::Unknown),
            (json!({"_claim_names": "groups", "groups": []}), Groups::Unknown),
        ] {
            assert_eq!(of(groups, claims.clone()), expected, "{claims}");
        }
    }

    #[test]
    fn an_address_is_verified_unverified_or_neither() {
        for (said, verified) in [
            (json!({"email": "a@b.c"}), None),
            (json!({"email": "a@b.c", "email_verified": true}), Some(true)),
            (json!({"email": "a@b.c", "email_verified": "true"}), Some(true)),
            (json!({"email": "a@b.c", "email_verified": "false"}), Some(false)),
            (json!({"email": "a@b.c", "email_verified": 1}), None),
        ] {
            assert_eq!(of(email, said), Some(Email { address: "a@b.c".to_owned(), verified }));
        }
        assert_eq!(of(email, json!({"email": ["a@b.c"]})), None);
    }
}
