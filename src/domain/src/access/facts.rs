//! What goes into an evaluation. Knows the shape of policy and facts; does not know how they combine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::blueprint::Blueprint;
use crate::fold::same;
use crate::id::{GrantId, GroupId, OrgUnitId};
use crate::mapping::{MappingRule, Matcher, Outcome, ScopeRef};
use crate::org_tree::{OrgTree, Workspace};
use crate::seat::SeatState;

/// What holds for everybody in a tenant.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The product.
    pub blueprint: Arc<Blueprint>,
    /// The organisation.
    pub tree: OrgTree,
    /// The workspaces.
    pub workspaces: Vec<Workspace>,
    /// The mapping rules, in any order.
    pub rules: Vec<MappingRule>,
    /// What the tenant has of the product.
    pub offer: Offer,
}

/// What a tenant has of the product, as far as it was said. What was not is left to the product to check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The plan it is on.
    pub plan: Option<String>,
    /// The features it has.
    pub features: Option<BTreeSet<String>>,
}

impl Policy {
    /// A unit with everything below it, and the workspaces there.
    pub fn subtree(&self, unit: OrgUnitId) -> BTreeSet<ScopeRef> {
        let units = self.tree.subtree(unit);
        let there = |it: &&Workspace| it.org_unit.is_some_and(|unit| units.contains(&unit));
        let workspaces = self.workspaces.iter().filter(there).map(|it| ScopeRef::Workspace(it.id));
        units.iter().copied().map(ScopeRef::OrgUnit).chain(workspaces).collect()
    }

    /// The attributes that active rules read: what [`Facts::attributes`] has to answer.
    pub fn attribute_paths(&self) -> BTreeSet<String> {
        self.rules
            .iter()
            .filter(|rule| rule.active)
            .filter_map(|rule| match &rule.matcher {
                Matcher::Attribute { path, .. } => Some(path.clone()),
                Matcher::Group { .. } | Matcher::GroupExternalId { .. } => None,
            })
            .collect()
    }

    /// Whether it makes a difference to anybody that they are in this group. A group that no active rule names is read
    /// nowhere in an evaluation.
    pub fn concerns(&self, group: &GroupFact) -> bool {
        self.rules.iter().any(|rule| rule.active && group.is_named_by(&rule.matcher))
    }
}

/// What is known about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whether they are let in at all.
    pub active: bool,
    /// The groups they are a member of, in any order.
    pub groups: Vec<GroupFact>,
    /// Their values of the attributes that rules read, by the path as the rule writes it.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The home set by hand.
    pub local_home: Option<OrgUnitId>,
    /// What was given by hand, in any order.
    pub local_grants: Vec<LocalGrant>,
    /// Roles that they keep although nothing gives them any more.
    pub held: Vec<HeldRole>,
    /// What they have from the seat pool.
    pub seat: SeatState,
}

/// A role that somebody keeps although nothing gives it any more: too few would hold it without them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldRole {
    /// The role.
    pub role: String,
    /// Where.
    pub scope: ScopeRef,
    /// The invariant that would be broken.
    pub invariant: String,
}

/// A group as rules see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupFact {
    /// Its id.
    pub id: GroupId,
    /// Its `displayName`.
    pub display_name: String,
    /// Its `externalId`.
    pub external_id: Option<String>,
}

impl GroupFact {
    /// Whether this is a group whose members the matcher matches.
    pub(super) fn is_named_by(&self, matcher: &Matcher) -> bool {
        match matcher {
            Matcher::Group { display_name } => same(&self.display_name, display_name),
            Matcher::GroupExternalId { external_id } => self.external_id.as_ref() == Some(external_id),
            Matcher::Attribute { .. } => false,
        }
    }
}

/// Something given by hand to one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalGrant {
    /// Its id.
    pub id: GrantId,
    /// What was given. A home counts like [`Facts::local_home`], after it.
    pub what: Outcome,
    /// Who gave it, in words.
    pub by: String,
}
