//! The policy of a tenant, compiled once per version. Knows how it is put together from rows.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::access::Policy;
use domain::blueprint::Blueprint;
use domain::id::TenantId;
use domain::org_tree::OrgTree;
use store::{Reads, org, roles, rules, tenants};

use crate::error::AppError;

/// The newest compiled policy of each tenant. A version that is held by a transaction cannot change under it, so what
/// is cached under the same number is the same.
#[derive(Default)]
pub(crate) struct PolicyCache {
    by_tenant: RwLock<HashMap<TenantId, (i64, Arc<Policy>)>>,
}

/// How often a policy is read before the reader gives up on those who change it.
const MOST_READINGS: usize = 5;

/// Enough tenants at once for one process; beyond that the cache starts anew rather than grow without end.
const MOST_TENANTS: usize = 10_000;

impl PolicyCache {
    /// The policy in this version, if this process has met it.
    pub(crate) fn known(&self, tenant: TenantId, version: i64) -> Option<Arc<Policy>> {
        let known = self.by_tenant.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        known.filter(|(at, _)| *at == version).map(|(_, policy)| policy)
    }

    /// The policy in force, with its version, as a transaction sees it that holds nothing. Whoever changes the policy counts
    /// its version in the same transaction, so what was read between two readings of one version is of that version.
    pub(crate) async fn in_force(&self, tx: &mut impl Reads) -> Result<(i64, Arc<Policy>), AppError> {
        for _ in 0..MOST_READINGS {
            let version = rules::version(tx).await?;
            if let Some(policy) = self.known(tx.tenant(), version) {
                return Ok((version, policy));
            }
            let policy = Arc::new(load(tx).await?);
            if rules::version(tx).await? == version {
                self.keep(tx.tenant(), version, &policy);
                return Ok((version, policy));
            }
        }
        Err(AppError::Busy("the policy changes faster than it can be read".to_owned()))
    }

    fn keep(&self, tenant: TenantId, version: i64, policy: &Arc<Policy>) {
        let mut cache = self.by_tenant.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MOST_TENANTS {
            cache.clear();
        }
        cache.insert(tenant, (version, Arc::clone(policy)));
    }

    /// The policy in the version that the transaction holds.
    pub(crate) async fn get(&self, tx: &mut impl Reads, version: i64) -> Result<Arc<Policy>, AppError> {
        let tenant = tx.tenant();
        if let Some(policy) = self.known(tenant, version) {
            return Ok(policy);
        }
        let policy = Arc::new(load(tx).await?);
        self.keep(tenant, version, &policy);
        Ok(policy)
    }
}

/// A blueprint as it is stored.
pub(crate) fn parse(text: &str) -> Result<Blueprint, AppError> {
    Blueprint::parse(text).map_err(|error| AppError::Internal(format!("the stored blueprint: {error}")))
}

/// Puts the policy together as the transaction sees it.
pub(crate) async fn load(tx: &mut impl Reads) -> Result<Policy, AppError> {
    let (_, blueprint) = tenants::current(tx).await?;
    let blueprint = parse(&blueprint)?.with(&roles::own(tx).await?);
    let tree = OrgTree::build(org::units(tx).await?)
        .map_err(|error| AppError::Internal(format!("the stored organisation tree: {error}")))?;
    let workspaces = org::workspaces(tx).await?;
    let offer = rules::offer(tx).await?;
    let rules = rules::all(tx).await?;
    Ok(Policy { blueprint: Arc::new(blueprint), tree, workspaces, rules, offer })
}
