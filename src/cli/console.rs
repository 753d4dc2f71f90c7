//! The operator's seat. Knows how the database and the application are opened for a command; does not know commands.

use std::sync::Arc;

use app::mail::{MailPolicy, MailTls};
use app::signals::SignalPolicy;
use app::{AdminScope, App, AppError, AppOptions, Operator, Sealer, SealingKey, SessionPolicy};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::error::CliError;
use super::signals::Signals;
use crate::cluster::{ClusterOptions, PrivateCluster};
use crate::config::{self, Config, DatabaseConfig, MailConfig, SecretsConfig};
use crate::system::{SystemClock, SystemEntropy};

/// The database of this run: the operator's own server, or the private cluster, held for as long as this value lives.
#[derive(Debug)]
pub(super) struct Database {
    /// The running role's address.
    pub(super) url: String,
    /// The owning role's address, if it is known.
    owner_url: Option<String>,
    cluster: Option<PrivateCluster>,
}

impl Database {
    /// Opens it for a command: the private cluster is started if nobody runs it, and watched by nobody.
    pub(super) fn for_a_command(config: &DatabaseConfig) -> Result<Self, CliError> {
        match Self::configured(config) {
            Some(database) => Ok(database),
            None => Ok(Self::private(PrivateCluster::attach(&ClusterOptions::from(config))?)),
        }
    }

    /// The server that the configuration names, if it names one.
    pub(super) fn configured(config: &DatabaseConfig) -> Option<Self> {
        let owner_url = config.migrate_url.as_ref().map(|url| url.expose().to_owned());
        config.url.as_ref().map(|url| Self { url: url.expose().to_owned(), owner_url, cluster: None })
    }

    pub(super) fn private(cluster: PrivateCluster) -> Self {
        let urls = cluster.urls().clone();
        Self { url: urls.app, owner_url: Some(urls.owner), cluster: Some(cluster) }
    }

    /// Brings the database to this version and says how many migrations that took; nothing without the owner's address.
    pub(super) async fn migrate(&self) -> Result<Option<usize>, AppError> {
        match &self.owner_url {
            Some(url) => app::migrate(url).await.map(Some),
            None => Ok(None),
        }
    }

    /// Lets go; the last user of the private cluster stops it. Blocks: call it outside the runtime.
    pub(super) fn close(self) -> Result<(), CliError> {
        self.cluster.map_or(Ok(()), |cluster| Ok(cluster.stop()?))
    }
}

/// The application on this database, with the machine's clock and randomness.
pub(super) fn open(config: &Config, database: &Database, runtime: &Runtime) -> Result<App, CliError> {
    let minutes = |minutes: u32| chrono::Duration::minutes(i64::from(minutes));
    let options = AppOptions {
        database_url: database.url.clone(),
        pool_size: config.database.pool_size,
        patience: std::time::Duration::from_secs(config.database.query_timeout_seconds.into()),
        session: SessionPolicy {
            idle: minutes(config.session.idle_minutes),
            absolute: minutes(config.session.absolute_hours.saturating_mul(60)),
        },
        public_url: Url::parse(&config.http.public_url)
            .map_err(|error| CliError::Failed(format!("http.public_url is no address: {error}.")))?,
        allow_loopback: config.egress.allow_loopback,
        more_ports: config.egress.more_ports.clone(),
        dns_resolver: config.egress.dns_resolver,
        keep_requests_days: config.requests.keep_days,
        signals: SignalPolicy { keep_days: i64::from(config.signals.keep_days), ..SignalPolicy::default() },
        mail: mail(config),
    };
    let sealer = sealer(&config.secrets)?;
    Ok(App::new(options, sealer, Arc::new(SystemClock), Arc::new(SystemEntropy), runtime.handle())?)
}

/// The mail server, if one is configured.
fn mail(config: &Config) -> Option<MailPolicy> {
    let MailConfig { host, port, tls, user, password, from, .. } = config.mail.clone();
    let tls = match tls {
        config::MailTls::StartTls => MailTls::StartTls,
        config::MailTls::Implicit => MailTls::Implicit,
        config::MailTls::Off => MailTls::Off,
    };
    let mut policy = MailPolicy::new(host?, port, tls, from);
    policy.login = user.zip(password).map(|(user, password)| (user, password.expose().to_owned()));
    let public = Url::parse(&config.http.public_url).ok();
    if let Some(name) = public.as_ref().and_then(Url::host_str) {
        name.clone_into(&mut policy.hello);
    }
    Some(policy)
}

fn sealer(secrets: &SecretsConfig) -> Result<Sealer, CliError> {
    let (mut active, mut older) = (None, Vec::new());
    for key in &secrets.keys {
        let sealing = SealingKey { id: key.id.clone(), key: *key.expose() };
        if key.id == secrets.active {
            active = Some(sealing);
        } else {
            older.push(sealing);
        }
    }
    let active = active.ok_or_else(|| {
        CliError::Failed(
            "There is no key to seal secrets with; configure one as [[secrets.keys]].".to_owned(),
        )
    })?;
    Ok(Sealer::new(active, older))
}

/// The runtime that drives the database's connections.
pub(super) fn runtime() -> Result<Runtime, CliError> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_name("usher-main")
        .build()
        .map_err(|error| CliError::Failed(format!("The runtime cannot be started: {error}.")))
}

/// Opens everything, runs one command and closes everything again, also when a signal ends the command.
pub(super) fn with<T>(
    config: &Config,
    command: impl AsyncFnOnce(&Console) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let runtime = runtime()?;
    let database = Database::for_a_command(&config.database)?;
    let done = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            done = async {
                database.migrate().await?;
                let console = Console { app: open(config, &database, &runtime)? };
                command(&console).await
            } => done,
            signal = signals.next() => Err(CliError::Failed(format!(
                "Ended by {signal}; what was not answered may or may not have been done."
            ))),
        }
    });
    drop(runtime);
    let closed = database.close();
    done.and_then(|answer| closed.map(|()| answer))
}

/// Where a command runs: at the machine that holds the database, as the operator.
#[derive(Debug)]
pub(super) struct Console {
    /// The use cases.
    pub(super) app: App,
}

impl Console {
    /// Proof for the use cases that the operator asks.
    pub(super) fn operator(&self) -> Operator {
        Operator::at_the_console(self.app.request_id())
    }

    /// Enters the tenant that the slug names.
    pub(super) async fn enter(&self, tenant: &str) -> Result<AdminScope, CliError> {
        match self.app.enter(&self.operator(), tenant).await {
            Err(AppError::NotFound(_)) => Err(CliError::Failed(format!(
                "There is no tenant {tenant:?}. `usher tenant list` shows those there are, `usher tenant create` makes one."
            ))),
            entered => Ok(entered?),
        }
    }
}
