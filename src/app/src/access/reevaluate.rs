//! Computes access anew for those whose facts or policy changed. Knows the order: hold the policy, read the facts,
//! evaluate, store, say what changed, and show those out who are blocked from now on.
//!
//! The people must be locked by the transaction, so that two changes of one person follow each other. Seats are not an
//! input here: the seat gate is applied when access is read, by the rows of that moment, so that a seat that passes
//! from one person to another touches nobody's stored access.

use std::sync::Arc;

use domain::access::{EffectiveAccess, Facts, GroupFact, Policy, evaluate};
use domain::audit::{Action, AuditEvent};
use domain::blueprint::Invariant;
use domain::id::UserId;
use domain::invariant::{Origin, fallen, held_roles};
use scim::resource::Resource;
use serde_json::{Value, json};
use store::access::{Computed, PersonFacts};
use store::audit::Outgoing;
use store::rules::Terms;
use store::{Reads as _, WriteTx, access, rules};

use super::alike::{Alike, Turn, outcome};
use crate::App;
use crate::error::AppError;
use crate::guards::{self, Acting, Judged, Lost};
use crate::handovers::{Moved, Pace, follow};
use crate::login::{keep_a_way_back, sign_out_everywhere};

/// How many people are computed between two statements: what was read and is written of so many is in memory, and as much
/// stays with a connection.
pub(crate) const AT_ONCE: usize = 500;

/// What an evaluation changed.
pub(crate) type Changed = Vec<AuditEvent>;

/// What is left to do when all are computed.
pub(super) struct Outcomes {
    /// How many have another access than before.
    pub(super) affected: usize,
    /// Who asks for what is lost.
    origin: Origin,
    /// Whether those who only keep a role keep it without a question: then whether it is lost is the same whoever comes first.
    keeps: bool,
    lost: Vec<Lost>,
    /// Who lost a protected role, and is computed again when it is known whether they keep it.
    open: Vec<(PersonFacts, Facts)>,
    /// Whether somebody has a protected role who had it not.
    gained: bool,
    /// Who has left a place or is back at one, where the product hands over what they leave.
    moved: Vec<Moved>,
    /// Who is blocked and was not before.
    blocked: Vec<UserId>,
}

impl Outcomes {
    /// Of what a transaction does to people.
    fn of(tx: &WriteTx) -> Self {
        Self::from(guards::origin(tx), false)
    }

    /// Of a change of the policy, on those on whom it rests whether it can be.
    pub(super) fn of_policy(tx: &WriteTx) -> Self {
        Self::from(guards::origin(tx), true)
    }

    /// Of a change of the policy that has been made, on everybody else: nothing is refused any more.
    pub(super) fn following() -> Self {
        Self::from(Origin::Policy, false)
    }

    fn from(origin: Origin, keeps: bool) -> Self {
        Self {
            affected: 0,
            origin,
            keeps,
            lost: Vec::new(),
            open: Vec::new(),
            gained: false,
            moved: Vec::new(),
            blocked: Vec::new(),
        }
    }

    pub(super) async fn settle(
        mut self,
        app: &App,
        tx: &mut WriteTx,
        (policy, version): (&Policy, i64),
        pace: Pace,
    ) -> Result<(Changed, usize), AppError> {
        let blueprint = &policy.blueprint;
        let Judged { events: mut changed, mut held } =
            guards::judge(tx, blueprint, &self.lost, self.origin).await?;
        let mut computed = Computed::default();
        for (person, mut facts) in std::mem::take(&mut self.open) {
            facts.held = held.remove(&person.user).unwrap_or_default();
            let access = evaluate(policy, &facts);
            let turn = Turn::between(policy, person.stored.as_ref(), &outcome(policy, access)?)?;
            changed.extend(self.take(tx, policy, &person, &turn, &HeldTo::default(), &mut computed)?);
        }
        access::store(tx, computed, version, app.now())?;
        changed.extend(follow(app, tx, blueprint, &self.moved, pace).await?);
        if !self.blocked.is_empty() {
            if self.origin != Origin::Policy {
                keep_a_way_back(tx, None).await?;
            }
            changed.extend(sign_out_everywhere(tx, &self.blocked, app.now()).await?);
        }
        Ok((changed, self.affected))
    }

    /// Takes what was computed of a person, and returns what the audit trail says of it.
    fn take(
        &mut self,
        tx: &mut WriteTx,
        policy: &Policy,
        person: &PersonFacts,
        turn: &Turn,
        held_to: &HeldTo,
        computed: &mut Computed,
    ) -> Result<Option<AuditEvent>, AppError> {
        let Turn { change, gains, shuts_out, told, .. } = turn;
        computed.add(person, change);
        if !change.is_one() {
            return Ok(None);
        }
        self.affected = self.affected.saturating_add(1);
        held_to.check(policy, person.user, change.before(), change.after())?;
        self.gained |= gains;
        self.moved.extend(Moved::between(&policy.blueprint, person, change.before(), change.after())?);
        if *shuts_out {
            self.blocked.push(person.user);
        }
        let Some(told) = told else { return Ok(None) };
        let mut payload = told.payload.clone();
        payload.insert("user".to_owned(), json!(person.user));
        let subject_id = person.user.to_string();
        tx.announce(Outgoing { fact: "access.changed", subject_id, payload: Value::Object(payload) });
        let mut event = AuditEvent::new(Action::AccessChange, person.user).after(Arc::clone(&told.after));
        event.before.clone_from(&told.before);
        Ok(Some(event))
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
    let mut outcomes = Outcomes::of(tx);
    let mut by = None;
    for some in people.chunks(AT_ONCE) {
        let people = access::facts(tx, some).await?;
        let Some(version) = people.first().map(|person| person.policy_version) else { continue };
        let policy = app.policies.get(tx, version).await?;
        changed.extend(compute(app, tx, (&*policy, version), people, held_to, &mut outcomes)?);
        by = Some((policy, version));
    }
    if let Some((policy, version)) = by {
        let pace = Pace::of(tx);
        changed.extend(conclude(app, tx, (&*policy, version), people, outcomes, pace).await?.0);
    }
    Ok(changed)
}

/// Computes the access of a locked person whose facts were read while the policy was held.
pub(crate) async fn reevaluate_one(
    app: &App,
    tx: &mut WriteTx,
    person: PersonFacts,
) -> Result<Changed, AppError> {
    let held_to = HeldTo { acting: Acting::now(tx).await?, by_hand: tx.scope().actor().by_hand() };
    let (user, version) = (person.user, person.policy_version);
    let policy = app.policies.get(tx, version).await?;
    let (by, mut outcomes) = ((&*policy, version), Outcomes::of(tx));
    let mut changed = compute(app, tx, by, vec![person], &held_to, &mut outcomes)?;
    let pace = Pace::of(tx);
    changed.extend(conclude(app, tx, by, &[user], outcomes, pace).await?.0);
    Ok(changed)
}

/// Settles what was computed of these people. Where somebody has a protected role now, those who only kept it are looked at again.
pub(super) async fn conclude(
    app: &App,
    tx: &mut WriteTx,
    by: (&Policy, i64),
    people: &[UserId],
    mut outcomes: Outcomes,
    pace: Pace,
) -> Result<(Changed, usize), AppError> {
    let mut changed = Vec::new();
    if outcomes.gained {
        let mut keepers = store::guards::lock_keepers(tx).await?;
        keepers.retain(|keeper| !people.contains(keeper));
        let keepers = access::facts(tx, &keepers).await?;
        changed = compute(app, tx, by, keepers, &HeldTo::default(), &mut outcomes)?;
    }
    let (settled, affected) = outcomes.settle(app, tx, by, pace).await?;
    changed.extend(settled);
    Ok((changed, affected))
}

/// Computes the access of people whom an identity provider has just brought, and who are in no group and were given nothing. Says on
/// which terms they come, if there are any.
pub(crate) async fn evaluate_new(
    app: &App,
    tx: &mut WriteTx,
    people: Vec<&(UserId, Resource)>,
) -> Result<(Changed, Option<Terms>), AppError> {
    if people.is_empty() {
        return Ok((Vec::new(), None));
    }
    rules::hold(tx);
    let terms = rules::terms(tx).await?;
    let version = terms.version;
    let policy = app.policies.get(tx, version).await?;
    let (groups, grants) = (Arc::default(), Arc::default());
    let people = people.into_iter().map(|(user, resource)| PersonFacts {
        user: *user,
        active: resource.active(),
        document: resource.clone().into(),
        groups: Arc::clone(&groups),
        grants: Arc::clone(&grants),
        policy_version: version,
        stored: None,
    });
    let (by, mut outcomes) = ((&*policy, version), Outcomes::of(tx));
    let mut changed = compute(app, tx, by, people.collect(), &HeldTo::default(), &mut outcomes)?;
    if outcomes.gained {
        let pace = Pace::of(tx);
        changed.extend(conclude(app, tx, by, &[], outcomes, pace).await?.0);
    }
    Ok((changed, Some(terms)))
}

/// What a change of people is held to, by who makes it.
#[derive(Default)]
pub(super) struct HeldTo {
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

pub(super) fn compute(
    app: &App,
    tx: &mut WriteTx,
    (policy, version): (&Policy, i64),
    people: Vec<PersonFacts>,
    held_to: &HeldTo,
    outcomes: &mut Outcomes,
) -> Result<Changed, AppError> {
    let mut alike = Alike::new(policy);
    let mut computed = Computed::default();
    let mut changed = Vec::new();
    for person in people {
        let mut turn = alike.turn(&person)?;
        if let Some(lost) = loss(policy, &person, turn.change.after())? {
            let mut facts = alike.facts(&person)?;
            if !outcomes.keeps {
                held_to.check(policy, person.user, Some(lost.before()), turn.change.after())?;
                outcomes.lost.push(lost);
                outcomes.open.push((person, facts));
                continue;
            }
            let access = keeping(policy, &lost, &mut facts);
            outcomes.lost.extend(loss(policy, &person, &access)?.map(Lost::for_good));
            turn = Turn::between(policy, person.stored.as_ref(), &outcome(policy, access)?)?.into();
        }
        changed.extend(outcomes.take(tx, policy, &person, &turn, held_to, &mut computed)?);
    }
    access::store(tx, computed, version, app.now())?;
    Ok(changed)
}

/// What a person has who loses a protected role and goes on keeping what they only kept.
pub(super) fn keeping(policy: &Policy, lost: &Lost, facts: &mut Facts) -> EffectiveAccess {
    facts.held = held_roles(lost.before());
    evaluate(policy, facts)
}

/// What a person loses, if it is a protected role.
pub(super) fn loss(
    policy: &Policy,
    person: &PersonFacts,
    after: &EffectiveAccess,
) -> Result<Option<Lost>, AppError> {
    let mut protected = policy.blueprint.invariants().iter().map(Invariant::role);
    match &person.stored {
        Some(stored) if protected.any(|role| stored.has_role(role)) => {
            Ok(Lost::between(&policy.blueprint, person.user, &*stored.access()?, after))
        }
        _ => Ok(None),
    }
}
