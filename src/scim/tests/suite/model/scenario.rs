//! Resources and PATCH operations on them, made from choices. Knows schemas and how paths are written; does not know what an
//! operation does.

use std::sync::Arc;

use scim::schema::{self, Attribute, AttributeType, Extension, Mutability, ResourceType, Schema};
use serde_json::{Map, Value, json};

use super::choices::Choices;

pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A resource, its members, and operations on it.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) resource_type: Arc<ResourceType>,
    /// The body of the POST that makes it.
    pub(crate) body: Value,
    pub(crate) members: Vec<Value>,
    pub(crate) operations: Vec<Operation>,
}

/// One operation, as it is meant and as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) op: Op,
    pub(crate) place: Place,
    pub(crate) value: Option<Value>,
    pub(crate) sent: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Replace,
    Remove,
}

/// Where an operation points.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// No path, or the URN of the core schema: the parts are what the value's keys name.
    Whole {
        path: bool,
        parts: Vec<(String, Part)>,
    },
    /// The URN of an extension.
    Extension {
        schema: Arc<Schema>,
        parts: Vec<(String, Part)>,
    },
    At(Target),
}

/// What a key names.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Attribute(Target),
    Extension(Arc<Schema>, Vec<(String, Part)>),
}

#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The extension that the attribute belongs to.
    pub(crate) extension: Option<Arc<Schema>>,
    pub(crate) attribute: Arc<Attribute>,
    pub(crate) condition: Option<Condition>,
    pub(crate) sub: Option<Arc<Attribute>>,
}

/// A filter in brackets.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Present(Arc<Attribute>),
    Compare(Arc<Attribute>, &'static str, Value),
}

impl Scenario {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut choices = Choices::new(bytes);
        let resource_type = match choices.below(4) {
            0 | 1 => schema::user(),
            2 => schema::group(),
            _ => device(),
        };
        let members = (0..choices.below(4)).map(|_| member(&mut choices)).collect();
        let body = body(&resource_type, &mut choices);
        let count = 1 + choices.below(4);
        let operations = (0..count).map(|_| operation(&resource_type, &mut choices)).collect();
        Self { resource_type, body, members, operations }
    }

    /// The PATCH request.
    pub(crate) fn request(&self) -> Value {
        request(&self.operations)
    }
}

pub(crate) fn request(operations: &[Operation]) -> Value {
    let sent: Vec<&Value> = operations.iter().map(|operation| &operation.sent).collect();
    json!({ "schemas": [PATCH_OP], "Operations": sent })
}

impl Target {
    /// May its values be chosen by a filter?
    fn has_elements(&self) -> bool {
        self.attribute.multi_valued && self.attribute.is_complex()
    }

    pub(crate) fn leaf(&self) -> &Attribute {
        self.sub.as_ref().unwrap_or(&self.attribute)
    }

    fn path(&self, resource_type: &ResourceType, choices: &mut Choices<'_>) -> String {
        let urn = match &self.extension {
            Some(schema) => format!("{}:", spelled(&schema.id, choices)),
            None if choices.once_in(4) => format!("{}:", resource_type.schema.id),
            None => String::new(),
        };
        let name = spelled(&self.attribute.name, choices);
        let condition = self.condition.as_ref().map(|condition| format!("[{}]", condition.text()));
        let sub = self.sub.as_ref().map(|sub| format!(".{}", spelled(&sub.name, choices)));
        format!("{urn}{name}{}{}", condition.unwrap_or_default(), sub.unwrap_or_default())
    }
}

impl Condition {
    /// With no more parentheses than it needs.
    fn text(&self) -> String {
        let all = |parts: &[Self], word: &str| parts.iter().map(Self::operand).collect::<Vec<_>>().join(word);
        match self {
            Self::And(parts) => all(parts, " and "),
            Self::Or(parts) => parts.iter().map(Self::text).collect::<Vec<_>>().join(" or "),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::Present(sub) => format!("{} pr", sub.name),
            Self::Compare(sub, op, value) => format!("{} {op} {value}", sub.name),
        }
    }

    fn operand(&self) -> String {
        if matches!(self, Self::Or(_)) { format!("({})", self.text()) } else { self.text() }
    }
}

/// A name in its own letters, or in capitals: names have no case.
fn spelled(name: &str, choices: &mut Choices<'_>) -> String {
    if choices.once_in(8) { name.to_uppercase() } else { name.to_owned() }
}

fn member(choices: &mut Choices<'_>) -> Value {
    let id = choices.of(&["a", "b", "c", "A"]);
    if choices.once_in(2) { json!({ "value": id, "type": "User" }) } else { json!({ "value": id }) }
}

/// The attributes of a resource type that a client may write or try to: core, common and of extensions.
fn places(resource_type: &ResourceType) -> Vec<(Option<Arc<Schema>>, Arc<Attribute>)> {
    let common = schema::common_attributes().iter().filter(|attribute| attribute.name != "schemas");
    let core = resource_type.schema.attributes.iter().chain(common);
    let extensions = resource_type.extensions.iter().map(|extension| &extension.schema);
    let extended = extensions
        .flat_map(|schema| schema.attributes.iter().map(|attribute| (Some(Arc::clone(schema)), attribute)));
    core.map(|attribute| (None, attribute))
        .chain(extended)
        .map(|(of, attribute)| (of, Arc::clone(attribute)))
        .collect()
}

fn operation(resource_type: &ResourceType, choices: &mut Choices<'_>) -> Operation {
    let op = *choices.of(&[Op::Add, Op::Replace, Op::Remove]);
    let place = match choices.below(8) {
        6 => Place::Whole { path: choices.once_in(4), parts: parts(resource_type, choices) },
        7 if !resource_type.extensions.is_empty() => {
            let schema = &choices.of(&resource_type.extensions).schema;
            Place::Extension { schema: Arc::clone(schema), parts: extension_parts(schema, choices) }
        }
        _ => Place::At(target(resource_type, choices)),
    };
    let (path, value) = match &place {
        Place::Whole { path, parts } => {
            let value = object(op, parts, choices);
            (path.then(|| resource_type.schema.id.clone()), Some(value))
        }
        Place::Extension { schema, parts } => (Some(schema.id.clone()), Some(object(op, parts, choices))),
        Place::At(target) => {
            let wanted = if op == Op::Remove { choices.once_in(16) } else { !choices.once_in(24) };
            (Some(target.path(resource_type, choices)), wanted.then(|| value(op, target, choices)))
        }
    };
    let value = if op == Op::Remove && !matches!(place, Place::At(_)) { None } else { value };
    let word = match op {
        Op::Add => "add",
        Op::Replace => "replace",
        Op::Remove => "remove",
    };
    let members = [("op", Some(json!(word))), ("path", path.map(Value::from)), ("value", value.clone())];
    let sent = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    Operation { op, place, value, sent: Value::Object(sent) }
}

fn target(resource_type: &ResourceType, choices: &mut Choices<'_>) -> Target {
    let (extension, attribute) = choices.of(&places(resource_type)).clone();
    let mut target = Target { extension, attribute, condition: None, sub: None };
    if target.has_elements() && choices.once_in(2) || choices.once_in(32) {
        target.condition = condition(&target.attribute, 2, choices);
    }
    if !target.attribute.sub_attributes.is_empty() && choices.once_in(2) {
        target.sub = Some(Arc::clone(choices.of(&target.attribute.sub_attributes)));
    }
    target
}

/// None where the attribute has no parts that a filter could speak of.
fn condition(attribute: &Attribute, depth: usize, choices: &mut Choices<'_>) -> Option<Condition> {
    if depth > 0 && choices.once_in(3) {
        let inner = condition(attribute, depth - 1, choices)?;
        return Some(match choices.below(3) {
            0 => Condition::Not(Box::new(inner)),
            1 => Condition::flat(true, inner, condition(attribute, depth - 1, choices)?),
            _ => Condition::flat(false, inner, condition(attribute, depth - 1, choices)?),
        });
    }
    if attribute.sub_attributes.is_empty() {
        return None;
    }
    let sub = choices.of(&attribute.sub_attributes);
    let text: &[&'static str] = &["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
    let (ops, literal): (&[&'static str], Value) = match sub.kind {
        AttributeType::String => (text, json!(choices.of(&WORDS))),
        AttributeType::Reference | AttributeType::Binary => (&["eq", "ne"], simple(sub, choices)),
        AttributeType::Boolean => (&["eq", "ne"], json!(choices.once_in(2))),
        AttributeType::Integer | AttributeType::Decimal => {
            (&["eq", "ne", "gt", "ge", "lt", "le"], simple(sub, choices))
        }
        AttributeType::DateTime | AttributeType::Complex => return Some(Condition::Present(Arc::clone(sub))),
    };
    Some(match choices.below(8) {
        0 => Condition::Present(Arc::clone(sub)),
        1 => Condition::Compare(Arc::clone(sub), choices.of::<&str>(&["eq", "ne"]), Value::Null),
        _ => Condition::Compare(Arc::clone(sub), choices.of::<&str>(ops), literal),
    })
}

impl Condition {
    /// `and` of an `and` is one `and`, as it is written.
    fn flat(and: bool, one: Self, other: Self) -> Self {
        let mut parts = Vec::new();
        for part in [one, other] {
            match part {
                Self::And(inner) if and => parts.extend(inner),
                Self::Or(inner) if !and => parts.extend(inner),
                part => parts.push(part),
            }
        }
        if and { Self::And(parts) } else { Self::Or(parts) }
    }
}

/// Attributes of the whole resource, each once.
fn parts(resource_type: &ResourceType, choices: &mut Choices<'_>) -> Vec<(String, Part)> {
    let mut parts: Vec<(String, Part)> = Vec::new();
    let all = places(resource_type);
    for _ in 0..=choices.below(3) {
        let (extension, attribute) = choices.of(&all).clone();
        let plain = Target { extension, attribute, condition: None, sub: None };
        let (key, part) = match &plain.extension {
            Some(schema) if choices.once_in(2) => {
                (schema.id.clone(), Part::Extension(Arc::clone(schema), extension_parts(schema, choices)))
            }
            Some(schema) => (format!("{}:{}", schema.id, plain.attribute.name), Part::Attribute(plain)),
            None if choices.once_in(8) => {
                (format!("{}:{}", resource_type.schema.id, plain.attribute.name), Part::Attribute(plain))
            }
            None => (spelled(&plain.attribute.name, choices), Part::Attribute(plain)),
        };
        let names = |part: &Part| match part {
            Part::Attribute(target) => (target.extension.clone(), Some(Arc::clone(&target.attribute))),
            Part::Extension(schema, _) => (Some(Arc::clone(schema)), None),
        };
        let same = |other: &Part| {
            let ((of, name), (other_of, other_name)) = (names(&part), names(other));
            of == other_of && (name == other_name || name.is_none() || other_name.is_none())
        };
        if !parts.iter().any(|(_, other)| same(other)) {
            parts.push((key, part));
        }
    }
    parts
}

fn extension_parts(schema: &Arc<Schema>, choices: &mut Choices<'_>) -> Vec<(String, Part)> {
    let attribute = Arc::clone(choices.of(&schema.attributes));
    let key = spelled(&attribute.name, choices);
    vec![(
        key,
        Part::Attribute(Target {
            extension: Some(Arc::clone(schema)),
            attribute,
            condition: None,
            sub: None,
        }),
    )]
}

fn object(op: Op, parts: &[(String, Part)], choices: &mut Choices<'_>) -> Value {
    let filled = parts.iter().map(|(key, part)| {
        let value = match part {
            Part::Attribute(target) => value(op, target, choices),
            Part::Extension(..) if choices.once_in(8) => Value::Null,
            Part::Extension(_, parts) => object(op, parts, choices),
        };
        (key.clone(), value)
    });
    Value::Object(filled.collect())
}

/// A value for the target, mostly of its type.
fn value(op: Op, target: &Target, choices: &mut Choices<'_>) -> Value {
    let leaf = target.leaf();
    if choices.once_in(16) {
        return choices
            .of(&[json!(null), json!([]), json!({}), json!(""), json!(["x"]), wrong(leaf)])
            .clone();
    }
    let behind_filter = target.condition.is_some() && target.sub.is_none();
    if behind_filter || !leaf.multi_valued || op == Op::Add && choices.once_in(4) {
        return element(leaf, choices);
    }
    list(leaf, choices)
}

fn list(attribute: &Attribute, choices: &mut Choices<'_>) -> Value {
    let count = choices.below(4);
    (0..count).map(|_| element(attribute, choices)).collect()
}

/// What no attribute of that type takes.
fn wrong(attribute: &Attribute) -> Value {
    match attribute.kind {
        AttributeType::Boolean | AttributeType::Integer | AttributeType::Decimal | AttributeType::Complex => {
            json!("x")
        }
        _ => json!(7),
    }
}

const WORDS: [&str; 6] = ["a", "b", "ab", "A", "É", "é"];

fn simple(attribute: &Attribute, choices: &mut Choices<'_>) -> Value {
    match attribute.kind {
        AttributeType::Boolean => json!(choices.once_in(2)),
        AttributeType::Integer => json!(choices.below(3)),
        AttributeType::Decimal => choices.of(&[json!(0.5), json!(2), json!(-1.25)]).clone(),
        AttributeType::DateTime => {
            json!(choices.of(&["2011-05-13T04:42:34Z", "2026-11-22T08:00:00.5+01:00"]))
        }
        AttributeType::Reference => json!(choices.of(&["https://a.example/", "../Users/b"])),
        AttributeType::Binary => json!(choices.of(&["YQ==", "YWI="])),
        AttributeType::String | AttributeType::Complex => {
            if choices.once_in(16) {
                json!("")
            } else {
                json!(choices.of(&WORDS))
            }
        }
    }
}

fn element(attribute: &Attribute, choices: &mut Choices<'_>) -> Value {
    if !attribute.is_complex() {
        return simple(attribute, choices);
    }
    let mut object = Map::new();
    for sub in &attribute.sub_attributes {
        let wanted = if sub.required { !choices.once_in(16) } else { choices.once_in(2) };
        if wanted {
            let value = match choices.below(16) {
                15 => Value::Null,
                _ if sub.multi_valued => list(sub, choices),
                _ => simple(sub, choices),
            };
            object.insert(spelled(&sub.name, choices), value);
        }
    }
    Value::Object(object)
}

/// A body that a POST accepts.
fn body(resource_type: &ResourceType, choices: &mut Choices<'_>) -> Value {
    let mut body = Map::from_iter([("schemas".to_owned(), json!([resource_type.schema.id]))]);
    for (extension, attribute) in places(resource_type) {
        let writable = matches!(attribute.mutability, Mutability::ReadWrite | Mutability::Immutable);
        let needed = attribute.required && extension.is_none();
        if !writable || attribute.name == "members" || !(needed || choices.once_in(4)) {
            continue;
        }
        let value = match (attribute.multi_valued, attribute.is_complex()) {
            (false, _) => whole(&attribute, choices),
            (true, false) => list(&attribute, choices),
            (true, true) => {
                let count = 1 + choices.below(3);
                let mut items: Vec<Value> = (0..count).map(|_| whole(&attribute, choices)).collect();
                let primary = |item: &Value| item.get("primary") == Some(&json!(true));
                let mut seen = false;
                items.retain(|item| !(primary(item) && std::mem::replace(&mut seen, true)));
                Value::Array(items)
            }
        };
        let Some(schema) = extension else {
            body.insert(attribute.name.clone(), value);
            continue;
        };
        let part = body.entry(schema.id.clone()).or_insert_with(|| json!({}));
        part[&attribute.name] = value;
    }
    for schema in resource_type.extensions.iter().map(|extension| &extension.schema) {
        let Some(part) = body.get_mut(&schema.id) else { continue };
        for attribute in schema.attributes.iter().filter(|attribute| attribute.required) {
            part[&attribute.name] = json!("a");
        }
    }
    Value::Object(body)
}

/// A value with everything that it must have.
fn whole(attribute: &Attribute, choices: &mut Choices<'_>) -> Value {
    if !attribute.is_complex() {
        let value = simple(attribute, choices);
        return if attribute.required && value == "" { json!("a") } else { value };
    }
    let mut object = Map::new();
    for sub in attribute.sub_attributes.iter().filter(|sub| sub.mutability != Mutability::ReadOnly) {
        if sub.required || choices.once_in(2) {
            let value = if sub.multi_valued { list(sub, choices) } else { simple(sub, choices) };
            object.insert(sub.name.clone(), if sub.required && value == "" { json!("a") } else { value });
        }
    }
    Value::Object(object)
}

/// A resource type of our own with what users and groups have not: immutable, required and write-only attributes of every
/// type, lists of simple values, and an extension with a required attribute.
pub(crate) fn device() -> Arc<ResourceType> {
    let parts = vec![
        Attribute { required: true, ..of("value", AttributeType::String) },
        of("type", AttributeType::String),
        of("primary", AttributeType::Boolean),
        Attribute { mutability: Mutability::Immutable, ..of("batch", AttributeType::Integer) },
        Attribute { mutability: Mutability::ReadOnly, ..of("tested", AttributeType::Boolean) },
    ];
    let place = vec![
        of("room", AttributeType::String),
        Attribute { mutability: Mutability::Immutable, ..of("site", AttributeType::String) },
        Attribute { multi_valued: true, ..of("floors", AttributeType::Integer) },
    ];
    let core = vec![
        Attribute { required: true, case_exact: true, ..of("code", AttributeType::String) },
        Attribute { mutability: Mutability::Immutable, ..of("serial", AttributeType::String) },
        Attribute {
            mutability: Mutability::Immutable,
            multi_valued: true,
            ..of("ports", AttributeType::Integer)
        },
        Attribute { multi_valued: true, case_exact: true, ..of("tags", AttributeType::String) },
        Attribute { multi_valued: true, ..of("labels", AttributeType::String) },
        of("price", AttributeType::Decimal),
        of("made", AttributeType::DateTime),
        of("picture", AttributeType::Binary),
        Attribute { mutability: Mutability::WriteOnly, ..of("pin", AttributeType::String) },
        Attribute { mutability: Mutability::ReadOnly, ..of("state", AttributeType::String) },
        Attribute { multi_valued: true, sub_attributes: arcs(parts), ..of("parts", AttributeType::Complex) },
        Attribute { sub_attributes: arcs(place), ..of("place", AttributeType::Complex) },
    ];
    let owner = vec![
        Attribute { required: true, ..of("owner", AttributeType::String) },
        of("lent", AttributeType::Boolean),
    ];
    let schema = |id: &str, attributes| Schema {
        id: id.to_owned(),
        name: "Device".to_owned(),
        description: String::new(),
        attributes: arcs(attributes),
    };
    Arc::new(ResourceType {
        name: "Device".to_owned(),
        endpoint: "/Devices".to_owned(),
        description: String::new(),
        schema: Arc::new(schema("urn:example:core:Device", core)),
        extensions: vec![Extension {
            schema: Arc::new(schema("urn:example:owned:Device", owner)),
            required: false,
        }],
    })
}

fn of(name: &str, kind: AttributeType) -> Attribute {
    Attribute {
        name: name.to_owned(),
        description: String::new(),
        kind,
        multi_valued: false,
        required: false,
        case_exact: false,
        canonical_values: Vec::new(),
        closed: false,
        reference_types: Vec::new(),
        mutability: Mutability::ReadWrite,
        returned: schema::Returned::Default,
        uniqueness: schema::Uniqueness::None,
        sub_attributes: Vec::new(),
    }
}

fn arcs(attributes: Vec<Attribute>) -> Vec<Arc<Attribute>> {
    attributes.into_iter().map(Arc::new).collect()
}
