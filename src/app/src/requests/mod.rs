//! The provisioning log: every request of a directory, kept behind its answer, read by administrators, and tried again
//! without consequences. Knows what of a request is kept; does not know HTTP or SQL.
//!
//! | file | what |
//! |---|---|
//! | `journal` | what waits to be written, in bounded memory, and who writes it |
//! | `secrets` | what of a request nobody may keep |
//! | `meaning` | what kind of request it is, whom it is about, and what the engine understood |
//! | `read` | the log, read |
//! | `health` | how a directory's client fares |
//! | `rehearse` | a request tried without consequences |

mod health;
mod journal;
mod meaning;
mod read;
mod rehearse;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{CredentialId, DirectoryId, RequestId, TenantId};
use domain::token::PlainToken;
use scim::dialect::Leniencies;
use store::DirectoryScope;

pub use health::{CredentialHealth, DirectoryHealth, KindTraffic, LogHealth, Traffic, Warning};
pub(crate) use journal::Journal;
pub use journal::JournalState;
pub use read::{Body, Change, Client, RequestDetails, RequestLine, RequestQuery, RequestView, Requests};
pub use rehearse::{Attempt, DryRun, Effects, Verdict};

use crate::App;
use crate::error::AppError;
use crate::provision::TenantTypes;

/// A request of a provisioning client and its answer, as the door saw them.
#[derive(Debug)]
pub struct Exchange {
    /// The id of the request, as the answer and the audit trail have it.
    pub id: RequestId,
    /// When it came.
    pub at: DateTime<Utc>,
    /// Whose it is.
    pub origin: Origin,
    /// The id that the client gave it.
    pub caller_id: Option<String>,
    /// What the client calls itself.
    pub agent: Option<String>,
    /// Where it came from.
    pub address: String,
    /// What time the client had.
    pub client_time: Option<DateTime<Utc>>,
    /// The method.
    pub method: String,
    /// The path below `/scim/v2`, with its query.
    pub path: String,
    /// The versions that the client was content to change.
    pub if_match: Option<String>,
    /// The name of the dialect that it was read in, if it came to that.
    pub dialect: Option<&'static str>,
    /// What reading it took.
    pub used: Leniencies,
    /// What its tenant has, if it came to that.
    pub types: Option<Arc<TenantTypes>>,
    /// The body, if one was read.
    pub body: Vec<u8>,
    /// Status of the answer.
    pub status: u16,
    /// Keyword of a refusal.
    pub scim_type: Option<&'static str>,
    /// Sentence of a refusal.
    pub detail: Option<String>,
    /// The id of what was created.
    pub created: Option<String>,
    /// How long the answer took.
    pub took: Duration,
}

/// Whose request it is.
#[derive(Debug)]
pub enum Origin {
    /// A directory that showed a good credential.
    Directory {
        /// Of this tenant.
        tenant: TenantId,
        /// This one.
        directory: DirectoryId,
        /// The credential.
        credential: CredentialId,
    },
    /// Somebody with a token that opened nothing, or where nothing had to be opened. The log finds out whose it is or was.
    Token(PlainToken),
}

impl Origin {
    /// A directory that showed a good credential.
    pub fn of(directory: &DirectoryScope) -> Option<Self> {
        Some(Self::Directory {
            tenant: directory.scope().tenant(),
            directory: directory.directory(),
            credential: directory.credential()?,
        })
    }
}

impl App {
    /// Takes a request into the log. Nobody waits: it is written in the background, soon, with others. What there is no
    /// room for is left out, and counted.
    pub fn record(&self, exchange: Exchange) {
        self.journal.take_in(exchange);
    }

    /// How the log keeps up.
    pub fn journal_state(&self) -> JournalState {
        self.journal.state()
    }

    /// Writes what waits for the log, before the process ends or before it is read. Does not wait long for a database
    /// that is away.
    pub async fn keep_requests(&self) {
        self.journal.settle().await;
    }

    /// Makes the days of the log that are needed next and drops those that were kept long enough.
    pub async fn arrange_requests(&self) -> Result<(), AppError> {
        self.journal.arrange().await
    }
}
