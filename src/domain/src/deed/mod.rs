//! Who may do what to whom: a blueprint's grant rules, applied. Knows roles, places and rules; does not know how a deed is
//! carried out.
//!
//! What one rule denies none allows. What no rule allows is not allowed.

mod between;
mod sight;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::access::{
    AccessStatus, EffectiveAccess, Offer, Place, Policy, RestrictionAccess, RoleAccess, Scope, reaches,
};
use crate::blueprint::{Condition, Deed, Effect, GrantRule, Reach, Ref, Target, Test};
use crate::mapping::ScopeRef;

pub use between::{deed_to, deeds_at, deeds_between, deeds_of_grant};
pub use sight::{Sight, sight};

/// Stands for every role.
const ALL: &str = "*";

/// Something that somebody wants to do to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act<'a> {
    /// What. One that a product tells apart in several deeds may be done by whoever may do one of them.
    pub deeds: Vec<Deed>,
    /// Whether to themselves.
    pub to_oneself: bool,
    /// The roles that are given, and those that the other has there so far.
    pub roles: BTreeSet<&'a str>,
    /// The permission that is switched or set.
    pub permission: Option<&'a str>,
    /// Where.
    pub at: Where<'a>,
}

/// Where something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where<'a> {
    /// At all of these places: of a move, at the one before and the one after.
    All(Vec<Place<'a>>),
    /// At any place where the actor has a role: somebody comes who holds nothing anywhere yet.
    Somewhere,
}

/// Whether it may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed {
        /// By these rules.
        by: BTreeSet<String>,
        /// The conditions that the product must check.
        obligations: BTreeSet<String>,
        /// The kinds of place of which the actor must be a member, there, which the product knows.
        member_of: BTreeSet<String>,
    },
    /// A rule forbids it.
    Denied {
        /// The rule.
        by: String,
    },
    /// No rule allows it, there or for one of the roles.
    NotAllowed,
}

/// Whether somebody with this access may do it.
pub fn may(policy: &Policy, actor: &EffectiveAccess, act: &Act<'_>) -> Verdict {
    let rules = &policy.blueprint.product().grant_rules;
    let asked = Asked { policy, actor, act };
    if let Some(rule) = rules.iter().find(|rule| rule.effect == Effect::Deny && asked.is_denied_by(rule)) {
        return Verdict::Denied { by: rule.id.get_ref().clone() };
    }
    if actor.status != AccessStatus::Granted {
        return Verdict::NotAllowed;
    }
    let allowing: Vec<&GrantRule> = rules.iter().filter(|rule| rule.effect == Effect::Allow).collect();
    let verdicts = act.deeds.iter().flat_map(|deed| match &act.at {
        Where::All(places) => vec![asked.allowed(&allowing, *deed, places)],
        Where::Somewhere => {
            let held = actor.roles.iter().filter_map(|held| place(policy, &held.scope));
            held.map(|place| asked.allowed(&allowing, *deed, &[place])).collect()
        }
    });
    verdicts.flatten().next().unwrap_or(Verdict::NotAllowed)
}

/// An act of somebody under a policy.
struct Asked<'a> {
    policy: &'a Policy,
    actor: &'a EffectiveAccess,
    act: &'a Act<'a>,
}

impl Asked<'_> {
    fn is_denied_by(&self, rule: &GrantRule) -> bool {
        let concerned =
            self.act.roles.is_empty() || self.act.roles.iter().any(|role| names(&rule.roles, role));
        let deeds = self.act.deeds.iter().filter(|deed| rule.actions.contains(deed));
        let places = match &self.act.at {
            Where::All(places) => places.clone(),
            Where::Somewhere => vec![Place::Environment],
        };
        concerned
            && deeds.count() > 0
            && places.iter().any(|place| self.left_by(rule, None, *place).is_some())
    }

    /// The verdict of the rules that allow a deed, at all of these places; none if they do not.
    fn allowed(&self, rules: &[&GrantRule], deed: Deed, places: &[Place<'_>]) -> Option<Verdict> {
        let (mut by, mut obligations, mut member_of) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        // Each role must be covered at each place, if by different rules.
        let each: Vec<Option<&str>> = match self.act.roles.len() {
            0 => vec![None],
            _ => self.act.roles.iter().copied().map(Some).collect(),
        };
        for (role, place) in each.iter().flat_map(|role| places.iter().map(move |place| (role, *place))) {
            let about = rules.iter().filter(|rule| rule.actions.contains(&deed));
            let mut about = about.filter(|rule| role.is_none_or(|role| names(&rule.roles, role)));
            let (rule, left) = about.find_map(|rule| Some((rule, self.left_by(rule, Some(deed), place)?)))?;
            by.insert(rule.id.get_ref().clone());
            obligations.extend(left);
            member_of.extend(rule.member_of.iter().map(|scope| scope.get_ref().clone()));
        }
        (!by.is_empty()).then_some(Verdict::Allowed { by, obligations, member_of })
    }

    /// What is left to the product to check, if the rule is about this actor, this permission and this place; where a deed is
    /// named, by a role that may do it.
    fn left_by(&self, rule: &GrantRule, deed: Option<Deed>, place: Place<'_>) -> Option<BTreeSet<String>> {
        let about_it = (rule.target == Target::Anybody || self.act.to_oneself)
            && (rule.permissions.is_empty()
                || self.act.permission.is_some_and(|id| named(&rule.permissions, id)));
        let kept = deed.and_then(|deed| kept_for(self.policy, deed));
        let everybody = named(&rule.actors, ALL);
        let acts = |held: &&RoleAccess| {
            (everybody || named(&rule.actors, &held.role)) && kept.is_none_or(|kept| named(kept, &held.role))
        };
        let excepted =
            self.actor.roles.iter().any(|held| {
                named(&rule.except, &held.role) && reaches(&held.scope, place, &self.policy.tree)
            });
        let mut acting = self.actor.roles.iter().filter(acts);
        let by_role = (everybody && kept.is_none())
            || acting.any(|held| everybody || self.is_within(rule, &held.scope, place));
        if !about_it || !by_role || excepted {
            return None;
        }
        match &rule.only_if {
            Some(condition) => self.left_of(condition.get_ref(), place),
            None => Some(BTreeSet::new()),
        }
    }

    fn is_within(&self, rule: &GrantRule, scope: &Scope, place: Place<'_>) -> bool {
        // The place of which one must be a member lies where the role reaches; who its members are the product knows.
        if let Some(kind) = &rule.member_of {
            return self.called(place) == Some(kind.get_ref()) && reaches(scope, place, &self.policy.tree);
        }
        match rule.within {
            Reach::SamePlace => is_at(scope, place),
            Reach::Subtree => reaches(scope, place, &self.policy.tree),
            Reach::Environment => true,
        }
    }

    /// The product's word for a place.
    fn called(&self, place: Place<'_>) -> Option<&str> {
        let place = match place {
            Place::Environment => ScopeRef::Environment,
            Place::OrgUnit(unit) => ScopeRef::OrgUnit(unit),
            Place::Workspace(workspace) => ScopeRef::Workspace(workspace.id),
        };
        self.policy.blueprint.called(place, &self.policy.tree)
    }

    /// The condition itself, if only the product can say whether it holds; none if it does not hold.
    fn left_of(&self, condition: &str, place: Place<'_>) -> Option<BTreeSet<String>> {
        let Offer { plan, features } = &self.policy.offer;
        let holds = match self.policy.blueprint.condition(condition).map(Condition::test)? {
            Test::Product => None,
            Test::Feature(feature) => features.as_ref().map(|features| features.contains(feature)),
            Test::Plans(plans) => plan.as_ref().map(|plan| plans.contains(plan)),
            Test::Unrestricted(by) => {
                let under = |it: &RestrictionAccess| it.restriction == *by && is_at(&it.scope, place);
                Some(!self.actor.restrictions.iter().any(under))
            }
        };
        match holds {
            Some(false) => None,
            Some(true) => Some(BTreeSet::new()),
            None => Some(BTreeSet::from([condition.to_owned()])),
        }
    }
}

/// The roles by which alone something is done, whomever the grant rules name: on people of other companies those decide whom the
/// product names. None if the grant rules alone say it.
fn kept_for(policy: &Policy, deed: Deed) -> Option<&[Ref]> {
    let externals =
        policy.blueprint.product().externals.as_ref().filter(|_| deed == Deed::DecideOnExternal)?;
    Some(externals.approved_by.as_slice()).filter(|roles| !roles.is_empty())
}

/// Whether one of these references is to this.
fn named(refs: &[Ref], id: &str) -> bool {
    refs.iter().any(|named| named.get_ref() == id)
}

/// Whether a list of roles has this one; an empty list has all.
fn names(roles: &[Ref], role: &str) -> bool {
    roles.is_empty() || roles.iter().any(|named| [ALL, role].contains(&named.get_ref().as_str()))
}

/// Whether a scope is exactly this place.
fn is_at(scope: &Scope, place: Place<'_>) -> bool {
    match (scope, place) {
        (Scope::Environment, Place::Environment) => true,
        (Scope::OrgUnit { id, .. }, Place::OrgUnit(unit)) => *id == unit,
        (Scope::Workspace { id, .. }, Place::Workspace(workspace)) => *id == workspace.id,
        _ => false,
    }
}

/// The place that something is held at, if it is still there.
fn place<'a>(policy: &'a Policy, scope: &Scope) -> Option<Place<'a>> {
    match scope {
        Scope::Environment => Some(Place::Environment),
        Scope::OrgUnit { id, .. } => policy.tree.get(*id).map(|unit| Place::OrgUnit(unit.id)),
        Scope::Workspace { id, .. } => policy.workspaces.iter().find(|it| it.id == *id).map(Place::Workspace),
    }
}
