//! Discovered providers, kept for a while. Knows how old knowledge may be; does not know what is in it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::ConnectionId;
use tokio::sync::Mutex;

use super::Provider;
use crate::SsoError;
use crate::egress::Egress;

/// Older knowledge is renewed before it is used.
const FRESH_FOR: TimeDelta = TimeDelta::hours(1);
/// Older knowledge is not used even if it cannot be renewed.
const USABLE_FOR: TimeDelta = TimeDelta::hours(24);
/// A provider that just failed is not asked again by the next sign-in in the queue.
const FAILURE_PAUSE: TimeDelta = TimeDelta::seconds(10);

/// One discovered [`Provider`] per connection, renewed hourly. While a renewal fails, the last good one serves for a day.
#[derive(Debug, Default)]
pub struct ProviderCache {
    slots: RwLock<HashMap<ConnectionId, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    known: RwLock<Known>,
    /// Held by the one who asks the provider; the others wait or use what is known.
    flight: Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    provider: Option<(DateTime<Utc>, Arc<Provider>)>,
    failure: Option<(DateTime<Utc>, String, SsoError)>,
}

impl ProviderCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The provider of a connection, discovered now if it is not known or not fresh.
    pub async fn get(
        &self,
        egress: &Egress,
        connection: ConnectionId,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Provider>, SsoError> {
        let slot = self.slot(connection);
        if let Some(fresh) = slot.provider(issuer, now, FRESH_FOR) {
            return Ok(fresh);
        }
        let usable = slot.provider(issuer, now, USABLE_FOR);
        let _flight = match &usable {
            Some(provider) => match slot.flight.try_lock() {
                Ok(flight) => flight,
                Err(_busy) => return Ok(Arc::clone(provider)),
            },
            None => slot.flight.lock().await,
        };
        if let Some(fresh) = slot.provider(issuer, now, FRESH_FOR) {
            return Ok(fresh);
        }
        let outcome = match slot.recent_failure(issuer, now) {
            Some(failure) => Err(failure),
            None => slot.discover(egress, issuer, now).await,
        };
        outcome.or_else(|failure| usable.ok_or(failure))
    }

    /// Forgets what is known about a connection, after it was changed or removed.
    pub fn forget(&self, connection: ConnectionId) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&connection);
    }

    fn slot(&self, connection: ConnectionId) -> Arc<Slot> {
        if let Some(slot) = self.slots.read().unwrap_or_else(PoisonError::into_inner).get(&connection) {
            return Arc::clone(slot);
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(connection).or_default())
    }
}

impl Slot {
    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The known provider if it is of this issuer and not older than `age`.
    fn provider(&self, issuer: &str, now: DateTime<Utc>, age: TimeDelta) -> Option<Arc<Provider>> {
        let (since, provider) = self.known().provider?;
        (provider.issuer() == issuer && now - since < age).then_some(provider)
    }

    fn recent_failure(&self, issuer: &str, now: DateTime<Utc>) -> Option<SsoError> {
        let (at, failed, failure) = self.known().failure?;
        (failed == issuer && now - at < FAILURE_PAUSE).then_some(failure)
    }

    async fn discover(
        &self,
        egress: &Egress,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Provider>, SsoError> {
        let outcome = Provider::discover(egress, issuer).await.map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Ok(provider) => {
                *known = Known { provider: Some((now, Arc::clone(provider))), failure: None };
            }
            Err(failure) => known.failure = Some((now, issuer.to_owned(), failure.clone())),
        }
        outcome
    }
}
