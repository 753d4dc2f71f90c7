//! `usher serve`. Knows the order in which everything starts and ends; does not know routes or tables.
//!
//! Up: signals, database, migrations, application, blueprints, web door. Down, after SIGINT or SIGTERM, in the
//! opposite order: the door finishes what is in flight, the connections close, the private cluster stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::answer::Answer;
use super::console::{self, Database};
use super::error::CliError;
use super::signals::Signals;
use crate::cluster::{ClusterError, ClusterOptions, PrivateCluster};
use crate::config::{Config, DatabaseConfig, HttpConfig};
use crate::http::metrics::Metrics;
use crate::http::{self, AppState, Serving};
use crate::system::{SystemClock, SystemEntropy};

/// How long a cluster that is being started may take to get ready, so that it can be stopped in order, when a signal
/// comes meanwhile.
const START_GRACE: Duration = Duration::from_secs(15);
/// How often the house is kept.
const HOUR: Duration = Duration::from_hours(1);
/// How long the last background work may take.
const LAST_WORK: Duration = Duration::from_secs(5);
/// How often it is asked which verified domains are to be looked up again.
const BETWEEN_LOOKS: Duration = Duration::from_hours(1);

/// Serves until a signal ends it.
pub(super) fn run(config: &Config, json: bool) -> Result<(), CliError> {
    let runtime = console::runtime()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::listen()?
    };
    let Some(database) = runtime.block_on(open(&config.database, &mut signals))? else {
        runtime.shutdown_background();
        return Ok(());
    };
    let served = serve(config, json, &database, &runtime, signals);
    runtime.shutdown_timeout(LAST_WORK);
    let closed = database.close();
    if served.is_ok() {
        tracing::info!("Usher has stopped");
    }
    served.and(closed)
}

/// Opens the database; nothing if a signal came before it was there.
async fn open(config: &DatabaseConfig, signals: &mut Signals) -> Result<Option<Database>, CliError> {
    if let Some(database) = Database::configured(config) {
        return Ok(Some(database));
    }
    let options = ClusterOptions::from(config);
    tracing::info!(folder = %options.data_dir.display(), "Starting the private Postgres cluster");
    let mut starting = tokio::task::spawn_blocking(move || PrivateCluster::start(&options));
    let started = tokio::select! {
        started = &mut starting => started,
        signal = signals.next() => {
            tracing::info!(signal, "Stopping before everything has started");
            // What was begun is brought to its end, so that no server is left behind.
            if let Ok(Ok(Ok(cluster))) = tokio::time::timeout(START_GRACE, starting).await {
                tokio::task::spawn_blocking(move || cluster.stop()).await.map_err(broken)??;
            }
            return Ok(None);
        }
    };
    Ok(Some(Database::private(started.map_err(broken)??)))
}

fn broken(error: tokio::task::JoinError) -> ClusterError {
    ClusterError::Io { what: "start the private Postgres cluster".to_owned(), source: error.into() }
}

/// Serves on this database until a signal comes or the web door fails.
fn serve(
    config: &Config,
    json: bool,
    database: &Database,
    runtime: &Runtime,
    mut signals: Signals,
) -> Result<(), CliError> {
    let app = Arc::new(console::open(config, database, runtime)?);
    runtime.block_on(async {
        let starting = async {
            match database.migrate().await? {
                Some(0) => {}
                Some(migrations) => tracing::info!(migrations, "Brought the database to this version"),
                None => tracing::info!("Left migrations to `usher migrate`; database.migrate_url is not set"),
            }
            Ok::<(), CliError>(app.install_blueprints().await?)
        };
        tokio::select! {
            started = starting => started?,
            signal = signals.next() => {
                tracing::info!(signal, "Stopping before everything has started");
                return Ok(());
            }
        }
        let house = tokio::spawn(keep_house(Arc::clone(&app)));
        let metrics = Arc::new(Metrics::new());
        let state = AppState::new(
            Arc::clone(&app),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
            metrics,
            config,
        );
        let mut serving = http::serve(state, &config.http).map_err(|error| unheard(&config.http, &error))?;
        announce(&config.http, &serving)?.print(json)?;
        let keeping = tokio::spawn(keep_published(Arc::clone(&app)));
        let courier = tokio::spawn(Arc::clone(&app).send_signals());
        let asking = tokio::spawn(Arc::clone(&app).poll_transmitters());
        let inviting = tokio::spawn(Arc::clone(&app).keep_invitations());
        let handing_over = tokio::spawn(Arc::clone(&app).keep_handovers());
        let following = tokio::spawn(Arc::clone(&app).keep_reevaluations());
        tokio::select! {
            stopped = serving.stopped() => Err(CliError::Failed(match stopped {
                Ok(()) => "The web door closed by itself.".to_owned(),
                Err(error) => format!("The web door broke: {error}."),
            })),
            signal = signals.next() => {
                tracing::info!(signal, "Stopping; finishing what is in flight");
                let closing = async {
                    keeping.abort();
                    asking.abort();
                    inviting.abort();
                    handing_over.abort();
                    following.abort();
                    let stopped = serving.stop().await;
                    house.abort();
                    courier.abort();
                    app.finish_signals().await;
                    app.keep_all_uses().await;
                    app.keep_requests().await;
                    stopped
                };
                tokio::select! {
                    stopped = closing => stopped
                        .map_err(|error| CliError::Failed(format!("The web door did not close in order: {error}."))),
                    signal = signals.next() => {
                        tracing::warn!(signal, "Stopping at once; what was in flight is cut off");
                        Ok(())
                    }
                }
            }
        }
    })
}

/// Looks again at what others publish, whenever the turn of some of it has come: domains, metadata.
async fn keep_published(app: Arc<App>) {
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        if let Err(error) = app.recheck_domains().await {
            tracing::warn!(%error, "Could not look up the verified domains");
        }
        if let Err(error) = app.refresh_saml_metadata().await {
            tracing::warn!(%error, "Could not look at the metadata of identity providers");
        }
    }
}

/// What is to be done every hour.
async fn keep_house(app: Arc<App>) {
    let mut hours = tokio::time::interval(HOUR);
    loop {
        hours.tick().await;
        if let Err(error) = app.arrange_requests().await {
            tracing::warn!(%error, "Cannot arrange the provisioning log; trying again in an hour");
        }
        if let Err(error) = app.reconcile_all_seats().await {
            tracing::warn!(%error, "Cannot compare the books of the seats; trying again in an hour");
        }
        match app.forget_signals().await {
            Ok(0) => {}
            Ok(facts) => tracing::info!(facts, "Forgot facts that were kept long enough"),
            Err(error) => tracing::warn!(%error, "Cannot forget old facts; trying again in an hour"),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listening<'a> {
    listening: &'a [SocketAddr],
    public_url: &'a str,
}

fn announce(config: &HttpConfig, serving: &Serving) -> Result<Answer, CliError> {
    let listening = serving.addresses();
    let addresses = listening.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
    let text = format!("Usher answers at {} (listening on {addresses}).", config.public_url);
    Answer::new(&Listening { listening, public_url: &config.public_url }, text)
}

/// Why nobody can reach the address.
fn unheard(config: &HttpConfig, error: &std::io::Error) -> CliError {
    let address = config.listen;
    CliError::Failed(match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "Another program listens on {address}. Stop it, or set http.listen to another address (USHER_HTTP_LISTEN)."
        ),
        _ => format!(
            "Usher cannot listen on {address}: {error}. Set http.listen to an address of this machine."
        ),
    })
}
