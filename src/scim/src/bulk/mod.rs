//! Bulk requests (RFC 7644 §3.7). Knows the message, the order of its operations and what their bulkIds stand for; does not
//! know how an operation is carried out.
//!
//! An operation that makes no sense is refused by itself and the others go on; a message that is none, has too many
//! operations or gives one bulkId to two of them is refused as a whole, before anything is done.

mod order;
mod parse;
mod references;

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::message::{BULK_RESPONSE_URN, etag};

pub use order::Step;
pub use references::{Deferred, Ids};

/// A bulk request, read.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkRequest {
    /// After how many errors the client wants no more to be done.
    pub fail_on_errors: Option<usize>,
    /// The operations, as they were sent.
    pub operations: Vec<Operation>,
}

/// One operation of a bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What its answer repeats.
    pub heading: Heading,
    /// What it asks for, or why it makes no sense.
    pub ask: Result<Ask, Error>,
}

/// What the answer to an operation repeats of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heading {
    /// The method, if there is one.
    pub method: Option<&'static str>,
    /// The client's name for the operation.
    pub bulk_id: Option<String>,
    /// The resource that the path names, if it names one.
    pub resource: Option<Place>,
}

/// What an operation asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// POST: a new resource.
    Create {
        /// Where, such as `Users`.
        endpoint: String,
        /// The resource.
        data: Value,
    },
    /// PUT.
    Replace(Change),
    /// PATCH.
    Patch(Change),
    /// DELETE.
    Delete {
        /// Which resource.
        place: Place,
        /// The version that it must have.
        version: Option<String>,
    },
}

/// A change of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which resource.
    pub place: Place,
    /// The version that it must have.
    pub version: Option<String>,
    /// The body of the request.
    pub data: Value,
}

/// A resource, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it is, such as `Users`.
    pub endpoint: String,
    /// Its id, or `bulkId:` and the name that another operation of the request gives it.
    pub id: String,
}

impl Ask {
    /// Where the resource is or will be, such as `Users`.
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Create { endpoint, .. } => endpoint,
            Self::Replace(Change { place, .. })
            | Self::Patch(Change { place, .. })
            | Self::Delete { place, .. } => &place.endpoint,
        }
    }

    /// The resource that must be there already.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Create { .. } => None,
            Self::Replace(change) | Self::Patch(change) => Some(&change.place),
            Self::Delete { place, .. } => Some(place),
        }
    }

    /// The body, if it has one.
    pub fn data(&self) -> Option<&Value> {
        match self {
            Self::Create { data, .. } => Some(data),
            Self::Replace(change) | Self::Patch(change) => Some(&change.data),
            Self::Delete { .. } => None,
        }
    }
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done {
        /// The status that the operation alone would have been answered with.
        status: u16,
        /// The version of the resource, if it is still there.
        version: Option<i64>,
    },
    /// It was not.
    Refused(Error),
}

impl Heading {
    /// The answer to the operation. `location` is the address of its resource, unknown after a POST that failed.
    ///
    /// RFC 7644 §3.7: "For normal completion, the server MAY elect to omit the response body."
    pub fn answer(&self, location: Option<&str>, outcome: &Outcome) -> Value {
        let mut answer = Map::new();
        let mut say = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                answer.insert(name.to_owned(), value);
            }
        };
        say("method", self.method.map(Value::from));
        say("bulkId", self.bulk_id.as_deref().map(Value::from));
        say("location", location.map(Value::from));
        match outcome {
            Outcome::Done { status, version } => {
                say("version", version.map(|version| etag::weak(version).into()));
                say("status", Some(status.to_string().into()));
            }
            Outcome::Refused(error) => {
                say("status", Some(error.status.to_string().into()));
                say("response", Some(error.to_json()));
            }
        }
        Value::Object(answer)
    }
}

/// The answer to a bulk request, of the answers to its operations.
pub fn response(operations: &[Value]) -> Value {
    json!({"schemas": [BULK_RESPONSE_URN], "Operations": operations})
}
