//! The pools. Knows connections and the runtime they live on; does not know tables.

use std::time::Duration;

use deadpool::managed::Timeouts;
use diesel::pg::Pg;
use diesel::{ConnectionError, QueryResult, QueryableByName};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use domain::id::TenantId;
use tokio::runtime::Handle;

use crate::credentials;
use crate::error::StoreError;
use crate::scope::Scope;
use crate::statement::Statement;
use crate::tx::{GlobalTx, ReadTx, Reads as _, WriteTx, opening};
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
}

/// The database behind its tenant barrier.
#[derive(Clone)]
pub struct Db {
    options: DbOptions,
    /// For whoever is no web worker.
    pool: Pool<AsyncPgConnection>,
    workers: Workers,
    runtime: Handle,
    pub(crate) known: std::sync::Arc<crate::credentials::Known>,
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
            pool: pool(options, options.pool_size, Some(runtime))?,
            workers: Workers::default(),
            runtime: runtime.clone(),
            known: std::sync::Arc::default(),
        })
    }

    /// Gives the calling thread, one of `of` web workers, connections that its own runtime drives. Whatever begins on
    /// this thread from now on runs on them.
    pub fn begin_worker(&self, of: usize) -> Result<(), StoreError> {
        let share = self.options.pool_size.div_ceil(of.max(1)).max(FEWEST_OF_A_WORKER);
        self.workers.add_here(pool(&self.options, share, None)?, &self.options.url);
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

    /// Begins a transaction on the tables that belong to no tenant.
    pub async fn global(&self) -> Result<GlobalTx, StoreError> {
        GlobalTx::begin(self).await
    }

    /// Whether a query can be answered now.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.global().await?.finish().await
    }

    /// Takes a connection and runs `opening` on it. A connection that broke while it lay in the pool (the server was
    /// restarted) is thrown away and the next one tried: nothing has been done on it yet.
    ///
    /// Whether the credential that `scope` stands on is still good is asked in the same flight.
    pub(crate) async fn connection(
        &self,
        opening: &str,
        scope: Option<&Scope>,
    ) -> Result<(Object<AsyncPgConnection>, bool), StoreError> {
        let mut last = String::new();
        let pool = self.workers.pool().unwrap_or_else(|| self.pool.clone());
        for _ in 0..=pool.status().max_size {
            let connection = taken(&pool).await?;
            let link: &AsyncPgConnection = &connection;
            let opened = futures_util::try_join!(batch(link, opening), credentials::still_good(scope, link));
            match opened {
                Ok(((), good)) => return Ok((connection, good)),
                Err(error) => {
                    let _ = Object::take(connection);
                    match StoreError::from(error) {
                        StoreError::Unavailable(reason) => last = reason,
                        other => return Err(other),
                    }
                }
            }
        }
        Err(StoreError::Unavailable(last))
    }

    /// The rows of one statement, in a read-only transaction of its own and in one flight: BEGIN with the tenant, the
    /// question whether the scope's credential is good, the statement and COMMIT go out together.
    ///
    /// A connection that sees the statement for the first time prepares it first, and by then the COMMIT is out: the
    /// statement then runs without a tenant, and behind the barrier it finds nothing. So nothing found is asked again,
    /// one step at a time. For the same reason the statement must return rows of the tenant: a count of nothing would be
    /// a row too.
    pub(crate) async fn at_once<R>(
        &self,
        tenant: TenantId,
        scope: Option<&Scope>,
        ask: impl Fn() -> Statement<'static> + Send + Sync,
    ) -> Result<Vec<R>, StoreError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        let statement = ask();
        let lane = if statement.is_point() { self.workers.lane() } else { None };
        let found = if let Some(lane) = lane {
            let found = flight(&lane, &opening(tenant, "READ ONLY"), scope, statement).await;
            found.inspect_err(|_| self.workers.close_lane(&lane)).unwrap_or_default()
        } else if statement.is_kept() {
            let pool = self.workers.pool().unwrap_or_else(|| self.pool.clone());
            let connection = taken(&pool).await?;
            let found = flight(&connection, &opening(tenant, "READ ONLY"), scope, statement).await;
            found.inspect_err(|_| drop(Object::take(connection))).unwrap_or_default()
        } else {
            Vec::new()
        };
        if !found.is_empty() {
            return Ok(found);
        }
        // Nothing was found, or a connection broke: what it was comes out here.
        let mut tx = ReadTx::open(self, tenant, scope).await?;
        let rows = ask().load::<R>(tx.connection().0.conn()).await?;
        tx.finish().await?;
        Ok(rows)
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// A pool of `size` connections, driven by `runtime` or else by the runtime of whoever opens each.
fn pool(
    options: &DbOptions,
    size: usize,
    runtime: Option<&Handle>,
) -> Result<Pool<AsyncPgConnection>, StoreError> {
    let driver = runtime.cloned();
    let mut config = ManagerConfig::<AsyncPgConnection>::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| {
        let (url, driver) = (url.to_owned(), driver.clone());
        Box::pin(async move {
            let Some(driver) = driver else { return connect(url).await };
            driver
                .spawn(connect(url))
                .await
                .unwrap_or_else(|stopped| Err(ConnectionError::BadConnection(stopped.to_string())))
        })
    });
    let manager = AsyncDieselConnectionManager::new_with_config(options.url.clone(), config);
    Pool::builder(manager)
        .max_size(size)
        .timeouts(Timeouts { wait: Some(options.wait), create: Some(options.wait), recycle: None })
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

async fn taken(pool: &Pool<AsyncPgConnection>) -> Result<Object<AsyncPgConnection>, StoreError> {
    pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// A connection that plans each statement once. Our statements are written so that one plan serves all values; left to
/// itself, Postgres plans those with arrays anew each time, which costs more than running them.
pub(crate) async fn connect(url: String) -> Result<AsyncPgConnection, ConnectionError> {
    let mut connection = AsyncPgConnection::establish(&url).await?;
    connection
        .batch_execute("SET plan_cache_mode = force_generic_plan")
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Rows, if the credential is good. Everything is sent before the first answer is awaited, so that a caller who goes away
/// leaves no transaction open behind them.
async fn flight<R>(
    connection: &AsyncPgConnection,
    opening: &str,
    scope: Option<&Scope>,
    statement: Statement<'static>,
) -> QueryResult<Vec<R>>
where
    R: QueryableByName<Pg> + Send + 'static,
{
    let mut link = connection;
    let ((), good, rows, ()) = futures_util::try_join!(
        batch(connection, opening),
        credentials::still_good(scope, connection),
        statement.load::<R>(&mut link),
        batch(connection, "COMMIT"),
    )?;
    Ok(if good { rows } else { Vec::new() })
}

async fn batch(mut connection: &AsyncPgConnection, text: &str) -> QueryResult<()> {
    connection.batch_execute(text).await
}
