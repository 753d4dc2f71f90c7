//! A tenant's own roles, and what it changed of the product's. Knows what a tenant may say of roles and how that is laid over the
//! product; does not know who says it or where it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::matrix::Placing;
use super::{
    Assignment, Blueprint, Cell, Grantable, Label, Origin, Permission, PermissionKind, Role, ScopeKind,
};

/// What a tenant says of roles beside the product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnRoles {
    /// Its own roles and its changes to those of the product, in any order.
    pub roles: Vec<OwnRole>,
    /// The role of those whom nothing else gives one, if the tenant chose another than the product.
    pub default_role: Option<String>,
}

impl OwnRoles {
    /// Whether the tenant says nothing.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.default_role.is_none()
    }

    /// The same with this said of a role, whatever was said of it before.
    #[must_use]
    pub fn saying(mut self, role: OwnRole) -> Self {
        self.roles.retain(|it| it.id != role.id);
        self.roles.push(role);
        self
    }
}

/// What a tenant says of one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnRole {
    /// The role's id.
    pub id: String,
    /// What people call it, if the tenant says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// What it says about permissions, spelt as in a blueprint. About the others a role of the product says what the product
    /// says, and a role of the tenant's own nothing yet.
    #[serde(default)]
    pub cells: BTreeMap<String, String>,
    /// How a role of the tenant's own stands among the others; none of a role of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Whether it was taken out: an example of the product that the tenant does not want.
    #[serde(default)]
    pub removed: bool,
}

/// How a role of a tenant's own stands among the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The blueprint's words for the places where it is held.
    pub places: Vec<String>,
    /// The higher rank wins between roles at one place.
    pub rank: i64,
}

/// Why a tenant cannot have a role so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The id is misspelt.
    #[error("{0:?} is not an id: short lower-case words with \".\" and \"_\" inside")]
    Spelling(String),
    /// There is no such role.
    #[error("there is no role {0:?}")]
    Unknown(String),
    /// The product does not let the role be changed.
    #[error("the role {0:?} is the product's and stays as it is")]
    NotEditable(String),
    /// There is no such permission.
    #[error("the blueprint has no permission {0:?}")]
    UnknownPermission(String),
    /// The permission cannot be given like this.
    #[error("{cell:?} says nothing about {permission:?}")]
    Cell {
        /// The permission.
        permission: String,
        /// What was said.
        cell: String,
    },
    /// Every role has at least the lowest level of the permission.
    #[error("every role has {permission:?}, at least at the level {least:?}")]
    Floor {
        /// The permission.
        permission: String,
        /// Its lowest level.
        least: String,
    },
    /// Only one role gives the permission.
    #[error("only the role {role:?} gives {permission:?}")]
    Exclusive {
        /// The permission.
        permission: String,
        /// The role that gives it.
        role: String,
    },
    /// The level brings something that the role does not give.
    #[error("whoever has {permission:?} at {level:?} has {needs:?} too")]
    Implied {
        /// The permission.
        permission: String,
        /// The level.
        level: String,
        /// What it brings.
        needs: String,
    },
    /// The permission rests on something that the role does not give.
    #[error("{permission:?} requires {needs:?}, which the role does not give")]
    Requires {
        /// The permission.
        permission: String,
        /// What it rests on.
        needs: String,
    },
    /// Nothing is held at such a place.
    #[error("a role is not held at {0:?}")]
    Place(String),
    /// The role would outrank those who administer.
    #[error("the rank of a tenant's own role is from 0 to {0}, below the roles of those who administer")]
    Rank(i64),
    /// The role cannot be the default.
    #[error("the role {0:?} cannot be the default")]
    NeverDefault(String),
    /// There are as many roles as there can be.
    #[error("there are {0} roles at most, those of the product included")]
    TooMany(u32),
}

impl Blueprint {
    /// The blueprint as a tenant has it that says this of roles. What makes no sense in it any more, since the product has
    /// changed, is left out, and what has come to be exclusive is not given.
    #[must_use]
    pub fn with(mut self, own: &OwnRoles) -> Self {
        for said in &own.roles {
            let of_product = self.roles.remove(&said.id);
            let role = match (of_product, &said.standing) {
                (Some(role), _) if said.removed && role.origin == Origin::Preset => continue,
                (Some(role), _) => role,
                (None, Some(standing)) => match self.blank(&said.id, standing) {
                    Some(role) => role,
                    None => continue,
                },
                (None, None) => continue,
            };
            let role = if role.editable { self.laid_over(role, said) } else { role };
            self.roles.insert(said.id.clone(), role);
        }
        if let Some(id) = own.default_role.as_ref().filter(|id| self.may_be_default(id)) {
            self.product.membership.default_role = Some(Spanned::new(0..0, id.clone()));
        }
        self
    }

    /// A role of a tenant's own that says nothing yet; none if it is held nowhere.
    fn blank(&self, id: &str, standing: &Standing) -> Option<Role> {
        let known = standing.places.iter().filter_map(|place| {
            let found = self.scopes.iter().find(|scope| scope.id() == place)?;
            Some(Placing { scope: found.id().to_owned(), kind: found.kind() })
        });
        let places: Vec<Placing> = known.filter(|placing| placing.kind != ScopeKind::Product).collect();
        let all = self.permissions.keys();
        (!places.is_empty()).then(|| Role {
            id: id.to_owned(),
            places,
            rank: standing.rank,
            level: None,
            protected: false,
            assignment: Assignment::Given,
            origin: Origin::Own,
            editable: true,
            external: false,
            grantable: Grantable::Closed,
            grants: all.map(|permission| (permission.clone(), Cell::Unspecified)).collect(),
            label: Label { ja: id.to_owned(), en: id.to_owned(), fr: id.to_owned() },
        })
    }

    fn laid_over(&self, mut role: Role, said: &OwnRole) -> Role {
        for (permission, text) in &said.cells {
            if let Ok(cell) = self.read_cell(&role, permission, text) {
                role.grants.insert(permission.clone(), cell);
            }
        }
        if let Some(label) = &said.label {
            role.label = label.clone();
        }
        role
    }

    /// What a text says of a permission in a tenant's hand.
    fn read_cell(&self, role: &Role, permission: &str, text: &str) -> Result<Cell, RoleError> {
        let found =
            self.permission(permission).ok_or_else(|| RoleError::UnknownPermission(permission.to_owned()))?;
        let no_cell = || RoleError::Cell { permission: permission.to_owned(), cell: text.to_owned() };
        let cell = found.read(text).ok_or_else(no_cell)?;
        let undecided = role.origin != Origin::Own && role.cell(permission) == Some(&Cell::Unspecified);
        let makes_sense = match &cell {
            Cell::If(condition) => self.conditions.contains_key(condition),
            Cell::Unspecified => undecided,
            Cell::Grantable => found.kind() != PermissionKind::Bool && !found.scopes.is_empty(),
            Cell::Yes | Cell::No | Cell::Level(_) => true,
        };
        if !makes_sense {
            return Err(no_cell());
        }
        match (found.exclusive_to(), found.floor(), &cell) {
            (Some(only), _, cell) if only != role.id && *cell != Cell::No => {
                Err(RoleError::Exclusive { permission: permission.to_owned(), role: only.to_owned() })
            }
            (_, Some(least), Cell::No) => {
                Err(RoleError::Floor { permission: permission.to_owned(), least: least.to_owned() })
            }
            _ => Ok(cell),
        }
    }

    /// What a new role of a tenant's own says of every permission: what another role says, as far as it can be given, and else
    /// the least that there is.
    pub fn starting_from(&self, role: Option<&Role>) -> BTreeMap<String, String> {
        let cell = |permission: &Permission| {
            let least = || permission.levels().first().map_or(Cell::No, |level| Cell::Level(level.clone()));
            let of_other = role.and_then(|role| Some((role.cell(permission.id())?, role.grantable)));
            match of_other {
                _ if permission.exclusive_to().is_some() => Cell::No,
                Some((Cell::Grantable, Grantable::Open)) if permission.kind() != PermissionKind::Flag => {
                    permission.levels().last().map_or(Cell::Yes, |level| Cell::Level(level.clone()))
                }
                Some((Cell::No, _)) if permission.floor().is_none() => Cell::No,
                None | Some((Cell::Unspecified | Cell::No, _)) => least(),
                Some((cell, _)) => cell.clone(),
            }
        };
        self.permissions.values().map(|it| (it.id().to_owned(), cell(it).to_string())).collect()
    }

    /// The highest rank that a role of a tenant's own can have: below whoever administers or is protected.
    pub fn highest_own_rank(&self) -> i64 {
        let above = self.roles.values().filter(|role| role.level.is_some() || role.protected);
        above.map(|role| role.rank).min().map_or(i64::from(i32::MAX), |rank| rank.saturating_sub(1)).max(0)
    }

    /// Whether a role may be that of people whom nothing else gives one.
    pub fn may_be_default(&self, id: &str) -> bool {
        let membership = &self.product.membership;
        let chosen = membership.default_role.as_ref();
        let never = membership.never_default.iter().any(|never| never.get_ref() == id);
        let fits = |role: &Role| {
            let of_product = chosen.is_some_and(|chosen| chosen.get_ref() == id);
            let somewhere = role.places.iter().any(|placing| placing.kind != ScopeKind::Workspace);
            role.level.is_none() && somewhere && (of_product || role.assignment == Assignment::Given)
        };
        chosen.is_some() && !never && self.role(id).is_some_and(fits)
    }

    /// The blueprint as the tenant would have it, if what it says of this role makes sense. `self` is the product's, without
    /// what the tenant says.
    ///
    /// # Errors
    /// The first thing that the role must not be.
    pub fn accept(&self, own: &OwnRoles, id: &str) -> Result<Self, RoleError> {
        let said = own.roles.iter().find(|said| said.id == id);
        let said = said.ok_or_else(|| RoleError::Unknown(id.to_owned()))?;
        let so_far = match (self.role(id), &said.standing) {
            (Some(role), _) if role.editable => role.clone(),
            (Some(_), _) => return Err(RoleError::NotEditable(id.to_owned())),
            (None, Some(standing)) => self.newcomer(id, standing)?,
            (None, None) => return Err(RoleError::Unknown(id.to_owned())),
        };
        for (permission, text) in &said.cells {
            self.read_cell(&so_far, permission, text)?;
        }
        let tenant_has = self.clone().with(own);
        if let Some(role) = tenant_has.role(id) {
            tenant_has.holds_together(role)?;
        }
        Ok(tenant_has)
    }

    fn newcomer(&self, id: &str, standing: &Standing) -> Result<Role, RoleError> {
        if !is_id(id) {
            return Err(RoleError::Spelling(id.to_owned()));
        }
        let held = |place: &String| {
            self.scopes.iter().any(|scope| scope.id() == place && scope.kind() != ScopeKind::Product)
        };
        if let Some(place) = standing.places.iter().find(|place| !held(place)) {
            return Err(RoleError::Place(place.clone()));
        }
        let most = self.highest_own_rank();
        if !(0..=most).contains(&standing.rank) {
            return Err(RoleError::Rank(most));
        }
        self.blank(id, standing).ok_or_else(|| RoleError::Place(String::new()))
    }

    /// What a level brings and what a permission rests on are given too.
    fn holds_together(&self, role: &Role) -> Result<(), RoleError> {
        let given = |id: &str| role.cell(id).is_some_and(is_given);
        for (id, cell) in role.cells().filter(|(_, cell)| is_given(cell)) {
            let Some(permission) = self.permission(id) else { continue };
            if let Cell::Level(level) = cell
                && let Some(needs) =
                    permission.implies(level).find(|needs| role.cell(needs) != Some(&Cell::Yes))
            {
                let (permission, level, needs) = (id.to_owned(), level.clone(), needs.to_owned());
                return Err(RoleError::Implied { permission, level, needs });
            }
            if let Some(needs) = permission.requires().find(|needs| !given(needs)) {
                return Err(RoleError::Requires { permission: id.to_owned(), needs: needs.to_owned() });
            }
        }
        Ok(())
    }

    /// Refuses more roles than the product lets a tenant have.
    ///
    /// # Errors
    /// [`RoleError::TooMany`].
    pub fn has_room(&self) -> Result<(), RoleError> {
        match self.product.membership.most_roles {
            Some(most) if self.roles.len() > usize::try_from(most).unwrap_or(usize::MAX) => {
                Err(RoleError::TooMany(most))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a cell gives anything, by itself or to those to whom it is granted.
fn is_given(cell: &Cell) -> bool {
    match cell {
        Cell::Yes | Cell::If(_) | Cell::Grantable => true,
        Cell::Level(level) => Permission::is_something(level),
        Cell::No | Cell::Unspecified => false,
    }
}

/// Whether a text can be the id of something in a blueprint.
pub(super) fn is_id(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.');
    let ends_well = |b: Option<char>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= 64
        && text.bytes().all(is_inner)
        && ends_well(text.chars().next())
        && ends_well(text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::matrices::products;

    /// A product whose tenants have roles of their own, up to a number.
    fn product() -> Blueprint {
        let mut all = products().filter(|it| it.product().membership.most_roles.is_some());
        (*all.next().unwrap()).clone()
    }

    fn own(product: &Blueprint, id: &str, cells: &[(&str, &str)]) -> OwnRole {
        let mut all = product.starting_from(None);
        all.extend(cells.iter().map(|(permission, cell)| ((*permission).to_owned(), (*cell).to_owned())));
        let places = vec![product.scopes()[0].id().to_owned()];
        let standing = Some(Standing { places, rank: 20 });
        OwnRole { id: id.to_owned(), label: None, cells: all, standing, removed: false }
    }

    fn one(role: OwnRole) -> OwnRoles {
        OwnRoles::default().saying(role)
    }

    /// CHT-01, CHT-05: a role is a named set of values, of every section.
    #[test]
    fn a_role_of_ones_own_says_something_of_every_permission() {
        let product = product();
        let given = [("inbox.chats", "level:all_chats"), ("crm.contacts", "level:edit")];
        let tenant_has = product.accept(&one(own(&product, "night", &given)), "night").unwrap();

        let role = tenant_has.role("night").unwrap();
        assert_eq!(role.origin(), Origin::Own);
        assert_eq!(role.cells().count(), product.permissions().count());
        assert_eq!(role.cell("inbox.chats"), Some(&Cell::Level("all_chats".to_owned())));
        assert!(role.cells().all(|(_, cell)| *cell != Cell::Unspecified));
        for section in &product.product().sections {
            let in_it = |it: &&Permission| it.section() == Some(section.id.get_ref().as_str());
            assert!(product.permissions().filter(in_it).all(|it| role.cell(it.id()).is_some()));
        }
    }

    /// CHT-08: what is the owner's alone can be selected in no other role, own or preset, nor left to be granted.
    #[test]
    fn what_is_exclusive_is_given_by_no_other_role() {
        let product = product();
        let exclusive: Vec<&Permission> =
            product.permissions().filter(|it| it.exclusive_to().is_some()).collect();
        assert_eq!(exclusive.len(), 4);
        for permission in exclusive {
            let said = own(&product, "night", &[(permission.id(), "yes")]);
            let refused = product.accept(&one(said), "night").unwrap_err();
            assert!(matches!(refused, RoleError::Exclusive { .. }), "{refused}");
            let cells = BTreeMap::from([(permission.id().to_owned(), "yes".to_owned())]);
            let preset =
                product.roles().find(|role| role.origin() == Origin::Preset).unwrap().id().to_owned();
            let said = OwnRole { id: preset.clone(), label: None, cells, standing: None, removed: false };
            assert!(matches!(product.accept(&one(said.clone()), &preset), Err(RoleError::Exclusive { .. })));
            // What was stored before it became exclusive is not given either.
            let stored = product.clone().with(&one(said));
            assert_eq!(stored.role(&preset).unwrap().cell(permission.id()), Some(&Cell::No));
        }
    }

    #[test]
    fn what_a_level_brings_must_be_given_with_it() {
        let product = product();
        let alone = own(&product, "night", &[("team_chat.groups", "level:all_groups")]);
        assert!(matches!(product.accept(&one(alone.clone()), "night"), Err(RoleError::Implied { .. })));

        let mut both = alone;
        both.cells.insert("team_chat.create_group".to_owned(), "yes".to_owned());
        product.accept(&one(both), "night").unwrap();
    }

    #[test]
    fn what_a_permission_rests_on_must_be_given_with_it() {
        let product = products().find(|it| it.flags().any(|flag| flag.requires().next().is_some())).unwrap();
        let flag = product.flags().find(|flag| flag.requires().next().is_some()).unwrap();
        let needs = flag.requires().next().unwrap();

        let alone = own(&product, "night", &[(flag.id(), "grantable")]);
        assert!(matches!(product.accept(&one(alone), "night"), Err(RoleError::Requires { .. })));
        let both = own(&product, "night", &[(flag.id(), "grantable"), (needs, "grantable")]);
        product.accept(&one(both), "night").unwrap();
    }

    /// CHT-17: what everybody sees cannot be taken out of a role, only left at that.
    #[test]
    fn no_role_is_below_what_everybody_has() {
        let product = product();
        let refused = product.accept(&one(own(&product, "night", &[("options.operation", "no")])), "night");

        assert!(matches!(refused, Err(RoleError::Floor { least, .. }) if least == "view"));
        product.accept(&one(own(&product, "night", &[("crm.contacts", "no")])), "night").unwrap();
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let product = product();
        for (permission, cell) in [
            ("crm.contacts", "yes"),
            ("crm.contacts", "level:own"),
            ("crm.contacts", "grantable"),
            ("crm.data_download", "level:view"),
            ("crm.data_download", "if:sunshine"),
            ("crm.data_download", "unspecified"),
            ("crm.data_download", ""),
            ("crm.nothing", "yes"),
        ] {
            let said = own(&product, "night", &[(permission, cell)]);
            assert!(product.accept(&one(said), "night").is_err(), "{permission} {cell}");
        }
        for id in ["", "Night", "night shift", ".night", &"n".repeat(65)] {
            assert!(product.accept(&one(own(&product, id, &[])), id).is_err(), "{id}");
        }
        let mut above = own(&product, "night", &[]);
        above.standing.as_mut().unwrap().rank = product.highest_own_rank() + 1;
        assert!(matches!(product.accept(&one(above), "night"), Err(RoleError::Rank(_))));
        let mut nowhere = own(&product, "night", &[]);
        nowhere.standing.as_mut().unwrap().places = vec!["team".to_owned()];
        assert!(matches!(product.accept(&one(nowhere), "night"), Err(RoleError::Place(_))));
    }

    /// CHT-07, CHT-20: the owner's role stays as it is; what the product leaves open of the other the tenant decides.
    #[test]
    fn an_editable_role_of_the_product_changes_and_another_does_not() {
        let product = product();
        let said = |id: &str| OwnRole {
            id: id.to_owned(),
            label: Some(Label { ja: "新".to_owned(), en: "New".to_owned(), fr: "Nouveau".to_owned() }),
            cells: BTreeMap::from([("crm.data_download".to_owned(), "yes".to_owned())]),
            standing: None,
            removed: false,
        };
        let tenant_has = product.accept(&one(said("general")), "general").unwrap();

        let role = tenant_has.role("general").unwrap();
        assert_eq!((role.cell("crm.data_download"), role.label().en.as_str()), (Some(&Cell::Yes), "New"));
        assert_eq!(role.cell("crm.contacts"), Some(&Cell::Unspecified));
        assert_eq!(
            product.accept(&one(said("owner")), "owner"),
            Err(RoleError::NotEditable("owner".to_owned()))
        );
    }

    /// CHT-09: any role but the owner's can be the default.
    #[test]
    fn any_role_but_the_owners_can_be_the_default() {
        let product = product();
        let mut owns = one(own(&product, "night", &[]));
        let tenant_has = product.clone().with(&owns);
        for role in tenant_has.roles() {
            assert_eq!(tenant_has.may_be_default(role.id()), role.id() != "owner", "{}", role.id());
        }
        owns.default_role = Some("night".to_owned());
        assert_eq!(product.clone().with(&owns).default_role().unwrap().id(), "night");
        owns.default_role = Some("owner".to_owned());
        assert_eq!(product.clone().with(&owns).default_role().unwrap().id(), "general");
    }

    /// CHT-04, CHT-26: twenty roles, those of the product included; an example that was taken out makes room.
    #[test]
    fn there_is_room_for_so_many_roles_those_of_the_product_included() {
        let product = product();
        let most = usize::try_from(product.product().membership.most_roles.unwrap()).unwrap();
        let mut owns = OwnRoles::default();
        for n in product.roles().count()..most {
            owns = owns.saying(own(&product, &format!("own{n}"), &[]));
        }
        let full = product.clone().with(&owns);
        assert_eq!((full.roles().count(), full.has_room()), (most, Ok(())));

        let owns = owns.saying(own(&product, "one_more", &[]));
        assert!(matches!(product.clone().with(&owns).has_room(), Err(RoleError::TooMany(20))));
        let preset = product.roles().find(|role| role.origin() == Origin::Preset).unwrap().id().to_owned();
        let out = OwnRole {
            id: preset.clone(),
            label: None,
            cells: BTreeMap::new(),
            standing: None,
            removed: true,
        };
        let tenant_has = product.clone().with(&owns.saying(out));
        assert_eq!((tenant_has.has_room(), tenant_has.role(&preset)), (Ok(()), None));
    }

    #[test]
    fn a_role_can_start_from_any_other() {
        for product in products() {
            for role in product.roles() {
                let mut said = own(&product, "night", &[]);
                said.cells = product.starting_from(Some(role));
                if let Err(error) = product.accept(&one(said), "night") {
                    // What a fixed role rests on may be held elsewhere; a tenant's own role says it itself.
                    assert!(
                        matches!(error, RoleError::Requires { .. }),
                        "{} {}: {error}",
                        product.id(),
                        role.id()
                    );
                }
            }
        }
    }
}
