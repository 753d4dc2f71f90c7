//! The keys that sign security event tokens. Knows periods; does not know how a key is made.
//!
//! A key lasts for a period and is made from the sealing key, so that all processes have the same without asking anybody,
//! and none is kept anywhere: whoever steals the database signs nothing. The next period's key is published a period ahead
//! and the last one's a period longer, so that a receiver which fetches the keys once a week never misses one. A new active
//! sealing key makes new signing keys at once.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sso::signals::SetKey;

use crate::App;
use crate::error::AppError;

const PERIOD_SECONDS: i64 = 30 * 24 * 60 * 60;

fn period(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(PERIOD_SECONDS)
}

fn derived(secret: &[u8; 32], period: i64) -> Result<SetKey, AppError> {
    SetKey::derive(secret, period)
        .ok_or_else(|| AppError::Internal("no signing key could be made".to_owned()))
}

impl App {
    /// The key that signs now.
    pub(super) fn set_key(&self) -> Result<SetKey, AppError> {
        let active = self.sealer.keys().next();
        let active = active.ok_or_else(|| AppError::Internal("there is no sealing key".to_owned()))?;
        derived(active, period(self.now()))
    }

    /// The public keys of now, of the period before and of the one to come, as a JSON Web Key Set (RFC 7517 §5).
    pub fn published_set_keys(&self) -> Result<Value, AppError> {
        let now = period(self.now());
        let keys = self.sealer.keys().flat_map(|secret| {
            [now, now.saturating_add(1), now.saturating_sub(1)].map(|period| derived(secret, period))
        });
        let keys = keys.map(|key| key.map(|key| key.public())).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({"keys": keys}))
    }
}
