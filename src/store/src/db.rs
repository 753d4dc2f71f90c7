//! The pools. Knows connections and the runtime they live on; does not know tables.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::pg::Pg;
use domain::id::TenantId;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use crate::announced::Announced;
use crate::connector::{Connector, Pool};
use crate::error::StoreError;
use crate::link::{self, Link};
use crate::scope::Scope;
use crate::statement::Statement;
use crate::tx::{GlobalTx, Mode, ReadTx, WriteTx, opening};
use crate::workers::Workers;

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Address of the running role: it owns nothing and is held to row-level security.
    pub url: String,
    /// The most connections for transactions at once. Web workers divide them among themselves, and each has one more
    /// for short reads.
    pub pool_size: usize,
    /// How long a request waits for a connection before it is told that the database is unavailable.
    pub wait: Duration,
    /// How long the database may look for what one question is about, where that depends on the question.
    pub patience: Duration,
}

/// The database behind its tenant barrier.
#[derive(Clone)]
pub struct Db {
    options: DbOptions,
    /// For whoever is no web worker.
    pool: Pool,
    workers: Workers,
    runtime: Handle,
    pub(crate) known: std::sync::Arc<crate::credentials::Known>,
    pub(crate) announced: std::sync::Arc<Announced>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}

/// A web worker can serve a request that needs a second connection while it holds one.
const FEWEST_OF_A_WORKER: usize = 2;

impl Db {
    /// Opens a pool whose connections are driven by `runtime`, which must be multi-threaded.
    pub fn open(options: &DbOptions, runtime: &Handle) -> Result<Self, StoreError> {
        Ok(Self {
            options: options.clone(),
            pool: Connector::pool(options, options.pool_size, Some(runtime))?,
            workers: Workers::default(),
            runtime: runtime.clone(),
            known: std::sync::Arc::default(),
            announced: std::sync::Arc::default(),
        })
    }

    /// Gives the calling thread, one of `of` web workers, connections that its own runtime drives. Whatever begins on
    /// this thread from now on runs on them.
    pub fn begin_worker(&self, of: usize) -> Result<(), StoreError> {
        let share = self.options.pool_size.div_ceil(of.max(1)).max(FEWEST_OF_A_WORKER);
        self.workers.add_here(Connector::pool(&self.options, share, None)?, &self.options.url);
        Ok(())
    }

    /// Begins a transaction that may write in the scope's tenant.
    pub async fn begin(&self, scope: &Scope) -> Result<WriteTx, StoreError> {
        WriteTx::begin(self, scope).await
    }

    /// Begins a transaction that only reads in the scope's tenant.
    pub async fn read(&self, scope: &Scope) -> Result<ReadTx, StoreError> {
        ReadTx::open(self, scope.tenant(), Some(scope)).await
    }

    /// The same for questions that may ask for more than can be found in time: [`StoreError::TookTooLong`].
    pub(crate) async fn read_in_time(&self, scope: &Scope) -> Result<ReadTx, StoreError> {
        let link = self.link(opening(scope.tenant(), self.in_time()), Some(scope)).await?;
        Ok(ReadTx::of(link, scope.tenant()))
    }

    /// The same for statements that go from row to row by keys.
    pub(crate) async fn read_by_keys(&self, scope: &Scope) -> Result<ReadTx, StoreError> {
        Ok(ReadTx::of(
            self.link(opening(scope.tenant(), Mode::ReadByKeys), Some(scope)).await?,
            scope.tenant(),
        ))
    }

    fn in_time(&self) -> Mode {
        Mode::ReadInTime(self.options.patience)
    }

    /// Begins a transaction on the tables that belong to no tenant.
    pub async fn global(&self) -> Result<GlobalTx, StoreError> {
        GlobalTx::begin(self).await
    }

    /// In which tenants facts were committed here.
    pub fn announced(&self) -> &Announced {
        &self.announced
    }

    /// Whether a query can be answered now.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.global().await?.finish().await
    }

    /// A transaction on a connection of the calling thread, if it is a web worker, or of everybody else's pool. Boxed,
    /// because it is in the future of every use case.
    pub(crate) fn link<'a>(
        &'a self,
        opening: Vec<Statement<'static>>,
        scope: Option<&'a Scope>,
    ) -> BoxFuture<'a, Result<Link, StoreError>> {
        let pool = self.workers.pool().unwrap_or_else(|| self.pool.clone());
        Link::open(pool, self.runtime.clone(), opening, scope).boxed()
    }

    /// The rows of one statement, in a read-only transaction of its own and in one flight: BEGIN with the tenant, the
    /// question whether the scope's credential is good, the statement and COMMIT go out together. What an index does not
    /// find at once has its time.
    ///
    /// On a worker's lane a flight can be mixed up with others that prepare something (`workers.rs`), and then finds
    /// nothing: so nothing found beside such a one is asked again, on a connection of its own. For the same reason the
    /// statement must return rows of the tenant: a count of nothing would be a row too.
    pub(crate) async fn at_once<R>(
        &self,
        tenant: TenantId,
        scope: Option<&Scope>,
        statement: Statement<'static>,
    ) -> Result<Vec<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        if !statement.is_point() {
            return self
                .link(opening(tenant, self.in_time()), scope)
                .await?
                .load_and_close(statement, "COMMIT")
                .await;
        }
        if let Some(lane) = self.workers.lane() {
            match link::in_passing(&lane, opening(tenant, Mode::Read), scope, &statement).await {
                Ok(Some(found)) => return Ok(found),
                Err(StoreError::Revoked) => return Err(StoreError::Revoked),
                Ok(None) => {}
                Err(_) => self.workers.close_lane(&lane), // what broke, the way below finds out
            }
        }
        self.link(opening(tenant, Mode::ReadByKeys), scope).await?.load_and_close(statement, "COMMIT").await
    }
}
