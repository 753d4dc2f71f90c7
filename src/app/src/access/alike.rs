//! What is computed once for people who are alike. Knows what an evaluation reads of a person, and nothing else of them; keeps nothing
//! from one statement to the next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use domain::access::{
    AccessStatus, EffectiveAccess, Facts, GroupFact, LocalGrant, Policy, SeatState, evaluate,
};
use serde_json::{Map, Value, json};
use store::access::{Change, Guarded, Outcome, PersonFacts, Stored};

use crate::error::AppError;
use crate::guards;

/// Outcomes by what they were computed from, by one policy.
pub(super) struct Alike<'a> {
    policy: &'a Policy,
    paths: BTreeSet<String>,
    outcomes: HashMap<Read, (usize, Arc<Outcome>)>,
    turns: HashMap<(Option<Stored>, usize), Rc<Turn>>,
}

/// What an evaluation reads of a person.
#[derive(PartialEq, Eq, Hash)]
struct Read {
    active: bool,
    groups: Arc<Vec<GroupFact>>,
    grants: Arc<Vec<LocalGrant>>,
    attributes: BTreeMap<String, Vec<String>>,
}

impl Read {
    fn of(person: &PersonFacts, paths: &BTreeSet<String>) -> Result<Self, AppError> {
        Ok(Self {
            active: person.active,
            groups: Arc::clone(&person.groups),
            grants: Arc::clone(&person.grants),
            attributes: person.document.values(paths)?,
        })
    }

    fn facts(&self) -> Facts {
        Facts {
            active: self.active,
            groups: self.groups.to_vec(),
            attributes: self.attributes.clone(),
            local_home: None,
            local_grants: self.grants.to_vec(),
            held: Vec::new(),
            seat: SeatState::NotNeeded,
        }
    }
}

/// What a policy with these attributes asks of a person.
pub(super) fn facts(person: &PersonFacts, paths: &BTreeSet<String>) -> Result<Facts, AppError> {
    Ok(Read::of(person, paths)?.facts())
}

impl<'a> Alike<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        Self { policy, paths: policy.attribute_paths(), outcomes: HashMap::new(), turns: HashMap::new() }
    }

    /// What a person's access turns into.
    pub(super) fn turn(&mut self, person: &PersonFacts) -> Result<Rc<Turn>, AppError> {
        let read = Read::of(person, &self.paths)?;
        let (number, outcome) = if let Some((number, outcome)) = self.outcomes.get(&read) {
            (*number, Arc::clone(outcome))
        } else {
            let outcome = outcome(self.policy, evaluate(self.policy, &read.facts()))?;
            let number = self.outcomes.len();
            self.outcomes.insert(read, (number, Arc::clone(&outcome)));
            (number, outcome)
        };
        let key = (person.stored.clone(), number);
        if let Some(turn) = self.turns.get(&key) {
            return Ok(Rc::clone(turn));
        }
        let turn = Rc::new(Turn::between(self.policy, person.stored.as_ref(), &outcome)?);
        self.turns.insert(key, Rc::clone(&turn));
        Ok(turn)
    }

    /// What the policy asks of a person.
    pub(super) fn facts(&self, person: &PersonFacts) -> Result<Facts, AppError> {
        facts(person, &self.paths)
    }
}

/// An access by this policy, as it is to be stored.
pub(super) fn outcome(policy: &Policy, access: EffectiveAccess) -> Result<Arc<Outcome>, AppError> {
    let holds = guards::holds_guarded(&policy.blueprint, &access);
    Ok(Arc::new(Outcome::new(access, if holds { Guarded::Yes } else { Guarded::No })?))
}

/// What one access turns into, and what follows for whoever has it.
pub(super) struct Turn {
    pub(super) change: Change,
    /// Whether a protected role is given that was not.
    pub(super) gains: bool,
    /// Whether somebody is blocked who was not.
    pub(super) shuts_out: bool,
    /// What is told of it, if it is worth telling.
    pub(super) told: Option<Told>,
}

/// What is told of an access that changed.
pub(super) struct Told {
    pub(super) before: Option<Arc<Value>>,
    pub(super) after: Arc<Value>,
    /// What followers are told, without who it is about.
    pub(super) payload: Map<String, Value>,
}

impl Turn {
    pub(super) fn between(
        policy: &Policy,
        stored: Option<&Stored>,
        outcome: &Arc<Outcome>,
    ) -> Result<Self, AppError> {
        let change = Change::between(stored, outcome)?;
        if !change.is_one() {
            return Ok(Self { change, gains: false, shuts_out: false, told: None });
        }
        let (before, after) = (change.before(), change.after());
        let gains = guards::gained(&policy.blueprint, before, after);
        let shuts_out = shuts_out(before, after);
        let told = Told::of(policy, before.map(summary), summary(after));
        Ok(Self { change, gains, shuts_out, told })
    }
}

/// Whether somebody is blocked who was not.
pub(super) fn shuts_out(before: Option<&EffectiveAccess>, after: &EffectiveAccess) -> bool {
    let is_blocked = |access: &EffectiveAccess| access.status == AccessStatus::Blocked;
    is_blocked(after) && !before.is_some_and(is_blocked)
}

impl Told {
    /// What is told of somebody whose access changed; where their roles did, with what the product does with their connections then.
    fn of(policy: &Policy, before: Option<Value>, after: Value) -> Option<Self> {
        if before.as_ref() == Some(&after) {
            return None;
        }
        let mut payload = Map::from_iter([("access".to_owned(), after.clone())]);
        let roles = |access: &Value| access.get("roles").cloned();
        let session = policy.blueprint.product().session.as_ref();
        if before.as_ref().is_some_and(|before| roles(before) != roles(&after))
            && let Some(session) = session
        {
            payload.insert("onRoleChange".to_owned(), json!(session.on_role_change));
        }
        Some(Self { before: before.map(Arc::new), after: Arc::new(after), payload })
    }
}

/// What of an access is worth a line in the audit trail: what is held where, without the reasons.
pub(super) fn summary(access: &EffectiveAccess) -> Value {
    let mut summary = json!({
        "status": access.status,
        "home": access.home.as_ref().map(|home| &home.key),
        "roles": access.roles.iter().map(|held| json!({"role": held.role, "scope": held.scope})).collect::<Vec<_>>(),
        "flags": access.flags.iter().map(|held| json!({"flag": held.flag, "scope": held.scope})).collect::<Vec<_>>(),
    });
    if let (Some(seat), Some(summary)) = (&access.seat, summary.as_object_mut()) {
        summary.insert("seatClass".to_owned(), json!(seat.class));
    }
    summary
}
