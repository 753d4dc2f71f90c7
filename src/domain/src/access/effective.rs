//! What comes out of an evaluation. Knows how it is stored and asked; does not know how it came about.
//!
//! The serialised form is stored and served: keys and tags are stable, lists are sorted.

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::blueprint::AdminLevel;
use crate::id::{OrgUnitId, WorkspaceId};
use crate::org_tree::{OrgTree, OrgUnit, Workspace};

/// What a person may do, with the reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveAccess {
    /// Whether they hold anything at all.
    pub status: AccessStatus,
    /// Where they belong. Known even of those who hold nothing.
    pub home: Option<HomeAccess>,
    /// The flags they hold.
    pub flags: Vec<FlagAccess>,
    /// The roles they hold.
    pub roles: Vec<RoleAccess>,
    /// The permissions their roles give them. Flags are not repeated here.
    pub permissions: Vec<PermissionAccess>,
    /// What they would hold, were it not for the reasons.
    pub dropped: Vec<Dropped>,
    /// The reasons for the status.
    pub reasons: Vec<Reason>,
}

/// Whether somebody holds anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum AccessStatus {
    /// They hold what the lists say.
    Granted,
    /// They are not active.
    Inactive,
    /// They wait for a seat.
    WaitingForSeat {
        /// Their place in the queue, from 1.
        position: u32,
    },
    /// They were refused a seat.
    NoSeat,
}

/// Where somebody belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HomeAccess {
    /// The unit.
    pub org_unit: OrgUnitId,
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// How far below the top it is; 0 for the top.
    pub depth: u32,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Where something is held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Scope {
    /// In the whole environment of the tenant.
    Environment,
    /// In a unit and everything below it.
    OrgUnit {
        /// The unit.
        id: OrgUnitId,
        /// Its key.
        key: String,
        /// Its name.
        name: String,
    },
    /// In a workspace.
    Workspace {
        /// The workspace.
        id: WorkspaceId,
        /// Its key.
        key: String,
        /// Its name.
        name: String,
    },
}

impl From<&OrgUnit> for Scope {
    fn from(unit: &OrgUnit) -> Self {
        Self::OrgUnit { id: unit.id, key: unit.key.clone(), name: unit.name.clone() }
    }
}

impl From<&Workspace> for Scope {
    fn from(workspace: &Workspace) -> Self {
        Self::Workspace { id: workspace.id, key: workspace.key.clone(), name: workspace.name.clone() }
    }
}

/// A flag somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagAccess {
    /// The flag.
    pub flag: String,
    /// Where.
    pub scope: Scope,
    /// The condition that the product must check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligation: Option<String>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// A role somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAccess {
    /// The role.
    pub role: String,
    /// Where.
    pub scope: Scope,
    /// Which kind of administrator it makes, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<AdminLevel>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// A permission somebody holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionAccess {
    /// The permission.
    pub permission: String,
    /// Where.
    pub scope: Scope,
    /// The condition that the product must check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligation: Option<String>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// What kind of thing was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// A home.
    Home,
    /// A flag.
    Flag,
    /// A role.
    Role,
    /// A permission.
    Permission,
}

/// Something that somebody does not hold although something speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dropped {
    /// What kind of thing.
    pub what: What,
    /// Its id; of a home, the key.
    pub id: String,
    /// Where, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What speaks for it, and why it was dropped.
    pub reasons: Vec<Reason>,
}

/// A place to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// The whole environment.
    Environment,
    /// A unit.
    OrgUnit(OrgUnitId),
    /// A workspace.
    Workspace(&'a Workspace),
}

/// The answer to whether somebody may do something somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether they may.
    pub allowed: bool,
    /// The condition that the asker must check before going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligation: Option<String>,
    /// Why, or why not.
    pub reasons: Vec<Reason>,
}

impl EffectiveAccess {
    /// Whether the person may do something: in a unit, or in the whole environment if none is named.
    ///
    /// What is held in a unit is held in everything below it, and in nothing beside or above it. A unit that
    /// is not in the tree is below nothing but the environment.
    pub fn may(&self, permission: &str, org_unit: Option<OrgUnitId>, tree: &OrgTree) -> Decision {
        self.may_at(permission, org_unit.map_or(Place::Environment, Place::OrgUnit), tree)
    }

    /// Whether the person may do something at a place.
    ///
    /// A workspace that belongs to a unit is below that unit.
    pub fn may_at(&self, permission: &str, place: Place<'_>, tree: &OrgTree) -> Decision {
        let roles =
            self.permissions.iter().map(|it| (&it.permission, &it.scope, &it.obligation, &it.reasons));
        let flags = self.flags.iter().map(|it| (&it.flag, &it.scope, &it.obligation, &it.reasons));
        let best = roles
            .chain(flags)
            .filter(|(id, scope, ..)| *id == permission && reaches(scope, place, tree))
            // Without a condition before with one; the lists are sorted, so the first of equals is the widest.
            .min_by_key(|(_, _, obligation, _)| obligation.is_some());
        if let Some((_, _, obligation, reasons)) = best.filter(|_| self.status == AccessStatus::Granted) {
            return Decision {
                allowed: true,
                obligation: obligation.clone(),
                reasons: self.explain(reasons),
            };
        }
        let mut reasons = vec![Reason::NotHeld { permission: permission.to_owned() }];
        if self.status != AccessStatus::Granted {
            reasons.extend(self.reasons.iter().cloned());
        }
        let dropped = self.dropped.iter().filter(|it| {
            matches!(it.what, What::Flag | What::Permission)
                && it.id == permission
                && it.scope.as_ref().is_none_or(|scope| reaches(scope, place, tree))
        });
        for reason in dropped.flat_map(|it| &it.reasons) {
            if !reasons.contains(reason) {
                reasons.push(reason.clone());
            }
        }
        Decision { allowed: false, obligation: None, reasons }
    }

    /// The reasons, and behind each role among them the reasons for the role.
    fn explain(&self, reasons: &[Reason]) -> Vec<Reason> {
        let mut explained: Vec<Reason> = Vec::new();
        for reason in reasons {
            let behind = self.roles.iter().filter(|held| match reason {
                Reason::FromRole { role } => held.role == *role,
                _ => false,
            });
            let behind = behind.flat_map(|held| &held.reasons);
            for reason in std::iter::once(reason).chain(behind) {
                if !explained.contains(reason) {
                    explained.push(reason.clone());
                }
            }
        }
        explained
    }

    /// The highest kind of administrator the person is, if any.
    pub fn admin_level(&self) -> Option<AdminLevel> {
        self.roles.iter().filter_map(|role| role.level).min()
    }
}

/// Whether what is held at a scope is held at a place.
pub(super) fn reaches(scope: &Scope, place: Place<'_>, tree: &OrgTree) -> bool {
    match (scope, place) {
        (Scope::Environment, _) => true,
        (Scope::OrgUnit { id, .. }, Place::OrgUnit(unit)) => tree.contains(*id, unit),
        (Scope::OrgUnit { id, .. }, Place::Workspace(workspace)) => {
            workspace.org_unit.is_some_and(|unit| tree.contains(*id, unit))
        }
        (Scope::Workspace { id, .. }, Place::Workspace(workspace)) => *id == workspace.id,
        (Scope::OrgUnit { .. } | Scope::Workspace { .. }, Place::Environment)
        | (Scope::Workspace { .. }, Place::OrgUnit(_)) => false,
    }
}
