//! A small organisation for tests. Knows the blueprints tests use; does not know what they prove.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use uuid::Uuid;

use crate::access::{Facts, GroupFact, LocalGrant, Offer, Policy, SeatState};
use crate::blueprint::{AdminLevel, Blueprint, catalog};
use crate::id::{GrantId, GroupId, MappingRuleId, OrgUnitId, WorkspaceId};
use crate::mapping::{MappingRule, Matcher, Outcome, ScopeRef};
use crate::org_tree::{OrgTree, OrgUnit, Workspace};

pub(crate) const ACME: u128 = 1;
pub(crate) const SALES: u128 = 2;
pub(crate) const OSAKA: u128 = 3;
pub(crate) const HR: u128 = 4;
pub(crate) const DEPARTMENT: &str = "department";

pub(crate) fn unit_id(number: u128) -> OrgUnitId {
    OrgUnitId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn workspace_id(number: u128) -> WorkspaceId {
    WorkspaceId::from_uuid(Uuid::from_u128(number))
}

fn unit(number: u128, parent: Option<u128>, key: &str, name: &str) -> OrgUnit {
    OrgUnit {
        id: unit_id(number),
        parent: parent.map(unit_id),
        key: key.to_owned(),
        name: name.to_owned(),
        kind: None,
    }
}

pub(crate) fn units() -> Vec<OrgUnit> {
    vec![
        unit(OSAKA, Some(SALES), "osaka", "Osaka"),
        unit(ACME, None, "acme", "Acme"),
        unit(HR, Some(ACME), "hr", "Human resources"),
        unit(SALES, Some(ACME), "sales", "Sales"),
    ]
}

/// Acme, with Sales (and Osaka in it) and HR below.
pub(crate) fn tree() -> OrgTree {
    OrgTree::build(units()).unwrap()
}

/// EMEA belongs to Sales, the lab to nothing.
pub(crate) fn workspaces() -> Vec<Workspace> {
    let workspace = |number, key: &str, org_unit| Workspace {
        id: workspace_id(number),
        key: key.to_owned(),
        name: key.to_uppercase(),
        org_unit,
    };
    vec![workspace(1, "emea", Some(unit_id(SALES))), workspace(2, "lab", None)]
}

pub(crate) const GRID: &str = include_str!("../fixtures/grid.toml");

/// The shipped blueprint whose administrators are of two kinds, by home.
pub(crate) fn shipped() -> Arc<Blueprint> {
    static SHIPPED: LazyLock<Arc<Blueprint>> = LazyLock::new(|| {
        let two_kinds = |blueprint: &Blueprint| {
            [AdminLevel::Admin, AdminLevel::OrgAdmin]
                .iter()
                .all(|level| blueprint.roles().any(|role| role.level() == Some(*level)))
        };
        let mut blueprints = catalog().iter().map(|(_, text)| Blueprint::parse(text).unwrap());
        Arc::new(blueprints.find(two_kinds).unwrap())
    });
    Arc::clone(&SHIPPED)
}

/// A product with workspaces and given roles.
pub(crate) fn grid() -> Arc<Blueprint> {
    static PARSED: LazyLock<Arc<Blueprint>> = LazyLock::new(|| Arc::new(Blueprint::parse(GRID).unwrap()));
    Arc::clone(&PARSED)
}

pub(crate) fn policy(blueprint: Arc<Blueprint>, rules: Vec<MappingRule>) -> Policy {
    Policy { blueprint, tree: tree(), workspaces: workspaces(), rules, offer: Offer::default() }
}

pub(crate) fn rule(number: u128, priority: i32, matcher: Matcher, outcome: Outcome) -> MappingRule {
    let id = MappingRuleId::from_uuid(Uuid::from_u128(number));
    MappingRule { id, priority, matcher, outcome, active: true }
}

pub(crate) fn in_group(name: &str) -> Matcher {
    Matcher::Group { display_name: name.to_owned() }
}

pub(crate) fn any_department() -> Matcher {
    Matcher::Attribute { path: DEPARTMENT.to_owned(), value: None }
}

pub(crate) fn flags(flags: &[&str]) -> Outcome {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Outcome::Flags { flags, scope: ScopeRef::Environment }
}

pub(crate) fn role(role: &str, scope: ScopeRef) -> Outcome {
    Outcome::Role { role: role.to_owned(), scope, restrictions: Vec::new() }
}

pub(crate) fn home(template: &str, fallback: Option<&str>) -> Outcome {
    Outcome::Home { template: template.to_owned(), fallback: fallback.map(str::to_owned) }
}

pub(crate) fn group(number: u128, name: &str) -> GroupFact {
    GroupFact {
        id: GroupId::from_uuid(Uuid::from_u128(number)),
        display_name: name.to_owned(),
        external_id: Some(format!("ext-{number}")),
    }
}

pub(crate) fn grant(number: u128, what: Outcome) -> LocalGrant {
    LocalGrant { id: GrantId::from_uuid(Uuid::from_u128(number)), what, by: "the command line".to_owned() }
}

/// An active, seated person of no group, without attributes.
pub(crate) fn person() -> Facts {
    Facts {
        active: true,
        groups: Vec::new(),
        attributes: BTreeMap::new(),
        local_home: None,
        local_grants: Vec::new(),
        held: Vec::new(),
        seat: SeatState::Held,
    }
}

/// The same person with a department.
pub(crate) fn of_department(mut facts: Facts, department: &str) -> Facts {
    facts.attributes.insert(DEPARTMENT.to_owned(), vec![department.to_owned()]);
    facts
}

/// The same person in a group.
pub(crate) fn member_of(mut facts: Facts, group_name: &str) -> Facts {
    let number = u128::try_from(facts.groups.len()).unwrap() + 1;
    facts.groups.push(group(number, group_name));
    facts
}
