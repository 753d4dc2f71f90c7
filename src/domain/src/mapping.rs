//! Mapping rules: from what an identity provider says to what a person gets. Knows how a rule is written and
//! when it is sound; does not know how rules compete (see `access`).

use serde::{Deserialize, Serialize};

use crate::blueprint::{Assignment, Blueprint, ScopeKind};
use crate::id::{MappingRuleId, OrgUnitId, WorkspaceId};
use crate::org_tree::{OrgTree, Workspace};

/// One rule: whom it matches and what they get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingRule {
    /// Its id; the last word between rules of equal priority and rank.
    pub id: MappingRuleId,
    /// The smaller number wins where only one thing can be had.
    pub priority: i32,
    /// Whom it matches.
    pub matcher: Matcher,
    /// What they get.
    pub outcome: Outcome,
    /// A rule that is not active does nothing.
    pub active: bool,
}

/// Whom a rule matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Matcher {
    /// Members of the groups with this name, without regard to case.
    Group {
        /// The group's `displayName`.
        display_name: String,
    },
    /// Members of the groups that the provisioning client calls by this id, compared exactly.
    GroupExternalId {
        /// The group's `externalId`.
        external_id: String,
    },
    /// People with this attribute.
    Attribute {
        /// The attribute, as a SCIM path.
        path: String,
        /// The value it must have, without regard to case; any value if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
}

/// What a matched person gets. Also the form of a grant given by hand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Flags, switched on.
    Flags {
        /// Their ids.
        flags: Vec<String>,
        /// Where.
        #[serde(default)]
        scope: ScopeRef,
    },
    /// A role.
    Role {
        /// Its id.
        role: String,
        /// Where.
        #[serde(default)]
        scope: ScopeRef,
        /// What is taken away from it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        restrictions: Vec<String>,
    },
    /// A permission at a level.
    Level {
        /// The permission.
        permission: String,
        /// The level.
        level: String,
        /// What it is held for, of a permission that is held one by one; for all if none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
        /// Where.
        #[serde(default)]
        scope: ScopeRef,
    },
    /// Restrictions of whatever role is held there.
    Restrictions {
        /// Their ids.
        restrictions: Vec<String>,
        /// Where.
        #[serde(default)]
        scope: ScopeRef,
    },
    /// Which seat they need, whatever seat their roles need.
    SeatClass {
        /// The class's id.
        class: String,
    },
    /// Nothing at all, whatever else gives something.
    Block,
    /// A home in the organisation tree.
    Home {
        /// The key of the unit; `{value}` in it stands for the matched attribute's value.
        template: String,
        /// The key of the unit for people whose attribute is missing or names no unit. Never the top.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fallback: Option<String>,
    },
}

/// Where something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "camelCase")]
pub enum ScopeRef {
    /// In the whole environment of the tenant.
    #[default]
    Environment,
    /// In a unit and everything below it.
    OrgUnit(OrgUnitId),
    /// In a workspace.
    Workspace(WorkspaceId),
}

impl ScopeRef {
    /// Which kind of place it is.
    pub fn kind(self) -> ScopeKind {
        match self {
            Self::Environment => ScopeKind::Environment,
            Self::OrgUnit(_) => ScopeKind::OrgUnit,
            Self::Workspace(_) => ScopeKind::Workspace,
        }
    }
}

/// Where the matched value goes in a home template.
pub const VALUE: &str = "{value}";

/// The longest group name, id, path, value or key in a rule, in characters.
pub const MAX_TEXT: usize = 1024;

/// Why a rule is not sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A text is empty, or nothing but space.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A text is too long.
    #[error("{0} is longer than {MAX_TEXT} characters")]
    TooLong(&'static str),
    /// The flag list is empty.
    #[error("the rule gives no flag")]
    NoFlags,
    /// A flag is named twice.
    #[error("the flag {0:?} is named twice")]
    DuplicateFlag(String),
    /// The blueprint has no such flag.
    #[error("the blueprint has no flag {0:?}")]
    UnknownFlag(String),
    /// The blueprint has no such restriction.
    #[error("the blueprint has no restriction {0:?}")]
    UnknownRestriction(String),
    /// The restriction is not made for the role.
    #[error("the restriction {restriction:?} is not for the role {role:?}")]
    NotForRole {
        /// The restriction.
        restriction: String,
        /// The role.
        role: String,
    },
    /// Two restrictions of a group of which one at most holds.
    #[error("of {0:?} and {1:?} one holds at most")]
    Exclusive(String, String),
    /// The list of restrictions is empty.
    #[error("the rule restricts nothing")]
    NoRestrictions,
    /// The blueprint has no such permission with such a level.
    #[error("the blueprint has no permission {permission:?} with the level {level:?}")]
    UnknownLevel {
        /// The permission.
        permission: String,
        /// The level.
        level: String,
    },
    /// The permission is not held one by one.
    #[error("{0:?} is held for all at once")]
    NotOneByOne(String),
    /// The blueprint has no such role.
    #[error("the blueprint has no role {0:?}")]
    UnknownRole(String),
    /// The role follows from flags and home and is never given.
    #[error("the role {0:?} follows from flags and home; a rule cannot give it")]
    DerivedRole(String),
    /// The thing cannot be held at such a place.
    #[error("{what:?} cannot be held at {scope}")]
    WrongScope {
        /// The flag or role.
        what: String,
        /// The kind of place.
        scope: ScopeKind,
    },
    /// The unit is not in the tree.
    #[error("the organisation has no unit {0}")]
    UnknownOrgUnit(OrgUnitId),
    /// No unit has the key.
    #[error("the organisation has no unit with the key {0:?}")]
    UnknownOrgUnitKey(String),
    /// The workspace does not exist.
    #[error("there is no workspace {0}")]
    UnknownWorkspace(WorkspaceId),
    /// The blueprint has no such class of seats, or only this one.
    #[error("the blueprint tells no seats of the class {0:?} from others")]
    UnknownSeatClass(String),
    /// The blueprint has no organisation tree.
    #[error("people have no home in this blueprint")]
    NoHomes,
    /// `{value}` in a rule that matches no attribute.
    #[error("{VALUE} needs a rule that matches an attribute")]
    ValueWithoutAttribute,
    /// The fallback is the top of the tree.
    #[error("the fallback {0:?} is the top of the organisation; a missing value must not lift anybody there")]
    FallbackAtTop(String),
}

impl MappingRule {
    /// Checks the rule against what it refers to.
    ///
    /// A sound rule can become unsound later, when a unit or a workspace goes; evaluation then drops what it
    /// would give, with the reason.
    pub fn validate(
        &self,
        blueprint: &Blueprint,
        tree: &OrgTree,
        workspaces: &[Workspace],
    ) -> Result<(), MappingError> {
        self.matcher.validate()?;
        let has_value = matches!(self.matcher, Matcher::Attribute { .. });
        self.outcome.validate(has_value, blueprint, tree, workspaces)
    }
}

impl Outcome {
    /// Checks what is given against what it refers to. Only a rule that matches an attribute has a value to put into a home.
    pub fn validate(
        &self,
        has_value: bool,
        blueprint: &Blueprint,
        tree: &OrgTree,
        workspaces: &[Workspace],
    ) -> Result<(), MappingError> {
        match self {
            Self::Flags { flags, scope } => {
                if flags.is_empty() {
                    return Err(MappingError::NoFlags);
                }
                for (index, flag) in flags.iter().enumerate() {
                    if flags.iter().take(index).any(|earlier| earlier == flag) {
                        return Err(MappingError::DuplicateFlag(flag.clone()));
                    }
                    let found =
                        blueprint.flag(flag).ok_or_else(|| MappingError::UnknownFlag(flag.clone()))?;
                    if !found.can_be_held_at(scope.kind()) {
                        return Err(MappingError::WrongScope { what: flag.clone(), scope: scope.kind() });
                    }
                }
                check_scope(*scope, tree, workspaces)
            }
            Self::Role { role, scope, restrictions } => {
                let found = blueprint.role(role).ok_or_else(|| MappingError::UnknownRole(role.clone()))?;
                if found.assignment() == Assignment::Derived {
                    return Err(MappingError::DerivedRole(role.clone()));
                }
                check_scope(*scope, tree, workspaces)?;
                if !blueprint.called(*scope, tree).is_some_and(|place| found.can_be_held_at_a(place)) {
                    return Err(MappingError::WrongScope { what: role.clone(), scope: scope.kind() });
                }
                check_restrictions(restrictions, Some(role), blueprint)
            }
            Self::Level { permission, level, of, scope } => {
                let unknown =
                    || MappingError::UnknownLevel { permission: permission.clone(), level: level.clone() };
                let found = blueprint.permission(permission).ok_or_else(unknown)?;
                found.height(level).ok_or_else(unknown)?;
                if let Some(of) = of {
                    check_text("what it is held for", of)?;
                    found.per().ok_or_else(|| MappingError::NotOneByOne(permission.clone()))?;
                }
                if !found.can_be_held_at(scope.kind()) {
                    return Err(MappingError::WrongScope { what: permission.clone(), scope: scope.kind() });
                }
                check_scope(*scope, tree, workspaces)
            }
            Self::Restrictions { restrictions, scope } => {
                if restrictions.is_empty() {
                    return Err(MappingError::NoRestrictions);
                }
                check_restrictions(restrictions, None, blueprint)?;
                check_scope(*scope, tree, workspaces)
            }
            Self::SeatClass { class } => {
                let known = blueprint.seat_classes().iter().find(|it| it.id() == class);
                known.map(|_| ()).ok_or_else(|| MappingError::UnknownSeatClass(class.clone()))
            }
            Self::Block => Ok(()),
            Self::Home { template, fallback } => {
                let fallback = fallback.as_deref();
                check_home(template, fallback, has_value, blueprint, tree)
            }
        }
    }

    /// Whether this, given by hand, takes the place of that.
    pub fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Role { scope, .. }, Self::Role { scope: at, .. }) => scope == at,
            (Self::Home { .. }, Self::Home { .. }) | (Self::SeatClass { .. }, Self::SeatClass { .. }) => true,
            (
                Self::Level { permission, of, scope, .. },
                Self::Level { permission: same, of: of_it, scope: at, .. },
            ) => (permission, of, scope) == (same, of_it, at),
            _ => self == other,
        }
    }
}

fn check_home(
    template: &str,
    fallback: Option<&str>,
    has_value: bool,
    blueprint: &Blueprint,
    tree: &OrgTree,
) -> Result<(), MappingError> {
    if !blueprint.has_homes() {
        return Err(MappingError::NoHomes);
    }
    check_text("the home", template)?;
    if template.contains(VALUE) {
        if !has_value {
            return Err(MappingError::ValueWithoutAttribute);
        }
    } else if tree.by_key(template).is_none() {
        return Err(MappingError::UnknownOrgUnitKey(template.to_owned()));
    }
    let Some(key) = fallback else { return Ok(()) };
    let unit = tree.by_key(key).ok_or_else(|| MappingError::UnknownOrgUnitKey(key.to_owned()))?;
    if unit.parent.is_none() {
        return Err(MappingError::FallbackAtTop(key.to_owned()));
    }
    Ok(())
}

impl Matcher {
    fn validate(&self) -> Result<(), MappingError> {
        match self {
            Self::Group { display_name } => check_text("the group's name", display_name),
            Self::GroupExternalId { external_id } => check_text("the group's external id", external_id),
            Self::Attribute { path, value } => {
                check_text("the attribute path", path)?;
                value.as_deref().map_or(Ok(()), |value| check_text("the attribute value", value))
            }
        }
    }
}

fn check_text(what: &'static str, text: &str) -> Result<(), MappingError> {
    if text.trim().is_empty() {
        Err(MappingError::Empty(what))
    } else if text.chars().count() > MAX_TEXT {
        Err(MappingError::TooLong(what))
    } else {
        Ok(())
    }
}

/// Known restrictions that are made for the role, and not two of a group.
fn check_restrictions(ids: &[String], role: Option<&str>, blueprint: &Blueprint) -> Result<(), MappingError> {
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for id in ids {
        let found = blueprint.restriction(id).ok_or_else(|| MappingError::UnknownRestriction(id.clone()))?;
        if let Some(role) = role.filter(|role| !found.applies_to(role)) {
            return Err(MappingError::NotForRole { restriction: id.clone(), role: role.to_owned() });
        }
        if let Some(group) = found.exclusive_group() {
            if let Some((_, first)) = groups.iter().find(|(taken, _)| *taken == group) {
                return Err(MappingError::Exclusive((*first).to_owned(), id.clone()));
            }
            groups.push((group, id));
        }
    }
    Ok(())
}

fn check_scope(scope: ScopeRef, tree: &OrgTree, workspaces: &[Workspace]) -> Result<(), MappingError> {
    match scope {
        ScopeRef::Environment => Ok(()),
        ScopeRef::OrgUnit(id) => tree.get(id).map(|_| ()).ok_or(MappingError::UnknownOrgUnit(id)),
        ScopeRef::Workspace(id) if workspaces.iter().any(|workspace| workspace.id == id) => Ok(()),
        ScopeRef::Workspace(id) => Err(MappingError::UnknownWorkspace(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{
        SALES, any_department, flags, grid, home, in_group, role, rule, shipped, tree, unit_id, workspace_id,
        workspaces,
    };
    use serde_json::json;
    use uuid::Uuid;

    fn check(blueprint: &Blueprint, matcher: Matcher, outcome: Outcome) -> Result<(), MappingError> {
        rule(1, 1, matcher, outcome).validate(blueprint, &tree(), &workspaces())
    }

    fn all() -> Matcher {
        in_group("all")
    }

    #[test]
    fn rules_that_refer_to_what_is_there_are_sound() {
        let in_sales = ScopeRef::OrgUnit(unit_id(SALES));
        let in_emea = ScopeRef::Workspace(workspace_id(1));
        for (blueprint, matcher, outcome) in [
            (shipped(), all(), flags(&["admin_flag", "recolog"])),
            (shipped(), any_department(), home("{value}", Some("HR"))),
            (shipped(), any_department(), home("dept-{value}", None)),
            (shipped(), all(), home("acme", None)),
            (grid(), all(), role("manager", in_emea)),
            (grid(), all(), role("regional", in_sales)),
            (grid(), all(), Outcome::Flags { flags: vec!["bulk".into()], scope: in_emea }),
        ] {
            assert_eq!(check(&blueprint, matcher, outcome.clone()), Ok(()), "{outcome:?}");
        }
    }

    #[test]
    fn a_rule_gives_flags_that_exist_once_and_where_they_can_be_held() {
        let check = |outcome| check(&shipped(), all(), outcome).unwrap_err();

        assert_eq!(check(flags(&[])), MappingError::NoFlags);
        assert_eq!(check(flags(&["fly"])), MappingError::UnknownFlag("fly".into()));
        assert_eq!(check(flags(&["users.stop"])), MappingError::UnknownFlag("users.stop".into()));
        assert_eq!(check(flags(&["recolog", "recolog"])), MappingError::DuplicateFlag("recolog".into()));
        let in_sales =
            Outcome::Flags { flags: vec!["recolog".into()], scope: ScopeRef::OrgUnit(unit_id(SALES)) };
        let wrong = MappingError::WrongScope { what: "recolog".into(), scope: ScopeKind::OrgUnit };
        assert_eq!(check(in_sales), wrong);
    }

    #[test]
    fn a_rule_never_gives_a_derived_role() {
        let derived = role("admin", ScopeRef::Environment);

        assert_eq!(check(&shipped(), all(), derived), Err(MappingError::DerivedRole("admin".into())));
    }

    #[test]
    fn a_rule_gives_roles_that_exist_at_places_that_exist() {
        let check = |outcome| check(&grid(), all(), outcome).unwrap_err();
        let nowhere = OrgUnitId::from_uuid(Uuid::from_u128(99));

        assert_eq!(check(role("king", ScopeRef::Environment)), MappingError::UnknownRole("king".into()));
        assert_eq!(
            check(role("manager", ScopeRef::Environment)),
            MappingError::WrongScope { what: "manager".into(), scope: ScopeKind::Environment }
        );
        assert_eq!(
            check(role("regional", ScopeRef::OrgUnit(nowhere))),
            MappingError::UnknownOrgUnit(nowhere)
        );
        let gone = workspace_id(99);
        assert_eq!(check(role("manager", ScopeRef::Workspace(gone))), MappingError::UnknownWorkspace(gone));
    }

    #[test]
    fn a_home_leads_into_the_tree_and_its_fallback_below_the_top() {
        let check = |matcher, outcome| check(&shipped(), matcher, outcome).unwrap_err();
        let unknown = MappingError::UnknownOrgUnitKey("atlantis".into());

        assert_eq!(check(all(), home("atlantis", None)), unknown);
        assert_eq!(check(any_department(), home("{value}", Some("atlantis"))), unknown);
        assert_eq!(check(all(), home("{value}", None)), MappingError::ValueWithoutAttribute);
        assert_eq!(
            check(any_department(), home("{value}", Some("Acme"))),
            MappingError::FallbackAtTop("Acme".into())
        );
    }

    #[test]
    fn texts_are_neither_empty_nor_endless() {
        let group = |name: &str| check(&shipped(), in_group(name), flags(&["recolog"]));
        let attribute = |path: &str, value: &str| {
            let matcher = Matcher::Attribute { path: path.into(), value: Some(value.into()) };
            check(&shipped(), matcher, flags(&["recolog"]))
        };

        assert_eq!(group(" "), Err(MappingError::Empty("the group's name")));
        assert_eq!(group(&"営".repeat(MAX_TEXT)), Ok(()));
        assert_eq!(group(&"営".repeat(MAX_TEXT + 1)), Err(MappingError::TooLong("the group's name")));
        assert_eq!(attribute("", "x"), Err(MappingError::Empty("the attribute path")));
        assert_eq!(attribute("title", "\u{3000}"), Err(MappingError::Empty("the attribute value")));
    }

    #[test]
    fn the_stored_form_of_a_rule_is_stable() {
        let unit = unit_id(SALES);
        let by_external_id = Matcher::GroupExternalId { external_id: "G-1".into() };
        let stored = json!({
            "id": "00000000-0000-0000-0000-000000000007",
            "priority": 10,
            "matcher": {"kind": "groupExternalId", "externalId": "G-1"},
            "outcome": {"kind": "role", "role": "regional", "scope": {"kind": "orgUnit", "id": unit}},
            "active": true,
        });

        let rule = rule(7, 10, by_external_id, role("regional", ScopeRef::OrgUnit(unit)));

        assert_eq!(serde_json::to_value(&rule).unwrap(), stored);
        assert_eq!(serde_json::from_value::<MappingRule>(stored).unwrap(), rule);
        let outcome: Outcome = serde_json::from_value(json!({"kind": "flags", "flags": ["a"]})).unwrap();
        assert_eq!(outcome, flags(&["a"]));
        assert_eq!(
            serde_json::to_value(in_group("x")).unwrap(),
            json!({"kind": "group", "displayName": "x"})
        );
        assert_eq!(serde_json::to_value(ScopeRef::Environment).unwrap(), json!({"kind": "environment"}));
    }
}
