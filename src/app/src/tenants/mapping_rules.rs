//! Mapping rules: from what a directory says to what a person gets. A change computes everybody's access anew.

use std::collections::BTreeSet;

use domain::access::Policy;
use domain::audit::{Action, AuditEvent, TargetKind};
use domain::id::MappingRuleId;
use domain::mapping::{MappingRule, Matcher, Outcome, ScopeRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AdminScope, WriteTx, rules};
use utoipa::ToSchema;

use super::organisation::unit_by_key;
use super::{AuditEventView, AuditQuery};
use crate::App;
use crate::access::load_policy;
use crate::error::AppError;

/// A rule to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMappingRule {
    /// The lower number wins where two rules give different roles at one place.
    #[schema(example = 10)]
    pub priority: i32,
    /// Whom it is about.
    #[serde(rename = "match")]
    pub matches: RuleMatch,
    /// What they get.
    pub gives: RuleOutcome,
}

/// A change of a rule. What is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeMappingRule {
    /// The lower number wins.
    pub priority: Option<i32>,
    /// Whether it applies.
    pub active: Option<bool>,
    /// Whom it is about.
    #[serde(rename = "match")]
    pub matches: Option<RuleMatch>,
    /// What they get.
    pub gives: Option<RuleOutcome>,
}

/// Whom a rule is about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum RuleMatch {
    /// Members of the group with this display name.
    Group(String),
    /// Members of the group with this external id.
    GroupExternalId(String),
    /// Those who have this attribute, by its SCIM path.
    Attribute {
        /// The path, URN and all for an extension.
        path: String,
        /// With this value only.
        value: Option<String>,
    },
}

/// What a rule gives.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum RuleOutcome {
    /// Flags.
    Flags {
        /// Ids of the blueprint's flags.
        flags: Vec<String>,
        /// Where.
        #[serde(default)]
        scope: RuleScope,
    },
    /// A role.
    Role {
        /// Id of a role of the blueprint.
        role: String,
        /// Where.
        #[serde(default)]
        scope: RuleScope,
        /// Ids of restrictions of the blueprint that take away from it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        restrictions: Vec<String>,
    },
    /// A permission at a level.
    Level {
        /// Id of a permission of the blueprint that has levels.
        permission: String,
        /// The level.
        level: String,
        /// What it is held for, of a permission that is held one by one; for all if absent.
        of: Option<String>,
        /// Where.
        #[serde(default)]
        scope: RuleScope,
    },
    /// Restrictions of whatever role they have there.
    Restrictions {
        /// Ids of the blueprint's restrictions.
        restrictions: Vec<String>,
        /// Where.
        #[serde(default)]
        scope: RuleScope,
    },
    /// Which seat they need, whatever seat their roles need: id of one of the blueprint's classes of seats, where it has several.
    SeatClass(String),
    /// Whether they get nothing at all, whatever else gives something: `true`, there is nothing else to say.
    Block(bool),
    /// A home in the organisation.
    Home {
        /// Key of an org unit; `{value}` stands for the attribute's value.
        template: String,
        /// Key of the unit for those whom the template leads nowhere.
        fallback: Option<String>,
    },
}

/// Where something is held.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum RuleScope {
    /// Everywhere in the tenant.
    #[default]
    Environment,
    /// In the org unit with this key and below.
    OrgUnit(String),
    /// In the workspace with this key.
    Workspace(String),
}

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MappingRuleView {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: MappingRuleId,
    /// Order.
    pub priority: i32,
    /// Whether it applies.
    pub active: bool,
    /// Whom it is about.
    #[serde(rename = "match")]
    pub matches: RuleMatch,
    /// What they get.
    pub gives: RuleOutcome,
}

impl App {
    /// Adds a rule.
    pub async fn create_mapping_rule(
        &self,
        admin: &AdminScope,
        new: NewMappingRule,
    ) -> Result<MappingRuleView, AppError> {
        let add = async |tx: &mut WriteTx| {
            let (view, event) = add_rule(self, tx, new.clone()).await?;
            Ok((view, vec![event]))
        };
        Ok(self.change_policy(admin, add).await?.0)
    }

    /// Changes a rule: what it says, its place in the order, whether it applies.
    pub async fn change_mapping_rule(
        &self,
        admin: &AdminScope,
        id: MappingRuleId,
        change: ChangeMappingRule,
    ) -> Result<MappingRuleView, AppError> {
        let change = async |tx: &mut WriteTx| {
            rules::hold_alone(tx);
            let (view, event) = change_rule(tx, id, change.clone()).await?;
            Ok((view, event.into_iter().collect()))
        };
        Ok(self.change_policy(admin, change).await?.0)
    }

    /// Puts all rules into this order, the first winning. Returns them in it.
    pub async fn order_mapping_rules(
        &self,
        admin: &AdminScope,
        ids: Vec<MappingRuleId>,
    ) -> Result<Vec<MappingRuleView>, AppError> {
        let order = async |tx: &mut WriteTx| {
            rules::hold_alone(tx);
            Ok(((), order_rules(tx, &ids).await?))
        };
        self.change_policy(admin, order).await?;
        self.list_mapping_rules(admin).await
    }

    /// Who saved a rule when, and how it was before and after; the newest first. Known of a rule that is gone too.
    pub async fn history_of_rule(
        &self,
        admin: &AdminScope,
        id: MappingRuleId,
    ) -> Result<Vec<AuditEventView>, AppError> {
        let query = AuditQuery { target: Some(id.to_string()), before: None, limit: 200 };
        let events = self.list_audit_events(admin, &query).await?;
        let kind = TargetKind::MappingRule.name();
        let of_rule: Vec<AuditEventView> = events.into_iter().filter(|it| it.target_kind == kind).collect();
        if of_rule.is_empty() { Err(AppError::NotFound("mapping rule")) } else { Ok(of_rule) }
    }

    /// All rules, in the order in which they win.
    pub async fn list_mapping_rules(&self, admin: &AdminScope) -> Result<Vec<MappingRuleView>, AppError> {
        let mut tx = self.db.read(admin.scope()).await?;
        let policy = load_policy(&mut tx).await?;
        tx.finish().await?;
        let mut rules: Vec<&MappingRule> = policy.rules.iter().collect();
        rules.sort_by_key(|rule| (rule.priority, rule.id));
        Ok(rules.into_iter().map(|rule| view(rule, &policy)).collect())
    }

    /// Removes a rule.
    pub async fn delete_mapping_rule(&self, admin: &AdminScope, id: MappingRuleId) -> Result<(), AppError> {
        let remove = async |tx: &mut WriteTx| Ok(((), vec![remove_rule(tx, id).await?]));
        self.change_policy(admin, remove).await?;
        Ok(())
    }
}

fn audited(view: &MappingRuleView) -> Result<Value, AppError> {
    serde_json::to_value(view).map_err(|error| AppError::Internal(error.to_string()))
}

fn checked(rule: &MappingRule, policy: &Policy) -> Result<(), AppError> {
    let sound = rule.validate(&policy.blueprint, &policy.tree, &policy.workspaces);
    sound.map_err(|error| AppError::Invalid(error.to_string()))
}

/// Adds a rule. What follows for people is computed afterwards; so it is of the other changes here.
pub(super) async fn add_rule(
    app: &App,
    tx: &mut WriteTx,
    new: NewMappingRule,
) -> Result<(MappingRuleView, AuditEvent), AppError> {
    let now = app.now();
    let policy = load_policy(tx).await?;
    let rule = MappingRule {
        id: MappingRuleId::generate(now, &*app.entropy),
        priority: new.priority,
        matcher: matcher(new.matches),
        outcome: outcome(new.gives, &policy)?,
        active: true,
    };
    checked(&rule, &policy)?;
    rules::add(tx, &rule, now).await?;
    let view = view(&rule, &policy);
    let event = AuditEvent::new(Action::MappingRuleCreate, rule.id).after(audited(&view)?);
    Ok((view, event))
}

/// Changes a rule in a transaction that holds the policy alone. No event if it is so already.
pub(super) async fn change_rule(
    tx: &mut WriteTx,
    id: MappingRuleId,
    change: ChangeMappingRule,
) -> Result<(MappingRuleView, Option<AuditEvent>), AppError> {
    let policy = load_policy(tx).await?;
    change_rule_of(&policy, tx, id, change).await
}

async fn change_rule_of(
    policy: &Policy,
    tx: &mut WriteTx,
    id: MappingRuleId,
    change: ChangeMappingRule,
) -> Result<(MappingRuleView, Option<AuditEvent>), AppError> {
    let was = policy.rules.iter().find(|rule| rule.id == id).ok_or(AppError::NotFound("mapping rule"))?;
    let mut rule = was.clone();
    rule.priority = change.priority.unwrap_or(rule.priority);
    rule.active = change.active.unwrap_or(rule.active);
    if let Some(matches) = change.matches {
        rule.matcher = matcher(matches);
    }
    if let Some(gives) = change.gives {
        rule.outcome = outcome(gives, policy)?;
    }
    let after = view(&rule, policy);
    if rule == *was {
        return Ok((after, None));
    }
    checked(&rule, policy)?;
    rules::replace(tx, &rule).await?;
    let event = AuditEvent::new(Action::MappingRuleUpdate, id).before(audited(&view(was, policy))?);
    let event = event.after(audited(&after)?);
    Ok((after, Some(event)))
}

/// Removes a rule.
pub(super) async fn remove_rule(tx: &mut WriteTx, id: MappingRuleId) -> Result<AuditEvent, AppError> {
    let policy = load_policy(tx).await?;
    let rule = rules::remove(tx, id).await?.ok_or(AppError::NotFound("mapping rule"))?;
    Ok(AuditEvent::new(Action::MappingRuleDelete, id).before(audited(&view(&rule, &policy))?))
}

/// Puts a rule back as it was; one that was not there goes.
pub(super) async fn put_back(
    app: &App,
    tx: &mut WriteTx,
    id: MappingRuleId,
    rule: Option<&MappingRule>,
) -> Result<AuditEvent, AppError> {
    let Some(rule) = rule else { return remove_rule(tx, id).await };
    let policy = load_policy(tx).await?;
    checked(rule, &policy)?;
    let was = policy.rules.iter().find(|was| was.id == id);
    let event = if let Some(was) = was {
        rules::replace(tx, rule).await?;
        AuditEvent::new(Action::MappingRuleUpdate, id).before(audited(&view(was, &policy))?)
    } else {
        rules::add(tx, rule, app.now()).await?;
        AuditEvent::new(Action::MappingRuleCreate, id)
    };
    Ok(event.after(audited(&view(rule, &policy))?))
}

/// Priorities are so far apart, to leave room between them.
const APART: i32 = 10;

/// Puts all rules into this order in a transaction that holds the policy alone. An event for each whose priority changes.
pub(super) async fn order_rules(
    tx: &mut WriteTx,
    ids: &[MappingRuleId],
) -> Result<Vec<AuditEvent>, AppError> {
    let named: BTreeSet<MappingRuleId> = ids.iter().copied().collect();
    let policy = load_policy(tx).await?;
    let there: BTreeSet<MappingRuleId> = policy.rules.iter().map(|rule| rule.id).collect();
    if named != there || named.len() != ids.len() {
        return Err(AppError::Conflict("an order names every rule that there is, once".to_owned()));
    }
    let mut events = Vec::new();
    let mut priority = 0_i32;
    for id in ids {
        priority = priority.saturating_add(APART);
        let change = ChangeMappingRule { priority: Some(priority), ..ChangeMappingRule::default() };
        events.extend(change_rule_of(&policy, tx, *id, change).await?.1);
    }
    Ok(events)
}

fn matcher(matches: RuleMatch) -> Matcher {
    match matches {
        RuleMatch::Group(display_name) => Matcher::Group { display_name },
        RuleMatch::GroupExternalId(external_id) => Matcher::GroupExternalId { external_id },
        RuleMatch::Attribute { path, value } => Matcher::Attribute { path, value },
    }
}

pub(crate) fn outcome(gives: RuleOutcome, policy: &Policy) -> Result<Outcome, AppError> {
    Ok(match gives {
        RuleOutcome::Flags { flags, scope } => Outcome::Flags { flags, scope: scope_ref(&scope, policy)? },
        RuleOutcome::Role { role, scope, restrictions } => {
            Outcome::Role { role, scope: scope_ref(&scope, policy)?, restrictions }
        }
        RuleOutcome::Level { permission, level, of, scope } => {
            Outcome::Level { permission, level, of, scope: scope_ref(&scope, policy)? }
        }
        RuleOutcome::Restrictions { restrictions, scope } => {
            Outcome::Restrictions { restrictions, scope: scope_ref(&scope, policy)? }
        }
        RuleOutcome::SeatClass(class) => Outcome::SeatClass { class },
        RuleOutcome::Block(true) => Outcome::Block,
        RuleOutcome::Block(false) => return Err(AppError::Invalid("`block` is true or absent".to_owned())),
        RuleOutcome::Home { template, fallback } => Outcome::Home { template, fallback },
    })
}

pub(crate) fn scope_ref(scope: &RuleScope, policy: &Policy) -> Result<ScopeRef, AppError> {
    Ok(match scope {
        RuleScope::Environment => ScopeRef::Environment,
        RuleScope::OrgUnit(key) => ScopeRef::OrgUnit(unit_by_key(&policy.tree, key)?),
        RuleScope::Workspace(key) => policy
            .workspaces
            .iter()
            .find(|workspace| workspace.key == *key)
            .map(|workspace| ScopeRef::Workspace(workspace.id))
            .ok_or_else(|| AppError::Invalid(format!("there is no workspace with the key {key:?}")))?,
    })
}

fn view(rule: &MappingRule, policy: &Policy) -> MappingRuleView {
    let matches = match rule.matcher.clone() {
        Matcher::Group { display_name } => RuleMatch::Group(display_name),
        Matcher::GroupExternalId { external_id } => RuleMatch::GroupExternalId(external_id),
        Matcher::Attribute { path, value } => RuleMatch::Attribute { path, value },
    };
    let gives = gives(rule.outcome.clone(), policy);
    MappingRuleView { id: rule.id, priority: rule.priority, active: rule.active, matches, gives }
}

/// What is given, in the words of those who give.
pub(crate) fn gives(outcome: Outcome, policy: &Policy) -> RuleOutcome {
    match outcome {
        Outcome::Flags { flags, scope } => RuleOutcome::Flags { flags, scope: scope_view(scope, policy) },
        Outcome::Role { role, scope, restrictions } => {
            RuleOutcome::Role { role, scope: scope_view(scope, policy), restrictions }
        }
        Outcome::Level { permission, level, of, scope } => {
            RuleOutcome::Level { permission, level, of, scope: scope_view(scope, policy) }
        }
        Outcome::Restrictions { restrictions, scope } => {
            RuleOutcome::Restrictions { restrictions, scope: scope_view(scope, policy) }
        }
        Outcome::SeatClass { class } => RuleOutcome::SeatClass(class),
        Outcome::Block => RuleOutcome::Block(true),
        Outcome::Home { template, fallback } => RuleOutcome::Home { template, fallback },
    }
}

/// A place, in the words of those who name it.
pub(crate) fn scope_view(scope: ScopeRef, policy: &Policy) -> RuleScope {
    match scope {
        ScopeRef::Environment => RuleScope::Environment,
        ScopeRef::OrgUnit(id) => {
            RuleScope::OrgUnit(policy.tree.get(id).map_or_else(|| id.to_string(), |unit| unit.key.clone()))
        }
        ScopeRef::Workspace(id) => RuleScope::Workspace(
            policy
                .workspaces
                .iter()
                .find(|workspace| workspace.id == id)
                .map_or_else(|| id.to_string(), |workspace| workspace.key.clone()),
        ),
    }
}
