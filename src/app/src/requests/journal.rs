//! What waits to be written into the provisioning log, and who writes it. Knows bounds and batches; does not know what is
//! asked of the log.
//!
//! An answer never waits for the log: a request is taken in under a lock that is held for a push, and written in the
//! background with what else came in that fifth of a second, in one transaction. The memory for it is bounded; what there
//! is no room for, because the database lags or is away, is left out, counted by directory (`unlogged`) and in
//! `usher_scim_log_dropped_total`. A process that is killed loses what was taken in and not yet written, a second's worth at
//! most while the database answers. That is never the only trace of a change: changes are in the audit trail, written in the
//! transaction that made them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{CredentialId, DirectoryId, TenantId};
use scim::dialect::Leniency;
use scim::schema::Types;
use serde_json::{Value, json};
use store::requests::{self, Batch, NewRequest, RequestRow};
use store::traffic::TrafficRow;
use store::{Conflict, Db, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::meaning::{self, About};
use super::secrets::Masker;
use super::{Exchange, Origin};
use crate::error::AppError;

/// How long requests are gathered before they are written together.
const GATHERED_FOR: Duration = Duration::from_millis(200);
/// How long the writer waits for a database that is away before it tries again.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long somebody who wants to read the log waits for it to be written.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most requests that wait.
const MOST_WAITING: usize = 10_000;
/// The most bytes of bodies that wait.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The most requests that are written together.
const MOST_AT_ONCE: usize = 1_000;
/// So many bytes of bodies, or one body that is larger, are written without gathering more.
const MUCH: usize = 1024 * 1024;
/// The most of a body, and of what was understood of it, that is kept.
const LONGEST_KEPT: usize = 64 * 1024;
/// The most of any other text.
const LONGEST_TEXT: usize = 2_000;
/// Requests are counted by pieces of time of this length.
const COUNTED_BY: i64 = 5 * 60;

/// The way into the log.
pub(crate) struct Journal(Arc<Shared>);

struct Shared {
    db: Db,
    runtime: Handle,
    keep_days: i32,
    state: Mutex<State>,
    /// How many were written, or given up, of those that were taken in.
    written: watch::Sender<u64>,
    /// Somebody wants to read now.
    hurry: Notify,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Exchange>,
    bytes: usize,
    counted: Counted,
    taken_in: u64,
    /// Whether somebody writes.
    writing: bool,
}

impl State {
    /// Whether there is enough to write at once.
    fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_AT_ONCE || self.bytes >= MUCH
    }

    /// What is written together: the first of those that wait.
    fn next(&mut self) -> Vec<Exchange> {
        let mut bytes = 0_usize;
        let mut next = Vec::new();
        while next.len() < MOST_AT_ONCE && bytes < MUCH {
            let Some(exchange) = self.waiting.pop_front() else { break };
            bytes = bytes.saturating_add(exchange.body.len());
            next.push(exchange);
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        next
    }
}

/// How the log keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalState {
    /// How many requests wait to be written.
    pub waiting: usize,
    /// When the longest waiting came.
    pub waiting_since: Option<DateTime<Utc>>,
    /// How many this process left out.
    pub dropped: u64,
}

impl Journal {
    pub(crate) fn new(db: Db, runtime: Handle, keep_days: i32) -> Self {
        let (written, _) = watch::channel(0);
        let (state, hurry, dropped) = (Mutex::default(), Notify::new(), AtomicU64::new(0));
        Self(Arc::new(Shared { db, runtime, keep_days, state, written, hurry, dropped }))
    }

    pub(super) fn take_in(&self, exchange: Exchange) {
        let mut state = self.0.state();
        let room = state.waiting.len() < MOST_WAITING
            && state.bytes.saturating_add(exchange.body.len()) <= MOST_BYTES;
        if let Origin::Directory { tenant, directory, .. } = exchange.origin {
            state.counted.count(tenant, directory, &exchange, room);
        }
        if room {
            state.bytes = state.bytes.saturating_add(exchange.body.len());
            state.taken_in = state.taken_in.saturating_add(1);
            state.waiting.push_back(exchange);
            if state.is_full() {
                self.0.hurry.notify_one();
            }
        } else {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if !std::mem::replace(&mut state.writing, true) {
            self.0.runtime.spawn(write(Arc::clone(&self.0)));
        }
    }

    pub(super) fn state(&self) -> JournalState {
        let state = self.0.state();
        JournalState {
            waiting: state.waiting.len(),
            waiting_since: state.waiting.front().map(|exchange| exchange.at),
            dropped: self.0.dropped.load(Ordering::Relaxed),
        }
    }

    /// Waits until all that was taken in before is written.
    pub(super) async fn settle(&self) {
        let taken_in = self.0.state().taken_in;
        let mut written = self.0.written.subscribe();
        self.0.hurry.notify_one();
        // Who waits in vain sees the log as far as it is written.
        tokio::time::timeout(PATIENCE, written.wait_for(|written| *written >= taken_in)).await.ok();
    }

    pub(super) async fn arrange(&self) -> Result<(), AppError> {
        Ok(self.0.arrange().await?)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn arrange(&self) -> Result<(), StoreError> {
        let dropped = requests::arrange(&self.db, self.keep_days).await?;
        if dropped > 0 {
            tracing::info!(
                tables = dropped,
                "Dropped days of the provisioning log that were kept long enough"
            );
        }
        Ok(())
    }

    /// What is to be written now; nothing if nothing waits, and then the caller writes no longer.
    fn next(&self) -> Option<(Vec<Exchange>, Counted)> {
        let mut state = self.state();
        if state.waiting.is_empty() && state.counted.is_empty() {
            state.writing = false;
            return None;
        }
        Some((state.next(), std::mem::take(&mut state.counted)))
    }

    /// Writes, however long the database is away. What the database will not have is left out.
    async fn keep(&self, batches: &BTreeMap<TenantId, Batch>) {
        let mut arranged = false;
        loop {
            match requests::keep(&self.db, batches).await {
                Ok(()) => return,
                Err(StoreError::Unavailable(_) | StoreError::GaveWay) => {
                    tokio::time::sleep(TRIED_AGAIN_AFTER).await;
                }
                // The table of the day is not there.
                Err(StoreError::Conflict(Conflict::OutOfBounds)) if !arranged => {
                    arranged = true;
                    if let Err(error) = self.arrange().await {
                        tracing::warn!(%error, "Cannot arrange the provisioning log");
                    }
                }
                Err(error) => {
                    let pieces = pieces(batches);
                    if pieces.len() <= 1 {
                        tracing::error!(%error, "Left a request out of the provisioning log");
                        self.dropped.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    // One that the database will not have takes no other with it.
                    for piece in pieces {
                        Box::pin(self.keep(&piece)).await;
                    }
                    return;
                }
            }
        }
    }
}

/// Each request by itself, and the counts of each tenant.
fn pieces(batches: &BTreeMap<TenantId, Batch>) -> Vec<BTreeMap<TenantId, Batch>> {
    let mut pieces = Vec::new();
    for (tenant, batch) in batches {
        let mut piece = |requests, traffic| {
            pieces.push(BTreeMap::from([(*tenant, Batch { requests, traffic })]));
        };
        batch.requests.iter().for_each(|new| piece(vec![new.clone()], Vec::new()));
        if !batch.traffic.is_empty() {
            piece(Vec::new(), batch.traffic.clone());
        }
    }
    pieces
}

/// Writes until nothing waits any more.
async fn write(shared: Arc<Shared>) {
    loop {
        if !shared.state().is_full() {
            tokio::select! {
                () = tokio::time::sleep(GATHERED_FOR) => {}
                () = shared.hurry.notified() => {}
            }
        }
        let Some((exchanges, mut counted)) = shared.next() else { return };
        let many = u64::try_from(exchanges.len()).unwrap_or(u64::MAX);
        let mut batches: BTreeMap<TenantId, Batch> = BTreeMap::new();
        for exchange in exchanges {
            let Some((tenant, directory, credential)) = whose(&shared.db, &exchange).await else { continue };
            if matches!(exchange.origin, Origin::Token(_)) {
                counted.count(tenant, directory, &exchange, true);
            }
            let new = kept(exchange, directory, credential);
            batches.entry(tenant).or_default().requests.push(new);
            tokio::task::yield_now().await;
        }
        for (tenant, traffic) in counted.0 {
            batches.entry(tenant).or_default().traffic = traffic.into_values().collect();
        }
        if !batches.is_empty() {
            shared.keep(&batches).await;
        }
        shared.written.send_modify(|written| *written = written.saturating_add(many));
    }
}

/// Whose request it is. Nobody's is not kept.
async fn whose(db: &Db, exchange: &Exchange) -> Option<(TenantId, DirectoryId, CredentialId)> {
    match &exchange.origin {
        Origin::Directory { tenant, directory, credential } => Some((*tenant, *directory, *credential)),
        Origin::Token(token) => {
            let tenant = token.tenant()?;
            // A database that is away has it left out.
            let (directory, credential) = requests::whose(db, tenant, token.hash()).await.ok()??;
            Some((tenant, directory, credential))
        }
    }
}

/// What is kept of a request.
fn kept(exchange: Exchange, directory: DirectoryId, credential: CredentialId) -> NewRequest {
    let general = Types::general();
    let types = exchange.types.as_ref().map_or(&general, |types| types.types());
    let mut masker = Masker::new(types);
    let dialect = meaning::dialect(exchange.dialect);
    let parsed = scim::json::parse(&exchange.body, &LIMITS).ok().map(|body| masker.body(body));
    let path = masker.path(&exchange.path);
    let (body, body_state) = match (&parsed, exchange.body.is_empty()) {
        (_, true) => (None, "none"),
        // Of what cannot be read, nobody can say what is secret in it.
        (None, _) => (None, "unreadable"),
        (Some(body), _) => {
            let text = body.to_string();
            if text.len() > LONGEST_KEPT {
                (Some(cut(&text, LONGEST_KEPT)), "cut")
            } else {
                (Some(text), "whole")
            }
        }
    };
    // The document itself is used up by understanding it: of a large one there is no room for two.
    let head = parsed.as_ref().map(meaning::head);
    let operations = meaning::operations(types, &exchange.method, &path, (parsed, head.as_ref()), &dialect);
    let about = About {
        path: &path,
        head: head.as_ref(),
        operations: operations.as_deref(),
        created: exchange.created.as_deref(),
        caller: exchange.caller_id.as_deref(),
    };
    let subjects = about.subjects(types, &dialect);
    let operations = operations.map(Value::from).filter(|told| told.to_string().len() <= LONGEST_KEPT);
    let sentence = |text: String| cut(&masker.sentence(&text), LONGEST_TEXT);
    let row = RequestRow {
        id: exchange.id.as_uuid(),
        directory_id: directory.as_uuid(),
        at: exchange.at,
        credential_id: credential.as_uuid(),
        caller_id: exchange.caller_id,
        agent: exchange.agent.map(sentence),
        address: exchange.address,
        kind: meaning::kind(&exchange.method, &exchange.path).to_owned(),
        method: cut(&exchange.method, LONGEST_TEXT),
        path: cut(&path, LONGEST_KEPT),
        dialect: exchange.dialect.map(str::to_owned),
        leniencies: json!(exchange.used.iter().map(Leniency::as_str).collect::<Vec<_>>()),
        if_match: exchange.if_match.map(sentence),
        body,
        body_state: body_state.to_owned(),
        body_bytes: i32::try_from(exchange.body.len()).unwrap_or(i32::MAX),
        operations,
        status: i32::from(exchange.status),
        scim_type: exchange.scim_type.map(str::to_owned),
        detail: exchange.detail.map(sentence),
        microseconds: i64::try_from(exchange.took.as_micros()).unwrap_or(i64::MAX),
    };
    NewRequest { row, subjects }
}

/// The door has held the body to its own limits already.
const LIMITS: scim::Limits = scim::Limits { max_payload_size: usize::MAX, ..scim::Limits::DEFAULT };

/// The beginning of a text, of at most so many bytes.
fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

type Slot = (DirectoryId, DateTime<Utc>, &'static str);

/// Counts that are not written yet.
#[derive(Default)]
struct Counted(BTreeMap<TenantId, BTreeMap<Slot, TrafficRow>>);

impl Counted {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn count(&mut self, tenant: TenantId, directory: DirectoryId, exchange: &Exchange, logged: bool) {
        let kind = meaning::kind(&exchange.method, &exchange.path);
        let second = exchange.at.timestamp();
        let since =
            DateTime::from_timestamp(second - second.rem_euclid(COUNTED_BY), 0).unwrap_or(exchange.at);
        let row =
            self.0.entry(tenant).or_default().entry((directory, since, kind)).or_insert_with(|| TrafficRow {
                directory_id: directory.as_uuid(),
                since,
                kind: kind.to_owned(),
                requests: 0,
                refused: 0,
                failed: 0,
                unlogged: 0,
                last_at: exchange.at,
                last_done_at: None,
                clock_ahead_ms: None,
            });
        let one = |yes: bool| i64::from(yes);
        row.requests += 1;
        row.refused += one((400..500).contains(&exchange.status));
        row.failed += one(exchange.status >= 500);
        row.unlogged += one(!logged);
        row.last_at = row.last_at.max(exchange.at);
        if exchange.status < 400 {
            row.last_done_at = row.last_done_at.max(Some(exchange.at));
        }
        if let Some(theirs) = exchange.client_time {
            row.clock_ahead_ms = Some((theirs - exchange.at).num_milliseconds());
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::clock::CountingEntropy;
    use domain::id::RequestId;
    use scim::dialect::Leniencies;

    use super::*;

    fn exchange(body: &[u8]) -> Exchange {
        let at = DateTime::from_timestamp(1_700_000_123, 0).unwrap();
        let entropy = CountingEntropy::new();
        Exchange {
            id: RequestId::generate(at, &entropy),
            at,
            origin: Origin::Directory {
                tenant: TenantId::generate(at, &entropy),
                directory: DirectoryId::generate(at, &entropy),
                credential: CredentialId::generate(at, &entropy),
            },
            caller_id: None,
            agent: Some("Okta SCIM Client 1.0.0".to_owned()),
            address: "192.0.2.1".to_owned(),
            client_time: None,
            method: "POST".to_owned(),
            path: "/Users".to_owned(),
            if_match: None,
            dialect: Some("okta"),
            used: Leniencies::NONE,
            types: None,
            body: body.to_vec(),
            status: 400,
            scim_type: Some("invalidValue"),
            detail: None,
            created: None,
            took: Duration::from_millis(2),
        }
    }

    fn row(exchange: Exchange) -> RequestRow {
        let id = CredentialId::from_uuid(uuid::Uuid::nil());
        kept(exchange, DirectoryId::from_uuid(uuid::Uuid::nil()), id).row
    }

    /// A journal whose database is away.
    fn cut_off() -> Journal {
        let handle = Handle::current();
        let options = store::DbOptions {
            url: "postgres://nobody@127.0.0.1:1/none".to_owned(),
            pool_size: 1,
            wait: Duration::from_millis(10),
            patience: Duration::from_millis(10),
        };
        Journal::new(Db::open(&options, &handle).unwrap(), handle, 30)
    }

    #[test]
    fn a_body_is_kept_whole_cut_or_not_at_all() {
        let whole = row(exchange(br#"{"userName":"a"}"#));
        assert_eq!(
            (whole.body.as_deref(), whole.body_state.as_str()),
            (Some(r#"{"userName":"a"}"#), "whole")
        );

        let long = format!(r#"{{"userName":"{}"}}"#, "é".repeat(LONGEST_KEPT));
        let long = row(exchange(long.as_bytes()));
        assert_eq!(long.body_state, "cut");
        assert!((LONGEST_KEPT - 1..=LONGEST_KEPT).contains(&long.body.unwrap().len()));

        let broken = row(exchange(br#"{"password": "hunter2""#));
        assert_eq!((broken.body, broken.body_state.as_str(), broken.body_bytes), (None, "unreadable", 22));
        assert_eq!(row(exchange(b"")).body_state, "none");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_is_away_costs_bounded_memory_and_every_loss_is_counted() {
        let journal = cut_off();
        let body = vec![b' '; 1024];

        for _ in 0..MOST_WAITING {
            journal.take_in(exchange(&body));
        }

        let state = journal.state();
        let most = MOST_BYTES / body.len();
        assert!(state.waiting <= most, "{state:?}");
        let left_out = u64::try_from(MOST_WAITING - most).unwrap();
        // The writer may have taken some out meanwhile, which made room.
        assert!(state.dropped <= left_out && state.dropped + 2_000 >= left_out, "{state:?}");
        assert!(state.waiting_since.is_some());
    }

    #[test]
    fn large_bodies_are_written_without_gathering_more() {
        let mut state = State::default();
        assert!(!state.is_full());
        for _ in 0..3 {
            state.bytes += MUCH - 1;
            state.waiting.push_back(exchange(&vec![b' '; MUCH - 1]));
        }

        assert!(state.is_full());
        assert_eq!((state.next().len(), state.bytes), (2, MUCH - 1));
        assert!(!state.is_full());
        assert_eq!((state.next().len(), state.bytes, state.next().len()), (1, 0, 0));
    }

    #[test]
    fn requests_are_counted_by_five_minutes_and_kind() {
        let mut counted = Counted::default();
        let first = exchange(b"");
        let Origin::Directory { tenant, directory, .. } = first.origin else { unreachable!() };
        let later = Exchange {
            at: first.at + chrono::Duration::seconds(5),
            client_time: Some(first.at + chrono::Duration::seconds(65)),
            status: 201,
            ..exchange(b"")
        };

        counted.count(tenant, directory, &first, true);
        counted.count(tenant, directory, &later, false);

        let rows: Vec<TrafficRow> = counted.0.into_values().flat_map(BTreeMap::into_values).collect();
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.requests, row.refused, row.failed, row.unlogged), (2, 1, 0, 1));
        assert_eq!((row.since.timestamp(), row.clock_ahead_ms), (1_700_000_100, Some(60_000)));
        assert_eq!((row.last_at, row.last_done_at), (later.at, Some(later.at)));
    }
}
