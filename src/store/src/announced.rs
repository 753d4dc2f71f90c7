//! In which tenants this process has just committed facts. Knows no fact.
//!
//! It costs a write nothing but a push, and no statement: `NOTIFY` would take a lock that all committing transactions of a
//! database share. What another process or a command committed, or what was committed for somebody who had gone by then, is
//! found by looking ([`crate::signals::tenants`]).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use domain::id::TenantId;
use tokio::sync::Notify;

/// Tenants with new facts, and a bell.
#[derive(Debug, Default)]
pub struct Announced {
    tenants: Mutex<BTreeSet<TenantId>>,
    bell: Notify,
}

impl Announced {
    /// There is something to do in this tenant.
    pub fn note(&self, tenant: TenantId) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.bell.notify_one();
    }

    /// Waits until there is something to take.
    pub async fn ring(&self) {
        self.bell.notified().await;
    }

    /// The tenants that were noted since the last time.
    pub fn take(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *self.tenants.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
