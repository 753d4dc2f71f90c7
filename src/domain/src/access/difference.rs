//! What somebody may do by one access and not by another. Knows flags, permissions and levels; does not know where either access comes
//! from.
//!
//! Roles are not compared: what a role is worth is what it gives.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{EffectiveAccess, Scope};
use crate::blueprint::Blueprint;
use crate::mapping::ScopeRef;

/// A flag or a permission as somebody holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRight {
    /// The flag or permission.
    pub permission: String,
    /// Where.
    pub scope: Scope,
    /// What it is held for, of a permission that is held one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The level, of a permission that has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// What somebody would have more and less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What they have now and had not, or not so much of.
    pub gains: Vec<HeldRight>,
    /// What they had and have not, or not so much of.
    pub losses: Vec<HeldRight>,
}

/// A right whatever its level: what, where and what for.
type Key<'a> = (&'a str, ScopeRef, Option<&'a str>);

/// What is held, with how high it is.
type Rights<'a> = BTreeMap<Key<'a>, (Option<usize>, &'a Scope, Option<&'a str>)>;

impl Difference {
    /// What somebody gains and loses who had one access and has another. None is somebody who has nothing yet. Levels are those
    /// of this blueprint; one that it does not know is the lowest.
    pub fn between(blueprint: &Blueprint, before: Option<&EffectiveAccess>, after: &EffectiveAccess) -> Self {
        let before = before.map(|before| rights(blueprint, before)).unwrap_or_default();
        let after = rights(blueprint, after);
        Self { gains: more(&after, &before), losses: more(&before, &after) }
    }
}

fn rights<'a>(blueprint: &Blueprint, access: &'a EffectiveAccess) -> Rights<'a> {
    let flags = access.flags.iter().map(|held| (held.flag.as_str(), &held.scope, None, None));
    let permissions = access
        .permissions
        .iter()
        .map(|held| (held.permission.as_str(), &held.scope, held.of.as_deref(), held.level.as_deref()));
    let mut rights = Rights::new();
    for (id, scope, of, level) in flags.chain(permissions) {
        let height = level.and_then(|level| blueprint.permission(id)?.height(level));
        rights.insert((id, place(scope), of), (height, scope, level));
    }
    rights
}

fn place(scope: &Scope) -> ScopeRef {
    match scope {
        Scope::Environment => ScopeRef::Environment,
        Scope::OrgUnit { id, .. } => ScopeRef::OrgUnit(*id),
        Scope::Workspace { id, .. } => ScopeRef::Workspace(*id),
    }
}

fn more(one: &Rights<'_>, other: &Rights<'_>) -> Vec<HeldRight> {
    let is_more = |(key, (height, ..)): &(&Key<'_>, &(Option<usize>, &Scope, Option<&str>))| {
        other.get(*key).is_none_or(|(other, ..)| height > other)
    };
    let more = one.iter().filter(is_more).map(|((id, _, of), (_, scope, level))| HeldRight {
        permission: (*id).to_owned(),
        scope: (*scope).clone(),
        of: of.map(str::to_owned),
        level: level.map(str::to_owned),
    });
    more.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::matrices::{place_called, products, world};
    use crate::access::{Facts, evaluate};
    use crate::fixture::{grant, person};
    use crate::mapping::Outcome;

    #[test]
    fn of_levels_more_is_gained_and_less_is_lost() {
        let product = products().find(|it| it.product().membership.most_roles.is_some()).unwrap();
        let policy = world(&product);
        let access = |role: &str| {
            let scope = place_called(&policy, product.scopes()[0].id(), false);
            let what = Outcome::Role { role: role.to_owned(), scope, restrictions: Vec::new() };
            evaluate(&policy, &Facts { local_grants: vec![grant(1, what)], ..person() })
        };
        let (high, low) = (access("cx_staff"), access("marketer"));
        let names = |all: &[HeldRight]| -> Vec<String> {
            all.iter().map(|it| format!("{} {}", it.permission, it.level.as_deref().unwrap_or("-"))).collect()
        };

        let down = Difference::between(&product, Some(&high), &low);
        assert!(names(&down.losses).contains(&"crm.contacts delete".to_owned()), "{down:?}");
        assert!(names(&down.losses).contains(&"channel.settings -".to_owned()), "{down:?}");
        assert_eq!(down.gains, []);
        let up = Difference::between(&product, Some(&low), &high);
        assert_eq!(up.gains, down.losses);
        assert_eq!(up.losses, []);
        assert_eq!(Difference::between(&product, Some(&high), &high), Difference::default());
        assert_eq!(Difference::between(&product, None, &low).losses, []);
    }
}
