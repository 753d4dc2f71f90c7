//! The keys that sign what apps are told. Knows periods, and remembers what it has made; does not know what a token says.
//!
//! Each tenant is an issuer of its own with keys of its own: an app that is configured for one tenant can be shown nothing of
//! another. A key signs for thirty days; the next one is published ahead and the last one for a period longer. Those on P-256 are made
//! from the sealing key, so that all processes have the same and none is kept anywhere. Those for RS256 cannot be made from anything:
//! they are kept, sealed, of those that several processes make the one that is there first, and only where an app reads nothing else.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::{RequestId, TenantId};
use serde_json::{Map, Value, json};
use sso::op::{self, OpKey, TokenKind};
use store::app_rsa_keys::{self, AppRsaKeyRow};
use store::{Scope, apps};

use super::settings::{IdTokenAlg, NewApp};
use crate::App;
use crate::error::AppError;

const PERIOD_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Enough tenants at once for one process; beyond that the memory starts anew rather than grow without end.
const MOST_TENANTS: usize = 4_096;

/// The keys of a tenant in a period.
pub(super) struct Keys {
    /// The one that signs.
    signing: OpKey,
    /// The public halves of all that may have signed, as a JSON Web Key Set (RFC 7517 §5).
    published: Value,
}

/// The keys that were made, by tenant and algorithm, with their period.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<Known>);

/// With the period that they are of.
type Known = HashMap<(TenantId, IdTokenAlg), (i64, Arc<Keys>)>;

impl KeyCache {
    fn get(&self, of: (TenantId, IdTokenAlg), period: i64) -> Option<Arc<Keys>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&of).filter(|(at, _)| *at == period).map(|(_, keys)| Arc::clone(keys))
    }

    fn put(&self, of: (TenantId, IdTokenAlg), period: i64, keys: &Arc<Keys>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_TENANTS {
            known.clear();
        }
        known.insert(of, (period, Arc::clone(keys)));
    }
}

impl App {
    /// The keys of a tenant now.
    pub(super) fn op_keys(&self, tenant: TenantId) -> Result<Arc<Keys>, AppError> {
        let (of, period) = ((tenant, IdTokenAlg::Es256), self.period());
        if let Some(keys) = self.op_keys.get(of, period) {
            return Ok(keys);
        }
        let secrets: Vec<[u8; 32]> = self.sealer.keys().copied().collect();
        let keys = Arc::new(Keys::derived(&secrets, tenant, period)?);
        self.op_keys.put(of, period, &keys);
        Ok(keys)
    }

    /// Those that sign ID tokens and logout tokens by this algorithm.
    pub(super) async fn id_keys(&self, scope: &Scope, by: IdTokenAlg) -> Result<Arc<Keys>, AppError> {
        let tenant = scope.tenant();
        let (of, period) = ((tenant, by), self.period());
        if by == IdTokenAlg::Es256 {
            return self.op_keys(tenant);
        }
        if let Some(keys) = self.op_keys.get(of, period) {
            return Ok(keys);
        }
        let mut kept = self.kept_rsa_keys(scope, period).await?;
        if [period, period + 1].iter().any(|wanted| !kept.contains_key(wanted)) {
            self.make_rsa_keys(scope, period).await?;
            kept = self.kept_rsa_keys(scope, period).await?;
        }
        let published: Vec<Value> = kept.values().map(OpKey::public).collect();
        let signing = kept.remove(&period).ok_or_else(unmade)?;
        let keys = Arc::new(Keys { signing, published: json!({"keys": published}) });
        self.op_keys.put(of, period, &keys);
        Ok(keys)
    }

    /// The RSA keys of the period before, of this one and of the next, as far as they are there.
    async fn kept_rsa_keys(&self, scope: &Scope, period: i64) -> Result<BTreeMap<i64, OpKey>, AppError> {
        let mut tx = self.db.read(scope).await?;
        let rows = app_rsa_keys::since(&mut tx, period - 1).await?;
        tx.finish().await?;
        Ok(rows.iter().filter_map(|row| Some((row.period, self.rsa_key_in(scope, row)?))).collect())
    }

    /// None, if it was sealed by a key that is gone: then there is another one soon, as there is one on P-256.
    fn rsa_key_in(&self, scope: &Scope, row: &AppRsaKeyRow) -> Option<OpKey> {
        let pkcs8 = self.sealer.open(&rsa_purpose(scope, row.period), &row.key_sealed).ok()?;
        OpKey::of_rsa(&pkcs8)
    }

    /// Makes the keys of this period and of the next, and keeps them where no other process was first.
    async fn make_rsa_keys(&self, scope: &Scope, period: i64) -> Result<(), AppError> {
        let now = self.now();
        let mut rows = Vec::new();
        for period in [period, period + 1] {
            // It takes a while, in which this thread has others to serve.
            let made = self.runtime.spawn_blocking(OpKey::generate_rsa).await;
            let pkcs8 = made.ok().flatten().ok_or_else(unmade)?;
            let key_sealed = self.sealer.seal(&rsa_purpose(scope, period), &pkcs8, &*self.entropy)?;
            rows.push(AppRsaKeyRow { period, key_sealed, created_at: now });
        }
        let mut tx = self.db.begin(scope).await?;
        app_rsa_keys::forget_before(&mut tx, period - 1).await?;
        for row in app_rsa_keys::since(&mut tx, period - 1).await? {
            if self.rsa_key_in(scope, &row).is_none() {
                app_rsa_keys::forget(&mut tx, &row).await?;
            }
        }
        app_rsa_keys::keep(&mut tx, &rows).await?;
        tx.commit_trace_of_use().await?;
        Ok(())
    }

    fn period(&self) -> i64 {
        self.now().timestamp().div_euclid(PERIOD_SECONDS)
    }

    /// The public keys of the tenant that is named: those of now, of the period before and of the one to come.
    pub async fn published_app_keys(&self, tenant: &str, request: RequestId) -> Result<Value, AppError> {
        let scope = self.op_scope(tenant, request).await?;
        self.published_keys(&scope).await
    }

    /// Whether the tenant that is named is there.
    pub async fn check_provider(&self, tenant: &str, request: RequestId) -> Result<(), AppError> {
        self.op_scope(tenant, request).await.map(drop)
    }

    async fn published_keys(&self, scope: &Scope) -> Result<Value, AppError> {
        let mut tx = self.db.read(scope).await?;
        let apps = apps::all(&mut tx).await?;
        tx.finish().await?;
        let tenant = scope.tenant();
        let mut all = self.op_keys(tenant)?.published.clone();
        for app in &apps {
            if NewApp::of(app)?.id_token_signing_alg == IdTokenAlg::Rs256 {
                let more = self.id_keys(scope, IdTokenAlg::Rs256).await?;
                if let (Some(Value::Array(all)), Some(Value::Array(more))) =
                    (all.get_mut("keys"), more.published.get("keys"))
                {
                    all.extend_from_slice(more);
                }
                break;
            }
        }
        Ok(all)
    }

    /// The claims of an access token that we signed for an app of this tenant, and that has not ended.
    pub(super) fn read_access_token(
        &self,
        tenant: TenantId,
        slug: &str,
        token: &str,
    ) -> Result<Option<Map<String, Value>>, AppError> {
        let claims = op::read(token, TokenKind::Access, &self.op_keys(tenant)?.published);
        let now = self.now().timestamp();
        let is_good = |claims: &Map<String, Value>| {
            claims.get("exp").and_then(Value::as_i64).is_some_and(|end| end > now)
        };
        Ok(claims.filter(|claims| self.is_ours(claims, slug)).filter(is_good))
    }

    /// The claims of an ID token that we signed for an app of this tenant, whether or not it has ended.
    pub(super) async fn read_id_token(
        &self,
        scope: &Scope,
        slug: &str,
        token: &str,
    ) -> Result<Option<Map<String, Value>>, AppError> {
        let claims = op::read(token, TokenKind::Id, &self.published_keys(scope).await?);
        Ok(claims.filter(|claims| self.is_ours(claims, slug)))
    }

    fn is_ours(&self, claims: &Map<String, Value>, slug: &str) -> bool {
        claims.get("iss").and_then(Value::as_str) == Some(self.app_addresses(slug).issuer.as_str())
    }
}

impl Keys {
    /// Made from each of the secrets, the first of which signs.
    fn derived(secrets: &[[u8; 32]], tenant: TenantId, period: i64) -> Result<Self, AppError> {
        let (mut signing, mut published) = (None, Vec::new());
        for secret in secrets {
            for period in [period, period.saturating_add(1), period.saturating_sub(1)] {
                let key = OpKey::derive(secret, tenant, period).ok_or_else(unmade)?;
                published.push(key.public());
                signing = signing.or(Some(key));
            }
        }
        Ok(Self { signing: signing.ok_or_else(unmade)?, published: json!({"keys": published}) })
    }

    /// A token with these claims.
    pub(super) fn sign(&self, kind: TokenKind, claims: &Map<String, Value>) -> Result<String, AppError> {
        self.signing.sign(kind, claims).ok_or_else(unsigned)
    }

    /// The same with as many claims more as fit (see [`op::sized`]).
    pub(super) fn sign_sized(
        &self,
        kind: TokenKind,
        claims: &Map<String, Value>,
        more: &[(&'static str, Value)],
        ask: &str,
    ) -> Result<String, AppError> {
        op::sized(&self.signing, kind, claims, more, ask).ok_or_else(unsigned)
    }
}

/// A key is sealed for its tenant and its period: in another row it opens nothing.
fn rsa_purpose(scope: &Scope, period: i64) -> String {
    format!("app-rsa-key.{}.{period}", scope.tenant())
}

fn unmade() -> AppError {
    AppError::Internal("no signing key could be made".to_owned())
}

fn unsigned() -> AppError {
    AppError::Internal("a token could not be signed".to_owned())
}
