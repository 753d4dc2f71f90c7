//! Doing everything and keeping nothing. Knows how a scope is made in which no transaction can commit; does not know what is
//! tried.
//!
//! A use case that is given such a scope runs as always: it locks, reads, writes and is refused by the same constraints.
//! Only the end differs, and the end is not its own: [`WriteTx::commit`](crate::WriteTx::commit) rolls back whatever a
//! transaction of this scope has written, and leaves here what would have been true.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::audit::{Action, Audit, AuditEvent};
use domain::id::DirectoryId;
use domain::token::CredentialScope;

use crate::audit::Outgoing;
use crate::scope::{AdminScope, DirectoryScope};

/// Where the transactions of a scope leave what they would have done.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal(Arc<Mutex<Rehearsed>>);

/// What would have been done.
#[derive(Debug, Default)]
pub struct Rehearsed {
    /// What the audit trail would say, its beginning.
    pub events: Vec<AuditEvent>,
    /// How often each action would be there, the whole of it.
    pub counts: BTreeMap<Action, usize>,
    /// How many facts those who follow Usher would be told.
    pub facts: usize,
}

/// The most events that are kept: a change may reach very many people.
const MOST_EVENTS: usize = 1_000;

impl Rehearsed {
    pub(crate) fn note(&mut self, audit: Audit, outgoing: &[Outgoing]) {
        self.facts = self.facts.saturating_add(outgoing.len());
        for event in audit.into_events() {
            let count = self.counts.entry(event.action).or_default();
            *count = count.saturating_add(1);
            if self.events.len() < MOST_EVENTS {
                self.events.push(event);
            }
        }
    }
}

impl Rehearsal {
    /// A transaction has come to its end with this.
    pub(crate) fn ended(&self, with: Rehearsed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = with;
    }

    /// What the last transaction would have done.
    pub fn take(&self) -> Rehearsed {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AdminScope {
    /// What this administrator would do, and nothing of it kept.
    #[must_use]
    pub fn rehearsing(&self) -> Self {
        Self::new(self.scope().clone().rehearsing(Rehearsal::default()), CredentialScope::Read)
    }

    /// One of the tenant's directories, as its client would act in it, and nothing of it kept.
    pub fn rehearse(&self, directory: DirectoryId) -> (DirectoryScope, Rehearsal) {
        let rehearsal = Rehearsal::default();
        let admin = Self::new(self.scope().clone().rehearsing(rehearsal.clone()), CredentialScope::Read);
        (DirectoryScope::by_admin(&admin, directory), rehearsal)
    }
}
