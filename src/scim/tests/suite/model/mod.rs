//! What a PATCH request means, said as simply as possible: slow, small, and without a line of the engine. Knows RFC 7644
//! §3.5.2 and Usher's answers where it leaves a choice, under the strict dialect; does not know how paths and filters are
//! written.

mod choices;
mod scenario;
pub(crate) mod text;

use scim::schema::{Attribute, AttributeType, Mutability, ResourceType, Schema};
use serde_json::{Map, Value, json};

use scenario::{Condition, Op, Part, Place, Target};
pub(crate) use scenario::{Operation, PATCH_OP, Scenario, device, request};

/// The keyword of a refusal.
type Refused = &'static str;

/// A document and the members beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) doc: Map<String, Value>,
    pub(crate) members: Vec<Value>,
}

/// One attribute and what becomes of it; the value is in canonical form, and none removes.
struct Step {
    op: Op,
    target: Target,
    value: Option<Value>,
}

/// All operations are looked at first, then all are carried out, and at the end everything that is required must be there.
pub(crate) fn patch(of: &ResourceType, state: &State, operations: &[Operation]) -> Result<State, Refused> {
    let mut steps = Vec::new();
    for operation in operations {
        look_at(operation, &mut steps)?;
    }
    let mut state = state.clone();
    for step in &steps {
        carry_out(step, &mut state)?;
    }
    if lacks_required(of, &state.doc) { Err("mutability") } else { Ok(state) }
}

fn look_at(operation: &Operation, steps: &mut Vec<Step>) -> Result<(), Refused> {
    let Operation { op, place, value, .. } = operation;
    match place {
        Place::Whole { path: false, .. } if *op == Op::Remove => Err("noTarget"),
        Place::Whole { .. } if *op == Op::Remove => Err("mutability"),
        Place::Extension { schema, .. } if *op == Op::Remove => remove_extension(schema, steps),
        Place::Whole { parts, .. } | Place::Extension { parts, .. } => {
            look_at_parts(*op, parts, value.as_ref().unwrap(), steps)
        }
        Place::At(target) if target.condition.is_some() && !has_elements(target) => Err("invalidPath"),
        Place::At(target) => look_at_step(*op, target, value.clone(), steps),
    }
}

fn look_at_parts(
    op: Op,
    parts: &[(String, Part)],
    object: &Value,
    steps: &mut Vec<Step>,
) -> Result<(), Refused> {
    let mut parts: Vec<&(String, Part)> = parts.iter().collect();
    parts.sort_by_key(|(key, _)| key);
    for (key, part) in parts {
        let value = &object[key];
        match part {
            Part::Attribute(target) => look_at_step(op, target, Some(value.clone()), steps)?,
            Part::Extension(schema, _) if value.is_null() && op == Op::Replace => {
                remove_extension(schema, steps)?;
            }
            Part::Extension(..) if value.is_null() => {}
            Part::Extension(_, parts) => look_at_parts(op, parts, value, steps)?,
        }
    }
    Ok(())
}

fn remove_extension(schema: &std::sync::Arc<Schema>, steps: &mut Vec<Step>) -> Result<(), Refused> {
    for attribute in schema.attributes.iter().filter(|attribute| attribute.mutability != Mutability::ReadOnly)
    {
        let (extension, attribute) = (Some(schema.clone()), attribute.clone());
        look_at_step(Op::Remove, &Target { extension, attribute, condition: None, sub: None }, None, steps)?;
    }
    Ok(())
}

fn look_at_step(op: Op, target: &Target, value: Option<Value>, steps: &mut Vec<Step>) -> Result<(), Refused> {
    let leaf = target.leaf();
    if leaf.mutability == Mutability::WriteOnly {
        return Ok(());
    }
    if target.attribute.mutability == Mutability::ReadOnly || leaf.mutability == Mutability::ReadOnly {
        return Err("mutability");
    }
    let mut step = Step { op, target: target.clone(), value: None };
    if is_members(target) {
        step.value = look_at_members(op, target, value)?;
        steps.push(step);
        return Ok(());
    }
    let whole_values = target.condition.is_some() && target.sub.is_none();
    let unassigned = if leaf.required && !whole_values { Err("mutability") } else { Ok(()) };
    if op == Op::Remove {
        unassigned?;
        if value.is_some_and(|value| !value.is_null()) {
            return Err("invalidSyntax");
        }
        steps.push(step);
        return Ok(());
    }
    let sent = value.ok_or("invalidValue")?;
    step.value = match (&sent, whole_values) {
        (Value::Array(items), true) if items.len() == 1 => one(leaf, &items[0])?,
        (sent, true) => one(leaf, sent)?,
        (Value::Object(_) | Value::String(_) | Value::Number(_) | Value::Bool(_), _)
            if leaf.multi_valued && op == Op::Add =>
        {
            whole(leaf, &json!([sent]))?
        }
        (sent, _) => whole(leaf, sent)?,
    };
    let nothing_said = op == Op::Add || sent.is_object();
    if step.value.is_none() && nothing_said {
        return Ok(());
    }
    if step.value.is_none() {
        unassigned?;
    }
    steps.push(step);
    Ok(())
}

fn look_at_members(op: Op, target: &Target, value: Option<Value>) -> Result<Option<Value>, Refused> {
    if target.sub.is_some() || op != Op::Remove && target.condition.is_some() {
        return Err("mutability");
    }
    if op == Op::Remove {
        let by_value = target.condition.is_none() && value.is_some_and(|value| !value.is_null());
        return if by_value { Err("invalidSyntax") } else { Ok(None) };
    }
    let value = match value.ok_or("invalidValue")? {
        one @ Value::Object(_) => json!([one]),
        other => other,
    };
    let members = whole(&target.attribute, &value)?.unwrap_or_else(|| json!([]));
    let nameless = |member: &Value| member["value"].as_str().is_none_or(str::is_empty);
    if items(Some(&members)).iter().any(nameless) { Err("invalidValue") } else { Ok(Some(members)) }
}

/// RFC 7643 §2.5: null, an empty list and nothing are the same.
fn whole(attribute: &Attribute, value: &Value) -> Result<Option<Value>, Refused> {
    if !attribute.multi_valued {
        return one(attribute, value);
    }
    let mut kept = Vec::new();
    for item in match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        _ => return Err("invalidValue"),
    } {
        match one(attribute, item)? {
            Some(item) if !kept.contains(&item) => kept.push(item),
            _ => {}
        }
    }
    match kept.iter().filter(|item| is_primary(item)).count() {
        0 | 1 => Ok((!kept.is_empty()).then_some(Value::Array(kept))),
        _ => Err("invalidValue"),
    }
}

fn one(attribute: &Attribute, value: &Value) -> Result<Option<Value>, Refused> {
    let fits = match (attribute.kind, value) {
        (_, Value::Null) => return Ok(None),
        (AttributeType::Complex, Value::Object(object)) => return complex(attribute, object),
        (AttributeType::Boolean, value) => value.is_boolean(),
        (AttributeType::Integer, value) => value.is_i64(),
        (AttributeType::Decimal, value) => value.is_number(),
        (AttributeType::Complex, _) => false,
        // Of texts in a wrong form only the empty one is made.
        (AttributeType::DateTime, Value::String(text)) => !text.is_empty(),
        (_, value) => value.is_string(),
    };
    if fits { Ok(Some(value.clone())) } else { Err("invalidValue") }
}

fn complex(attribute: &Attribute, object: &Map<String, Value>) -> Result<Option<Value>, Refused> {
    let mut kept = Map::new();
    let mut only_ours = false;
    for (name, value) in object {
        let sub = attribute.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name)).unwrap();
        if sub.mutability == Mutability::ReadOnly {
            only_ours |= !value.is_null();
        } else if let Some(value) = whole(sub, value)? {
            kept.insert(sub.name.clone(), value);
        }
    }
    match (kept.is_empty(), only_ours && attribute.multi_valued) {
        (true, true) => Err("invalidValue"),
        (true, false) => Ok(None),
        (false, _) => Ok(Some(Value::Object(kept))),
    }
}

fn carry_out(step: &Step, state: &mut State) -> Result<(), Refused> {
    if is_members(&step.target) {
        change_members(step, &mut state.members);
        return Ok(());
    }
    let Some(schema) = &step.target.extension else { return change(step, &mut state.doc) };
    let mut part = state.doc.get(&schema.id).map_or_else(Map::new, |part| part.as_object().unwrap().clone());
    change(step, &mut part)?;
    state.doc.remove(&schema.id);
    if !part.is_empty() {
        state.doc.insert(schema.id.clone(), Value::Object(part));
    }
    Ok(())
}

fn change_members(step: &Step, members: &mut Vec<Value>) {
    match (step.op, &step.target.condition) {
        (Op::Remove, Some(condition)) => members.retain(|member| !holds(condition, member)),
        (Op::Remove, None) => members.clear(),
        (op, _) => {
            if op == Op::Replace {
                members.clear();
            }
            for member in items(step.value.as_ref()) {
                // What a client says of a member besides who it is, is derived and not kept.
                if !members.iter().any(|other| other["value"] == member["value"]) {
                    members.push(json!({ "value": member["value"] }));
                }
            }
        }
    }
}

/// Changes the attribute, and asks whether that was allowed.
fn change(step: &Step, container: &mut Map<String, Value>) -> Result<(), Refused> {
    let Step { target, .. } = step;
    let attribute = &target.attribute;
    let was = container.remove(&attribute.name);
    let is =
        if attribute.multi_valued { elements(step, was.as_ref())? } else { singular(step, was.as_ref()) };
    let changed = |was: Option<&Value>, is: Option<&Value>| was.is_some() && was != is;
    if attribute.mutability == Mutability::Immutable && changed(was.as_ref(), is.as_ref()) {
        return Err("mutability");
    }
    // The whole of it may go, as the whole value of a list may.
    if !attribute.multi_valued && (is.is_some() || target.sub.is_some()) {
        for sub in attribute.sub_attributes.iter().filter(|sub| sub.mutability == Mutability::Immutable) {
            let part = |whole: &Option<Value>| whole.as_ref().and_then(|whole| whole.get(&sub.name)).cloned();
            if changed(part(&was).as_ref(), part(&is).as_ref()) {
                return Err("mutability");
            }
        }
    }
    if let Some(is) = is {
        container.insert(attribute.name.clone(), is);
    }
    Ok(())
}

fn singular(step: &Step, was: Option<&Value>) -> Option<Value> {
    let Step { op, target, value } = step;
    if !target.attribute.is_complex() || (target.sub.is_none() && value.is_none()) {
        return value.clone();
    }
    let mut object = was.map_or_else(Map::new, |was| was.as_object().unwrap().clone());
    match (&target.sub, value) {
        (Some(sub), None) => {
            object.remove(&sub.name);
        }
        (Some(sub), Some(value)) => put(&mut object, sub, value, *op),
        (None, value) => {
            for (name, value) in value.iter().flat_map(|value| value.as_object().unwrap()) {
                let sub = target.attribute.sub_attributes.iter().find(|sub| sub.name == *name).unwrap();
                put(&mut object, sub, value, *op);
            }
        }
    }
    (!object.is_empty()).then_some(Value::Object(object))
}

/// A list that is added to becomes longer; everything else is put in the place of what was there.
fn put(object: &mut Map<String, Value>, sub: &Attribute, value: &Value, op: Op) {
    let mut all = if op == Op::Add && sub.multi_valued { items(object.get(&sub.name)) } else { Vec::new() };
    if !sub.multi_valued {
        object.insert(sub.name.clone(), value.clone());
        return;
    }
    for item in items(Some(value)) {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    object.insert(sub.name.clone(), Value::Array(all));
}

/// A value of a list, and whether this operation made it the primary one.
type Element = (Value, bool);

fn elements(step: &Step, was: Option<&Value>) -> Result<Option<Value>, Refused> {
    let Step { op, target, value } = step;
    let attribute = &target.attribute;
    let mut all: Vec<Element> = items(was).into_iter().map(|value| (value, false)).collect();
    match (&target.condition, &target.sub) {
        (None, None) => {
            if *op != Op::Add {
                all.clear();
            }
            for value in items(value.as_ref()) {
                match all.iter_mut().find(|(other, _)| *op == Op::Add && is_same(attribute, other, &value)) {
                    Some(there) => overlay(attribute, there, &value)?,
                    None => all.push((value.clone(), is_primary(&value))),
                }
            }
        }
        (None, Some(sub)) => {
            if all.is_empty() && value.is_some() {
                all.push((json!({}), false));
            }
            for element in &mut all {
                part_of(sub, element, value.as_ref(), *op)?;
            }
        }
        (Some(condition), sub) => {
            if !all.iter().any(|(element, _)| holds(condition, element)) {
                return Err("noTarget");
            }
            for element in &mut all {
                match (holds(condition, &element.0), sub, value) {
                    (false, ..) => {}
                    (true, Some(sub), value) => part_of(sub, element, value.as_ref(), *op)?,
                    (true, None, None) => *element = (Value::Null, false),
                    (true, None, Some(value)) if *op == Op::Add => overlay(attribute, element, value)?,
                    (true, None, Some(value)) => *element = (value.clone(), is_primary(value)),
                }
            }
            all.retain(|(element, _)| !element.is_null());
        }
    }
    settled(all)
}

/// No value twice, one primary at most, nothing empty.
fn settled(all: Vec<Element>) -> Result<Option<Value>, Refused> {
    let mut kept = each_once(all);
    let chosen = kept.iter().filter(|(value, made)| *made && is_primary(value)).count();
    if chosen > 1 {
        return Err("invalidValue");
    }
    for (value, made) in &mut kept {
        if chosen == 1 && is_primary(value) && !*made {
            value["primary"] = json!(false);
        }
    }
    let values = each_once(kept).into_iter().map(|(value, _)| value);
    let values: Vec<Value> = values.filter(|value| *value != json!({})).collect();
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

fn each_once(all: Vec<Element>) -> Vec<Element> {
    let mut kept: Vec<Element> = Vec::new();
    for element in all {
        if !kept.iter().any(|(other, _)| *other == element.0) {
            kept.push(element);
        }
    }
    kept
}

/// Adding to a value that is there: what is given goes over what was.
fn overlay(attribute: &Attribute, (there, made): &mut Element, value: &Value) -> Result<(), Refused> {
    *made |= is_primary(value);
    let (Some(object), Some(more)) = (there.as_object_mut(), value.as_object()) else {
        *there = value.clone();
        return Ok(());
    };
    for (name, value) in more {
        let sub = attribute.sub_attributes.iter().find(|sub| sub.name == *name).unwrap();
        if sub.mutability == Mutability::Immutable && object.get(name).is_some_and(|was| was != value) {
            return Err("mutability");
        }
        object.insert(name.clone(), value.clone());
    }
    Ok(())
}

fn part_of(
    sub: &Attribute,
    (there, made): &mut Element,
    value: Option<&Value>,
    op: Op,
) -> Result<(), Refused> {
    let object = there.as_object_mut().unwrap();
    let was = object.get(&sub.name).cloned();
    match value {
        Some(value) => put(object, sub, value, op),
        None => {
            object.remove(&sub.name);
        }
    }
    if sub.mutability == Mutability::Immutable && was.is_some() && was.as_ref() != object.get(&sub.name) {
        return Err("mutability");
    }
    *made |= sub.name == "primary" && value == Some(&json!(true));
    Ok(())
}

fn holds(condition: &Condition, element: &Value) -> bool {
    match condition {
        Condition::And(parts) => parts.iter().all(|part| holds(part, element)),
        Condition::Or(parts) => parts.iter().any(|part| holds(part, element)),
        Condition::Not(part) => !holds(part, element),
        Condition::Present(sub) => element.get(&sub.name).is_some_and(|value| *value != json!("")),
        Condition::Compare(sub, op, wanted) => match (element.get(&sub.name), wanted) {
            (found, Value::Null) => found.is_none() == (*op == "eq"),
            (None, _) => *op == "ne",
            (Some(found), wanted) => compares(sub, op, found, wanted),
        },
    }
}

fn compares(sub: &Attribute, op: &str, found: &Value, wanted: &Value) -> bool {
    let text = |value: &Value| match value.as_str() {
        Some(text) if !sub.case_exact => text.to_lowercase(),
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let order = match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => found.partial_cmp(&wanted).unwrap(),
        _ => text(found).cmp(&text(wanted)),
    };
    match op {
        "eq" => order.is_eq(),
        "ne" => order.is_ne(),
        "gt" => order.is_gt(),
        "ge" => order.is_ge(),
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        "co" => text(found).contains(&text(wanted)),
        "sw" => text(found).starts_with(&text(wanted)),
        "ew" => text(found).ends_with(&text(wanted)),
        other => panic!("{other}"),
    }
}

/// RFC 7643 §2.4: value and type make the value; where there is no `value`, everything but `primary` does.
fn is_same(attribute: &Attribute, one: &Value, other: &Value) -> bool {
    let fold = |of: &Attribute, value: &Value| match value.as_str() {
        Some(text) if !of.case_exact => json!(text.to_lowercase()),
        _ => value.clone(),
    };
    if !attribute.is_complex() {
        return fold(attribute, one) == fold(attribute, other);
    }
    let has_value = one.get("value").is_some() || other.get("value").is_some();
    attribute.sub_attributes.iter().all(|sub| {
        let counts =
            if has_value { ["value", "type"].contains(&sub.name.as_str()) } else { sub.name != "primary" };
        let part = |of: &Value| of.get(&sub.name).map(|value| fold(sub, value));
        !counts || part(one) == part(other)
    })
}

fn lacks_required(of: &ResourceType, doc: &Map<String, Value>) -> bool {
    let missing = |value: Option<&Value>| {
        value.is_none_or(|value| value.as_str().is_some_and(|text| text.trim().is_empty()))
    };
    let lacks = |schema: &Schema, part: &Map<String, Value>| {
        schema.attributes.iter().any(|attribute| {
            let value = part.get(&attribute.name);
            let needed = attribute.sub_attributes.iter().filter(|sub| sub.required);
            let incomplete = |sub: &Attribute| items(value).iter().any(|item| missing(item.get(&sub.name)));
            attribute.required && missing(value) || needed.into_iter().any(|sub| incomplete(sub))
        })
    };
    let extensions = of.extensions.iter().map(|extension| &extension.schema);
    lacks(&of.schema, doc)
        || extensions
            .filter_map(|schema| Some((schema, doc.get(&schema.id)?.as_object()?)))
            .any(|(schema, part)| lacks(schema, part))
}

fn items(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    }
}

fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&json!(true))
}

fn is_members(target: &Target) -> bool {
    target.extension.is_none() && target.attribute.name == "members"
}

fn has_elements(target: &Target) -> bool {
    target.attribute.multi_valued && target.attribute.is_complex()
}
