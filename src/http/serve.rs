//! The server. Knows workers, connections and how to stop; does not know routes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::X_CONTENT_TYPE_OPTIONS;
use actix_web::middleware::{DefaultHeaders, NormalizePath, TrailingSlash};
use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;

use super::health::Readiness;
use super::metrics::count_requests;
use super::request_log::log_requests;
use super::routes;
use super::scim;
use super::state::AppState;
use crate::config::HttpConfig;

/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A server that is running. Dropped, it ends at once, with the requests that it is at.
#[derive(Debug)]
pub struct Serving {
    addresses: Vec<SocketAddr>,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

/// Listens and serves, in threads of its own; must be called within a tokio runtime. HTTP/1.1; TLS, and with it HTTP/2,
/// ends at the proxy in front. Signals are the caller's business.
pub fn serve(state: AppState, config: &HttpConfig) -> io::Result<Serving> {
    let state = web::Data::new(state);
    let readiness: Arc<dyn Readiness> = state.clone().into_inner();
    let readiness = web::Data::from(readiness);
    let resumed = state.clone();
    tokio::spawn(async move { scim::resume(&resumed).await });
    let workers = config.workers;
    let server = HttpServer::new(move || {
        let inner = state.get_ref();
        // Each worker comes by here once, on its own thread.
        if let Err(error) = inner.app.begin_worker(workers) {
            tracing::warn!(%error, "A worker goes without database connections of its own");
        }
        App::new()
            .app_data(state.clone())
            .app_data(readiness.clone())
            .app_data(web::Data::from(Arc::clone(&inner.metrics)))
            .configure(|cfg| routes::configure(cfg, inner))
            .wrap(DefaultHeaders::new().add((X_CONTENT_TYPE_OPTIONS, "nosniff")))
            // RFC 7644 §3.13 lets a base URI end with a slash or not.
            .wrap(NormalizePath::new(TrailingSlash::Trim))
            .wrap(count_requests(Arc::clone(&inner.metrics)))
            .wrap(log_requests(Arc::clone(&inner.clock), Arc::clone(&inner.entropy)))
    })
    .workers(workers)
    .client_request_timeout(HEAD_PATIENCE)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(config.shutdown_grace_seconds)
    .disable_signals()
    // Not `bind_auto_h2c`: until it knows the protocol by the first bytes, no time-out is in force, so that whoever
    // connects and says nothing would hold the connection for ever, and a stop for all of its grace.
    .bind(config.listen)?;
    let addresses = server.addrs();
    let server = server.run();
    let handle = server.handle();
    Ok(Serving { addresses, handle, task: tokio::spawn(server) })
}

impl Serving {
    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Waits until it has stopped by itself, which is a failure unless somebody asked for it.
    pub async fn stopped(&mut self) -> io::Result<()> {
        (&mut self.task).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Takes no new connections, finishes what is in flight (for as long as `http.shutdown_grace_seconds` allows), and
    /// returns.
    pub async fn stop(mut self) -> io::Result<()> {
        self.handle.stop(true).await;
        self.stopped().await
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The word is given by the call; the future only waits until it is heeded.
        drop(self.handle.stop(false));
    }
}
