//! What others publish, kept for a while. Knows how old knowledge may be; does not know what is in it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::egress::Egress;

/// Older knowledge is renewed before it is used.
const FRESH_FOR: TimeDelta = TimeDelta::hours(1);
/// Older knowledge is not used even if it cannot be renewed.
const USABLE_FOR: TimeDelta = TimeDelta::hours(24);
/// Who just failed is not asked again by the next in the queue.
const FAILURE_PAUSE: TimeDelta = TimeDelta::seconds(10);

/// What somebody publishes at an address.
pub trait Published: Sized + Send + Sync {
    /// Why it cannot be had.
    type Error: Clone + Send + Sync;

    /// Where it was fetched from.
    fn address(&self) -> &str;

    /// Fetches it.
    fn fetch(egress: &Egress, address: &str) -> impl Future<Output = Result<Self, Self::Error>> + Send;

    /// Whether this failure is not one of reaching it, but says that what was known is no longer to be trusted.
    fn disowns(failure: &Self::Error) -> bool;
}

/// One published thing for each of those who use it, renewed hourly. While a renewal fails, the last good one serves for a
/// day, unless the failure disowns it.
pub struct Cache<K, T: Published> {
    slots: RwLock<HashMap<K, Arc<Slot<T>>>>,
}

struct Slot<T: Published> {
    known: RwLock<Known<T>>,
    /// Held by the one who asks; the others wait or use what is known.
    flight: Mutex<()>,
}

struct Known<T: Published> {
    thing: Option<(DateTime<Utc>, Arc<T>)>,
    failure: Option<(DateTime<Utc>, String, T::Error)>,
}

impl<K: Copy + Eq + Hash, T: Published> Cache<K, T> {
    /// An empty cache.
    pub fn new() -> Self {
        Self { slots: RwLock::new(HashMap::new()) }
    }

    /// What is published at the address of this user, fetched now if it is not known or not fresh.
    pub async fn get(
        &self,
        egress: &Egress,
        of: K,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<T>, T::Error> {
        let slot = self.slot(of);
        if let Some(fresh) = slot.thing(address, now, FRESH_FOR) {
            return Ok(fresh);
        }
        let usable = slot.thing(address, now, USABLE_FOR);
        let _flight = match &usable {
            Some(thing) => match slot.flight.try_lock() {
                Ok(flight) => flight,
                Err(_busy) => return Ok(Arc::clone(thing)),
            },
            None => slot.flight.lock().await,
        };
        if let Some(fresh) = slot.thing(address, now, FRESH_FOR) {
            return Ok(fresh);
        }
        let outcome = match slot.recent_failure(address, now) {
            Some(failure) => Err(failure),
            None => slot.fetch(egress, address, now).await,
        };
        match outcome {
            Err(failure) if !T::disowns(&failure) => usable.ok_or(failure),
            decided => decided,
        }
    }

    /// Forgets what is known for somebody who was changed or removed.
    pub fn forget(&self, of: K) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&of);
    }

    fn slot(&self, of: K) -> Arc<Slot<T>> {
        if let Some(slot) = self.slots.read().unwrap_or_else(PoisonError::into_inner).get(&of) {
            return Arc::clone(slot);
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(of).or_default())
    }
}

impl<T: Published> Slot<T> {
    /// The known thing if it is of this address and not older than `age`.
    fn thing(&self, address: &str, now: DateTime<Utc>, age: TimeDelta) -> Option<Arc<T>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (since, thing) = known.thing.as_ref()?;
        (thing.address() == address && now - *since < age).then(|| Arc::clone(thing))
    }

    fn recent_failure(&self, address: &str, now: DateTime<Utc>) -> Option<T::Error> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (at, failed, failure) = known.failure.as_ref()?;
        (failed == address && now - *at < FAILURE_PAUSE).then(|| failure.clone())
    }

    async fn fetch(&self, egress: &Egress, address: &str, now: DateTime<Utc>) -> Result<Arc<T>, T::Error> {
        let outcome = T::fetch(egress, address).await.map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Ok(thing) => *known = Known { thing: Some((now, Arc::clone(thing))), failure: None },
            Err(failure) => {
                known.failure = Some((now, address.to_owned(), failure.clone()));
                if T::disowns(failure) {
                    known.thing = None;
                }
            }
        }
        outcome
    }
}

impl<K: Copy + Eq + Hash, T: Published> Default for Cache<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Published> Default for Slot<T> {
    fn default() -> Self {
        Self { known: RwLock::new(Known { thing: None, failure: None }), flight: Mutex::new(()) }
    }
}

impl<K, T: Published> fmt::Debug for Cache<K, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").finish_non_exhaustive()
    }
}
