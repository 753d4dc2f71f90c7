//! A product as data: its roles, permissions, flags and words. Knows what a blueprint says once it was
//! checked; does not know how the file is written (`file`) or which products exist (`catalog`).

mod catalog;
mod contain;
mod error;
mod file;
mod load;
mod matrix;
mod own;
mod product;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lifecycle::PersonState;
use crate::mapping::ScopeRef;
use crate::org_tree::OrgTree;
use crate::seat::{AtLimit, Door};

pub use catalog::catalog;
pub use error::{BlueprintError, Rule};
pub use matrix::{
    AdminLevel, Assignment, Cell, Condition, Grantable, Origin, Permission, PermissionKind, Restriction,
    Role, Test,
};
pub use own::{OwnRole, OwnRoles, RoleError, Standing};
pub use product::*;

/// A checked blueprint: every reference in it leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blueprint {
    id: String,
    version: String,
    default_locale: String,
    name: Label,
    scopes: Vec<Scope>,
    permissions: BTreeMap<String, Permission>,
    conditions: BTreeMap<String, Condition>,
    restrictions: BTreeMap<String, Restriction>,
    roles: BTreeMap<String, Role>,
    derived: Vec<DerivedRole>,
    invariants: Vec<Invariant>,
    statuses: Vec<Status>,
    seats: Seats,
    product: Product,
}

impl Blueprint {
    /// Reads and checks a blueprint.
    pub fn parse(text: &str) -> Result<Self, BlueprintError> {
        load::load(text)
    }

    /// All that a blueprint says, as JSON, for those who show it to people.
    pub fn as_json(text: &str) -> Result<serde_json::Value, BlueprintError> {
        load::read(text)
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
        self.role(self.product.membership.default_role.as_ref()?.get_ref())
    }

    /// What the product says besides its matrix.
    pub fn product(&self) -> &Product {
        &self.product
    }

    /// The restriction with this id.
    pub fn restriction(&self, id: &str) -> Option<&Restriction> {
        self.restrictions.get(id)
    }

    /// All restrictions, by id.
    pub fn restrictions(&self) -> impl Iterator<Item = &Restriction> {
        self.restrictions.values()
    }

    /// The condition with this id.
    pub fn condition(&self, id: &str) -> Option<&Condition> {
        self.conditions.get(id)
    }

    /// All conditions, by id.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.values()
    }

    /// What must stay true of a tenant.
    pub fn invariants(&self) -> &[Invariant] {
        &self.invariants
    }

    /// The product's words for where a person stands.
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// How somebody who was invited comes in.
    pub fn acceptance(&self) -> Option<&Transition> {
        let accepts = |on| matches!(on, Event::InvitationAccepted | Event::Registered);
        self.product.transitions.iter().find(|transition| accepts(transition.on))
    }

    /// The product's word for somebody who is active or not, and was invited and has not accepted or not. Of several for the
    /// same state, the last is theirs for good.
    pub fn status_of(&self, state: PersonState, invited: bool) -> Option<&Status> {
        let before = self.acceptance().map(|transition| transition.from.get_ref().as_str());
        let mut all = self.statuses.iter().rev().filter(|status| status.person == state);
        if invited && state == PersonState::Active {
            return all.find(|status| Some(status.id.as_str()) == before);
        }
        all.find(|status| state == PersonState::Inactive || Some(status.id.as_str()) != before)
    }

    /// Whether a seat is kept for somebody who was invited.
    pub fn counts_the_invited(&self) -> bool {
        self.acceptance().is_none_or(|transition| self.seats.counts(transition.from.get_ref()))
    }

    /// What happens to somebody who finds no seat at a door, unless the tenant says otherwise. Of inviting a product that does not
    /// say it means what it says of everything that is done by hand.
    pub fn at_limit(&self, door: Door) -> AtLimit {
        let said = &self.product.seat_practice.at_limit_by;
        let by_hand = || if door == Door::Invite { said.get(&Door::Manual) } else { None };
        said.get(&door).or_else(by_hand).map_or(self.seats.at_limit, |word| *word.get_ref())
    }

    /// The role that somebody has who is in without a seat: of a class that is not paid for, where another is. It is held in the
    /// environment and gives nothing by itself.
    pub fn role_without_seat(&self) -> Option<&Role> {
        let free = self.seat_classes().iter().filter(|class| self.is_free(class));
        let mut roles = free.flat_map(|class| &class.roles).filter_map(|id| self.role(id.get_ref()));
        roles.find(|role| {
            let closed = role.grantable() == Grantable::Closed;
            let nothing = |cell: &Cell| *cell == Cell::No || (closed && *cell == Cell::Grantable);
            role.can_be_held_at(ScopeKind::Environment) && role.cells().all(|(_, cell)| nothing(cell))
        })
    }

    /// The classes of seats that are told from each other; none where there is one at most.
    pub fn seat_classes(&self) -> &[SeatClass] {
        match self.product.seat_classes.as_slice() {
            [] | [_] => &[],
            classes => classes,
        }
    }

    /// The class of seats that a role needs, where several are told from each other.
    pub fn seat_class_of(&self, role: &str) -> Option<&SeatClass> {
        self.seat_classes().iter().find(|class| class.is_for(role))
    }

    /// Whether nobody needs a seat because of this class: it is not paid for, and another is.
    pub fn is_free(&self, class: &SeatClass) -> bool {
        !class.billable && self.seat_classes().iter().any(|it| it.billable)
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
        self.units().any(|scope| scope.members == Members::One)
    }

    /// The kinds of unit in the organisation tree.
    pub fn units(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(|scope| scope.kind == ScopeKind::OrgUnit)
    }

    /// What kind of place a unit is, given what it was created as; none for one of which nobody said so, where there
    /// are several kinds.
    pub fn unit_called<'a>(&'a self, created_as: Option<&'a str>) -> Option<&'a str> {
        let mut units = self.units();
        match (units.next(), units.next(), created_as) {
            (Some(only), None, _) => Some(only.id()),
            (_, _, called) => called,
        }
    }

    /// What the blueprint calls the place that a reference leads to; none for a unit of no known kind.
    pub fn called<'a>(&'a self, scope: ScopeRef, tree: &'a OrgTree) -> Option<&'a str> {
        if let ScopeRef::OrgUnit(id) = scope {
            return self.unit_called(tree.get(id)?.kind.as_deref());
        }
        self.scopes.iter().find(|it| it.kind == scope.kind()).map(Scope::id)
    }

    /// The language that the product speaks by itself.
    pub fn default_locale(&self) -> &str {
        &self.default_locale
    }

    /// A label in the language of `locale` or else in the product's own.
    pub fn say<'a>(&'a self, label: &'a Label, locale: &str) -> &'a str {
        label.get(locale).or_else(|| label.get(&self.default_locale)).unwrap_or(&label.en)
    }
}

/// A word of the product in the three languages of the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A place that only the product knows. Nothing is held there.
    Product,
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "the environment",
            Self::OrgUnit => "an org unit",
            Self::Workspace => "a workspace",
            Self::Product => "a place of the product's own",
        })
    }
}

/// The product's word for a kind of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    id: String,
    kind: ScopeKind,
    below: BTreeSet<String>,
    members: Members,
    variants: Vec<Variant>,
    label: Label,
}

/// In how many places of a kind one person is at home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Members {
    /// In one.
    #[default]
    One,
    /// In any number.
    Many,
}

/// A variant of a kind of place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its id.
    pub id: Ref,
    /// How one comes in.
    pub join: Join,
    /// What people call it.
    pub label: Label,
}

/// How one comes into a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Everybody is in it.
    Everybody,
    /// Whoever wants to.
    OnesOwn,
    /// A member adds one.
    ByMember,
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

    /// Whether such a place lies directly below one that the blueprint calls by this word.
    pub fn lies_below(&self, scope: &str) -> bool {
        self.below.contains(scope)
    }

    /// In how many such places one person is at home.
    pub fn members(&self) -> Members {
        self.members
    }

    /// Its variants.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
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
