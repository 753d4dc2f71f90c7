//! Whom somebody sees. Knows grant rules and places; does not know who is where.
//!
//! Whoever may do something to the people of a place sees them, and nobody else does.

use std::collections::BTreeSet;

use super::{ALL, Act, Asked, Where, kept_for, named, place};
use crate::access::{AccessStatus, EffectiveAccess, Place, Policy, RoleAccess};
use crate::blueprint::{Deed, Effect, GrantRule, Reach, Target};
use crate::mapping::ScopeRef;

/// Whom somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everybody in the tenant.
    Everybody,
    /// Those who are at home, or hold a role, at one of these places; nobody if there is none.
    At(BTreeSet<ScopeRef>),
}

/// Those to whom somebody with this access may do this, or anything at all if nothing is named.
pub fn sight(policy: &Policy, actor: &EffectiveAccess, deed: Option<Deed>) -> Sight {
    let product = policy.blueprint.product();
    let mut seen = BTreeSet::new();
    if actor.status != AccessStatus::Granted {
        return Sight::At(seen);
    }
    let visible_to = product.directory.iter().flat_map(|list| &list.visible_to);
    let visible_to: BTreeSet<&str> = visible_to.map(|role| role.get_ref().as_str()).collect();
    let about = |rule: &&GrantRule| {
        rule.target == Target::Anybody && deed.is_none_or(|deed| rule.actions.contains(&deed))
    };
    let (mut allowing, mut denying) = (Vec::new(), Vec::new());
    for rule in product.grant_rules.iter().filter(about) {
        match rule.effect {
            Effect::Allow => allowing.push(rule),
            // What is denied of some deeds, roles or permissions leaves others.
            Effect::Deny if deed.is_some() && rule.roles.is_empty() && rule.permissions.is_empty() => {
                denying.push(rule);
            }
            Effect::Deny => {}
        }
    }
    let list = |held: &&RoleAccess| visible_to.is_empty() || visible_to.contains(held.role.as_str());
    let kept = deed.and_then(|deed| kept_for(policy, deed));
    let may = |held: &&RoleAccess| kept.is_none_or(|kept| named(kept, &held.role));
    for held in actor.roles.iter().filter(list).filter(may) {
        let Some(at) = place(policy, &held.scope) else { continue };
        let act = Act {
            deeds: deed.into_iter().collect(),
            to_oneself: false,
            roles: BTreeSet::new(),
            permission: None,
            at: Where::All(vec![at]),
        };
        let asked = Asked { policy, actor, act: &act };
        let by_role = |rule: &&&GrantRule| named(&rule.actors, &held.role) || named(&rule.actors, ALL);
        if denying.iter().filter(by_role).any(|rule| asked.left_by(rule, None, at).is_some()) {
            continue;
        }
        // Who is a member of a place that only the product knows, only the product can show.
        let open = allowing.iter().filter(by_role).filter(|rule| {
            rule.member_of.is_none() && rule.permissions.is_empty() && asked.left_by(rule, deed, at).is_some()
        });
        for rule in open {
            match (rule.within, at) {
                (Reach::Environment, _) | (_, Place::Environment) => return Sight::Everybody,
                (_, Place::Workspace(workspace)) => {
                    seen.insert(ScopeRef::Workspace(workspace.id));
                }
                (Reach::SamePlace, Place::OrgUnit(unit)) => {
                    seen.insert(ScopeRef::OrgUnit(unit));
                }
                (Reach::Subtree, Place::OrgUnit(unit)) => seen.extend(policy.subtree(unit)),
            }
        }
    }
    Sight::At(seen)
}
