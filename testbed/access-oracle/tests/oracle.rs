//! Cedar as the oracle: from each blueprint a schema and policies are made that say the same in another language, and of random people
//! both engines must decide every question alike. Knows what a blueprint means; does not know how the evaluation goes about it.
//!
//! The policies are made from the words of `catalog/README.md`: one for each permission, level and place, which permits what is held
//! there to be done there and below. What competes — several roles at one place — is settled by facts that do not compete; there is
//! one role at a place.

#![cfg(test)] // so that clippy knows helpers for what they are

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, Schema, ValidationMode, Validator,
};
use domain::access::{
    Facts, GroupFact, LocalGrant, Offer, Place, Policy, Question, SeatState, Workspace, evaluate,
};
use domain::blueprint::{
    Assignment, Blueprint, Cell, Grantable, HomeDepth, OwnRole, OwnRoles, Permission, PermissionKind,
    Restriction, Role, ScopeKind, Standing, Test, catalog,
};
use domain::id::{GrantId, GroupId, MappingRuleId, OrgUnitId, WorkspaceId};
use domain::mapping::{MappingRule, Matcher, Outcome, ScopeRef};
use domain::org_tree::{OrgTree, OrgUnit};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use uuid::Uuid;

// ---- the world ----

/// A tenant of a product: a top, one unit of each kind and a second one of each beside, and two workspaces, one of them in a unit.
struct World {
    blueprint: Arc<Blueprint>,
    tree: OrgTree,
    workspaces: Vec<Workspace>,
    places: Vec<ScopeRef>,
}

fn uuid(number: usize) -> Uuid {
    Uuid::from_u128(u128::try_from(number).unwrap())
}

fn unit_id(number: usize) -> OrgUnitId {
    OrgUnitId::from_uuid(uuid(number))
}

impl World {
    fn of(blueprint: Blueprint) -> Self {
        let kinds: Vec<_> = blueprint.units().collect();
        let unit = |number, parent: Option<usize>, kind: Option<&str>| OrgUnit {
            id: unit_id(number),
            parent: parent.map(unit_id),
            key: format!("unit{number}"),
            name: format!("Unit {number}"),
            kind: kind.map(str::to_owned),
        };
        let mut units = vec![unit(1, None, None)];
        for first in [2, 2 + kinds.len()] {
            for (n, kind) in kinds.iter().enumerate() {
                let above = kinds.iter().take(n).rposition(|above| kind.lies_below(above.id()));
                units.push(unit(first + n, Some(above.map_or(1, |above| first + above)), Some(kind.id())));
            }
        }
        let lowest = units.last().map(|unit| unit.id);
        let workspace = |number: u128, org_unit| Workspace {
            id: WorkspaceId::from_uuid(Uuid::from_u128(number)),
            key: format!("workspace{number}"),
            name: format!("Workspace {number}"),
            org_unit,
        };
        let workspaces = vec![workspace(1, None), workspace(2, lowest)];
        let mut places = vec![ScopeRef::Environment];
        places.extend(units.iter().map(|unit| ScopeRef::OrgUnit(unit.id)));
        places.extend(workspaces.iter().map(|it| ScopeRef::Workspace(it.id)));
        Self { blueprint: Arc::new(blueprint), tree: OrgTree::build(units).unwrap(), workspaces, places }
    }

    /// The places directly above one.
    fn above(&self, place: ScopeRef) -> Vec<ScopeRef> {
        let of_unit = |unit: Option<OrgUnitId>| unit.map(ScopeRef::OrgUnit);
        match place {
            ScopeRef::Environment => Vec::new(),
            ScopeRef::OrgUnit(id) => {
                vec![of_unit(self.tree.get(id).unwrap().parent).unwrap_or_default()]
            }
            ScopeRef::Workspace(id) => {
                let workspace = self.workspaces.iter().find(|it| it.id == id).unwrap();
                std::iter::once(ScopeRef::Environment).chain(of_unit(workspace.org_unit)).collect()
            }
        }
    }

    /// A place and all those that it lies in.
    fn from_here_up(&self, place: ScopeRef) -> BTreeSet<ScopeRef> {
        let mut all = BTreeSet::from([place]);
        for above in self.above(place) {
            all.extend(self.from_here_up(above));
        }
        all
    }

    fn can_be_held_at(&self, role: &Role, place: ScopeRef) -> bool {
        self.blueprint.called(place, &self.tree).is_some_and(|called| role.can_be_held_at_a(called))
    }
}

fn id_of(place: ScopeRef) -> String {
    match place {
        ScopeRef::Environment => "environment".to_owned(),
        ScopeRef::OrgUnit(id) => format!("unit {id}"),
        ScopeRef::Workspace(id) => format!("workspace {id}"),
    }
}

fn entity(place: ScopeRef) -> String {
    format!("Place::{:?}", id_of(place))
}

// ---- the blueprint in Cedar ----

fn either(all: impl IntoIterator<Item = String>) -> String {
    let all: Vec<String> = all.into_iter().filter(|one| one != "false").collect();
    if all.is_empty() { "false".to_owned() } else { halved(&all) }
}

/// A long row as a tree, since Cedar follows a row to its end by recursion.
fn halved(all: &[String]) -> String {
    match all {
        [one] => one.clone(),
        all => {
            let (left, right) = all.split_at(all.len() / 2);
            format!("({} || {})", halved(left), halved(right))
        }
    }
}

fn both(all: impl IntoIterator<Item = String>) -> String {
    let all: Vec<String> = all.into_iter().filter(|one| one != "true").collect();
    match all.iter().any(|one| one == "false") {
        true => "false".to_owned(),
        false if all.is_empty() => "true".to_owned(),
        false => format!("({})", all.join(" && ")),
    }
}

fn not(one: &str) -> String {
    match one {
        "false" => "true".to_owned(),
        one => format!("!{one}"),
    }
}

/// That somebody was given something at a place.
fn given(what: &str, place: ScopeRef) -> String {
    format!("principal[{what:?}].contains({})", entity(place))
}

impl World {
    fn is_home(place: ScopeRef) -> String {
        format!("(principal has \"home\" && principal.home == {})", entity(place))
    }

    /// Where a role is held that nobody gave: in the environment, or else where the home is.
    fn settles_at(role: &Role, place: ScopeRef) -> String {
        match (role.can_be_held_at(ScopeKind::Environment), place) {
            (true, ScopeRef::Environment) => "true".to_owned(),
            (false, ScopeRef::OrgUnit(_)) if role.can_be_held_at(ScopeKind::OrgUnit) => Self::is_home(place),
            _ => "false".to_owned(),
        }
    }

    /// That somebody was given a role at a place or has it by flags and home.
    fn given_or_derived(&self, role: &Role, place: ScopeRef) -> String {
        let can = role.assignment() == Assignment::Given && self.can_be_held_at(role, place);
        let by_gift = can.then(|| given(&format!("role:{}", role.id()), place));
        let derived =
            self.blueprint.derived_roles().iter().filter(|it| it.role() == role.id()).map(|derived| {
                let flags = derived
                    .requires_flags()
                    .iter()
                    .map(|flag| given(&format!("flag:{flag}"), ScopeRef::Environment));
                let depth = match derived.home_depth() {
                    Some(HomeDepth::Top) => "(principal has \"home\" && principal.at_top)",
                    Some(HomeDepth::Below) => "(principal has \"home\" && !principal.at_top)",
                    None => "true",
                };
                both(flags.chain([depth.to_owned(), Self::settles_at(role, place)]))
            });
        either(by_gift.into_iter().chain(derived))
    }

    fn holds_role(&self, role: &Role, place: ScopeRef) -> String {
        let is_default = self.blueprint.default_role().is_some_and(|it| it.id() == role.id());
        let by_default = is_default.then(|| {
            let others = self
                .blueprint
                .roles()
                .flat_map(|role| self.places.iter().map(move |place| self.given_or_derived(role, *place)));
            both([not(&either(others)), Self::settles_at(role, place)])
        });
        either(std::iter::once(self.given_or_derived(role, place)).chain(by_default))
    }

    fn some_role_allows(&self, permission: &str) -> String {
        let allowing = self.blueprint.roles().filter(|role| {
            matches!(role.cell(permission), Some(Cell::Yes | Cell::Grantable | Cell::Level(_)))
        });
        either(allowing.flat_map(|role| self.places.iter().map(|place| self.holds_role(role, *place))))
    }

    fn of_plans(plans: &BTreeSet<String>) -> String {
        if plans.is_empty() {
            return "true".to_owned();
        }
        let plans: Vec<String> = plans.iter().map(|plan| format!("{plan:?}")).collect();
        format!("(if context has \"plan\" then [{}].contains(context.plan) else true)", plans.join(", "))
    }

    fn is_under(&self, restriction: &Restriction, place: ScopeRef) -> String {
        let roles = self.blueprint.roles().filter(|role| restriction.applies_to(role.id()));
        both([
            given(&format!("under:{}", restriction.id()), place),
            Self::of_plans(restriction.plans()),
            either(roles.map(|role| self.holds_role(role, place))),
        ])
    }

    /// What stands before something, as far as it is not left to the product.
    fn condition(&self, id: &str, place: ScopeRef) -> String {
        match self.blueprint.condition(id).unwrap().test() {
            Test::Product => "true".to_owned(),
            Test::Feature(feature) => {
                format!("(if context has \"features\" then context.features.contains({feature:?}) else true)")
            }
            Test::Plans(plans) => Self::of_plans(plans),
            Test::Unrestricted(by) => not(&self.is_under(self.blueprint.restriction(by).unwrap(), place)),
        }
    }

    /// That a permission is held at a place, at this level or a higher one if it has levels.
    fn holds(&self, permission: &Permission, level: Option<&str>, place: ScopeRef) -> String {
        let id = permission.id();
        let height = |level: &str| permission.height(level).unwrap();
        let enough = |held: &str| level.is_none_or(|level| height(held) >= height(level));
        let by_role = self.blueprint.roles().map(|role| {
            let open = role.grantable() == Grantable::Open;
            let top = permission.levels().last().map(String::as_str);
            let (gives, condition) = match role.cell(id).unwrap() {
                Cell::No | Cell::Unspecified => (false, None),
                Cell::Yes => (true, None),
                Cell::If(condition) => (true, Some(condition)),
                Cell::Level(held) => (enough(held), None),
                Cell::Grantable => (open && top.is_none_or(enough), None),
            };
            if !gives {
                return "false".to_owned();
            }
            let condition = condition.map_or("true".to_owned(), |it| self.condition(it, place));
            both([self.holds_role(role, place), condition])
        });
        let can_be_given = permission.can_be_held_at(place.kind());
        let gifts: Vec<String> = match permission.kind() {
            PermissionKind::Bool => Vec::new(),
            PermissionKind::Flag => vec![given(&format!("flag:{id}"), place)],
            PermissionKind::Level => {
                let levels = permission.levels().iter().filter(|held| enough(held));
                levels.map(|held| given(&format!("level:{id}:{held}"), place)).collect()
            }
        };
        let by_gift = both([
            can_be_given.to_string(),
            either(gifts),
            if can_be_given { self.some_role_allows(id) } else { "false".to_owned() },
        ]);
        let taken = self.blueprint.restrictions().filter(|restriction| {
            let held_down = restriction
                .limits()
                .any(|(limited, to)| limited == id && level.is_some_and(|level| height(to) < height(level)));
            held_down || restriction.denies().any(|denied| denied == id)
        });
        let taken = either(taken.map(|restriction| self.is_under(restriction, place)));
        let needed = permission.requires().map(|needs| {
            let needs = self.blueprint.permission(needs).unwrap();
            let least = needs.levels().iter().find(|level| Permission::is_something(level));
            let up = self.from_here_up(place);
            either(up.into_iter().map(|place| self.holds(needs, least.map(String::as_str), place)))
        });
        let only_if = permission.only_if().map_or("true".to_owned(), |it| self.condition(it, place));
        both([either(by_role.chain([by_gift])), not(&taken), only_if].into_iter().chain(needed))
    }

    /// Everything that can be asked: the permission, and of one with levels each that is something.
    fn questions(&self) -> Vec<(&Permission, Option<&str>)> {
        let of = |permission: &'_ Permission| -> Vec<Option<String>> {
            let levels = permission.levels().iter().filter(|level| Permission::is_something(level));
            let levels: Vec<Option<String>> = levels.cloned().map(Some).collect();
            if levels.is_empty() { vec![None] } else { levels }
        };
        let all = self.blueprint.permissions().flat_map(|permission| {
            of(permission).into_iter().map(move |level| {
                let level = level.and_then(|level| permission.height(&level));
                (permission, level.map(|height| permission.levels()[height].as_str()))
            })
        });
        all.collect()
    }

    /// The names of everything that a person has a set of places for.
    fn attributes(&self) -> Vec<String> {
        let blueprint = &self.blueprint;
        let levels = blueprint.permissions().flat_map(|permission| {
            permission.levels().iter().map(|level| format!("level:{}:{level}", permission.id()))
        });
        let roles = blueprint.roles().map(|role| format!("role:{}", role.id()));
        let flags = blueprint.flags().map(|flag| format!("flag:{}", flag.id()));
        let under = blueprint.restrictions().map(|it| format!("under:{}", it.id()));
        roles.chain(flags).chain(under).chain(levels).collect()
    }

    fn schema(&self) -> Schema {
        let mut text = "entity Place in [Place];\nentity Person = {\n\"active\": Bool, \"blocked\": Bool, \"seated\": Bool, \
                        \"home\"?: Place, \"at_top\": Bool,\n"
            .to_owned();
        for attribute in self.attributes() {
            writeln!(text, "{attribute:?}: Set<Place>,").unwrap();
        }
        text.push_str("};\n");
        for (permission, level) in self.questions() {
            writeln!(
                text,
                "action {:?} appliesTo {{ principal: [Person], resource: [Place], \
                 context: {{ \"plan\"?: String, \"features\"?: Set<String> }} }};",
                action(permission, level)
            )
            .unwrap();
        }
        Schema::from_cedarschema_str(&text).unwrap().0
    }

    fn policies(&self, permission: &Permission, level: Option<&str>) -> PolicySet {
        let mut text = String::new();
        for place in &self.places {
            let held = self.holds(permission, level, *place);
            if held != "false" {
                writeln!(
                    text,
                    "permit (principal, action == Action::{:?}, resource in {}) when {{ principal.active && \
                     !principal.blocked && principal.seated && {held} }};",
                    action(permission, level),
                    entity(*place)
                )
                .unwrap();
            }
        }
        text.parse().unwrap()
    }
}

fn action(permission: &Permission, level: Option<&str>) -> String {
    level.map_or_else(|| permission.id().to_owned(), |level| format!("{}@{level}", permission.id()))
}

/// A blueprint as Cedar has it.
struct Oracle {
    schema: Schema,
    policies: BTreeMap<String, PolicySet>,
}

impl Oracle {
    fn of(world: &World) -> Self {
        for condition in world
            .blueprint
            .permissions()
            .flat_map(|permission| permission.levels().iter().flat_map(|level| permission.obligations(level)))
        {
            let test = world.blueprint.condition(condition).unwrap().test();
            assert_eq!(
                *test,
                Test::Product,
                "{condition}: an obligation that the house decides is not said here"
            );
        }
        let schema = world.schema();
        let validator = Validator::new(schema.clone());
        let policies = world.questions().into_iter().map(|(permission, level)| {
            let policies = world.policies(permission, level);
            let checked = validator.validate(&policies, ValidationMode::Strict);
            let errors: Vec<String> = checked.validation_errors().map(ToString::to_string).collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", action(permission, level));
            (action(permission, level), policies)
        });
        let policies = policies.collect();
        Self { schema, policies }
    }

    fn entities(&self, world: &World, person: &Person) -> Entities {
        let reference = |place: &ScopeRef| json!({"__entity": {"type": "Place", "id": id_of(*place)}});
        let mut entities: Vec<Value> = Vec::new();
        for place in &world.places {
            let parents: Vec<Value> = world
                .above(*place)
                .iter()
                .map(|above| json!({"type": "Place", "id": id_of(*above)}))
                .collect();
            entities.push(
                json!({"uid": {"type": "Place", "id": id_of(*place)}, "attrs": {}, "parents": parents}),
            );
        }
        let mut attributes = serde_json::Map::new();
        for name in world.attributes() {
            let places = person.given.get(&name).into_iter().flatten().map(reference);
            attributes.insert(name, places.collect());
        }
        let seated = matches!(person.facts.seat, SeatState::Held | SeatState::NotNeeded);
        attributes.insert("active".to_owned(), json!(person.facts.active));
        attributes.insert("blocked".to_owned(), json!(person.blocked));
        attributes.insert("seated".to_owned(), json!(seated));
        let home = person.facts.local_home;
        attributes.insert("at_top".to_owned(), json!(home == Some(unit_id(1))));
        if let Some(home) = home {
            attributes.insert("home".to_owned(), reference(&ScopeRef::OrgUnit(home)));
        }
        entities.push(json!({"uid": {"type": "Person", "id": "hana"}, "attrs": attributes, "parents": []}));
        Entities::from_json_value(Value::Array(entities), Some(&self.schema)).unwrap()
    }

    fn decides(&self, asked: &str, place: ScopeRef, offer: &Offer, entities: &Entities) -> bool {
        let action: EntityUid = format!("Action::{asked:?}").parse().unwrap();
        let mut context = serde_json::Map::new();
        if let Some(plan) = &offer.plan {
            context.insert("plan".to_owned(), json!(plan));
        }
        if let Some(features) = &offer.features {
            context.insert("features".to_owned(), json!(features));
        }
        let context =
            Context::from_json_value(Value::Object(context), Some((&self.schema, &action))).unwrap();
        let (person, place) = ("Person::\"hana\"".parse().unwrap(), entity(place).parse().unwrap());
        let request = Request::new(person, action, place, context, Some(&self.schema)).unwrap();
        let answer = Authorizer::new().is_authorized(&request, &self.policies[asked], entities);
        let errors: Vec<String> = answer.diagnostics().errors().map(ToString::to_string).collect();
        assert_eq!(errors, Vec::<String>::new(), "{asked}");
        answer.decision() == Decision::Allow
    }
}

// ---- people ----

/// What is drawn of a person and of what their tenant has.
#[derive(Clone, Debug)]
struct Drawn {
    active: bool,
    blocked: bool,
    seat: SeatState,
    home: Option<Index>,
    /// What, which of it, where, and whether a rule gives it.
    gifts: Vec<(Gift, Index, Index, bool)>,
    plan: Option<Index>,
    features: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Gift {
    Role,
    Flag,
    Level,
    Restriction,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let gift = prop_oneof![
        4 => Just(Gift::Role),
        3 => Just(Gift::Flag),
        2 => Just(Gift::Level),
        3 => Just(Gift::Restriction),
    ];
    let seat = prop_oneof![
        6 => Just(SeatState::Held),
        2 => Just(SeatState::NotNeeded),
        1 => Just(SeatState::Refused),
    ];
    let gifts = prop::collection::vec((gift, any::<Index>(), any::<Index>(), any::<bool>()), 0..8);
    (
        prop::bool::weighted(0.95),
        prop::bool::weighted(0.05),
        seat,
        prop::option::weighted(0.7, any::<Index>()),
        gifts,
        prop::option::weighted(0.7, any::<Index>()),
        prop::option::weighted(0.7, any::<u8>()),
    )
        .prop_map(|(active, blocked, seat, home, gifts, plan, features)| Drawn {
            active,
            blocked,
            seat,
            home,
            gifts,
            plan,
            features,
        })
}

/// A person as both engines are told of them.
struct Person {
    facts: Facts,
    rules: Vec<MappingRule>,
    offer: Offer,
    blocked: bool,
    /// The places where something was given, by the name that Cedar has for it.
    given: BTreeMap<String, BTreeSet<ScopeRef>>,
}

impl Person {
    fn of(world: &World, drawn: &Drawn) -> Self {
        let product = world.blueprint.product();
        let names = |all: &[domain::blueprint::Named]| -> Vec<String> {
            all.iter().map(|it| it.id.get_ref().clone()).collect()
        };
        let (plans, features) = (names(&product.plans), names(&product.features));
        let chosen = |bits: u8| {
            let on = |n: &usize| bits & (1 << n) != 0;
            (0..features.len()).filter(on).map(|n| features[n].clone()).collect()
        };
        let offer = Offer {
            plan: drawn.plan.filter(|_| !plans.is_empty()).map(|plan| plan.get(&plans).clone()),
            features: drawn.features.map(chosen),
        };
        let units: Vec<&OrgUnit> = world.tree.iter().collect();
        let facts = Facts {
            active: drawn.active,
            groups: Vec::new(),
            attributes: BTreeMap::new(),
            local_home: drawn.home.filter(|_| world.blueprint.has_homes()).map(|home| home.get(&units).id),
            local_grants: Vec::new(),
            held: Vec::new(),
            seat: drawn.seat,
        };
        let given = BTreeMap::new();
        let mut person = Self { facts, rules: Vec::new(), offer, blocked: drawn.blocked, given };
        let mut with_role = BTreeSet::new();
        for (gift, which, place, by_rule) in &drawn.gifts {
            let scope = *place.get(&world.places);
            if let Some((name, what)) = gift.of(world, *which, scope)
                && (!matches!(gift, Gift::Role) || with_role.insert(scope))
            {
                person.given.entry(name).or_default().insert(scope);
                person.gets(what, *by_rule);
            }
        }
        if drawn.blocked {
            person.gets(Outcome::Block, false);
        }
        person
    }

    /// By hand, or by a rule on a group of its own.
    fn gets(&mut self, what: Outcome, by_rule: bool) {
        let number = self.rules.len() + self.facts.local_grants.len() + 1;
        let id = uuid(number);
        if !by_rule {
            self.facts.local_grants.push(LocalGrant {
                id: GrantId::from_uuid(id),
                what,
                by: "hand".to_owned(),
            });
            return;
        }
        let name = format!("group {number}");
        let group = GroupFact { id: GroupId::from_uuid(id), display_name: name.clone(), external_id: None };
        self.facts.groups.push(group);
        self.rules.push(MappingRule {
            id: MappingRuleId::from_uuid(id),
            priority: 10,
            matcher: Matcher::Group { display_name: name },
            outcome: what,
            active: true,
        });
    }
}

impl Gift {
    /// One of the product's things of this kind, given at a place: what Cedar calls it, and what is given.
    fn of(self, world: &World, which: Index, scope: ScopeRef) -> Option<(String, Outcome)> {
        let blueprint = &world.blueprint;
        let one = |all: Vec<String>| (!all.is_empty()).then(|| which.get(&all).clone());
        Some(match self {
            Self::Role => {
                let role = one(blueprint.roles().map(|role| role.id().to_owned()).collect())?;
                (format!("role:{role}"), Outcome::Role { role, scope, restrictions: Vec::new() })
            }
            Self::Flag => {
                let flag = one(blueprint.flags().map(|flag| flag.id().to_owned()).collect())?;
                (format!("flag:{flag}"), Outcome::Flags { flags: vec![flag], scope })
            }
            Self::Level => {
                let levels = blueprint.permissions().flat_map(|permission| {
                    permission.levels().iter().map(|level| format!("{}:{level}", permission.id()))
                });
                let drawn = one(levels.collect())?;
                let (permission, level) = drawn.split_once(':')?;
                let (permission, level) = (permission.to_owned(), level.to_owned());
                (format!("level:{drawn}"), Outcome::Level { permission, level, of: None, scope })
            }
            Self::Restriction => {
                let id = one(blueprint.restrictions().map(|it| it.id().to_owned()).collect())?;
                (format!("under:{id}"), Outcome::Restrictions { restrictions: vec![id], scope })
            }
        })
    }
}

/// The first question that the two answer differently: what, where, and what the evaluation says.
fn differ(
    world: &World,
    evaluated: &World,
    oracle: &Oracle,
    drawn: &Drawn,
) -> Option<(String, String, bool)> {
    let person = Person::of(world, drawn);
    let entities = oracle.entities(world, &person);
    let policy = Policy {
        blueprint: Arc::clone(&evaluated.blueprint),
        tree: world.tree.clone(),
        workspaces: world.workspaces.clone(),
        rules: person.rules.clone(),
        offer: person.offer.clone(),
    };
    let access = evaluate(&policy, &person.facts);
    world.questions().into_iter().find_map(|(permission, level)| {
        let asked = action(permission, level);
        let question =
            Question { at_least: level, levels: permission.levels(), ..Question::of(permission.id()) };
        world.places.iter().find_map(|place| {
            let at = match place {
                ScopeRef::Environment => Place::Environment,
                ScopeRef::OrgUnit(id) => Place::OrgUnit(*id),
                ScopeRef::Workspace(id) => {
                    Place::Workspace(world.workspaces.iter().find(|it| it.id == *id).unwrap())
                }
            };
            let ours = access.decide(&question, at, &world.tree).allowed;
            let theirs = oracle.decides(&asked, *place, &person.offer, &entities);
            (ours != theirs).then(|| (asked.clone(), id_of(*place), ours))
        })
    })
}

/// A tenant's own role, and other words for a role of the product, where the product has such.
fn with_own_roles(product: &Blueprint) -> Option<Blueprint> {
    product.product().membership.most_roles?;
    let mut cells = product.starting_from(product.roles().max_by_key(|role| role.rank()));
    let switched = cells.iter_mut().filter(|(_, cell)| *cell == "yes").take(1);
    switched.for_each(|(_, cell)| "no".clone_into(cell));
    let places = vec![product.scopes().first()?.id().to_owned()];
    let standing = Some(Standing { places, rank: 20 });
    let own = OwnRole { id: "night_shift".to_owned(), label: None, cells, standing, removed: false };
    let editable = product.roles().find(|role| role.editable())?;
    let least = product.starting_from(None);
    let changed =
        OwnRole { id: editable.id().to_owned(), label: None, cells: least, standing: None, removed: false };
    let default_role = Some("night_shift".to_owned());
    Some(product.clone().with(&OwnRoles { roles: vec![own, changed], default_role }))
}

fn worlds() -> Vec<World> {
    let products: Vec<Blueprint> =
        catalog().iter().map(|(_, text)| Blueprint::parse(text).unwrap()).collect();
    let with_own = products.iter().filter_map(with_own_roles).collect::<Vec<_>>();
    assert_eq!((products.len(), with_own.len()), (5, 1));
    products.into_iter().chain(with_own).map(World::of).collect()
}

#[test]
fn cedar_decides_every_question_as_the_evaluation_does() {
    for world in worlds() {
        let oracle = Oracle::of(&world);
        let mut runner =
            TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&drawn(), |drawn| {
            prop_assert_eq!(differ(&world, &world, &oracle, &drawn), None);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", world.blueprint.id()));
    }
}

/// The text of a blueprint with one cell of one role turned round, for every cell for which that is a blueprint.
fn with_one_wrong_cell(text: &str) -> Vec<Blueprint> {
    let lines: Vec<&str> = text.lines().collect();
    let wrong = (0..lines.len()).filter_map(|n| {
        let turned = match lines[n] {
            line if line.starts_with('"') && line.ends_with("= \"yes\"") => line.replace("\"yes\"", "\"no\""),
            line if line.starts_with('"') && line.ends_with("= \"no\"") => line.replace("\"no\"", "\"yes\""),
            _ => return None,
        };
        let mut lines = lines.clone();
        lines[n] = &turned;
        Blueprint::parse(&lines.join("\n")).ok()
    });
    wrong.collect()
}

/// The test of the test: an evaluation by a matrix with one wrong cell is found out.
#[test]
fn one_wrong_cell_is_noticed() {
    for (id, text) in catalog() {
        let right = World::of(Blueprint::parse(text).unwrap());
        let oracle = Oracle::of(&right);
        let all = with_one_wrong_cell(text);
        assert!(all.len() > 10, "{id}");
        // A few of each product, from its whole matrix.
        for wrong in all.iter().step_by(all.len() / 3) {
            let wrong = World::of(wrong.clone());
            let mut runner =
                TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
            let noticed = (0..512).any(|_| {
                let person = drawn().new_tree(&mut runner).unwrap().current();
                differ(&right, &wrong, &oracle, &person).is_some()
            });
            let differing =
                right.blueprint.roles().find(|role| wrong.blueprint.role(role.id()) != Some(role));
            assert!(noticed, "{id}: a wrong cell of {:?} passes", differing.map(Role::id));
        }
    }
}
