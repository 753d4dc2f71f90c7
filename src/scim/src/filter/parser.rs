//! Recursive descent within a budget. Knows precedence and attribute types; does not know values of resources.

use chrono::{DateTime, Datelike as _};

use super::lexer::{Lexer, Token, Trouble};
use super::{Comparand, CompareOp, Filter, MAX_DEPTH, MAX_LENGTH, MAX_NODES};
use crate::dialect::{Dialect, Leniency};
use crate::error::{Error, ScimType};
use crate::path::{AttributeRef, PathError};
use crate::schema::{AttributeType, ResourceType, Returned};
use crate::value::number;

/// A whole filter and nothing after it.
pub(super) fn parse(resource_type: &ResourceType, text: &str, dialect: &Dialect) -> Result<Filter, Error> {
    let mut parser = Parser::new(resource_type, text, dialect, None)?;
    let filter = parser.disjunction(0)?;
    match parser.peeked {
        None => Ok(filter),
        Some(_) => Err(malformed("something follows the end of the filter")),
    }
}

/// The rest of a PATCH path after `[`: the filter, and the sub-attribute name after the closing bracket.
pub(crate) fn parse_value_path(
    resource_type: &ResourceType,
    parent: &AttributeRef,
    text: &str,
    dialect: &Dialect,
) -> Result<(Filter, Option<String>), Error> {
    let path = |detail: &str| Error::invalid_path(format!("The path is malformed: {detail}"));
    let mut parser = Parser::new(resource_type, text, dialect, Some(parent.clone()))?;
    let filter = parser.disjunction(0)?;
    if parser.peeked != Some(Token::CloseBracket) {
        return Err(path("the value path has no closing bracket"));
    }
    let sub = match parser.lexer.next() {
        Ok(None) => return Ok((filter, None)),
        Ok(Some(Token::Dot(name))) => name,
        _ => return Err(path("only a sub-attribute may follow the closing bracket")),
    };
    match parser.lexer.next() {
        Ok(None) => Ok((filter, Some(sub))),
        _ => Err(path("something follows the sub-attribute")),
    }
}

fn malformed(trouble: Trouble) -> Error {
    Error::invalid_filter(format!("The filter is malformed: {trouble}"))
}

struct Parser<'a> {
    resource_type: &'a ResourceType,
    dialect: &'a Dialect,
    lexer: Lexer<'a>,
    peeked: Option<Token>,
    nodes_left: usize,
    /// The complex attribute we are inside of.
    parent: Option<AttributeRef>,
}

impl<'a> Parser<'a> {
    fn new(
        resource_type: &'a ResourceType,
        text: &'a str,
        dialect: &'a Dialect,
        parent: Option<AttributeRef>,
    ) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::invalid_filter(format!("The filter is longer than {MAX_LENGTH} bytes")));
        }
        let mut lexer = Lexer::new(text);
        let peeked = lexer.next().map_err(malformed)?;
        Ok(Self { resource_type, dialect, lexer, peeked, nodes_left: MAX_NODES, parent })
    }

    fn bump(&mut self) -> Result<Option<Token>, Error> {
        let next = self.lexer.next().map_err(malformed)?;
        Ok(std::mem::replace(&mut self.peeked, next))
    }

    fn expect(&mut self, token: &Token, trouble: Trouble) -> Result<(), Error> {
        if self.peeked.as_ref() == Some(token) { self.bump().map(|_| ()) } else { Err(malformed(trouble)) }
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(&self.peeked, Some(Token::Word(next)) if next.eq_ignore_ascii_case(word))
    }

    fn node(&mut self) -> Result<(), Error> {
        self.nodes_left = self
            .nodes_left
            .checked_sub(1)
            .ok_or_else(|| Error::invalid_filter(format!("The filter has more than {MAX_NODES} parts")))?;
        Ok(())
    }

    /// RFC 7644 §3.4.2.2: "Logical operators - where "not" takes precedence over "and", which takes
    /// precedence over "or""
    fn disjunction(&mut self, depth: usize) -> Result<Filter, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::invalid_filter(format!("The filter is nested more than {MAX_DEPTH} deep")));
        }
        let mut any = Vec::new();
        push_flat(&mut any, self.conjunction(depth)?, Filter::into_or);
        while self.at_word("or") {
            self.bump()?;
            self.node()?;
            push_flat(&mut any, self.conjunction(depth)?, Filter::into_or);
        }
        Ok(one_or(any, Filter::Or))
    }

    fn conjunction(&mut self, depth: usize) -> Result<Filter, Error> {
        let mut all = Vec::new();
        push_flat(&mut all, self.factor(depth)?, Filter::into_and);
        while self.at_word("and") {
            self.bump()?;
            self.node()?;
            push_flat(&mut all, self.factor(depth)?, Filter::into_and);
        }
        Ok(one_or(all, Filter::And))
    }

    fn factor(&mut self, depth: usize) -> Result<Filter, Error> {
        self.node()?;
        match self.bump()? {
            Some(Token::Open) => self.group(depth),
            Some(Token::Word(word))
                if word.eq_ignore_ascii_case("not") && self.peeked == Some(Token::Open) =>
            {
                self.bump()?;
                Ok(Filter::Not(Box::new(self.group(depth)?)))
            }
            Some(Token::Word(word)) => self.expression(&word, depth),
            Some(_) => Err(malformed("an attribute, 'not' or '(' is expected")),
            None => Err(malformed("it ends where an expression is expected")),
        }
    }

    fn group(&mut self, depth: usize) -> Result<Filter, Error> {
        let inner = self.disjunction(depth.saturating_add(1))?;
        self.expect(&Token::Close, "a ')' is missing")?;
        Ok(inner)
    }

    fn expression(&mut self, path: &str, depth: usize) -> Result<Filter, Error> {
        let attr = self.resolve(path)?;
        if self.peeked == Some(Token::OpenBracket) {
            self.bump()?;
            let filter = self.value_path(&attr, depth)?;
            let filter = match self.peeked.take() {
                Some(Token::Dot(name)) if self.dialect.accepts(Leniency::ConditionAfterValuePath) => {
                    self.narrowed(&attr, filter, &name)?
                }
                other => {
                    self.peeked = other;
                    filter
                }
            };
            return Ok(Filter::ValuePath { attr, filter: Box::new(filter) });
        }
        self.operator(attr)
    }

    /// `emails[type eq "work"].value eq "x"`, which the grammar does not have, has one possible meaning:
    /// `emails[type eq "work" and value eq "x"]`.
    fn narrowed(&mut self, attr: &AttributeRef, filter: Filter, name: &str) -> Result<Filter, Error> {
        let unknown = || PathError::UnknownSubAttribute(name.to_owned()).into_error(ScimType::InvalidFilter);
        let sub = attr.attribute.sub_attribute(name).cloned().ok_or_else(unknown)?;
        self.node()?;
        self.peeked = self.lexer.next().map_err(malformed)?;
        let condition = self.operator(AttributeRef { sub: Some(sub), ..attr.clone() })?;
        let mut all = filter.into_and();
        all.push(condition);
        Ok(Filter::And(all))
    }

    fn operator(&mut self, attr: AttributeRef) -> Result<Filter, Error> {
        match self.bump()? {
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("pr") => Ok(Filter::Present(attr)),
            Some(Token::Word(word)) => match CompareOp::from_word(&word) {
                Some(op) => self.comparison(attr, op),
                None => Err(Error::invalid_filter(format!("The operator '{word}' is not supported"))),
            },
            _ => Err(malformed("an operator is expected after the attribute")),
        }
    }

    /// Inside a value path a name is a sub-attribute of the attribute before the bracket.
    fn resolve(&self, path: &str) -> Result<AttributeRef, Error> {
        let Some(parent) = &self.parent else {
            let attr = AttributeRef::parse(self.resource_type, path)
                .map_err(|error| error.into_error(ScimType::InvalidFilter))?;
            if attr.leaf().returned == Returned::Never {
                // A filter over what is never shown would show it, one comparison at a time.
                return Err(Error::invalid_filter(format!("'{attr}' cannot be part of a filter")));
            }
            return Ok(attr);
        };
        match parent.attribute.sub_attribute(path) {
            Some(sub) => Ok(AttributeRef { sub: Some(sub.clone()), ..parent.clone() }),
            None => Err(Error::invalid_filter(format!(
                "'{path}' is not a sub-attribute of '{}'",
                parent.attribute.name
            ))),
        }
    }

    /// RFC 7644 §3.4.2.2, Table 5: "MUST be a valid filter expression based upon sub-attributes of the
    /// parent attribute."
    fn value_path(&mut self, attr: &AttributeRef, depth: usize) -> Result<Filter, Error> {
        if self.parent.is_some() || attr.sub.is_some() || !attr.attribute.is_complex() {
            return Err(malformed("'[' may follow a complex attribute only"));
        }
        self.parent = Some(attr.clone());
        let inner = self.disjunction(depth.saturating_add(1))?;
        self.parent = None;
        self.expect(&Token::CloseBracket, "a ']' is missing")?;
        Ok(inner)
    }

    fn comparison(&mut self, attr: AttributeRef, op: CompareOp) -> Result<Filter, Error> {
        let attr = comparable(attr)?;
        let literal = self.bump()?.ok_or_else(|| malformed("the value to compare with is missing"))?;
        let value = comparand(&attr, op, literal, self.dialect)?;
        Ok(Filter::Compare { attr, op, value })
    }
}

/// A complex attribute stands for its `value`, as in the RFC's own example `emails co "example.com"`
/// (RFC 7644 §3.4.2.2, Figure 2). One without a `value` cannot be compared.
fn comparable(attr: AttributeRef) -> Result<AttributeRef, Error> {
    if attr.sub.is_some() || !attr.attribute.is_complex() {
        return Ok(attr);
    }
    match attr.attribute.sub_attribute("value") {
        Some(value) => Ok(AttributeRef { sub: Some(value.clone()), ..attr }),
        None => Err(Error::invalid_filter(format!("'{attr}' is complex: compare one of its sub-attributes"))),
    }
}

fn comparand(
    attr: &AttributeRef,
    op: CompareOp,
    literal: Token,
    dialect: &Dialect,
) -> Result<Comparand, Error> {
    let equality = matches!(op, CompareOp::Eq | CompareOp::Ne);
    let text_search = matches!(op, CompareOp::Co | CompareOp::Sw | CompareOp::Ew);
    let kind = attr.leaf().kind;
    if matches!(&literal, Token::Word(word) if word.eq_ignore_ascii_case("null")) {
        return if equality { Ok(Comparand::Null) } else { Err(unfit(attr, op)) };
    }
    let allowed = match kind {
        AttributeType::String | AttributeType::Reference => true,
        // RFC 7644 §3.4.2.2, Table 3: "Boolean and Binary attributes SHALL cause a failed response (HTTP
        // status code 400) with "scimType" of "invalidFilter"."
        AttributeType::Boolean => equality,
        AttributeType::Binary => equality || text_search,
        AttributeType::Integer | AttributeType::Decimal | AttributeType::DateTime => !text_search,
        AttributeType::Complex => false,
    };
    if !allowed {
        return Err(unfit(attr, op));
    }
    match (kind, literal) {
        (AttributeType::String | AttributeType::Reference | AttributeType::Binary, Token::Text(text)) => {
            Ok(Comparand::String(text))
        }
        (AttributeType::Boolean, Token::Word(word)) if word.eq_ignore_ascii_case("true") => {
            Ok(Comparand::Boolean(true))
        }
        (AttributeType::Boolean, Token::Word(word)) if word.eq_ignore_ascii_case("false") => {
            Ok(Comparand::Boolean(false))
        }
        (AttributeType::Boolean, Token::Text(text)) if truth(&text).is_some() => match truth(&text) {
            Some(truth) if dialect.accepts(Leniency::BooleanAsString) => Ok(Comparand::Boolean(truth)),
            _ => Err(of_another_type(attr)),
        },
        (AttributeType::Integer | AttributeType::Decimal, Token::Number(number, _)) => {
            Ok(Comparand::Number(number))
        }
        (AttributeType::Integer | AttributeType::Decimal, Token::Text(text)) => match number(kind, &text) {
            Some(number) if dialect.accepts(Leniency::IntegerAsString) => Ok(Comparand::Number(number)),
            _ => Err(of_another_type(attr)),
        },
        (AttributeType::DateTime, Token::Text(text)) => match DateTime::parse_from_rfc3339(&text) {
            // In UTC it must be a dateTime still: `9999-12-31T23:59:59-01:00` has five digits in its year.
            Ok(time) if (0..=9999).contains(&time.to_utc().year()) => Ok(Comparand::DateTime(time.to_utc())),
            Ok(_) => Err(Error::invalid_filter(format!("The value for '{attr}' is no dateTime: its year"))),
            Err(error) => {
                Err(Error::invalid_filter(format!("The value for '{attr}' is no dateTime: {error}")))
            }
        },
        (
            AttributeType::String | AttributeType::Reference,
            Token::Word(text) | Token::Bare(text) | Token::Number(_, text),
        ) if !is_logical(&text) && dialect.accepts(Leniency::UnquotedValue) => Ok(Comparand::String(text)),
        _ => Err(of_another_type(attr)),
    }
}

fn of_another_type(attr: &AttributeRef) -> Error {
    Error::invalid_filter(format!(
        "'{attr}' is of type {}: the value to compare with is of another type",
        attr.leaf().kind.as_str()
    ))
}

fn truth(text: &str) -> Option<bool> {
    [true, false].into_iter().find(|truth| truth.to_string().eq_ignore_ascii_case(text))
}

/// After a comparison that lacks its value, `and` is not the value.
fn is_logical(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|logical| logical.eq_ignore_ascii_case(word))
}

fn unfit(attr: &AttributeRef, op: CompareOp) -> Error {
    Error::invalid_filter(format!(
        "The operator '{}' does not apply to '{attr}' of type {}",
        op.as_str(),
        attr.leaf().kind.as_str()
    ))
}

fn push_flat(list: &mut Vec<Filter>, filter: Filter, split: fn(Filter) -> Vec<Filter>) {
    list.extend(split(filter));
}

fn one_or(mut list: Vec<Filter>, wrap: fn(Vec<Filter>) -> Filter) -> Filter {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        Some(filter) => {
            list.push(filter);
            wrap(list)
        }
        None => wrap(list),
    }
}

impl Filter {
    fn into_and(self) -> Vec<Self> {
        match self {
            Self::And(all) => all,
            other => vec![other],
        }
    }

    fn into_or(self) -> Vec<Self> {
        match self {
            Self::Or(any) => any,
            other => vec![other],
        }
    }
}
