//! What each product lets whom do where, as tables to be read in a diff. Knows how an answer is written down; does not know
//! the products, nor whether what is written is what was asked for.
//!
//! A line is a role and an action, a column a position. `-`: no. `?`: no, since nobody has decided. `(x)`: no, or x if it is
//! given to them by itself. `*`: what it stands for follows behind the cells, and is left to the product, or is the rule that
//! denies. Of deeds the last column is the deed to oneself, where one belongs; `-> *` is to people of every role and of none.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use super::matrices::{TOP, and, ask, by_itself, place_called, products, somebody, world};
use super::{Decision, Facts, Place, Policy, Reason, evaluate};
use crate::blueprint::{
    Assignment, Deed, HomeDepth, Permission, Restriction, Role, ScopeKind, Test, catalog,
};
use crate::deed::{Act, Verdict, Where, may};
use crate::fixture::unit_id;
use crate::mapping::{Outcome, ScopeRef};

/// Stands for somebody who has no role yet.
const NO_ROLE: &str = "(no role)";

/// The cells of a line, what their marks stand for, and why.
#[derive(Default, PartialEq)]
struct Cells {
    said: Vec<String>,
    marks: Vec<String>,
    by: BTreeSet<String>,
}

impl Cells {
    fn push(&mut self, said: &str, behind: &[String]) {
        let behind = behind.join(" ");
        if behind.is_empty() {
            return self.said.push(said.to_owned());
        }
        let known = self.marks.iter().position(|mark| *mark == behind);
        let n = known.unwrap_or(self.marks.len());
        if known.is_none() {
            self.marks.push(behind);
        }
        self.said.push(format!("{said}{}", "*".repeat(n + 1)));
    }
}

/// A product with a unit and a workspace of each kind that it has, and the positions that can be asked about.
struct Table {
    policy: Policy,
    positions: Vec<(String, ScopeRef)>,
}

impl Table {
    fn of(policy: Policy) -> Self {
        let blueprint = &policy.blueprint;
        let mut positions: Vec<(String, ScopeRef)> = Vec::new();
        for second in [false, true] {
            for scope in blueprint.scopes().iter().filter(|scope| scope.kind() != ScopeKind::Product) {
                let place = place_called(&policy, scope.id(), second);
                let label = if second { format!("other {}", scope.id()) } else { scope.id().to_owned() };
                if !positions.iter().any(|(_, known)| *known == place) {
                    positions.push((label, place));
                }
            }
            // Units of one kind lie in each other, below one that people can be at home in as well.
            if !second && blueprint.units().count() == 1 {
                positions.insert(1, ("the top".to_owned(), ScopeRef::OrgUnit(unit_id(TOP))));
                positions.push(("below it".to_owned(), ScopeRef::OrgUnit(unit_id(TOP + 3))));
            }
        }
        Self { policy, positions }
    }

    fn place(&self, scope: ScopeRef) -> Place<'_> {
        match scope {
            ScopeRef::Environment => Place::Environment,
            ScopeRef::OrgUnit(id) => Place::OrgUnit(id),
            ScopeRef::Workspace(id) => {
                Place::Workspace(self.policy.workspaces.iter().find(|it| it.id == id).unwrap())
            }
        }
    }

    fn line(&self, out: &mut String, (role, action): (&str, &str), cells: &Cells) {
        let mut line = format!("{role:<13} {action:<46}");
        let labels = self.positions.iter().map(|(label, _)| label.as_str()).chain(["oneself"]);
        for (label, said) in labels.zip(&cells.said) {
            write!(line, " {said:<0$}", label.len().max(8)).unwrap();
        }
        let marks = cells.marks.iter().zip(1..);
        for (mark, n) in marks {
            write!(line, "  {} {mark}", "*".repeat(n)).unwrap();
        }
        if !cells.by.is_empty() {
            let by: Vec<&str> = cells.by.iter().map(String::as_str).collect();
            write!(line, "  by {}", by.join(" ")).unwrap();
        }
        writeln!(out, "{}", line.trim_end()).unwrap();
    }

    fn title(&self, out: &mut String, title: &str, with_oneself: bool) {
        let labels = self.positions.iter().map(|(label, _)| label.clone());
        let said = labels.chain(with_oneself.then(|| "oneself".to_owned())).collect();
        out.push('\n');
        self.line(out, (title, ""), &Cells { said, ..Cells::default() });
    }

    /// What somebody holds of a permission at each position, by role or if it is given to them.
    fn held(&self, role: &Role, facts: &Facts, permission: &Permission) -> Cells {
        let mut cells = Cells::default();
        for (_, place) in &self.positions {
            let decision = ask(&self.policy, facts, permission, *place);
            let with = given(facts, permission);
            let with = with.map(|facts| ask(&self.policy, &facts, permission, *place));
            match with.filter(|with| with.allowed && !decision.allowed) {
                Some(with) => cells.push(&format!("({})", answer(role, &with)), &with.obligations),
                None => cells.push(&answer(role, &decision), &decision.obligations),
            }
        }
        cells
    }

    fn roles(&self, out: &mut String) {
        out.push_str("role          how it comes and where it is held\n");
        let blueprint = &self.policy.blueprint;
        for role in blueprint.roles() {
            let mut how = match role.assignment() {
                Assignment::Given => "given".to_owned(),
                Assignment::Derived => "follows".to_owned(),
            };
            for derived in blueprint.derived_roles().iter().filter(|it| it.role() == role.id()) {
                let flags: Vec<&str> = derived.requires_flags().iter().map(String::as_str).collect();
                let home = match derived.home_depth() {
                    Some(HomeDepth::Top) => " and a home at the top",
                    Some(HomeDepth::Below) => " and a home below the top",
                    None => "",
                };
                write!(how, " from {}{home}", flags.join(" ")).unwrap();
            }
            if blueprint.default_role().is_some_and(|default| default.id() == role.id()) {
                how.push_str(", by default");
            }
            let places: Vec<&str> = role.places().collect();
            writeln!(out, "{:<13} {how}; {}", role.id(), places.join(" ")).unwrap();
        }
    }

    /// What each role gives where it is held first, and what each restriction takes from it there.
    fn permissions(&self, out: &mut String) {
        let blueprint = &self.policy.blueprint;
        self.title(out, "permissions", false);
        for role in blueprint.roles() {
            let (facts, _) = somebody(&self.policy, role);
            for permission in blueprint.permissions() {
                let cells = self.held(role, &facts, permission);
                self.line(out, (role.id(), permission.id()), &cells);
            }
        }
        if blueprint.restrictions().next().is_some() {
            self.title(out, "under", false);
        }
        for restriction in blueprint.restrictions() {
            for role in blueprint.roles().filter(|role| restriction.applies_to(role.id())) {
                self.restricted(out, role, restriction);
            }
        }
    }

    fn restricted(&self, out: &mut String, role: &Role, restriction: &Restriction) {
        let blueprint = &self.policy.blueprint;
        let (facts, scope) = somebody(&self.policy, role);
        let restrictions = vec![restriction.id().to_owned()];
        let under = and(&facts, Outcome::Restrictions { restrictions, scope });
        for permission in blueprint.permissions() {
            let mut cells = self.held(role, &under, permission);
            if cells != self.held(role, &facts, permission) {
                let action = format!("{}: {}", restriction.id(), permission.id());
                let plans: Vec<&str> = restriction.plans().iter().map(String::as_str).collect();
                cells.by.extend((!plans.is_empty()).then(|| format!("the plans {}", plans.join(" "))));
                self.line(out, (role.id(), &action), &cells);
            }
        }
    }

    /// To whom the grant rules let each role do what; people to whom the same holds share a line.
    fn deeds(&self, out: &mut String) {
        let blueprint = &self.policy.blueprint;
        let rules = &blueprint.product().grant_rules;
        let deeds: BTreeSet<Deed> = rules.iter().flat_map(|rule| &rule.actions).copied().collect();
        self.title(out, "deeds", true);
        for role in blueprint.roles() {
            for deed in &deeds {
                let about = rules.iter().filter(|rule| rule.actions.contains(deed));
                let named: BTreeSet<&str> =
                    about.flat_map(|rule| &rule.permissions).map(|id| id.get_ref().as_str()).collect();
                for permission in std::iter::once(None).chain(named.into_iter().map(Some)) {
                    self.deed(out, role, *deed, permission);
                }
            }
        }
    }

    fn deed(&self, out: &mut String, role: &Role, deed: Deed, permission: Option<&str>) {
        let blueprint = &self.policy.blueprint;
        let mut groups: Vec<(Cells, Vec<&str>)> = Vec::new();
        let roles = blueprint.roles().map(Role::id);
        let targets: Vec<&str> = std::iter::once(NO_ROLE).chain(roles).collect();
        for target in &targets {
            let cells = self.done(role, (deed, permission), target);
            match groups.iter_mut().find(|(known, _)| *known == cells) {
                Some((_, names)) => names.push(target),
                None => groups.push((cells, vec![target])),
            }
        }
        for (cells, names) in groups {
            let to = match targets.len() - names.len() {
                0 => "*".to_owned(),
                left_out if left_out < names.len() => {
                    let others = targets.iter().copied().filter(|target| !names.contains(target));
                    format!("* but {}", others.collect::<Vec<_>>().join(", "))
                }
                _ => names.join(", "),
            };
            let what = permission.map_or_else(|| deed.to_string(), |id| format!("{deed} {id}"));
            self.line(out, (role.id(), &format!("{what} -> {to}")), &cells);
        }
    }

    /// Whether somebody of the role may do it to somebody of the other, at each position, and to themselves.
    fn done(&self, role: &Role, (deed, permission): (Deed, Option<&str>), target: &str) -> Cells {
        let (facts, scope) = somebody(&self.policy, role);
        let own = facts.local_home.map_or(scope, ScopeRef::OrgUnit);
        let actor = evaluate(&self.policy, &facts);
        let others = self.positions.iter().map(|(_, place)| (*place, false));
        let mut cells = Cells::default();
        for (place, to_oneself) in others.chain([(own, true)]) {
            let own_role = to_oneself.then(|| role.id());
            let act = Act {
                deeds: vec![deed],
                to_oneself,
                roles: [target].into_iter().filter(|it| *it != NO_ROLE).chain(own_role).collect(),
                permission,
                at: Where::All(vec![self.place(place)]),
            };
            match may(&self.policy, &actor, &act) {
                Verdict::Allowed { by, obligations, member_of } => {
                    let member_of = member_of.iter().map(|place| format!("member of {place}"));
                    cells.push("yes", &obligations.into_iter().chain(member_of).collect::<Vec<_>>());
                    cells.by.extend(by);
                }
                Verdict::Denied { by } => cells.push("no", &[by]),
                Verdict::NotAllowed => cells.push("-", &[]),
            }
        }
        cells
    }

    /// What decides the conditions that are left open above.
    fn conditions(&self, out: &mut String) {
        out.push_str("\nconditions\n");
        for condition in self.policy.blueprint.conditions() {
            let by = match condition.test() {
                Test::Product => "the product".to_owned(),
                Test::Feature(feature) => format!("feature {feature}"),
                Test::Plans(plans) => format!("plan {}", plans.iter().cloned().collect::<Vec<_>>().join(" ")),
                Test::Unrestricted(by) => format!("unless under {by}"),
            };
            writeln!(out, "{:<30} {by}", condition.id()).unwrap();
        }
    }
}

fn answer(role: &Role, decision: &Decision) -> String {
    let undecided = Reason::Undecided { role: role.id().to_owned() };
    match (&decision.level, decision.allowed) {
        (_, false) if decision.reasons.contains(&undecided) => "?".to_owned(),
        (_, false) => "-".to_owned(),
        (Some(level), true) => level.clone(),
        (None, true) => "yes".to_owned(),
    }
}

/// The same person with the permission given by itself, and what it requires, if it can be.
fn given(facts: &Facts, permission: &Permission) -> Option<Facts> {
    permission.can_be_held_at(ScopeKind::Environment).then(|| and(facts, by_itself(permission)))
}

/// BLF-04, LNC-11, LNC-18, MOM-03, RSP-14: what is held somewhere is held there and below, and not beside. The tables are in
/// `fixtures/decisions`; how a change to them is taken over stands in `tests/README.md`.
#[test]
fn who_may_do_what_where_is_written_down() {
    for blueprint in products() {
        let table = Table::of(world(&blueprint));
        let mut lines = String::new();
        table.roles(&mut lines);
        table.permissions(&mut lines);
        table.deeds(&mut lines);
        table.conditions(&mut lines);
        insta::with_settings!(
            { snapshot_path => "../../fixtures/decisions", prepend_module_to_snapshot => false, omit_expression => true },
            { insta::assert_snapshot!(blueprint.id(), lines) }
        );
    }

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/decisions");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let tables = files.filter_map(|name| name.strip_suffix(".snap").map(str::to_owned));
    let products = catalog().iter().map(|(id, _)| (*id).to_owned());
    assert_eq!(tables.collect::<BTreeSet<_>>(), products.collect(), "none of a product that is gone");
}
