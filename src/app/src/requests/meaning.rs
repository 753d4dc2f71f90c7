//! What a request is: its kind, whom it is about, and what the engine understood of it. Knows SCIM addresses and messages;
//! does not know the database.

use std::collections::BTreeSet;

use scim::dialect::{Dialect, Setting};
use scim::filter::{Comparand, CompareOp, Filter};
use scim::patch::PatchPlan;
use scim::resource::Resource;
use scim::schema::{ResourceType, Types};
use serde_json::{Value, json};
use url::form_urlencoded;

/// How many members of a request can be asked for.
const MEMBERS_FOUND: usize = 100;
/// A longer name is not asked for.
const LONGEST_NAME: usize = 256;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// The list of a type.
    Of(Type),
    /// One of a type.
    One(Type, &'a str),
    /// The list of all types.
    Root,
    /// Bulk.
    Bulk,
    /// What the provider says of itself.
    Discovery,
    /// Anything else.
    Elsewhere,
}

/// People or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// People.
    User,
    /// Groups.
    Group,
}

impl Type {
    /// The type as a tenant has it.
    fn of(self, types: &Types) -> &ResourceType {
        match self {
            Self::User => types.user(),
            Self::Group => types.group(),
        }
    }

    /// The attribute that names one of the type.
    fn name(self) -> &'static str {
        match self {
            Self::User => "userName",
            Self::Group => "displayName",
        }
    }
}

impl<'a> Place<'a> {
    /// Reads a path below `/scim/v2`.
    pub(super) fn of(path: &'a str) -> Self {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            [] | [".search"] => Self::Root,
            ["Users"] | ["Users", ".search"] => Self::Of(Type::User),
            ["Groups"] | ["Groups", ".search"] => Self::Of(Type::Group),
            ["Users", id] => Self::One(Type::User, id),
            ["Groups", id] => Self::One(Type::Group, id),
            ["Bulk", ..] => Self::Bulk,
            ["ServiceProviderConfig" | "ResourceTypes" | "Schemas", ..] => Self::Discovery,
            _ => Self::Elsewhere,
        }
    }
}

/// The kind of a request, a stable word for counts.
pub(super) fn kind(method: &str, path: &str) -> &'static str {
    let searches = path.split_once('?').map_or(path, |(path, _)| path).ends_with("/.search");
    match (Place::of(path), method) {
        (Place::Of(Type::User), "POST") if !searches => "user.create",
        (Place::Of(Type::User), _) => "user.list",
        (Place::One(Type::User, _), "PUT") => "user.replace",
        (Place::One(Type::User, _), "PATCH") => "user.patch",
        (Place::One(Type::User, _), "DELETE") => "user.delete",
        (Place::One(Type::User, _), _) => "user.read",
        (Place::Of(Type::Group), "POST") if !searches => "group.create",
        (Place::Of(Type::Group), _) => "group.list",
        (Place::One(Type::Group, _), "PUT") => "group.replace",
        (Place::One(Type::Group, _), "PATCH") => "group.patch",
        (Place::One(Type::Group, _), "DELETE") => "group.delete",
        (Place::One(Type::Group, _), _) => "group.read",
        (Place::Root, _) => "list",
        (Place::Bulk, _) => "bulk",
        (Place::Discovery, _) => "discovery",
        (Place::Elsewhere, _) => "other",
    }
}

/// The dialect of this name, to read a request once more.
pub(super) fn dialect(name: Option<&str>) -> Dialect {
    match name.and_then(Setting::parse) {
        Some(Setting::Named(profile)) => Dialect::of(profile),
        Some(Setting::Auto) | None => Dialect::undetected(),
    }
}

/// The texts that a document has at its top: its names, and what a search asks for.
pub(super) fn head(body: &Value) -> Value {
    let members = body.as_object().into_iter().flatten();
    members
        .filter(|(_, value)| value.is_string())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What the engine understood; nothing where it refuses the request, or where there is nothing to understand.
pub(super) fn operations(
    types: &Types,
    method: &str,
    path: &str,
    (body, head): (Option<Value>, Option<&Value>),
    dialect: &Dialect,
) -> Option<Vec<Value>> {
    let (Place::Of(of) | Place::One(of, _)) = Place::of(path) else { return None };
    match (kind(method, path).rsplit('.').next()?, body) {
        ("patch", Some(body)) => {
            PatchPlan::parse(of.of(types), body, dialect).ok().map(|plan| plan.describe())
        }
        ("create", Some(body)) => document(types, "add", of, body, dialect),
        ("replace", Some(body)) => document(types, "replace", of, body, dialect),
        ("list", _) => {
            let filter = filter(types, of, path, head, dialect)?;
            Some(vec![json!({"op": "find", "filter": filter.to_string()})])
        }
        _ => None,
    }
}

fn document(types: &Types, op: &str, of: Type, body: Value, dialect: &Dialect) -> Option<Vec<Value>> {
    let mut resource = Resource::for_create(of.of(types), body, dialect).ok()?;
    let members = resource.take_members().ok()?;
    let mut told = vec![json!({"op": op, "value": resource.into_map()})];
    if let Some(members) = members {
        let first: Vec<&str> =
            members.iter().take(MEMBERS_FOUND).map(|member| member.value.as_str()).collect();
        told.push(json!({"op": op, "path": "members", "count": members.len(), "members": first}));
    }
    Some(told)
}

fn filter(types: &Types, of: Type, path: &str, body: Option<&Value>, dialect: &Dialect) -> Option<Filter> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let asked = match body.and_then(|body| body.get("filter")) {
        Some(filter) => filter.as_str()?.to_owned(),
        None => form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "filter")?.1.into_owned(),
    };
    Filter::parse_as(of.of(types), &asked, dialect).ok()
}

/// A name as the log finds it.
pub(super) fn by_name(name: &str) -> String {
    format!("n:{}", scim::text::fold(name))
}

/// A client's own id of a request as the log finds it.
pub(super) fn by_caller(id: &str) -> String {
    format!("c:{id}")
}

/// What a request is about, so that it can be found by it.
pub(super) struct About<'a> {
    pub(super) path: &'a str,
    pub(super) head: Option<&'a Value>,
    pub(super) operations: Option<&'a [Value]>,
    pub(super) created: Option<&'a str>,
    pub(super) caller: Option<&'a str>,
}

impl About<'_> {
    /// Ids, names and the client's own id of the request.
    pub(super) fn subjects(&self, types: &Types, dialect: &Dialect) -> Vec<String> {
        let mut found = BTreeSet::new();
        let place = Place::of(self.path);
        if let Place::One(_, id) = place {
            found.insert(id.to_owned());
        }
        found.extend(self.created.map(str::to_owned));
        found.extend(self.caller.map(by_caller));
        if let Place::Of(of) | Place::One(of, _) = place {
            let named = self.head.and_then(Value::as_object).into_iter().flatten();
            let named = named.filter(|(name, _)| name.eq_ignore_ascii_case(of.name()));
            found.extend(named.filter_map(|(_, name)| name.as_str()).map(by_name));
            if let Some(asked) = filter(types, of, self.path, self.head, dialect) {
                names(&asked, of.name(), &mut found);
            }
        }
        for operation in self.operations.unwrap_or_default() {
            let members = operation.get("members").and_then(Value::as_array).into_iter().flatten();
            found.extend(members.take(MEMBERS_FOUND).filter_map(Value::as_str).map(str::to_owned));
        }
        found.into_iter().filter(|subject| subject.len() <= LONGEST_NAME).collect()
    }
}

/// The names that a filter asks for.
fn names(filter: &Filter, attribute: &str, found: &mut BTreeSet<String>) {
    match filter {
        Filter::Compare { attr, op: CompareOp::Eq, value: Comparand::String(name) }
            if attr.is_core(attribute) =>
        {
            found.insert(by_name(name));
        }
        Filter::And(parts) | Filter::Or(parts) => {
            for part in parts {
                names(part, attribute, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_and_method_is_a_kind() {
        for (method, path, known) in [
            ("POST", "/Users", "user.create"),
            ("POST", "/Users/.search", "user.list"),
            ("GET", "/Users?filter=x", "user.list"),
            ("GET", "/Users/1?attributes=id", "user.read"),
            ("PATCH", "/Users/1", "user.patch"),
            ("PUT", "/Groups/1", "group.replace"),
            ("DELETE", "/Groups/1", "group.delete"),
            ("GET", "/", "list"),
            ("POST", "/.search", "list"),
            ("POST", "/Bulk", "bulk"),
            ("GET", "/Schemas/urn:x", "discovery"),
            ("GET", "/Me", "other"),
            ("GET", "/Users/1/2", "other"),
        ] {
            assert_eq!(kind(method, path), known, "{method} {path}");
        }
    }

    #[test]
    fn a_request_is_about_whom_it_names() {
        let body = json!({"UserName": "Hana", "schemas": []});
        let about =
            |path, head, operations| About { path, head, operations, created: None, caller: Some("7") };
        let probe = "/Users?filter=userName%20eq%20%22HANA%22%20and%20active%20eq%20true";
        let members = [json!({"op": "add", "path": "members", "count": 2, "members": ["a", "b"]})];
        let strict = Dialect::strict();

        assert_eq!(
            about("/Users", Some(&body), None).subjects(&Types::general(), &strict),
            ["c:7", "n:hana"]
        );
        assert_eq!(about(probe, None, None).subjects(&Types::general(), &strict), ["c:7", "n:hana"]);
        assert_eq!(
            about("/Groups/g", None, Some(&members)).subjects(&Types::general(), &strict),
            ["a", "b", "c:7", "g"]
        );
    }
}
