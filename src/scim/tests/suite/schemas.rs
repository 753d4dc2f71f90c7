//! What `/Schemas`, `/ResourceTypes` and `/ServiceProviderConfig` publish, against RFC 7643 §8.7.

use std::collections::BTreeMap;

use scim::Limits;
use scim::schema::{self, Config, service_provider_config};
use serde_json::{Value, json};

/// `name type multiValued required caseExact mutability returned uniqueness`, by path.
fn characteristics(schemas: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for schema in schemas.as_array().unwrap() {
        collect(schema["id"].as_str().unwrap(), &schema["attributes"], &mut found);
    }
    found
}

fn collect(prefix: &str, attributes: &Value, found: &mut BTreeMap<String, String>) {
    for attribute in attributes.as_array().into_iter().flatten() {
        let path = format!("{prefix} {}", attribute["name"].as_str().unwrap());
        let facets = [
            "type",
            "multiValued",
            "required",
            "caseExact",
            "mutability",
            "returned",
            "uniqueness",
            "canonicalValues",
            "referenceTypes",
        ];
        let line: Vec<String> = facets.iter().map(|facet| format!("{facet}={}", attribute[facet])).collect();
        collect(&path, &attribute["subAttributes"], found);
        found.insert(path, line.join(" "));
    }
}

fn published() -> Value {
    schema::schemas().iter().map(|schema| schema.to_json("https://x/scim/v2/")).collect()
}

#[test]
fn the_published_schemas_differ_from_the_rfc_only_where_listed() {
    let rfc: Value = serde_json::from_str(include_str!("../s8.7_schemas.json")).unwrap();
    let (theirs, ours) = (characteristics(&rfc), characteristics(&published()));
    let mut differences = Vec::new();

    for path in theirs.keys().chain(ours.keys().filter(|path| !theirs.contains_key(*path))) {
        match (theirs.get(path), ours.get(path)) {
            (Some(rfc), Some(we)) if rfc != we => {
                let changed: Vec<String> = rfc
                    .split(' ')
                    .zip(we.split(' '))
                    .filter(|(rfc, we)| rfc != we)
                    .map(|(rfc, we)| format!("{rfc} -> {we}"))
                    .collect();
                differences.push(format!("{path}: {}", changed.join(", ")));
            }
            (Some(_), None) => differences.push(format!("{path}: not offered")),
            (None, Some(_)) => differences.push(format!("{path}: added")),
            _ => {}
        }
    }

    let listed: Vec<&str> = include_str!("../s8.7_differences.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(differences, listed);
}

#[test]
fn common_attributes_are_in_no_resource_schema() {
    for resource_type in schema::resource_types() {
        for common in schema::common_attributes() {
            assert!(resource_type.schema.attribute(&common.name).is_none(), "{}", common.name);
        }
    }
}

#[test]
fn a_resource_type_is_called_by_its_id() {
    assert_eq!(
        schema::user().to_json("https://x/scim/v2"),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": "User", "name": "User", "endpoint": "/Users", "description": "User Account",
            "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
            "schemaExtensions": [
                { "schema": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "required": false }
            ],
            "meta": { "resourceType": "ResourceType", "location": "https://x/scim/v2/ResourceTypes/User" },
        })
    );
}

#[test]
fn the_configuration_has_every_attribute_its_schema_requires() {
    let config = service_provider_config("https://x/scim/v2", &Limits::DEFAULT, Config::default());
    let schema = schema::schema_by_id(schema::SERVICE_PROVIDER_CONFIG_URN).unwrap();

    for attribute in schema.attributes.iter().filter(|attribute| attribute.required) {
        let value = &config[&attribute.name];
        let one = value.get(0).unwrap_or(value);
        for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
            assert!(!one[&sub.name].is_null(), "{}.{}", attribute.name, sub.name);
        }
        assert!(!value.is_null(), "{}", attribute.name);
    }
    assert_eq!(config["meta"]["location"], "https://x/scim/v2/ServiceProviderConfig");
}

#[test]
fn what_goes_beyond_the_rfcs_is_told_only_to_whom_it_concerns() {
    let told = |told| service_provider_config("https://x/scim/v2", &Limits::DEFAULT, told);
    let everything = told(Config { interop: true, roles: true });

    assert_eq!(everything["interopProfileConformant"], true);
    assert_eq!(everything["RolesAndEntitlements"]["entitlements"]["supported"], true);
    let general = told(Config::default());
    for beyond in ["interopProfileConformant", "RolesAndEntitlements"] {
        assert!(general.get(beyond).is_none(), "{beyond}");
    }
}
