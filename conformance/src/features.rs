//! What the server says it does. Knows the discovery endpoints; does not know the checks.

use serde_json::Value;

use crate::client::{Ask, Client};
use crate::pointer::{find, member};

/// The server's own description of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Features {
    config: Value,
    types: Vec<Value>,
    schemas: Vec<Value>,
}

impl Features {
    /// Reads all three discovery endpoints. What cannot be read is empty; the checks of discovery say so.
    pub(crate) async fn read(client: &Client) -> Self {
        let get = async |path: &str| client.send(&Ask::new("GET", path)).await.ok().and_then(|it| it.json);
        let list = |found: Option<Value>| match found.as_ref().and_then(|it| member(it, "Resources")) {
            Some(Value::Array(items)) => items.clone(),
            _ => Vec::new(),
        };
        Self {
            config: get("/ServiceProviderConfig").await.unwrap_or_default(),
            types: list(get("/ResourceTypes").await),
            schemas: list(get("/Schemas").await),
        }
    }

    /// A number or flag of the service provider configuration.
    pub(crate) fn config(&self, pointer: &str) -> Option<Value> {
        find(&self.config, pointer)
    }

    /// Why a check that needs `need` cannot be run, if so.
    ///
    /// `patch`, `bulk`, `filter`, `sort`, `etag`, `cursor`, `index`: as the service provider configuration says; `async`
    /// as its `securityEvents` say; `/Groups`: a resource type with this endpoint; `User.title`: an attribute of a
    /// resource type, its extensions included; `enterprise`: the extension of that name.
    pub(crate) fn lacks(&self, need: &str) -> Option<String> {
        let announced = match need {
            "cursor" => self.config("/pagination/cursor") == Some(Value::Bool(true)),
            "index" => self.config("/pagination/index") != Some(Value::Bool(false)),
            "async" => self
                .config("/securityEvents/asyncRequest")
                .is_some_and(|it| it.as_str().is_some_and(|how| !how.eq_ignore_ascii_case("none"))),
            "enterprise" => {
                self.extends("User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
            }
            endpoint if endpoint.starts_with('/') => {
                let same =
                    |found: &Value| member(found, "endpoint").and_then(Value::as_str) == Some(endpoint);
                let is_usual = endpoint == "/Users" || endpoint == "/Groups";
                self.types.is_empty() && is_usual || self.types.iter().any(same)
            }
            attribute if attribute.contains('.') => self.has_attribute(attribute),
            flag => {
                self.config.is_null() || self.config(&format!("/{flag}/supported")) == Some(Value::Bool(true))
            }
        };
        (!announced).then(|| format!("the server does not announce {need}"))
    }

    fn resource_type(&self, name: &str) -> Option<&Value> {
        self.types.iter().find(|found| member(found, "name").and_then(Value::as_str) == Some(name))
    }

    fn extends(&self, type_name: &str, urn: &str) -> bool {
        let extensions =
            self.resource_type(type_name).and_then(|found| find(found, "/schemaExtensions/*/schema"));
        extensions.is_some_and(|urns| urns.as_array().is_some_and(|urns| urns.iter().any(|it| it == urn)))
    }

    /// Every schema of a resource type: its own first, then the extensions'.
    pub(crate) fn schemas_of(&self, type_name: &str) -> Vec<&Value> {
        let Some(found) = self.resource_type(type_name) else { return Vec::new() };
        let extensions = find(found, "/schemaExtensions/*/schema").unwrap_or_default();
        let own = member(found, "schema").into_iter();
        let urns = own.chain(extensions.as_array().into_iter().flatten()).cloned().collect::<Vec<_>>();
        urns.iter().filter_map(|urn| self.schema(urn)).collect()
    }

    fn schema(&self, urn: &Value) -> Option<&Value> {
        self.schemas.iter().find(|schema| member(schema, "id") == Some(urn))
    }

    /// All resource types.
    pub(crate) fn types(&self) -> &[Value] {
        &self.types
    }

    /// All schemas.
    pub(crate) fn schemas(&self) -> &[Value] {
        &self.schemas
    }

    fn has_attribute(&self, dotted: &str) -> bool {
        let mut names = dotted.split('.');
        let schemas = self.schemas_of(names.next().unwrap_or_default());
        if schemas.is_empty() {
            return true; // nothing is known, so the check itself has to find out
        }
        let mut level = schemas.iter().filter_map(|schema| find(schema, "/attributes/*")).collect::<Vec<_>>();
        for name in names {
            let is_named = |it: &&Value| {
                member(it, "name")
                    .and_then(Value::as_str)
                    .is_some_and(|found| found.eq_ignore_ascii_case(name))
            };
            let found = level.iter().filter_map(Value::as_array).flatten().find(is_named).cloned();
            let Some(attribute) = found else { return false };
            level = find(&attribute, "/subAttributes/*").into_iter().collect();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn features() -> Features {
        Features {
            config: json!({"patch": {"supported": true}, "bulk": {"supported": false}, "pagination": {"cursor": true}}),
            types: vec![json!({"name": "User", "endpoint": "/Users", "schema": "urn:u"})],
            schemas: vec![
                json!({"id": "urn:u", "attributes": [{"name": "name", "subAttributes": [{"name": "givenName"}]}]}),
            ],
        }
    }

    #[test]
    fn what_is_not_announced_is_lacking() {
        for there in ["patch", "cursor", "index", "/Users", "User.name", "User.name.GivenName"] {
            assert_eq!(features().lacks(there), None, "{there}");
        }
        for lacking in ["bulk", "sort", "async", "/Groups", "enterprise", "User.title", "User.name.title"] {
            assert!(features().lacks(lacking).is_some(), "{lacking}");
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_asked_everything() {
        for open in ["patch", "bulk", "/Groups", "User.title"] {
            assert_eq!(Features::default().lacks(open), None, "{open}");
        }
        assert!(Features::default().lacks("cursor").is_some());
    }
}
