//! Facts about evaluation. Knows two products; does not know the steps inside.

use serde_json::json;

use super::*;
use crate::blueprint::HomeDepth;
use crate::fixture::*;
use crate::mapping::{Matcher, Outcome, ScopeRef};

/// Departments are homes, one group has the administrator's flag, one approves materials.
fn acme() -> Policy {
    policy(
        shipped(),
        vec![
            rule(10, 10, in_group("admins"), flags(&["admin_flag"])),
            rule(20, 20, any_department(), home("{value}", Some("hr"))),
            rule(30, 30, in_group("approvers"), flags(&["materials.upload", "materials.approve"])),
            rule(40, 40, in_group("half-approvers"), flags(&["materials.approve"])),
        ],
    )
}

fn held(access: &EffectiveAccess) -> Vec<(&str, &Scope, Option<AdminLevel>)> {
    access.roles.iter().map(|role| (role.role.as_str(), &role.scope, role.level)).collect()
}

fn flag_ids(access: &EffectiveAccess) -> Vec<&str> {
    access.flags.iter().map(|flag| flag.flag.as_str()).collect()
}

fn dropped<'a>(access: &'a EffectiveAccess, id: &str) -> &'a Dropped {
    access.dropped.iter().find(|it| it.id == id).unwrap_or_else(|| panic!("{id} was not dropped"))
}

fn emea() -> ScopeRef {
    ScopeRef::Workspace(workspace_id(1))
}

#[test]
fn the_flag_at_the_top_makes_an_administrator_of_the_environment() {
    let hana = member_of(of_department(person(), "Acme"), "admins");

    let access = evaluate(&acme(), &hana);

    assert_eq!(held(&access), [("admin", &Scope::Environment, Some(AdminLevel::Admin))]);
    assert_eq!(access.admin_level(), Some(AdminLevel::Admin));
    assert!(access.may("materials.delete_others", None, &tree()).allowed);
    assert!(matches!(access.roles[0].reasons[0], Reason::Derived { home: Some(HomeDepth::Top), .. }));
    assert!(matches!(access.roles[0].reasons[1], Reason::GroupMatched { .. }));
}

#[test]
fn the_flag_below_the_top_makes_an_org_admin_of_that_subtree() {
    let ken = member_of(of_department(person(), "sales"), "admins");
    let tree = tree();

    let access = evaluate(&acme(), &ken);

    let sales = Scope::from(tree.get(unit_id(SALES)).unwrap());
    assert_eq!(held(&access), [("org_admin", &sales, Some(AdminLevel::OrgAdmin))]);
    let may_stop = |unit| access.may("users.stop", unit, &tree).allowed;
    assert!(may_stop(Some(unit_id(SALES))), "own unit");
    assert!(may_stop(Some(unit_id(OSAKA))), "below");
    assert!(!may_stop(Some(unit_id(HR))), "beside");
    assert!(!may_stop(Some(unit_id(ACME))), "above");
    assert!(!may_stop(None), "everywhere");
    assert!(!may_stop(Some(unit_id(99))), "nowhere");
    assert!(!access.may("materials.delete_others", Some(unit_id(SALES)), &tree).allowed);
}

#[test]
fn without_the_flag_a_person_is_general_wherever_home_is() {
    for department in ["acme", "sales", "osaka"] {
        let access = evaluate(&acme(), &of_department(person(), department));

        assert_eq!(held(&access), [("general", &Scope::Environment, None)]);
        assert_eq!(access.permissions, []);
        assert_eq!(access.roles[0].reasons, [Reason::Default]);
    }
}

#[test]
fn without_a_home_the_flag_makes_no_administrator() {
    let mut policy = acme();
    policy.rules.retain(|rule| !matches!(rule.outcome, Outcome::Home { .. }));

    let access = evaluate(&policy, &member_of(person(), "admins"));

    assert_eq!(access.home, None);
    assert_eq!(held(&access), [("general", &Scope::Environment, None)]);
    assert_eq!(access.permissions, []);
    let reasons = &dropped(&access, "admin").reasons;
    assert_eq!(reasons.last(), Some(&Reason::NoHome { flags: vec!["admin_flag".to_owned()] }));
}

#[test]
fn an_unknown_or_missing_department_leads_to_the_fallback() {
    for facts in [of_department(person(), "Atlantis"), of_department(person(), " "), person()] {
        let access = evaluate(&acme(), &facts);

        let home = access.home.unwrap();
        assert_eq!(home.key, "hr");
        assert!(matches!(home.reasons[..], [Reason::Fallback { .. }]));
    }
    let lost = evaluate(&acme(), &of_department(person(), "Atlantis"));
    let reasons = &dropped(&lost, "Atlantis").reasons;
    assert_eq!(reasons.last(), Some(&Reason::NoSuchUnit { key: "Atlantis".to_owned() }));
}

#[test]
fn a_fallback_never_leads_to_the_top() {
    let mut policy = acme();
    policy.rules[1].outcome = home("{value}", Some("acme"));

    let access = evaluate(&policy, &member_of(person(), "admins"));

    assert_eq!(access.home, None);
    assert_eq!(access.admin_level(), None);
    assert!(dropped(&access, "acme").reasons.contains(&Reason::FallbackAtTop { key: "acme".to_owned() }));
}

#[test]
fn of_several_departments_the_deepest_is_home() {
    let mut facts = member_of(person(), "admins");
    facts.attributes.insert(DEPARTMENT.into(), vec!["acme".into(), "hr".into(), "osaka".into()]);

    let access = evaluate(&acme(), &facts);

    assert_eq!(access.home.as_ref().unwrap().key, "osaka");
    assert_eq!(access.admin_level(), Some(AdminLevel::OrgAdmin));
    assert!(dropped(&access, "acme").reasons.contains(&Reason::Outranked { by: "osaka".into() }));
}

#[test]
fn a_home_set_by_hand_yields_to_a_rule_and_precedes_a_fallback() {
    let by_hand = Facts { local_home: Some(unit_id(ACME)), ..person() };

    let in_sales = evaluate(&acme(), &of_department(by_hand.clone(), "sales"));
    let nowhere = evaluate(&acme(), &by_hand);

    assert_eq!(in_sales.home.as_ref().unwrap().key, "sales");
    let lost = Reason::Outranked { by: "sales".to_owned() };
    assert_eq!(dropped(&in_sales, "acme").reasons, [Reason::HomeSetByHand, lost]);
    assert_eq!(nowhere.home.as_ref().unwrap().key, "acme");
    assert_eq!(nowhere.home.unwrap().reasons, [Reason::HomeSetByHand]);
}

#[test]
fn the_first_administrator_needs_no_identity_provider() {
    let founder = Facts {
        local_home: Some(unit_id(ACME)),
        local_grants: vec![grant(1, flags(&["admin_flag"]))],
        seat: SeatState::NotNeeded,
        ..person()
    };

    let access = evaluate(&acme(), &founder);

    assert_eq!(access.admin_level(), Some(AdminLevel::Admin));
}

#[test]
fn an_approver_without_upload_is_no_approver() {
    let half = evaluate(&acme(), &member_of(person(), "half-approvers"));
    let whole = evaluate(&acme(), &member_of(person(), "approvers"));

    assert_eq!(flag_ids(&half), [""; 0]);
    let missing = Reason::Missing { requires: "materials.upload".to_owned() };
    assert_eq!(dropped(&half, "materials.approve").reasons.last(), Some(&missing));
    assert!(half.may("materials.approve", None, &tree()).reasons.contains(&missing));
    assert_eq!(flag_ids(&whole), ["materials.approve", "materials.upload"]);
    let decision = whole.may("materials.approve", None, &tree());
    assert!(decision.allowed);
    assert_eq!(decision.obligations, ["two_step_approval"]);
}

#[test]
fn the_inactive_hold_nothing_and_keep_their_home() {
    let gone = Facts { active: false, ..member_of(of_department(person(), "acme"), "admins") };

    let access = evaluate(&acme(), &gone);

    assert_eq!(access.status, AccessStatus::Inactive);
    assert_eq!(access.home.as_ref().unwrap().key, "acme");
    assert!(access.roles.is_empty() && access.flags.is_empty() && access.permissions.is_empty());
    let decision = access.may("users.list", None, &tree());
    assert!(!decision.allowed && decision.reasons.contains(&Reason::Inactive));
}

#[test]
fn the_unseated_hold_nothing_and_see_what_a_seat_would_bring() {
    let hana = member_of(of_department(person(), "acme"), "admins");
    for (seat, status) in [
        (SeatState::Waiting { position: 7 }, AccessStatus::WaitingForSeat { position: 7 }),
        (SeatState::Refused, AccessStatus::NoSeat),
    ] {
        let access = evaluate(&acme(), &Facts { seat, ..hana.clone() });

        assert_eq!(access.status, status);
        assert!(access.roles.is_empty() && access.flags.is_empty() && access.permissions.is_empty());
        assert!(matches!(
            dropped(&access, "admin").reasons.last(),
            Some(Reason::WaitingForSeat { position: 7 } | Reason::NoSeat)
        ));
        assert!(!access.may("users.list", None, &tree()).allowed);
    }
}

#[test]
fn an_administrator_kind_is_never_given() {
    let mut policy = acme();
    policy.rules.push(rule(50, 1, in_group("admins"), role("admin", ScopeRef::Environment)));

    let access = evaluate(&policy, &member_of(of_department(person(), "osaka"), "admins"));

    assert_eq!(access.admin_level(), Some(AdminLevel::OrgAdmin));
    assert_eq!(dropped(&access, "admin").reasons.last(), Some(&Reason::CannotBeGiven));
}

#[test]
fn a_rule_that_is_not_active_does_nothing() {
    let mut policy = acme();
    policy.rules[0].active = false;

    let access = evaluate(&policy, &member_of(of_department(person(), "acme"), "admins"));

    assert_eq!(access.admin_level(), None);
    policy.rules[1].active = false;
    assert!(policy.attribute_paths().is_empty());
    assert_eq!(acme().attribute_paths().into_iter().collect::<Vec<_>>(), [DEPARTMENT]);
}

#[test]
fn group_names_and_values_are_compared_without_case_and_external_ids_exactly() {
    let flag = || flags(&["recolog"]);
    let external = |id: &str| Matcher::GroupExternalId { external_id: id.to_owned() };
    let department = |value: &str| Matcher::Attribute { path: DEPARTMENT.into(), value: Some(value.into()) };
    let facts = member_of(of_department(person(), "Vertrieb Ö"), "Größe");
    for (matcher, expected) in [
        (in_group("größe"), true),
        (in_group("GRÖßE"), true),
        (in_group("größe "), false),
        (external("ext-1"), true),
        (external("EXT-1"), false),
        (department("vertrieb ö"), true),
        (department("vertrieb"), false),
    ] {
        let policy = policy(shipped(), vec![rule(1, 1, matcher.clone(), flag())]);
        assert_eq!(!evaluate(&policy, &facts).flags.is_empty(), expected, "{matcher:?}");
    }
}

#[test]
fn of_roles_at_one_place_priority_wins_then_rank_then_id() {
    let everyone = || in_group("all");
    let facts = member_of(person(), "all");
    let role_with = |rules| {
        let access = evaluate(&policy(grid(), rules), &facts);
        assert_eq!(access.roles.len(), 1);
        (
            access.roles[0].role.clone(),
            dropped(&access, if access.roles[0].role == "agent" { "manager" } else { "agent" })
                .reasons
                .last()
                .cloned(),
        )
    };

    let by_priority = role_with(vec![
        rule(1, 20, everyone(), role("manager", emea())),
        rule(2, 10, everyone(), role("agent", emea())),
    ]);
    let by_rank = role_with(vec![
        rule(1, 10, everyone(), role("agent", emea())),
        rule(2, 10, everyone(), role("manager", emea())),
    ]);

    assert_eq!(by_priority, ("agent".into(), Some(Reason::Outranked { by: "agent".into() })));
    assert_eq!(by_rank, ("manager".into(), Some(Reason::Outranked { by: "manager".into() })));
}

#[test]
fn a_grant_by_hand_precedes_rules_at_its_place_only() {
    let lab = ScopeRef::Workspace(workspace_id(2));
    let facts = Facts { local_grants: vec![grant(1, role("agent", emea()))], ..member_of(person(), "all") };
    let rules = vec![
        rule(1, i32::MIN, in_group("all"), role("manager", emea())),
        rule(2, 5, in_group("all"), role("manager", lab)),
    ];

    let access = evaluate(&policy(grid(), rules), &facts);

    let names: Vec<_> = access.roles.iter().map(|held| held.role.as_str()).collect();
    assert_eq!(names, ["agent", "manager"]);
}

#[test]
fn what_a_permission_requires_must_be_held_where_it_is_held() {
    let rules = vec![rule(1, 1, in_group("all"), role("agent", emea()))];
    let facts = member_of(person(), "all");

    let agent = evaluate(&policy(grid(), rules.clone()), &facts);

    assert_eq!(agent.permissions, []);
    assert_eq!(dropped(&agent, "erase").reasons.last(), Some(&Reason::Missing { requires: "export".into() }));

    // The regional role holds `export` in all of Sales, to which EMEA belongs.
    let mut wide = rules.clone();
    wide.push(rule(2, 2, in_group("all"), role("regional", ScopeRef::OrgUnit(unit_id(SALES)))));
    let both = evaluate(&policy(grid(), wide), &facts);
    assert!(both.permissions.iter().any(|it| it.permission == "erase"));

    // In Osaka it does not reach EMEA.
    let mut beside = rules;
    beside.push(rule(2, 2, in_group("all"), role("regional", ScopeRef::OrgUnit(unit_id(OSAKA)))));
    let apart = evaluate(&policy(grid(), beside), &facts);
    assert!(!apart.permissions.iter().any(|it| it.permission == "erase"));
}

#[test]
fn a_workspace_is_reached_from_its_unit_and_from_itself() {
    let rules = vec![rule(1, 1, in_group("all"), role("regional", ScopeRef::OrgUnit(unit_id(SALES))))];
    let access = evaluate(&policy(grid(), rules), &member_of(person(), "all"));
    let [emea, lab] = &workspaces()[..] else { panic!("two workspaces") };

    let decision = access.may_at("export", Place::Workspace(emea), &tree());

    assert!(decision.allowed);
    assert_eq!(decision.obligations, ["office_hours"]);
    assert!(!access.may_at("export", Place::Workspace(lab), &tree()).allowed);
}

#[test]
fn a_flag_no_role_allows_falls_and_a_derived_role_yields_to_a_higher_rank() {
    let guest = policy(grid(), vec![rule(1, 1, in_group("all"), role("guest", ScopeRef::Environment))]);
    let mut lead = guest.clone();
    lead.rules.push(rule(2, 2, in_group("all"), flags(&["lead"])));
    let facts = member_of(person(), "all");

    assert_eq!(held(&evaluate(&guest, &facts)), [("guest", &Scope::Environment, None)]);
    let captain = evaluate(&lead, &facts);
    assert_eq!(held(&captain), [("captain", &Scope::Environment, None)]);
    assert_eq!(flag_ids(&captain), ["lead"]);
    assert_eq!(dropped(&captain, "guest").reasons.last(), Some(&Reason::Outranked { by: "captain".into() }));
    // A lead of one workspace leads no environment, and a guest may not be a lead at all.
    lead.rules[1].outcome = Outcome::Flags { flags: vec!["lead".into()], scope: emea() };
    let local = evaluate(&lead, &facts);
    assert_eq!(held(&local), [("guest", &Scope::Environment, None)]);
    assert_eq!(dropped(&local, "lead").reasons.last(), Some(&Reason::NotAllowedByRole));
}

#[test]
fn what_a_stale_rule_points_at_is_dropped_with_the_reason() {
    let gone = ScopeRef::Workspace(workspace_id(99));
    let rules = vec![
        rule(1, 1, in_group("all"), role("agent", gone)),
        rule(2, 1, in_group("all"), role("king", ScopeRef::Environment)),
        rule(3, 1, in_group("all"), role("manager", ScopeRef::Environment)),
        rule(4, 1, in_group("all"), flags(&["fly", "bulk"])),
        rule(5, 1, in_group("all"), home("atlantis", None)),
    ];

    let access = evaluate(&policy(grid(), rules), &member_of(person(), "all"));

    let why = |id| dropped(&access, id).reasons.last().unwrap().clone();
    assert_eq!(why("agent"), Reason::ScopeGone);
    assert_eq!(why("king"), Reason::NotInBlueprint);
    assert_eq!(why("manager"), Reason::WrongScope);
    assert_eq!(why("fly"), Reason::NotInBlueprint);
    assert_eq!(why("bulk"), Reason::WrongScope);
    assert_eq!(why("atlantis"), Reason::NoSuchUnit { key: "atlantis".into() });
}

#[test]
fn a_decision_explains_the_role_behind_it() {
    let hana = member_of(of_department(person(), "acme"), "admins");

    let decision = evaluate(&acme(), &hana).may("users.list", Some(unit_id(OSAKA)), &tree());

    let sentences: Vec<_> = decision.reasons.iter().map(Reason::sentence).collect();
    assert_eq!(
        sentences,
        [
            "The role \"admin\" gives it.",
            "Follows from the flag admin_flag and a home at the top of the organisation (acme).",
            "Member of the group \"admins\", by mapping rule 00000000-0000-0000-0000-00000000000a (priority 10).",
        ]
    );
}

#[test]
fn the_stored_form_is_stable() {
    let ken = member_of(of_department(person(), "Sales"), "admins");
    let mut access = evaluate(&acme(), &ken);
    access.permissions.retain(|it| it.permission == "materials.view_others");
    let sales = json!({"kind": "orgUnit", "id": unit_id(SALES), "key": "sales", "name": "Sales"});
    let by_group = json!({
        "because": "groupMatched", "rule": "00000000-0000-0000-0000-00000000000a", "priority": 10,
        "group": "00000000-0000-0000-0000-000000000001", "name": "admins",
    });

    let stored = serde_json::to_value(&access).unwrap();

    assert_eq!(
        stored,
        json!({
            "status": {"kind": "granted"},
            "home": {
                "orgUnit": unit_id(SALES), "key": "sales", "name": "Sales", "depth": 1,
                "reasons": [{
                    "because": "attributeMatched", "rule": "00000000-0000-0000-0000-000000000014",
                    "priority": 20, "path": "department", "value": "Sales",
                }],
            },
            "flags": [{"flag": "admin_flag", "scope": {"kind": "environment"}, "reasons": [by_group]}],
            "roles": [{
                "role": "org_admin", "scope": sales, "level": "org_admin",
                "reasons": [
                    {"because": "derived", "flags": ["admin_flag"], "home": "below", "key": "sales"},
                    by_group,
                ],
            }],
            "permissions": [{
                "permission": "materials.view_others", "scope": sales, "obligations": ["own_uploads_of_target"],
                "reasons": [{"because": "fromRole", "role": "org_admin"}],
            }],
            "dropped": [],
            "reasons": [{"because": "active"}, {"because": "seatHeld"}],
        })
    );
    assert_eq!(serde_json::from_value::<EffectiveAccess>(stored).unwrap(), access);
}

#[test]
fn an_empty_organisation_has_no_administrator() {
    let mut empty = acme();
    empty.tree = crate::org_tree::OrgTree::default();

    let access = evaluate(&empty, &member_of(of_department(person(), "acme"), "admins"));

    assert_eq!(access.admin_level(), None);
}

#[test]
fn a_blank_value_is_no_value() {
    let policy = policy(shipped(), vec![rule(1, 1, any_department(), flags(&["recolog"]))]);

    assert_eq!(flag_ids(&evaluate(&policy, &of_department(person(), "sales"))), ["recolog"]);
    assert_eq!(flag_ids(&evaluate(&policy, &of_department(person(), "\u{3000}"))), [""; 0]);
}

#[test]
fn what_is_held_in_one_workspace_is_not_held_in_another() {
    let rules = vec![rule(1, 1, in_group("all"), role("manager", emea()))];
    let access = evaluate(&policy(grid(), rules), &member_of(person(), "all"));
    let [emea, lab] = &workspaces()[..] else { panic!("two workspaces") };

    assert!(access.may_at("export", Place::Workspace(emea), &tree()).allowed);
    assert!(!access.may_at("export", Place::Workspace(lab), &tree()).allowed);
    assert!(!access.may("export", Some(unit_id(SALES)), &tree()).allowed);
    assert!(!access.may("export", None, &tree()).allowed);
}

#[test]
fn what_is_held_without_a_condition_needs_none() {
    let in_sales = ScopeRef::OrgUnit(unit_id(SALES));
    let rules = vec![
        rule(1, 1, in_group("all"), role("regional", in_sales)),
        rule(2, 1, in_group("all"), role("manager", emea())),
    ];
    let access = evaluate(&policy(grid(), rules), &member_of(person(), "all"));

    let decision = access.may_at("export", Place::Workspace(&workspaces()[0]), &tree());

    assert!(decision.allowed && decision.obligations.is_empty());
    let elsewhere = access.may("export", Some(unit_id(OSAKA)), &tree());
    assert_eq!(elsewhere.obligations, ["office_hours"]);
}

#[test]
fn of_two_kinds_of_administrator_the_wider_counts() {
    let mut access = evaluate(&acme(), &member_of(of_department(person(), "sales"), "admins"));
    assert_eq!(access.admin_level(), Some(AdminLevel::OrgAdmin));

    let admin = evaluate(&acme(), &member_of(of_department(person(), "acme"), "admins"));
    access.roles.extend(admin.roles);

    assert_eq!(access.admin_level(), Some(AdminLevel::Admin));
}
