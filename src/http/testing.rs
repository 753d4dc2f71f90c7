//! A state without a database, for tests of what happens before a use case.

use std::sync::{Arc, LazyLock};

use app::{App, AppOptions, Sealer, SealingKey, SessionPolicy};
use domain::clock::CountingEntropy;

use super::limits::Limits;
use super::metrics::Metrics;
use super::room::Room;
use super::state::AppState;
use crate::config::LimitsConfig;
use crate::system::SystemClock;

/// The doors of `https://usher.test`, with no database behind them.
pub(super) fn state() -> AppState {
    static STATE: LazyLock<AppState> = LazyLock::new(make);
    STATE.clone()
}

fn make() -> AppState {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let options = AppOptions {
        database_url: "postgres://nobody@127.0.0.1:1/none".to_owned(),
        pool_size: 1,
        patience: std::time::Duration::from_secs(1),
        session: SessionPolicy { idle: chrono::Duration::hours(1), absolute: chrono::Duration::hours(12) },
        public_url: "https://usher.test".parse().unwrap(),
        allow_loopback: false,
        more_ports: Vec::new(),
        dns_resolver: None,
        signals: app::signals::SignalPolicy::default(),
        keep_requests_days: 30,
        mail: None,
    };
    let sealer = Sealer::new(SealingKey { id: "test".to_owned(), key: [7; 32] }, Vec::new());
    let entropy = Arc::new(CountingEntropy::new());
    let clock = Arc::new(SystemClock);
    let app = App::new(options, sealer, clock.clone(), entropy.clone(), runtime.handle()).unwrap();
    // Dropping a runtime inside another's task is not allowed; a test has no need to stop this one.
    std::mem::forget(runtime);
    let many = std::num::NonZeroU32::new(1_000_000).unwrap();
    let limits = LimitsConfig {
        per_credential_per_second: many,
        burst: many,
        per_tenant_per_second: many,
        per_address_per_second: many,
    };
    AppState {
        app: Arc::new(app),
        clock,
        entropy,
        limits: Arc::new(Limits::new(&limits, Vec::new())),
        metrics: Arc::new(Metrics::new()),
        public_url: "https://usher.test".to_owned(),
        addressed: None,
        max_body_bytes: 4_096,
        room: Arc::new(Room::new(1)),
        insecure_cookies: false,
    }
}
