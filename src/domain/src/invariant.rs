//! What must stay true of a tenant. Knows when a change would break it; does not know who makes the change.

use std::collections::BTreeMap;

use crate::access::{AccessStatus, Dropped, EffectiveAccess, HeldRole, Reason, RoleAccess};
use crate::blueprint::{Blueprint, OnDemotion};
use crate::mapping::ScopeRef;

/// An invariant that a change would break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The invariant.
    pub invariant: String,
    /// The role that too few would hold.
    pub role: String,
    /// How many must hold it.
    pub minimum: u32,
    /// How many would.
    pub remaining: u32,
    /// How the role would be lost.
    pub loss: Loss,
    on_idp_demotion: OnDemotion,
}

/// How somebody would lose a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// They stay, without the role: the flag or the group was taken away, or they were moved.
    Demoted,
    /// They are shut out or deleted.
    Gone,
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person, through the API, the console or the command line.
    Manual,
    /// An identity provider.
    IdentityProvider,
    /// Nobody any more: it follows from a change of the policy that has been made.
    Policy,
}

/// What to do with a change that would break an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// Refuse it.
    Reject,
    /// Keep the role until enough others hold it, and alert.
    Hold,
    /// Let it happen and alert: a leaver always leaves.
    ProceedAndAlert,
}

impl Broken {
    /// What to do, by who asks.
    pub fn response(&self, origin: Origin) -> Response {
        match (origin, self.loss, self.on_idp_demotion) {
            (Origin::Manual, _, _) | (Origin::IdentityProvider, Loss::Demoted, OnDemotion::Reject) => {
                Response::Reject
            }
            (Origin::IdentityProvider, Loss::Demoted, OnDemotion::Hold)
            | (Origin::Policy, Loss::Demoted, _) => Response::Hold,
            (Origin::IdentityProvider | Origin::Policy, Loss::Gone, _) => Response::ProceedAndAlert,
        }
    }

    /// The role as they had it, to be kept.
    pub fn to_hold<'a>(&'a self, before: &'a EffectiveAccess) -> impl Iterator<Item = HeldRole> + 'a {
        let roles = before.roles.iter().filter(|held| held.role == self.role);
        roles.map(|held| kept(held, &self.invariant))
    }
}

fn kept(held: &RoleAccess, invariant: &str) -> HeldRole {
    HeldRole { role: held.role.clone(), scope: ScopeRef::from(&held.scope), invariant: invariant.to_owned() }
}

/// The roles of an access that are only kept.
pub fn held_roles(access: &EffectiveAccess) -> Vec<HeldRole> {
    let reasons = access.roles.iter().flat_map(|held| held.reasons.iter().map(move |reason| (held, reason)));
    reasons
        .filter_map(|(held, reason)| match reason {
            Reason::Held { invariant } => Some(kept(held, invariant)),
            _ => None,
        })
        .collect()
}

/// The invariants that would break if one person's access went from `before` to `after`.
///
/// `holders` says how many people hold each role now, this person included if `before` says so, read under
/// the lock that serialises such changes. `None` stands for a person who is not there. A change that makes
/// nothing worse breaks nothing, so a tenant can be set up and repaired.
pub fn broken_by(
    blueprint: &Blueprint,
    holders: &BTreeMap<String, u32>,
    before: Option<&EffectiveAccess>,
    after: Option<&EffectiveAccess>,
) -> Vec<Broken> {
    let holds = |access: Option<&EffectiveAccess>, role: &str| {
        access.is_some_and(|access| access.roles.iter().any(|held| held.role == role))
    };
    let shut_out = [AccessStatus::Inactive, AccessStatus::Blocked];
    let stays = after.is_some_and(|after| !shut_out.contains(&after.status));
    blueprint
        .invariants()
        .iter()
        .filter(|it| holds(before, it.role()) && !holds(after, it.role()))
        .filter_map(|it| {
            let remaining = holders.get(it.role()).copied().unwrap_or(0).saturating_sub(1);
            (remaining < it.minimum()).then(|| Broken {
                invariant: it.id().to_owned(),
                role: it.role().to_owned(),
                minimum: it.minimum(),
                remaining,
                loss: if stays { Loss::Demoted } else { Loss::Gone },
                on_idp_demotion: it.on_idp_demotion(),
            })
        })
        .collect()
}

/// Something that was given and now lacks what it requires, and what that is: such a pair is not made by hand.
pub fn fallen<'a>(
    before: Option<&EffectiveAccess>,
    after: &'a EffectiveAccess,
) -> Option<(&'a str, &'a str)> {
    let missing = |dropped: &'a Dropped| {
        dropped.reasons.iter().find_map(|reason| match reason {
            Reason::Missing { requires } => Some(requires.as_str()),
            _ => None,
        })
    };
    let given = |dropped: &Dropped| dropped.reasons.iter().any(Reason::gives);
    let was = |dropped: &Dropped| {
        let same = |it: &Dropped| {
            (it.what, &it.id, &it.scope) == (dropped.what, &dropped.id, &dropped.scope)
                && it.reasons.iter().any(|reason| matches!(reason, Reason::Missing { .. }))
        };
        before.is_some_and(|before| before.dropped.iter().any(same))
    };
    let mut fell = after.dropped.iter().filter(|it| given(it) && !was(it));
    fell.find_map(|it| Some((it.id.as_str(), missing(it)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Facts, evaluate};
    use crate::fixture::{
        any_department, flags, grid, home, in_group, member_of, of_department, person, policy, rule, shipped,
    };

    fn access(facts: &Facts) -> EffectiveAccess {
        let rules = vec![
            rule(1, 1, in_group("admins"), flags(&["admin_flag"])),
            rule(2, 2, any_department(), home("{value}", None)),
        ];
        evaluate(&policy(shipped(), rules), facts)
    }

    fn administrator() -> EffectiveAccess {
        access(&member_of(of_department(person(), "acme"), "admins"))
    }

    fn holders(count: u32) -> BTreeMap<String, u32> {
        BTreeMap::from([("admin".to_owned(), count), ("org_admin".to_owned(), 40)])
    }

    #[test]
    fn who_is_left_with_no_role_at_all_is_demoted_and_not_gone() {
        let nothing = EffectiveAccess { roles: Vec::new(), ..administrator() };

        let broken = broken_by(&shipped(), &holders(1), Some(&administrator()), Some(&nothing));

        assert_eq!(broken[0].response(Origin::IdentityProvider), Response::Hold);
    }

    #[test]
    fn what_is_held_is_kept_beside_all_that_is_given_and_says_so() {
        let demoted = of_department(person(), "sales");
        let broken = broken_by(&shipped(), &holders(1), Some(&administrator()), Some(&access(&demoted)));
        let held: Vec<_> = broken[0].to_hold(&administrator()).collect();

        let after = access(&Facts { held: held.clone(), ..demoted.clone() });

        assert_eq!(held_roles(&after), held);
        assert!(after.roles.iter().any(|it| it.role == "admin"));
        assert_eq!(after.home, access(&demoted).home);
        let given_again =
            Facts { held: held.clone(), ..member_of(of_department(person(), "acme"), "admins") };
        assert_eq!(access(&given_again), administrator(), "what is given need not be held");
        let gone = Facts { active: false, held, ..demoted };
        assert_eq!(access(&gone).roles, [], "a leaver keeps nothing");
    }

    #[test]
    fn the_last_administrator_can_be_neither_demoted_nor_moved_nor_stopped() {
        let hana = member_of(of_department(person(), "acme"), "admins");
        let changes = [
            (of_department(person(), "acme"), Loss::Demoted),
            (of_department(hana.clone(), "sales"), Loss::Demoted),
            (Facts { active: false, ..hana }, Loss::Gone),
        ];
        for (changed, loss) in changes {
            let broken = broken_by(&shipped(), &holders(1), Some(&administrator()), Some(&access(&changed)));

            assert_eq!(broken.len(), 1);
            assert_eq!((broken[0].role.as_str(), broken[0].remaining, broken[0].loss), ("admin", 0, loss));
        }
        let deleted = broken_by(&shipped(), &holders(1), Some(&administrator()), None);
        assert_eq!(deleted[0].loss, Loss::Gone);
    }

    #[test]
    fn the_last_but_one_can_go() {
        assert_eq!(broken_by(&shipped(), &holders(2), Some(&administrator()), None), []);
    }

    #[test]
    fn org_admins_neither_count_nor_are_counted() {
        let ken = access(&member_of(of_department(person(), "osaka"), "admins"));

        assert_eq!(broken_by(&shipped(), &holders(1), Some(&ken), None), []);
    }

    #[test]
    fn a_change_that_makes_nothing_worse_breaks_nothing() {
        let nobody = BTreeMap::new();

        assert_eq!(broken_by(&shipped(), &nobody, None, Some(&access(&person()))), []);
        assert_eq!(broken_by(&shipped(), &nobody, None, Some(&administrator())), []);
        assert_eq!(broken_by(&shipped(), &holders(1), Some(&administrator()), Some(&administrator())), []);
    }

    #[test]
    fn people_are_refused_directories_are_held_and_leavers_leave() {
        let mut broken = broken_by(&shipped(), &holders(1), Some(&administrator()), None).remove(0);

        assert_eq!(broken.response(Origin::Manual), Response::Reject);
        assert_eq!(broken.response(Origin::IdentityProvider), Response::ProceedAndAlert);
        broken.loss = Loss::Demoted;
        assert_eq!(broken.response(Origin::Manual), Response::Reject);
        assert_eq!(broken.response(Origin::IdentityProvider), Response::Hold);
    }

    #[test]
    fn a_strict_blueprint_refuses_a_directory_that_demotes_the_last_holder() {
        let captain = |facts| {
            let rules = vec![rule(1, 1, in_group("leads"), flags(&["lead"]))];
            evaluate(&policy(grid(), rules), &facts)
        };
        let before = captain(member_of(person(), "leads"));

        let one = BTreeMap::from([("captain".to_owned(), 1)]);
        let broken = broken_by(&grid(), &one, Some(&before), Some(&captain(person())));

        assert_eq!(broken[0].response(Origin::IdentityProvider), Response::Reject);
        assert_eq!(
            broken[0].response(Origin::Policy),
            Response::Hold,
            "what was decided is not refused later"
        );
    }
}
