//! What rules and grants by hand give, before anything is derived or dropped. Knows who wins where only one
//! thing can be had; does not know homes, seats or dependencies.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::evaluate::{Flags, Levels, Restrictions, Roles, raise};
use super::seat_need::Given;
use super::{Dropped, Facts, GroupFact, LocalGrant, Policy, Reason, Scope, What};
use crate::blueprint::{Assignment, Resolve, Role};
use crate::fold::same;
use crate::mapping::{MappingRule, Matcher, Outcome, ScopeRef};

/// What was dropped on the way: one entry for each thing and place, the reasons in the order of the steps.
#[derive(Default)]
pub(super) struct Findings {
    dropped: BTreeMap<(What, String, Option<Scope>), Vec<Reason>>,
}

impl Findings {
    pub(super) fn drop(&mut self, what: What, id: &str, scope: Option<Scope>, reasons: Vec<Reason>) {
        add(self.dropped.entry((what, id.to_owned(), scope)).or_default(), reasons);
    }

    pub(super) fn into_dropped(self) -> Vec<Dropped> {
        self.dropped
            .into_iter()
            .map(|((what, id, scope), reasons)| Dropped { what, id, scope, reasons })
            .collect()
    }
}

/// Adds reasons that are not there yet, in their order.
pub(super) fn add(reasons: &mut Vec<Reason>, more: impl IntoIterator<Item = Reason>) {
    for reason in more {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
}

pub(super) struct Gathered<'a> {
    pub(super) flags: Flags,
    pub(super) roles: Roles<'a>,
    pub(super) levels: Levels,
    pub(super) restrictions: Restrictions,
    /// The class of seats that was given.
    pub(super) seat_class: Given,
    /// What says that the person gets nothing; empty if nothing does.
    pub(super) blocked: Vec<Reason>,
}

/// The first wins: what was given by hand, then the lower priority number, then the higher rank, then the
/// smaller id (sources are visited in the order of their ids).
type Order = (Option<i32>, Reverse<i64>, usize);

struct Claim<'a> {
    order: Order,
    role: &'a Role,
    restrictions: Vec<String>,
    reasons: Vec<Reason>,
}

pub(super) fn gather<'a>(
    policy: &'a Policy,
    rules: &[&MappingRule],
    facts: &Facts,
    findings: &mut Findings,
) -> Gathered<'a> {
    let mut gatherer = Gatherer {
        policy,
        flags: Flags::new(),
        levels: Levels::new(),
        restrictions: Restrictions::new(),
        seat_class: None,
        blocked: Vec::new(),
        claims: BTreeMap::new(),
        visited: 0,
        findings,
    };
    for grant in grants(facts) {
        gatherer.take(&grant.what, None, &[by_hand(grant)]);
    }
    for rule in rules {
        let reasons: Vec<Reason> = matches(rule, facts).into_iter().map(|it| it.reason).collect();
        if !reasons.is_empty() {
            gatherer.take(&rule.outcome, Some(rule.priority), &reasons);
        }
    }
    gatherer.settle()
}

struct Gatherer<'a, 'f> {
    policy: &'a Policy,
    flags: Flags,
    levels: Levels,
    restrictions: Restrictions,
    seat_class: Given,
    blocked: Vec<Reason>,
    claims: BTreeMap<Scope, Vec<Claim<'a>>>,
    visited: usize,
    findings: &'f mut Findings,
}

impl<'a> Gatherer<'a, '_> {
    fn take(&mut self, outcome: &Outcome, priority: Option<i32>, reasons: &[Reason]) {
        self.visited = self.visited.saturating_add(1);
        match outcome {
            Outcome::Flags { flags, scope } => {
                for flag in flags {
                    self.take_flag(flag, *scope, reasons);
                }
            }
            Outcome::Role { role, scope, restrictions } => {
                self.take_role(role, *scope, restrictions, priority, reasons);
            }
            Outcome::Level { permission, level, of, scope } => {
                self.take_level(permission, level, of.as_deref(), *scope, reasons);
            }
            Outcome::Restrictions { restrictions, scope } => {
                for restriction in restrictions {
                    self.take_restriction(restriction, *scope, reasons);
                }
            }
            Outcome::SeatClass { class } => self.take_seat_class(class, reasons),
            Outcome::Block => add(&mut self.blocked, reasons.to_vec()),
            // Homes come first; see `home`.
            Outcome::Home { .. } => {}
        }
    }

    fn take_flag(&mut self, flag: &str, scope: ScopeRef, reasons: &[Reason]) {
        let fits = |kind| match self.policy.blueprint.flag(flag) {
            None => Err(Reason::NotInBlueprint),
            Some(found) if found.can_be_held_at(kind) => Ok(()),
            Some(_) => Err(Reason::WrongScope),
        };
        match fits(scope.kind()).and_then(|()| place(self.policy, scope)) {
            Ok(place) => add(self.flags.entry((flag.to_owned(), place)).or_default(), reasons.to_vec()),
            Err(why_not) => self.refuse(What::Flag, flag, scope, reasons, why_not),
        }
    }

    fn take_role(
        &mut self,
        role: &str,
        scope: ScopeRef,
        restrictions: &[String],
        priority: Option<i32>,
        reasons: &[Reason],
    ) {
        let policy = self.policy;
        let found = match policy.blueprint.role(role) {
            None => Err(Reason::NotInBlueprint),
            Some(found) if found.assignment() == Assignment::Derived => Err(Reason::CannotBeGiven),
            Some(found) => Ok(found),
        };
        let placed = found.and_then(|found| Ok((found, place(policy, scope)?)));
        let placed =
            placed.and_then(|it| if fits(policy, it.0, scope) { Ok(it) } else { Err(Reason::WrongScope) });
        let priority = match policy.blueprint.product().membership.resolve {
            Resolve::Priority => priority,
            Resolve::Highest => None,
        };
        match placed {
            Ok((found, place)) => self.claims.entry(place).or_default().push(Claim {
                order: (priority, Reverse(found.rank()), self.visited),
                role: found,
                restrictions: restrictions.to_vec(),
                reasons: reasons.to_vec(),
            }),
            Err(why_not) => self.refuse(What::Role, role, scope, reasons, why_not),
        }
    }

    fn take_level(&mut self, id: &str, level: &str, of: Option<&str>, scope: ScopeRef, reasons: &[Reason]) {
        let found = match self.policy.blueprint.permission(id) {
            Some(found) if found.height(level).is_some() => Ok(found),
            _ => Err(Reason::NotInBlueprint),
        };
        let fits = found.and_then(|found| {
            if found.can_be_held_at(scope.kind()) { Ok(found) } else { Err(Reason::WrongScope) }
        });
        match fits.and_then(|found| Ok((found, place(self.policy, scope)?))) {
            Ok((found, place)) => {
                let key = (id.to_owned(), of.map(str::to_owned), place);
                raise(&mut self.levels, key, found, level, reasons.to_vec());
            }
            Err(why_not) => self.refuse(What::Permission, id, scope, reasons, why_not),
        }
    }

    fn take_restriction(&mut self, id: &str, scope: ScopeRef, reasons: &[Reason]) {
        let known = self.policy.blueprint.restriction(id).map(|_| ()).ok_or(Reason::NotInBlueprint);
        match known.and_then(|()| place(self.policy, scope)) {
            Ok(place) => add(self.restrictions.entry((id.to_owned(), place)).or_default(), reasons.to_vec()),
            Err(why_not) => self.refuse(What::Restriction, id, scope, reasons, why_not),
        }
    }

    /// Of several classes the first counts: by hand, then by the rules in their order.
    fn take_seat_class(&mut self, class: &str, reasons: &[Reason]) {
        if !self.policy.blueprint.seat_classes().iter().any(|known| known.id() == class) {
            return self.refuse(
                What::SeatClass,
                class,
                ScopeRef::Environment,
                reasons,
                Reason::NotInBlueprint,
            );
        }
        match &mut self.seat_class {
            None => self.seat_class = Some((class.to_owned(), reasons.to_vec())),
            Some((given, why)) if given == class => add(why, reasons.to_vec()),
            Some((given, _)) => {
                let outranked = Reason::Outranked { by: given.clone() };
                self.refuse(What::SeatClass, class, ScopeRef::Environment, reasons, outranked);
            }
        }
    }

    fn refuse(&mut self, what: What, id: &str, scope: ScopeRef, reasons: &[Reason], why_not: Reason) {
        let mut reasons = reasons.to_vec();
        reasons.push(why_not);
        self.findings.drop(what, id, place(self.policy, scope).ok(), reasons);
    }

    /// Settles which role is held at each place.
    fn settle(mut self) -> Gathered<'a> {
        let mut roles = Roles::new();
        for (place, mut claims) in self.claims {
            claims.sort_by_key(|claim| claim.order);
            let mut held: Option<(&Role, Vec<Reason>)> = None;
            for mut claim in claims {
                match &mut held {
                    None => {
                        for restriction in claim.restrictions {
                            let key = (restriction, place.clone());
                            add(self.restrictions.entry(key).or_default(), claim.reasons.clone());
                        }
                        held = Some((claim.role, claim.reasons));
                    }
                    Some((winner, reasons)) if winner.id() == claim.role.id() => add(reasons, claim.reasons),
                    Some((winner, _)) => {
                        claim.reasons.push(Reason::Outranked { by: winner.id().to_owned() });
                        self.findings.drop(What::Role, claim.role.id(), Some(place.clone()), claim.reasons);
                    }
                }
            }
            if let Some(held) = held {
                roles.insert(place, held);
            }
        }
        Gathered {
            flags: self.flags,
            roles,
            levels: self.levels,
            restrictions: self.restrictions,
            seat_class: self.seat_class,
            blocked: self.blocked,
        }
    }
}

/// The grants by hand, in the order of their ids.
pub(super) fn grants(facts: &Facts) -> Vec<&LocalGrant> {
    let mut grants: Vec<&LocalGrant> = facts.local_grants.iter().collect();
    grants.sort();
    grants.dedup();
    grants
}

pub(super) fn by_hand(grant: &LocalGrant) -> Reason {
    Reason::GrantedByHand { grant: grant.id, by: grant.by.clone() }
}

/// Whether a role can be held at such a place.
pub(super) fn fits(policy: &Policy, role: &Role, scope: ScopeRef) -> bool {
    policy.blueprint.called(scope, &policy.tree).is_some_and(|called| role.can_be_held_at_a(called))
}

/// The place that a reference leads to.
pub(super) fn place(policy: &Policy, scope: ScopeRef) -> Result<Scope, Reason> {
    match scope {
        ScopeRef::Environment => Some(Scope::Environment),
        ScopeRef::OrgUnit(id) => policy.tree.get(id).map(Scope::from),
        ScopeRef::Workspace(id) => policy.workspaces.iter().filter(|it| it.id == id).min().map(Scope::from),
    }
    .ok_or(Reason::ScopeGone)
}

/// One way in which a rule matches a person.
pub(super) struct Match<'a> {
    pub(super) reason: Reason,
    /// The attribute's value, where the rule matches an attribute.
    pub(super) value: Option<&'a str>,
}

/// Every way in which a rule matches a person, in a fixed order; empty if it does not.
pub(super) fn matches<'a>(rule: &MappingRule, facts: &'a Facts) -> Vec<Match<'a>> {
    match &rule.matcher {
        Matcher::Group { .. } | Matcher::GroupExternalId { .. } => in_groups(rule, facts),
        Matcher::Attribute { path, value: wanted } => {
            let values = facts.attributes.get(path).map(Vec::as_slice).unwrap_or_default();
            let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
            values.sort_unstable();
            values.dedup();
            values
                .into_iter()
                .filter(|value| !value.trim().is_empty())
                .filter(|value| wanted.as_ref().is_none_or(|wanted| same(wanted, value)))
                .map(|value| Match {
                    reason: Reason::AttributeMatched {
                        rule: rule.id,
                        priority: rule.priority,
                        path: path.clone(),
                        value: value.to_owned(),
                    },
                    value: Some(value),
                })
                .collect()
        }
    }
}

fn in_groups<'a>(rule: &MappingRule, facts: &Facts) -> Vec<Match<'a>> {
    let mut groups: Vec<&GroupFact> =
        facts.groups.iter().filter(|group| group.is_named_by(&rule.matcher)).collect();
    groups.sort();
    groups.dedup_by_key(|group| (group.id, &group.display_name));
    groups
        .into_iter()
        .map(|group| Match {
            reason: Reason::GroupMatched {
                rule: rule.id,
                priority: rule.priority,
                group: group.id,
                name: group.display_name.clone(),
            },
            value: None,
        })
        .collect()
}
