//! Bulk requests that are done after they were answered. Knows who holds one and which of its operations were done; does
//! not know what the operations are.
//!
//! A job is held by one process at a time, for a while that it prolongs. An operation is noted in the transaction that does
//! it, and only the holder can note one: whoever has lost the job cannot commit, so nothing is done twice; and what a
//! process had done when it died, the next one reads here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Bytea, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use domain::audit::{Action, Actor, Audit, AuditEvent};
use domain::id::{BulkJobId, CredentialId, DirectoryId, RequestId, TenantId};
use domain::token::CredentialScope;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StoreError;
use crate::scope::{DirectoryScope, Scope};
use crate::statement::{Statement, statement};
use crate::tenants;
use crate::tx::{Reads, WriteTx};

/// A bulk request that is to be done later.
#[derive(Debug)]
pub struct NewJob {
    /// Id.
    pub id: BulkJobId,
    /// The dialect that it is read in.
    pub dialect: String,
    /// The base of the addresses in its result.
    pub base: String,
    /// The request, sealed: it may hold what is never kept, such as a password.
    pub body_sealed: Vec<u8>,
}

/// How many jobs a directory may have.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Under way or waiting at once.
    pub open: i64,
    /// Done, with their results kept.
    pub done: i64,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

const FORGET: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS directory, {} AS at, {} AS most
)
DELETE FROM bulk_job j USING input i
WHERE j.tenant_id = i.tenant AND j.directory_id = i.directory AND j.body_sealed IS NULL
AND (j.expires_at <= i.at OR j.id IN (
    SELECT o.id FROM bulk_job o WHERE o.tenant_id = i.tenant AND o.directory_id = i.directory AND o.body_sealed IS NULL
    ORDER BY o.id DESC OFFSET (SELECT most FROM input)))";

/// Keeps a job, and forgets results that have been kept for long enough. Returns whether there was room for it.
pub async fn accept(
    tx: &mut WriteTx,
    directory: &DirectoryScope,
    new: NewJob,
    bounds: Bounds,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let (tenant, of) = (tx.tenant().as_uuid(), directory.directory().as_uuid());
    let Some(credential) = directory.credential() else {
        return Err(StoreError::corrupt("only a provisioning client asks for many things at once"));
    };
    let actor = serde_json::to_value(directory.scope().actor()).map_err(StoreError::corrupt)?;
    // Locked, so that two that come at once are counted.
    tx.later(
        statement("SELECT id FROM directory WHERE tenant_id = {} AND id = {} FOR NO KEY UPDATE")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(of),
    );
    tx.later(
        statement(FORGET)
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(of)
            .bind::<Timestamptz, _>(now)
            .bind::<BigInt, _>(bounds.done),
    );
    let open = statement(
        "SELECT id FROM bulk_job WHERE tenant_id = {} AND directory_id = {} AND body_sealed IS NOT NULL LIMIT {}",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(of)
    .bind::<BigInt, _>(bounds.open);
    let open = tx.load::<Id>(open).await?.len();
    if i64::try_from(open).unwrap_or(i64::MAX) >= bounds.open {
        return Ok(false);
    }
    tx.later(
        statement(
            "INSERT INTO bulk_job (tenant_id, id, directory_id, credential_id, actor, request_id, dialect, base, \
                 body_sealed, created_at, held_until, expires_at) \
             SELECT {}, {}, {}, {}, {}, {}, {}, {}, {}, at, '-infinity', at FROM (SELECT {} AS at) AS clock",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(new.id.as_uuid())
        .bind::<SqlUuid, _>(of)
        .bind::<SqlUuid, _>(credential.as_uuid())
        .bind::<Jsonb, _>(actor)
        .bind::<SqlUuid, _>(directory.scope().request().as_uuid())
        .bind::<Text, _>(new.dialect)
        .bind::<Text, _>(new.base)
        .bind::<Bytea, _>(new.body_sealed)
        .bind::<Timestamptz, _>(now),
    );
    Ok(true)
}

/// How far a job has come.
#[derive(Debug)]
pub enum JobState {
    /// Not done.
    Open {
        /// Nobody works on it.
        free: bool,
    },
    /// Done, with this result.
    Done(Value),
}

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Nullable<Jsonb>)]
    result: Option<Value>,
    #[diesel(sql_type = Bool)]
    free: bool,
}

/// How far a job of this directory has come; a result whose time is over is not there.
pub async fn state(
    tx: &mut impl Reads,
    of: DirectoryId,
    id: BulkJobId,
    now: DateTime<Utc>,
) -> Result<Option<JobState>, StoreError> {
    let ask = statement(
        "SELECT result, held_until <= now() AS free FROM bulk_job \
         WHERE tenant_id = {} AND directory_id = {} AND id = {} AND (body_sealed IS NOT NULL OR expires_at > {})",
    )
    .bind::<SqlUuid, _>(tx.tenant().as_uuid())
    .bind::<SqlUuid, _>(of.as_uuid())
    .bind::<SqlUuid, _>(id.as_uuid())
    .bind::<Timestamptz, _>(now);
    let row = tx.connection().0.load::<StateRow>(ask).await?.pop();
    Ok(row.map(|row| match row.result {
        Some(result) => JobState::Done(result),
        None => JobState::Open { free: row.free },
    }))
}

/// The right to work on a job.
#[derive(Debug, Clone)]
pub struct Hold {
    scope: Scope,
    job: BulkJobId,
    holder: Uuid,
}

/// A job that is held.
#[derive(Debug)]
pub struct HeldJob {
    /// The right to work on it.
    pub hold: Hold,
    /// Who asked for it, as if they asked now.
    pub directory: DirectoryScope,
    /// The dialect that it is read in.
    pub dialect: String,
    /// The base of the addresses in its result.
    pub base: String,
    /// The request, sealed.
    pub body_sealed: Vec<u8>,
    /// What is known of its operations.
    pub steps: Vec<StepRow>,
}

/// What is known of an operation: the resource, if it was done; else the refusal.
#[derive(Debug, QueryableByName)]
pub struct StepRow {
    /// Its place in the request.
    #[diesel(sql_type = Integer)]
    pub n: i32,
    /// The resource that it was about.
    #[diesel(sql_type = Nullable<Text>)]
    pub target_id: Option<String>,
    /// Why it was not done.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub refusal: Option<Value>,
}

#[derive(QueryableByName)]
struct JobRow {
    #[diesel(sql_type = SqlUuid)]
    directory_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    credential_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    actor: Value,
    #[diesel(sql_type = SqlUuid)]
    request_id: Uuid,
    #[diesel(sql_type = Text)]
    dialect: String,
    #[diesel(sql_type = Text)]
    base: String,
    #[diesel(sql_type = Bytea)]
    body_sealed: Vec<u8>,
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Takes a job that is not done and that nobody holds, for a while.
pub async fn hold(
    db: &Db,
    tenant: TenantId,
    job: BulkJobId,
    holder: Uuid,
    time: Duration,
) -> Result<Option<HeldJob>, StoreError> {
    let own = Scope::new(tenant, Actor::Job { name: "bulk".to_owned() }, RequestId::from_uuid(job.as_uuid()));
    let mut tx = WriteTx::begin(db, &own).await?;
    let take = statement(
        "UPDATE bulk_job SET holder = {}, held_until = now() + {} * interval '1 second' \
         WHERE tenant_id = {} AND id = {} AND body_sealed IS NOT NULL AND held_until <= now() \
         RETURNING directory_id, credential_id, actor, request_id, dialect, base, body_sealed",
    )
    .bind::<SqlUuid, _>(holder)
    .bind::<BigInt, _>(seconds(time))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(job.as_uuid());
    let Some(row) = tx.load::<JobRow>(take).await?.pop() else {
        tx.nothing_changed().await?;
        return Ok(None);
    };
    let steps = statement("SELECT n, target_id, refusal FROM bulk_step WHERE tenant_id = {} AND job_id = {}")
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(job.as_uuid());
    let steps = tx.load::<StepRow>(steps).await?;
    tx.commit_trace_of_use().await?;
    let directory = DirectoryId::from_uuid(row.directory_id);
    let credential = CredentialId::from_uuid(row.credential_id);
    let actor: Actor = serde_json::from_value(row.actor).map_err(StoreError::corrupt)?;
    let scope = Scope::new(tenant, actor, RequestId::from_uuid(row.request_id)).standing_on(credential);
    Ok(Some(HeldJob {
        hold: Hold { scope: own, job, holder },
        directory: DirectoryScope::new(scope, (directory, credential), CredentialScope::Write, "".into()),
        dialect: row.dialect,
        base: row.base,
        body_sealed: row.body_sealed,
        steps,
    }))
}

impl Hold {
    /// Which job.
    pub fn job(&self) -> BulkJobId {
        self.job
    }

    /// Prolongs the hold. Returns whether it still is one.
    pub async fn keep(&self, db: &Db, time: Duration) -> Result<bool, StoreError> {
        let keep = statement(
            "UPDATE bulk_job SET held_until = now() + {} * interval '1 second' \
             WHERE tenant_id = {} AND id = {} AND holder = {} RETURNING id",
        )
        .bind::<BigInt, _>(seconds(time));
        self.change(db, self.named(keep)).await
    }

    /// Notes that an operation was not done, and why.
    pub async fn refuse(&self, db: &Db, n: usize, refusal: Value) -> Result<(), StoreError> {
        let note = statement(
            "INSERT INTO bulk_step (tenant_id, job_id, n, refusal) \
             SELECT tenant_id, id, {}, {} FROM bulk_job WHERE tenant_id = {} AND id = {} AND holder = {} FOR SHARE \
             ON CONFLICT (tenant_id, job_id, n) DO UPDATE SET target_id = NULL, refusal = excluded.refusal \
             RETURNING job_id AS id",
        )
        .bind::<Integer, _>(place(n))
        .bind::<Jsonb, _>(refusal);
        if self.change(db, self.named(note)).await? { Ok(()) } else { Err(StoreError::GaveWay) }
    }

    /// Keeps the result until `expires_at`, and forgets the request. Returns whether the job was still held.
    pub async fn finish(
        &self,
        db: &Db,
        result: Value,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let finish = statement(
            "WITH done AS ( \
                 UPDATE bulk_job SET result = {}, body_sealed = NULL, expires_at = {} \
                 WHERE tenant_id = {} AND id = {} AND holder = {} RETURNING tenant_id, id \
             ), forgotten AS ( \
                 DELETE FROM bulk_step s USING done WHERE s.tenant_id = done.tenant_id AND s.job_id = done.id \
             ) SELECT id FROM done",
        )
        .bind::<Jsonb, _>(result)
        .bind::<Timestamptz, _>(expires_at);
        self.change(db, self.named(finish)).await
    }

    /// Binds which job, and by whom.
    fn named(&self, statement: Statement<'static>) -> Statement<'static> {
        statement
            .bind::<SqlUuid, _>(self.scope.tenant().as_uuid())
            .bind::<SqlUuid, _>(self.job.as_uuid())
            .bind::<SqlUuid, _>(self.holder)
    }

    async fn change(&self, db: &Db, statement: Statement<'static>) -> Result<bool, StoreError> {
        let mut tx = WriteTx::begin(db, &self.scope).await?;
        let changed = tx.load::<Id>(statement).await?;
        tx.commit_trace_of_use().await?;
        Ok(changed.iter().any(|row| row.id == self.job.as_uuid()))
    }
}

/// Operations of a job that a transaction does.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    job: BulkJobId,
    holder: Uuid,
    places: Vec<i32>,
}

impl Noted {
    pub(crate) fn new(hold: &Hold, places: &[usize]) -> Self {
        let places = places.iter().map(|n| place(*n)).collect();
        Self { job: hold.job, holder: hold.holder, places }
    }
}

fn place(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Without the job, the note is refused, and with it the transaction.
const NOTE: &str = "\
WITH input AS (
    SELECT {} AS tenant, {} AS job, {} AS holder
)
INSERT INTO bulk_step (tenant_id, job_id, n, target_id)
SELECT tenant, (SELECT j.id FROM bulk_job j, input
    WHERE j.tenant_id = input.tenant AND j.id = input.job AND j.holder = input.holder FOR SHARE OF j), s.n, s.target
FROM input, unnest({}, {}) AS s (n, target)";

/// Whether these events say what an operation has created.
pub(crate) fn tells_what_was_created(audit: &Audit) -> bool {
    audit.events().any(creates)
}

fn creates(event: &AuditEvent) -> bool {
    matches!(event.action, Action::UserProvision | Action::GroupCreate)
}

/// Notes the operations: those that create something have their events in the same order. Of others, what they are about
/// is in the request.
pub(crate) fn note(scope: &Scope, noted: &Noted, audit: &Audit) -> Statement<'static> {
    let created = audit.events().filter(|event| creates(event)).chain(audit.events());
    let targets: Vec<String> =
        created.take(noted.places.len()).map(|event| event.target.id.clone()).collect();
    statement(NOTE)
        .bind::<SqlUuid, _>(scope.tenant().as_uuid())
        .bind::<SqlUuid, _>(noted.job.as_uuid())
        .bind::<SqlUuid, _>(noted.holder)
        .bind::<Array<Integer>, _>(noted.places.clone())
        .bind::<Array<Text>, _>(targets)
}

/// Every job that is not done, in every tenant.
pub async fn unfinished(db: &Db) -> Result<Vec<(TenantId, BulkJobId)>, StoreError> {
    let mut global = db.global().await?;
    let tenants = tenants::all(&mut global).await?;
    global.finish().await?;
    let mut found = Vec::new();
    for tenant in tenants {
        let tenant = tenant.tenant_id();
        let ask =
            statement("SELECT id FROM bulk_job WHERE tenant_id = {} AND body_sealed IS NOT NULL ORDER BY id")
                .bind::<SqlUuid, _>(tenant.as_uuid());
        let open: Vec<Id> = db.at_once(tenant, None, ask).await?;
        found.extend(open.into_iter().map(|row| (tenant, BulkJobId::from_uuid(row.id))));
    }
    Ok(found)
}
