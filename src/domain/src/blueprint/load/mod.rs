//! Reading a blueprint. Knows every rule a file must keep and says the line that breaks one; does not know
//! what the words mean to the product.

mod matrix;
mod product;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;

use self::matrix::inner;
use self::product::{Declared, ids};
use super::error::{BlueprintError, Rule};
use super::own::is_id;
use super::{
    Assignment, Blueprint, Cell, DerivedRole, Invariant, Permission, PermissionKind, Product, Role, Scope,
    ScopeKind, SeatPractice, Seats, Status, file,
};
use crate::lifecycle::PersonState;
use crate::seat::AtLimit;

/// The edition of the file format.
const SCHEMA: &str = "blueprint/1";

pub(super) fn load(text: &str) -> Result<Blueprint, BlueprintError> {
    Loader { source: Source { text } }.blueprint(read::<file::File>(text)?)
}

/// What stands in a text of this format.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, BlueprintError> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().unwrap_or(0..0);
        Source { text }.error(&place, Rule::Format, error.message().to_owned())
    })
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
        let product = Product {
            sections: file.section,
            plans: file.plan,
            features: file.feature,
            membership: file.membership,
            grant_rules: file.grant_rule,
            transitions: file.transition,
            invitation: file.invitation,
            offboarding: file.offboarding,
            externals: file.externals,
            profile: file.profile,
            session: file.session,
            email: file.email,
            mapping: file.mapping,
            bulk: file.bulk,
            directory: file.directory,
            search: file.search,
            csv: file.csv,
            seat_classes: file.seat_class,
            seat_practice: SeatPractice {
                pool: file.seats.pool.clone(),
                at_limit_by: file.seats.at_limit_by.clone(),
                billing: file.seats.billing,
            },
        };
        let (plans, features) = (ids(&product.plans), ids(&product.features));
        let restricted = file.restriction.iter().map(|it| it.id.get_ref().as_str()).collect();
        let conditions = self.conditions(file.condition, &features, &plans, &restricted)?;
        let permissions =
            self.permissions(&file.permission, &scopes, &ids(&product.sections), &conditions)?;
        let role_ids = file.role.iter().map(|role| role.id.get_ref().as_str()).collect();
        let restrictions = self.restrictions(file.restriction, &plans, &permissions, &role_ids)?;
        let roles = self.roles(&file.role, &scopes, &permissions, &conditions, &restrictions)?;
        self.implied(&file.permission, &roles)?;
        let derived = self.derived(file.derived_role, &roles, &permissions)?;
        self.default_role(product.membership.default_role.as_ref(), &roles)?;
        let invariants = self.invariants(file.invariant, &roles)?;
        let statuses = self.statuses(file.status)?;
        let seats = self.seats(&file.seats, &statuses)?;
        let blueprint = Blueprint {
            id: file.blueprint.id.into_inner(),
            version: file.blueprint.version.into_inner(),
            default_locale: file.blueprint.default_locale.into_inner(),
            name: file.blueprint.name,
            scopes,
            permissions,
            conditions,
            restrictions,
            roles,
            derived,
            invariants,
            statuses,
            seats,
            product,
        };
        self.product(&blueprint.product, &Declared::by(&blueprint))?;
        self.seat_practice(&file.seats.at_limit, &blueprint)?;
        if let Some(csv) = &blueprint.product.csv {
            self.csv(csv, &blueprint)?;
        }
        if let Some(search) = &blueprint.product.search {
            self.search(search)?;
        }
        Ok(blueprint)
    }

    fn check_id(&self, id: &Spanned<String>) -> Result<(), BlueprintError> {
        let text = id.get_ref();
        if is_id(text) { Ok(()) } else { self.refuse(id, Rule::Spelling, format!("{text:?} is not an id")) }
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
        let declared: BTreeSet<String> = files.iter().map(|file| file.id.get_ref().clone()).collect();
        let declared: BTreeSet<&str> = declared.iter().map(String::as_str).collect();
        for file in files {
            self.new_id(&file.id, scopes.iter().any(|scope| &scope.id == file.id.get_ref()))?;
            self.all_known("scope", &file.below, &declared)?;
            self.all_new(file.variant.iter().map(|variant| &variant.id))?;
            let kind = *file.kind.get_ref();
            let several =
                matches!(kind, ScopeKind::Product) || (kind == ScopeKind::OrgUnit && !file.below.is_empty());
            if !several && scopes.iter().any(|scope| scope.kind == kind) {
                return self.refuse(&file.kind, Rule::Duplicate, format!("a second scope is {kind}"));
            }
            scopes.push(Scope {
                id: file.id.into_inner(),
                kind,
                below: inner(file.below),
                members: file.members,
                variants: file.variant,
                label: file.label,
            });
        }
        Ok(scopes)
    }

    fn scope(&self, scopes: &[Scope], id: &Spanned<String>) -> Result<ScopeKind, BlueprintError> {
        match scopes.iter().find(|scope| &scope.id == id.get_ref()) {
            Some(scope) => Ok(scope.kind),
            None => self.refuse(id, Rule::Reference, format!("no scope {:?} is declared", id.get_ref())),
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
            if role.can_be_held_at(ScopeKind::Workspace) {
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
            "downgrade" => AtLimit::Downgrade,
            _ => {
                return self.refuse(
                    &file.at_limit,
                    Rule::Reference,
                    "waitlist, refuse, overage or downgrade",
                );
            }
        };
        Ok(Seats { counted: file.counted.iter().map(|id| id.get_ref().clone()).collect(), at_limit })
    }
}
