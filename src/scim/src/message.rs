//! Message envelopes: lists, pages, entity tags, rendered resources. Knows their JSON; does not know where data comes from.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

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
    /// Index of the first one here, from 1.
    pub start_index: i64,
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
    pub fn to_json(&self) -> Value {
        json!({
            "schemas": [LIST_RESPONSE_URN],
            "totalResults": self.total_results,
            "startIndex": self.start_index,
            "itemsPerPage": self.items_per_page,
            "Resources": self.resources,
        })
    }
}

/// Which page the client asked for (RFC 7644 §3.4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Index of the first resource, at least 1.
    pub start_index: i64,
    /// Most resources on the page; 0 asks for the total only.
    pub count: i64,
}

impl Paging {
    /// Reads `startIndex` and `count`.
    ///
    /// A `startIndex` below 1 is 1, a negative `count` is 0 (RFC 7644 §3.4.2.4), and one beyond our largest
    /// page is the largest page.
    pub fn from_query(start_index: Option<&str>, count: Option<&str>) -> Result<Self, Error> {
        let limits = Limits::DEFAULT;
        let start_index = whole_number("startIndex", start_index)?.unwrap_or(1).max(1);
        let count = whole_number("count", count)?.unwrap_or(limits.default_page_size);
        Ok(Self { start_index, count: count.clamp(0, limits.max_page_size) })
    }

    /// How many resources come before the page.
    pub fn offset(&self) -> i64 {
        self.start_index.saturating_sub(1).max(0)
    }
}

fn whole_number(name: &str, text: Option<&str>) -> Result<Option<i64>, Error> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(error) => Err(Error::invalid_value(format!("'{name}' is not a whole number: {error}"))),
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
    let mut body = Map::new();
    body.insert("schemas".to_owned(), Value::Null);
    body.insert("id".to_owned(), Value::from(id));
    for (name, value) in doc.into_iter().chain(extra) {
        if let Some(value) = without_empty(value) {
            body.insert(name, value);
        }
    }
    let extensions = resource_type.extensions.iter().map(|extension| extension.schema.id.as_str());
    let schemas: Vec<&str> = std::iter::once(resource_type.schema.id.as_str())
        .chain(extensions.filter(|urn| body.contains_key(*urn)))
        .collect();
    body.insert("schemas".to_owned(), Value::from(schemas));
    let Meta { created, last_modified, version, location } = meta;
    body.insert(
        META.to_owned(),
        json!({
            "resourceType": resource_type.name,
            "created": timestamp(created),
            "lastModified": timestamp(last_modified),
            "location": location,
            "version": etag::weak(version),
        }),
    );
    Value::Object(body)
}

/// A dateTime as we write it: UTC, with milliseconds.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn without_empty(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().filter_map(without_empty).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(object) => {
            let object: Map<String, Value> = object
                .into_iter()
                .filter_map(|(name, value)| without_empty(value).map(|value| (name, value)))
                .collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
        other => Some(other),
    }
}
