//! What is taken away from what rules and roles give: by restrictions, by the plan, by features. Knows conditions; does not
//! know what gave anything.

use std::collections::BTreeSet;

use super::evaluate::{Flags, Levels, Permissions, Restrictions, Right, Roles};
use super::gather::Findings;
use super::{Policy, Reason, Scope, What};
use crate::blueprint::{Condition, Permission, Restriction, Test};

/// What a person holds before anything is taken away.
pub(super) struct Held {
    pub(super) flags: Flags,
    pub(super) levels: Levels,
    pub(super) permissions: Permissions,
}

/// The restrictions that count: those that are made for the role at their place and that the plan has.
pub(super) fn restrictions_in_force(
    policy: &Policy,
    restrictions: Restrictions,
    roles: &Roles<'_>,
    findings: &mut Findings,
) -> Restrictions {
    let mut in_force = Restrictions::new();
    for ((id, scope), mut reasons) in restrictions {
        let found = policy.blueprint.restriction(&id);
        let applies = |role: &str| found.is_some_and(|found| found.applies_to(role));
        let plans = found.map(Restriction::plans).filter(|plans| !plans.is_empty());
        let lacking = plans.zip(policy.offer.plan.as_ref()).filter(|(plans, plan)| !plans.contains(*plan));
        let why_not = match (lacking, found) {
            (_, None) => Some(Reason::NotInBlueprint),
            (Some((_, plan)), _) => Some(Reason::NotInPlan { plan: plan.clone() }),
            _ if roles.get(&scope).is_some_and(|(role, _)| applies(role.id())) => None,
            _ => Some(Reason::NotAllowedByRole),
        };
        match why_not {
            None => {
                in_force.insert((id, scope), reasons);
            }
            Some(why_not) => {
                reasons.push(why_not);
                findings.drop(What::Restriction, &id, Some(scope), reasons);
            }
        }
    }
    in_force
}

impl Held {
    /// Takes away what restrictions deny at their place, and holds down what they limit.
    pub(super) fn restrict(&mut self, policy: &Policy, restrictions: &Restrictions, findings: &mut Findings) {
        for (id, place) in restrictions.keys() {
            let Some(restriction) = policy.blueprint.restriction(id) else { continue };
            for denied in restriction.denies() {
                self.take(denied, place, &Reason::Restricted { by: id.clone() }, findings);
            }
            for (permission, level) in restriction.limits() {
                let Some(found) = policy.blueprint.permission(permission) else { continue };
                self.hold_down(found, level, place, id);
            }
        }
    }

    fn take(&mut self, id: &str, place: &Scope, why: &Reason, findings: &mut Findings) {
        let mut lost = |what: What, reasons: &mut Vec<Reason>| {
            let mut reasons = std::mem::take(reasons);
            reasons.push(why.clone());
            findings.drop(what, id, Some(place.clone()), reasons);
            false
        };
        self.permissions.retain(|right, reasons| {
            right.id != id || right.scope != *place || lost(What::Permission, reasons)
        });
        self.levels.retain(|(held, _, at), (_, _, reasons)| {
            held != id || at != place || lost(What::Permission, reasons)
        });
        self.flags.retain(|(held, at), reasons| held != id || at != place || lost(What::Flag, reasons));
    }

    fn hold_down(&mut self, permission: &Permission, to: &str, place: &Scope, by: &str) {
        let Some(limit) = permission.height(to) else { return };
        for ((id, _, at), (height, level, reasons)) in &mut self.levels {
            if id == permission.id() && at == place && *height > limit {
                (*height, *level) = (limit, to.to_owned());
                reasons.push(Reason::Restricted { by: by.to_owned() });
            }
        }
    }

    /// The flags and permissions whose conditions hold or are left to the product; levels are permissions from here on.
    pub(super) fn under_conditions(
        self,
        policy: &Policy,
        restrictions: &Restrictions,
        findings: &mut Findings,
    ) -> (Flags, Permissions) {
        let only_if =
            |id: &str| policy.blueprint.permission(id).and_then(Permission::only_if).map(str::to_owned);
        let mut flags = Flags::new();
        for ((id, scope), mut reasons) in self.flags {
            match left_to_product(policy, only_if(&id).into_iter().collect(), &scope, restrictions) {
                Ok(_) => {
                    flags.insert((id, scope), reasons);
                }
                Err(why_not) => {
                    reasons.push(why_not);
                    findings.drop(What::Flag, &id, Some(scope), reasons);
                }
            }
        }
        let mut permissions = Permissions::new();
        let levels = self.levels.into_iter().filter(|(_, (_, level, _))| Permission::is_something(level));
        let levels = levels.map(|((id, of, scope), (_, level, reasons))| {
            let found = policy.blueprint.permission(&id);
            let mut conditions: BTreeSet<String> = only_if(&id).into_iter().collect();
            conditions
                .extend(found.into_iter().flat_map(|found| found.obligations(&level)).map(str::to_owned));
            (Right { id, scope, of, level: Some(level), conditions }, reasons)
        });
        for (right, mut reasons) in self.permissions.into_iter().chain(levels) {
            let Right { id, scope, of, level, conditions } = right;
            match left_to_product(policy, conditions, &scope, restrictions) {
                Ok(conditions) => {
                    let right = Right { id, scope, of, level, conditions };
                    super::gather::add(permissions.entry(right).or_default(), reasons);
                }
                Err(why_not) => {
                    reasons.push(why_not);
                    findings.drop(What::Permission, &id, Some(scope), reasons);
                }
            }
        }
        (flags, permissions)
    }
}

/// Those of the conditions that only the product can check, or that nobody told us enough to; why not, if one fails.
pub(super) fn left_to_product(
    policy: &Policy,
    conditions: BTreeSet<String>,
    place: &Scope,
    restrictions: &Restrictions,
) -> Result<BTreeSet<String>, Reason> {
    let mut left = BTreeSet::new();
    for id in conditions {
        let test = policy.blueprint.condition(&id).map_or(&Test::Product, Condition::test);
        match (test, &policy.offer.features, &policy.offer.plan) {
            (Test::Feature(feature), Some(features), _) => {
                if !features.contains(feature) {
                    return Err(Reason::NoFeature { feature: feature.clone() });
                }
            }
            (Test::Plans(plans), _, Some(plan)) => {
                if !plans.contains(plan) {
                    return Err(Reason::NotInPlan { plan: plan.clone() });
                }
            }
            (Test::Unrestricted(by), ..) => {
                if restrictions.contains_key(&(by.clone(), place.clone())) {
                    return Err(Reason::Restricted { by: by.clone() });
                }
            }
            (Test::Product | Test::Feature(_) | Test::Plans(_), ..) => {
                left.insert(id);
            }
        }
    }
    Ok(left)
}
