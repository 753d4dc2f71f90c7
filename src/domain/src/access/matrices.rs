//! The matrices that were asked for, cell by cell. Knows how to put somebody where a role is held, in any product; does not
//! know the products.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::blueprint::{
    Assignment, Blueprint, Cell, Grantable, HomeDepth, Permission, PermissionKind, Role, ScopeKind, Test,
    catalog,
};
use crate::fixture::{flags, grant, person, unit_id, workspace_id};
use crate::mapping::{Outcome, ScopeRef};
use crate::org_tree::{OrgTree, OrgUnit};

/// The top of the organisation; the units of each kind follow it, and after them a second one of each.
pub(crate) const TOP: u128 = 1;

fn number(n: usize) -> u128 {
    u128::try_from(n).unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn matrix(id: &str) -> Value {
    let file = fixtures().join(format!("matrices/{id}.json"));
    serde_json::from_str(&fs::read_to_string(&file).unwrap_or_else(|_| panic!("{id} has no matrix"))).unwrap()
}

pub(crate) fn products() -> impl Iterator<Item = Arc<Blueprint>> {
    catalog().iter().map(|(_, text)| Arc::new(Blueprint::parse(text).unwrap()))
}

/// One unit of each kind that the product has, below each other where the product says so, and a second one of each beside;
/// where all are of one kind, one more below the first.
pub(crate) fn world(blueprint: &Arc<Blueprint>) -> Policy {
    let unit = |number: u128, parent, kind: Option<&str>| OrgUnit {
        id: unit_id(number),
        parent,
        key: format!("{}-{number}", kind.unwrap_or("top")),
        name: number.to_string(),
        kind: kind.map(str::to_owned),
    };
    let kinds: Vec<&crate::blueprint::Scope> = blueprint.units().collect();
    let mut units = vec![unit(TOP, None, None)];
    for first in [TOP + 1, TOP + 1 + number(kinds.len())] {
        for (n, kind) in kinds.iter().enumerate() {
            let above = kinds.iter().take(n).rposition(|above| kind.lies_below(above.id()));
            let parent = above.map_or(TOP, |above| first + number(above));
            units.push(unit(first + number(n), Some(unit_id(parent)), Some(kind.id())));
        }
    }
    if let [only] = kinds[..] {
        units.push(unit(TOP + 3, Some(unit_id(TOP + 1)), Some(only.id())));
    }
    let workspace = |number, key: &str| Workspace {
        id: workspace_id(number),
        key: key.to_owned(),
        name: key.to_owned(),
        org_unit: None,
    };
    Policy {
        blueprint: Arc::clone(blueprint),
        tree: OrgTree::build(units).unwrap(),
        workspaces: vec![workspace(1, "here"), workspace(2, "beside")],
        rules: Vec::new(),
        offer: Offer::default(),
    }
}

/// A place of a kind, by the blueprint's word; the second one of it.
pub(crate) fn place_called(policy: &Policy, called: &str, second: bool) -> ScopeRef {
    let blueprint = &policy.blueprint;
    let kind = blueprint.scopes().iter().find(|scope| scope.id() == called).unwrap().kind();
    match kind {
        ScopeKind::Environment => ScopeRef::Environment,
        ScopeKind::Workspace => ScopeRef::Workspace(workspace_id(1 + u128::from(second))),
        ScopeKind::OrgUnit => {
            let n = blueprint.units().position(|scope| scope.id() == called).unwrap();
            let offset = if second { blueprint.units().count() } else { 0 };
            ScopeRef::OrgUnit(unit_id(TOP + 1 + number(n + offset)))
        }
        ScopeKind::Product => panic!("nothing is held at {called}"),
    }
}

/// Somebody of the role, and where they hold it.
pub(crate) fn somebody(policy: &Policy, role: &Role) -> (Facts, ScopeRef) {
    let mut facts = person();
    if role.assignment() == Assignment::Given {
        let place = place_called(policy, role.places().next().unwrap(), false);
        let what = Outcome::Role { role: role.id().to_owned(), scope: place, restrictions: Vec::new() };
        facts.local_grants.push(grant(1, what));
        return (facts, place);
    }
    let below = unit_id(TOP + 1);
    facts.local_home = Some(below);
    let Some(derived) = policy.blueprint.derived_roles().iter().find(|it| it.role() == role.id()) else {
        return (facts, ScopeRef::Environment);
    };
    let resting_on: Vec<&str> = derived.requires_flags().iter().map(String::as_str).collect();
    facts.local_grants.push(grant(1, flags(&resting_on)));
    if derived.home_depth() == Some(HomeDepth::Top) {
        facts.local_home = Some(unit_id(TOP));
    }
    let place =
        if role.scope() == ScopeKind::Environment { ScopeRef::Environment } else { ScopeRef::OrgUnit(below) };
    (facts, place)
}

pub(crate) fn ask(policy: &Policy, facts: &Facts, permission: &Permission, place: ScopeRef) -> Decision {
    let question = Question { levels: permission.levels(), ..Question::of(permission.id()) };
    let place = match place {
        ScopeRef::Environment => Place::Environment,
        ScopeRef::OrgUnit(id) => Place::OrgUnit(id),
        ScopeRef::Workspace(id) => Place::Workspace(policy.workspaces.iter().find(|it| it.id == id).unwrap()),
    };
    evaluate(policy, facts).decide(&question, place, &policy.tree)
}

/// A permission given by itself at its highest level, and what it requires.
pub(crate) fn by_itself(permission: &Permission) -> Outcome {
    match permission.levels().last() {
        Some(level) => Outcome::Level {
            permission: permission.id().to_owned(),
            level: level.clone(),
            of: None,
            scope: ScopeRef::Environment,
        },
        None => flags(&permission.requires().chain([permission.id()]).collect::<Vec<_>>()),
    }
}

pub(crate) fn and(facts: &Facts, what: Outcome) -> Facts {
    let mut more = facts.clone();
    more.local_grants.push(grant(10 + number(facts.local_grants.len()), what));
    more
}

/// Under the first restriction that touches the permission and is made for the role.
fn restricted(
    policy: &Policy,
    facts: &Facts,
    role: &Role,
    permission: &str,
    place: ScopeRef,
) -> (Facts, String) {
    let mut all = policy.blueprint.restrictions();
    let by = all.find(|it| it.applies_to(role.id()) && it.touches(permission)).unwrap();
    let what = Outcome::Restrictions { restrictions: vec![by.id().to_owned()], scope: place };
    (and(facts, what), by.id().to_owned())
}

fn words<'a>(obligations: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    obligations.into_iter().map(str::to_owned).collect()
}

/// What stands in the cell is what somebody of the role may do where they hold it.
fn check(policy: &Policy, role: &Role, permission: &Permission, cell: &Cell) {
    let (facts, place) = somebody(policy, role);
    let decision = ask(policy, &facts, permission, place);
    let about = format!("{} {} {}: {decision:?}", policy.blueprint.id(), role.id(), permission.id());
    match cell {
        Cell::Yes => {
            assert!(decision.allowed, "{about}");
            assert_eq!(decision.obligations, words(permission.only_if()), "{about}");
        }
        Cell::No => assert!(!decision.allowed, "{about}"),
        Cell::Unspecified => {
            let undecided = Reason::Undecided { role: role.id().to_owned() };
            assert!(!decision.allowed && decision.reasons.contains(&undecided), "{about}");
        }
        Cell::Level(level) => {
            assert_eq!(decision.allowed, Permission::is_something(level), "{about}");
            assert_eq!(decision.level.as_ref(), Some(level).filter(|_| decision.allowed), "{about}");
            assert_eq!(decision.obligations, words(permission.obligations(level)), "{about}");
        }
        Cell::If(condition) => {
            assert!(decision.allowed, "{about}");
            match policy.blueprint.condition(condition).unwrap().test() {
                Test::Unrestricted(by) => {
                    assert_eq!(decision.obligations, [""; 0], "{about}");
                    let what = Outcome::Restrictions { restrictions: vec![by.clone()], scope: place };
                    let decision = ask(policy, &and(&facts, what), permission, place);
                    let why = Reason::Restricted { by: by.clone() };
                    assert!(!decision.allowed && decision.reasons.contains(&why), "{about}");
                }
                _ => assert_eq!(decision.obligations, words([condition.as_str()]), "{about}"),
            }
        }
        Cell::Grantable => check_grantable(policy, role, permission, &about),
    }
}

fn check_grantable(policy: &Policy, role: &Role, permission: &Permission, about: &str) {
    let (facts, place) = somebody(policy, role);
    let decision = ask(policy, &facts, permission, place);
    let rests_on_it = policy
        .blueprint
        .derived_roles()
        .iter()
        .any(|it| it.role() == role.id() && it.requires_flags().contains(permission.id()));
    if role.grantable() == Grantable::Open && permission.kind() != PermissionKind::Flag {
        assert!(decision.allowed, "{about}");
        assert_eq!(decision.level.as_ref(), permission.levels().last(), "{about}");
        let (facts, by) = restricted(policy, &facts, role, permission.id(), place);
        let decision = ask(policy, &facts, permission, place);
        let limit =
            policy.blueprint.restriction(&by).unwrap().limits().find(|(id, _)| *id == permission.id());
        assert_eq!(
            (decision.allowed, decision.level.as_deref()),
            (limit.is_some(), limit.map(|it| it.1)),
            "{about}"
        );
        assert!(decision.reasons.contains(&Reason::Restricted { by }), "{decision:?}");
        return;
    }
    assert_eq!(decision.allowed, rests_on_it, "{about}");
    let decision = ask(policy, &and(&facts, by_itself(permission)), permission, ScopeRef::Environment);
    assert!(decision.allowed, "{about}");
    assert_eq!(decision.level.as_ref(), permission.levels().last(), "{about}");
}

/// A blueprint can change; what was asked for changes only together with its fixture.
#[test]
fn every_shipped_blueprint_has_the_matrix_that_was_asked_for() {
    for blueprint in products() {
        let matrix = matrix(blueprint.id());
        let asked: Vec<&String> = matrix["cells"].as_object().unwrap().keys().collect();
        let roles: Vec<&str> = blueprint.roles().map(Role::id).collect();
        let mut flags: Vec<String> = serde_json::from_value(matrix["flags"].clone()).unwrap();
        flags.sort();

        assert_eq!(asked, roles, "{}", blueprint.id());
        assert_eq!(blueprint.flags().map(Permission::id).collect::<Vec<_>>(), flags, "{}", blueprint.id());
        for role in blueprint.roles() {
            for (permission, cell) in matrix["cells"][role.id()].as_object().unwrap() {
                let told = role.cell(permission).map(ToString::to_string);
                assert_eq!(told.as_deref(), cell.as_str(), "{} {permission}", role.id());
            }
        }
    }
}

/// BLF-15, BLF-26, BLF-27, BLF-28, BLF-29, CHT-10, CHT-11, CHT-12, CHT-13, CHT-14, CHT-15, CHT-16, CHT-17, CHT-18, CHT-23,
/// CHT-24, CHT-25, CHT-31, LNC-16, LNC-21, LNC-23, LNC-24, MOM-05, MOM-06, MOM-07, MOM-08, MOM-09, MOM-10, MOM-11, MOM-12,
/// RSP-16, RSP-17, RSP-19, RSP-20, RSP-21, RSP-22, RSP-23, RSP-25, RSP-26, RSP-27, RSP-35, RSP-36
#[test]
fn people_may_do_what_every_cell_of_every_matrix_says() {
    let mut checked = 0;
    for blueprint in products() {
        let policy = world(&blueprint);
        for (role, cells) in matrix(blueprint.id())["cells"].as_object().unwrap() {
            let role = blueprint.role(role).unwrap();
            for permission in cells.as_object().unwrap().keys() {
                let permission = blueprint.permission(permission).unwrap();
                check(&policy, role, permission, role.cell(permission.id()).unwrap());
                checked += 1;
            }
        }
    }

    assert_eq!(checked, 375);
}

fn product(is_it: impl Fn(&Blueprint) -> bool) -> Policy {
    world(&products().find(|blueprint| is_it(blueprint)).unwrap())
}

/// The one with restrictions.
fn restricting() -> Policy {
    product(|blueprint| blueprint.restrictions().next().is_some())
}

fn holding(role: &str, scope: ScopeRef, restrictions: &[&str]) -> Facts {
    let what = Outcome::Role {
        role: role.to_owned(),
        scope,
        restrictions: restrictions.iter().map(|it| (*it).to_owned()).collect(),
    };
    and(&person(), what)
}

fn here() -> ScopeRef {
    ScopeRef::Workspace(workspace_id(1))
}

/// RSP-20, RSP-23: restrictions add up, and hold at their place only.
#[test]
fn restrictions_subtract_from_the_role_at_their_place() {
    let policy = restricting();
    let both = and(
        &holding("manager", here(), &["no_data_export", "no_contact_deletion"]),
        Outcome::Role {
            role: "manager".to_owned(),
            scope: ScopeRef::Workspace(workspace_id(2)),
            restrictions: Vec::new(),
        },
    );
    let may = |id: &str, n| {
        let permission = policy.blueprint.permission(id).unwrap();
        ask(&policy, &both, permission, ScopeRef::Workspace(workspace_id(n))).allowed
    };

    for id in ["data.export.any", "settings.data_export", "contacts.delete"] {
        assert!(!may(id, 1) && may(id, 2), "{id}");
    }
    assert!(may("integrations.connect", 1));
    let under: Vec<String> =
        evaluate(&policy, &both).restrictions.into_iter().map(|it| it.restriction).collect();
    assert_eq!(under, ["no_contact_deletion", "no_data_export"]);
}

/// RSP-28: on another plan the restriction stays where it is and does nothing.
#[test]
fn a_restriction_that_the_plan_does_not_have_is_shown_and_does_nothing() {
    let mut policy = restricting();
    let masked = holding("agent", here(), &["mask_pii"]);
    let pii =
        |policy: &Policy| ask(policy, &masked, policy.blueprint.permission("contacts.pii").unwrap(), here());

    assert_eq!(pii(&policy).level.as_deref(), Some("masked_add_if_empty"));
    policy.offer.plan = Some("growth".to_owned());
    assert_eq!(pii(&policy).level.as_deref(), Some("full"));
    let dropped = evaluate(&policy, &masked).dropped;
    let why = Reason::NotInPlan { plan: "growth".to_owned() };
    assert!(
        dropped.iter().any(|it| it.what == What::Restriction && it.reasons.contains(&why)),
        "{dropped:?}"
    );
    policy.offer.plan = Some("enterprise".to_owned());
    assert_eq!(pii(&policy).level.as_deref(), Some("masked_add_if_empty"));
}

/// RSP-20: a restriction is made for a role.
#[test]
fn a_restriction_of_another_role_restricts_nothing() {
    let policy = restricting();
    let owner = holding("owner", here(), &["no_contact_deletion"]);

    assert!(ask(&policy, &owner, policy.blueprint.permission("contacts.delete").unwrap(), here()).allowed);
    assert!(evaluate(&policy, &owner).restrictions.is_empty());
}

/// LNC-10: known plans decide, unknown ones leave it to the product.
#[test]
fn what_the_plan_does_not_have_falls_and_what_nobody_said_is_an_obligation() {
    let mut policy = product(|it| it.role("team_admin").is_some());
    let team = place_called(&policy, "team", false);
    let member = holding("member", team, &[]);
    let request = |policy: &Policy| {
        ask(policy, &member, policy.blueprint.permission("externals.request").unwrap(), team)
    };

    assert_eq!(request(&policy).obligations, ["plan_with_externals"]);
    policy.offer.plan = Some("standard".to_owned());
    assert!(request(&policy).allowed && request(&policy).obligations.is_empty());
    policy.offer.plan = Some("free".to_owned());
    assert!(!request(&policy).allowed);
    assert!(request(&policy).reasons.contains(&Reason::NotInPlan { plan: "free".to_owned() }));
}

/// BLF-10, BLF-23
#[test]
fn what_rests_on_a_feature_falls_where_the_feature_is_not_there() {
    let mut policy = product(|it| it.flag("materials.approve").is_some());
    let mut approver = and(&person(), flags(&["materials.upload", "materials.approve"]));
    approver.local_home = Some(unit_id(TOP));
    let approve = |policy: &Policy| {
        let permission = policy.blueprint.permission("materials.approve").unwrap();
        ask(policy, &approver, permission, ScopeRef::Environment)
    };

    assert_eq!(approve(&policy).obligations, ["two_step_approval"]);
    policy.offer.features = Some(["two_step_material_approval".to_owned()].into());
    assert!(approve(&policy).allowed && approve(&policy).obligations.is_empty());
    policy.offer.features = Some([].into());
    assert!(!approve(&policy).allowed);
}

/// MOM-03, MOM-12: one level for each module and place, the highest that anything gives; some levels one by one.
#[test]
fn levels_are_held_for_each_place_and_thing_and_the_highest_counts() {
    let policy = product(|it| it.permission("case.inquiry_type").is_some());
    let location = place_called(&policy, "location", false);
    let beside = place_called(&policy, "location", true);
    let level = |permission: &str, level: &str, of: Option<&str>, scope| Outcome::Level {
        permission: permission.to_owned(),
        level: level.to_owned(),
        of: of.map(str::to_owned),
        scope,
    };
    let mut facts = person();
    for what in [
        level("module.reviews", "viewer", None, location),
        level("module.reviews", "manager", None, location),
        level("case.inquiry_type", "view", None, ScopeRef::Environment),
        level("case.inquiry_type", "reply", Some("refund"), ScopeRef::Environment),
    ] {
        facts = and(&facts, what);
    }
    let reviews = policy.blueprint.permission("module.reviews").unwrap();
    let access = evaluate(&policy, &facts);
    let types = policy.blueprint.permission("case.inquiry_type").unwrap();
    let inquiry = |of| {
        let question = Question { of, levels: types.levels(), ..Question::of(types.id()) };
        access.decide(&question, Place::Environment, &policy.tree).level
    };

    assert_eq!(ask(&policy, &facts, reviews, location).level.as_deref(), Some("manager"));
    assert!(!ask(&policy, &facts, reviews, beside).allowed);
    assert_eq!(
        (inquiry(Some("refund")).as_deref(), inquiry(Some("other")).as_deref()),
        (Some("reply"), Some("view"))
    );
    let high = Question { at_least: Some("owner"), levels: reviews.levels(), ..Question::of(reviews.id()) };
    let ScopeRef::OrgUnit(unit) = location else { panic!("a location is a unit") };
    let decision = access.decide(&high, Place::OrgUnit(unit), &policy.tree);
    assert!(!decision.allowed && decision.reasons.contains(&Reason::OnlyAt { level: "manager".to_owned() }));
}

/// LNC-11: a role is held at the kinds of place that it is for.
#[test]
fn a_role_for_channels_is_not_held_in_a_team() {
    let policy = product(|it| it.role("team_admin").is_some());
    let team = place_called(&policy, "team", false);

    let access = evaluate(&policy, &holding("external", team, &[]));

    assert!(access.roles.is_empty());
    assert!(access.dropped[0].reasons.contains(&Reason::WrongScope));
}

#[test]
fn the_blocked_hold_nothing_whatever_gives_something() {
    for blueprint in products() {
        let policy = world(&blueprint);
        for role in blueprint.roles() {
            let (facts, _) = somebody(&policy, role);
            let access = evaluate(&policy, &and(&facts, Outcome::Block));

            assert_eq!(access.status, AccessStatus::Blocked);
            assert!(access.roles.is_empty() && access.flags.is_empty() && access.permissions.is_empty());
            assert!(access.reasons.contains(&Reason::Blocked));
        }
    }
}

#[test]
fn access_that_was_stored_with_one_obligation_still_has_it() {
    let stored = serde_json::json!({
        "permission": "x", "scope": {"kind": "environment"}, "obligation": "only_if", "reasons": [],
    });

    let held: PermissionAccess = serde_json::from_value(stored).unwrap();

    assert_eq!(held.obligations, ["only_if"]);
}
