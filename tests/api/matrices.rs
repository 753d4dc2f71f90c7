//! Every cell of every product's matrix, asked about people whom a directory provisioned and put into groups: by each of them with
//! their own session, and about each with an administrator's credential.

use std::collections::{BTreeMap, BTreeSet};

use domain::blueprint::{
    Assignment, Blueprint, Cell, Grantable, HomeDepth, Permission, PermissionKind, Restriction, Role, Scope,
    ScopeKind, Test, catalog,
};
use serde_json::{Value, json};

use crate::support::http::{COOKIE, Client, Doors, text};
use crate::support::people::Tenant;
use crate::support::{fresh_slug, run};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A tenant of a product, with a unit of each kind and a workspace if it has any.
struct World {
    doors: Doors,
    blueprint: Blueprint,
    /// The members of each group that a rule names.
    groups: BTreeMap<String, BTreeSet<String>>,
    people: BTreeMap<String, String>,
}

/// What somebody is answered who asks this about themselves.
async fn own_answers(cookie: &str, questions: &[&Value]) -> Vec<Value> {
    let questions: Vec<Value> = questions
        .iter()
        .map(|question| {
            let mut own = (*question).clone();
            own.as_object_mut().unwrap().remove("user");
            own
        })
        .collect();
    let with = |request: reqwest::RequestBuilder| {
        request.header("cookie", format!("{COOKIE}={cookie}")).json(&json!({"questions": questions}))
    };
    let answers = Client::at("/session").send("POST", "/decisions", with).await.is(200).json();
    answers["items"].as_array().unwrap().clone()
}

impl World {
    async fn of(id: &str, text: &str) -> Self {
        let doors = Doors::of(Tenant::of_product(&fresh_slug(), id).await).await;
        let blueprint = Blueprint::parse(text).unwrap();
        let kinds: Vec<_> = blueprint.units().collect();
        for (n, kind) in kinds.iter().enumerate() {
            let above = kinds.iter().take(n).rfind(|above| kind.lies_below(above.id()));
            let parent = above.map_or("Top", |above| above.id());
            doors.unit_of_kind(kind.id(), Some(parent), Some(kind.id()).filter(|_| kinds.len() > 1)).await;
        }
        if blueprint.scopes().iter().any(|scope| scope.kind() == ScopeKind::Workspace) {
            doors.api.post("/workspaces", json!({"key": "here", "name": "Here"})).await.is(201);
        }
        let home = json!({"home": {"template": "{value}"}});
        if blueprint.has_homes() {
            doors.rule(1, json!({"attribute": {"path": format!("{ENTERPRISE}:department")}}), home).await;
        }
        Self { doors, blueprint, groups: BTreeMap::new(), people: BTreeMap::new() }
    }

    /// Where somebody of the role holds it, as rules and questions say it.
    fn place(role: &Role) -> Value {
        let called = role.places().next().unwrap();
        match role.scope() {
            ScopeKind::OrgUnit => json!({"orgUnit": called}),
            ScopeKind::Workspace => json!({"workspace": "here"}),
            _ => json!("environment"),
        }
    }

    /// The group whose members get this; its rule is made when it is first asked for.
    async fn group(&mut self, name: String, gives: Value) -> String {
        if !self.groups.contains_key(&name) {
            self.doors.rule(10, json!({"group": name}), gives).await;
            self.groups.insert(name.clone(), BTreeSet::new());
        }
        name
    }

    /// Somebody of the role who is in one group more; made when they are first asked for.
    async fn somebody(&mut self, role: &str, more: Option<(String, Value)>) -> String {
        let name = more.as_ref().map_or_else(|| role.to_owned(), |(group, _)| format!("{role}+{group}"));
        if let Some(id) = self.people.get(&name) {
            return id.clone();
        }
        let role = self.blueprint.role(role).unwrap().clone();
        let derived = self.blueprint.derived_roles().iter().find(|it| it.role() == role.id()).cloned();
        let at_the_top = derived.as_ref().is_some_and(|it| it.home_depth() == Some(HomeDepth::Top));
        let below = self.blueprint.units().next().map_or("Top", Scope::id).to_owned();
        let department = if at_the_top { "Top".to_owned() } else { below };
        let person = json!({"userName": name, ENTERPRISE: {"department": department}});
        let id = self.doors.person(person).await;
        let by_role = match (derived, role.assignment()) {
            (Some(derived), _) => Some(json!({"flags": {"flags": derived.requires_flags()}})),
            (None, Assignment::Given) => {
                Some(json!({"role": {"role": role.id(), "scope": Self::place(&role)}}))
            }
            (None, Assignment::Derived) => None,
        };
        for (group, gives) in
            by_role.map(|gives| (format!("role {}", role.id()), gives)).into_iter().chain(more)
        {
            let group = self.group(group, gives).await;
            self.groups.get_mut(&group).unwrap().insert(id.clone());
        }
        self.people.insert(name, id.clone());
        id
    }

    /// What makes a cell that can be granted say something else than it does by itself.
    fn grant(&self, role: &Role, permission: &Permission) -> (String, Value, Value) {
        let id = permission.id();
        if role.grantable() == Grantable::Open && permission.kind() != PermissionKind::Flag {
            let by =
                self.blueprint.restrictions().find(|it| it.applies_to(role.id()) && it.touches(id)).unwrap();
            let gives = json!({"restrictions": {"restrictions": [by.id()], "scope": Self::place(role)}});
            return (format!("restriction {}", by.id()), gives, Self::place(role));
        }
        let gives = match permission.levels().last() {
            Some(level) => json!({"level": {"permission": id, "level": level}}),
            None => json!({"flags": {"flags": permission.requires().chain([id]).collect::<Vec<_>>()}}),
        };
        (format!("grant {id}"), gives, json!("environment"))
    }
}

/// One question, and what its answer must be.
struct Expected {
    question: Value,
    about: String,
    allowed: bool,
    level: Option<String>,
    obligations: Vec<String>,
}

/// The questions about a cell.
async fn questions(world: &mut World, role: &Role, permission: &Permission, cell: &Cell) -> Vec<Expected> {
    let about = format!("{} {} {}", world.blueprint.id(), role.id(), permission.id());
    let user = world.somebody(role.id(), None).await;
    let at = World::place(role);
    let ask =
        |user: &str, at: &Value, allowed: bool, level: Option<&str>, obligations: Vec<String>| Expected {
            question: json!({"user": user, "permission": permission.id(), "at": at}),
            about: about.clone(),
            allowed,
            level: level.map(str::to_owned),
            obligations,
        };
    let own = || permission.only_if().map(str::to_owned).into_iter().collect::<Vec<_>>();
    match cell {
        Cell::Yes => vec![ask(&user, &at, true, None, own())],
        Cell::Level(level) if Permission::is_something(level) => {
            let obligations = permission.obligations(level).map(str::to_owned).collect();
            vec![ask(&user, &at, true, Some(level), obligations)]
        }
        Cell::Level(_) | Cell::No | Cell::Unspecified => vec![ask(&user, &at, false, None, Vec::new())],
        Cell::If(condition) => match world.blueprint.condition(condition).unwrap().test().clone() {
            Test::Unrestricted(by) => {
                let gives = json!({"restrictions": {"restrictions": [by], "scope": at}});
                let under = world.somebody(role.id(), Some((format!("restriction {by}"), gives))).await;
                vec![ask(&user, &at, true, None, Vec::new()), ask(&under, &at, false, None, Vec::new())]
            }
            _ => vec![ask(&user, &at, true, None, vec![condition.clone()])],
        },
        Cell::Grantable => {
            let rests_on_it = world
                .blueprint
                .derived_roles()
                .iter()
                .any(|it| it.role() == role.id() && it.requires_flags().contains(permission.id()));
            let open = role.grantable() == Grantable::Open && permission.kind() != PermissionKind::Flag;
            let highest = permission.levels().last().map(String::as_str);
            let (group, gives, there) = world.grant(role, permission);
            let granted = world.somebody(role.id(), Some((group, gives))).await;
            if !open {
                let before = ask(&user, &at, rests_on_it, None, Vec::new());
                return vec![before, ask(&granted, &there, true, highest, own())];
            }
            let restrictions = world.blueprint.restrictions();
            let mut limits = restrictions
                .filter(|it| it.applies_to(role.id()) && it.touches(permission.id()))
                .take(1)
                .flat_map(Restriction::limits)
                .filter(|(limited, _)| *limited == permission.id());
            let limit = limits.next().map(|(_, level)| level);
            let obligations =
                limit.into_iter().flat_map(|it| permission.obligations(it)).map(str::to_owned).collect();
            let by_itself = ask(&user, &at, true, highest, Vec::new());
            vec![by_itself, ask(&granted, &there, limit.is_some(), limit, obligations)]
        }
    }
}

/// BLF-15, BLF-26, BLF-27, BLF-28, BLF-29, CHT-10, CHT-11, CHT-12, CHT-13, CHT-14, CHT-15, CHT-16, CHT-17, CHT-18, CHT-23,
/// CHT-24, CHT-25, CHT-31, LNC-16, LNC-21, LNC-23, LNC-24, MOM-05, MOM-06, MOM-07, MOM-08, MOM-09, MOM-10, MOM-11, MOM-12,
/// RSP-16, RSP-17, RSP-19, RSP-20, RSP-21, RSP-22, RSP-23, RSP-25, RSP-26, RSP-27, RSP-35, RSP-36
#[test]
fn the_api_answers_what_every_cell_of_every_matrix_says() {
    run(async {
        let (mut checked, mut asked, mut questions_of_all) = (0, 0, 0);
        for (id, text) in catalog() {
            let mut world = World::of(id, text).await;
            let matrix: Value = serde_json::from_str(&matrix(id)).unwrap();
            let mut expected = Vec::new();
            for (role, cells) in matrix["cells"].as_object().unwrap() {
                let role = world.blueprint.role(role).unwrap().clone();
                for permission in cells.as_object().unwrap().keys() {
                    let permission = world.blueprint.permission(permission).unwrap().clone();
                    let cell = role.cell(permission.id()).unwrap();
                    expected.extend(questions(&mut world, &role, &permission, cell).await);
                    checked += 1;
                }
            }
            for (group, members) in &world.groups {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                world.doors.group(group, &members).await;
            }
            let connection = world.doors.connection("op", "https://idp.example").await;
            let everybody: BTreeSet<&str> = world.people.values().map(String::as_str).collect();
            for user in everybody {
                let of_user: Vec<&Expected> =
                    expected.iter().filter(|it| it.question["user"] == user).collect();
                let cookie = world.doors.session(user, connection).await;
                for some in of_user.chunks(100) {
                    let questions: Vec<&Value> = some.iter().map(|it| &it.question).collect();
                    for (expected, answer) in some.iter().zip(own_answers(&cookie, &questions).await) {
                        check(expected, &answer);
                        asked += 1;
                    }
                }
            }
            questions_of_all += expected.len();
            for some in expected.chunks(100) {
                let questions: Vec<&Value> = some.iter().map(|it| &it.question).collect();
                let body = json!({"questions": questions});
                let answers = world.doors.api.post("/decisions", body).await.is(200).json();
                for (expected, answer) in some.iter().zip(answers["items"].as_array().unwrap()) {
                    check(expected, answer);
                }
            }
        }

        assert_eq!((checked, asked), (375, questions_of_all));
    });
}

fn check(expected: &Expected, answer: &Value) {
    let about = format!("{}: {answer}", expected.about);
    let obligations: Vec<String> =
        answer["obligations"].as_array().unwrap().iter().map(|it| text(&it["id"])).collect();
    assert_eq!(answer["allowed"], expected.allowed, "{about}");
    assert_eq!(answer["level"].as_str(), expected.level.as_deref(), "{about}");
    assert_eq!(obligations, expected.obligations, "{about}");
    assert!(!answer["reasons"].as_array().unwrap().is_empty(), "{about}");
}

fn matrix(id: &str) -> String {
    let file = format!("{}/src/domain/fixtures/matrices/{id}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(file).unwrap()
}
