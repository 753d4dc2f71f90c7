//! Keys that somebody publishes at an address. Knows when to look for newer ones; does not know whose they are.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use url::Url;

use super::cache::Published;
use super::{JwsError, KeySet, KeysError};
use crate::egress::Egress;

/// Tokens that no known key verifies cost the publisher at most one request in this time.
const REFETCH_PAUSE: TimeDelta = TimeDelta::seconds(30);

/// The keys at one address.
#[derive(Debug)]
pub struct PublishedKeys {
    location: Url,
    keys: RwLock<Arc<KeySet>>,
    /// When the keys were last looked for again; held while somebody looks.
    refetched_at: Mutex<Option<DateTime<Utc>>>,
}

impl PublishedKeys {
    /// Fetches them.
    pub async fn at(egress: &Egress, location: &Url) -> Result<Self, KeysError> {
        let keys = KeySet::fetch(egress, location).await?;
        Ok(Self {
            location: location.clone(),
            keys: RwLock::new(Arc::new(keys)),
            refetched_at: Mutex::new(None),
        })
    }

    /// Those known now.
    pub(crate) fn known(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks `judge` with the known keys, and once more with newer ones if none of the known ones verifies: the keys may
    /// have changed since we learnt them, and not every publisher gives a new key a new name.
    pub(crate) async fn judge<T, E>(
        &self,
        egress: &Egress,
        now: DateTime<Utc>,
        is_about_keys: impl Fn(&E) -> bool,
        judge: impl Fn(&KeySet) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<KeysError>,
    {
        let keys = self.known();
        match judge(&keys) {
            Err(refused) if is_about_keys(&refused) => {
                self.newer(egress, &keys, now).await?.map_or(Err(refused), |newer| judge(&newer))
            }
            judged => judged,
        }
    }

    /// Newer keys than `seen`, which did not verify a token: those somebody else has fetched meanwhile, or fetched now;
    /// none if the last time was a moment ago. Callers queue, so a burst of tokens after a rotation costs one request.
    async fn newer(
        &self,
        egress: &Egress,
        seen: &Arc<KeySet>,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<KeySet>>, KeysError> {
        let mut refetched_at = self.refetched_at.lock().await;
        let current = self.known();
        if !Arc::ptr_eq(&current, seen) {
            return Ok(Some(current));
        }
        if refetched_at.is_some_and(|last| now - last < REFETCH_PAUSE) {
            return Ok(None);
        }
        *refetched_at = Some(now);
        let fetched = Arc::new(KeySet::fetch(egress, &self.location).await?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fetched);
        Ok(Some(fetched))
    }
}

impl JwsError {
    /// Whether newer keys could change the verdict.
    pub(crate) fn is_about_keys(&self) -> bool {
        matches!(self, Self::KeyUnknown | Self::SignatureInvalid)
    }
}

impl Published for PublishedKeys {
    type Error = KeysError;

    fn address(&self) -> &str {
        self.location.as_str()
    }

    async fn fetch(egress: &Egress, address: &str) -> Result<Self, KeysError> {
        let location = Url::parse(address).or(Err(KeysError::Malformed))?;
        Self::at(egress, &location).await
    }

    fn disowns(_failure: &KeysError) -> bool {
        false
    }
}
