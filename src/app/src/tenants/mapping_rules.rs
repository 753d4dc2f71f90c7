//! Mapping rules: from what a directory says to what a person gets. A change computes everybody's access anew.

use domain::access::Policy;
use domain::audit::{Action, AuditEvent};
use domain::id::MappingRuleId;
use domain::mapping::{MappingRule, Matcher, Outcome, ScopeRef};
use serde::{Deserialize, Serialize};
use store::{AdminScope, rules};
use utoipa::ToSchema;

use super::organisation::unit_by_key;
use crate::App;
use crate::access::load_policy;
use crate::error::AppError;

/// A rule to be.
#[derive(Debug, Deserialize, ToSchema)]
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
        let now = self.now();
        let mut tx = self.db.begin(admin.scope()).await?;
        let policy = load_policy(&mut tx).await?;
        let rule = MappingRule {
            id: MappingRuleId::generate(now, &*self.entropy),
            priority: new.priority,
            matcher: matcher(new.matches),
            outcome: outcome(new.gives, &policy)?,
            active: true,
        };
        rule.validate(&policy.blueprint, &policy.tree, &policy.workspaces)
            .map_err(|error| AppError::Invalid(error.to_string()))?;
        rules::add(&mut tx, &rule, now).await?;
        let view = view(&rule, &policy);
        let after = serde_json::to_value(&view).map_err(|error| AppError::Internal(error.to_string()))?;
        self.commit_policy_change(tx, AuditEvent::new(Action::MappingRuleCreate, rule.id).after(after))
            .await?;
        Ok(view)
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
        let mut tx = self.db.begin(admin.scope()).await?;
        let policy = load_policy(&mut tx).await?;
        let rule = rules::remove(&mut tx, id).await?.ok_or(AppError::NotFound("mapping rule"))?;
        let before = serde_json::to_value(view(&rule, &policy))
            .map_err(|error| AppError::Internal(error.to_string()))?;
        self.commit_policy_change(tx, AuditEvent::new(Action::MappingRuleDelete, id).before(before)).await
    }
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
        Outcome::Block => RuleOutcome::Block(true),
        Outcome::Home { template, fallback } => RuleOutcome::Home { template, fallback },
    }
}

fn scope_view(scope: ScopeRef, policy: &Policy) -> RuleScope {
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
