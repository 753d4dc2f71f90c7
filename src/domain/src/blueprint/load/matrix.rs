//! Permissions, conditions, restrictions and roles, read and checked.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::Loader;
use crate::blueprint::error::{BlueprintError, Rule};
use crate::blueprint::matrix::Placing;
use crate::blueprint::{
    AdminLevel, Cell, Condition, Grantable, Permission, PermissionKind, Ref, Restriction, Role, Scope,
    ScopeKind, Test, file,
};

/// Things by their ids.
type ById<T> = BTreeMap<String, T>;

impl Loader<'_> {
    /// The conditions. What they name is declared in other tables, whose ids are given.
    pub(super) fn conditions(
        &self,
        files: Vec<file::Condition>,
        features: &BTreeSet<&str>,
        plans: &BTreeSet<&str>,
        restrictions: &BTreeSet<&str>,
    ) -> Result<ById<Condition>, BlueprintError> {
        let mut conditions = BTreeMap::new();
        for file in files {
            self.new_id(&file.id, conditions.contains_key(file.id.get_ref()))?;
            self.all_known("feature", &file.feature, features)?;
            self.all_known("plan", &file.plans, plans)?;
            self.all_known("restriction", &file.unless_restricted, restrictions)?;
            let test = match (file.feature, file.plans.is_empty(), file.unless_restricted) {
                (None, true, None) => Test::Product,
                (Some(feature), true, None) => Test::Feature(feature.into_inner()),
                (None, false, None) => Test::Plans(inner(file.plans)),
                (None, true, Some(restriction)) => Test::Unrestricted(restriction.into_inner()),
                _ => return self.refuse(&file.id, Rule::Decidable, "a condition is decided in one way"),
            };
            let condition = Condition { id: file.id.get_ref().clone(), test, label: file.label };
            conditions.insert(file.id.into_inner(), condition);
        }
        Ok(conditions)
    }

    fn condition<'a>(
        &self,
        conditions: &ById<Condition>,
        at: &Spanned<String>,
        id: &'a str,
    ) -> Result<&'a str, BlueprintError> {
        if conditions.contains_key(id) {
            return Ok(id);
        }
        self.refuse(at, Rule::Reference, format!("no condition {id:?} is declared"))
    }

    pub(super) fn permissions(
        &self,
        files: &[file::Permission],
        scopes: &[Scope],
        sections: &BTreeSet<&str>,
        conditions: &ById<Condition>,
    ) -> Result<ById<Permission>, BlueprintError> {
        let ids: BTreeSet<&str> = files.iter().map(|file| file.id.get_ref().as_str()).collect();
        let mut permissions = BTreeMap::new();
        for file in files {
            self.new_id(&file.id, permissions.contains_key(file.id.get_ref()))?;
            match (file.kind, file.scope.is_empty()) {
                (PermissionKind::Flag, true) => {
                    return self.refuse(&file.id, Rule::FlagScope, "a flag says where it can be held");
                }
                (PermissionKind::Bool, false) => {
                    return self.refuse(&file.id, Rule::FlagScope, "a permission is held where the role is");
                }
                _ => {}
            }
            self.all_known("section", &file.section, sections)?;
            self.all_known("permission", &file.requires, &ids)?;
            if let Some(only_if) = &file.only_if {
                self.condition(conditions, only_if, only_if.get_ref())?;
            }
            self.levels(file, &ids, conditions)?;
            let held_at = file.scope.iter().map(|id| self.scope(scopes, id)).collect::<Result<_, _>>()?;
            let permission = Permission {
                id: file.id.get_ref().clone(),
                kind: file.kind,
                section: file.section.clone().map(Spanned::into_inner),
                scopes: held_at,
                levels: inner(file.levels.clone()),
                per: file.per.clone().map(Spanned::into_inner),
                requires: inner(file.requires.clone()),
                only_if: file.only_if.clone().map(Spanned::into_inner),
                exclusive_to: file.exclusive_to.clone().map(Spanned::into_inner),
                obligations: file
                    .obligations
                    .iter()
                    .map(|(level, all)| (level.get_ref().clone(), inner(all.clone())))
                    .collect(),
                implies: file
                    .implies
                    .iter()
                    .map(|(level, all)| (level.get_ref().clone(), inner(all.clone())))
                    .collect(),
                label: file.label.clone(),
            };
            permissions.insert(file.id.get_ref().clone(), permission);
        }
        for file in files {
            if reaches_itself(file.id.get_ref(), &permissions) {
                let detail = format!("{:?} requires itself", file.id.get_ref());
                return self.refuse(&file.id, Rule::RequirementCycle, detail);
            }
        }
        Ok(permissions)
    }

    /// The levels of a permission, and what is said about single ones.
    fn levels(
        &self,
        file: &file::Permission,
        ids: &BTreeSet<&str>,
        conditions: &ById<Condition>,
    ) -> Result<(), BlueprintError> {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for level in &file.levels {
            self.new_id(level, !known.insert(level.get_ref()))?;
            if !Permission::is_something(level.get_ref()) && known.len() > 1 {
                return self.refuse(level, Rule::Levels, "the level that is nothing is the lowest");
            }
        }
        if (file.kind == PermissionKind::Level) != (known.len() > 1) {
            let detail = "a permission of levels, and no other, declares two or more";
            return self.refuse(&file.id, Rule::Levels, detail);
        }
        if let Some(per) = file.per.as_ref().filter(|_| file.kind != PermissionKind::Level) {
            return self.refuse(per, Rule::Levels, "only levels are held one by one");
        }
        self.all_known("level", file.obligations.keys().chain(file.implies.keys()), &known)?;
        for condition in file.obligations.values().flatten() {
            self.condition(conditions, condition, condition.get_ref())?;
        }
        self.all_known("permission", file.implies.values().flatten(), ids)
    }

    pub(super) fn restrictions(
        &self,
        files: Vec<file::Restriction>,
        plans: &BTreeSet<&str>,
        permissions: &ById<Permission>,
        roles: &BTreeSet<&str>,
    ) -> Result<ById<Restriction>, BlueprintError> {
        let permission_ids: BTreeSet<&str> = permissions.keys().map(String::as_str).collect();
        let mut restrictions = BTreeMap::new();
        for file in files {
            self.new_id(&file.id, restrictions.contains_key(file.id.get_ref()))?;
            self.all_known("role", &file.applies_to, roles)?;
            self.all_known("permission", file.denies.iter().chain(file.limits.keys()), &permission_ids)?;
            self.all_known("plan", &file.plans, plans)?;
            if file.applies_to.is_empty() || (file.denies.is_empty() && file.limits.is_empty()) {
                return self.refuse(&file.id, Rule::Restriction, "it takes nothing from anybody");
            }
            for (permission, level) in &file.limits {
                let found = permissions.get(permission.get_ref());
                if found.and_then(|found| found.height(level.get_ref())).is_none() {
                    let detail = format!("{:?} has no level {:?}", permission.get_ref(), level.get_ref());
                    return self.refuse(level, Rule::Reference, detail);
                }
            }
            let restriction = Restriction {
                id: file.id.get_ref().clone(),
                applies_to: inner(file.applies_to),
                denies: inner(file.denies),
                limits: file
                    .limits
                    .into_iter()
                    .map(|(id, level)| (id.into_inner(), level.into_inner()))
                    .collect(),
                exclusive_group: file.exclusive_group,
                plans: inner(file.plans),
                label: file.label,
            };
            restrictions.insert(file.id.into_inner(), restriction);
        }
        Ok(restrictions)
    }

    pub(super) fn roles(
        &self,
        files: &[file::Role],
        scopes: &[Scope],
        permissions: &ById<Permission>,
        conditions: &ById<Condition>,
        restrictions: &ById<Restriction>,
    ) -> Result<ById<Role>, BlueprintError> {
        let mut roles = BTreeMap::new();
        for file in files {
            self.new_id(&file.id, roles.contains_key(file.id.get_ref()))?;
            let places = self.places(file, scopes)?;
            let mut grants = BTreeMap::new();
            for (permission, cell) in &file.grants {
                let Some(found) = permissions.get(permission.get_ref()) else {
                    let detail = format!("no permission {:?} is declared", permission.get_ref());
                    return self.refuse(permission, Rule::Reference, detail);
                };
                let read = self.cell(cell, found, conditions)?;
                self.exclusive(cell, found, &read, file.id.get_ref())?;
                if read == Cell::Grantable {
                    self.can_be_granted(cell, found, file, restrictions)?;
                }
                grants.insert(permission.get_ref().clone(), read);
            }
            if let Some(gap) = permissions.keys().find(|id| !grants.contains_key(*id)) {
                let detail = format!("the role says nothing about {gap:?}");
                return self.refuse(&file.id, Rule::MatrixGap, detail);
            }
            let role = Role {
                id: file.id.get_ref().clone(),
                places,
                rank: file.rank,
                level: file.level.clone().map(Spanned::into_inner),
                protected: file.protected,
                assignment: file.assignment,
                origin: file.origin,
                editable: file.editable,
                external: file.external,
                grantable: file.grantable,
                grants,
                label: file.label.clone(),
            };
            roles.insert(file.id.get_ref().clone(), role);
        }
        Ok(roles)
    }

    /// Where a role can be held.
    fn places(&self, file: &file::Role, scopes: &[Scope]) -> Result<Vec<Placing>, BlueprintError> {
        let mut places: Vec<Placing> = Vec::new();
        for id in std::iter::once(&file.scope).chain(&file.also_at) {
            let kind = self.scope(scopes, id)?;
            if kind == ScopeKind::Product {
                return self.refuse(id, Rule::Reference, "nothing is held at such a place");
            }
            if places.iter().any(|placing| &placing.scope == id.get_ref()) {
                return self.refuse(id, Rule::Duplicate, format!("{:?} is named twice", id.get_ref()));
            }
            places.push(Placing { scope: id.get_ref().clone(), kind });
        }
        if let Some(level) = &file.level {
            let place = match level.get_ref() {
                AdminLevel::Admin => ScopeKind::Environment,
                AdminLevel::OrgAdmin => ScopeKind::OrgUnit,
            };
            if places.iter().any(|placing| placing.kind != place) {
                return self.refuse(level, Rule::Level, format!("such a role is held at {place}"));
            }
        }
        Ok(places)
    }

    fn cell(
        &self,
        cell: &Spanned<String>,
        permission: &Permission,
        conditions: &ById<Condition>,
    ) -> Result<Cell, BlueprintError> {
        match permission.read(cell.get_ref()) {
            Some(Cell::If(id)) => Ok(Cell::If(self.condition(conditions, cell, &id)?.to_owned())),
            Some(read) => Ok(read),
            None => {
                self.refuse(cell, Rule::Cell, format!("{:?} is no cell of such a permission", cell.get_ref()))
            }
        }
    }

    /// What is exclusive to a role is given by no other.
    fn exclusive(
        &self,
        at: &Spanned<String>,
        permission: &Permission,
        cell: &Cell,
        role: &str,
    ) -> Result<(), BlueprintError> {
        match permission.exclusive_to() {
            Some(only) if only != role && *cell != Cell::No => {
                self.refuse(at, Rule::Exclusive, format!("only {only:?} gives {:?}", permission.id))
            }
            _ => Ok(()),
        }
    }

    /// Whether there is a way in which a cell that can be granted changes.
    fn can_be_granted(
        &self,
        at: &Spanned<String>,
        permission: &Permission,
        role: &file::Role,
        restrictions: &ById<Restriction>,
    ) -> Result<(), BlueprintError> {
        let restricted =
            || restrictions.values().any(|it| it.applies_to(role.id.get_ref()) && it.touches(&permission.id));
        let sound = match (permission.kind, role.grantable) {
            (PermissionKind::Flag, _) => true,
            (PermissionKind::Level, Grantable::Closed) => !permission.scopes.is_empty(),
            (PermissionKind::Bool, Grantable::Closed) => false,
            (_, Grantable::Open) => restricted(),
        };
        if sound { Ok(()) } else { self.refuse(at, Rule::Cell, "nothing could grant it or take it away") }
    }

    /// What a level implies is given by every role that gives the level, and what is exclusive is so to a role.
    pub(super) fn implied(
        &self,
        files: &[file::Permission],
        roles: &ById<Role>,
    ) -> Result<(), BlueprintError> {
        for file in files {
            if let Some(only) = &file.exclusive_to {
                self.role(roles, only)?;
            }
            for (level, implied) in &file.implies {
                for role in roles.values() {
                    let at = Cell::Level(level.get_ref().clone());
                    let has = |needed: &Ref| role.cell(needed.get_ref()) == Some(&Cell::Yes);
                    if role.cell(file.id.get_ref()) == Some(&at) && !implied.iter().all(has) {
                        let detail = format!("the role {:?} has the level and not what it implies", role.id);
                        return self.refuse(level, Rule::Implied, detail);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The ids without the places where they stand.
pub(super) fn inner<C: FromIterator<String>>(ids: Vec<Ref>) -> C {
    ids.into_iter().map(Spanned::into_inner).collect()
}

/// Whether following requirements from a permission leads back to it.
fn reaches_itself(id: &str, permissions: &BTreeMap<String, Permission>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![id];
    while let Some(next) = open.pop() {
        for needed in permissions.get(next).into_iter().flat_map(Permission::requires) {
            if needed == id {
                return true;
            }
            if seen.insert(needed) {
                open.push(needed);
            }
        }
    }
    false
}
