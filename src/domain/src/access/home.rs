//! Where a person belongs. Knows which rule's word counts; does not know what a home is good for.

use std::cmp::Reverse;

use super::gather::{Findings, Match, add, by_hand, grants, matches};
use super::{Facts, HomeAccess, Policy, Reason, What};
use crate::mapping::{MappingRule, Matcher, Outcome, VALUE};
use crate::org_tree::{OrgTree, OrgUnit};

/// Something that speaks for a home: the key it names, the unit if there is one, and why.
struct Candidate<'a> {
    key: String,
    unit: Result<&'a OrgUnit, Reason>,
    reason: Reason,
}

/// The person's home: the first unit that a rule finds, else the one set by hand, else a rule's fallback.
///
/// A fallback never leads to the top of the organisation: a missing value must not make an administrator of
/// somebody who has the flag.
pub(super) fn find_home(
    policy: &Policy,
    rules: &[&MappingRule],
    facts: &Facts,
    findings: &mut Findings,
) -> Option<HomeAccess> {
    let mut found = from_rules(policy, rules, facts);
    found.extend(set_by_hand(policy, facts));
    if found.iter().all(|candidate| candidate.unit.is_err()) {
        found.extend(fallbacks(policy, rules, facts));
    }
    choose(&policy.tree, found, findings)
}

fn from_rules<'a>(policy: &'a Policy, rules: &[&MappingRule], facts: &Facts) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    for rule in rules {
        let Outcome::Home { template, .. } = &rule.outcome else { continue };
        let mut of_rule: Vec<Candidate<'_>> = matches(rule, facts)
            .into_iter()
            .map(|Match { reason, value }| {
                let key = value.map_or_else(|| template.clone(), |value| template.replace(VALUE, value));
                Candidate { unit: by_key(&policy.tree, &key), key, reason }
            })
            .collect();
        // Of several values the deepest unit counts: a home further up is more power.
        of_rule.sort_by_key(|it| Reverse(it.unit.as_ref().ok().and_then(|unit| policy.tree.depth(unit.id))));
        candidates.append(&mut of_rule);
    }
    candidates
}

fn set_by_hand<'a>(policy: &'a Policy, facts: &Facts) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    if let Some(id) = facts.local_home {
        let unit = policy.tree.get(id);
        candidates.push(Candidate {
            key: unit.map_or_else(|| id.to_string(), |unit| unit.key.clone()),
            unit: unit.ok_or(Reason::ScopeGone),
            reason: Reason::HomeSetByHand,
        });
    }
    for grant in grants(facts) {
        if let Outcome::Home { template, .. } = &grant.what {
            candidates.push(Candidate {
                key: template.clone(),
                unit: by_key(&policy.tree, template),
                reason: by_hand(grant),
            });
        }
    }
    candidates
}

fn fallbacks<'a>(policy: &'a Policy, rules: &[&MappingRule], facts: &Facts) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    for rule in rules {
        let Outcome::Home { fallback: Some(key), .. } = &rule.outcome else { continue };
        // Those without the attribute are exactly those whom "any value" has nothing to say about.
        let concerns_everybody = matches!(rule.matcher, Matcher::Attribute { value: None, .. });
        if !concerns_everybody && matches(rule, facts).is_empty() {
            continue;
        }
        let unit = by_key(&policy.tree, key).and_then(|unit| {
            if unit.parent.is_none() { Err(Reason::FallbackAtTop { key: key.clone() }) } else { Ok(unit) }
        });
        candidates.push(Candidate {
            unit,
            key: key.clone(),
            reason: Reason::Fallback { rule: rule.id, key: key.clone() },
        });
    }
    candidates
}

fn by_key<'a>(tree: &'a OrgTree, key: &str) -> Result<&'a OrgUnit, Reason> {
    tree.by_key(key).ok_or_else(|| Reason::NoSuchUnit { key: key.to_owned() })
}

/// The first candidate with a unit wins; those that agree add their reasons, the others are noted as dropped.
fn choose(tree: &OrgTree, candidates: Vec<Candidate<'_>>, findings: &mut Findings) -> Option<HomeAccess> {
    let winner = candidates.iter().find_map(|candidate| candidate.unit.as_ref().ok().copied());
    let mut home = winner.map(|unit| HomeAccess {
        org_unit: unit.id,
        key: unit.key.clone(),
        name: unit.name.clone(),
        depth: tree.depth(unit.id).unwrap_or(u32::MAX),
        reasons: Vec::new(),
    });
    for Candidate { key, unit, reason } in candidates {
        match (unit, &mut home) {
            (Ok(unit), Some(home)) if unit.id == home.org_unit => add(&mut home.reasons, [reason]),
            (Ok(unit), Some(home)) => {
                let lost = Reason::Outranked { by: home.key.clone() };
                findings.drop(What::Home, &unit.key, None, vec![reason, lost]);
            }
            (Ok(_), None) => {}
            (Err(why_not), _) => findings.drop(What::Home, &key, None, vec![reason, why_not]),
        }
    }
    home
}
