//! What somebody leaves behind. Knows at which places a person held a role and holds none any more, or holds one again; does not
//! know what lies there.

use std::collections::BTreeSet;

use crate::access::{EffectiveAccess, Scope};
use crate::mapping::ScopeRef;

/// A place that somebody has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where.
    pub place: Scope,
    /// The roles that they had there.
    pub roles: BTreeSet<String>,
}

/// The places at which somebody held a role by the access before, and holds none by the access after. `None` is somebody who is
/// gone.
pub fn left(before: &EffectiveAccess, after: Option<&EffectiveAccess>) -> Vec<Left> {
    let stays = after.map(places).unwrap_or_default();
    let mut all: Vec<Left> = Vec::new();
    for held in before.roles.iter().filter(|held| !stays.contains(&ScopeRef::from(&held.scope))) {
        let here = ScopeRef::from(&held.scope);
        match all.iter_mut().find(|left| ScopeRef::from(&left.place) == here) {
            Some(left) => {
                left.roles.insert(held.role.clone());
            }
            None => {
                all.push(Left { place: held.scope.clone(), roles: BTreeSet::from([held.role.clone()]) });
            }
        }
    }
    all
}

/// The places at which somebody holds a role by the access after, and held none by the access before.
pub fn entered(before: &EffectiveAccess, after: &EffectiveAccess) -> BTreeSet<ScopeRef> {
    let before = places(before);
    places(after).into_iter().filter(|place| !before.contains(place)).collect()
}

/// The places at which somebody holds a role.
pub fn places(access: &EffectiveAccess) -> BTreeSet<ScopeRef> {
    access.roles.iter().map(|held| ScopeRef::from(&held.scope)).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{AccessStatus, RoleAccess};
    use crate::id::WorkspaceId;

    fn workspace(n: u128, name: &str) -> Scope {
        let id = WorkspaceId::from_uuid(Uuid::from_u128(n));
        Scope::Workspace { id, key: name.to_owned(), name: name.to_owned() }
    }

    fn holds(roles: &[(&str, Scope)]) -> EffectiveAccess {
        let roles = roles.iter().map(|(role, scope)| RoleAccess {
            role: (*role).to_owned(),
            scope: scope.clone(),
            level: None,
            reasons: Vec::new(),
        });
        EffectiveAccess {
            status: AccessStatus::Granted,
            home: None,
            flags: Vec::new(),
            roles: roles.collect(),
            permissions: Vec::new(),
            restrictions: Vec::new(),
            seat: None,
            dropped: Vec::new(),
            reasons: Vec::new(),
        }
    }

    #[test]
    fn who_loses_their_last_role_at_a_place_leaves_it_and_no_other() {
        let before = holds(&[
            ("agent", workspace(1, "emea")),
            ("watcher", workspace(1, "emea")),
            ("agent", workspace(2, "apac")),
            ("owner", Scope::Environment),
        ]);
        let after = holds(&[("manager", workspace(2, "apac")), ("owner", Scope::Environment)]);

        let left_behind = left(&before, Some(&after));
        let roles = BTreeSet::from(["agent".to_owned(), "watcher".to_owned()]);
        assert_eq!(left_behind, [Left { place: workspace(1, "emea"), roles }]);
        assert_eq!(entered(&before, &after), BTreeSet::new());
        assert_eq!(left(&before, None).len(), 3, "who is gone has left every place");
    }

    #[test]
    fn a_place_that_is_called_otherwise_by_now_is_the_same_place() {
        let (before, after) = (
            holds(&[("agent", workspace(1, "emea"))]),
            holds(&[("agent", workspace(1, "europe")), ("agent", workspace(2, "apac"))]),
        );

        assert_eq!(left(&before, Some(&after)), []);
        assert_eq!(entered(&before, &after), BTreeSet::from([ScopeRef::from(&workspace(2, "apac"))]));
        assert_eq!(entered(&after, &before), BTreeSet::new());
    }
}
