//! A change of the policy, and everybody's access by it. Knows what is computed at once and what follows; does not know how one
//! person is computed, or what is changed.
//!
//! The change is committed with those on whom it rests whether it can be: whoever has a role that the tenant must not run out of. It
//! is refused there or it stands. Everybody else is computed a few at a time, in transactions of their own that hold them as any change
//! of theirs would, so that nobody waits for everybody; the answer comes when all are done, or after half a minute. Whoever is
//! computed for another reason meanwhile is computed by the policy in force. A process that dies leaves the rest to the next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::audit::{Audit, AuditEvent};
use domain::blueprint::Invariant;
use domain::id::{RequestId, TenantId, UserId};
use serde::Serialize;
use store::reevaluations::{self, Beginning, People, Turn};
use store::{AdminScope, WriteTx, access, guards, rules};
use utoipa::ToSchema;

use super::policy::load;
use super::reevaluate::{AT_ONCE, Changed, HeldTo, Outcomes, compute, conclude};
use super::watch::{Watch, look_on};
use crate::App;
use crate::error::AppError;
use crate::handovers::Pace;
use crate::provision::reseat_by_policy;

/// How many people are computed in one transaction: a request that is about one of them waits for all of these.
const AT_A_TIME: i64 = 25;
/// How long an answer waits until everybody is computed.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is left is held by a process for this long at a time, so that is how long the next one waits if it dies.
const HELD_FOR: Duration = Duration::from_secs(15);
/// How often it is asked whether somebody else is done.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How often it is looked for what others left.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How far everybody's access has been computed since the policy was last changed.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReevaluationView {
    /// The version of the policy, counted from the tenant's beginning. Absent if it was never changed.
    pub policy_version: Option<i64>,
    /// Whether people are left to be computed.
    pub running: bool,
    /// How many people there are, when they have been counted.
    pub people: Option<i64>,
    /// How many of them are computed.
    pub done: i64,
    /// How many have another access than before.
    pub affected: i64,
    /// When the policy was changed.
    pub started_at: Option<DateTime<Utc>>,
    /// When everybody was computed.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a change of the policy has come to in a transaction that is still open.
pub(crate) struct Enacted {
    version: i64,
    changed: Changed,
    affected: usize,
}

/// Counts a change of the policy, which the transaction has made, and computes those on whom it rests whether it can be, and these.
/// Nobody else computes access in the tenant from here on until the transaction ends.
pub(crate) async fn enact(app: &App, tx: &mut WriteTx, these: &[UserId]) -> Result<Enacted, AppError> {
    let version = rules::bump_version(tx).await?;
    let policy = load(tx).await?;
    let roles = policy.blueprint.invariants().iter().map(Invariant::role);
    let mut people = guards::bearers(tx, roles).await?;
    people.extend(these);
    people.sort_unstable();
    people.dedup();
    let mut outcomes = Outcomes::of_policy(tx);
    let by = (&policy, version);
    let mut changed = Vec::new();
    for some in people.chunks(AT_ONCE) {
        let some = access::facts(tx, some).await?;
        changed.extend(compute(app, tx, by, some, &HeldTo::default(), &mut outcomes)?);
    }
    let (settled, affected) = outcomes.settle(app, tx, by, Pace::AfterGrace).await?;
    changed.extend(settled);
    changed.extend(reseat_by_policy(app, tx).await?);
    Ok(Enacted { version, changed, affected })
}

impl App {
    /// Changes the policy, and computes everybody by it. `make` makes the change and says what the audit trail says of it, nothing if
    /// it is so already; it may be asked twice. Returns how many have another access than before, if all are computed.
    pub(crate) async fn change_policy<T>(
        &self,
        admin: &AdminScope,
        make: impl AsyncFn(&mut WriteTx) -> Result<(T, Vec<AuditEvent>), AppError>,
    ) -> Result<(T, Option<usize>), AppError> {
        let mut these = Vec::new();
        loop {
            let mut tx = self.db.begin(admin.scope()).await?;
            let (answer, events) = make(&mut tx).await?;
            let Some(mut audit) = Audit::from_events(events) else {
                tx.nothing_changed().await?;
                return Ok((answer, Some(0)));
            };
            match enact(self, &mut tx, &these).await {
                Ok(enacted) => {
                    let holder = self.request_id();
                    let Enacted { version: policy_version, changed, affected } = enacted;
                    let new = Beginning { policy_version, affected, holder, time: HELD_FOR };
                    let turn = reevaluations::begin(&mut tx, new, self.now())?;
                    audit.extend(changed);
                    self.commit(tx, audit, self.now()).await?;
                    let all = Box::pin(self.follow_through(turn, holder));
                    return Ok((answer, all.await));
                }
                // Somebody else may come to have the role by the same change.
                Err(refusal @ AppError::LastHolder { .. }) if these.is_empty() => {
                    let policy = load(&mut tx).await?;
                    tx.nothing_changed().await?;
                    let mut watch = Watch::of_page(None, 0);
                    Box::pin(look_on(self, admin.scope(), &policy, &mut BTreeMap::new(), &mut watch)).await?;
                    these = watch.protected;
                    if these.is_empty() {
                        return Err(refusal);
                    }
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }

    /// How far everybody's access has been computed since the policy was last changed.
    pub async fn show_reevaluation(&self, admin: &AdminScope) -> Result<ReevaluationView, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let found = reevaluations::progress(&mut tx).await?;
        tx.finish().await?;
        Ok(found.map_or_else(ReevaluationView::default, |it| ReevaluationView {
            policy_version: Some(it.policy_version),
            running: it.finished_at.is_none(),
            people: it.people,
            done: it.done,
            affected: it.affected,
            started_at: Some(it.started_at),
            finished_at: it.finished_at,
        }))
    }

    /// Goes on with what processes that died or did not wait left, for as long as the process lives.
    pub async fn keep_reevaluations(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.tenants_with_reevaluations().await {
                Ok(left) => {
                    for tenant in left {
                        self.runtime.spawn(Arc::clone(&self).keep_reevaluation_in(tenant));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "Could not look for people whose access is to be computed");
                }
            }
        }
    }

    async fn tenants_with_reevaluations(&self) -> Result<Vec<TenantId>, AppError> {
        Ok(reevaluations::tenants(self.db.global().await?).await?)
    }

    async fn keep_reevaluation_in(self: Arc<Self>, tenant: TenantId) {
        if let Err(error) = self.finish_reevaluation(tenant).await {
            tracing::warn!(tenant.id = %tenant, %error, "Could not compute everybody's access; trying again");
        }
    }

    /// Computes whoever is left in a tenant, if nobody else is about it.
    pub async fn finish_reevaluation(&self, tenant: TenantId) -> Result<(), AppError> {
        let holder = self.request_id();
        while let Some(turn) = self.take_turn(tenant, holder).await? {
            self.compute_all(turn).await?;
        }
        Ok(())
    }

    /// The same for whoever has just changed the policy, and waits for it. What goes wrong is left to the next who looks: the change
    /// stands.
    async fn follow_through(&self, turn: Turn, holder: RequestId) -> Option<usize> {
        let tenant = turn.scope.tenant();
        let failed = |error: AppError| {
            tracing::warn!(tenant.id = %tenant, %error, "Could not compute everybody's access yet");
        };
        match tokio::time::timeout(PATIENCE, self.wait_for_all(turn, holder)).await {
            Ok(Ok(affected)) => return Some(affected),
            Ok(Err(error)) => failed(error),
            Err(_) => {}
        }
        self.leave_turn(tenant, holder).await.unwrap_or_else(failed);
        None
    }

    async fn wait_for_all(&self, turn: Turn, holder: RequestId) -> Result<usize, AppError> {
        let tenant = turn.scope.tenant();
        let mut held = Some(turn);
        loop {
            if let Some(turn) = held {
                self.compute_all(turn).await?;
            }
            let mut tx = self.db.read(&self.db.enter_to_reevaluate(tenant, holder)).await?;
            let progress = reevaluations::progress(&mut tx).await?;
            tx.finish().await?;
            if progress.as_ref().is_none_or(|it| it.finished_at.is_some()) {
                return Ok(progress.map_or(0, |it| usize::try_from(it.affected).unwrap_or_default()));
            }
            held = self.take_turn(tenant, holder).await?;
            if held.is_none() {
                // A newer change, which is computed by somebody else, has this one in it.
                tokio::time::sleep(ASK_AGAIN).await;
            }
        }
    }

    async fn take_turn(&self, tenant: TenantId, holder: RequestId) -> Result<Option<Turn>, AppError> {
        let mut tx = self.db.begin(&self.db.enter_to_reevaluate(tenant, holder)).await?;
        let turn = reevaluations::take(&mut tx, holder, HELD_FOR).await?;
        tx.commit_trace_of_use().await?;
        Ok(turn)
    }

    async fn leave_turn(&self, tenant: TenantId, holder: RequestId) -> Result<(), AppError> {
        let mut tx = self.db.begin(&self.db.enter_to_reevaluate(tenant, holder)).await?;
        reevaluations::let_go(&mut tx, holder);
        Ok(tx.commit_trace_of_use().await?)
    }

    /// Computes until nobody is left, or somebody else is about it.
    async fn compute_all(&self, mut turn: Turn) -> Result<(), AppError> {
        while self.compute_some(&mut turn).await? {}
        Ok(())
    }

    async fn compute_some(&self, turn: &mut Turn) -> Result<bool, AppError> {
        let mut tx = self.db.begin(&turn.scope).await?;
        let mut people = reevaluations::next(&mut tx, turn, AT_A_TIME).await?;
        if matches!(people, People::Busy) {
            tx.nothing_changed().await?;
            tx = self.db.begin(&turn.scope).await?;
            people = reevaluations::next_alone(&mut tx, turn).await?;
        }
        let People::Locked(people) = people else {
            reevaluations::finish(&mut tx, turn, self.now());
            tx.commit_trace_of_use().await?;
            return Ok(false);
        };
        rules::hold(&mut tx);
        let facts = access::facts(&mut tx, &people).await?;
        if facts.iter().any(|person| person.policy_version != turn.policy_version) {
            tx.nothing_changed().await?;
            return Ok(false);
        }
        let policy = self.policies.get(&mut tx, turn.policy_version).await?;
        let (by, mut outcomes) = ((&*policy, turn.policy_version), Outcomes::following());
        let mut changed = compute(self, &mut tx, by, facts, &HeldTo::default(), &mut outcomes)?;
        let (settled, affected) = conclude(self, &mut tx, by, &people, outcomes, Pace::AfterGrace).await?;
        changed.extend(settled);
        changed.extend(reseat_by_policy(self, &mut tx).await?);
        if !reevaluations::advance(&mut tx, turn, (&people, affected)).await? {
            tx.nothing_changed().await?;
            return Ok(false);
        }
        match Audit::from_events(changed) {
            Some(audit) => self.commit(tx, audit, self.now()).await?,
            None => tx.commit_trace_of_use().await?,
        }
        Ok(true)
    }
}
