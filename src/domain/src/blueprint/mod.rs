//! A product as data: its roles, permissions, flags and words. Knows what a blueprint says once it was
//! checked; does not know how the file is written (`file`) or which products exist (`catalog`).

mod catalog;
mod contain;
mod error;
mod file;
mod load;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lifecycle::PersonState;
use crate::seat::AtLimit;

pub use catalog::catalog;
pub use error::{BlueprintError, Rule};

/// A checked blueprint: every reference in it leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blueprint {
    id: String,
    version: String,
    default_locale: String,
    name: Label,
    scopes: Vec<Scope>,
    permissions: BTreeMap<String, Permission>,
    conditions: BTreeMap<String, Label>,
    roles: BTreeMap<String, Role>,
    derived: Vec<DerivedRole>,
    default_role: String,
    invariants: Vec<Invariant>,
    statuses: Vec<Status>,
    seats: Seats,
}

impl Blueprint {
    /// Reads and checks a blueprint.
    pub fn parse(text: &str) -> Result<Self, BlueprintError> {
        load::load(text)
    }

    /// Which product it describes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which edition of the description it is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The product's name, in the language of `locale` or else in the product's own.
    pub fn name(&self, locale: &str) -> &str {
        self.say(&self.name, locale)
    }

    /// The role with this id.
    pub fn role(&self, id: &str) -> Option<&Role> {
        self.roles.get(id)
    }

    /// All roles, by id.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// The permission or flag with this id.
    pub fn permission(&self, id: &str) -> Option<&Permission> {
        self.permissions.get(id)
    }

    /// All permissions and flags, by id.
    pub fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.permissions.values()
    }

    /// The ids of all permissions and flags, in order.
    pub fn permission_ids(&self) -> impl Iterator<Item = &str> {
        self.permissions.keys().map(String::as_str)
    }

    /// The flags: what is switched on and off person by person.
    pub fn flags(&self) -> impl Iterator<Item = &Permission> {
        self.permissions.values().filter(|permission| permission.kind == PermissionKind::Flag)
    }

    /// The flag with this id.
    pub fn flag(&self, id: &str) -> Option<&Permission> {
        self.permission(id).filter(|permission| permission.kind == PermissionKind::Flag)
    }

    /// The roles that follow from flags and home.
    pub fn derived_roles(&self) -> &[DerivedRole] {
        &self.derived
    }

    /// The role of a person whom nothing else gives one.
    pub fn default_role(&self) -> Option<&Role> {
        self.role(&self.default_role)
    }

    /// The ids of the conditions that the product itself must check, with what they say.
    pub fn conditions(&self) -> impl Iterator<Item = (&str, &Label)> {
        self.conditions.iter().map(|(id, label)| (id.as_str(), label))
    }

    /// What must stay true of a tenant.
    pub fn invariants(&self) -> &[Invariant] {
        &self.invariants
    }

    /// The product's words for where a person stands.
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// How the product counts seats.
    pub fn seats(&self) -> &Seats {
        &self.seats
    }

    /// The product's words for its scopes.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Whether people have a home in an organisation tree.
    pub fn has_homes(&self) -> bool {
        self.scopes.iter().any(|scope| scope.kind == ScopeKind::OrgUnit)
    }

    /// A label in the language of `locale` or else in the product's own.
    pub fn say<'a>(&'a self, label: &'a Label, locale: &str) -> &'a str {
        label.get(locale).or_else(|| label.get(&self.default_locale)).unwrap_or(&label.en)
    }
}

/// A word of the product in the three languages of the house.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
    /// French.
    pub fr: String,
}

impl Label {
    /// The word in a language, given as a tag such as `ja` or `fr-CA`.
    pub fn get(&self, locale: &str) -> Option<&str> {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "ja" => Some(&self.ja),
            "en" => Some(&self.en),
            "fr" => Some(&self.fr),
            _ => None,
        }
    }
}

/// The kinds of place where something can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The whole environment of a tenant.
    Environment,
    /// A unit of the organisation and everything below it.
    OrgUnit,
    /// A workspace.
    Workspace,
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "the environment",
            Self::OrgUnit => "an org unit",
            Self::Workspace => "a workspace",
        })
    }
}

/// The product's word for a kind of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    id: String,
    kind: ScopeKind,
    label: Label,
}

impl Scope {
    /// Its id in the blueprint.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which kind of place it is.
    pub fn kind(&self) -> ScopeKind {
        self.kind
    }

    /// What people call it.
    pub fn label(&self) -> &Label {
        &self.label
    }
}

/// How a permission comes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionKind {
    /// Through a role, yes or no.
    Bool,
    /// Switched on person by person, where the role allows it.
    Flag,
}

/// A permission or a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    id: String,
    kind: PermissionKind,
    scopes: BTreeSet<ScopeKind>,
    requires: BTreeSet<String>,
    only_if: Option<String>,
    label: Label,
}

impl Permission {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it comes to a person.
    pub fn kind(&self) -> PermissionKind {
        self.kind
    }

    /// Whether a flag can be switched on at such a place.
    pub fn can_be_held_at(&self, scope: ScopeKind) -> bool {
        self.scopes.contains(&scope)
    }

    /// What must be held too, or it falls.
    pub fn requires(&self) -> impl Iterator<Item = &str> {
        self.requires.iter().map(String::as_str)
    }

    /// The condition that the product must check whoever holds it.
    pub fn only_if(&self) -> Option<&str> {
        self.only_if.as_deref()
    }

    /// What people call it.
    pub fn label(&self) -> &Label {
        &self.label
    }
}

/// How a role comes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignment {
    /// It follows from flags and home, or is the default; nobody can give it.
    Derived,
    /// A rule or a person gives it.
    Given,
}

/// Which kind of administrator a role makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminLevel {
    /// Of the whole tenant.
    Admin,
    /// Of a subtree.
    OrgAdmin,
}

/// What a role says about a permission or a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Held.
    Yes,
    /// Not held, and a flag cannot be switched on.
    No,
    /// The flag can be switched on.
    Grantable,
    /// Held, under a condition that the product must check.
    If(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No => f.write_str("no"),
            Self::Grantable => f.write_str("grantable"),
            Self::If(condition) => write!(f, "if:{condition}"),
        }
    }
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    id: String,
    scope: ScopeKind,
    rank: i64,
    level: Option<AdminLevel>,
    protected: bool,
    assignment: Assignment,
    grants: BTreeMap<String, Cell>,
    label: Label,
}

impl Role {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The kind of place where it is held.
    pub fn scope(&self) -> ScopeKind {
        self.scope
    }

    /// The higher rank wins between roles at one place.
    pub fn rank(&self) -> i64 {
        self.rank
    }

    /// Which kind of administrator it makes, if any.
    pub fn level(&self) -> Option<AdminLevel> {
        self.level
    }

    /// Whether its last holder is protected.
    pub fn protected(&self) -> bool {
        self.protected
    }

    /// How it comes to a person.
    pub fn assignment(&self) -> Assignment {
        self.assignment
    }

    /// What it says about a permission or a flag. A blueprint has no gaps: none means no such permission.
    pub fn cell(&self, permission: &str) -> Option<&Cell> {
        self.grants.get(permission)
    }

    /// Its row of the matrix.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &Cell)> {
        self.grants.iter().map(|(id, cell)| (id.as_str(), cell))
    }

    /// What people call it.
    pub fn label(&self) -> &Label {
        &self.label
    }
}

/// Where a person's home must be for a derived role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HomeDepth {
    /// At the top of the organisation.
    Top,
    /// Anywhere below the top.
    Below,
}

/// A role that follows from flags and home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivedRole {
    role: String,
    requires_flags: BTreeSet<String>,
    home_depth: Option<HomeDepth>,
}

impl DerivedRole {
    /// The role.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The flags that must all be on.
    pub fn requires_flags(&self) -> &BTreeSet<String> {
        &self.requires_flags
    }

    /// Where the home must be, if it matters.
    pub fn home_depth(&self) -> Option<HomeDepth> {
        self.home_depth
    }
}

/// Something that must stay true of a tenant: so many active people hold a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    id: String,
    role: String,
    minimum: u32,
    on_idp_demotion: OnDemotion,
}

impl Invariant {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The role.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// How many must hold it.
    pub fn minimum(&self) -> u32 {
        self.minimum
    }

    /// What happens when an identity provider takes the role from the last holder.
    pub fn on_idp_demotion(&self) -> OnDemotion {
        self.on_idp_demotion
    }
}

/// What happens when an identity provider takes a protected role from its last holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDemotion {
    /// The role stays and the change is held for somebody to decide.
    Hold,
    /// The request is refused.
    Reject,
}

/// The product's word for where a person stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    id: String,
    person: PersonState,
    label: Label,
}

impl Status {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where the person stands.
    pub fn person(&self) -> PersonState {
        self.person
    }

    /// What people call it.
    pub fn label(&self) -> &Label {
        &self.label
    }
}

/// How the product counts seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seats {
    counted: BTreeSet<String>,
    at_limit: AtLimit,
}

impl Seats {
    /// Whether people of this status hold a seat.
    pub fn counts(&self, status: &str) -> bool {
        self.counted.contains(status)
    }

    /// What happens at the limit, unless the tenant says otherwise.
    pub fn at_limit(&self) -> AtLimit {
        self.at_limit
    }
}
