//! Computes everybody's access anew when the policy has changed. Knows that they are many: others have their turn in between, and
//! what is said of them is written as it comes; does not know how one person is computed.

use domain::access::Policy;
use domain::audit::Audit;
use domain::id::UserId;
use store::{WriteTx, access, rules, users};

use super::reevaluate::{AT_ONCE, Changed, HeldTo, Outcomes, compute};
use super::watch::Watch;
use crate::App;
use crate::error::AppError;
use crate::handovers::Pace;

/// How many people are computed between two statements: others of the same worker have their turn in between.
const OF_EVERYBODY_AT_ONCE: usize = 100;

/// Counts a change of the policy, which the transaction has made, and computes everybody's access by it. Returns the end of what
/// the audit trail says of it, to be committed, and how many are affected: the change itself and most of what follows are
/// written as people are computed, so that a change for very many is not kept until its end.
pub(crate) async fn reevaluate_everybody(
    app: &App,
    tx: &mut WriteTx,
    change: Audit,
) -> Result<(Audit, usize), AppError> {
    let mut audit = change;
    let mut everybody = Everybody::of(tx, None).await?;
    let mut kept = 0_usize;
    while let Some(changed) = everybody.next(app, tx).await? {
        // What is written at once sorts in its order, even within one moment: a small change is written with the commit.
        if kept < AT_ONCE {
            kept = kept.saturating_add(changed.len());
            audit.extend(changed);
        } else if let Some(next) = Audit::from_events(changed) {
            tx.record(std::mem::replace(&mut audit, next), app.now(), &*app.entropy)?;
            kept = 0;
        }
    }
    let (changed, affected) = everybody.settle(app, tx).await?;
    audit.extend(changed);
    Ok((audit, affected))
}

/// The same while somebody looks on. Nothing is written to the audit trail yet.
pub(crate) async fn reevaluate_everybody_before(
    app: &App,
    tx: &mut WriteTx,
    watch: &mut Watch,
) -> Result<Changed, AppError> {
    let mut everybody = Everybody::of(tx, Some(watch)).await?;
    let mut changed = Vec::new();
    while let Some(some) = everybody.next(app, tx).await? {
        changed.extend(some);
    }
    changed.extend(everybody.settle(app, tx).await?.0);
    Ok(changed)
}

/// All people of a tenant, who are computed by the policy as the transaction has changed it.
struct Everybody<'a> {
    policy: Policy,
    version: i64,
    waiting: std::vec::IntoIter<UserId>,
    outcomes: Outcomes<'a>,
}

impl<'a> Everybody<'a> {
    /// Counts the change of the policy. Nobody else computes access in the tenant from here on.
    async fn of(tx: &mut WriteTx, mut watch: Option<&'a mut Watch>) -> Result<Self, AppError> {
        let version = rules::bump_version(tx).await?;
        let policy = super::policy::load(tx).await?;
        let everybody = users::all_ids(tx).await?;
        if let Some(watch) = &mut watch {
            watch.everybody = everybody.len();
        }
        let outcomes = Outcomes::of_everybody(watch);
        Ok(Self { policy, version, waiting: everybody.into_iter(), outcomes })
    }

    /// Computes some of those who are left; nothing, if there are none.
    async fn next(&mut self, app: &App, tx: &mut WriteTx) -> Result<Option<Changed>, AppError> {
        let some: Vec<UserId> = self.waiting.by_ref().take(OF_EVERYBODY_AT_ONCE).collect();
        if some.is_empty() {
            return Ok(None);
        }
        let people = access::facts(tx, &some).await?;
        let by = (&self.policy, self.version);
        compute(app, tx, by, people, &HeldTo::default(), &mut self.outcomes).map(Some)
    }

    /// What is left to do for all of them; and how many are affected.
    async fn settle(self, app: &App, tx: &mut WriteTx) -> Result<(Changed, usize), AppError> {
        let affected = self.outcomes.affected;
        let by = (&self.policy, self.version);
        Ok((self.outcomes.settle(app, tx, by, Pace::AfterGrace).await?, affected))
    }
}
