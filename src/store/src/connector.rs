//! How a connection comes to be and goes back to its pool. Knows runtimes; does not know transactions.

use std::borrow::Cow;
use std::collections::HashSet;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult, Timeouts};
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
pub(crate) async fn connect(url: String) -> Result<AsyncPgConnection, ConnectionError> {
    let mut connection = AsyncPgConnection::establish(&url).await?;
    connection
        .batch_execute("SET plan_cache_mode = force_generic_plan")
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
