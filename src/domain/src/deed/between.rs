//! What somebody does who changes what another may do. Knows access before and after, and what is given by hand; does not know
//! who may do it.
//!
//! What only follows — a role from flags and home, the default role of somebody who has no other, what a role gives — is no
//! deed of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Act, Where, place};
use crate::access::{AccessStatus, EffectiveAccess, Place, Policy, Reason, RoleAccess, Scope, What};
use crate::blueprint::{Assignment, Deed, Role};
use crate::mapping::{Outcome, ScopeRef};

/// A role is given at a place where somebody had none.
const GIVEN: [Deed; 3] = [Deed::ChangeRole, Deed::AddToPlace, Deed::Invite];
/// The role at a place is taken away, and no other comes instead.
const TAKEN: [Deed; 3] = [Deed::ChangeRole, Deed::RemoveFromPlace, Deed::Revoke];

/// Everything that is done to somebody whose access goes from `before` to `after`. `None` is somebody who is not there.
pub fn deeds_between<'a>(
    policy: &'a Policy,
    before: Option<&'a EffectiveAccess>,
    after: Option<&'a EffectiveAccess>,
    to_oneself: bool,
) -> Vec<Act<'a>> {
    let to = To { policy, to_oneself };
    match (before, after) {
        (None, None) => Vec::new(),
        (Some(before), None) => vec![to.act(&[Deed::Delete], roles_of(before), to.home(before))],
        (None, Some(after)) => to.arrives(Deed::Invite, after),
        (Some(before), Some(after)) => match (is_in(before), is_in(after)) {
            (true, false) => vec![to.act(&[Deed::Deactivate], roles_of(before), to.home(before))],
            (false, true) => {
                to.moved(before, after).into_iter().chain(to.arrives(Deed::Reactivate, after)).collect()
            }
            (false, false) => to.moved(before, after).into_iter().collect(),
            (true, true) => to.changed(before, after),
        },
    }
}

/// Everything that is done by giving this to somebody by hand, or by taking it away.
pub fn deeds_of_grant<'a>(
    policy: &'a Policy,
    what: &'a Outcome,
    giving: bool,
    of: &'a EffectiveAccess,
    to_oneself: bool,
) -> Vec<Act<'a>> {
    let to = To { policy, to_oneself };
    let at = |scope: ScopeRef| if scope == ScopeRef::Environment { to.home(of) } else { to.at(scope) };
    match what {
        Outcome::Role { role, scope, restrictions } => {
            let at = to.at(*scope);
            let so_far = role_at(policy, of, *scope);
            let deeds: &[Deed] = match (giving, so_far) {
                (true, None) => &GIVEN,
                (true, Some(_)) => &[Deed::ChangeRole],
                (false, _) => &TAKEN,
            };
            let roles = so_far.into_iter().chain([role.as_str()]).collect();
            let given = to.act(deeds, roles, at.clone());
            let restricted = (!restrictions.is_empty())
                .then(|| to.act(&[Deed::SetRestriction], BTreeSet::from([role.as_str()]), at));
            std::iter::once(given).chain(restricted).collect()
        }
        Outcome::Flags { flags, scope } => {
            flags.iter().map(|flag| to.permission(flag, of, at(*scope))).collect()
        }
        Outcome::Level { permission, scope, .. } => vec![to.permission(permission, of, at(*scope))],
        Outcome::Restrictions { scope, .. } => {
            let roles =
                role_at(policy, of, *scope).map_or_else(|| roles_of(of), |role| BTreeSet::from([role]));
            vec![to.act(&[Deed::SetRestriction], roles, to.at(*scope))]
        }
        // What is paid for is decided by whoever administers the tenant, and by nobody in person.
        Outcome::SeatClass { .. } => vec![to.act(&[], roles_of(of), to.home(of))],
        Outcome::Block if giving => vec![to.act(&[Deed::Deactivate], roles_of(of), to.home(of))],
        Outcome::Block => vec![to.act(&[Deed::Reactivate], roles_of(of), to.home(of))],
        Outcome::Home { template, .. } => {
            let from = home_of(policy, of);
            let places = policy.tree.by_key(template).map(|unit| vec![from, Place::OrgUnit(unit.id)]);
            vec![to.act(&[Deed::ChangeHome], roles_of(of), Where::All(places.unwrap_or_default()))]
        }
    }
}

/// A deed to somebody where they belong, as they are.
pub fn deed_to<'a>(policy: &'a Policy, deed: Deed, of: &'a EffectiveAccess, to_oneself: bool) -> Act<'a> {
    let to = To { policy, to_oneself };
    to.act(&[deed], roles_of(of), to.home(of))
}

/// Deeds to somebody who had these roles at a place, there. At a place that is no longer there nothing is allowed.
pub fn deeds_at<'a>(
    policy: &'a Policy,
    deeds: &[Deed],
    (roles, at): (BTreeSet<&'a str>, ScopeRef),
    to_oneself: bool,
) -> Act<'a> {
    let to = To { policy, to_oneself };
    to.act(deeds, roles, to.at(at))
}

/// The person to whom something is done.
struct To<'a> {
    policy: &'a Policy,
    to_oneself: bool,
}

impl<'a> To<'a> {
    fn act(&self, deeds: &[Deed], roles: BTreeSet<&'a str>, at: Where<'a>) -> Act<'a> {
        Act { deeds: deeds.to_vec(), to_oneself: self.to_oneself, roles, permission: None, at }
    }

    fn permission(&self, id: &'a str, of: &'a EffectiveAccess, at: Where<'a>) -> Act<'a> {
        Act { permission: Some(id), ..self.act(&[Deed::ChangePermission], roles_of(of), at) }
    }

    fn home(&self, of: &EffectiveAccess) -> Where<'a> {
        Where::All(vec![home_of(self.policy, of)])
    }

    /// A place that is no longer there is nowhere, and nothing is allowed nowhere.
    fn at(&self, scope: ScopeRef) -> Where<'a> {
        let policy = self.policy;
        let found = match scope {
            ScopeRef::Environment => Some(Place::Environment),
            ScopeRef::OrgUnit(id) => policy.tree.get(id).map(|unit| Place::OrgUnit(unit.id)),
            ScopeRef::Workspace(id) => policy.workspaces.iter().find(|it| it.id == id).map(Place::Workspace),
        };
        Where::All(found.into_iter().collect())
    }

    /// Where something is held: in the environment that is where the person belongs.
    fn held_at(&self, of: &EffectiveAccess, scope: &Scope) -> Where<'a> {
        match scope {
            Scope::Environment => self.home(of),
            narrower => Where::All(place(self.policy, narrower).into_iter().collect()),
        }
    }

    /// Somebody comes, with whatever they have then.
    fn arrives(&self, how: Deed, after: &'a EffectiveAccess) -> Vec<Act<'a>> {
        let given = after.roles.iter().filter(|held| is_given(&held.reasons));
        let places: Option<Vec<Place<'a>>> = given.map(|held| place(self.policy, &held.scope)).collect();
        let places = places.unwrap_or_default();
        let at = match (&after.home, places.is_empty()) {
            (None, false) => Where::All(places),
            (None, true) if after.roles.is_empty() => Where::Somewhere,
            _ => self.home(after),
        };
        let mut acts = vec![self.act(&[how], roles_of(after), at)];
        acts.extend(self.switched(&BTreeMap::new(), &granted(after), after));
        acts.extend(self.restricted(&BTreeSet::new(), &restrictions(after), after));
        acts
    }

    fn changed(&self, before: &'a EffectiveAccess, after: &'a EffectiveAccess) -> Vec<Act<'a>> {
        let mut acts: Vec<Act<'a>> = self.moved(before, after).into_iter().collect();
        acts.extend(self.roles_changed(before, after));
        acts.extend(self.switched(&granted(before), &granted(after), before));
        acts.extend(self.restricted(&restrictions(before), &restrictions(after), after));
        acts
    }

    /// A move, of which both ends count.
    fn moved(&self, before: &'a EffectiveAccess, after: &'a EffectiveAccess) -> Option<Act<'a>> {
        let unit = |access: &EffectiveAccess| access.home.as_ref().map(|home| home.org_unit);
        let places = vec![home_of(self.policy, before), home_of(self.policy, after)];
        let roles = roles_of(before).into_iter().chain(roles_of(after)).collect();
        (unit(before) != unit(after)).then(|| self.act(&[Deed::ChangeHome], roles, Where::All(places)))
    }

    fn roles_changed(&self, before: &'a EffectiveAccess, after: &'a EffectiveAccess) -> Vec<Act<'a>> {
        let (was, is) = (self.roles(before), self.roles(after));
        let scopes: BTreeSet<&Scope> = was.keys().chain(is.keys()).copied().collect();
        let mut acts = Vec::new();
        for scope in scopes {
            let at = Where::All(place(self.policy, scope).into_iter().collect());
            let (was, is) = (was.get(scope).copied(), is.get(scope).copied());
            let given = |held: Option<&RoleAccess>| held.is_some_and(|held| is_given(&held.reasons));
            let id = |held: Option<&'a RoleAccess>| held.map(|held| held.role.as_str());
            if id(was) == id(is) || !(given(was) || given(is)) {
                continue;
            }
            let deeds: &[Deed] = match (was, is) {
                (None, _) => &GIVEN,
                (_, None) => &TAKEN,
                _ => &[Deed::ChangeRole],
            };
            acts.push(self.act(deeds, id(was).into_iter().chain(id(is)).collect(), at));
        }
        acts
    }

    /// The roles that somebody can give, by place.
    fn roles(&self, access: &'a EffectiveAccess) -> BTreeMap<&'a Scope, &'a RoleAccess> {
        let can_be_given = |held: &&RoleAccess| {
            self.policy.blueprint.role(&held.role).map(Role::assignment) != Some(Assignment::Derived)
        };
        access.roles.iter().filter(can_be_given).map(|held| (&held.scope, held)).collect()
    }

    fn switched(&self, before: &Granted<'a>, after: &Granted<'a>, of: &'a EffectiveAccess) -> Vec<Act<'a>> {
        let things: BTreeSet<&(&str, &Scope)> = before.keys().chain(after.keys()).collect();
        let differs = |it: &&&(&'a str, &'a Scope)| match (before.get(**it), after.get(**it)) {
            // Held before and after, at which level if both say so.
            (Some(was), Some(is)) => !was.is_empty() && !is.is_empty() && was != is,
            _ => true,
        };
        let changed = things.iter().filter(differs);
        changed.map(|(id, scope)| self.permission(id, of, self.held_at(of, scope))).collect()
    }

    fn restricted(
        &self,
        before: &BTreeSet<(&'a str, &'a Scope)>,
        after: &BTreeSet<(&'a str, &'a Scope)>,
        of: &'a EffectiveAccess,
    ) -> Vec<Act<'a>> {
        let places: BTreeSet<&Scope> = before.symmetric_difference(after).map(|(_, scope)| *scope).collect();
        let acts = places.into_iter().map(|scope| {
            let roles = of.roles.iter().filter(|held| held.scope == *scope).map(|held| held.role.as_str());
            self.act(&[Deed::SetRestriction], roles.collect(), self.held_at(of, scope))
        });
        acts.collect()
    }
}

/// What was given of flags and levels, by id and place, with what it is held for and at which level; of what fell for another
/// reason only that it was given.
type Granted<'a> = BTreeMap<(&'a str, &'a Scope), BTreeSet<(Option<&'a str>, Option<&'a str>)>>;

fn granted(access: &EffectiveAccess) -> Granted<'_> {
    let mut granted = Granted::new();
    for held in access.flags.iter().filter(|held| is_given(&held.reasons)) {
        granted.entry((held.flag.as_str(), &held.scope)).or_default().insert((None, None));
    }
    for held in access.permissions.iter().filter(|held| is_given(&held.reasons)) {
        let how = (held.of.as_deref(), held.level.as_deref());
        granted.entry((held.permission.as_str(), &held.scope)).or_default().insert(how);
    }
    let fell = access.dropped.iter().filter(|it| matches!(it.what, What::Flag | What::Permission));
    for dropped in fell.filter(|it| is_given(&it.reasons)) {
        if let Some(scope) = &dropped.scope {
            granted.entry((dropped.id.as_str(), scope)).or_default();
        }
    }
    granted
}

fn restrictions(access: &EffectiveAccess) -> BTreeSet<(&str, &Scope)> {
    access.restrictions.iter().map(|it| (it.restriction.as_str(), &it.scope)).collect()
}

/// Whether somebody or a rule gave it, so that it does not only follow.
fn is_given(reasons: &[Reason]) -> bool {
    reasons.iter().any(Reason::gives)
}

/// Whether somebody is let in, seat or no seat.
fn is_in(access: &EffectiveAccess) -> bool {
    !matches!(access.status, AccessStatus::Inactive | AccessStatus::Blocked)
}

fn roles_of(access: &EffectiveAccess) -> BTreeSet<&str> {
    access.roles.iter().map(|held| held.role.as_str()).collect()
}

/// The role that somebody has at exactly this place.
fn role_at<'a>(policy: &Policy, access: &'a EffectiveAccess, scope: ScopeRef) -> Option<&'a str> {
    let here = |held: &&RoleAccess| match (&held.scope, scope) {
        (Scope::Environment, ScopeRef::Environment) => true,
        (Scope::OrgUnit { id, .. }, ScopeRef::OrgUnit(unit)) => *id == unit,
        (Scope::Workspace { id, .. }, ScopeRef::Workspace(workspace)) => *id == workspace,
        _ => false,
    };
    let can_be_given =
        |role: &str| policy.blueprint.role(role).map(Role::assignment) != Some(Assignment::Derived);
    access.roles.iter().find(here).map(|held| held.role.as_str()).filter(|role| can_be_given(role))
}

/// Where somebody belongs: their unit, or else the whole environment.
fn home_of<'a>(policy: &Policy, access: &EffectiveAccess) -> Place<'a> {
    let unit = access.home.as_ref().and_then(|home| policy.tree.get(home.org_unit));
    unit.map_or(Place::Environment, |unit| Place::OrgUnit(unit.id))
}
