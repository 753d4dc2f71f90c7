//! What comes out of an evaluation. Knows how it is stored and asked; does not know how it came about.
//!
//! The serialised form is stored and served: keys and tags are stable, lists are sorted.

use std::cmp::Reverse;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Reason, SeatAccess};
use crate::blueprint::AdminLevel;
use crate::id::{OrgUnitId, WorkspaceId};
use crate::mapping::ScopeRef;
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
    /// The permissions their roles give them, and levels given to them. Flags are not repeated here.
    pub permissions: Vec<PermissionAccess>,
    /// The restrictions they are under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<RestrictionAccess>,
    /// The seat they need, where it is not just any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<SeatAccess>,
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
    /// They are blocked.
    Blocked,
    /// They were invited and have not accepted.
    Invited,
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

impl From<&Scope> for ScopeRef {
    fn from(scope: &Scope) -> Self {
        match scope {
            Scope::Environment => Self::Environment,
            Scope::OrgUnit { id, .. } => Self::OrgUnit(*id),
            Scope::Workspace { id, .. } => Self::Workspace(*id),
        }
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
    /// What the product must see to.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        alias = "obligation",
        deserialize_with = "one_or_many"
    )]
    pub obligations: Vec<String>,
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
    /// What it is held for, of a permission that is held one by one; for all if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// At which level, of a permission that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What the product must see to.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        alias = "obligation",
        deserialize_with = "one_or_many"
    )]
    pub obligations: Vec<String>,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// A restriction somebody is under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestrictionAccess {
    /// The restriction.
    pub restriction: String,
    /// Where.
    pub scope: Scope,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Access that was stored when there was one obligation at most has it as a text.
fn one_or_many<'de, D: Deserializer<'de>>(stored: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Stored::deserialize(stored)? {
        Stored::One(obligation) => vec![obligation],
        Stored::Many(obligations) => obligations,
    })
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
    /// A restriction.
    Restriction,
    /// A class of seats.
    SeatClass,
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

/// What is asked of somebody's access.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The permission or flag.
    pub permission: &'a str,
    /// What for, of a permission that is held one by one.
    pub of: Option<&'a str>,
    /// The levels of the permission, from low to high; empty if it has none.
    pub levels: &'a [String],
    /// The level that is needed; any if none.
    pub at_least: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// Whether somebody may do something, without regard to levels.
    pub fn of(permission: &'a str) -> Self {
        Self { permission, of: None, levels: &[], at_least: None }
    }

    fn height(&self, level: Option<&str>) -> Option<usize> {
        self.levels.iter().position(|known| Some(known.as_str()) == level)
    }
}

/// The answer to whether somebody may do something somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether they may.
    pub allowed: bool,
    /// The level they have there, of a permission that has levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What the asker must see to before going on.
    #[serde(default)]
    pub obligations: Vec<String>,
    /// Why, or why not.
    pub reasons: Vec<Reason>,
}

/// Something held, whatever kind of thing it is.
struct Held<'a> {
    id: &'a str,
    of: Option<&'a str>,
    scope: &'a Scope,
    level: Option<&'a str>,
    obligations: &'a [String],
    reasons: &'a [Reason],
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
        self.decide(&Question::of(permission), place, tree)
    }

    /// The answer to a question about the person at a place.
    ///
    /// Of what reaches the place the highest level counts, and of that what has the fewest obligations.
    pub fn decide(&self, question: &Question<'_>, place: Place<'_>, tree: &OrgTree) -> Decision {
        let best = self
            .held()
            .filter(|it| it.id == question.permission && reaches(it.scope, place, tree))
            .filter(|it| it.of.is_none() || it.of == question.of)
            // The lists are sorted, so the first of equals is the widest.
            .min_by_key(|it| (Reverse(question.height(it.level)), it.obligations.len()))
            .filter(|_| self.status == AccessStatus::Granted);
        let level = best.as_ref().and_then(|it| it.level).map(str::to_owned);
        let high_enough = |it: &Held<'_>| question.height(it.level) >= question.height(question.at_least);
        if let Some(best) = best.filter(high_enough) {
            return Decision {
                allowed: true,
                level,
                obligations: best.obligations.to_vec(),
                reasons: self.explain(best.reasons),
            };
        }
        Decision {
            allowed: false,
            reasons: self.why_not(question, level.as_deref(), place, tree),
            level,
            obligations: Vec::new(),
        }
    }

    fn held(&self) -> impl Iterator<Item = Held<'_>> {
        let permissions = self.permissions.iter().map(|it| Held {
            id: &it.permission,
            of: it.of.as_deref(),
            scope: &it.scope,
            level: it.level.as_deref(),
            obligations: &it.obligations,
            reasons: &it.reasons,
        });
        let flags = self.flags.iter().map(|it| Held {
            id: &it.flag,
            of: None,
            scope: &it.scope,
            level: None,
            obligations: &it.obligations,
            reasons: &it.reasons,
        });
        permissions.chain(flags)
    }

    fn why_not(
        &self,
        question: &Question<'_>,
        level: Option<&str>,
        place: Place<'_>,
        tree: &OrgTree,
    ) -> Vec<Reason> {
        let mut reasons = vec![match level {
            Some(level) => Reason::OnlyAt { level: level.to_owned() },
            None => Reason::NotHeld { permission: question.permission.to_owned() },
        }];
        if self.status != AccessStatus::Granted {
            reasons.extend(self.reasons.iter().cloned());
        }
        let dropped = self.dropped.iter().filter(|it| {
            matches!(it.what, What::Flag | What::Permission)
                && it.id == question.permission
                && it.scope.as_ref().is_none_or(|scope| reaches(scope, place, tree))
        });
        for reason in dropped.flat_map(|it| &it.reasons) {
            if !reasons.contains(reason) {
                reasons.push(reason.clone());
            }
        }
        reasons
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
pub fn reaches(scope: &Scope, place: Place<'_>, tree: &OrgTree) -> bool {
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
