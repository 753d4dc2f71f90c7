//! The provisioning log: what directories asked and what they were answered. Knows how it is written in batches, cut into
//! days and found again; does not know what is secret in a request.

use chrono::{DateTime, Duration, Utc};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{Array, BigInt, Bytea, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::id::{CredentialId, DirectoryId, GroupId, RequestId, TenantId, UserId};
use domain::token::TokenHash;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::statement::{Shape, Statement, bound, statement};
use crate::traffic::{self, TrafficRow};
use crate::tx::{BEGIN, Reads, in_tenant};

/// A request as it is kept.
#[derive(Debug, Clone, QueryableByName)]
pub struct RequestRow {
    /// Id: the request's own, as in the audit trail and in `X-Request-Id`.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// To which directory.
    #[diesel(sql_type = SqlUuid)]
    pub directory_id: Uuid,
    /// When it came.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// The credential that it showed.
    #[diesel(sql_type = SqlUuid)]
    pub credential_id: Uuid,
    /// The id that the client gave it.
    #[diesel(sql_type = Nullable<Text>)]
    pub caller_id: Option<String>,
    /// What the client calls itself.
    #[diesel(sql_type = Nullable<Text>)]
    pub agent: Option<String>,
    /// Where it came from.
    #[diesel(sql_type = Text)]
    pub address: String,
    /// Method.
    #[diesel(sql_type = Text)]
    pub method: String,
    /// Path below `/scim/v2`, with its query.
    #[diesel(sql_type = Text)]
    pub path: String,
    /// What kind of request that is.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The dialect that it was read in.
    #[diesel(sql_type = Nullable<Text>)]
    pub dialect: Option<String>,
    /// The names of the leniencies that it needed.
    #[diesel(sql_type = Jsonb)]
    pub leniencies: Value,
    /// The version that the client was content to change.
    #[diesel(sql_type = Nullable<Text>)]
    pub if_match: Option<String>,
    /// The body without its secrets.
    #[diesel(sql_type = Nullable<Text>)]
    pub body: Option<String>,
    /// `none`, `whole`, `cut` or `unreadable`.
    #[diesel(sql_type = Text)]
    pub body_state: String,
    /// How many bytes came.
    #[diesel(sql_type = Integer)]
    pub body_bytes: i32,
    /// What the engine understood.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub operations: Option<Value>,
    /// Status of the answer.
    #[diesel(sql_type = Integer)]
    pub status: i32,
    /// Keyword of a refusal.
    #[diesel(sql_type = Nullable<Text>)]
    pub scim_type: Option<String>,
    /// Sentence of a refusal.
    #[diesel(sql_type = Nullable<Text>)]
    pub detail: Option<String>,
    /// How long the answer took.
    #[diesel(sql_type = BigInt)]
    pub microseconds: i64,
}

/// A request, and whom or what it was about.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The request.
    pub row: RequestRow,
    /// Its subjects.
    pub subjects: Vec<String>,
}

/// What is to be written of one tenant.
#[derive(Debug, Default)]
pub struct Batch {
    /// Requests.
    pub requests: Vec<NewRequest>,
    /// Counts.
    pub traffic: Vec<TrafficRow>,
}

const INSERT: &str = "\
INSERT INTO scim_request (tenant_id, directory_id, id, at, credential_id, caller_id, agent, address, method, path, kind, \
    dialect, leniencies, if_match, body, body_state, body_bytes, operations, status, scim_type, detail, microseconds) \
SELECT {}, r.* FROM unnest({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}) AS r \
ON CONFLICT DO NOTHING";

fn insert(tenant: TenantId, rows: &[NewRequest]) -> Statement<'static> {
    macro_rules! column {
        ($field:ident) => {
            rows.iter().map(|new| new.row.$field.clone()).collect::<Vec<_>>()
        };
    }
    statement(INSERT)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(column!(directory_id))
        .bind::<Array<SqlUuid>, _>(column!(id))
        .bind::<Array<Timestamptz>, _>(column!(at))
        .bind::<Array<SqlUuid>, _>(column!(credential_id))
        .bind::<Array<Nullable<Text>>, _>(column!(caller_id))
        .bind::<Array<Nullable<Text>>, _>(column!(agent))
        .bind::<Array<Text>, _>(column!(address))
        .bind::<Array<Text>, _>(column!(method))
        .bind::<Array<Text>, _>(column!(path))
        .bind::<Array<Text>, _>(column!(kind))
        .bind::<Array<Nullable<Text>>, _>(column!(dialect))
        .bind::<Array<Jsonb>, _>(column!(leniencies))
        .bind::<Array<Nullable<Text>>, _>(column!(if_match))
        .bind::<Array<Nullable<Text>>, _>(column!(body))
        .bind::<Array<Text>, _>(column!(body_state))
        .bind::<Array<Integer>, _>(column!(body_bytes))
        .bind::<Array<Nullable<Jsonb>>, _>(column!(operations))
        .bind::<Array<Integer>, _>(column!(status))
        .bind::<Array<Nullable<Text>>, _>(column!(scim_type))
        .bind::<Array<Nullable<Text>>, _>(column!(detail))
        .bind::<Array<BigInt>, _>(column!(microseconds))
}

const INSERT_SUBJECTS: &str = "\
INSERT INTO scim_request_subject (tenant_id, directory_id, subject, id) \
SELECT {}, s.* FROM unnest({}, {}, {}) AS s ON CONFLICT DO NOTHING";

fn insert_subjects(tenant: TenantId, rows: &[NewRequest]) -> Statement<'static> {
    let (mut directories, mut subjects, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for new in rows {
        for subject in &new.subjects {
            directories.push(new.row.directory_id);
            subjects.push(subject.clone());
            ids.push(new.row.id);
        }
    }
    statement(INSERT_SUBJECTS)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<SqlUuid>, _>(directories)
        .bind::<Array<Text>, _>(subjects)
        .bind::<Array<SqlUuid>, _>(ids)
}

/// Writes what several tenants are to have, in one transaction and one flight, each tenant's behind its own barrier.
///
/// The disk is not waited for: the log is written behind the answers anyway, and this way a crash takes at most a second
/// of it with it. Whatever the requests changed was on disk before they were answered.
pub async fn keep(db: &Db, batches: &std::collections::BTreeMap<TenantId, Batch>) -> Result<(), StoreError> {
    let hurried = statement("SELECT set_config('synchronous_commit', 'off', true)");
    let mut link = db.link(vec![statement(BEGIN), hurried], None).await?;
    for (tenant, batch) in batches {
        link.later(in_tenant(*tenant));
        if !batch.requests.is_empty() {
            link.later(insert(*tenant, &batch.requests));
            link.later(insert_subjects(*tenant, &batch.requests));
        }
        if !batch.traffic.is_empty() {
            link.later(traffic::add(*tenant, &batch.traffic));
        }
    }
    link.close("COMMIT").await
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    count: i32,
}

/// Makes the days of the log that are needed next, drops those that were kept for `keep_days`, and returns how many
/// tables went. Nothing else may be dropped: the database's owner lends the running role this one function.
pub async fn arrange(db: &Db, keep_days: i32) -> Result<i32, StoreError> {
    let mut link = db.link(vec![statement(BEGIN)], None).await?;
    let ask = statement("SELECT arrange_scim_requests({}) AS count").bind::<Integer, _>(keep_days);
    let dropped = link.load::<Count>(ask).await?;
    link.close("COMMIT").await?;
    Ok(dropped.first().map_or(0, |row| row.count))
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = SqlUuid)]
    directory_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Whose token this is or was, in force or not: for the log of what was refused.
pub async fn whose(
    db: &Db,
    tenant: TenantId,
    hash: TokenHash,
) -> Result<Option<(DirectoryId, CredentialId)>, StoreError> {
    let ask = statement(
        "SELECT directory_id, id FROM credential WHERE tenant_id = {} AND token_hash = {} AND directory_id IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Bytea, _>(hash.as_bytes().to_vec());
    let found: Vec<Owner> = db.at_once(tenant, None, ask).await?;
    let ids = |row: &Owner| (DirectoryId::from_uuid(row.directory_id), CredentialId::from_uuid(row.id));
    Ok(found.first().map(ids))
}

/// Which requests of a directory are wanted. Whatever is left out does not matter.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    /// About one of each of these.
    pub about: Vec<Vec<String>>,
    /// With this id, or about this.
    pub correlation: Option<(Option<RequestId>, String)>,
    /// Older than this one.
    pub before: Option<RequestId>,
    /// Of this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Refused or failed ones only.
    pub refused: bool,
    /// With this status.
    pub status: Option<i32>,
    /// With this method.
    pub method: Option<String>,
    /// The most.
    pub limit: i64,
}

const COLUMNS: &str = "id, directory_id, at, credential_id, caller_id, agent, address, method, path, kind, dialect, \
    leniencies, if_match, body, body_state, body_bytes, operations, status, scim_type, detail, microseconds";

/// Text and parameters of a question that is composed.
struct Question {
    text: String,
    binds: Vec<Box<dyn QueryFragment<Pg> + Send + Sync>>,
}

macro_rules! ask {
    ($question:ident, $text:literal, $($type:ty => $value:expr),+) => {{
        $question.text.push_str($text);
        $($question.binds.push(bound::<$type, _>($value));)+
    }};
}

/// The requests that are wanted, newest first.
pub async fn list(
    tx: &mut impl Reads,
    directory: DirectoryId,
    wanted: &Wanted,
) -> Result<Vec<RequestRow>, StoreError> {
    let (tenant, of) = (tx.tenant().as_uuid(), directory.as_uuid());
    let mut question =
        Question { text: format!("SELECT {COLUMNS} FROM scim_request WHERE "), binds: Vec::new() };
    ask!(question, "tenant_id = {} AND directory_id = {}", SqlUuid => tenant, SqlUuid => of);
    for about in &wanted.about {
        ask!(question,
            " AND id IN (SELECT s.id FROM scim_request_subject s WHERE s.tenant_id = {} AND s.directory_id = {} \
             AND s.subject = ANY({}))",
            SqlUuid => tenant, SqlUuid => of, Array<Text> => about.clone());
    }
    if let Some((id, subject)) = &wanted.correlation {
        ask!(question,
            " AND (id = {} OR id IN (SELECT s.id FROM scim_request_subject s WHERE s.tenant_id = {} \
             AND s.directory_id = {} AND s.subject = {}))",
            Nullable<SqlUuid> => id.map(RequestId::as_uuid), SqlUuid => tenant, SqlUuid => of, Text => subject.clone());
    }
    if let Some(before) = wanted.before {
        ask!(question, " AND id < {}", SqlUuid => before.as_uuid());
    }
    if let Some(since) = wanted.since {
        let first = first_id_at(since - ID_IS_OLDER);
        ask!(question, " AND id >= {} AND at >= {}", SqlUuid => first, Timestamptz => since);
    }
    if let Some(until) = wanted.until {
        let last = first_id_at(until + ID_IS_OLDER);
        ask!(question, " AND id < {} AND at < {}", SqlUuid => last, Timestamptz => until);
    }
    if wanted.refused {
        question.text.push_str(" AND status >= 400"); // as the index has it
    }
    if let Some(status) = wanted.status {
        ask!(question, " AND status = {}", Integer => status);
    }
    if let Some(method) = &wanted.method {
        ask!(question, " AND method = {}", Text => method.clone());
    }
    ask!(question, " ORDER BY id DESC LIMIT {}", BigInt => wanted.limit);
    let statement = Statement::composed(question.text, question.binds, Shape::Any);
    tx.connection().0.load(statement).await
}

/// One request.
pub async fn get(
    tx: &mut impl Reads,
    directory: DirectoryId,
    id: RequestId,
) -> Result<Option<RequestRow>, StoreError> {
    let ask = statement("SELECT ")
        .then(COLUMNS)
        .then(" FROM scim_request WHERE tenant_id = {} AND directory_id = {} AND id = {}")
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<SqlUuid, _>(id.as_uuid());
    Ok(tx.connection().0.load(ask).await?.pop())
}

/// A request gets its id a moment before the log notes its time: the id leads to the days, the time decides.
const ID_IS_OLDER: Duration = Duration::seconds(1);

/// The least id of a moment: ids begin with their milliseconds.
fn first_id_at(moment: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(moment.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// A change that a request made, as the audit trail has it. Of lists of members only the first are read.
#[derive(Debug, Clone, QueryableByName)]
pub struct ChangeRow {
    /// What was done.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// To what kind of thing.
    #[diesel(sql_type = Text)]
    pub target_kind: String,
    /// To which.
    #[diesel(sql_type = Text)]
    pub target_id: String,
    /// What it was before.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub before: Option<Value>,
    /// What it is after.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub after: Option<Value>,
    /// How many members the change is about.
    #[diesel(sql_type = Nullable<Integer>)]
    pub members: Option<i32>,
}

const CHANGES: &str = "\
SELECT action, target_kind, target_id, \
    CASE WHEN jsonb_array_length(b) > {} THEN jsonb_set(before, '{members}', jsonb_path_query_array(b, '$[0 to 99]')) ELSE before END AS before, \
    CASE WHEN jsonb_array_length(a) > {} THEN jsonb_set(after, '{members}', jsonb_path_query_array(a, '$[0 to 99]')) ELSE after END AS after, \
    coalesce(jsonb_array_length(a), jsonb_array_length(b)) AS members \
FROM (SELECT id, action, target_kind, target_id, before, after, \
        CASE WHEN jsonb_typeof(before->'members') = 'array' THEN before->'members' END AS b, \
        CASE WHEN jsonb_typeof(after->'members') = 'array' THEN after->'members' END AS a \
      FROM audit_event WHERE tenant_id = {} AND id >= {} AND id < {} AND request_id = {}) AS e ORDER BY id LIMIT {}";

/// How many ids of members a change shows.
pub const MEMBERS_SHOWN: i32 = 100;

/// What a request changed, by the audit trail, in its order. The ids there begin with the time at which they were made, so
/// that the events of a request are found by when it was served, without an index of their own.
pub async fn changes(
    tx: &mut impl Reads,
    id: RequestId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    limit: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    let ask = statement(CHANGES)
        .bind::<Integer, _>(MEMBERS_SHOWN)
        .bind::<Integer, _>(MEMBERS_SHOWN)
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(first_id_at(from))
        .bind::<SqlUuid, _>(first_id_at(until))
        .bind::<SqlUuid, _>(id.as_uuid())
        .bind::<BigInt, _>(limit);
    tx.connection().0.load(ask).await
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    key: String,
}

/// Who is meant by an id or a name in the log: the id and the folded name, as far as they are known now.
pub async fn person(
    tx: &mut impl Reads,
    directory: DirectoryId,
    by: Result<UserId, &str>,
) -> Result<Option<(Uuid, String)>, StoreError> {
    let (id, key) = either(by.map(UserId::as_uuid));
    let ask = statement(
        "SELECT id, user_name_key AS key FROM users WHERE tenant_id = {} AND directory_id = {} \
         AND (id = {} OR user_name_key = {})",
    );
    known(tx, directory, ask, id, key).await
}

/// The same of groups.
pub async fn group(
    tx: &mut impl Reads,
    directory: DirectoryId,
    by: Result<GroupId, &str>,
) -> Result<Option<(Uuid, String)>, StoreError> {
    let (id, key) = either(by.map(GroupId::as_uuid));
    let ask = statement(
        "SELECT id, display_name_key AS key FROM groups WHERE tenant_id = {} AND directory_id = {} \
         AND (id = {} OR display_name_key = {})",
    );
    known(tx, directory, ask, id, key).await
}

fn either(by: Result<Uuid, &str>) -> (Option<Uuid>, Option<String>) {
    match by {
        Ok(id) => (Some(id), None),
        Err(name) => (None, Some(scim::text::fold(name))),
    }
}

async fn known(
    tx: &mut impl Reads,
    directory: DirectoryId,
    ask: Statement<'static>,
    id: Option<Uuid>,
    key: Option<String>,
) -> Result<Option<(Uuid, String)>, StoreError> {
    let ask = ask
        .bind::<SqlUuid, _>(tx.tenant().as_uuid())
        .bind::<SqlUuid, _>(directory.as_uuid())
        .bind::<Nullable<SqlUuid>, _>(id)
        .bind::<Nullable<Text>, _>(key);
    let found: Vec<Known> = tx.connection().0.load(ask).await?;
    Ok(found.into_iter().next().map(|row| (row.id, row.key)))
}
