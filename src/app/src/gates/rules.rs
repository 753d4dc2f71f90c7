//! The rules of a gate's hosts. Knows which of them a path falls under and what it takes; what somebody may do, it asks the decision
//! that is asked everywhere.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{AccessStatus, EffectiveAccess, Policy};
use domain::blueprint::AdminLevel;
use domain::gate::FoldedPath;
use serde::{Deserialize, Serialize};
use sso::op::{ClientKind, check_redirect_uri};
use url::Url;
use utoipa::ToSchema;

use crate::access::Asked;
use crate::error::AppError;
use crate::tenants::RuleScope;

const MOST_HOSTS: usize = 50;
const MOST_RULES: usize = 100;
const MOST_ROLES: usize = 100;

/// The rules of each host, by its origin.
pub(super) type Hosts = BTreeMap<String, Vec<GateRule>>;

/// What it takes to get to a path and whatever is below it. All that is said must be true; if nothing is, being signed in and
/// having access is enough. Of several rules that a path is below the longest counts alone, and a path below none is closed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GateRule {
    /// The path, without regard to case.
    #[schema(example = "/admin")]
    pub path: String,
    /// Everybody gets there, also without signing in. Nothing else can be said then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// One of these roles of the blueprint, held anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// A permission or flag of the blueprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<GatePermission>,
    /// A role of an administrator: `org_admin` of a subtree at least, or `admin` of the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "org_admin")]
    pub admin_level: Option<AdminLevel>,
    /// A home in the organisation, at most so far below its top; 0 is the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1000)]
    pub org_level: Option<u32>,
}

/// A permission that has to be held.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatePermission {
    /// Id of a permission or flag of the blueprint.
    #[schema(example = "users.invite")]
    pub permission: String,
    /// Where; in the whole tenant if absent.
    #[serde(default)]
    pub at: RuleScope,
    /// What for, of a permission that is held one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The level that is needed, of a permission that has levels; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

impl GateRule {
    /// Whether somebody with this access gets through.
    pub(super) fn lets(&self, access: &EffectiveAccess, policy: &Policy) -> bool {
        let has_role = || access.roles.iter().any(|held| self.roles.contains(&held.role));
        let is_admin = |wanted| access.admin_level().is_some_and(|level| level <= wanted);
        let is_high = |most| access.home.as_ref().is_some_and(|home| home.depth <= most);
        access.status == AccessStatus::Granted
            && (self.roles.is_empty() || has_role())
            && self.admin_level.is_none_or(is_admin)
            && self.org_level.is_none_or(is_high)
            && self.permission.as_ref().is_none_or(|wanted| wanted.is_held(access, policy))
    }

    fn says_nothing_else(&self) -> bool {
        self.roles.is_empty()
            && self.permission.is_none()
            && self.admin_level.is_none()
            && self.org_level.is_none()
    }
}

impl GatePermission {
    /// What the blueprint or the organisation does not have any more, nobody holds. A proxy sees to no obligations, so whoever has
    /// some is not let through.
    fn is_held(&self, access: &EffectiveAccess, policy: &Policy) -> bool {
        let Ok(asked) = self.asked(policy) else { return false };
        let decision = asked.answer(access, policy);
        decision.allowed && decision.obligations.is_empty()
    }

    fn asked<'a>(&'a self, policy: &'a Policy) -> Result<Asked<'a>, AppError> {
        Asked::about(&self.permission, &self.at, self.of.as_deref(), self.level.as_deref(), policy)
    }
}

/// The rule that a path falls under.
pub(super) fn of_path<'a>(rules: &'a [GateRule], path: &FoldedPath) -> Option<&'a GateRule> {
    let tops = rules.iter().filter_map(|rule| Some((FoldedPath::parse(&rule.path).ok()?, rule)));
    tops.filter(|(top, _)| path.is_below(top)).max_by_key(|(top, _)| top.depth()).map(|(_, rule)| rule)
}

/// Whether the hosts make sense, each rule for itself and all of a host together.
pub(super) fn check(hosts: &Hosts, policy: &Policy) -> Result<(), AppError> {
    if hosts.len() > MOST_HOSTS {
        return Err(AppError::Invalid(format!("hosts: at most {MOST_HOSTS}")));
    }
    for (origin, rules) in hosts {
        let refused = |why: String| AppError::Invalid(format!("hosts: {origin:?}: {why}"));
        check_redirect_uri(origin, ClientKind::Confidential, true).map_err(|why| refused(why.to_string()))?;
        let plain = Url::parse(origin).map(|url| url.origin().ascii_serialization());
        if plain.as_deref() != Ok(origin) {
            return Err(refused("is no origin in its plain spelling, as https://wiki.example".to_owned()));
        }
        if rules.len() > MOST_RULES {
            return Err(refused(format!("has more than {MOST_RULES} rules")));
        }
        let mut tops = BTreeSet::new();
        for rule in rules {
            let top = check_rule(rule, policy).map_err(|why| refused(format!("{}: {why}", rule.path)))?;
            if !tops.insert(top) {
                return Err(refused(format!("has two rules for {}", rule.path)));
            }
        }
    }
    Ok(())
}

/// The text that tells the rule's path from those of others.
fn check_rule(rule: &GateRule, policy: &Policy) -> Result<String, String> {
    let path = FoldedPath::parse(&rule.path).map_err(|why| why.to_string())?;
    if rule.public && !rule.says_nothing_else() {
        return Err("what is public takes nothing else".to_owned());
    }
    if rule.roles.len() > MOST_ROLES {
        return Err(format!("has more than {MOST_ROLES} roles"));
    }
    if let Some(unknown) = rule.roles.iter().find(|role| policy.blueprint.role(role).is_none()) {
        return Err(format!("the blueprint has no role {unknown:?}"));
    }
    if let Some(wanted) = &rule.permission {
        wanted.asked(policy).map_err(|why| match why {
            AppError::NotFound(_) => format!("the blueprint has no permission {:?}", wanted.permission),
            other => other.to_string(),
        })?;
    }
    Ok(path.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_that_a_path_is_below_counts_alone() {
        let rule = |path: &str| GateRule { path: path.to_owned(), ..GateRule::default() };
        let rules = [rule("/admin/public"), rule("/"), rule("/Admin/")];
        let found = |path: &str| {
            let path = FoldedPath::parse(path).unwrap();
            of_path(&rules, &path).map(|rule| rule.path.as_str())
        };

        assert_eq!(found("/admin/public/x"), Some("/admin/public"));
        assert_eq!(found("/ADMIN/publications"), Some("/Admin/"));
        assert_eq!(found("/admins"), Some("/"));
        assert!(of_path(&rules[..1], &FoldedPath::parse("/admin").unwrap()).is_none());
    }
}
