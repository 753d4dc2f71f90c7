//! The provisioning log, read: newest first, by person, group, refusal and time, and one request with all that is known of
//! it. Knows what the log and the audit trail hold; what was changed is read from the trail, so that there is one record of
//! it.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use domain::audit::AuditEvent;
use domain::id::{DirectoryId, RequestId};
use serde::Serialize;
use serde_json::Value;
use store::requests::{self, ChangeRow, RequestRow, Wanted};
use store::{AdminScope, Reads, directories};
use utoipa::ToSchema;
use uuid::Uuid;

use super::meaning::{by_caller, by_name};
use crate::App;
use crate::error::AppError;

/// The most changes of one request that are shown.
const MOST_CHANGES: usize = 500;
/// By how much two readings of one clock may differ.
const CLOCK_STEPS: Duration = Duration::seconds(1);

/// Which requests.
#[derive(Debug, Default)]
pub struct RequestQuery {
    /// About this person, by id or `userName`.
    pub user: Option<String>,
    /// About this group, by id or `displayName`.
    pub group: Option<String>,
    /// With this id, or with this id of the client's own.
    pub correlation: Option<String>,
    /// Refused or failed ones only.
    pub errors: bool,
    /// With this status.
    pub status: Option<i32>,
    /// With this method.
    pub method: Option<String>,
    /// Of this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Older than this one.
    pub before: Option<RequestId>,
    /// At most this many, 1 to 200.
    pub limit: i64,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// The requests, newest first.
    pub requests: Vec<RequestView>,
    /// Give this as `before` to read on; nothing if there is no more.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub next: Option<RequestId>,
}

/// A request of a directory's client, and how it was answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestView {
    /// Id, as in `X-Request-Id` and in the audit trail; sorts by time.
    pub id: Uuid,
    /// When it came.
    pub at: DateTime<Utc>,
    /// What kind of request it is.
    #[schema(example = "user.patch")]
    pub kind: String,
    /// Method.
    #[schema(example = "PATCH")]
    pub method: String,
    /// Path below `/scim/v2`, with its query; what is secret is masked.
    pub path: String,
    /// Status of the answer.
    pub status: i32,
    /// Keyword of a refusal.
    pub scim_type: Option<String>,
    /// Sentence of a refusal.
    pub detail: Option<String>,
    /// How long the answer took.
    pub microseconds: i64,
    /// Who asked.
    pub client: Client,
    /// The dialect that it was read in.
    pub dialect: Option<String>,
    /// The deviations from the RFCs that were let pass.
    #[schema(value_type = Vec<String>)]
    pub leniencies: Value,
}

/// Who asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// What it calls itself.
    pub agent: Option<String>,
    /// Where it came from.
    pub address: String,
    /// The credential that it showed, in force or not.
    pub credential: Uuid,
    /// The id that it gave the request.
    pub request_id: Option<String>,
}

/// What came with a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// `none`, `whole`, `cut` (only the beginning is kept), or `unreadable` (nothing is kept: in what cannot be read, nobody
    /// can say what is secret).
    pub state: String,
    /// How many bytes came.
    pub bytes: i32,
    /// The text, what is secret masked.
    pub text: Option<String>,
}

/// A request with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestDetails {
    /// The request.
    #[serde(flatten)]
    pub line: RequestLine,
    /// What it changed, as the audit trail has it.
    pub changes: Vec<Change>,
    /// Whether it changed more than is shown.
    pub changes_cut: bool,
}

/// A request as it is exported: what the log has of it. What it changed is in the audit trail, under its id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestLine {
    /// The request.
    #[serde(flatten)]
    pub request: RequestView,
    /// The versions that the client was content to change.
    pub if_match: Option<String>,
    /// What came with it.
    pub body: Body,
    /// What was understood of it, in the terms of the RFCs, whatever dialect it was written in.
    #[schema(value_type = Option<Vec<Object>>)]
    pub operations: Option<Value>,
}

/// A change: of a person or group, and of what followed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What was done.
    #[schema(example = "user.update")]
    pub action: String,
    /// To what kind of thing.
    pub target_kind: String,
    /// To which.
    pub target_id: String,
    /// The attributes that changed, as they were. Of members, at most 100.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The attributes that changed, as they are. Of members, at most 100.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// How many members came or went.
    pub members: Option<usize>,
}

impl From<ChangeRow> for Change {
    fn from(row: ChangeRow) -> Self {
        let ChangeRow { action, target_kind, target_id, before, after, members } = row;
        let members = members.and_then(|members| usize::try_from(members).ok());
        Self { action, target_kind, target_id, before, after, members }
    }
}

impl From<AuditEvent> for Change {
    fn from(event: AuditEvent) -> Self {
        let (mut before, mut after) = (event.before.map(unshared), event.after.map(unshared));
        let members = [&mut after, &mut before].map(first_members).into_iter().flatten().next();
        Self {
            action: event.action.name().to_owned(),
            target_kind: event.target.kind.name().to_owned(),
            target_id: event.target.id,
            before,
            after,
            members,
        }
    }
}

/// What an event says, taken out of it.
fn unshared(said: Arc<Value>) -> Value {
    Arc::unwrap_or_clone(said)
}

/// Cuts a list of members as the store does, and says how long it was.
fn first_members(document: &mut Option<Value>) -> Option<usize> {
    let members = document.as_mut()?.get_mut("members")?.as_array_mut()?;
    let many = members.len();
    members.truncate(usize::try_from(requests::MEMBERS_SHOWN).unwrap_or_default());
    Some(many)
}

/// As many changes as are shown, and whether there are more.
pub(super) fn shown<T: Into<Change>>(all: Vec<T>) -> (Vec<Change>, bool) {
    let cut = all.len() > MOST_CHANGES;
    (all.into_iter().take(MOST_CHANGES).map(T::into).collect(), cut)
}

impl From<RequestRow> for RequestView {
    fn from(row: RequestRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            kind: row.kind,
            method: row.method,
            path: row.path,
            status: row.status,
            scim_type: row.scim_type,
            detail: row.detail,
            microseconds: row.microseconds,
            client: Client {
                agent: row.agent,
                address: row.address,
                credential: row.credential_id,
                request_id: row.caller_id,
            },
            dialect: row.dialect,
            leniencies: row.leniencies,
        }
    }
}

impl From<RequestRow> for RequestLine {
    fn from(mut row: RequestRow) -> Self {
        let state = std::mem::take(&mut row.body_state);
        let body = Body { state, bytes: row.body_bytes, text: row.body.take() };
        Self { if_match: row.if_match.take(), body, operations: row.operations.take(), request: row.into() }
    }
}

/// The most of a page.
const LONGEST_PAGE: i64 = 200;

impl App {
    /// Requests of a directory, newest first. What this process has taken in is written first.
    pub async fn list_requests(
        &self,
        admin: &AdminScope,
        directory: &str,
        query: &RequestQuery,
    ) -> Result<Requests, AppError> {
        self.journal.settle().await;
        let (rows, next) = self.request_page(admin, directory, query).await?;
        Ok(Requests { requests: rows.into_iter().map(RequestView::from).collect(), next })
    }

    /// A page of an export, and where the next begins.
    pub async fn export_requests(
        &self,
        admin: &AdminScope,
        directory: &str,
        query: &RequestQuery,
    ) -> Result<(Vec<RequestLine>, Option<RequestId>), AppError> {
        if query.before.is_none() {
            self.journal.settle().await;
        }
        let (rows, next) = self.request_page(admin, directory, query).await?;
        Ok((rows.into_iter().map(RequestLine::from).collect(), next))
    }

    async fn request_page(
        &self,
        admin: &AdminScope,
        directory: &str,
        query: &RequestQuery,
    ) -> Result<(Vec<RequestRow>, Option<RequestId>), AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let id = named(&mut tx, directory).await?;
        let wanted = wanted(&mut tx, id, query).await?;
        let mut rows = requests::list(&mut tx, id, &wanted).await?;
        tx.finish().await?;
        let page = usize::try_from(query.limit.clamp(1, LONGEST_PAGE)).unwrap_or_default();
        let more = rows.len() > page;
        rows.truncate(page);
        let next = rows.last().filter(|_| more).map(|row| RequestId::from_uuid(row.id));
        Ok((rows, next))
    }

    /// One request with all that is known of it.
    pub async fn show_request(
        &self,
        admin: &AdminScope,
        directory: &str,
        id: RequestId,
    ) -> Result<RequestDetails, AppError> {
        let (row, changes) = self.request_row(admin, directory, id).await?;
        let (changes, changes_cut) = shown(changes);
        Ok(RequestDetails { line: row.into(), changes, changes_cut })
    }

    pub(super) async fn request_row(
        &self,
        admin: &AdminScope,
        directory: &str,
        id: RequestId,
    ) -> Result<(RequestRow, Vec<ChangeRow>), AppError> {
        self.journal.settle().await;
        let mut tx = self.db.read(admin.scope()).await?;
        let directory = named(&mut tx, directory).await?;
        let row = requests::get(&mut tx, directory, id).await?.ok_or(AppError::NotFound("request"))?;
        let served = (row.at - CLOCK_STEPS, row.at + Duration::microseconds(row.microseconds) + CLOCK_STEPS);
        let most = i64::try_from(MOST_CHANGES + 1).unwrap_or(i64::MAX);
        let changes = requests::changes(&mut tx, id, served, most).await?;
        tx.finish().await?;
        Ok((row, changes))
    }
}

/// The directory that a slug names.
pub(super) async fn named(tx: &mut impl Reads, slug: &str) -> Result<DirectoryId, AppError> {
    directories::by_slug(tx, slug).await?.ok_or(AppError::NotFound("directory"))
}

async fn wanted(tx: &mut impl Reads, of: DirectoryId, query: &RequestQuery) -> Result<Wanted, AppError> {
    let mut about = Vec::new();
    if let Some(user) = &query.user {
        let known = requests::person(tx, of, user.parse().map_err(|_a_name| user.as_str())).await?;
        about.push(subjects(user, known));
    }
    if let Some(group) = &query.group {
        let known = requests::group(tx, of, group.parse().map_err(|_a_name| group.as_str())).await?;
        about.push(subjects(group, known));
    }
    Ok(Wanted {
        about,
        correlation: query.correlation.as_ref().map(|id| (id.parse().ok(), by_caller(id))),
        before: query.before,
        since: query.since,
        until: query.until,
        refused: query.errors,
        status: query.status,
        method: query.method.clone(),
        limit: query.limit.clamp(1, LONGEST_PAGE) + 1,
    })
}

/// How the log knows somebody: as they were asked for, and by the id and the name that they have now.
fn subjects(asked: &str, known: Option<(Uuid, String)>) -> Vec<String> {
    let mut subjects = vec![asked.to_owned(), by_name(asked)];
    if let Some((id, key)) = known {
        subjects.extend([id.to_string(), format!("n:{key}")]);
    }
    subjects
}
