//! The translation itself. Knows SQL text; does not know connections.

use domain::id::UserId;
use scim::filter::{Comparand, CompareOp, Filter};
use scim::path::AttributeRef;
use uuid::Uuid;

use super::{Target, Value};
use crate::error::StoreError;
use crate::nesting::{BELOW, groups_of};

/// How the text of an operand is to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it stands.
    Exact,
    /// Folded already, in a column of its own.
    Folded,
    /// Without case, to be folded.
    Foldable,
    /// A boolean column.
    BooleanColumn,
    /// A `timestamptz` column.
    TimeColumn,
    /// A `uuid` column.
    IdColumn,
}

/// Whether an index leads to the few rows in which this attribute has a given value.
pub(super) fn is_indexed(attr: &AttributeRef) -> bool {
    let name = attr.attribute.name.as_str();
    attr.schema_urn.is_none()
        && attr.sub.is_none()
        && matches!(name, "id" | "externalId" | "userName" | "displayName")
}

/// What the directory wrote: of somebody frozen the column says that they are not let in.
const AS_WRITTEN: &str =
    "(u.active OR (u.frozen_at IS NOT NULL AND coalesce((u.doc ->> 'active')::boolean, TRUE)))";
/// Groups that have a member, a person or a group.
const WITH_MEMBER: &str = "u.id = ANY(ARRAY( \
    SELECT i.group_id FROM group_member i WHERE i.tenant_id = current_tenant() AND i.user_id = {} \
    UNION ALL SELECT i.group_id FROM group_child i WHERE i.tenant_id = current_tenant() AND i.child_id = {}))";

/// Writes one condition.
pub(super) struct Compiler<'a> {
    target: Target,
    text: &'a mut String,
    values: &'a mut Vec<Value>,
    /// SQL of the JSON document that attributes are read from, and whether it is one value of a multi-valued attribute.
    base: String,
    inside_element: bool,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(target: Target, text: &'a mut String, values: &'a mut Vec<Value>) -> Self {
        Self { target, text, values, base: "u.doc".to_owned(), inside_element: false }
    }

    pub(super) fn filter(&mut self, filter: &Filter) -> Result<(), StoreError> {
        match filter {
            Filter::And(all) => self.joined(all, " AND "),
            Filter::Or(any) => self.joined(any, " OR "),
            Filter::Not(inner) => {
                self.text.push('(');
                self.filter(inner)?;
                self.text.push_str(") IS NOT TRUE");
                Ok(())
            }
            Filter::Present(attr) => self.present(attr),
            Filter::Compare { attr, op, value } => self.compare(attr, *op, value),
            Filter::ValuePath { attr, filter } => self.value_path(attr, filter),
        }
    }

    fn joined(&mut self, parts: &[Filter], word: &str) -> Result<(), StoreError> {
        self.text.push('(');
        for (n, part) in parts.iter().enumerate() {
            if n > 0 {
                self.text.push_str(word);
            }
            self.filter(part)?;
        }
        self.text.push(')');
        Ok(())
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.push_str(&text.to_string());
    }

    fn push(&mut self, value: Value) {
        self.values.push(value);
        self.text.push_str("{}");
    }

    /// The JSON that holds the schema's attributes: the document itself or an extension's object in it.
    pub(super) fn holder(&self, attr: &AttributeRef) -> String {
        match &attr.schema_urn {
            Some(urn) if !self.inside_element => format!("{}->{}", self.base, literal(urn)),
            _ => self.base.clone(),
        }
    }

    /// `attr` of a row or of one element, as SQL text and how to compare it.
    fn operand(&self, attr: &AttributeRef) -> Result<(String, Kind), StoreError> {
        let leaf = attr.leaf();
        let kind = if leaf.case_exact { Kind::Exact } else { Kind::Foldable };
        if self.inside_element {
            let name = attr.sub.as_ref().map_or("value", |sub| sub.name.as_str());
            return Ok((format!("({}->>{})", self.base, literal(name)), kind));
        }
        if let Some(column) = self.column(attr)? {
            return Ok(column);
        }
        let holder = self.holder(attr);
        let name = literal(&attr.attribute.name);
        let text = match &attr.sub {
            Some(sub) => format!("({holder}->{name}->>{})", literal(&sub.name)),
            None => format!("({holder}->>{name})"),
        };
        Ok((text, kind))
    }

    /// The column that carries an attribute, where it has one.
    pub(super) fn column(&self, attr: &AttributeRef) -> Result<Option<(String, Kind)>, StoreError> {
        if attr.schema_urn.is_some() {
            return Ok(None);
        }
        let sub = attr.sub.as_ref().map(|sub| sub.name.as_str());
        let of_membership = matches!(self.target, Target::PersonIn | Target::GroupIn);
        let (text, kind) = match (attr.attribute.name.as_str(), sub, self.target) {
            ("group", Some("value"), _) if of_membership => ("u.group_id", Kind::IdColumn),
            ("member", Some("value"), _) if of_membership => ("u.id", Kind::IdColumn),
            // made where it is shown
            ("id", None, _) if of_membership => return Err(StoreError::Unfilterable(attr.to_string())),
            ("externalId", None, _) if of_membership => ("NULL::text", Kind::Exact),
            ("id", None, _) => ("u.id", Kind::IdColumn),
            ("externalId", None, _) => ("u.external_id", Kind::Exact),
            ("userName", None, Target::User) => ("u.user_name_key", Kind::Folded),
            ("displayName", None, _) => ("u.display_name_key", Kind::Folded),
            ("active", None, Target::User) => (AS_WRITTEN, Kind::BooleanColumn),
            // to the millisecond, as they are shown: what a client read is equal, and nothing is later than itself
            ("meta", Some("created"), _) => ("date_trunc('milliseconds', u.created_at)", Kind::TimeColumn),
            ("meta", Some("lastModified"), _) => {
                ("date_trunc('milliseconds', u.updated_at)", Kind::TimeColumn)
            }
            ("meta", Some("version"), _) => ("('W/\"' || u.version || '\"')", Kind::Exact),
            ("meta", Some("resourceType"), of) if of != Target::Member => {
                let name = literal(of.resource_type().0);
                return Ok(Some((format!("{name}::text"), Kind::Exact)));
            }
            ("meta", _, _) => return Err(StoreError::Unfilterable(attr.to_string())),
            _ => return Ok(None),
        };
        Ok(Some((text.to_owned(), kind)))
    }

    /// RFC 7644 §3.4.2.2, Table 3: "If the attribute has a non-empty or non-null value, or if it contains a
    /// non-empty node for complex attributes, there is a match."
    fn present(&mut self, attr: &AttributeRef) -> Result<(), StoreError> {
        is_known_here(attr)?;
        if !self.inside_element && attr.attribute.multi_valued {
            let source = self.elements(attr);
            let content = match &attr.sub {
                Some(sub) => format!("e.v->>{} <> ''", literal(&sub.name)),
                None => has_content("e.v"),
            };
            self.write(format_args!("EXISTS (SELECT FROM {source} WHERE {content})"));
            return Ok(());
        }
        if attr.schema_urn.is_none() && attr.attribute.name == "meta" {
            self.text.push_str("TRUE");
            return Ok(());
        }
        if attr.leaf().is_complex() {
            let value = format!("{}->{}", self.holder(attr), literal(&attr.attribute.name));
            self.text.push_str(&has_content(&value));
            return Ok(());
        }
        let (operand, kind) = self.operand(attr)?;
        match kind {
            Kind::Exact | Kind::Folded | Kind::Foldable => self.write(format_args!("{operand} <> ''")),
            _ => self.write(format_args!("{operand} IS NOT NULL")),
        }
        Ok(())
    }

    fn value_path(&mut self, attr: &AttributeRef, filter: &Filter) -> Result<(), StoreError> {
        if attr.schema_urn.is_none() && attr.attribute.name == "meta" {
            // Always there, once, and kept in columns.
            return self.filter(filter);
        }
        if let Some(value) = required_value(filter) {
            // One exact value is demanded: let its index find the few rows first.
            if self.indexed_value(attr, value) {
                if matches!(filter, Filter::Compare { .. }) {
                    return Ok(());
                }
                self.text.push_str(" AND ");
            }
        }
        if let Filter::Compare { attr: inner, op: CompareOp::Eq, value: Comparand::String(value) } = filter
            && inner.sub.as_ref().is_some_and(|sub| sub.name == "type")
            && self.member_type(attr, value)
        {
            return Ok(());
        }
        if attr.attribute.multi_valued {
            let source = self.elements(attr);
            self.write(format_args!("EXISTS (SELECT FROM {source} WHERE "));
            self.within("e.v".to_owned(), filter)?;
            self.text.push(')');
            return Ok(());
        }
        let holder = self.holder(attr);
        let base = format!("({holder}->{})", literal(&attr.attribute.name));
        self.write(format_args!("({base} IS NOT NULL AND "));
        self.within(base, filter)?;
        self.text.push(')');
        Ok(())
    }

    fn within(&mut self, base: String, filter: &Filter) -> Result<(), StoreError> {
        let outer = std::mem::replace(&mut self.base, base);
        self.inside_element = true;
        let done = self.filter(filter);
        self.inside_element = false;
        self.base = outer;
        done
    }

    /// A condition that an index on one value serves; says whether it wrote one.
    fn indexed_value(&mut self, attr: &AttributeRef, value: &str) -> bool {
        if attr.schema_urn.is_some() {
            return false;
        }
        match (attr.attribute.name.as_str(), self.target) {
            ("emails", Target::User) => {
                self.text.push_str(
                    "EXISTS (SELECT FROM user_email i WHERE i.tenant_id = u.tenant_id AND i.user_id = u.id AND i.value_key = ",
                );
                self.push(Value::Text(scim::text::fold(value)));
                self.text.push(')');
            }
            ("groups", Target::User) => self.of_id(value, &in_group()),
            ("members", Target::Group) => self.of_id(value, WITH_MEMBER),
            _ => return false,
        }
        true
    }

    /// A condition of which every parameter is this id.
    fn of_id(&mut self, value: &str, condition: &str) {
        match id(value) {
            Some(id) => {
                self.text.push_str(condition);
                let parameters = condition.matches("{}").count();
                self.values.extend(std::iter::repeat_n(Value::Uuid(id), parameters));
            }
            None => self.text.push_str("FALSE"),
        }
    }

    /// Whether there is a member of a type shows in the first row of an index; says whether it wrote that.
    fn member_type(&mut self, attr: &AttributeRef, value: &str) -> bool {
        if self.target != Target::Group || attr.schema_urn.is_some() || attr.attribute.name != "members" {
            return false;
        }
        self.text.push_str(match scim::text::fold(value).as_str() {
            "user" => {
                "EXISTS (SELECT FROM group_member i WHERE i.tenant_id = u.tenant_id AND i.group_id = u.id)"
            }
            "group" => {
                "EXISTS (SELECT FROM group_child i WHERE i.tenant_id = u.tenant_id AND i.group_id = u.id)"
            }
            _ => "FALSE",
        });
        true
    }

    /// The values of a multi-valued attribute as rows `e (v)`.
    fn elements(&self, attr: &AttributeRef) -> String {
        match (attr.attribute.name.as_str(), self.target) {
            ("schemas", _) => {
                let (_, own) = self.target.resource_type();
                format!(
                    "(SELECT jsonb_build_object('value', {}::text) UNION ALL SELECT jsonb_build_object('value', k.urn) \
                     FROM jsonb_object_keys(u.doc) AS k (urn) WHERE starts_with(k.urn, 'urn:')) AS e (v)",
                    literal(own)
                )
            }
            ("groups", Target::User) if attr.schema_urn.is_none() => {
                concat!(
                    "(SELECT jsonb_build_object('value', g.id, 'display', g.doc->'displayName', 'type', t.type) FROM ",
                    groups_of!(),
                    ") AS e (v)"
                )
                .to_owned()
            }
            ("members", Target::Group) => {
                "(SELECT jsonb_build_object('value', p.id, 'type', 'User', \
                    'display', coalesce(p.doc->>'displayName', p.doc->>'userName')) \
                 FROM group_member m JOIN users p ON p.tenant_id = m.tenant_id AND p.id = m.user_id \
                 WHERE m.tenant_id = u.tenant_id AND m.group_id = u.id \
                 UNION ALL \
                 SELECT jsonb_build_object('value', g.id, 'type', 'Group', 'display', g.doc->'displayName') \
                 FROM group_child c JOIN groups g ON g.tenant_id = c.tenant_id AND g.id = c.child_id \
                 WHERE c.tenant_id = u.tenant_id AND c.group_id = u.id) AS e (v)"
                    .to_owned()
            }
            (name, _) => {
                let value = format!("{}->{}", self.holder(attr), literal(name));
                if !attr.attribute.is_complex() {
                    return format!(
                        "(SELECT jsonb_build_object('value', s.v) FROM jsonb_array_elements(CASE jsonb_typeof({value}) \
                         WHEN 'array' THEN {value} ELSE '[]' END) AS s (v)) AS e (v)"
                    );
                }
                format!(
                    "jsonb_array_elements(CASE jsonb_typeof({value}) WHEN 'array' THEN {value} ELSE '[]' END) AS e (v)"
                )
            }
        }
    }

    fn compare(&mut self, attr: &AttributeRef, op: CompareOp, value: &Comparand) -> Result<(), StoreError> {
        is_known_here(attr)?;
        if !self.inside_element && attr.attribute.multi_valued {
            let sub = attr.sub.as_ref().map_or("value", |sub| sub.name.as_str());
            let done = match (op, sub, value) {
                (CompareOp::Eq, "value", Comparand::String(text)) => self.indexed_value(attr, text),
                (CompareOp::Eq, "type", Comparand::String(text)) => self.member_type(attr, text),
                _ => false,
            };
            if done {
                return Ok(());
            }
            return self.any_value(attr, op, value);
        }
        let (operand, kind) = self.operand(attr)?;
        match value {
            Comparand::Null => {
                let is = if op == CompareOp::Ne { "IS NOT NULL" } else { "IS NULL" };
                self.write(format_args!("{operand} {is}"));
            }
            Comparand::Boolean(flag) => {
                let operand =
                    if kind == Kind::BooleanColumn { operand } else { format!("{operand}::boolean") };
                self.typed(&operand, op, Value::Bool(*flag), "");
            }
            Comparand::Number(number) => {
                self.typed(&format!("{operand}::numeric"), op, Value::Text(number.to_string()), "::numeric");
            }
            Comparand::DateTime(time) => {
                let operand =
                    if kind == Kind::TimeColumn { operand } else { format!("{operand}::timestamptz") };
                self.typed(&operand, op, Value::Time(*time), "");
            }
            Comparand::String(text) => self.string(operand, kind, op, text),
        }
        Ok(())
    }

    /// A comparison with the values of a multi-valued attribute: any of them decides, and where there is none only
    /// `ne` and `eq null` hold.
    fn any_value(&mut self, attr: &AttributeRef, op: CompareOp, value: &Comparand) -> Result<(), StoreError> {
        let name = attr.sub.as_ref().map_or("value", |sub| sub.name.as_str());
        let exists =
            format!("EXISTS (SELECT FROM {} WHERE e.v->>{} IS NOT NULL", self.elements(attr), literal(name));
        match (op, value) {
            (CompareOp::Ne, Comparand::Null) => self.write(format_args!("{exists})")),
            (_, Comparand::Null) => self.write(format_args!("NOT {exists})")),
            _ => {
                self.write(format_args!("({exists} AND "));
                let outer = std::mem::replace(&mut self.base, "e.v".to_owned());
                self.inside_element = true;
                let done = self.compare(attr, op, value);
                self.inside_element = false;
                self.base = outer;
                done?;
                self.text.push(')');
                if op == CompareOp::Ne {
                    self.write(format_args!(" OR NOT {exists})"));
                }
                self.text.push(')');
            }
        }
        Ok(())
    }

    fn typed(&mut self, operand: &str, op: CompareOp, value: Value, cast: &str) {
        let sign = match op {
            CompareOp::Ne => " IS DISTINCT FROM ",
            CompareOp::Gt => " > ",
            CompareOp::Ge => " >= ",
            CompareOp::Lt => " < ",
            CompareOp::Le => " <= ",
            // the grammar admits no partial match on these types
            CompareOp::Eq | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => " = ",
        };
        self.text.push_str(operand);
        self.text.push_str(sign);
        self.push(value);
        self.text.push_str(cast);
    }

    fn string(&mut self, operand: String, kind: Kind, op: CompareOp, text: &str) {
        let (operand, text) = match kind {
            Kind::IdColumn => match (op, id(text)) {
                (CompareOp::Eq, Some(id)) => return self.typed(&operand, op, Value::Uuid(id), ""),
                (CompareOp::Eq, None) => return self.text.push_str("FALSE"),
                _ => (format!("{operand}::text"), text.to_owned()),
            },
            Kind::Folded => (operand, scim::text::fold(text)),
            Kind::Foldable => (folded(&operand), scim::text::fold(text)),
            _ => (operand, text.to_owned()),
        };
        let value = Value::Text(text);
        match op {
            CompareOp::Co => self.call(&format!("strpos({operand}, "), value, ") > 0"),
            CompareOp::Sw => self.call(&format!("starts_with({operand}, "), value, ")"),
            CompareOp::Ew => {
                self.call(&format!("right({operand}, length("), value.clone(), ")) = ");
                self.push(value);
            }
            CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le => {
                self.typed(&format!("({operand}) COLLATE \"C\""), op, value, "");
            }
            CompareOp::Eq | CompareOp::Ne => self.typed(&operand, op, value, ""),
        }
    }

    fn call(&mut self, before: &str, value: Value, after: &str) {
        self.text.push_str(before);
        self.push(value);
        self.text.push_str(after);
    }
}

/// People who are in a group or below it.
fn in_group() -> String {
    format!(
        "EXISTS (SELECT FROM group_member i WHERE i.tenant_id = u.tenant_id AND i.user_id = u.id AND i.group_id = ANY({BELOW}))"
    )
}

/// The `value` that a filter inside a value path demands exactly, if it does.
fn required_value(filter: &Filter) -> Option<&str> {
    match filter {
        Filter::Compare { attr, op: CompareOp::Eq, value: Comparand::String(text) } => {
            attr.sub.as_ref().is_some_and(|sub| sub.name == "value").then_some(text.as_str())
        }
        Filter::And(all) => all.iter().find_map(required_value),
        _ => None,
    }
}

/// What `scim::text::fold` makes of a text. Its lower case looks at one character at a time; the one place where this
/// collation looks further is a capital sigma at the end of a word, which is therefore lowered before.
pub(super) fn folded(operand: &str) -> String {
    format!(
        "normalize(lower(replace(normalize({operand}, NFKC), 'Σ', 'σ') COLLATE \"und-x-icu\"), NFKC) COLLATE \"C\""
    )
}

/// Whether a complex value has anything in it that is not empty.
fn has_content(value: &str) -> String {
    format!(
        "EXISTS (SELECT FROM jsonb_each_text(CASE jsonb_typeof({value}) WHEN 'object' THEN {value} END) AS c (k, t) \
         WHERE c.t <> '')"
    )
}

/// Addresses of groups and members are made where they are shown; the database does not know them.
fn is_known_here(attr: &AttributeRef) -> Result<(), StoreError> {
    let address = attr.sub.as_ref().is_some_and(|sub| sub.name == "$ref");
    if address
        && attr.schema_urn.is_none()
        && matches!(attr.attribute.name.as_str(), "groups" | "members" | "group" | "member")
    {
        return Err(StoreError::Unfilterable(attr.to_string()));
    }
    Ok(())
}

/// An id in its one spelling.
fn id(text: &str) -> Option<Uuid> {
    text.parse::<UserId>().ok().map(UserId::as_uuid)
}

/// A name from a schema as a SQL literal.
pub(super) fn literal(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''").replace(['{', '}'], ""))
}
