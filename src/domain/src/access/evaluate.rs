//! The evaluation. Knows the order of the steps; does not know where its input comes from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::effective::reaches;
use super::gather::{Findings, Gathered, add, gather};
use super::home::find_home;
use super::{
    AccessStatus, EffectiveAccess, Facts, FlagAccess, HomeAccess, PermissionAccess, Place, Policy, Reason,
    RoleAccess, Scope, What,
};
use crate::blueprint::{Cell, DerivedRole, HomeDepth, Permission, Role, ScopeKind};
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
            dropped: findings.into_dropped(),
            reasons: vec![Reason::Inactive],
        };
    }

    let Gathered { mut flags, mut roles } = gather(policy, &rules, facts, &mut findings);
    derive_roles(policy, home.as_ref(), &flags, &mut roles, &mut findings);
    if roles.is_empty() {
        give_default_role(policy, home.as_ref(), &mut roles, &mut findings);
    }
    drop_flags_no_role_allows(&mut flags, &roles, &mut findings);
    let mut permissions = permissions_of(policy, &roles);
    drop_dependents(policy, &mut flags, &mut permissions, &mut findings);

    EffectiveAccess {
        status: AccessStatus::Granted,
        home,
        flags: flags_held(policy, flags),
        roles: roles_held(roles),
        permissions: permissions_held(permissions),
        dropped: findings.into_dropped(),
        reasons: vec![Reason::Active, Reason::SeatNotNeeded],
    }
    .behind_seat_gate(facts.seat)
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

/// Permissions by id, place and condition, each with what speaks for it.
type Permissions = BTreeMap<(String, Scope, Option<String>), Vec<Reason>>;

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
    match role.scope() {
        ScopeKind::Environment => Some(Scope::Environment),
        ScopeKind::OrgUnit => home.map(|home| Scope::OrgUnit {
            id: home.org_unit,
            key: home.key.clone(),
            name: home.name.clone(),
        }),
        ScopeKind::Workspace => None,
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
        let allowed = roles.values().any(|(role, _)| role.cell(flag) == Some(&Cell::Grantable));
        if !allowed {
            let mut reasons = std::mem::take(reasons);
            reasons.push(Reason::NotAllowedByRole);
            findings.drop(What::Flag, flag, Some(scope.clone()), reasons);
        }
        allowed
    });
}

fn permissions_of(policy: &Policy, roles: &Roles<'_>) -> Permissions {
    let mut permissions = Permissions::new();
    for (scope, (role, _)) in roles {
        for (id, cell) in role.cells() {
            let obligation = match cell {
                Cell::Yes => policy.blueprint.permission(id).and_then(|it| it.only_if()).map(str::to_owned),
                Cell::If(condition) => Some(condition.clone()),
                Cell::No | Cell::Grantable => continue,
            };
            let reason = Reason::FromRole { role: role.id().to_owned() };
            permissions.entry((id.to_owned(), scope.clone(), obligation)).or_default().push(reason);
        }
    }
    permissions
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
            .chain(permissions.keys().map(|(id, scope, _)| (id.clone(), scope.clone())))
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
        permissions.retain(|(id, scope, _), reasons| {
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
    permissions.keys().map(|(id, scope, _)| (id, scope)).collect::<BTreeSet<_>>().len()
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

fn flags_held(policy: &Policy, flags: Flags) -> Vec<FlagAccess> {
    flags
        .into_iter()
        .map(|((flag, scope), reasons)| {
            let obligation = policy.blueprint.flag(&flag).and_then(|it| it.only_if()).map(str::to_owned);
            FlagAccess { flag, scope, obligation, reasons }
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
        .map(|((permission, scope, obligation), reasons)| PermissionAccess {
            permission,
            scope,
            obligation,
            reasons,
        })
        .collect()
}
