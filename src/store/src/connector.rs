//! How a connection comes to be and goes back to its pool. Knows runtimes; does not know transactions.

use std::borrow::Cow;
use std::collections::HashSet;

use deadpool::managed::{Manager, Metrics, QueueMode, RecycleError, RecycleResult, Timeouts};
use diesel::ConnectionError;
use diesel_async::pooled_connection::PoolableConnection as _;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use tokio::runtime::Handle;

use crate::db::DbOptions;
use crate::error::StoreError;

/// A pool of connections.
pub(crate) type Pool = deadpool::managed::Pool<Connector>;
/// A connection out of a pool; it goes back when it is dropped.
pub(crate) type Pooled = deadpool::managed::Object<Connector>;

/// A connection, and the statements that it has prepared.
pub(crate) struct Prepared {
    pub(crate) conn: AsyncPgConnection,
    pub(crate) seen: HashSet<Cow<'static, str>>,
}

/// Opens connections to one database.
pub(crate) struct Connector {
    url: String,
    /// Who drives what is opened; without one, whoever opens it.
    runtime: Option<Handle>,
}

impl Connector {
    /// A pool of `size` connections, driven by `runtime` or else by the runtime of whoever opens each.
    pub(crate) fn pool(
        options: &DbOptions,
        size: usize,
        runtime: Option<&Handle>,
    ) -> Result<Pool, StoreError> {
        Pool::builder(Self { url: options.url.clone(), runtime: runtime.cloned() })
            .max_size(size)
            // Whoever comes next gets the connection that was used last. A few do most of the work, with their statements
            // prepared and their buffers grown, here and in the database; in turn, each would grow to the largest request.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts { wait: Some(options.wait), create: Some(options.wait), recycle: None })
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

impl Manager for Connector {
    type Type = Prepared;
    type Error = ConnectionError;

    async fn create(&self) -> Result<Prepared, ConnectionError> {
        let conn = match &self.runtime {
            None => connect(self.url.clone()).await,
            Some(driver) => driver
                .spawn(connect(self.url.clone()))
                .await
                .unwrap_or_else(|stopped| Err(ConnectionError::BadConnection(stopped.to_string()))),
        };
        Ok(Prepared { conn: conn?, seen: HashSet::new() })
    }

    async fn recycle(&self, prepared: &mut Prepared, _: &Metrics) -> RecycleResult<ConnectionError> {
        if prepared.conn.is_broken() { Err(RecycleError::message("it is broken")) } else { Ok(()) }
    }
}

/// A connection that plans each statement once. Our statements are written so that one plan serves all values; left to
/// itself, Postgres plans those with arrays anew each time, which costs more than running them.
///
/// A plan that is kept must not be of the day on which the table was empty: an index is used wherever there is one,
/// however little there is to read yet. What must read a whole table is made to look dear by that, and compiling a plan
/// for machine code because it looks dear would cost more than running it.
pub(crate) async fn connect(url: String) -> Result<AsyncPgConnection, ConnectionError> {
    let mut connection = AsyncPgConnection::establish(&url).await?;
    connection
        .batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off")
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Settings for a statement that goes from row to row by keys. One plan serves all tenants, and where most of them are
/// small, reading all of a tenant and merging it looks as cheap as a key; in the one that is large it is not.
pub(crate) const BY_KEYS: [&str; 2] = ["enable_mergejoin = off", "enable_hashjoin = off"];

/// A connection for such statements alone.
pub(crate) async fn connect_by_keys(url: String) -> Result<AsyncPgConnection, ConnectionError> {
    let mut connection = connect(url).await?;
    let settings = BY_KEYS.map(|setting| format!("SET {setting}")).join("; ");
    connection.batch_execute(&settings).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
