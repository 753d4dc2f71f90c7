//! Reading a blueprint. Knows every rule a file must keep and says the line that breaks one; does not know
//! what the words mean to the product.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use super::error::{BlueprintError, Rule};
use super::{
    AdminLevel, Assignment, Blueprint, Cell, DerivedRole, Invariant, Label, Permission, PermissionKind, Role,
    Scope, ScopeKind, Seats, Status, file,
};
use crate::lifecycle::PersonState;
use crate::seat::AtLimit;

/// The edition of the file format.
const SCHEMA: &str = "blueprint/1";

pub(super) fn load(text: &str) -> Result<Blueprint, BlueprintError> {
    let source = Source { text };
    let file: file::File = toml::from_str(text).map_err(|error| {
        source.error(&error.span().unwrap_or(0..0), Rule::Format, error.message().to_owned())
    })?;
    Loader { source }.blueprint(file)
}

#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
}

impl Source<'_> {
    fn error(self, span: &Range<usize>, rule: Rule, detail: String) -> BlueprintError {
        let before = self.text.get(..span.start).unwrap_or_default();
        BlueprintError::new(before.matches('\n').count() + 1, rule, detail)
    }
}

struct Loader<'a> {
    source: Source<'a>,
}

impl Loader<'_> {
    fn refuse<T, R>(
        &self,
        at: &Spanned<R>,
        rule: Rule,
        detail: impl Into<String>,
    ) -> Result<T, BlueprintError> {
        Err(self.source.error(&at.span(), rule, detail.into()))
    }

    fn blueprint(&self, file: file::File) -> Result<Blueprint, BlueprintError> {
        if file.schema.get_ref() != SCHEMA {
            return self.refuse(&file.schema, Rule::Schema, format!("this house reads {SCHEMA:?}"));
        }
        self.check_id(&file.blueprint.id)?;
        if file.blueprint.name.get(file.blueprint.default_locale.get_ref()).is_none() {
            return self.refuse(
                &file.blueprint.default_locale,
                Rule::Spelling,
                "the languages are ja, en and fr",
            );
        }
        let scopes = self.scopes(file.scope)?;
        let conditions = self.conditions(file.condition)?;
        let permissions = self.permissions(file.permission, &scopes, &conditions)?;
        let roles = self.roles(file.role, &scopes, &permissions, &conditions)?;
        let derived = self.derived(file.derived_role, &roles, &permissions)?;
        let default_role = self.default_role(file.membership.default_role, &roles)?;
        let invariants = self.invariants(file.invariant, &roles)?;
        let statuses = self.statuses(file.status)?;
        let seats = self.seats(&file.seats, &statuses)?;
        Ok(Blueprint {
            id: file.blueprint.id.into_inner(),
            version: file.blueprint.version.into_inner(),
            default_locale: file.blueprint.default_locale.into_inner(),
            name: file.blueprint.name,
            scopes,
            permissions,
            conditions,
            roles,
            derived,
            default_role,
            invariants,
            statuses,
            seats,
        })
    }

    fn check_id(&self, id: &Spanned<String>) -> Result<(), BlueprintError> {
        let text = id.get_ref();
        let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.');
        let ends_well = |b: Option<char>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let sound = text.len() <= 64
            && text.bytes().all(is_inner)
            && ends_well(text.chars().next())
            && ends_well(text.chars().next_back());
        if sound { Ok(()) } else { self.refuse(id, Rule::Spelling, format!("{text:?} is not an id")) }
    }

    /// An id that is well spelt and not taken.
    fn new_id(&self, id: &Spanned<String>, taken: bool) -> Result<(), BlueprintError> {
        self.check_id(id)?;
        if taken {
            return self.refuse(id, Rule::Duplicate, format!("{:?} is declared twice", id.get_ref()));
        }
        Ok(())
    }

    fn scopes(&self, files: Vec<file::Scope>) -> Result<Vec<Scope>, BlueprintError> {
        let mut scopes: Vec<Scope> = Vec::new();
        for file in files {
            self.new_id(&file.id, scopes.iter().any(|scope| &scope.id == file.id.get_ref()))?;
            if scopes.iter().any(|scope| scope.kind == *file.kind.get_ref()) {
                let detail = format!("a second scope is {}", file.kind.get_ref());
                return self.refuse(&file.kind, Rule::Duplicate, detail);
            }
            scopes.push(Scope { id: file.id.into_inner(), kind: file.kind.into_inner(), label: file.label });
        }
        Ok(scopes)
    }

    fn scope(&self, scopes: &[Scope], id: &Spanned<String>) -> Result<ScopeKind, BlueprintError> {
        match scopes.iter().find(|scope| &scope.id == id.get_ref()) {
            Some(scope) => Ok(scope.kind),
            None => self.refuse(id, Rule::Reference, format!("no scope {:?} is declared", id.get_ref())),
        }
    }

    fn conditions(&self, files: Vec<file::Condition>) -> Result<BTreeMap<String, Label>, BlueprintError> {
        let mut conditions = BTreeMap::new();
        for file in files {
            self.new_id(&file.id, conditions.contains_key(file.id.get_ref()))?;
            conditions.insert(file.id.into_inner(), file.label);
        }
        Ok(conditions)
    }

    fn condition<'a>(
        &self,
        conditions: &BTreeMap<String, Label>,
        at: &Spanned<String>,
        id: &'a str,
    ) -> Result<&'a str, BlueprintError> {
        if conditions.contains_key(id) {
            return Ok(id);
        }
        self.refuse(at, Rule::Reference, format!("no condition {id:?} is declared"))
    }

    fn permissions(
        &self,
        files: Vec<file::Permission>,
        scopes: &[Scope],
        conditions: &BTreeMap<String, Label>,
    ) -> Result<BTreeMap<String, Permission>, BlueprintError> {
        let ids: BTreeSet<String> = files.iter().map(|file| file.id.get_ref().clone()).collect();
        let mut permissions = BTreeMap::new();
        let mut spans = Vec::new();
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
            let held_at = file.scope.iter().map(|id| self.scope(scopes, id)).collect::<Result<_, _>>()?;
            for needed in &file.requires {
                if !ids.contains(needed.get_ref()) {
                    let detail = format!("no permission {:?} is declared", needed.get_ref());
                    return self.refuse(needed, Rule::Reference, detail);
                }
            }
            if let Some(only_if) = &file.only_if {
                self.condition(conditions, only_if, only_if.get_ref())?;
            }
            spans.push(file.id.clone());
            let permission = Permission {
                id: file.id.get_ref().clone(),
                kind: file.kind,
                scopes: held_at,
                requires: file.requires.into_iter().map(Spanned::into_inner).collect(),
                only_if: file.only_if.map(Spanned::into_inner),
                label: file.label,
            };
            permissions.insert(file.id.into_inner(), permission);
        }
        for id in spans {
            if reaches_itself(id.get_ref(), &permissions) {
                return self.refuse(
                    &id,
                    Rule::RequirementCycle,
                    format!("{:?} requires itself", id.get_ref()),
                );
            }
        }
        Ok(permissions)
    }

    fn roles(
        &self,
        files: Vec<file::Role>,
        scopes: &[Scope],
        permissions: &BTreeMap<String, Permission>,
        conditions: &BTreeMap<String, Label>,
    ) -> Result<BTreeMap<String, Role>, BlueprintError> {
        let mut roles = BTreeMap::new();
        for file in files {
            self.new_id(&file.id, roles.contains_key(file.id.get_ref()))?;
            let scope = self.scope(scopes, &file.scope)?;
            if let Some(level) = &file.level {
                let place = match level.get_ref() {
                    AdminLevel::Admin => ScopeKind::Environment,
                    AdminLevel::OrgAdmin => ScopeKind::OrgUnit,
                };
                if place != scope {
                    return self.refuse(level, Rule::Level, format!("such a role is held at {place}"));
                }
            }
            let mut grants = BTreeMap::new();
            for (permission, cell) in file.grants {
                let Some(found) = permissions.get(permission.get_ref()) else {
                    let detail = format!("no permission {:?} is declared", permission.get_ref());
                    return self.refuse(&permission, Rule::Reference, detail);
                };
                let cell = self.cell(&cell, found, conditions)?;
                grants.insert(permission.into_inner(), cell);
            }
            if let Some(gap) = permissions.keys().find(|id| !grants.contains_key(*id)) {
                return self.refuse(
                    &file.id,
                    Rule::MatrixGap,
                    format!("the role says nothing about {gap:?}"),
                );
            }
            let role = Role {
                id: file.id.get_ref().clone(),
                scope,
                rank: file.rank,
                level: file.level.map(Spanned::into_inner),
                protected: file.protected,
                assignment: file.assignment,
                grants,
                label: file.label,
            };
            roles.insert(file.id.into_inner(), role);
        }
        Ok(roles)
    }

    fn cell(
        &self,
        cell: &Spanned<String>,
        permission: &Permission,
        conditions: &BTreeMap<String, Label>,
    ) -> Result<Cell, BlueprintError> {
        let is_flag = permission.kind == PermissionKind::Flag;
        match cell.get_ref().as_str() {
            "no" => Ok(Cell::No),
            "grantable" if is_flag => Ok(Cell::Grantable),
            "grantable" => self.refuse(cell, Rule::Cell, "only a flag is grantable"),
            _ if is_flag => self.refuse(cell, Rule::Cell, "a flag is \"grantable\" or \"no\""),
            "yes" => Ok(Cell::Yes),
            text => match text.strip_prefix("if:") {
                Some(_) if permission.only_if.is_some() => self.refuse(
                    cell,
                    Rule::TwoConditions,
                    format!("{:?} has its own condition", permission.id),
                ),
                Some(id) => Ok(Cell::If(self.condition(conditions, cell, id)?.to_owned())),
                None => self.refuse(cell, Rule::Cell, format!("{text:?} is not a cell")),
            },
        }
    }

    fn role<'a>(
        &self,
        roles: &'a BTreeMap<String, Role>,
        id: &Spanned<String>,
    ) -> Result<&'a Role, BlueprintError> {
        match roles.get(id.get_ref()) {
            Some(role) => Ok(role),
            None => self.refuse(id, Rule::Reference, format!("no role {:?} is declared", id.get_ref())),
        }
    }

    fn derived(
        &self,
        files: Vec<file::DerivedRole>,
        roles: &BTreeMap<String, Role>,
        permissions: &BTreeMap<String, Permission>,
    ) -> Result<Vec<DerivedRole>, BlueprintError> {
        let mut derived = Vec::new();
        for file in files {
            let role = self.role(roles, &file.role)?;
            if role.assignment != Assignment::Derived {
                return self.refuse(&file.role, Rule::Derivation, format!("{:?} is a given role", role.id));
            }
            if role.scope == ScopeKind::Workspace {
                return self.refuse(&file.role, Rule::Derivation, "a home is in no workspace");
            }
            if file.requires_flags.is_empty() {
                return self.refuse(&file.role, Rule::Derivation, "a derived role rests on a flag");
            }
            for flag in &file.requires_flags {
                let found =
                    permissions.get(flag.get_ref()).filter(|found| found.kind == PermissionKind::Flag);
                let Some(found) = found else {
                    return self.refuse(
                        flag,
                        Rule::Reference,
                        format!("no flag {:?} is declared", flag.get_ref()),
                    );
                };
                if !found.requires.is_empty() || !found.can_be_held_at(ScopeKind::Environment) {
                    let detail = "such a flag requires nothing and is held in the environment";
                    return self.refuse(flag, Rule::Derivation, detail);
                }
                if role.cell(flag.get_ref()) != Some(&Cell::Grantable) {
                    return self.refuse(flag, Rule::Derivation, "the role does not allow the flag");
                }
            }
            derived.push(DerivedRole {
                role: file.role.into_inner(),
                requires_flags: file.requires_flags.into_iter().map(Spanned::into_inner).collect(),
                home_depth: file.home_depth,
            });
        }
        Ok(derived)
    }

    fn default_role(
        &self,
        id: Spanned<String>,
        roles: &BTreeMap<String, Role>,
    ) -> Result<String, BlueprintError> {
        let role = self.role(roles, &id)?;
        if role.scope == ScopeKind::Workspace || role.level.is_some() {
            return self.refuse(
                &id,
                Rule::DefaultRole,
                "nobody is an administrator or in a workspace by default",
            );
        }
        Ok(id.into_inner())
    }

    fn invariants(
        &self,
        files: Vec<file::Invariant>,
        roles: &BTreeMap<String, Role>,
    ) -> Result<Vec<Invariant>, BlueprintError> {
        let mut invariants: Vec<Invariant> = Vec::new();
        for file in files {
            self.new_id(&file.id, invariants.iter().any(|it| &it.id == file.id.get_ref()))?;
            self.role(roles, &file.role)?;
            if file.minimum == 0 {
                return self.refuse(&file.id, Rule::Invariant, "a minimum of none says nothing");
            }
            invariants.push(Invariant {
                id: file.id.into_inner(),
                role: file.role.into_inner(),
                minimum: file.minimum,
                on_idp_demotion: file.on_idp_demotion,
            });
        }
        Ok(invariants)
    }

    fn statuses(&self, files: Vec<file::Status>) -> Result<Vec<Status>, BlueprintError> {
        let mut statuses: Vec<Status> = Vec::new();
        for file in files {
            self.new_id(&file.id, statuses.iter().any(|status| &status.id == file.id.get_ref()))?;
            let person = match file.person.get_ref().as_str() {
                "active" => PersonState::Active,
                "inactive" => PersonState::Inactive,
                _ => return self.refuse(&file.person, Rule::Reference, "a person is active or inactive"),
            };
            statuses.push(Status { id: file.id.into_inner(), person, label: file.label });
        }
        Ok(statuses)
    }

    fn seats(&self, file: &file::Seats, statuses: &[Status]) -> Result<Seats, BlueprintError> {
        for id in &file.counted {
            match statuses.iter().find(|status| &status.id == id.get_ref()) {
                None => {
                    return self.refuse(
                        id,
                        Rule::Reference,
                        format!("no status {:?} is declared", id.get_ref()),
                    );
                }
                // A leaver frees the seat, whatever a file says.
                Some(status) if status.person != PersonState::Active => {
                    return self.refuse(id, Rule::Reference, "only active people are counted");
                }
                Some(_) => {}
            }
        }
        let at_limit = match file.at_limit.get_ref().as_str() {
            "waitlist" => AtLimit::Waitlist,
            "refuse" => AtLimit::Refuse,
            "overage" => AtLimit::Overage,
            _ => return self.refuse(&file.at_limit, Rule::Reference, "waitlist, refuse or overage"),
        };
        Ok(Seats { counted: file.counted.iter().map(|id| id.get_ref().clone()).collect(), at_limit })
    }
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
