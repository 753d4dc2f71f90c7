//! A discovered provider. Knows its endpoints and keys, and when to look for newer keys; does not know our client.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use url::Url;

use super::keys::{self, KeySet};
use super::metadata::{self, Metadata};
use crate::SsoError;
use crate::egress::Egress;

/// Tokens that no known key verifies cost the provider at most one request in this time.
const REFETCH_PAUSE: TimeDelta = TimeDelta::seconds(30);

/// An OpenID provider: what it publishes about itself, and its keys.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    metadata: Metadata,
    keys: RwLock<Arc<KeySet>>,
    /// When the keys were last looked for again; held while somebody looks.
    refetched_at: Mutex<Option<DateTime<Utc>>>,
}

impl Provider {
    /// Fetches the discovery document and the keys.
    pub async fn discover(egress: &Egress, issuer: &str) -> Result<Self, SsoError> {
        let metadata = metadata::fetch(egress, issuer).await?;
        let keys = keys::fetch(egress, &metadata.jwks_uri).await?;
        Ok(Self {
            issuer: issuer.to_owned(),
            metadata,
            keys: RwLock::new(Arc::new(keys)),
            refetched_at: Mutex::new(None),
        })
    }

    /// The issuer, exactly as configured and published.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where browsers are sent.
    pub fn authorization_endpoint(&self) -> &Url {
        &self.metadata.authorization_endpoint
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(super) fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Newer keys than `seen`, which did not verify a token: those somebody else has fetched meanwhile, or fetched now;
    /// none if the last time was a moment ago. Callers queue, so a burst of sign-ins after a rotation costs one request.
    pub(super) async fn newer_keys(
        &self,
        egress: &Egress,
        seen: &Arc<KeySet>,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<KeySet>>, SsoError> {
        let mut refetched_at = self.refetched_at.lock().await;
        let current = self.keys();
        if !Arc::ptr_eq(&current, seen) {
            return Ok(Some(current));
        }
        if refetched_at.is_some_and(|last| now - last < REFETCH_PAUSE) {
            return Ok(None);
        }
        *refetched_at = Some(now);
        let fetched = Arc::new(keys::fetch(egress, &self.metadata.jwks_uri).await?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fetched);
        Ok(Some(fetched))
    }
}
