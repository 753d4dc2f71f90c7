//! A tenant's organisation tree and the workspaces that hang on it. Knows who is above whom; does not know
//! who belongs where.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::fold::fold;
use crate::id::{OrgUnitId, WorkspaceId};

/// One unit of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrgUnit {
    /// Its id.
    pub id: OrgUnitId,
    /// The unit above; none for the top.
    pub parent: Option<OrgUnitId>,
    /// The name rules and identity providers use for it, compared without regard to case.
    pub key: String,
    /// The name people read.
    pub name: String,
    /// What kind of unit it is, by the blueprint's word; none where there is one kind only, and at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A workspace of the product, in which people can hold roles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// The name rules use for it.
    pub key: String,
    /// The name people read.
    pub name: String,
    /// The unit it belongs to, if any.
    pub org_unit: Option<OrgUnitId>,
}

/// Why a list of units is not a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrgTreeError {
    /// Two units have the same id.
    #[error("two units have the id {0}")]
    DuplicateId(OrgUnitId),
    /// Two units have the same key, perhaps in different case.
    #[error("two units have the key {0:?}")]
    DuplicateKey(String),
    /// A unit names a parent that is not there.
    #[error("the parent of unit {key:?} does not exist")]
    UnknownParent {
        /// The key of the unit.
        key: String,
    },
    /// More than one unit has no parent.
    #[error("two units are at the top: {first:?} and {second:?}")]
    SecondRoot {
        /// The key of one.
        first: String,
        /// The key of the other.
        second: String,
    },
    /// There are units, and each has a parent.
    #[error("no unit is at the top")]
    NoRoot,
    /// A unit is above itself.
    #[error("unit {key:?} is above itself")]
    Cycle {
        /// The key of the unit.
        key: String,
    },
}

/// A tree of units with one top, or with nothing in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgTree {
    units: BTreeMap<OrgUnitId, Node>,
    by_key: BTreeMap<String, OrgUnitId>,
    root: Option<OrgUnitId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    unit: OrgUnit,
    depth: u32,
}

impl OrgTree {
    /// Makes a tree of units given in any order.
    pub fn build(units: Vec<OrgUnit>) -> Result<Self, OrgTreeError> {
        let mut tree = Self::default();
        let mut children: BTreeMap<OrgUnitId, Vec<OrgUnitId>> = BTreeMap::new();
        let mut by_id: BTreeMap<OrgUnitId, OrgUnit> = BTreeMap::new();
        for unit in units {
            if tree.by_key.insert(fold(&unit.key), unit.id).is_some() {
                return Err(OrgTreeError::DuplicateKey(unit.key));
            }
            let id = unit.id;
            if by_id.insert(id, unit).is_some() {
                return Err(OrgTreeError::DuplicateId(id));
            }
        }
        for unit in by_id.values() {
            match unit.parent {
                None => {
                    if let Some(first) = tree.root.and_then(|id| by_id.get(&id)) {
                        return Err(OrgTreeError::SecondRoot {
                            first: first.key.clone(),
                            second: unit.key.clone(),
                        });
                    }
                    tree.root = Some(unit.id);
                }
                Some(parent) if by_id.contains_key(&parent) => {
                    children.entry(parent).or_default().push(unit.id);
                }
                Some(_) => return Err(OrgTreeError::UnknownParent { key: unit.key.clone() }),
            }
        }
        let Some(root) = tree.root else {
            return if by_id.is_empty() { Ok(tree) } else { Err(OrgTreeError::NoRoot) };
        };
        // Downwards from the top: what is not reached hangs on a cycle.
        let mut open = vec![(root, 0_u32)];
        while let Some((id, depth)) = open.pop() {
            if let Some(unit) = by_id.remove(&id) {
                tree.units.insert(id, Node { unit, depth });
            }
            let below = children.remove(&id).unwrap_or_default();
            open.extend(below.into_iter().map(|child| (child, depth.saturating_add(1))));
        }
        match by_id.into_values().next() {
            Some(unit) => Err(OrgTreeError::Cycle { key: unit.key }),
            None => Ok(tree),
        }
    }

    /// The unit at the top; none in an empty tree.
    pub fn root(&self) -> Option<&OrgUnit> {
        self.root.and_then(|id| self.get(id))
    }

    /// How far below the top a unit is; 0 for the top itself.
    pub fn depth(&self, id: OrgUnitId) -> Option<u32> {
        self.units.get(&id).map(|node| node.depth)
    }

    /// The units from the top down to this one, both included; empty for an unknown unit.
    pub fn path(&self, id: OrgUnitId) -> Vec<&OrgUnit> {
        let mut path: Vec<&OrgUnit> = self.upwards(id).collect();
        path.reverse();
        path
    }

    /// Whether `id` is `ancestor` or somewhere below it. An unknown unit is nowhere.
    pub fn contains(&self, ancestor: OrgUnitId, id: OrgUnitId) -> bool {
        self.upwards(id).any(|unit| unit.id == ancestor)
    }

    /// The unit with this key, without regard to case.
    pub fn by_key(&self, key: &str) -> Option<&OrgUnit> {
        self.by_key.get(&fold(key)).and_then(|id| self.get(*id))
    }

    /// The unit with this id.
    pub fn get(&self, id: OrgUnitId) -> Option<&OrgUnit> {
        self.units.get(&id).map(|node| &node.unit)
    }

    /// All units, by id.
    pub fn iter(&self) -> impl Iterator<Item = &OrgUnit> {
        self.units.values().map(|node| &node.unit)
    }

    /// A unit and everything below it: the ids of the subtree, empty for an unknown unit.
    pub fn subtree(&self, id: OrgUnitId) -> BTreeSet<OrgUnitId> {
        self.units.keys().copied().filter(|unit| self.contains(id, *unit)).collect()
    }

    fn upwards(&self, id: OrgUnitId) -> impl Iterator<Item = &OrgUnit> {
        std::iter::successors(self.get(id), |unit| unit.parent.and_then(|parent| self.get(parent)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{ACME, HR, OSAKA, SALES, tree, unit_id, units};
    use proptest::prelude::*;

    fn unit(number: u128, parent: Option<u128>, key: &str) -> OrgUnit {
        OrgUnit {
            id: unit_id(number),
            parent: parent.map(unit_id),
            key: key.into(),
            name: key.into(),
            kind: None,
        }
    }

    #[test]
    fn a_tree_knows_its_top_its_depths_and_its_paths() {
        let tree = tree();

        assert_eq!(tree.root().unwrap().key, "acme");
        assert_eq!(tree.depth(unit_id(ACME)), Some(0));
        assert_eq!(tree.depth(unit_id(OSAKA)), Some(2));
        assert_eq!(tree.depth(unit_id(99)), None);
        let path: Vec<_> = tree.path(unit_id(OSAKA)).into_iter().map(|unit| unit.key.as_str()).collect();
        assert_eq!(path, ["acme", "sales", "osaka"]);
        assert!(tree.path(unit_id(99)).is_empty());
        assert_eq!(tree.subtree(unit_id(SALES)), BTreeSet::from([unit_id(SALES), unit_id(OSAKA)]));
    }

    #[test]
    fn a_unit_contains_itself_and_what_is_below_it() {
        let tree = tree();

        assert!(tree.contains(unit_id(SALES), unit_id(SALES)));
        assert!(tree.contains(unit_id(ACME), unit_id(OSAKA)));
        assert!(!tree.contains(unit_id(OSAKA), unit_id(SALES)));
        assert!(!tree.contains(unit_id(HR), unit_id(OSAKA)));
        assert!(!tree.contains(unit_id(ACME), unit_id(99)));
        assert!(!tree.contains(unit_id(99), unit_id(99)));
    }

    #[test]
    fn a_key_is_found_in_any_case() {
        assert_eq!(tree().by_key("SALES").unwrap().id, unit_id(SALES));
        assert_eq!(tree().by_key("sales "), None);
    }

    #[test]
    fn nothing_is_a_tree_too() {
        let tree = OrgTree::build(Vec::new()).unwrap();

        assert_eq!(tree.root(), None);
        assert_eq!(tree.iter().count(), 0);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let refused = |units| OrgTree::build(units).unwrap_err();

        assert_eq!(
            refused(vec![unit(1, None, "a"), unit(2, None, "b")]),
            OrgTreeError::SecondRoot { first: "a".into(), second: "b".into() }
        );
        assert_eq!(
            refused(vec![unit(1, None, "a"), unit(2, Some(1), "A")]),
            OrgTreeError::DuplicateKey("A".into())
        );
        assert_eq!(
            refused(vec![unit(1, None, "a"), unit(1, None, "b")]),
            OrgTreeError::DuplicateId(unit_id(1))
        );
        assert_eq!(
            refused(vec![unit(1, None, "a"), unit(2, Some(9), "b")]),
            OrgTreeError::UnknownParent { key: "b".into() }
        );
        assert_eq!(refused(vec![unit(1, Some(2), "a"), unit(2, Some(1), "b")]), OrgTreeError::NoRoot);
        assert_eq!(refused(vec![unit(1, Some(1), "a")]), OrgTreeError::NoRoot);
        assert_eq!(
            refused(vec![unit(1, None, "a"), unit(2, Some(3), "b"), unit(3, Some(2), "c")]),
            OrgTreeError::Cycle { key: "b".into() }
        );
    }

    #[test]
    fn the_order_of_the_units_does_not_matter() {
        let mut reversed = units();
        reversed.reverse();

        assert_eq!(OrgTree::build(reversed).unwrap(), tree());
    }

    proptest! {
        #[test]
        fn every_list_of_parents_is_a_tree_or_refused(
            parents in prop::collection::vec(prop::option::weighted(0.8, 0..12_u128), 0..12),
        ) {
            let units: Vec<_> = (0..).zip(parents).map(|(n, parent)| unit(n, parent, &n.to_string())).collect();
            let count = units.len();
            if let Ok(tree) = OrgTree::build(units) {
                prop_assert_eq!(tree.iter().count(), count);
                for unit in tree.iter() {
                    let path = tree.path(unit.id);
                    prop_assert_eq!(path.first().map(|top| top.id), tree.root().map(|top| top.id));
                    prop_assert_eq!(u32::try_from(path.len()).unwrap(), tree.depth(unit.id).unwrap() + 1);
                }
            }
        }
    }
}
