//! What the tests stand on: one private cluster for the run, and an application on it.

pub mod apache;
pub mod canaille;
pub mod chromium;
mod cluster;
pub mod dns;
pub mod http;
pub mod made_up;
pub mod oauth;
pub mod passkey;
pub mod people;
pub mod program;
pub mod provider;
pub mod proxy;
pub mod receiver;
pub mod saml;
pub mod smtp;
pub mod terminal;

use std::io::Write as _;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use app::signals::SignalPolicy;
use app::{App, AppOptions, Sealer, SealingKey, SessionPolicy};
use domain::clock::Clock;
use tokio::runtime::Runtime;
use usher::system::{SystemClock, SystemEntropy};

pub use cluster::urls;

/// The runtime that drives the database connections of every test, as the binary's does.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
    })
}

/// An application on the shared database.
pub fn app() -> Arc<App> {
    static APP: OnceLock<Arc<App>> = OnceLock::new();
    Arc::clone(APP.get_or_init(|| {
        let app = new_app(24);
        runtime().block_on(app.install_blueprints()).unwrap();
        Arc::new(app)
    }))
}

/// Another one, as another process would have: it shares nothing but the database.
pub fn new_app(pool_size: usize) -> App {
    new_app_at(pool_size, Arc::new(SystemClock))
}

/// One whose clock is another.
pub fn new_app_at(pool_size: usize, clock: Arc<dyn Clock>) -> App {
    app_with(options(pool_size), clock)
}

/// One that browsers reach under a host name, as passkeys need it.
pub fn new_app_named(public_url: &str, clock: Arc<dyn Clock>) -> App {
    app_with(AppOptions { public_url: public_url.parse().unwrap(), ..options(4) }, clock)
}

/// One that sends mails.
pub fn new_app_mailing(policy: app::mail::MailPolicy) -> App {
    app_with(AppOptions { mail: Some(policy), ..options(4) }, Arc::new(SystemClock))
}

fn app_with(options: AppOptions, clock: Arc<dyn Clock>) -> App {
    let sealer = Sealer::new(SealingKey { id: "test".to_owned(), key: [7; 32] }, Vec::new());
    App::new(options, sealer, clock, Arc::new(SystemEntropy), runtime().handle()).unwrap()
}

fn options(pool_size: usize) -> AppOptions {
    AppOptions {
        database_url: urls().app.clone(),
        pool_size,
        patience: Duration::from_secs(20),
        session: SessionPolicy { idle: chrono::Duration::hours(1), absolute: chrono::Duration::hours(12) },
        public_url: "http://127.0.0.1:9000".parse().unwrap(),
        allow_loopback: true,
        more_ports: Vec::new(),
        dns_resolver: Some(dns::server().address),
        keep_requests_days: 30,
        signals: quick(),
        mail: None,
    }
}

/// Runs a statement as the owner of the tables, in a tenant.
pub async fn at_the_owners_seat(tenant: &people::Tenant, statement: &str) {
    use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
    let mut connection = AsyncPgConnection::establish(&urls().owner).await.unwrap();
    let tenant = tenant.admin.scope().tenant();
    connection.batch_execute(&format!("SET app.tenant_id = '{tenant}'; {statement}")).await.unwrap();
}

/// Signals that are sent again so soon that a test can wait for it.
fn quick() -> SignalPolicy {
    let milliseconds = Duration::from_millis;
    SignalPolicy {
        first_retry: milliseconds(50),
        longest_retry: milliseconds(200),
        attempts: 5,
        first_probe: milliseconds(50),
        longest_probe: milliseconds(200),
        ..SignalPolicy::default()
    }
}

/// Longer than any test takes, on a machine that is busy with others.
const ETERNITY: Duration = Duration::from_mins(15);

/// Runs a test's future on the shared runtime, once the database and the application are there.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let _ends = limit();
    app();
    runtime().block_on(test)
}

/// Ends the whole run, with the name of this test, unless the value is dropped in time: what hangs would only be noticed by whoever
/// waits for the rest.
pub fn limit() -> Sender<()> {
    let (over, wait) = channel();
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::spawn(move || {
        if wait.recv_timeout(ETERNITY) == Err(RecvTimeoutError::Timeout) {
            // What a thread of a test prints is kept until the test ends.
            writeln!(std::io::stderr(), "\ntest {test} does not end ... FAILED").ok();
            std::process::abort();
        }
    });
    over
}

/// A slug that no other test has.
pub fn fresh_slug() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let millis = SystemClock.now().timestamp_millis();
    format!("t{millis}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
