//! How a connection comes to be and goes back to its pool. Knows runtimes; does not know transactions.

use std::borrow::Cow;
use std::collections::HashSet;
use std::future::poll_fn;

use deadpool::managed::{Manager, Metrics, QueueMode, RecycleError, RecycleResult, Timeouts};
use diesel::ConnectionError;
use diesel_async::pooled_connection::PoolableConnection as _;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio_postgres::config::{Config, Host};

use crate::db::DbOptions;
use crate::error::StoreError;
use crate::pipeline::Pipeline;

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
    let mut connection = establish(&url).await?;
    connection
        .batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off")
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A connection on which a flight is answered as a whole; where the address names several servers to choose from, one that
/// the driver has chosen and on which it is not.
async fn establish(url: &str) -> Result<AsyncPgConnection, ConnectionError> {
    let config: Config = url.parse().map_err(bad)?;
    let port = config.get_ports().first().copied().unwrap_or(POSTGRES_PORT);
    match (config.get_hosts(), config.get_hostaddrs()) {
        ([Host::Unix(folder)], []) => {
            let socket = UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await.map_err(bad)?;
            over(socket, &config).await
        }
        ([Host::Tcp(name)], []) => {
            let socket = TcpStream::connect((name.as_str(), port)).await.map_err(bad)?;
            socket.set_nodelay(true).map_err(bad)?;
            over(socket, &config).await
        }
        _ => AsyncPgConnection::establish(url).await,
    }
}

const POSTGRES_PORT: u16 = 5432;

async fn over<S>(socket: S, config: &Config) -> Result<AsyncPgConnection, ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let socket = Pipeline::new(socket);
    let (client, mut driver) = config.connect_raw(socket, tokio_postgres::NoTls).await.map_err(bad)?;
    // What is said besides answers (notices) nobody needs. An error ends the connection, as whoever asks next finds out.
    tokio::spawn(async move { while let Some(Ok(_)) = poll_fn(|cx| driver.poll_message(cx)).await {} });
    AsyncPgConnection::try_from(client).await
}

fn bad(error: impl std::fmt::Display) -> ConnectionError {
    ConnectionError::BadConnection(error.to_string())
}

/// Settings for a statement that goes from row to row by keys. One plan serves all tenants, and where most of them are
/// small, reading all of a tenant and merging it looks as cheap as a key; in the one that is large it is not.
pub(crate) const BY_KEYS: [(&str, &str); 2] = [("enable_mergejoin", "off"), ("enable_hashjoin", "off")];

/// A connection for such statements alone.
pub(crate) async fn connect_by_keys(url: String) -> Result<AsyncPgConnection, ConnectionError> {
    let mut connection = connect(url).await?;
    let settings = BY_KEYS.map(|(name, value)| format!("SET {name} = {value}")).join("; ");
    connection.batch_execute(&settings).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
