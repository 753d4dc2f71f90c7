//! Who acts, in which tenant. Knows how a scope comes to be; does not know what it is used for.

use std::sync::Arc;

use domain::audit::Actor;
use domain::id::{CredentialId, DirectoryId, RequestId, TenantId, UserId};
use domain::token::CredentialScope;

use crate::bulk_jobs::{Hold, Noted};
use crate::rehearsal::Rehearsal;

/// The tenant that a request acts in, and who acts. Only this room makes one, by looking up a credential, a session or
/// a tenant that an operator or a sign-in names; nobody can make one from an id in an address.
#[derive(Debug, Clone)]
pub struct Scope {
    tenant: TenantId,
    actor: Actor,
    request: RequestId,
    /// The credential that this scope stands on. Each transaction asks whether it is still good.
    credential: Option<CredentialId>,
    /// Where a rehearsal leaves what it would have done. No transaction of such a scope can commit.
    rehearsal: Option<Rehearsal>,
    /// Operations of a bulk request that are done in it, to be noted with each commit.
    noted: Option<Noted>,
}

impl Scope {
    pub(crate) fn new(tenant: TenantId, actor: Actor, request: RequestId) -> Self {
        Self { tenant, actor, request, credential: None, rehearsal: None, noted: None }
    }

    pub(crate) fn standing_on(self, credential: CredentialId) -> Self {
        Self { credential: Some(credential), ..self }
    }

    pub(crate) fn rehearsing(self, rehearsal: Rehearsal) -> Self {
        Self { rehearsal: Some(rehearsal), ..self }
    }

    pub(crate) fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    pub(crate) fn credential(&self) -> Option<CredentialId> {
        self.credential
    }

    pub(crate) fn noted(&self) -> Option<&Noted> {
        self.noted.as_ref()
    }

    /// The tenant in force.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who acts, for the audit trail.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The request that this belongs to.
    pub fn request(&self) -> RequestId {
        self.request
    }
}

/// A [`Scope`] narrowed to one directory: what a provisioning client may see and touch, or an administrator of the
/// people who belong to no identity provider.
#[derive(Debug, Clone)]
pub struct DirectoryScope {
    scope: Scope,
    directory: DirectoryId,
    credential: Option<CredentialId>,
    may: CredentialScope,
    slug: Arc<str>,
}

impl DirectoryScope {
    pub(crate) fn new(
        scope: Scope,
        (directory, credential): (DirectoryId, CredentialId),
        may: CredentialScope,
        slug: Arc<str>,
    ) -> Self {
        Self { scope, directory, credential: Some(credential), may, slug }
    }

    /// What an administrator does to a directory's people. No address names it.
    pub(crate) fn by_admin(admin: &AdminScope, directory: DirectoryId) -> Self {
        let (scope, may, slug) = (admin.scope().clone(), CredentialScope::Write, Arc::from(""));
        Self { scope, directory, credential: None, may, slug }
    }

    /// What a sign-in does for somebody whom it lets in for the first time. No address names it.
    pub(crate) fn by_sign_in(scope: &Scope, directory: DirectoryId) -> Self {
        let (scope, may, slug) = (scope.clone(), CredentialScope::Write, Arc::from(""));
        Self { scope, directory, credential: None, may, slug }
    }

    /// The tenant-wide scope that this one narrows.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same, for a transaction that does these operations of a bulk request and notes that it did.
    #[must_use]
    pub fn noting(&self, hold: &Hold, places: &[usize]) -> Self {
        let noted = Some(Noted::new(hold, places));
        Self { scope: Scope { noted, ..self.scope.clone() }, ..self.clone() }
    }

    /// The directory whose people and groups these are.
    pub fn directory(&self) -> DirectoryId {
        self.directory
    }

    /// The credential that was shown; none where an administrator or a sign-in acts.
    pub fn credential(&self) -> Option<CredentialId> {
        self.credential
    }

    /// Whether it may change anything.
    pub fn may_write(&self) -> bool {
        self.may.writes()
    }

    /// Whether the tenant in force is the one that an address names.
    pub fn is_of(&self, tenant: &str) -> bool {
        *self.slug == *tenant
    }
}

/// A [`Scope`] that may administer its tenant, or look at what an administrator sees: an operator who entered it, or one of
/// its admin credentials.
#[derive(Debug, Clone)]
pub struct AdminScope {
    scope: Scope,
    may: CredentialScope,
}

impl AdminScope {
    pub(crate) fn new(scope: Scope, may: CredentialScope) -> Self {
        Self { scope, may }
    }

    /// The tenant-wide scope behind it.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it may change anything.
    pub fn may_write(&self) -> bool {
        self.may.writes()
    }

    /// The same for a person, who may do less. None for who shows no credential.
    pub(crate) fn for_person(&self, user: UserId) -> Option<Self> {
        let (Actor::Admin { credential } | Actor::Operator { credential }) = self.scope.actor else {
            return None;
        };
        let scope = Scope { actor: Actor::Person { user, credential }, ..self.scope.clone() };
        Some(Self { scope, may: self.may })
    }
}
