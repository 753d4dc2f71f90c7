//! What a product says besides its matrix, checked: every id in it leads somewhere.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::Loader;
use crate::blueprint::error::{BlueprintError, Rule};
use crate::blueprint::{
    Blueprint, Csv, Externals, Field, GrantRule, Membership, Named, PermissionKind, Product, Ref, Role,
    Search, Transition,
};
use crate::seat::{AtLimit, Door};

/// Stands for every role.
const ALL: &str = "*";

/// The ids that are declared in the file.
pub(super) struct Declared<'a> {
    pub(super) scopes: BTreeSet<&'a str>,
    pub(super) variants: BTreeSet<&'a str>,
    pub(super) roles: BTreeSet<&'a str>,
    pub(super) permissions: BTreeSet<&'a str>,
    pub(super) conditions: BTreeSet<&'a str>,
    pub(super) statuses: BTreeSet<&'a str>,
    pub(super) plans: BTreeSet<&'a str>,
}

impl<'a> Declared<'a> {
    pub(super) fn by(blueprint: &'a Blueprint) -> Self {
        let product = &blueprint.product;
        Self {
            scopes: blueprint.scopes.iter().map(|scope| scope.id.as_str()).collect(),
            variants: blueprint
                .scopes
                .iter()
                .flat_map(|it| &it.variants)
                .map(|it| it.id.get_ref().as_str())
                .collect(),
            roles: blueprint.roles.keys().map(String::as_str).collect(),
            permissions: blueprint.permissions.keys().map(String::as_str).collect(),
            conditions: blueprint.conditions.keys().map(String::as_str).collect(),
            statuses: blueprint.statuses.iter().map(|status| status.id.as_str()).collect(),
            plans: ids(&product.plans),
        }
    }
}

/// The ids of things with names.
pub(super) fn ids(named: &[Named]) -> BTreeSet<&str> {
    named.iter().map(|it| it.id.get_ref().as_str()).collect()
}

impl Loader<'_> {
    /// Refuses the first id that is not among the known ones.
    pub(super) fn all_known<'r>(
        &self,
        what: &str,
        ids: impl IntoIterator<Item = &'r Ref>,
        known: &BTreeSet<&str>,
    ) -> Result<(), BlueprintError> {
        match ids.into_iter().find(|id| !known.contains(id.get_ref().as_str())) {
            Some(id) => self.refuse(id, Rule::Reference, format!("no {what} {:?} is declared", id.get_ref())),
            None => Ok(()),
        }
    }

    /// Refuses an id that is declared twice in a table.
    pub(super) fn all_new<'r>(&self, ids: impl IntoIterator<Item = &'r Ref>) -> Result<(), BlueprintError> {
        let mut taken = BTreeSet::new();
        for id in ids {
            self.new_id(id, !taken.insert(id.get_ref().as_str()))?;
        }
        Ok(())
    }

    pub(super) fn product(&self, product: &Product, declared: &Declared<'_>) -> Result<(), BlueprintError> {
        for table in [&product.sections, &product.plans, &product.features] {
            self.all_new(table.iter().map(|it| &it.id))?;
        }
        self.all_new(product.grant_rules.iter().map(|rule| &rule.id))?;
        self.all_new(product.seat_classes.iter().map(|class| &class.id))?;
        self.membership(&product.membership, declared)?;
        for rule in &product.grant_rules {
            self.grant_rule(rule, declared)?;
        }
        for Transition { from, to, .. } in &product.transitions {
            self.all_known("status", [from, to], &declared.statuses)?;
        }
        if let Some(externals) = &product.externals {
            self.externals(externals, declared)?;
        }
        self.all_known("scope", product.profile.iter().map(|profile| &profile.kept_at), &declared.scopes)?;
        self.all_known("role", product.directory.iter().flat_map(|list| &list.visible_to), &declared.roles)?;
        self.all_known("scope", &product.seat_practice.pool, &declared.scopes)?;
        self.all_known("role", product.seat_classes.iter().flat_map(|class| &class.roles), &declared.roles)
    }

    /// A role needs a seat of one class, and the limit is spoken of where somebody asks for a seat; who is to be in without one
    /// needs a role for that.
    pub(super) fn seat_practice(&self, at_limit: &Ref, blueprint: &Blueprint) -> Result<(), BlueprintError> {
        let product = &blueprint.product;
        let mut classed = BTreeSet::new();
        for role in product.seat_classes.iter().flat_map(|class| &class.roles) {
            if !classed.insert(role.get_ref().as_str()) {
                let detail = format!("{:?} needs a seat of one class, and not of two", role.get_ref());
                return self.refuse(role, Rule::Seats, detail);
            }
        }
        if blueprint.role_without_seat().is_none() {
            let detail =
                "no role of a class that is not paid for gives nothing and is held in the environment";
            if blueprint.seats.at_limit() == AtLimit::Downgrade {
                return self.refuse(at_limit, Rule::Seats, detail);
            }
            let mut words = product.seat_practice.at_limit_by.values();
            if let Some(word) = words.find(|word| *word.get_ref() == AtLimit::Downgrade) {
                return self.refuse(word, Rule::Seats, detail);
            }
        }
        match product.seat_practice.at_limit_by.get(&Door::Invite) {
            Some(word) if !blueprint.counts_the_invited() => {
                self.refuse(word, Rule::Seats, "whoever is invited is not counted, and asks for no seat")
            }
            _ => Ok(()),
        }
    }

    fn membership(&self, membership: &Membership, declared: &Declared<'_>) -> Result<(), BlueprintError> {
        let roles =
            membership.invited_as.iter().chain(&membership.first_role).chain(&membership.never_default);
        self.all_known("role", roles, &declared.roles)?;
        self.all_known("variant", &membership.joins, &declared.variants)?;
        for id in membership.default_role.iter().chain(&membership.invited_as) {
            if membership.never_default.iter().any(|never| never.get_ref() == id.get_ref()) {
                return self.refuse(
                    id,
                    Rule::DefaultRole,
                    format!("{:?} is never the default", id.get_ref()),
                );
            }
        }
        Ok(())
    }

    fn grant_rule(&self, rule: &GrantRule, declared: &Declared<'_>) -> Result<(), BlueprintError> {
        let named = |ids: &'_ [Ref]| ids.iter().filter(|id| id.get_ref() != ALL).cloned().collect::<Vec<_>>();
        if rule.actors.is_empty() || rule.actions.is_empty() {
            return self.refuse(&rule.id, Rule::GrantRule, "the rule is about nobody or nothing");
        }
        self.all_known("role", &named(&rule.actors), &declared.roles)?;
        self.all_known("role", &rule.except, &declared.roles)?;
        self.all_known("role", &named(&rule.roles), &declared.roles)?;
        self.all_known("permission", &rule.permissions, &declared.permissions)?;
        self.all_known("scope", &rule.member_of, &declared.scopes)?;
        self.all_known("condition", &rule.only_if, &declared.conditions)
    }

    fn externals(&self, externals: &Externals, declared: &Declared<'_>) -> Result<(), BlueprintError> {
        self.all_known(
            "role",
            std::iter::once(&externals.role).chain(&externals.approved_by),
            &declared.roles,
        )?;
        self.all_known("variant", &externals.variants, &declared.variants)?;
        self.all_known("plan", &externals.plans, &declared.plans)
    }

    /// People are found by what they are called and by their addresses, and by nothing else.
    pub(super) fn search(&self, search: &Search) -> Result<(), BlueprintError> {
        if search.fields.get_ref() == &BTreeSet::from([Field::Name, Field::Email]) {
            return Ok(());
        }
        self.refuse(&search.fields, Rule::Search, "people are searched by name and email")
    }

    /// Columns are lettered from A without a gap, and each shows one thing.
    pub(super) fn csv(&self, csv: &Csv, blueprint: &Blueprint) -> Result<(), BlueprintError> {
        let mut letters = 'A'..='Z';
        for column in &csv.column {
            if letters.next() != Some(*column.letter.get_ref()) {
                return self.refuse(
                    &column.letter,
                    Rule::CsvColumn,
                    "the columns are lettered in order, from A",
                );
            }
            match (&column.field, &column.flag) {
                (Some(_), None) => {}
                (None, Some(flag)) => {
                    let found = blueprint.permission(flag.get_ref());
                    if found.is_none_or(|found| found.kind != PermissionKind::Flag) {
                        return self.refuse(
                            flag,
                            Rule::Reference,
                            format!("no flag {:?} is declared", flag.get_ref()),
                        );
                    }
                }
                _ => return self.refuse(&column.letter, Rule::CsvColumn, "a column shows a field or a flag"),
            }
        }
        Ok(())
    }

    /// The role of those whom nothing else gives one needs no place that somebody must choose, and no power.
    pub(super) fn default_role(
        &self,
        id: Option<&Spanned<String>>,
        roles: &BTreeMap<String, Role>,
    ) -> Result<(), BlueprintError> {
        use crate::blueprint::ScopeKind::Workspace;
        let Some(id) = id else { return Ok(()) };
        let role = self.role(roles, id)?;
        if role.places.iter().all(|placing| placing.kind == Workspace) || role.level.is_some() {
            let detail = "nobody is an administrator or in a workspace by default";
            return self.refuse(id, Rule::DefaultRole, detail);
        }
        Ok(())
    }
}
