//! The evaluation. Knows the order of the steps; does not know where its input comes from.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use super::effective::reaches;
use super::gather::{Findings, Gathered, add, fits, gather, place};
use super::home::find_home;
use super::seat_need::seat_needed;
use super::subtract::{Held, left_to_product, restrictions_in_force};
use super::{
    AccessStatus, EffectiveAccess, Facts, FlagAccess, HeldRole, HomeAccess, PermissionAccess, Place, Policy,
    Reason, RestrictionAccess, RoleAccess, Scope, What,
};
use crate::blueprint::{
    Cell, DerivedRole, Grantable, HomeDepth, Permission, PermissionKind, Role, ScopeKind,
};
use crate::mapping::MappingRule;

/// What a person may do, and why. See the module for the order of the steps.
pub fn evaluate(policy: &Policy, facts: &Facts) -> EffectiveAccess {
    let rules = active_rules(policy);
    let mut findings = Findings::default();
    let home = find_home(policy, &rules, facts, &mut findings);
    if !facts.active {
        return EffectiveAccess {
            status: AccessStatus::Inactive,
            home,
            flags: Vec::new(),
            roles: Vec::new(),
            permissions: Vec::new(),
            restrictions: Vec::new(),
            seat: None,
            dropped: findings.into_dropped(),
            reasons: vec![Reason::Inactive],
        };
    }

    let Gathered { mut flags, mut roles, levels, restrictions, seat_class, blocked } =
        gather(policy, &rules, facts, &mut findings);
    derive_roles(policy, home.as_ref(), &flags, &mut roles, &mut findings);
    keep_held_roles(policy, facts, &mut roles, &mut findings);
    if roles.is_empty() {
        give_default_role(policy, home.as_ref(), &mut roles, &mut findings);
    }
    drop_flags_no_role_allows(&mut flags, &roles, &mut findings);
    let levels = levels_some_role_allows(levels, &roles, &mut findings);
    let mut held = what_roles_give(policy, &roles, flags, levels, &mut findings);
    let restrictions = restrictions_in_force(policy, restrictions, &roles, &mut findings);
    held.restrict(policy, &restrictions, &mut findings);
    let (mut flags, mut permissions) = held.under_conditions(policy, &restrictions, &mut findings);
    drop_dependents(policy, &mut flags, &mut permissions, &mut findings);

    let seat = seat_needed(&policy.blueprint, &roles, seat_class);

    let access = EffectiveAccess {
        status: AccessStatus::Granted,
        home,
        flags: flags_held(policy, flags, &restrictions),
        roles: roles_held(roles),
        permissions: permissions_held(permissions),
        restrictions: restrictions_held(restrictions),
        seat,
        dropped: findings.into_dropped(),
        reasons: vec![Reason::Active, Reason::SeatNotNeeded],
    };
    if blocked.is_empty() { access.behind_seat_gate(facts.seat) } else { access.blocked(blocked) }
}

/// The rules that count, in the order in which they count.
fn active_rules(policy: &Policy) -> Vec<&MappingRule> {
    let mut rules: Vec<&MappingRule> = policy.rules.iter().filter(|rule| rule.active).collect();
    rules.sort_by_key(|rule| (rule.priority, *rule));
    rules
}

/// Flags by id and place, each with what speaks for it.
pub(super) type Flags = BTreeMap<(String, Scope), Vec<Reason>>;

/// The one role at each place, with what speaks for it.
pub(super) type Roles<'a> = BTreeMap<Scope, (&'a Role, Vec<Reason>)>;

/// Levels by permission, what for and place: how high, its name, and what speaks for it.
pub(super) type Levels = BTreeMap<(String, Option<String>, Scope), (usize, String, Vec<Reason>)>;

/// Restrictions by id and place, each with what speaks for it.
pub(super) type Restrictions = BTreeMap<(String, Scope), Vec<Reason>>;

/// Permissions by id, place, what for, level and conditions, each with what speaks for it.
pub(super) type Permissions = BTreeMap<Right, Vec<Reason>>;

/// A permission as it is held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    pub(super) id: String,
    pub(super) scope: Scope,
    pub(super) of: Option<String>,
    pub(super) level: Option<String>,
    pub(super) conditions: BTreeSet<String>,
}

/// Notes a level; of two the higher stays.
pub(super) fn raise(
    levels: &mut Levels,
    key: (String, Option<String>, Scope),
    permission: &Permission,
    level: &str,
    reasons: Vec<Reason>,
) {
    let Some(height) = permission.height(level) else { return };
    let (stands, name, why) = levels.entry(key).or_insert_with(|| (height, level.to_owned(), Vec::new()));
    match height.cmp(stands) {
        Ordering::Less => {}
        Ordering::Equal => add(why, reasons),
        Ordering::Greater => (*stands, *name, *why) = (height, level.to_owned(), reasons),
    }
}

fn derive_roles<'a>(
    policy: &'a Policy,
    home: Option<&HomeAccess>,
    flags: &Flags,
    roles: &mut Roles<'a>,
    findings: &mut Findings,
) {
    for derived in policy.blueprint.derived_roles() {
        let Some(role) = policy.blueprint.role(derived.role()) else { continue };
        let Some(mut reasons) = reasons_of_flags(derived, flags) else { continue };
        let names: Vec<String> = derived.requires_flags().iter().cloned().collect();
        // Fail closed: whoever has no home is an administrator of nothing, whatever their flags.
        let scope = match (derived.home_depth(), home) {
            (Some(_), None) => None,
            _ => scope_of_role(role, home),
        };
        let Some(scope) = scope else {
            reasons.push(Reason::NoHome { flags: names });
            findings.drop(What::Role, role.id(), None, reasons);
            continue;
        };
        let at = derived.home_depth().and(home);
        if at.map(depth_of) != derived.home_depth() {
            continue;
        }
        reasons.insert(
            0,
            Reason::Derived { flags: names, home: at.map(depth_of), key: at.map(|home| home.key.clone()) },
        );
        match roles.get_mut(&scope) {
            Some((held, why)) if held.id() == role.id() => add(why, reasons),
            // The higher rank stays; of equal ranks, the smaller id.
            Some((held, _)) if (Reverse(held.rank()), held.id()) < (Reverse(role.rank()), role.id()) => {
                reasons.push(Reason::Outranked { by: held.id().to_owned() });
                findings.drop(What::Role, role.id(), Some(scope), reasons);
            }
            Some(_) | None => {
                if let Some((lost, mut why)) = roles.insert(scope.clone(), (role, reasons)) {
                    why.push(Reason::Outranked { by: role.id().to_owned() });
                    findings.drop(What::Role, lost.id(), Some(scope), why);
                }
            }
        }
    }
}

/// What speaks for the flags of a derived role; none unless all of them are on in the environment.
fn reasons_of_flags(derived: &DerivedRole, flags: &Flags) -> Option<Vec<Reason>> {
    let mut reasons = Vec::new();
    for flag in derived.requires_flags() {
        add(&mut reasons, flags.get(&(flag.clone(), Scope::Environment))?.iter().cloned());
    }
    Some(reasons)
}

fn depth_of(home: &HomeAccess) -> HomeDepth {
    if home.depth == 0 { HomeDepth::Top } else { HomeDepth::Below }
}

/// Where a role that nobody gave is held: in the environment, or where the home is.
fn scope_of_role(role: &Role, home: Option<&HomeAccess>) -> Option<Scope> {
    if role.can_be_held_at(ScopeKind::Environment) {
        return Some(Scope::Environment);
    }
    home.filter(|_| role.can_be_held_at(ScopeKind::OrgUnit)).map(|home| Scope::OrgUnit {
        id: home.org_unit,
        key: home.key.clone(),
        name: home.name.clone(),
    })
}

/// A role that is kept wins over whatever was given at the same place.
fn keep_held_roles<'a>(policy: &'a Policy, facts: &Facts, roles: &mut Roles<'a>, findings: &mut Findings) {
    let held: BTreeSet<&HeldRole> = facts.held.iter().collect();
    for held in held {
        let role = policy.blueprint.role(&held.role).filter(|role| fits(policy, role, held.scope));
        let (Some(role), Ok(scope)) = (role, place(policy, held.scope)) else { continue };
        if roles.get(&scope).is_some_and(|(given, _)| given.id() == role.id()) {
            continue;
        }
        let why = vec![Reason::Held { invariant: held.invariant.clone() }];
        if let Some((lost, mut reasons)) = roles.insert(scope.clone(), (role, why)) {
            reasons.push(Reason::Outranked { by: role.id().to_owned() });
            findings.drop(What::Role, lost.id(), Some(scope), reasons);
        }
    }
}

fn give_default_role<'a>(
    policy: &'a Policy,
    home: Option<&HomeAccess>,
    roles: &mut Roles<'a>,
    findings: &mut Findings,
) {
    let Some(role) = policy.blueprint.default_role() else { return };
    if let Some(scope) = scope_of_role(role, home) {
        roles.insert(scope, (role, vec![Reason::Default]));
    } else {
        let reasons = vec![Reason::Default, Reason::NoHome { flags: Vec::new() }];
        findings.drop(What::Role, role.id(), None, reasons);
    }
}

fn drop_flags_no_role_allows(flags: &mut Flags, roles: &Roles<'_>, findings: &mut Findings) {
    flags.retain(|(flag, scope), reasons| {
        let allowed = roles.values().any(|(role, _)| role.allows(flag));
        if !allowed {
            let mut reasons = std::mem::take(reasons);
            reasons.push(Reason::NotAllowedByRole);
            findings.drop(What::Flag, flag, Some(scope.clone()), reasons);
        }
        allowed
    });
}

/// The levels that were given to a person whose roles allow it.
fn levels_some_role_allows(levels: Levels, roles: &Roles<'_>, findings: &mut Findings) -> Levels {
    let allowed = |id: &str| roles.values().any(|(role, _)| role.allows(id));
    let (kept, lost): (Levels, Levels) = levels.into_iter().partition(|((id, ..), _)| allowed(id));
    for ((id, _, scope), (_, _, mut reasons)) in lost {
        reasons.push(Reason::NotAllowedByRole);
        findings.drop(What::Permission, &id, Some(scope), reasons);
    }
    kept
}

/// What the rows of the roles say, beside what was given person by person.
fn what_roles_give(
    policy: &Policy,
    roles: &Roles<'_>,
    mut flags: Flags,
    mut levels: Levels,
    findings: &mut Findings,
) -> Held {
    let mut permissions = Permissions::new();
    for (scope, (role, _)) in roles {
        for (id, cell) in role.cells() {
            let Some(permission) = policy.blueprint.permission(id) else { continue };
            let reason = Reason::FromRole { role: role.id().to_owned() };
            let level = match cell {
                Cell::No => continue,
                Cell::Unspecified => {
                    let undecided = Reason::Undecided { role: role.id().to_owned() };
                    findings.drop(What::Permission, id, Some(scope.clone()), vec![undecided]);
                    continue;
                }
                Cell::Grantable if role.grantable() == Grantable::Closed => continue,
                Cell::Yes | Cell::If(_) => None,
                Cell::Level(level) => Some(level),
                Cell::Grantable => permission.levels().last(),
            };
            match (permission.kind(), level) {
                (PermissionKind::Flag, _) => {
                    add(flags.entry((id.to_owned(), scope.clone())).or_default(), [reason]);
                }
                (PermissionKind::Level, Some(level)) => {
                    raise(&mut levels, (id.to_owned(), None, scope.clone()), permission, level, vec![reason]);
                }
                _ => {
                    let mut conditions: BTreeSet<String> =
                        permission.only_if().map(str::to_owned).into_iter().collect();
                    if let Cell::If(condition) = cell {
                        conditions.insert(condition.clone());
                    }
                    let right =
                        Right { id: id.to_owned(), scope: scope.clone(), of: None, level: None, conditions };
                    permissions.entry(right).or_default().push(reason);
                }
            }
        }
    }
    Held { flags, levels, permissions }
}

/// Drops what lacks something it requires, then what required the dropped, until nothing more falls.
///
/// Each round looks at the same state for everybody, so the result does not depend on the order inside it.
fn drop_dependents(
    policy: &Policy,
    flags: &mut Flags,
    permissions: &mut Permissions,
    findings: &mut Findings,
) {
    loop {
        let held: BTreeSet<(String, Scope)> = flags
            .keys()
            .cloned()
            .chain(permissions.keys().map(|it| (it.id.clone(), it.scope.clone())))
            .collect();
        let missing = |id: &str, scope: &Scope| -> Vec<Reason> {
            let requires = policy.blueprint.permission(id).into_iter().flat_map(Permission::requires);
            requires
                .filter(|needed| !held.iter().any(|(id, at)| id == needed && covers(at, scope, policy)))
                .map(|needed| Reason::Missing { requires: needed.to_owned() })
                .collect()
        };
        flags.retain(|(id, scope), reasons| {
            let missing = missing(id, scope);
            let keeps = missing.is_empty();
            if !keeps {
                let mut reasons = std::mem::take(reasons);
                reasons.extend(missing);
                findings.drop(What::Flag, id, Some(scope.clone()), reasons);
            }
            keeps
        });
        permissions.retain(|Right { id, scope, .. }, reasons| {
            let missing = missing(id, scope);
            let keeps = missing.is_empty();
            if !keeps {
                let mut reasons = std::mem::take(reasons);
                reasons.extend(missing);
                findings.drop(What::Permission, id, Some(scope.clone()), reasons);
            }
            keeps
        });
        if flags.len() + permissions_places(permissions) == held.len() {
            return;
        }
    }
}

/// How many (permission, place) pairs there are, whatever their conditions.
fn permissions_places(permissions: &Permissions) -> usize {
    permissions.keys().map(|it| (&it.id, &it.scope)).collect::<BTreeSet<_>>().len()
}

/// Whether what is held at `wide` is held everywhere in `narrow`.
fn covers(wide: &Scope, narrow: &Scope, policy: &Policy) -> bool {
    let place = match narrow {
        Scope::Environment => Place::Environment,
        Scope::OrgUnit { id, .. } => Place::OrgUnit(*id),
        Scope::Workspace { id, .. } => match policy.workspaces.iter().filter(|it| it.id == *id).min() {
            Some(workspace) => Place::Workspace(workspace),
            None => return wide == narrow,
        },
    };
    reaches(wide, place, &policy.tree)
}

fn flags_held(policy: &Policy, flags: Flags, restrictions: &Restrictions) -> Vec<FlagAccess> {
    flags
        .into_iter()
        .map(|((flag, scope), reasons)| {
            let conditions = policy.blueprint.flag(&flag).and_then(Permission::only_if).map(str::to_owned);
            let left = left_to_product(policy, conditions.into_iter().collect(), &scope, restrictions);
            FlagAccess { flag, scope, obligations: left.unwrap_or_default().into_iter().collect(), reasons }
        })
        .collect()
}

fn roles_held(roles: Roles<'_>) -> Vec<RoleAccess> {
    roles
        .into_iter()
        .map(|(scope, (role, reasons))| RoleAccess {
            role: role.id().to_owned(),
            scope,
            level: role.level(),
            reasons,
        })
        .collect()
}

fn permissions_held(permissions: Permissions) -> Vec<PermissionAccess> {
    permissions
        .into_iter()
        .map(|(right, reasons)| PermissionAccess {
            permission: right.id,
            scope: right.scope,
            of: right.of,
            level: right.level,
            obligations: right.conditions.into_iter().collect(),
            reasons,
        })
        .collect()
}

fn restrictions_held(restrictions: Restrictions) -> Vec<RestrictionAccess> {
    restrictions
        .into_iter()
        .map(|((restriction, scope), reasons)| RestrictionAccess { restriction, scope, reasons })
        .collect()
}
