//! Computes access anew for those whose facts or policy changed. Knows the order: hold the policy, read the facts,
//! evaluate, store, and say what changed.
//!
//! The people must be locked by the transaction, so that two changes of one person follow each other. Seats are not an
//! input here: the seat gate is applied when access is read, by the rows of that moment, so that a seat that passes
//! from one person to another touches nobody's stored access.

use std::collections::BTreeMap;

use domain::access::{EffectiveAccess, Facts, GroupFact, Policy, SeatState, evaluate};
use domain::audit::{Action, AuditEvent};
use domain::id::UserId;
use serde_json::{Value, json};
use store::access::{Computed, Guarded, PersonFacts};
use store::audit::Outgoing;
use store::{Reads as _, WriteTx, access, rules, users};

use crate::App;
use crate::error::AppError;
use crate::guards::{self, Lost};

/// How many people are computed between two statements.
pub(crate) const AT_ONCE: usize = 1_000;

/// What an evaluation changed.
pub(crate) type Changed = Vec<AuditEvent>;

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
    let mut changed = Vec::new();
    if !people.is_empty() {
        rules::hold(tx);
    }
    let mut lost = Vec::new();
    let mut by = None;
    for some in people.chunks(AT_ONCE) {
        let people = access::facts(tx, some).await?;
        let Some(version) = people.first().map(|person| person.policy_version) else { continue };
        let policy = app.policies.get(tx, version).await?;
        changed.extend(compute(app, tx, &policy, version, people, &mut lost)?);
        by = Some(policy);
    }
    if let Some(policy) = by {
        changed.extend(guards::check(tx, &policy.blueprint, &lost).await?);
    }
    Ok(changed)
}

/// Counts a change of the policy, which the transaction has made, and computes everybody's access by it.
pub(crate) async fn reevaluate_everybody(app: &App, tx: &mut WriteTx) -> Result<Changed, AppError> {
    let version = rules::bump_version(tx).await?;
    let policy = super::policy::load(tx).await?;
    let everybody = users::all_ids(tx).await?;
    let mut changed = Vec::new();
    let mut lost = Vec::new();
    for some in everybody.chunks(AT_ONCE) {
        let people = access::facts(tx, some).await?;
        changed.extend(compute(app, tx, &policy, version, people, &mut lost)?);
    }
    changed.extend(guards::check(tx, &policy.blueprint, &lost).await?);
    Ok(changed)
}

fn compute(
    app: &App,
    tx: &mut WriteTx,
    policy: &Policy,
    version: i64,
    people: Vec<PersonFacts>,
    lost: &mut Vec<Lost>,
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
        let before = person.stored.map(|stored| stored.access()).transpose()?;
        lost.extend(
            before.as_ref().and_then(|was| Lost::between(&policy.blueprint, person.user, was, &access)),
        );
        let before = before.as_ref().map(summary);
        let after = summary(&access);
        if before.as_ref() != Some(&after) {
            tx.announce(Outgoing {
                fact: "access.changed",
                subject_id: person.user.to_string(),
                payload: json!({"user": person.user, "access": after}),
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
        local_grants: Vec::new(),
        seat: SeatState::NotNeeded,
    }
}

/// What of an access is worth a line in the audit trail: what is held where, without the reasons.
fn summary(access: &EffectiveAccess) -> Value {
    json!({
        "status": access.status,
        "home": access.home.as_ref().map(|home| &home.key),
        "roles": access.roles.iter().map(|held| json!({"role": held.role, "scope": held.scope})).collect::<Vec<_>>(),
        "flags": access.flags.iter().map(|held| json!({"flag": held.flag, "scope": held.scope})).collect::<Vec<_>>(),
    })
}
