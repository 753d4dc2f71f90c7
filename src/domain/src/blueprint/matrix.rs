//! What a product's roles say about its permissions. Knows cells, levels and restrictions; does not know who holds a role.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Label, ScopeKind};

/// How a permission comes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionKind {
    /// Through a role, yes or no.
    Bool,
    /// Switched on person by person, where the role allows it.
    Flag,
    /// More or less of it: one of several levels, through a role or person by person.
    Level,
}

/// A permission or a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    pub(super) id: String,
    pub(super) kind: PermissionKind,
    pub(super) section: Option<String>,
    pub(super) scopes: BTreeSet<ScopeKind>,
    pub(super) levels: Vec<String>,
    pub(super) per: Option<String>,
    pub(super) requires: BTreeSet<String>,
    pub(super) only_if: Option<String>,
    pub(super) exclusive_to: Option<String>,
    pub(super) obligations: BTreeMap<String, BTreeSet<String>>,
    pub(super) implies: BTreeMap<String, BTreeSet<String>>,
    pub(super) label: Label,
}

/// The level that is nothing, where a permission has one.
const NOTHING: &str = "none";

impl Permission {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it comes to a person.
    pub fn kind(&self) -> PermissionKind {
        self.kind
    }

    /// The section of the product's role editor that shows it.
    pub fn section(&self) -> Option<&str> {
        self.section.as_deref()
    }

    /// Whether it can be given to one person at such a place: a flag, or a level beside the one of the role.
    pub fn can_be_held_at(&self, scope: ScopeKind) -> bool {
        self.scopes.contains(&scope)
    }

    /// The levels, from the lowest to the highest; empty unless it has levels.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// How high a level is; none if there is no such level.
    pub fn height(&self, level: &str) -> Option<usize> {
        self.levels.iter().position(|known| known == level)
    }

    /// Whether a level lets anybody do anything.
    pub fn is_something(level: &str) -> bool {
        level != NOTHING
    }

    /// What it is held for one by one, in the product's word, if not for all at once.
    pub fn per(&self) -> Option<&str> {
        self.per.as_deref()
    }

    /// What must be held too, or it falls.
    pub fn requires(&self) -> impl Iterator<Item = &str> {
        self.requires.iter().map(String::as_str)
    }

    /// The condition that stands before it whoever holds it.
    pub fn only_if(&self) -> Option<&str> {
        self.only_if.as_deref()
    }

    /// The only role that may ever give it.
    pub fn exclusive_to(&self) -> Option<&str> {
        self.exclusive_to.as_deref()
    }

    /// What the product must see to when somebody has it at this level.
    pub fn obligations(&self, level: &str) -> impl Iterator<Item = &str> {
        self.obligations.get(level).into_iter().flatten().map(String::as_str)
    }

    /// What a role gives too that gives it at this level.
    pub fn implies(&self, level: &str) -> impl Iterator<Item = &str> {
        self.implies.get(level).into_iter().flatten().map(String::as_str)
    }

    /// The level that everybody has, where there is none that is nothing.
    pub fn floor(&self) -> Option<&str> {
        self.levels.first().map(String::as_str).filter(|level| Self::is_something(level))
    }

    /// The cell that a text spells for this permission, if it spells one. Whether there is such a condition is not asked.
    pub(super) fn read(&self, text: &str) -> Option<Cell> {
        let has_levels = self.kind == PermissionKind::Level;
        match text.split_once(':').unwrap_or((text, "")) {
            ("no", "") => Some(Cell::No),
            ("unspecified", "") => Some(Cell::Unspecified),
            ("grantable", "") => Some(Cell::Grantable),
            ("yes", "") if !has_levels => Some(Cell::Yes),
            ("level", level) if has_levels => self.height(level).map(|_| Cell::Level(level.to_owned())),
            ("if", id) if self.kind == PermissionKind::Bool => Some(Cell::If(id.to_owned())),
            _ => None,
        }
    }

    /// What people call it.
    pub fn label(&self) -> &Label {
        &self.label
    }
}

/// Something that stands before a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub(super) id: String,
    pub(super) test: Test,
    pub(super) label: Label,
}

/// Who can say whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Only the product; it is handed on as an obligation.
    Product,
    /// The house, if the tenant said which features it has.
    Feature(String),
    /// The house, if the tenant said which plan it is on.
    Plans(BTreeSet<String>),
    /// The house: it holds unless the person is under this restriction.
    Unrestricted(String),
}

impl Condition {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Who can say whether it holds.
    pub fn test(&self) -> &Test {
        &self.test
    }

    /// What it says.
    pub fn label(&self) -> &Label {
        &self.label
    }
}

/// Something that takes away from what a role gives, person by person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    pub(super) id: String,
    pub(super) applies_to: BTreeSet<String>,
    pub(super) denies: BTreeSet<String>,
    pub(super) limits: BTreeMap<String, String>,
    pub(super) exclusive_group: Option<String>,
    pub(super) plans: BTreeSet<String>,
    pub(super) label: Label,
}

impl Restriction {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether somebody of this role can be under it.
    pub fn applies_to(&self, role: &str) -> bool {
        self.applies_to.contains(role)
    }

    /// What it takes away.
    pub fn denies(&self) -> impl Iterator<Item = &str> {
        self.denies.iter().map(String::as_str)
    }

    /// What it holds down, and to which level.
    pub fn limits(&self) -> impl Iterator<Item = (&str, &str)> {
        self.limits.iter().map(|(permission, level)| (permission.as_str(), level.as_str()))
    }

    /// Whether it does something to this permission.
    pub fn touches(&self, permission: &str) -> bool {
        self.denies.contains(permission) || self.limits.contains_key(permission)
    }

    /// Of the restrictions of one group a person is under one at most.
    pub fn exclusive_group(&self) -> Option<&str> {
        self.exclusive_group.as_deref()
    }

    /// The plans that have it; empty if all have.
    pub fn plans(&self) -> &BTreeSet<String> {
        &self.plans
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
    /// A flag can be switched on, a level given. What an open role leaves grantable is held until a restriction takes it.
    Grantable,
    /// Held, under a condition.
    If(String),
    /// Held at a level.
    Level(String),
    /// The product's pages do not say. Not held until somebody decides.
    Unspecified,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No => f.write_str("no"),
            Self::Grantable => f.write_str("grantable"),
            Self::If(condition) => write!(f, "if:{condition}"),
            Self::Level(level) => write!(f, "level:{level}"),
            Self::Unspecified => f.write_str("unspecified"),
        }
    }
}

/// What a cell that can be granted says before anybody granted or restricted anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantable {
    /// Not held.
    #[default]
    Closed,
    /// Held, of levels the highest.
    Open,
}

/// What a role is to those who edit roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// One of the product's fixed roles.
    #[default]
    Fixed,
    /// Made with its place, and there as long as that is.
    System,
    /// An example that the product's pages give, to start from.
    Preset,
    /// A tenant's own. No blueprint says so.
    #[serde(skip)]
    Own,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub(super) id: String,
    pub(super) places: Vec<Placing>,
    pub(super) rank: i64,
    pub(super) level: Option<AdminLevel>,
    pub(super) protected: bool,
    pub(super) assignment: Assignment,
    pub(super) origin: Origin,
    pub(super) editable: bool,
    pub(super) external: bool,
    pub(super) grantable: Grantable,
    pub(super) grants: BTreeMap<String, Cell>,
    pub(super) label: Label,
}

/// A kind of place, by the blueprint's word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placing {
    pub(super) scope: String,
    pub(super) kind: ScopeKind,
}

impl Role {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The kind of place where it is held first of all.
    pub fn scope(&self) -> ScopeKind {
        self.places.first().map_or(ScopeKind::Environment, |placing| placing.kind)
    }

    /// Whether it can be held at such a kind of place.
    pub fn can_be_held_at(&self, kind: ScopeKind) -> bool {
        self.places.iter().any(|placing| placing.kind == kind)
    }

    /// Whether it can be held at places that the blueprint calls by this word.
    pub fn can_be_held_at_a(&self, scope: &str) -> bool {
        self.places.iter().any(|placing| placing.scope == scope)
    }

    /// The blueprint's words for the places where it can be held.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|placing| placing.scope.as_str())
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

    /// What it is to those who edit roles.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether a tenant may change what it says.
    pub fn editable(&self) -> bool {
        self.editable
    }

    /// Whether it is for people of other companies.
    pub fn external(&self) -> bool {
        self.external
    }

    /// What its cells that can be granted say before anybody granted or restricted anything.
    pub fn grantable(&self) -> Grantable {
        self.grantable
    }

    /// What it says about a permission or a flag. A blueprint has no gaps: none means no such permission.
    pub fn cell(&self, permission: &str) -> Option<&Cell> {
        self.grants.get(permission)
    }

    /// Whether a flag or a level can be given to somebody because they have this role.
    pub fn allows(&self, permission: &str) -> bool {
        matches!(self.cell(permission), Some(Cell::Grantable | Cell::Yes | Cell::Level(_)))
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
