//! A stream of security event tokens, as its receiver sets it up (OpenID Shared Signals Framework 1.0 §8.1). Knows the
//! stream's configuration and status; does not know how tokens get there.
//!
//! One stream for each token: who wants another asks the administrator for another receiver. Everything that a tenant's
//! people do is in it; subjects cannot be added or removed one by one (`default_subjects` is `ALL`).

use domain::audit::{Action, Audit, AuditEvent};
use domain::signal::{SecurityEvent, VERIFICATION};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::audit::Outgoing;
use store::receivers::{self, ReceiverRow, ShownStream};
use store::{WriteTx, deliveries};

use super::receivers::{AUTHORIZATION, described, offered, set_status};
use super::views::ReceiverStatus;
use crate::App;
use crate::error::AppError;

/// RFC 8935.
pub const PUSH: &str = "urn:ietf:rfc:8935";
/// RFC 8936.
pub const POLL: &str = "urn:ietf:rfc:8936";

/// A verification can be asked for this often.
const SECONDS_BETWEEN_VERIFICATIONS: i32 = 10;
const MOST_EVENTS: usize = 100;
const LONGEST_EVENT: usize = 300;
const LONGEST_DESCRIPTION: usize = 500;
const LONGEST_AUTHORIZATION: usize = 4_000;
const LONGEST_STATE: usize = 500;

/// What a receiver says of its stream. Members that are ours to say may be there, if they are as we say them.
#[derive(Debug, Default, Deserialize)]
pub struct StreamRequest {
    /// Which stream.
    pub stream_id: Option<String>,
    /// The events that it wants, by URI.
    pub events_requested: Option<Vec<String>>,
    /// How it wants them.
    pub delivery: Option<StreamDelivery>,
    /// What it says of the stream.
    pub description: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// How a receiver wants its tokens.
#[derive(Deserialize)]
pub struct StreamDelivery {
    /// [`PUSH`] or [`POLL`].
    pub method: String,
    /// Where to push to. For polling it is ours to say.
    pub endpoint_url: Option<String>,
    /// What to send as `Authorization` with each push.
    pub authorization_header: Option<String>,
}

impl std::fmt::Debug for StreamDelivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamDelivery").field("method", &self.method).finish_non_exhaustive()
    }
}

/// How much of a stream's configuration a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Only what is to be changed.
    Part,
    /// All of it: what is not there is to go.
    Whole,
}

/// A stream's status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamStatus {
    /// Which stream.
    pub stream_id: String,
    /// Whether it is sent anything.
    pub status: ReceiverStatus,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A receiver asks for a verification.
#[derive(Debug, Deserialize)]
pub struct VerifyStream {
    /// Which stream.
    pub stream_id: String,
    /// What it wants to see again.
    pub state: Option<String>,
}

fn missing() -> AppError {
    AppError::NotFound("stream")
}

impl App {
    /// Sets the stream up.
    pub async fn create_stream(&self, of: &ShownStream, new: StreamRequest) -> Result<Value, AppError> {
        let mut tx = self.begin_to_change_followers(&of.scope).await?;
        let mut row = receivers::lock(&mut tx, of.id).await?.ok_or_else(missing)?;
        if row.method.is_some() {
            return Err(AppError::Conflict("this token's stream is there already".to_owned()));
        }
        self.configure(&mut row, new, Extent::Whole)?;
        self.commit_stream(tx, row, &Value::Null).await
    }

    /// The stream's configuration; nothing if it was not set up.
    pub async fn show_stream(&self, of: &ShownStream) -> Result<Option<Value>, AppError> {
        let mut tx = self.db.read(&of.scope).await?;
        let row = receivers::find(&mut tx, of.id).await?;
        tx.finish().await?;
        Ok(row.filter(|row| row.method.is_some()).map(|row| self.stream_view(&row)))
    }

    /// Changes the stream's configuration.
    pub async fn change_stream(
        &self,
        of: &ShownStream,
        change: StreamRequest,
        extent: Extent,
    ) -> Result<Value, AppError> {
        let Some(id) = &change.stream_id else {
            return Err(AppError::Invalid("stream_id is missing".to_owned()));
        };
        let (tx, mut row) = self.lock_stream(of, id).await?;
        let before = described(&row);
        self.must_agree(&row, &change)?;
        self.configure(&mut row, change, extent)?;
        row.retry_at = self.now();
        self.commit_stream(tx, row, &before).await
    }

    /// Takes the stream down, with all that waits in it. The token can set up another.
    pub async fn delete_stream(&self, of: &ShownStream, id: &str) -> Result<(), AppError> {
        let (mut tx, mut row) = self.lock_stream(of, id).await?;
        let before = described(&row);
        (row.method, row.address, row.events, row.description) = (None, None, None, None);
        row.authorization_sealed = None;
        set_status(&mut tx, &mut row, ReceiverStatus::Enabled, None)?;
        deliveries::clear(&mut tx, of.id);
        self.commit_stream(tx, row, &before).await.map(drop)
    }

    /// The stream's status.
    pub async fn stream_status(&self, of: &ShownStream, id: &str) -> Result<StreamStatus, AppError> {
        let mut tx = self.db.read(&of.scope).await?;
        let row = receivers::find(&mut tx, of.id).await?;
        tx.finish().await?;
        let row = row.filter(|row| row.method.is_some() && row.id.to_string() == id);
        Ok(status_view(&row.ok_or_else(missing)?))
    }

    /// Sets the stream's status.
    pub async fn set_stream_status(
        &self,
        of: &ShownStream,
        set: StreamStatus,
    ) -> Result<StreamStatus, AppError> {
        let (mut tx, mut row) = self.lock_stream(of, &set.stream_id).await?;
        let before = described(&row);
        set_status(&mut tx, &mut row, set.status, set.reason.as_deref())?;
        row.retry_at = self.now();
        let status = status_view(&row);
        self.commit_stream(tx, row, &before).await?;
        Ok(status)
    }

    /// Sends a verification event with this state.
    pub async fn verify_stream(&self, of: &ShownStream, wanted: VerifyStream) -> Result<(), AppError> {
        if wanted.state.as_ref().is_some_and(|state| state.chars().count() > LONGEST_STATE) {
            return Err(AppError::Invalid(format!("state has {LONGEST_STATE} characters at most")));
        }
        let mut tx = self.db.begin(&of.scope).await?;
        let row = stream(&mut tx, of, &wanted.stream_id).await?;
        if row.status == "disabled" {
            return Err(AppError::Conflict("the stream is disabled".to_owned()));
        }
        if !receivers::ask_verification(&mut tx, of.id, SECONDS_BETWEEN_VERIFICATIONS).await? {
            return Err(AppError::Busy(format!(
                "a verification can be asked for every {SECONDS_BETWEEN_VERIFICATIONS} seconds"
            )));
        }
        let mut payload = json!({"receiver": of.id});
        if let (Some(state), Some(payload)) = (wanted.state, payload.as_object_mut()) {
            payload.insert("state".to_owned(), json!(state));
        }
        tx.announce(Outgoing { fact: VERIFICATION, subject_id: of.id.to_string(), payload });
        let event = AuditEvent::new(Action::ReceiverTest, of.id);
        self.commit(tx, Audit::of(event), self.now()).await
    }

    /// Locks the stream of this name, to change it.
    async fn lock_stream(&self, of: &ShownStream, id: &str) -> Result<(WriteTx, ReceiverRow), AppError> {
        let mut tx = self.begin_to_change_followers(&of.scope).await?;
        let row = stream(&mut tx, of, id).await?;
        Ok((tx, row))
    }

    async fn commit_stream(
        &self,
        mut tx: WriteTx,
        row: ReceiverRow,
        before: &Value,
    ) -> Result<Value, AppError> {
        receivers::update(&mut tx, &row).await?;
        let mut event = AuditEvent::new(Action::ReceiverUpdate, row.receiver_id()).after(described(&row));
        event.before = (!before.is_null()).then(|| before.clone().into());
        self.commit(tx, Audit::of(event), self.now()).await?;
        Ok(self.stream_view(&row))
    }

    /// Writes what a request says into the row.
    fn configure(&self, row: &mut ReceiverRow, new: StreamRequest, extent: Extent) -> Result<(), AppError> {
        let whole = extent == Extent::Whole;
        if new.events_requested.is_some() || whole {
            row.events = new.events_requested.as_deref().map(events).transpose()?;
        }
        if new.description.is_some() || whole {
            row.description = new.description.map(|text| text.chars().take(LONGEST_DESCRIPTION).collect());
        }
        if let Some(delivery) = new.delivery {
            self.deliver_by(row, delivery)?;
        } else if whole {
            // SSF §8.1.1.1: without a method, it is polling.
            (row.method, row.address, row.authorization_sealed) = (Some("poll".to_owned()), None, None);
        }
        Ok(())
    }

    fn deliver_by(&self, row: &mut ReceiverRow, delivery: StreamDelivery) -> Result<(), AppError> {
        match (delivery.method.as_str(), delivery.endpoint_url) {
            (POLL, address) => {
                if address.is_some_and(|address| address != self.poll_address(row)) {
                    return Err(AppError::Invalid(
                        "delivery.endpoint_url is ours to say for polling".to_owned(),
                    ));
                }
                (row.method, row.address, row.authorization_sealed) = (Some("poll".to_owned()), None, None);
            }
            (PUSH, Some(address)) => {
                row.address = Some(self.receiver_address(&address)?);
                row.method = Some("push".to_owned());
                row.authorization_sealed = match delivery.authorization_header {
                    Some(value) => Some(self.seal_authorization(&value)?),
                    None => None,
                };
            }
            (PUSH, None) => return Err(AppError::Invalid("delivery.endpoint_url is missing".to_owned())),
            _ => return Err(AppError::Invalid(format!("delivery.method is {PUSH} or {POLL}"))),
        }
        Ok(())
    }

    fn seal_authorization(&self, value: &str) -> Result<Vec<u8>, AppError> {
        let fits = !value.is_empty()
            && value.len() <= LONGEST_AUTHORIZATION
            && value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        if !fits {
            return Err(AppError::Invalid("delivery.authorization_header is no header's value".to_owned()));
        }
        self.sealer.seal(AUTHORIZATION, value.as_bytes(), &*self.entropy)
    }

    /// SSF §8.1.1.3: "Transmitter-Supplied properties besides the `stream_id` MAY be present, but they MUST match the
    /// expected value."
    fn must_agree(&self, row: &ReceiverRow, change: &StreamRequest) -> Result<(), AppError> {
        let view = self.stream_view(row);
        for name in ["iss", "aud", "events_supported", "events_delivered", "min_verification_interval"] {
            if change.rest.get(name).is_some_and(|said| Some(said) != view.get(name)) {
                return Err(AppError::Invalid(format!("{name} is not what it is")));
            }
        }
        Ok(())
    }

    /// A stream as it is told to its receiver, without what it is pushed with.
    fn stream_view(&self, row: &ReceiverRow) -> Value {
        let requested: Option<Vec<String>> =
            row.events.clone().and_then(|events| serde_json::from_value(events).ok());
        let supported: Vec<&str> = SecurityEvent::OFFERED.into_iter().map(SecurityEvent::uri).collect();
        let delivered = requested.as_deref().map_or_else(|| supported.clone(), offered);
        let delivery = match &row.address {
            Some(address) => json!({"method": PUSH, "endpoint_url": address}),
            None => json!({"method": POLL, "endpoint_url": self.poll_address(row)}),
        };
        let mut view = Map::new();
        let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
        put("stream_id", json!(row.id));
        put("iss", json!(self.issuer()));
        put("aud", json!(row.audience));
        put("events_supported", json!(supported));
        put("events_delivered", json!(delivered));
        put("delivery", delivery);
        put("min_verification_interval", json!(SECONDS_BETWEEN_VERIFICATIONS));
        if let Some(requested) = requested {
            put("events_requested", json!(requested));
        }
        if let Some(description) = &row.description {
            put("description", json!(description));
        }
        Value::Object(view)
    }

    fn poll_address(&self, row: &ReceiverRow) -> String {
        format!("{}/ssf/poll/{}", self.issuer(), row.id)
    }
}

/// The stream of this name, which must be the token's, locked.
async fn stream(tx: &mut WriteTx, of: &ShownStream, id: &str) -> Result<ReceiverRow, AppError> {
    let row = receivers::lock(tx, of.id).await?;
    row.filter(|row| row.method.is_some() && row.id.to_string() == id).ok_or_else(missing)
}

/// The events that are asked for, also those that there are not: "A Transmitter MUST ignore any array values that it does
/// not understand."
fn events(requested: &[String]) -> Result<Value, AppError> {
    if requested.len() > MOST_EVENTS || requested.iter().any(|event| event.len() > LONGEST_EVENT) {
        return Err(AppError::Invalid("events_requested is too long".to_owned()));
    }
    Ok(json!(requested))
}

fn status_view(row: &ReceiverRow) -> StreamStatus {
    StreamStatus {
        stream_id: row.id.to_string(),
        status: ReceiverStatus::of(row),
        reason: row.reason.clone(),
    }
}
