//! Who may do what to whom in the five products, asked about people of each role.

use std::sync::Arc;

use super::*;
use crate::access::matrices::{place_called, products, somebody, world};
use crate::access::{Facts, evaluate};
use crate::blueprint::{Blueprint, catalog};
use crate::fixture::grant;
use crate::id::OrgUnitId;
use crate::mapping::{Outcome, ScopeRef};

/// The world of the product that has this rule.
fn of_rule(id: &str) -> Policy {
    let has = |blueprint: &crate::blueprint::Blueprint| {
        blueprint.product().grant_rules.iter().any(|rule| rule.id.get_ref() == id)
    };
    world(&products().find(|blueprint| has(blueprint)).unwrap())
}

fn there(policy: &Policy, scope: ScopeRef) -> Place<'_> {
    match scope {
        ScopeRef::Environment => Place::Environment,
        ScopeRef::OrgUnit(id) => Place::OrgUnit(id),
        ScopeRef::Workspace(id) => Place::Workspace(policy.workspaces.iter().find(|it| it.id == id).unwrap()),
    }
}

/// What somebody of a role may do to others of these roles, at their own place.
struct Asked<'a> {
    policy: &'a Policy,
    facts: Facts,
    scope: ScopeRef,
}

impl<'a> Asked<'a> {
    fn of(policy: &'a Policy, role: &str) -> Self {
        let (facts, scope) = somebody(policy, policy.blueprint.role(role).unwrap());
        Self { policy, facts, scope }
    }

    fn act(&self, deed: Deed, roles: &[&'a str]) -> Act<'a> {
        Act {
            deeds: vec![deed],
            to_oneself: false,
            roles: roles.iter().copied().collect(),
            permission: None,
            at: Where::All(vec![there(self.policy, self.scope)]),
        }
    }

    fn may(&self, act: &Act<'_>) -> Verdict {
        may(self.policy, &evaluate(self.policy, &self.facts), act)
    }

    fn allowed(&self, deed: Deed, roles: &[&'a str]) -> bool {
        matches!(self.may(&self.act(deed, roles)), Verdict::Allowed { .. })
    }

    fn to_oneself(&self, deed: Deed, permission: Option<&'a str>) -> Verdict {
        self.may(&Act { to_oneself: true, permission, ..self.act(deed, &[]) })
    }
}

fn denied(by: &str) -> Verdict {
    Verdict::Denied { by: by.to_owned() }
}

/// CHT-08, CHT-19, CHT-20, CHT-21, CHT-22, CHT-29
#[test]
fn owners_manage_staff_and_nobody_else_changes_even_themselves() {
    let policy = of_rule("owners_manage_staff");
    let (owner, general) = (Asked::of(&policy, "owner"), Asked::of(&policy, "general"));

    for deed in [Deed::Invite, Deed::ChangeRole, Deed::Delete, Deed::CreateRole, Deed::ChangeRoleSettings] {
        assert!(owner.allowed(deed, &["general", "owner"]), "{deed:?}");
        assert_eq!(general.may(&general.act(deed, &["general"])), Verdict::NotAllowed, "{deed:?}");
    }
    assert!(matches!(owner.to_oneself(Deed::ChangeRole, None), Verdict::Allowed { .. }));
    assert_eq!(general.to_oneself(Deed::ChangeRole, None), denied("others_do_not_change_themselves"));
}

/// RSP-01, RSP-13, RSP-16, RSP-17, RSP-18, RSP-19, RSP-29, RSP-34
#[test]
fn owners_manage_everybody_but_themselves_and_managers_agents() {
    let policy = of_rule("managers_manage_agents");
    let (owner, manager) = (Asked::of(&policy, "owner"), Asked::of(&policy, "manager"));
    let agent = Asked::of(&policy, "agent");

    assert!(owner.allowed(Deed::Invite, &["owner"]) && owner.allowed(Deed::ChangeRole, &["owner", "agent"]));
    assert!(manager.allowed(Deed::Invite, &["agent"]) && manager.allowed(Deed::Revoke, &["agent"]));
    assert!(!manager.allowed(Deed::Invite, &["manager"]));
    assert!(!manager.allowed(Deed::ChangeRole, &["owner", "agent"]));
    assert!(!agent.allowed(Deed::Invite, &["agent"]));
    for deed in [Deed::ChangeRole, Deed::Revoke] {
        for who in [&owner, &manager, &agent] {
            assert_eq!(who.to_oneself(deed, None), denied("nobody_changes_or_revokes_themselves"));
        }
    }
    let elsewhere = Act {
        at: Where::All(vec![there(&policy, place_called(&policy, "workspace", true))]),
        ..owner.act(Deed::Invite, &["agent"])
    };
    assert_eq!(owner.may(&elsewhere), Verdict::NotAllowed);
    let mut restricted = Asked::of(&policy, "manager");
    let restrictions = vec!["no_workspace_settings".to_owned()];
    restricted
        .facts
        .local_grants
        .push(grant(9, Outcome::Restrictions { restrictions, scope: manager.scope }));
    assert!(!restricted.allowed(Deed::Invite, &["agent"]));
}

/// BLF-04, BLF-12, BLF-13, BLF-14, BLF-16
#[test]
fn an_org_admin_reaches_their_subtree_from_source_to_target_and_nobody_their_own_right() {
    let policy = of_rule("nobody_changes_their_own_admin_right");
    let (admin, org_admin) = (Asked::of(&policy, "admin"), Asked::of(&policy, "org_admin"));
    let general = Asked::of(&policy, "general");
    let inside = there(&policy, place_called(&policy, "organisation", false));
    let outside = there(&policy, place_called(&policy, "organisation", true));
    let moved = |places| Act { at: Where::All(places), ..org_admin.act(Deed::ChangeHome, &["general"]) };

    assert!(matches!(org_admin.may(&moved(vec![inside])), Verdict::Allowed { .. }));
    assert_eq!(org_admin.may(&moved(vec![inside, outside])), Verdict::NotAllowed);
    assert_eq!(org_admin.may(&moved(vec![outside, inside])), Verdict::NotAllowed);
    assert_eq!(org_admin.may(&moved(vec![inside, Place::Environment])), Verdict::NotAllowed);
    assert!(matches!(admin.may(&moved(vec![outside, inside])), Verdict::Allowed { .. }));
    assert!(!general.allowed(Deed::ChangePermission, &["general"]));
    let own = denied("nobody_changes_their_own_admin_right");
    for who in [&admin, &org_admin] {
        assert_eq!(who.to_oneself(Deed::ChangePermission, Some("admin_flag")), own);
        assert!(matches!(who.to_oneself(Deed::ChangePermission, Some("recolog")), Verdict::Allowed { .. }));
    }
}

/// MOM-05, MOM-06, MOM-11, MOM-12, MOM-13, MOM-15, MOM-16
#[test]
fn only_admins_invite_and_give_cases_and_owners_share_what_is_theirs() {
    let policy = of_rule("only_admins_give_cases");
    let (admin, owner) = (Asked::of(&policy, "admin"), Asked::of(&policy, "owner"));
    let manager = Asked::of(&policy, "manager");

    assert!(admin.allowed(Deed::Invite, &["admin"]) && !owner.allowed(Deed::Invite, &["viewer"]));
    assert!(owner.allowed(Deed::ChangeRole, &["viewer", "manager"]));
    assert!(!owner.allowed(Deed::ChangeRole, &["admin"]) && !manager.allowed(Deed::ChangeRole, &["viewer"]));
    for permission in ["case.create", "case.edit", "case.inquiry_type"] {
        let cases = |who: &Asked<'_>| {
            who.may(&Act { permission: Some(permission), ..who.act(Deed::ChangePermission, &[]) })
        };
        assert!(matches!(cases(&admin), Verdict::Allowed { .. }));
        assert_eq!(cases(&owner), denied("only_admins_give_cases"));
    }
}

/// LNC-02, LNC-04, LNC-08, LNC-10, LNC-12, LNC-18, LNC-25
#[test]
fn system_admins_invite_and_decide_and_members_ask_for_externals() {
    let mut policy = of_rule("system_admins_decide_on_externals");
    let member = Asked::of(&policy, "member");
    let at = |second| Where::All(vec![there(&policy, place_called(&policy, "channel", second))]);
    let ask = Act { at: at(false), ..member.act(Deed::RequestExternal, &["external"]) };
    let Verdict::Allowed { obligations, member_of, .. } = member.may(&ask) else {
        panic!("a member may ask")
    };
    assert_eq!(obligations, BTreeSet::from(["plan_with_externals".to_owned()]));
    assert_eq!(member_of, BTreeSet::from(["channel".to_owned()]));
    assert_eq!(member.may(&Act { at: at(true), ..ask.clone() }), Verdict::NotAllowed, "of another team");
    for (role, may_add) in [("member", true), ("external", false)] {
        let add = Act { at: at(false), ..member.act(Deed::AddToPlace, &[role]) };
        assert_eq!(matches!(member.may(&add), Verdict::Allowed { .. }), may_add, "{role}");
    }
    assert!(!member.allowed(Deed::AddToPlace, &["member"]), "to the team itself");
    let admin = Asked::of(&policy, "system_admin");
    for deed in [Deed::Invite, Deed::ChangeRole, Deed::Deactivate, Deed::DecideOnExternal] {
        assert!(admin.allowed(deed, &["external"]), "{deed:?}");
        assert!(!member.allowed(deed, &["external"]), "{deed:?}");
        assert!(!Asked::of(&policy, "team_admin").allowed(deed, &["external"]), "{deed:?}");
    }
    assert!(Asked::of(&policy, "team_admin").allowed(Deed::RemoveFromPlace, &["member"]));

    policy.offer.plan = Some("free".to_owned());
    let member = Asked::of(&policy, "member");
    let channel = Where::All(vec![there(&policy, place_called(&policy, "channel", false))]);
    let ask = Act { at: channel, ..member.act(Deed::RequestExternal, &["external"]) };
    assert_eq!(member.may(&ask), Verdict::NotAllowed);
}

#[test]
fn whoever_is_not_active_does_nothing_and_nothing_happens_nowhere() {
    for blueprint in products() {
        let policy = world(&blueprint);
        for role in blueprint.roles() {
            let mut asked = Asked::of(&policy, role.id());
            let nowhere = Act { at: Where::All(Vec::new()), ..asked.act(Deed::Invite, &[]) };
            assert!(!matches!(asked.may(&nowhere), Verdict::Allowed { .. }));
            asked.facts.active = false;
            assert!(!asked.allowed(Deed::Invite, &[]), "{}", role.id());
        }
    }
}

/// Somebody's access under what was given to them by hand, at this home.
fn with(policy: &Policy, home: Option<OrgUnitId>, given: &[Outcome]) -> EffectiveAccess {
    let mut facts = crate::fixture::person();
    facts.local_home = home;
    facts.local_grants = given.iter().zip(1..).map(|(what, n)| grant(n, what.clone())).collect();
    evaluate(policy, &facts)
}

fn unit(policy: &Policy, second: bool) -> OrgUnitId {
    match place_called(policy, "organisation", second) {
        ScopeRef::OrgUnit(id) => id,
        other => panic!("{other:?}"),
    }
}

/// BLF-12, BLF-15, BLF-17
#[test]
fn what_only_follows_is_no_deed() {
    let policy = of_rule("admins_manage_their_subtree");
    let flag = crate::fixture::flags(&["admin_flag"]);
    let (below, beside) = (Some(unit(&policy, false)), Some(unit(&policy, true)));
    let (plain, flagged) = (with(&policy, below, &[]), with(&policy, below, std::slice::from_ref(&flag)));
    let moved = with(&policy, beside, std::slice::from_ref(&flag));

    let [switched] = &deeds_between(&policy, Some(&plain), Some(&flagged), false)[..] else {
        panic!("one deed")
    };
    assert_eq!(
        (switched.deeds.as_slice(), switched.permission),
        (&[Deed::ChangePermission][..], Some("admin_flag"))
    );
    let [given] = &deeds_of_grant(&policy, &flag, true, &plain, false)[..] else { panic!("one deed") };
    assert_eq!(given, switched, "a flag given by hand is the same deed as one that comes otherwise");
    let [both_ends] = &deeds_between(&policy, Some(&flagged), Some(&moved), false)[..] else {
        panic!("one deed")
    };
    let ends = [below, beside].map(|id| Place::OrgUnit(id.unwrap()));
    assert_eq!(
        (both_ends.deeds.as_slice(), &both_ends.at),
        (&[Deed::ChangeHome][..], &Where::All(ends.to_vec()))
    );
    assert_eq!(deeds_between(&policy, Some(&flagged), Some(&flagged), false), []);
    assert_eq!(deeds_between(&policy, None, None, false), []);
}

/// RSP-13, RSP-14, RSP-29, RSP-30
#[test]
fn a_role_is_given_exchanged_and_taken_where_it_is_held() {
    let policy = of_rule("owners_manage_users");
    let role = |role: &str, second| crate::fixture::role(role, place_called(&policy, "workspace", second));
    let (nowhere, agent) = (with(&policy, None, &[]), with(&policy, None, &[role("agent", false)]));
    let manager = with(&policy, None, &[role("manager", false)]);
    let deeds = |before, after| {
        let acts = deeds_between(&policy, Some(before), Some(after), false);
        acts.into_iter().map(|act| (act.deeds, act.roles)).collect::<Vec<_>>()
    };
    let roles = |roles: &[&'static str]| roles.iter().copied().collect::<BTreeSet<_>>();

    let (given, taken) = (
        vec![Deed::ChangeRole, Deed::AddToPlace, Deed::Invite],
        vec![Deed::ChangeRole, Deed::RemoveFromPlace, Deed::Revoke],
    );
    assert_eq!(deeds(&nowhere, &agent), [(given, roles(&["agent"]))]);
    assert_eq!(deeds(&agent, &manager), [(vec![Deed::ChangeRole], roles(&["agent", "manager"]))]);
    assert_eq!(deeds(&manager, &nowhere), [(taken, roles(&["manager"]))]);
}

/// MOM-13, RSP-09, RSP-10
#[test]
fn who_comes_is_invited_with_what_they_have_then() {
    let policy = of_rule("owners_manage_users");
    let workspace = place_called(&policy, "workspace", false);
    let arrives = |given: &[Outcome]| with(&policy, None, given);
    let (bare, agent) = (arrives(&[]), arrives(&[crate::fixture::role("agent", workspace)]));
    let invited = |after| deeds_between(&policy, None, Some(after), false).remove(0);

    assert_eq!((invited(&bare).deeds, invited(&bare).at), (vec![Deed::Invite], Where::Somewhere));
    let at = Where::All(vec![there(&policy, workspace)]);
    assert_eq!((invited(&agent).roles, invited(&agent).at), (BTreeSet::from(["agent"]), at));
    for (role, may_invite) in [("owner", true), ("manager", true), ("agent", false)] {
        let actor = Asked::of(&policy, role);
        for after in [&bare, &agent] {
            let verdict = actor.may(&invited(after));
            assert_eq!(matches!(verdict, Verdict::Allowed { .. }), may_invite, "{role}");
        }
    }
}

#[test]
fn whoever_is_shut_out_comes_back_with_everything_and_leaves_in_one_deed() {
    let policy = of_rule("admins_manage_their_subtree");
    let below = Some(unit(&policy, false));
    let flagged = with(&policy, below, &[crate::fixture::flags(&["admin_flag"])]);
    let mut facts = crate::fixture::person();
    (facts.active, facts.local_home) = (false, below);
    let out = evaluate(&policy, &facts);
    let deeds = |before, after| {
        let acts = deeds_between(&policy, before, after, false);
        acts.into_iter().flat_map(|act| act.deeds).collect::<Vec<_>>()
    };

    assert_eq!(deeds(Some(&flagged), Some(&out)), [Deed::Deactivate]);
    assert_eq!(deeds(Some(&out), Some(&flagged)), [Deed::Reactivate, Deed::ChangePermission]);
    assert_eq!(deeds(Some(&flagged), None), [Deed::Delete]);
}

/// LNC-12, LNC-14: whoever must approve is named, and a grant rule that lets others decide makes nobody one of them.
#[test]
fn only_those_decide_on_people_of_other_companies_whom_the_product_names() {
    let text = catalog().iter().find(|(id, _)| *id == "linc_biz").unwrap().1;
    let loose = text.replacen(
        "actors = [\"system_admin\"]\nactions = [\"decide_on_external\"]",
        "actors = [\"*\"]\nactions = [\"decide_on_external\"]",
        1,
    );
    let open = loose.replacen("approved_by = [\"system_admin\"]\n", "", 1);
    assert!(loose != text && open != loose);
    for (text, others) in [(text, false), (&loose, false), (&open, true)] {
        let policy = world(&Arc::new(Blueprint::parse(text).unwrap()));
        for (role, may_decide) in [("system_admin", true), ("team_admin", others), ("member", others)] {
            let actor = Asked::of(&policy, role);
            let access = evaluate(&policy, &actor.facts);

            assert_eq!(actor.allowed(Deed::DecideOnExternal, &["external"]), may_decide, "{role}");
            let seen = sight(&policy, &access, Some(Deed::DecideOnExternal));
            assert_eq!(seen == Sight::Everybody, may_decide, "{role}");
        }
    }
}
