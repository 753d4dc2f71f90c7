//! A receiver as it is asked for and shown. Knows the words of the API; does not know secrets but those shown once.

use chrono::{DateTime, Utc};
use domain::id::ReceiverId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::receivers::ReceiverRow;
use utoipa::ToSchema;

/// What kind of receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiverKind {
    /// Facts are posted to it, signed by the Standard Webhooks scheme.
    Webhook,
    /// It sets up a stream of security event tokens for itself (OpenID Shared Signals 1.0).
    Stream,
}

impl ReceiverKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Stream => "stream",
        }
    }

    pub(super) fn of(row: &ReceiverRow) -> Self {
        if row.kind == "webhook" { Self::Webhook } else { Self::Stream }
    }
}

/// Whether a receiver is sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiverStatus {
    /// It is.
    Enabled,
    /// Not now: what there is to send waits.
    Paused,
    /// No: what there is to send is not kept for it.
    Disabled,
}

impl ReceiverStatus {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    pub(super) fn of(row: &ReceiverRow) -> Self {
        let all = [Self::Enabled, Self::Paused];
        all.into_iter().find(|status| status.as_str() == row.status).unwrap_or(Self::Disabled)
    }
}

/// A receiver to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReceiver {
    /// What kind.
    pub kind: ReceiverKind,
    /// Display name.
    #[schema(example = "The product", min_length = 1, max_length = 200)]
    pub name: String,
    /// Where a webhook is posted to. A stream says for itself where it wants its tokens.
    #[schema(example = "https://app.example/hooks/usher")]
    pub address: Option<String>,
    /// The facts that a webhook is sent, by their names; none means all. A stream asks for itself.
    #[serde(default)]
    #[schema(example = json!(["user.deactivated", "access.changed"]))]
    pub events: Vec<String>,
    /// The audience (`aud`) of a stream's tokens; without, a name made from its id.
    #[schema(example = "https://app.example")]
    pub audience: Option<String>,
}

/// What to change of a receiver. What is not given stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeReceiver {
    /// Display name.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Where a webhook is posted to.
    pub address: Option<String>,
    /// The facts that a webhook is sent, by their names; an empty list means all.
    pub events: Option<Vec<String>>,
    /// Whether it is sent anything. Disabling gives up what waits: it can be replayed.
    pub status: Option<ReceiverStatus>,
    /// Why, for the receiver of a stream and for those who read here.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}

/// How a secret or token is to be replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateReceiver {
    /// For how many hours the old one is good beside the new one; 0 ends it now.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 720, default = 24)]
    pub overlap_hours: u32,
}

fn a_day() -> u32 {
    24
}

impl Default for RotateReceiver {
    fn default() -> Self {
        Self { overlap_hours: a_day() }
    }
}

/// A receiver.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverView {
    /// Id; for a stream, its `stream_id`.
    #[schema(value_type = String, format = Uuid)]
    pub id: ReceiverId,
    /// What kind.
    pub kind: ReceiverKind,
    /// Display name.
    pub name: String,
    /// `push` or `poll`; nothing for a stream that nobody has set up yet.
    pub method: Option<String>,
    /// Where it is pushed to.
    pub address: Option<String>,
    /// The audience of a stream's tokens.
    pub audience: Option<String>,
    /// What it is sent, by name; nothing if it is sent everything.
    pub events: Option<Vec<String>>,
    /// Whether it is sent anything.
    pub status: ReceiverStatus,
    /// Why not.
    pub reason: Option<String>,
    /// Last characters of its secret or token.
    pub hint: String,
    /// Until when the secret or token before this one is good.
    pub old_until: Option<DateTime<Utc>>,
    /// Since when it cannot be reached.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl From<ReceiverRow> for ReceiverView {
    fn from(row: ReceiverRow) -> Self {
        let names = |events: Value| {
            let events = events.as_array().cloned().unwrap_or_default();
            events.into_iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        Self {
            id: row.receiver_id(),
            kind: ReceiverKind::of(&row),
            status: ReceiverStatus::of(&row),
            name: row.name,
            method: row.method,
            address: row.address,
            audience: row.audience,
            events: row.events.map(names),
            reason: row.reason,
            hint: row.hint,
            old_until: row.old_until,
            failing_since: row.failing_since,
            created_at: row.created_at,
        }
    }
}

/// A receiver, and how much waits for it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverDetails {
    /// The receiver.
    #[serde(flatten)]
    pub receiver: ReceiverView,
    /// Deliveries that wait.
    pub pending: i64,
    /// Deliveries that were given up.
    pub dead: i64,
}

/// A receiver that was just created. The secret is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedReceiver {
    /// The receiver.
    #[serde(flatten)]
    pub receiver: ReceiverView,
    /// What its deliveries are signed with (`whsec_…`), or the token of its stream.
    pub secret: String,
    /// Where the receiver of a stream reads how to go on.
    pub configuration: Option<String>,
}

impl std::fmt::Debug for CreatedReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedReceiver").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

/// A secret or token that was just replaced. The new one is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotatedReceiver {
    /// The new one.
    pub secret: String,
    /// Until when the old one is good.
    pub old_until: DateTime<Utc>,
}

impl std::fmt::Debug for RotatedReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RotatedReceiver").field("old_until", &self.old_until).finish_non_exhaustive()
    }
}
