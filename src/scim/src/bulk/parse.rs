//! From a body to a bulk request. Knows the message's shape; does not know the order of operations.

use std::collections::HashSet;

use serde_json::Value;

use super::{Ask, BulkRequest, Change, Heading, Operation, Place};
use crate::error::Error;
use crate::limits::Limits;
use crate::message::BULK_REQUEST_URN;
use crate::patch::members_named;

const METHODS: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

impl BulkRequest {
    /// Reads the body of a bulk request.
    ///
    /// RFC 7644 §3.7.4: "If either limit is exceeded, the service provider MUST return HTTP response code 413 (Payload
    /// Too Large).  The returned response MUST specify the limit exceeded in the body of the error response."
    pub fn parse(body: Value) -> Result<Self, Error> {
        let Value::Object(body) = body else {
            return Err(Error::invalid_syntax("The request body must be a JSON object"));
        };
        let [schemas, fail_on_errors, operations] =
            members_named(body, ["schemas", "failOnErrors", "Operations"], |_| true)?;
        let is_bulk =
            |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(BULK_REQUEST_URN));
        if !matches!(&schemas, Some(Value::Array(urns)) if urns.iter().any(is_bulk)) {
            return Err(Error::invalid_syntax(format!("'schemas' must contain '{BULK_REQUEST_URN}'")));
        }
        let Some(Value::Array(operations)) = operations else {
            return Err(Error::invalid_syntax("'Operations' must be an array of operations"));
        };
        let (most, sent) = (Limits::DEFAULT.max_operations, operations.len());
        if sent > most {
            return Err(Error::payload_too_large(format!(
                "The request has {sent} operations, more than maxOperations ({most})"
            )));
        }
        let operations = operations.into_iter().map(operation).collect::<Result<Vec<_>, _>>()?;
        refuse_ambiguous(&operations)?;
        Ok(Self { fail_on_errors: limit(fail_on_errors)?, operations })
    }
}

/// The errors after which nothing more is to be done. None at all cannot be asked for; that is read as the first one.
fn limit(value: Option<Value>) -> Result<Option<usize>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().map(usize::try_from) {
            Some(Ok(limit)) => Ok(Some(limit.max(1))),
            Some(Err(_)) => Ok(None),
            None => Err(Error::invalid_value("'failOnErrors' must be a positive integer")),
        },
    }
}

/// RFC 7644 §3.7: "The transient identifier of a newly created resource, unique within a bulk request and created by the
/// client."
fn refuse_ambiguous(operations: &[Operation]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    let ids = operations.iter().filter_map(|operation| operation.heading.bulk_id.as_deref());
    match ids.into_iter().find(|id| !seen.insert(*id)) {
        None => Ok(()),
        Some(id) => {
            let shown: String = id.chars().take(64).collect();
            Err(Error::invalid_value(format!("Two operations have the bulkId '{shown}'")))
        }
    }
}

fn operation(value: Value) -> Result<Operation, Error> {
    let Value::Object(object) = value else {
        return Err(Error::invalid_syntax("Each operation must be a JSON object"));
    };
    let Ok([method, bulk_id, version, path, data]) =
        members_named::<5>(object, ["method", "bulkId", "version", "path", "data"], |_| true)
    else {
        return Err(Error::invalid_syntax("An operation has a member twice"));
    };
    let mut heading = Heading::default();
    let ask = read(&mut heading, method, (bulk_id, version, path), data);
    Ok(Operation { heading, ask })
}

type Texts = (Option<Value>, Option<Value>, Option<Value>);

/// Everything that can be told of the operation goes into its heading before the first mistake ends the reading.
fn read(
    heading: &mut Heading,
    method: Option<Value>,
    (bulk_id, version, path): Texts,
    data: Option<Value>,
) -> Result<Ask, Error> {
    let bulk_id = text("bulkId", bulk_id);
    if let Ok(Some(id)) = &bulk_id {
        heading.bulk_id = Some(id.clone());
    }
    let named = text("method", method)?;
    heading.method = METHODS.into_iter().find(|known| named.as_deref() == Some(known));
    let segments = text("path", path)?;
    let segments: Vec<&str> =
        segments.as_deref().map(|path| path.trim_start_matches('/').split('/').collect()).unwrap_or_default();
    if let ([endpoint, id], true) = (segments.as_slice(), heading.method != Some("POST")) {
        heading.resource = Some(Place { endpoint: (*endpoint).to_owned(), id: (*id).to_owned() });
    }
    let Some(method) = heading.method else {
        return Err(Error::invalid_syntax("'method' must be one of POST, PUT, PATCH and DELETE"));
    };
    bulk_id?;
    let version = text("version", version)?;
    let data = data.filter(|data| !data.is_null());
    let body = || match data {
        Some(Value::Object(data)) => Ok(Value::Object(data)),
        Some(_) => Err(Error::invalid_syntax("'data' must be a JSON object")),
        None => Err(Error::invalid_syntax(format!("A {method} operation needs 'data'"))),
    };
    match (method, segments.as_slice()) {
        (_, []) => Err(Error::invalid_syntax("An operation needs a 'path'")),
        ("POST", [endpoint]) => {
            if heading.bulk_id.is_none() {
                return Err(Error::invalid_syntax("A POST operation needs a 'bulkId'"));
            }
            Ok(Ask::Create { endpoint: (*endpoint).to_owned(), data: body()? })
        }
        ("POST", [_, _]) => Err(Error::new(405, "A POST operation has the path of a resource type")),
        (_, [_]) => Err(Error::new(405, format!("A {method} operation has the path of a resource"))),
        (_, [endpoint, id]) => {
            let place = Place { endpoint: (*endpoint).to_owned(), id: (*id).to_owned() };
            match method {
                "PUT" => Ok(Ask::Replace(Change { place, version, data: body()? })),
                "PATCH" => Ok(Ask::Patch(Change { place, version, data: body()? })),
                _ => Ok(Ask::Delete { place, version }),
            }
        }
        _ => Err(Error::new(404, "There is nothing at this path")),
    }
}

/// A member that is a text with something in it; null is absence (RFC 7643 §2.5).
fn text(name: &str, value: Option<Value>) -> Result<Option<String>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(Error::invalid_syntax(format!("'{name}' must be a text"))),
    }
}
