//! Computes access anew for those whose facts or policy changed. Knows the order: hold the policy, read the facts,
//! evaluate, store, say what changed, and show those out who are blocked from now on.
//!
//! The people must be locked by the transaction, so that two changes of one person follow each other. Seats are not an
//! input here: the seat gate is applied when access is read, by the rows of that moment, so that a seat that passes
//! from one person to another touches nobody's stored access.

use std::collections::BTreeMap;

use domain::access::{AccessStatus, EffectiveAccess, Facts, GroupFact, Policy, SeatState, evaluate};
use domain::audit::{Action, Audit, AuditEvent};
use domain::blueprint::Blueprint;
use domain::id::UserId;
use domain::invariant::fallen;
use scim::resource::Resource;
use serde_json::{Value, json};
use store::access::{Computed, Guarded, PersonFacts, Stored};
use store::audit::Outgoing;
use store::{Reads as _, WriteTx, access, rules, users};

use super::watch::Watch;
use crate::App;
use crate::error::AppError;
use crate::guards::{self, Acting, Lost};
use crate::handovers::{Moved, Pace, follow};
use crate::login::{keep_a_way_back, sign_out_everywhere};

/// How many people are computed between two statements.
pub(crate) const AT_ONCE: usize = 1_000;
/// The same where everybody is computed: others of the same worker have their turn in between.
const OF_EVERYBODY_AT_ONCE: usize = 100;

/// What an evaluation changed.
pub(crate) type Changed = Vec<AuditEvent>;

/// What is left to do when all are computed.
#[derive(Default)]
struct Outcomes<'a> {
    /// Who looks on, if somebody does.
    watch: Option<&'a mut Watch>,
    /// How many have another access than before.
    affected: usize,
    lost: Vec<Lost>,
    /// Who has left a place or is back at one, where the product hands over what they leave.
    moved: Vec<Moved>,
    /// Who is blocked and was not before.
    blocked: Vec<UserId>,
}

impl Outcomes<'_> {
    async fn settle(
        self,
        app: &App,
        tx: &mut WriteTx,
        blueprint: &Blueprint,
        pace: Pace,
    ) -> Result<Changed, AppError> {
        let mut changed = guards::check(tx, blueprint, &self.lost).await?;
        changed.extend(follow(app, tx, blueprint, &self.moved, pace).await?);
        if !self.blocked.is_empty() {
            keep_a_way_back(tx, None).await?;
            changed.extend(sign_out_everywhere(tx, &self.blocked, app.now()).await?);
        }
        Ok(changed)
    }
}

/// Whether the policy, which the transaction holds in this version, makes any difference between members of these groups
/// and others.
pub(crate) async fn concerns(
    app: &App,
    tx: &mut WriteTx,
    version: i64,
    groups: &[GroupFact],
) -> Result<bool, AppError> {
    let policy = app.policies.get(tx, version).await?;
    Ok(groups.iter().any(|group| policy.concerns(group)))
}

/// The same, as far as can be said of a policy that nobody holds.
pub(crate) fn seems_to_concern(app: &App, tx: &WriteTx, version: i64, groups: &[GroupFact]) -> bool {
    let policy = app.policies.known(tx.tenant(), version);
    policy.is_some_and(|policy| groups.iter().any(|group| policy.concerns(group)))
}

/// Computes the access of these locked people.
pub(crate) async fn reevaluate(app: &App, tx: &mut WriteTx, people: &[UserId]) -> Result<Changed, AppError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    rules::hold(tx);
    let held_to = HeldTo { acting: Acting::now(tx).await?, by_hand: tx.scope().actor().by_hand() };
    reevaluate_held_to(app, tx, people, &held_to).await
}

/// Computes the access of these locked people after a deed of which the grant rules were asked already.
pub(crate) async fn reevaluate_decided(
    app: &App,
    tx: &mut WriteTx,
    people: &[UserId],
) -> Result<Changed, AppError> {
    rules::hold(tx);
    reevaluate_held_to(app, tx, people, &HeldTo::default()).await
}

async fn reevaluate_held_to(
    app: &App,
    tx: &mut WriteTx,
    people: &[UserId],
    held_to: &HeldTo,
) -> Result<Changed, AppError> {
    let mut changed = Vec::new();
    let mut outcomes = Outcomes::default();
    let mut by = None;
    for some in people.chunks(AT_ONCE) {
        let people = access::facts(tx, some).await?;
        let Some(version) = people.first().map(|person| person.policy_version) else { continue };
        let policy = app.policies.get(tx, version).await?;
        changed.extend(compute(app, tx, (&*policy, version), people, held_to, &mut outcomes)?);
        by = Some(policy);
    }
    if let Some(policy) = by {
        let pace = Pace::of(tx);
        changed.extend(outcomes.settle(app, tx, &policy.blueprint, pace).await?);
    }
    Ok(changed)
}

/// Computes the access of people whom an identity provider has just brought, and who are in no group and were given nothing.
pub(crate) async fn evaluate_new(
    app: &App,
    tx: &mut WriteTx,
    people: Vec<&(UserId, Resource)>,
) -> Result<Changed, AppError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    rules::hold(tx);
    let version = rules::version(tx).await?;
    let policy = app.policies.get(tx, version).await?;
    let people = people.into_iter().map(|(user, resource)| PersonFacts {
        user: *user,
        active: resource.active(),
        resource: resource.clone(),
        groups: Vec::new(),
        grants: Vec::new(),
        policy_version: version,
        stored: None,
    });
    compute(app, tx, (&*policy, version), people.collect(), &HeldTo::default(), &mut Outcomes::default())
}

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
        let outcomes = Outcomes { watch, ..Outcomes::default() };
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
        let blueprint = &self.policy.blueprint;
        Ok((self.outcomes.settle(app, tx, blueprint, Pace::AfterGrace).await?, affected))
    }
}

/// What a change of people is held to, by who makes it.
#[derive(Default)]
struct HeldTo {
    /// Whoever acts in person, and may do what grant rules allow.
    acting: Option<Acting>,
    /// Whether somebody acts by hand, who is told what cannot be instead of seeing it fall.
    by_hand: bool,
}

impl HeldTo {
    fn check(
        &self,
        policy: &Policy,
        user: UserId,
        before: Option<&EffectiveAccess>,
        after: &EffectiveAccess,
    ) -> Result<(), AppError> {
        if let Some(acting) = &self.acting {
            acting.check_change(policy, user, before, Some(after))?;
        }
        match fallen(before, after).filter(|_| self.by_hand) {
            Some((what, requires)) => {
                Err(AppError::Requires { what: what.to_owned(), requires: requires.to_owned() })
            }
            None => Ok(()),
        }
    }
}

fn compute(
    app: &App,
    tx: &mut WriteTx,
    (policy, version): (&Policy, i64),
    people: Vec<PersonFacts>,
    held_to: &HeldTo,
    outcomes: &mut Outcomes<'_>,
) -> Result<Changed, AppError> {
    let paths = policy.attribute_paths();
    let mut computed = Computed::default();
    let mut changed = Vec::new();
    for mut person in people {
        let attributes = paths
            .iter()
            .map(|path| (path.clone(), person.resource.values_at(path)))
            .collect::<BTreeMap<_, _>>();
        let access = evaluate(policy, &facts(&mut person, attributes));
        let holds = guards::holds_guarded(&policy.blueprint, &access);
        let guarded = if holds { Guarded::Yes } else { Guarded::No };
        if !computed.add(&person, &access, guarded)? {
            continue;
        }
        outcomes.affected = outcomes.affected.saturating_add(1);
        let before = person.stored.as_ref().map(Stored::access).transpose()?;
        if let Some(watch) = &mut outcomes.watch {
            watch.note(policy, &person, before.as_ref(), &access)?;
        }
        held_to.check(policy, person.user, before.as_ref(), &access)?;
        outcomes.lost.extend(
            before.as_ref().and_then(|was| Lost::between(&policy.blueprint, person.user, was, &access)),
        );
        outcomes.moved.extend(Moved::between(&policy.blueprint, &person, before.as_ref(), &access));
        let is_blocked = |access: &EffectiveAccess| access.status == AccessStatus::Blocked;
        if is_blocked(&access) && !before.as_ref().is_some_and(is_blocked) {
            outcomes.blocked.push(person.user);
        }
        let before = before.as_ref().map(summary);
        let after = summary(&access);
        if before.as_ref() != Some(&after) {
            tx.announce(Outgoing {
                fact: "access.changed",
                subject_id: person.user.to_string(),
                payload: told(policy, person.user, before.as_ref(), &after),
            });
            let mut event = AuditEvent::new(Action::AccessChange, person.user).after(after);
            event.before = before;
            changed.push(event);
        }
    }
    access::store(tx, computed, version, app.now());
    Ok(changed)
}

fn facts(person: &mut PersonFacts, attributes: BTreeMap<String, Vec<String>>) -> Facts {
    Facts {
        active: person.active,
        groups: std::mem::take(&mut person.groups),
        attributes,
        local_home: None,
        local_grants: std::mem::take(&mut person.grants),
        seat: SeatState::NotNeeded,
    }
}

/// What is told of somebody whose access changed; where their roles did, with what the product does with their connections then.
fn told(policy: &Policy, user: UserId, before: Option<&Value>, after: &Value) -> Value {
    let mut payload = json!({"user": user, "access": after});
    let roles = |access: &Value| access.get("roles").cloned();
    let session = policy.blueprint.product().session.as_ref();
    if before.is_some_and(|before| roles(before) != roles(after))
        && let (Some(session), Some(payload)) = (session, payload.as_object_mut())
    {
        payload.insert("onRoleChange".to_owned(), json!(session.on_role_change));
    }
    payload
}

/// What of an access is worth a line in the audit trail: what is held where, without the reasons.
pub(super) fn summary(access: &EffectiveAccess) -> Value {
    json!({
        "status": access.status,
        "home": access.home.as_ref().map(|home| &home.key),
        "roles": access.roles.iter().map(|held| json!({"role": held.role, "scope": held.scope})).collect::<Vec<_>>(),
        "flags": access.flags.iter().map(|held| json!({"flag": held.flag, "scope": held.scope})).collect::<Vec<_>>(),
    })
}
