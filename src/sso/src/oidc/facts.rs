//! What claims say of a person besides who they are. Knows the shapes that providers give groups and addresses; does not know
//! what anybody may do for it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Tenancy;
use crate::identity::{Email, Groups};

/// More groups than any provider puts into a token; Entra ID stops at 200.
const MOST_GROUPS: usize = 1000;
const LONGEST_GROUP: usize = 256;
/// RFC 5321 section 4.5.3.1: 64 before the `@`, 255 behind it.
const LONGEST_ADDRESS: usize = 320;

/// The groups that the claim `name` lists: a name, a list of names, or an object with the names as keys (Zitadel's way). Unknown
/// where it is absent, malformed, too much, or kept elsewhere: nobody is in no group for that.
pub(super) fn groups(claims: &Map<String, Value>, name: &str) -> Groups {
    let listed: Option<Vec<&str>> = match claims.get(name) {
        _ if are_elsewhere(claims, name) => None,
        Some(Value::String(one)) if one.is_empty() => Some(Vec::new()),
        Some(Value::String(one)) => Some(vec![one]),
        Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
        Some(Value::Object(several)) => Some(several.keys().map(String::as_str).collect()),
        _ => None,
    };
    let is_name =
        |group: &str| (1..=LONGEST_GROUP).contains(&group.len()) && !group.chars().any(char::is_control);
    match listed {
        Some(listed) if listed.len() <= MOST_GROUPS && listed.iter().all(|group| is_name(group)) => {
            let distinct: BTreeSet<&str> = listed.into_iter().collect();
            Groups::Known(distinct.into_iter().map(str::to_owned).collect())
        }
        _ => Groups::Unknown,
    }
}

/// OpenID Connect Core section 5.6.2, which Entra ID uses for people of more than 200 groups (and `hasgroups` in tokens that go
/// through the browser). What it points to is not visited: who made the token may have made the address.
fn are_elsewhere(claims: &Map<String, Value>, name: &str) -> bool {
    let named = match claims.get("_claim_names") {
        None => claims.contains_key("_claim_sources"),
        Some(Value::Object(names)) => names.contains_key(name) || names.contains_key("groups"),
        Some(_) => true,
    };
    named || claims.get("hasgroups").is_some_and(is_true)
}

/// The e-mail address, and whether the provider has made sure that it is this person's (section 5.1).
pub(super) fn email(claims: &Map<String, Value>, tenancy: &Tenancy) -> Option<Email> {
    let address = claims.get("email")?.as_str()?;
    let (local, domain) = address.rsplit_once('@')?;
    let odd = |character: char| character.is_control() || character.is_whitespace();
    if local.is_empty() || domain.is_empty() || address.len() > LONGEST_ADDRESS || address.chars().any(odd) {
        return None;
    }
    let verified = match tenancy {
        // There, anybody who administers a tenant writes addresses; `xms_edov` says that the tenant owns the domain.
        Tenancy::Entra { .. } => Some(claims.get("xms_edov").is_some_and(is_true)),
        Tenancy::Any | Tenancy::Google { .. } => claims.get("email_verified").map(is_true),
    };
    Some(Email { address: address.to_owned(), verified })
}

/// Booleans come as texts and numbers too.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => text.eq_ignore_ascii_case("true") || text == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Email, Groups, Tenancy, email, groups};

    fn claims(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn listed(value: &Value) -> Groups {
        groups(&claims(json!({"groups": value})), "groups")
    }

    fn known(names: &[&str]) -> Groups {
        Groups::Known(names.iter().copied().map(str::to_owned).collect())
    }

    /// 36
    #[test]
    fn groups_are_a_text_a_list_or_the_keys_of_an_object() {
        assert_eq!(listed(&json!("sales")), known(&["sales"]));
        assert_eq!(listed(&json!(["b", "a", "b"])), known(&["a", "b"]));
        assert_eq!(listed(&json!({"admins": {"id": "acme"}, "sales": []})), known(&["admins", "sales"]));
        for none in [json!([]), json!({}), json!("")] {
            assert_eq!(listed(&none), known(&[]), "{none}");
        }
        assert_eq!(groups(&claims(json!({"roles": ["a"]})), "roles"), known(&["a"]));
    }

    /// 36
    #[test]
    fn what_is_absent_unreadable_or_too_much_is_unknown_and_not_empty() {
        let numbers = |count: u32| json!((0..count).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(matches!(listed(&numbers(1000)), Groups::Known(names) if names.len() == 1000));
        for odd in [
            json!(null),
            json!(7),
            json!(true),
            json!([1]),
            json!(["a", 1]),
            json!([["a"]]),
            json!(["a\u{0}"]),
            json!([""]),
            json!(["g".repeat(257)]),
            numbers(1001),
        ] {
            assert_eq!(listed(&odd), Groups::Unknown, "{odd}");
        }
        assert_eq!(groups(&claims(json!({"roles": ["a"]})), "groups"), Groups::Unknown);
    }

    /// 35
    #[test]
    fn groups_that_entra_id_keeps_elsewhere_are_unknown_whatever_else_is_there() {
        let sources = json!({"src1": {"endpoint": "https://graph.evil.example/users/me/getMemberObjects"}});
        for marker in [
            json!({"_claim_names": {"groups": "src1"}, "_claim_sources": sources}),
            json!({"_claim_names": {"groups": "src1"}}),
            json!({"_claim_names": "groups"}),
            json!({"_claim_sources": sources}),
            json!({"hasgroups": true}),
            json!({"hasgroups": "true"}),
        ] {
            let mut marked = claims(marker.clone());
            assert_eq!(groups(&marked, "groups"), Groups::Unknown, "{marker}");
            marked.insert("groups".to_owned(), json!(["a"]));
            assert_eq!(groups(&marked, "groups"), Groups::Unknown, "{marker}");
        }
        let other = json!({"groups": ["a"], "_claim_names": {"address": "src1"}, "hasgroups": false});
        assert_eq!(groups(&claims(other), "groups"), known(&["a"]));
    }

    /// 33
    #[test]
    fn an_address_is_verified_unverified_or_neither() {
        let verified = |mut value: Value| {
            value["email"] = json!("alice@acme.test");
            email(&claims(value), &Tenancy::Any).unwrap().verified
        };
        for yes in [json!(true), json!("true"), json!("True")] {
            assert_eq!(verified(json!({"email_verified": yes})), Some(true), "{yes}");
        }
        for no in [json!(false), json!("false"), json!("yes"), json!(null), json!(2), json!([true])] {
            assert_eq!(verified(json!({"email_verified": no})), Some(false), "{no}");
        }
        assert_eq!(verified(json!({})), None);
        assert_eq!(email(&claims(json!({"email_verified": true})), &Tenancy::Any), None);
        for odd in ["alice", "@acme.test", "alice@", "a b@acme.test", "a\n@acme.test", &"a@".repeat(200)] {
            assert_eq!(email(&claims(json!({"email": odd})), &Tenancy::Any), None, "{odd:?}");
        }
    }

    /// 31
    #[test]
    fn in_entra_id_only_the_owner_of_the_domain_vouches_for_an_address() {
        let entra = Tenancy::Entra { tenant: "t".to_owned() };
        let vouched = |proof: Value| {
            let mut said = claims(json!({"email": "ceo@acme.test"}));
            said.extend(claims(proof));
            email(&said, &entra)
        };
        let address =
            |verified| Some(Email { address: "ceo@acme.test".to_owned(), verified: Some(verified) });

        assert_eq!(vouched(json!({"email_verified": true})), address(false));
        assert_eq!(vouched(json!({"xms_edov": true})), address(true));
        assert_eq!(vouched(json!({"xms_edov": "1"})), address(true));
        assert_eq!(vouched(json!({"xms_edov": false})), address(false));
        assert_eq!(vouched(json!({})), address(false));
    }
}
