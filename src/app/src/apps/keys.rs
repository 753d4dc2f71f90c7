//! The keys that sign what apps are told. Knows periods, and remembers what it has made; does not know what a token says.
//!
//! Each tenant is an issuer of its own with keys of its own: an app that is configured for one tenant can be shown nothing of
//! another. A key lasts for thirty days and is made from the sealing key, so that all processes have the same and none is kept
//! anywhere; the next one is published ahead and the last one for a period longer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::TenantId;
use serde_json::{Map, Value, json};
use sso::op::{self, OpKey, TokenKind};

use crate::App;
use crate::error::AppError;

const PERIOD_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Enough tenants at once for one process; beyond that the memory starts anew rather than grow without end.
const MOST_TENANTS: usize = 4_096;

/// The keys of a tenant in a period.
pub(super) struct Keys {
    /// The one that signs.
    pub(super) signing: OpKey,
    /// The public halves of all that may have signed, as a JSON Web Key Set (RFC 7517 §5).
    published: Value,
}

/// The keys that were made, by tenant, with their period.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<HashMap<TenantId, (i64, Arc<Keys>)>>);

impl KeyCache {
    fn get(&self, tenant: TenantId, period: i64) -> Option<Arc<Keys>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&tenant).filter(|(of, _)| *of == period).map(|(_, keys)| Arc::clone(keys))
    }

    fn put(&self, tenant: TenantId, period: i64, keys: &Arc<Keys>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_TENANTS {
            known.clear();
        }
        known.insert(tenant, (period, Arc::clone(keys)));
    }
}

impl App {
    /// The keys of a tenant now.
    pub(super) fn op_keys(&self, tenant: TenantId) -> Result<Arc<Keys>, AppError> {
        let period = self.now().timestamp().div_euclid(PERIOD_SECONDS);
        if let Some(keys) = self.op_keys.get(tenant, period) {
            return Ok(keys);
        }
        let active = self.sealer.keys().next();
        let active = active.ok_or_else(|| AppError::Internal("there is no sealing key".to_owned()))?;
        let all = self.sealer.keys().flat_map(|secret| {
            let periods = [period, period.saturating_add(1), period.saturating_sub(1)];
            periods.map(|period| derived(secret, tenant, period))
        });
        let all = all.map(|key| key.map(|key| key.public())).collect::<Result<Vec<_>, _>>()?;
        let signing = derived(active, tenant, period)?;
        let keys = Arc::new(Keys { signing, published: json!({"keys": all}) });
        self.op_keys.put(tenant, period, &keys);
        Ok(keys)
    }

    /// The public keys of the tenant that is named: those of now, of the period before and of the one to come.
    pub async fn published_app_keys(&self, tenant: &str) -> Result<Value, AppError> {
        let row = self.db.tenant_by_slug(tenant).await?.ok_or(AppError::NotFound("tenant"))?;
        Ok(self.op_keys(row.tenant_id())?.published.clone())
    }

    /// The claims of a token that we signed for an app of this tenant, and that has not ended.
    pub(super) fn read_app_token(
        &self,
        tenant: TenantId,
        slug: &str,
        token: &str,
        kind: TokenKind,
    ) -> Result<Option<Map<String, Value>>, AppError> {
        let claims = self.read_ended_app_token(tenant, slug, token, kind)?;
        let now = self.now().timestamp();
        Ok(claims.filter(|claims| claims.get("exp").and_then(Value::as_i64).is_some_and(|end| end > now)))
    }

    /// The same, whether or not it has ended.
    pub(super) fn read_ended_app_token(
        &self,
        tenant: TenantId,
        slug: &str,
        token: &str,
        kind: TokenKind,
    ) -> Result<Option<Map<String, Value>>, AppError> {
        let claims = op::read(token, kind, &self.op_keys(tenant)?.published);
        let issuer = self.app_addresses(slug).issuer;
        Ok(claims.filter(|claims| claims.get("iss").and_then(Value::as_str) == Some(issuer.as_str())))
    }
}

fn derived(secret: &[u8; 32], tenant: TenantId, period: i64) -> Result<OpKey, AppError> {
    OpKey::derive(secret, tenant, period)
        .ok_or_else(|| AppError::Internal("no signing key could be made".to_owned()))
}
