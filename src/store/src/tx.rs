//! Transactions behind the tenant barrier. Knows how one begins and ends; does not know what happens in between.
//!
//! Each begins by setting `app.tenant_id` for itself alone, which the row-level security policies read.
//! A transaction that is dropped half way (the client went, a time-out struck) is rolled back before
//! the connection can serve anybody else; if that fails the connection is closed. How statements travel, `link` knows.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel_async::AsyncPgConnection;
use domain::audit::Audit;
use domain::clock::Entropy;
use domain::id::{TenantId, UserId};

use crate::announced::Announced;
use crate::audit::{self, Outgoing};
use crate::bulk_jobs::{self, Noted};
use crate::connector::BY_KEYS;
use crate::db::Db;
use crate::error::StoreError;
use crate::link::Link;
use crate::rehearsal::{Rehearsal, Rehearsed};
use crate::scope::Scope;
use crate::statement::{Statement, statement};

/// A transaction in which rows of one tenant can be read.
pub trait Reads: Send {
    #[doc(hidden)]
    fn connection(&mut self) -> Connection<'_>;
    /// The tenant in force.
    fn tenant(&self) -> TenantId;
}

/// Access to the wire for the modules of this room; nothing outside can do anything with it.
#[derive(Debug)]
pub struct Connection<'a>(pub(crate) &'a mut Link);

/// How a transaction behind the barrier begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    Write,
    Read,
    /// Reads, each statement for so long at most.
    ReadInTime(Duration),
    /// Reads from row to row by keys.
    ReadByKeys,
}

pub(crate) fn opening(tenant: TenantId, mode: Mode) -> Vec<Statement<'static>> {
    let begin = if matches!(mode, Mode::Write) { BEGIN } else { "BEGIN READ ONLY" };
    let setting = match mode {
        Mode::Write | Mode::Read => in_tenant(tenant),
        Mode::ReadInTime(patience) => in_tenant(tenant)
            .then(", set_config('statement_timeout', {}, true)")
            .bind::<Text, _>(patience.as_millis().to_string()),
        Mode::ReadByKeys => BY_KEYS.iter().fold(in_tenant(tenant), |setting, (name, value)| {
            setting.then(&format!(", set_config('{name}', '{value}', true)"))
        }),
    };
    vec![statement(begin), setting]
}

pub(crate) const BEGIN: &str = "BEGIN";

/// From here to the end of the transaction.
pub(crate) fn in_tenant(tenant: TenantId) -> Statement<'static> {
    statement("SELECT set_config('app.tenant_id', {}, true)").bind::<Text, _>(tenant.to_string())
}

/// Reads in one tenant. Sees one snapshot per statement.
#[derive(Debug)]
pub struct ReadTx {
    link: Link,
    tenant: TenantId,
}

impl ReadTx {
    pub(crate) async fn open(db: &Db, tenant: TenantId, scope: Option<&Scope>) -> Result<Self, StoreError> {
        Ok(Self::of(db.link(opening(tenant, Mode::Read), scope).await?, tenant))
    }

    pub(crate) fn of(link: Link, tenant: TenantId) -> Self {
        Self { link, tenant }
    }

    /// Ends the transaction and gives the connection back.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.link.close("COMMIT").await
    }
}

impl Reads for ReadTx {
    fn connection(&mut self) -> Connection<'_> {
        Connection(&mut self.link)
    }
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Writes in one tenant. Ends by [`commit`](Self::commit), or not at all.
#[derive(Debug)]
pub struct WriteTx {
    link: Link,
    scope: Scope,
    outgoing: Vec<Outgoing>,
    /// What a rehearsal would have written.
    rehearsed: Rehearsed,
    /// Operations of a bulk request that it does, until they are noted.
    noted: Option<Noted>,
    /// Whom to tell that facts were committed, and whether there are any.
    announced: (Arc<Announced>, bool),
    /// Who needs another seat than before, and was not asked yet which they get.
    unseated: Vec<UserId>,
}

impl WriteTx {
    pub(crate) async fn begin(db: &Db, scope: &Scope) -> Result<Self, StoreError> {
        let link = db.link(opening(scope.tenant(), Mode::Write), Some(scope)).await?;
        let (scope, noted) = (scope.clone(), scope.noted().cloned());
        let announced = (Arc::clone(&db.announced), false);
        let (outgoing, unseated) = (Vec::new(), Vec::new());
        Ok(Self { link, scope, outgoing, rehearsed: Rehearsed::default(), noted, announced, unseated })
    }

    /// Notes a fact for the outbox; it is written with the commit.
    pub fn announce(&mut self, outgoing: Outgoing) {
        self.outgoing.push(outgoing);
    }

    /// Notes that people need another seat than before.
    pub(crate) fn reseat(&mut self, people: Vec<UserId>) {
        self.unseated.extend(people);
    }

    /// Those who need another seat than before and have not asked for it yet.
    pub fn unseated(&mut self) -> Vec<UserId> {
        let mut people = std::mem::take(&mut self.unseated);
        people.sort_unstable();
        people.dedup();
        people
    }

    /// These have asked for their seats, or left.
    pub(crate) fn seated(&mut self, people: &[UserId]) {
        if !self.unseated.is_empty() {
            self.unseated.retain(|user| !people.contains(user));
        }
    }

    /// Whoever needs another seat than before asks for it in the transaction that says so.
    fn everybody_is_seated(&self) -> Result<(), StoreError> {
        match self.unseated.len() {
            0 => Ok(()),
            left => {
                Err(StoreError::corrupt(format!("{left} people need another seat and have not asked for it")))
            }
        }
    }

    /// Writes the audit events and the outbox rows, and makes everything permanent. When this returns `Ok`, it is on
    /// disk. In a rehearsal nothing is: everything is rolled back, and what would have been written is noted there.
    pub async fn commit(
        mut self,
        audit: Audit,
        now: chrono::DateTime<chrono::Utc>,
        entropy: &dyn Entropy,
    ) -> Result<(), StoreError> {
        self.everybody_is_seated()?;
        self.note(&audit);
        self.record(audit, now, entropy)?;
        // What was not sent yet is sent in any case: the database may refuse it.
        self.end().await
    }

    /// Writes audit events and outbox rows ahead of the commit, so that a large change need not keep them all until then.
    /// Sent with the next statement.
    pub fn record(
        &mut self,
        audit: Audit,
        now: chrono::DateTime<chrono::Utc>,
        entropy: &dyn Entropy,
    ) -> Result<(), StoreError> {
        if bulk_jobs::tells_what_was_created(&audit) {
            self.note(&audit);
        }
        let outgoing = std::mem::take(&mut self.outgoing);
        if self.scope.rehearsal().is_some() {
            self.rehearsed.note(audit, &outgoing);
            return Ok(());
        }
        self.announced.1 |= !outgoing.is_empty();
        self.link.later(audit::append(&self.scope, audit, outgoing, now, entropy)?);
        Ok(())
    }

    /// [`commit`](Self::commit), with one change more in the same flight: after everything else, because others wait for
    /// the row that it changes.
    pub(crate) async fn commit_after<R>(
        mut self,
        last: Statement<'static>,
        audit: Audit,
        now: chrono::DateTime<chrono::Utc>,
        entropy: &dyn Entropy,
    ) -> Result<Vec<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        self.everybody_is_seated()?;
        self.note(&audit);
        self.record(audit, now, entropy)?;
        let (ending, rehearsal) = self.ending();
        let rows = self.link.load_and_close(last, ending).await?;
        ended(rehearsal, self.rehearsed, &self.announced, &self.scope);
        Ok(rows)
    }

    /// Notes the operations of a bulk request that are done here, once.
    fn note(&mut self, audit: &Audit) {
        if let Some(noted) = self.noted.take() {
            self.link.later(bulk_jobs::note(&self.scope, &noted, audit));
        }
    }

    /// Ends a transaction that turned out to change nothing.
    pub async fn nothing_changed(self) -> Result<(), StoreError> {
        self.link.abandon().await
    }

    /// Ends a transaction that only consumed or expired sign-in state or noted when something was last seen: traces of
    /// use, not changes that anybody made.
    pub async fn commit_trace_of_use(self) -> Result<(), StoreError> {
        self.end().await
    }

    async fn end(self) -> Result<(), StoreError> {
        let (ending, rehearsal) = self.ending();
        self.link.close(ending).await?;
        ended(rehearsal, self.rehearsed, &self.announced, &self.scope);
        Ok(())
    }

    /// How a transaction that wrote ends well: a rehearsal has no other ending than to be rolled back.
    fn ending(&self) -> (&'static str, Option<Rehearsal>) {
        match self.scope.rehearsal() {
            Some(rehearsal) => ("ROLLBACK", Some(rehearsal.clone())),
            None => ("COMMIT", None),
        }
    }

    /// Sends a statement of which only an error matters: with whatever is asked next, at the latest with the commit.
    pub(crate) fn later(&mut self, statement: Statement<'static>) {
        self.link.later(statement);
    }

    /// The rows of one statement.
    pub(crate) async fn load<R>(&mut self, statement: Statement<'static>) -> Result<Vec<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        self.link.load(statement).await
    }

    /// The rows of two statements, of which the second runs when the first has.
    pub(crate) async fn load_both<A, B>(
        &mut self,
        one: Statement<'static>,
        other: Statement<'static>,
    ) -> Result<(Vec<A>, Vec<B>), StoreError>
    where
        A: QueryableByName<Pg> + Send + 'static,
        B: QueryableByName<Pg> + Send + 'static,
    {
        self.link.load_both(one, other).await
    }

    /// Who acts here.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) async fn conn(&mut self) -> Result<&mut AsyncPgConnection, StoreError> {
        self.link.conn().await
    }
}

/// A transaction has ended well: a rehearsal hears what would have been, the courier that there are facts.
fn ended(
    rehearsal: Option<Rehearsal>,
    with: Rehearsed,
    (announced, facts): &(Arc<Announced>, bool),
    scope: &Scope,
) {
    if let Some(rehearsal) = rehearsal {
        rehearsal.ended(with);
    } else if *facts {
        announced.note(scope.tenant());
    }
}

impl Reads for WriteTx {
    fn connection(&mut self) -> Connection<'_> {
        Connection(&mut self.link)
    }
    fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }
}

/// A transaction on the tables that belong to no tenant: `tenant`, `blueprint`, `operator_credential`.
#[derive(Debug)]
pub struct GlobalTx {
    link: Link,
    announced: Arc<Announced>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: uuid::Uuid,
}

impl GlobalTx {
    pub(crate) async fn begin(db: &Db) -> Result<Self, StoreError> {
        let announced = Arc::clone(&db.announced);
        Ok(Self { link: db.link(vec![statement(BEGIN)], None).await?, announced })
    }

    /// Makes what was written permanent and gives the connection back.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.link.close("COMMIT").await
    }

    pub(crate) async fn conn(&mut self) -> Result<&mut AsyncPgConnection, StoreError> {
        self.link.conn().await
    }

    /// The tenants that a statement, the last, finds as `id`.
    pub(crate) async fn tenants(self, statement: Statement<'static>) -> Result<Vec<TenantId>, StoreError> {
        let found: Vec<Id> = self.link.load_and_close(statement, "COMMIT").await?;
        Ok(found.into_iter().map(|row| TenantId::from_uuid(row.id)).collect())
    }

    /// Goes on inside one tenant, in the same transaction: how a new tenant's first rows come with the tenant itself.
    pub(crate) fn into_tenant(mut self, scope: Scope) -> WriteTx {
        self.link.later(in_tenant(scope.tenant()));
        WriteTx {
            link: self.link,
            scope,
            outgoing: Vec::new(),
            rehearsed: Rehearsed::default(),
            noted: None,
            announced: (self.announced, false),
            unseated: Vec::new(),
        }
    }
}
