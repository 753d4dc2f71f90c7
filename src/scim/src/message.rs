//! Message envelopes: lists, pages, entity tags, rendered resources. Knows their JSON; does not know where data comes from.

use std::num::IntErrorKind;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::limits::Limits;
use crate::schema::{META, ResourceType};

/// Media type of every SCIM body.
pub const MEDIA_TYPE: &str = "application/scim+json";
/// Media type that is accepted too.
pub const JSON_MEDIA_TYPE: &str = "application/json";
/// Schema URN of a list response.
pub const LIST_RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Schema URN of a PATCH request.
pub const PATCH_OP_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Schema URN of a search request.
pub const SEARCH_REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// Schema URN of a bulk request.
pub const BULK_REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// Schema URN of a bulk response.
pub const BULK_RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// One page of resources.
#[derive(Debug, Clone, PartialEq)]
pub struct ListResponse {
    /// How many there are in all.
    pub total_results: i64,
    /// Index of the first one here, from 1, where pages are counted.
    pub start_index: Option<i64>,
    /// Leads to the page after this one, where pages are linked and this is not the last.
    pub next_cursor: Option<String>,
    /// How many are here.
    pub items_per_page: i64,
    /// They themselves, rendered.
    pub resources: Vec<Value>,
}

impl ListResponse {
    /// The body of the response.
    ///
    /// RFC 7644 §3.4.2: "A query that does not return any matches SHALL return success (HTTP status code
    /// 200) with "totalResults" set to a value of 0."
    pub fn into_json(self) -> Map<String, Value> {
        let always = [
            ("schemas", Value::from([LIST_RESPONSE_URN].as_slice())),
            ("totalResults", Value::from(self.total_results)),
            ("itemsPerPage", Value::from(self.items_per_page)),
            ("Resources", Value::Array(self.resources)),
        ];
        let start_index = self.start_index.map(|index| ("startIndex", Value::from(index)));
        let next = self.next_cursor.map(|next| ("nextCursor", Value::from(next)));
        always
            .into_iter()
            .chain(start_index)
            .chain(next)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// Which page the client asked for (RFC 7644 §3.4.2.4, RFC 9865 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// Where the page begins.
    pub from: PageStart,
    /// Most resources on the page; 0 asks for the total only.
    pub count: i64,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// At this index, at least 1.
    Index(i64),
    /// At the beginning, in pages that are linked by cursors.
    First,
    /// Where this cursor leads.
    Cursor(String),
}

impl Paging {
    /// Reads `startIndex`, `count` and `cursor`.
    ///
    /// A `startIndex` below 1 is 1, a negative `count` is 0 (RFC 7644 §3.4.2.4), and one beyond our largest
    /// page is the largest page. With a cursor, even an empty one, pages are linked, and such a `count` is
    /// `invalidCount` (RFC 9865 §2.1).
    pub fn from_query(
        start_index: Option<&str>,
        count: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Self, Error> {
        let limits = Limits::DEFAULT;
        let start_index = whole_number("startIndex", start_index)?;
        let Some(cursor) = cursor else {
            let count = whole_number("count", count)?.unwrap_or(limits.default_page_size);
            return Ok(Self {
                from: PageStart::Index(start_index.unwrap_or(1).max(1)),
                count: count.clamp(0, limits.max_page_size),
            });
        };
        if start_index.is_some() {
            return Err(Error::invalid_value("Use either 'startIndex' or 'cursor', not both"));
        }
        let count = whole_number("count", count).map_err(|error| Error::invalid_count(error.detail))?;
        let count = count.unwrap_or(limits.default_page_size).max(0);
        if count > limits.max_page_size {
            return Err(Error::invalid_count(format!("'count' is at most {}", limits.max_page_size)));
        }
        let from = if cursor.is_empty() { PageStart::First } else { PageStart::Cursor(cursor.to_owned()) };
        Ok(Self { from, count })
    }

    /// Index of the first resource, where pages are counted.
    pub fn start_index(&self) -> Option<i64> {
        match self.from {
            PageStart::Index(index) => Some(index),
            PageStart::First | PageStart::Cursor(_) => None,
        }
    }
}

/// A whole number; one that is too large for us is the largest or least that we know.
fn whole_number(name: &str, text: Option<&str>) -> Result<Option<i64>, Error> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => match text.parse::<i64>().map_err(|error| (*error.kind(), error)) {
            Ok(number) => Ok(Some(number)),
            Err((IntErrorKind::PosOverflow, _)) => Ok(Some(i64::MAX)),
            Err((IntErrorKind::NegOverflow, _)) => Ok(Some(i64::MIN)),
            Err((_, error)) => Err(Error::invalid_value(format!("'{name}' is not a whole number: {error}"))),
        },
    }
}

/// Entity tags (RFC 7644 §3.14).
pub mod etag {
    /// The weak entity tag of a version.
    pub fn weak(version: i64) -> String {
        format!("W/\"{version}\"")
    }

    /// Does an `If-Match` or `If-None-Match` header name this version? Tags compare weakly: `W/"3"` and
    /// `"3"` are the same version, and `*` is any.
    pub fn matches_any(header: &str, version: i64) -> bool {
        let version = version.to_string();
        header.split(',').map(str::trim).any(|tag| {
            tag == "*"
                || tag
                    .trim_start_matches("W/")
                    .strip_prefix('"')
                    .and_then(|tag| tag.strip_suffix('"'))
                    .is_some_and(|tag| tag == version)
        })
    }
}

/// What the service provider knows about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// When it was created.
    pub created: DateTime<Utc>,
    /// When it last changed.
    pub last_modified: DateTime<Utc>,
    /// Counts its changes.
    pub version: i64,
    /// Its absolute URL.
    pub location: String,
}

/// The full representation of a resource.
///
/// `doc` is what the client may write, `extra` the read-only attributes the caller adds, such as `groups`
/// and `members`. `schemas` is computed from what is there, and nulls and empty values are left out:
/// RFC 7643 §2.5 makes them equal to absence.
pub fn render(
    resource_type: &ResourceType,
    id: &str,
    doc: Map<String, Value>,
    meta: Meta,
    extra: Map<String, Value>,
) -> Value {
    let mut body = doc;
    body.extend(extra);
    body.retain(|_, value| without_empty(value));
    body.insert("id".to_owned(), Value::from(id));
    // Only what an extension holds stands under a name with a colon.
    let extensions = body.keys().map(String::as_str).filter(|name| name.contains(':'));
    let schemas: Vec<&str> = std::iter::once(resource_type.schema.id.as_str()).chain(extensions).collect();
    body.insert("schemas".to_owned(), Value::from(schemas));
    let Meta { created, last_modified, version, location } = meta;
    let meta = [
        ("resourceType", resource_type.name.clone()),
        ("created", timestamp(created)),
        ("lastModified", timestamp(last_modified)),
        ("location", location),
        ("version", etag::weak(version)),
    ];
    let meta = meta.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text)));
    body.insert(META.to_owned(), Value::Object(meta.collect()));
    Value::Object(body)
}

/// A dateTime as we write it: UTC, with milliseconds.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Leaves nulls and what is empty out of a value. Returns whether anything is left.
fn without_empty(value: &mut Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => {
            items.retain_mut(without_empty);
            !items.is_empty()
        }
        Value::Object(object) => {
            object.retain(|_, value| without_empty(value));
            !object.is_empty()
        }
        _ => true,
    }
}
