//! What holds of every evaluation. Knows how to make up policies and people; does not know examples.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::blueprint::Blueprint;
use crate::fixture::*;
use crate::invariant::held_roles;
use crate::mapping::{MappingRule, Matcher, Outcome, ScopeRef};

fn of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

fn scope() -> impl Strategy<Value = ScopeRef> {
    prop_oneof![
        3 => Just(ScopeRef::Environment),
        2 => (1..6_u128).prop_map(|number| ScopeRef::OrgUnit(unit_id(number))),
        2 => (1..4_u128).prop_map(|number| ScopeRef::Workspace(workspace_id(number))),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let flag = of(&["admin_flag", "materials.upload", "materials.approve", "recolog", "lead", "bulk", "fly"]);
    let role =
        of(&["admin", "org_admin", "general", "guest", "agent", "manager", "regional", "captain", "king"]);
    let key = || of(&["acme", "sales", "osaka", "hr", "{value}", "Atlantis"]);
    prop_oneof![
        3 => (prop::collection::vec(flag, 1..4), scope()).prop_map(|(flags, scope)| Outcome::Flags { flags, scope }),
        3 => (role, scope()).prop_map(|(role, scope)| Outcome::Role { role, scope, restrictions: Vec::new() }),
        2 => (key(), prop::option::of(key()))
            .prop_map(|(template, fallback)| Outcome::Home { template, fallback }),
    ]
}

fn matcher() -> impl Strategy<Value = Matcher> {
    prop_oneof![
        of(&["a", "b", "B", "c"]).prop_map(|display_name| Matcher::Group { display_name }),
        of(&["ext-1", "ext-2"]).prop_map(|external_id| Matcher::GroupExternalId { external_id }),
        prop::option::of(of(&["sales", "ACME"]))
            .prop_map(|value| Matcher::Attribute { path: DEPARTMENT.to_owned(), value }),
    ]
}

fn rules() -> impl Strategy<Value = Vec<MappingRule>> {
    let rule = (1..6_u128, -1..3_i32, matcher(), outcome(), prop::bool::weighted(0.9));
    prop::collection::vec(rule, 0..9).prop_map(|rules| {
        rules
            .into_iter()
            .map(|(number, priority, matcher, outcome, active)| MappingRule {
                active,
                ..rule_of(number, priority, matcher, outcome)
            })
            .collect()
    })
}

fn rule_of(number: u128, priority: i32, matcher: Matcher, outcome: Outcome) -> MappingRule {
    crate::fixture::rule(number, priority, matcher, outcome)
}

fn seat() -> impl Strategy<Value = SeatState> {
    prop_oneof![
        4 => Just(SeatState::Held),
        1 => Just(SeatState::NotNeeded),
        1 => (1..9_u32).prop_map(|position| SeatState::Waiting { position }),
        1 => Just(SeatState::Refused),
    ]
}

prop_compose! {
    fn facts()(
        active in prop::bool::weighted(0.8),
        groups in prop::collection::vec((1..4_u128, of(&["a", "b", "C", "d"])), 0..4),
        departments in prop::collection::vec(of(&["acme", "Sales", "osaka", "Atlantis", ""]), 0..3),
        local_home in prop::option::weighted(0.3, 1..6_u128),
        grants in prop::collection::vec((1..4_u128, outcome()), 0..3),
        held in prop::option::weighted(0.3, (of(&["admin", "org_admin", "agent", "king"]), scope())),
        seat in seat(),
    ) -> Facts {
        Facts {
            active,
            groups: groups.into_iter().map(|(number, name)| group(number, &name)).collect(),
            attributes: BTreeMap::from([(DEPARTMENT.to_owned(), departments)]),
            local_home: local_home.map(unit_id),
            local_grants: grants.into_iter().map(|(number, what)| grant(number, what)).collect(),
            held: held
                .into_iter()
                .map(|(role, scope)| HeldRole { role, scope, invariant: "one_at_least".to_owned() })
                .collect(),
            seat,
        }
    }
}

fn blueprint() -> impl Strategy<Value = Arc<Blueprint>> {
    prop_oneof![Just(shipped()), Just(grid())]
}

fn turn<T>(list: &mut [T], by: usize) {
    list.reverse();
    if !list.is_empty() {
        list.rotate_left(by % list.len());
    }
}

fn all_reasons(access: &EffectiveAccess) -> Vec<(String, &Vec<Reason>)> {
    let mut all = vec![("status".to_owned(), &access.reasons)];
    all.extend(access.home.iter().map(|it| (it.key.clone(), &it.reasons)));
    all.extend(access.flags.iter().map(|it| (it.flag.clone(), &it.reasons)));
    all.extend(access.roles.iter().map(|it| (it.role.clone(), &it.reasons)));
    all.extend(access.permissions.iter().map(|it| (it.permission.clone(), &it.reasons)));
    all.extend(access.dropped.iter().map(|it| (it.id.clone(), &it.reasons)));
    all
}

fn is_sorted_set<T: Ord>(keys: impl IntoIterator<Item = T>) -> bool {
    let keys: Vec<T> = keys.into_iter().collect();
    keys.is_sorted_by(|left, right| left < right)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_input_does_not_matter(
        blueprint in blueprint(), rules in rules(), facts in facts(), by in 0..8_usize,
    ) {
        let policy = policy(blueprint, rules);
        let (mut other_policy, mut other_facts) = (policy.clone(), facts.clone());
        turn(&mut other_policy.rules, by);
        turn(&mut other_policy.workspaces, by);
        turn(&mut other_facts.groups, by);
        turn(&mut other_facts.local_grants, by);
        for values in other_facts.attributes.values_mut() {
            turn(values, by);
        }

        prop_assert_eq!(evaluate(&policy, &facts), evaluate(&other_policy, &other_facts));
    }

    #[test]
    fn saying_the_same_twice_changes_nothing(blueprint in blueprint(), rules in rules(), facts in facts()) {
        let policy = policy(blueprint, rules);
        let (mut other_policy, mut other_facts) = (policy.clone(), facts.clone());
        other_policy.rules.extend(policy.rules.clone());
        other_facts.groups.extend(facts.groups.clone());
        other_facts.local_grants.extend(facts.local_grants.clone());

        prop_assert_eq!(evaluate(&policy, &facts), evaluate(&other_policy, &other_facts));
    }

    /// So it is enough to ask of the last access who keeps a role.
    #[test]
    fn a_role_says_that_it_is_held_if_and_only_if_nothing_else_gives_it(
        blueprint in blueprint(), rules in rules(), facts in facts(),
    ) {
        let policy = policy(blueprint, rules);
        let access = evaluate(&policy, &facts);
        let without = evaluate(&policy, &Facts { held: Vec::new(), ..facts.clone() });

        for kept in held_roles(&access) {
            prop_assert!(facts.held.contains(&kept));
            let same = |it: &&RoleAccess| it.role == kept.role && ScopeRef::from(&it.scope) == kept.scope;
            prop_assert!(without.roles.iter().find(same).is_none_or(|it| it.reasons == [Reason::Default]));
        }
        if held_roles(&access).is_empty() && access.status == AccessStatus::Granted {
            prop_assert_eq!(access, without);
        }
    }

    /// So nobody is evaluated when members of such a group come or go, or when it is called otherwise.
    #[test]
    fn a_group_that_no_rule_names_makes_no_difference(
        blueprint in blueprint(), rules in rules(), facts in facts(), name in of(&["a", "b", "C", "d"]),
        external_id in prop::option::of(of(&["ext-1", "ext-2", "EXT-1"])),
    ) {
        let policy = policy(blueprint, rules);
        let mut one_more = GroupFact { external_id, ..group(9, &name) };
        while policy.concerns(&one_more) {
            one_more = GroupFact { display_name: format!("{}'", one_more.display_name), external_id: None, ..one_more };
        }
        let mut other_facts = facts.clone();
        other_facts.groups.push(one_more);

        prop_assert_eq!(evaluate(&policy, &facts), evaluate(&policy, &other_facts));
    }

    #[test]
    fn the_inactive_and_the_unseated_hold_nothing(
        blueprint in blueprint(), rules in rules(), facts in facts(),
    ) {
        let policy = policy(blueprint, rules);
        let access = evaluate(&policy, &facts);
        let seated = matches!(facts.seat, SeatState::Held | SeatState::NotNeeded);

        prop_assert_eq!(access.status == AccessStatus::Granted, facts.active && seated);
        if access.status != AccessStatus::Granted {
            prop_assert!(access.roles.is_empty());
            prop_assert!(access.flags.is_empty());
            prop_assert!(access.permissions.is_empty());
            for id in policy.blueprint.permission_ids() {
                for unit in policy.tree.iter() {
                    prop_assert!(!access.may(id, Some(unit.id), &policy.tree).allowed);
                }
            }
        }
    }

    #[test]
    fn everything_has_a_reason_that_can_be_said(
        blueprint in blueprint(), rules in rules(), facts in facts(),
    ) {
        let access = evaluate(&policy(blueprint, rules), &facts);
        for (id, reasons) in all_reasons(&access) {
            prop_assert!(!reasons.is_empty(), "{} has no reason", id);
            let distinct: BTreeSet<_> = reasons.iter().collect();
            prop_assert_eq!(distinct.len(), reasons.len(), "{} repeats a reason", id);
            for reason in reasons {
                prop_assert!(reason.sentence().ends_with('.'));
            }
        }
    }

    #[test]
    fn only_a_home_at_the_top_makes_an_admin(rules in rules(), facts in facts()) {
        let access = evaluate(&policy(shipped(), rules), &Facts { held: Vec::new(), ..facts });
        match access.admin_level() {
            Some(AdminLevel::Admin) => prop_assert_eq!(access.home.unwrap().depth, 0),
            Some(AdminLevel::OrgAdmin) => {
                let home = access.home.unwrap();
                prop_assert!(home.depth > 0);
                let scopes_are_home = access.roles.iter().all(|role| {
                    matches!(&role.scope, Scope::OrgUnit { id, .. } if *id == home.org_unit)
                });
                prop_assert!(scopes_are_home);
            }
            None => prop_assert!(access.permissions.is_empty()),
        }
    }

    #[test]
    fn moving_below_the_top_never_yields_an_admin(rules in rules(), facts in facts(), to in SALES..=HR) {
        let mut rules = rules;
        rules.push(rule_of(99, i32::MIN, in_group("mover"), home(["sales", "osaka", "hr"][usize::try_from(to - SALES).unwrap()], None)));
        let facts = Facts { held: Vec::new(), ..member_of(facts, "mover") };
        let access = evaluate(&policy(shipped(), rules), &facts);

        prop_assert_eq!(access.home.as_ref().map(|home| home.depth > 0), Some(true));
        prop_assert_ne!(access.admin_level(), Some(AdminLevel::Admin));
        prop_assert!(access.permissions.iter().all(|it| it.scope != Scope::Environment));
    }

    #[test]
    fn silence_never_leads_to_the_top(rules in rules()) {
        let access = evaluate(&policy(shipped(), rules), &person());

        prop_assert_ne!(access.home.map(|home| home.depth), Some(0));
    }

    #[test]
    fn lists_are_sorted_and_one_role_is_held_at_a_place(
        blueprint in blueprint(), rules in rules(), facts in facts(),
    ) {
        let access = evaluate(&policy(blueprint, rules), &facts);

        prop_assert!(is_sorted_set(access.flags.iter().map(|it| (&it.flag, &it.scope))));
        prop_assert!(is_sorted_set(access.roles.iter().map(|it| &it.scope)));
        prop_assert!(is_sorted_set(access.permissions.iter().map(|it| (&it.permission, &it.scope, &it.obligations))));
        prop_assert!(is_sorted_set(access.dropped.iter().map(|it| (it.what, &it.id, &it.scope))));
    }

    #[test]
    fn whatever_is_held_has_what_it_requires(blueprint in blueprint(), rules in rules(), facts in facts()) {
        let policy = policy(blueprint, rules);
        let access = evaluate(&policy, &facts);
        let flags = access.flags.iter().map(|it| (&it.flag, &it.scope));
        let permissions = access.permissions.iter().map(|it| (&it.permission, &it.scope));
        for (id, scope) in flags.chain(permissions) {
            let place = match scope {
                Scope::Environment => Place::Environment,
                Scope::OrgUnit { id, .. } => Place::OrgUnit(*id),
                Scope::Workspace { id, .. } => {
                    Place::Workspace(policy.workspaces.iter().find(|it| it.id == *id).unwrap())
                }
            };
            for needed in policy.blueprint.permission(id).unwrap().requires() {
                prop_assert!(access.may_at(needed, place, &policy.tree).allowed, "{} lacks {}", id, needed);
            }
        }
    }

    #[test]
    fn what_is_stored_reads_back(blueprint in blueprint(), rules in rules(), facts in facts()) {
        let access = evaluate(&policy(blueprint, rules.clone()), &facts);
        let text = serde_json::to_string(&access).unwrap();

        prop_assert_eq!(serde_json::from_str::<EffectiveAccess>(&text).unwrap(), access);
        let text = serde_json::to_string(&rules).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<MappingRule>>(&text).unwrap(), rules);
    }
}
