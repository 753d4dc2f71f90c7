//! Groups in groups: what they show, whom they reach, and that they never end in themselves. Behaviour 85.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::http::{Doors, PUBLIC, encoded, text};
use crate::support::people::Tenant;
use crate::support::{run, runtime, urls};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Direct and indirect groups of a person.
async fn groups_of(doors: &Doors, user: &str) -> BTreeMap<String, String> {
    let read = doors.scim.get(&format!("/Users/{user}?attributes=groups")).await.is(200).json();
    let groups = read["groups"].as_array().cloned().unwrap_or_default();
    let shown: BTreeMap<String, String> =
        groups.iter().map(|group| (text(&group["value"]), text(&group["type"]))).collect();
    assert_eq!(shown.len(), groups.len(), "one is shown twice: {groups:?}");
    shown
}

fn kinds(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(id, kind)| ((*id).to_owned(), (*kind).to_owned())).collect()
}

async fn change(doors: &Doors, group: &str, op: &str, member: &str) -> crate::support::http::Reply {
    let operation = match op {
        "remove" => json!([{"op": "remove", "path": format!("members[value eq \"{member}\"]")}]),
        _ => json!([{"op": op, "path": "members", "value": [{"value": member}]}]),
    };
    doors.scim.patch(&format!("/Groups/{group}"), operation).await
}

/// What a group's rule gives: whether the person holds the flag.
async fn is_flagged(doors: &Doors, user: &str) -> bool {
    let access = doors.access(user).await;
    access["flags"].as_array().unwrap().iter().any(|held| held["flag"] == "admin_flag")
}

async fn flag(doors: &Doors, group: &str) {
    doors.rule(10, json!({"group": group}), json!({"flags": {"flags": ["admin_flag"]}})).await;
}

async fn found(doors: &Doors, path: &str, filter: &str) -> BTreeSet<String> {
    let list = doors.scim.get(&format!("{path}?count=200&filter={}", encoded(filter))).await.is(200).json();
    list["Resources"].as_array().unwrap().iter().map(|it| text(&it["id"])).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn behaviour_85_a_group_in_a_group_is_shown_as_one_and_its_people_are_in_both() {
    run(async {
        let doors = Doors::fresh().await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);
        let inner = doors.group("Inner", &[&mina]).await;
        let middle = doors.group("Middle", &[&inner]).await;
        let typed = json!([{"value": middle, "type": "group"}, {"value": ken, "type": "User"}]);
        let body = json!({"schemas": [GROUP], "displayName": "Outer", "members": typed});
        let outer = doors.scim.post("/Groups", body).await.is(201).id();

        let shown = doors.scim.get(&format!("/Groups/{outer}")).await.is(200).json();
        let expected = json!([
            {"value": middle, "$ref": format!("{PUBLIC}/scim/v2/Groups/{middle}"), "type": "Group"},
            {"value": ken, "$ref": format!("{PUBLIC}/scim/v2/Users/{ken}"), "type": "User"},
        ]);
        assert_eq!(shown["members"], expected);
        let person = doors.scim.get(&format!("/Users/{mina}")).await.is(200).json();
        let outermost = json!({"value": outer, "$ref": format!("{PUBLIC}/scim/v2/Groups/{outer}"), "type": "indirect", "display": "Outer"});
        assert!(person["groups"].as_array().unwrap().contains(&outermost), "{person}");
        let everybody = doors.scim.get("/Users?sortBy=userName").await.is(200).json()["Resources"].clone();
        let of = |n: usize| everybody[n]["groups"].clone();
        assert_eq!(
            (of(0)[0]["value"].clone(), of(1)),
            (json!(outer), person["groups"].clone()),
            "{everybody}"
        );
        let title = json!([{"op": "replace", "path": "title", "value": "x"}]);
        let changed = doors.scim.patch(&format!("/Users/{mina}"), title).await.is(200).json();
        assert_eq!(changed["groups"], person["groups"]);
        let expected = kinds(&[(&inner, "direct"), (&middle, "indirect"), (&outer, "indirect")]);
        assert_eq!(groups_of(&doors, &mina).await, expected);
        change(&doors, &outer, "add", &mina).await.is(204);
        let expected = kinds(&[(&inner, "direct"), (&middle, "indirect"), (&outer, "direct")]);
        assert_eq!(groups_of(&doors, &mina).await, expected, "what is both is direct");
    });
}

#[test]
fn behaviour_85_filters_find_members_of_both_kinds_and_people_through_groups() {
    run(async {
        let doors = Doors::fresh().await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);
        let inner = doors.group("Inner", &[&mina]).await;
        let outer = doors.group("Outer", &[&inner, &ken]).await;
        let empty = doors.group("Empty", &[]).await;

        for (path, filter, expected) in [
            ("/Users", format!("groups.value eq \"{outer}\""), set(&[&mina, &ken])),
            ("/Users", format!("groups[value eq \"{inner}\"]"), set(&[&mina])),
            ("/Users", "groups.type eq \"indirect\"".to_owned(), set(&[&mina])),
            ("/Users", format!("groups[type eq \"direct\" and value eq \"{outer}\"]"), set(&[&ken])),
            ("/Users", "groups.display eq \"outer\"".to_owned(), set(&[&mina, &ken])),
            ("/Groups", format!("members.value eq \"{inner}\""), set(&[&outer])),
            ("/Groups", format!("members eq \"{mina}\""), set(&[&inner])),
            ("/Groups", "members[type eq \"Group\"]".to_owned(), set(&[&outer])),
            ("/Groups", "members.type eq \"user\"".to_owned(), set(&[&inner, &outer])),
            ("/Groups", "members.type eq \"Device\"".to_owned(), set(&[])),
            ("/Groups", "members.display eq \"Inner\"".to_owned(), set(&[&outer])),
            ("/Groups", "not (members pr)".to_owned(), set(&[&empty])),
        ] {
            assert_eq!(found(&doors, path, &filter).await, expected, "{filter}");
        }
    });
}

#[test]
fn behaviour_85_who_is_below_a_group_has_what_its_rules_give_for_as_long_as_they_are() {
    run(async {
        let doors = Doors::fresh().await;
        flag(&doors, "outer").await;
        let (mina, ken) = (doors.user("mina").await, doors.user("ken").await);
        let inner = doors.group("Inner", &[&mina]).await;
        let middle = doors.group("Middle", &[]).await;
        let outer = doors.group("Outer", &[&middle]).await;
        assert!(!is_flagged(&doors, &mina).await);

        change(&doors, &middle, "add", &inner).await.is(204);
        assert!(is_flagged(&doors, &mina).await, "a group came into the middle");
        change(&doors, &inner, "add", &ken).await.is(204);
        assert!(is_flagged(&doors, &ken).await, "a person came in at the bottom");
        change(&doors, &outer, "add", &ken).await.is(204);
        change(&doors, &middle, "remove", &inner).await.is(204);
        assert!(!is_flagged(&doors, &mina).await, "the group left the middle");
        assert!(is_flagged(&doors, &ken).await, "who is also there directly stays");
        change(&doors, &middle, "replace", &inner).await.is(204);
        assert!(is_flagged(&doors, &mina).await, "it is the only one in the middle");
        let rename = |name: &str| json!([{"op": "replace", "path": "displayName", "value": name}]);
        doors.scim.patch(&format!("/Groups/{outer}"), rename("Other")).await.is(204);
        assert!(!is_flagged(&doors, &mina).await, "the rule means another group now");
        doors.scim.patch(&format!("/Groups/{outer}"), rename("Outer")).await.is(204);
        assert!(is_flagged(&doors, &mina).await);
        doors.scim.delete(&format!("/Groups/{middle}")).await.is(204);
        assert!(!is_flagged(&doors, &mina).await, "the group in the middle is gone");
        assert_eq!(groups_of(&doors, &mina).await, kinds(&[(&inner, "direct")]));

        let changes = doors.audit(&mina).await;
        let changes = changes.iter().filter(|event| event["action"] == "access.change").count();
        assert_eq!(changes, 7, "one when she came and one for each time it changed");
        let events = doors.audit(&middle).await;
        let added = events.iter().find(|event| event["action"] == "group.members.add").unwrap();
        assert_eq!(added["after"], json!({"groups": [inner]}));
    });
}

#[test]
fn behaviour_85_groups_leave_by_every_form_of_patch_and_the_version_counts_it() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;
        let inner = doors.group("Inner", &[]).await;
        let outer = doors.group("Outer", &[&mina, &inner]).await;
        let path = format!("/Groups/{outer}");
        let members = async || {
            let read = doors.scim.get(&path).await.is(200).json();
            let members = read["members"].as_array().cloned().unwrap_or_default();
            members.iter().map(|member| text(&member["value"])).collect::<BTreeSet<_>>()
        };

        let by_type = json!([{"op": "remove", "path": "members[type eq \"Group\"]"}]);
        doors.scim.patch(&path, by_type.clone()).await.is(204);
        assert_eq!(members().await, set(&[&mina]));
        let quiet = doors.scim.patch(&path, by_type).await.is(204);
        assert_eq!(quiet.header("etag"), "W/\"2\"", "nothing was left to remove");
        let back = change(&doors, &outer, "add", &inner).await.is(204);
        assert_eq!(back.header("etag"), "W/\"3\"");
        let again = change(&doors, &outer, "add", &inner).await.is(204);
        assert_eq!(again.header("etag"), "W/\"3\"");
        let body = json!({"schemas": [GROUP], "displayName": "Outer", "members": [{"value": mina}]});
        doors.scim.put(&path, body).await.is(200);
        assert_eq!(members().await, set(&[&mina]));
        let body = json!({"schemas": [GROUP], "displayName": "Outer", "members": [{"value": inner}]});
        doors.scim.put(&path, body).await.is(200);
        assert_eq!(members().await, set(&[&inner]));
        doors.scim.patch(&path, json!([{"op": "remove", "path": "members"}])).await.is(204);
        assert_eq!(members().await, set(&[]));
    });
}

#[test]
fn behaviour_85_a_circle_is_refused_and_nothing_is_changed() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;
        let a = doors.group("A", &[&mina]).await;
        let b = doors.group("B", &[&a]).await;
        let c = doors.group("C", &[&b]).await;

        for (group, member) in [(&a, &a), (&a, &b), (&a, &c), (&b, &c)] {
            for op in ["add", "replace"] {
                let refused = change(&doors, group, op, member).await.scim_error(400, Some("invalidValue"));
                assert!(refused.text.contains("no group can be in itself"), "{}", refused.text);
            }
            let body = json!({"schemas": [GROUP], "displayName": "X", "members": [{"value": member}]});
            doors.scim.put(&format!("/Groups/{group}"), body).await.scim_error(400, Some("invalidValue"));
        }
        let expected = kinds(&[(&a, "direct"), (&b, "indirect"), (&c, "indirect")]);
        assert_eq!(groups_of(&doors, &mina).await, expected);
        change(&doors, &c, "remove", &b).await.is(204);
        change(&doors, &a, "add", &c).await.is(204);
    });
}

#[test]
fn behaviour_85_only_a_group_of_the_same_directory_can_be_a_member_and_only_as_what_it_is() {
    run(async {
        let (doors, others) = (Doors::fresh().await, Doors::fresh().await);
        let mina = doors.user("mina").await;
        let (inner, outer) = (doors.group("Inner", &[]).await, doors.group("Outer", &[]).await);
        let stranger = others.group("Stranger", &[]).await;

        for member in [
            json!({"value": stranger}),
            json!({"value": stranger, "type": "Group"}),
            json!({"value": inner, "type": "User"}),
            json!({"value": mina, "type": "Group"}),
            json!({"value": "00000000-0000-0000-0000-000000000000", "type": "Group"}),
        ] {
            let add = json!([{"op": "add", "path": "members", "value": [member]}]);
            doors.scim.patch(&format!("/Groups/{outer}"), add).await.scim_error(400, Some("invalidValue"));
        }
        let shown = doors.scim.get(&format!("/Groups/{outer}")).await.is(200).json();
        assert_eq!((&shown["meta"]["version"], shown.get("members")), (&json!("W/\"1\""), None));
    });
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// What was announced, whether it has left the outbox or not.
const TOLD: &str =
    "(SELECT fact FROM outbox UNION ALL SELECT fact FROM signal) AS told WHERE fact = 'access.changed'";

async fn count(doors: &Doors, condition: &str) -> i64 {
    let tenant = doors.tenant.admin.scope().tenant();
    let mut owner = AsyncPgConnection::establish(&urls().owner).await.unwrap();
    owner.batch_execute(&format!("SET app.tenant_id = '{tenant}'")).await.unwrap();
    let rows: Vec<Count> =
        diesel::sql_query(format!("SELECT count(*) AS n FROM {condition}")).load(&mut owner).await.unwrap();
    rows[0].n
}

/// More people than are computed at once, in two groups that overlap.
#[test]
fn behaviour_85_a_group_of_thousands_moves_all_its_people_and_nobody_else() {
    run(async {
        let doors = Doors::of(Tenant::fresh().await).await;
        doors.keep_facts().await;
        flag(&doors, "outer").await;
        let mut groups = Vec::new();
        for name in ["One", "Two", "Outer"] {
            groups.push(doors.group(name, &[]).await);
        }
        let (tenant, directory) = (doors.tenant.admin.scope().tenant(), doors.tenant.directory.directory());
        let fill = format!(
            "BEGIN; SELECT set_config('app.tenant_id', '{tenant}', true);
             INSERT INTO users (tenant_id, id, directory_id, user_name_key, active, doc, version, created_at, updated_at)
             SELECT '{tenant}', md5('n{tenant}' || n)::uuid, '{directory}', 'n' || n, true, jsonb_build_object('userName', 'n' || n), 1, now(), now()
             FROM generate_series(1, 2700) AS n;
             INSERT INTO group_member (tenant_id, group_id, user_id)
             SELECT '{tenant}', '{}', md5('n{tenant}' || n)::uuid FROM generate_series(1, 1500) AS n;
             INSERT INTO group_member (tenant_id, group_id, user_id)
             SELECT '{tenant}', '{}', md5('n{tenant}' || n)::uuid FROM generate_series(1300, 2600) AS n; COMMIT;",
            groups[0], groups[1]
        );
        let mut owner = AsyncPgConnection::establish(&urls().owner).await.unwrap();
        owner.batch_execute(&fill).await.unwrap();
        let flagged = "user_access WHERE access->'flags' @> '[{\"flag\": \"admin_flag\"}]'";
        let events = "audit_event WHERE action = 'access.change'";
        let outer = format!("/Groups/{}", groups[2]);

        let both: Vec<Value> = groups.iter().take(2).map(|id| json!({"value": id})).collect();
        doors.scim.patch(&outer, json!([{"op": "add", "path": "members", "value": both}])).await.is(204);
        assert_eq!(count(&doors, flagged).await, 2600);
        assert_eq!(count(&doors, events).await, 2600);
        assert_eq!(count(&doors, TOLD).await, 2600);
        change(&doors, &groups[2], "remove", &groups[0]).await.is(204);
        assert_eq!(count(&doors, flagged).await, 1301, "those of the other group stay");
        assert_eq!(count(&doors, events).await, 2600 + 1299);
        doors.scim.delete(&outer).await.is(204);
        assert_eq!(count(&doors, flagged).await, 0);
    });
}

/// Whoever comes in below while a group is put into another is computed with it, whichever request is first.
#[test]
fn behaviour_85_who_joins_a_group_while_it_is_put_into_another_has_what_both_give() {
    run(async {
        let doors = Doors::fresh().await;
        flag(&doors, "outer").await;
        let outer = doors.group("Outer", &[]).await;
        for round in 0..10 {
            let inner = doors.group(&format!("Inner {round}"), &[]).await;
            let mut people = Vec::new();
            for n in 0..4 {
                people.push(doors.user(&format!("p{round}-{n}")).await);
            }

            let joins = join_all(people.iter().map(|person| change(&doors, &inner, "add", person)));
            let (nested, joined) = tokio::join!(change(&doors, &outer, "add", &inner), joins);
            nested.is(204);
            for reply in joined {
                reply.is(204);
            }

            for person in &people {
                assert!(is_flagged(&doors, person).await, "round {round}");
            }
        }
    });
}

// ---- any edits against a reference that is easy to believe ----

const PEOPLE: usize = 5;
const GROUPS: usize = 6;

/// A member: a person, or a group by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Person(usize),
    Group(usize),
}

#[derive(Debug, Clone)]
enum Edit {
    Add(usize, Member),
    Remove(usize, Member),
    Replace(usize, Vec<Member>),
    Recreate(usize),
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![(0..PEOPLE).prop_map(Member::Person), (0..GROUPS).prop_map(Member::Group)]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (0..GROUPS, member()).prop_map(|(group, member)| Edit::Add(group, member)),
        3 => (0..GROUPS, member()).prop_map(|(group, member)| Edit::Remove(group, member)),
        2 => (0..GROUPS, prop::collection::vec(member(), 0..4)).prop_map(|(group, all)| Edit::Replace(group, all)),
        1 => (0..GROUPS).prop_map(Edit::Recreate),
    ]
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Model([BTreeSet<Member>; GROUPS]);

impl Model {
    /// Whether somebody is in a group, walking down every way.
    fn holds(&self, group: usize, person: usize) -> bool {
        self.0[group].iter().any(|member| match member {
            Member::Person(it) => *it == person,
            Member::Group(inner) => self.holds(*inner, person),
        })
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        from == to
            || self.0[from]
                .iter()
                .any(|member| matches!(member, Member::Group(inner) if self.reaches(*inner, to)))
    }

    /// Whether the edit is possible; if so it is done.
    fn apply(&mut self, edit: &Edit) -> bool {
        let closes = |model: &Self, group: usize, members: &[Member]| {
            members.iter().any(|it| matches!(it, Member::Group(inner) if model.reaches(*inner, group)))
        };
        match edit {
            Edit::Add(group, member) => {
                if closes(self, *group, &[*member]) {
                    return false;
                }
                self.0[*group].insert(*member);
            }
            Edit::Remove(group, member) => {
                self.0[*group].remove(member);
            }
            Edit::Replace(group, all) => {
                if closes(self, *group, all) {
                    return false;
                }
                self.0[*group] = all.iter().copied().collect();
            }
            Edit::Recreate(group) => {
                self.0[*group].clear();
                for members in &mut self.0 {
                    members.remove(&Member::Group(*group));
                }
            }
        }
        true
    }
}

struct World {
    doors: Doors,
    people: Vec<String>,
    groups: Vec<String>,
}

impl World {
    async fn fresh() -> Self {
        let doors = Doors::fresh().await;
        flag(&doors, "group 0").await;
        let (mut people, mut groups) = (Vec::new(), Vec::new());
        for n in 0..PEOPLE {
            people.push(doors.user(&format!("person {n}")).await);
        }
        for n in 0..GROUPS {
            groups.push(doors.group(&format!("group {n}"), &[]).await);
        }
        Self { doors, people, groups }
    }

    fn id(&self, member: Member) -> &str {
        match member {
            Member::Person(n) => &self.people[n],
            Member::Group(n) => &self.groups[n],
        }
    }

    async fn edit(&mut self, edit: &Edit) -> u16 {
        match edit {
            Edit::Add(group, member) => {
                change(&self.doors, &self.groups[*group], "add", self.id(*member)).await.status
            }
            Edit::Remove(group, member) => {
                change(&self.doors, &self.groups[*group], "remove", self.id(*member)).await.status
            }
            Edit::Replace(group, all) => {
                let all: Vec<Value> = all.iter().map(|it| json!({"value": self.id(*it)})).collect();
                let replace = json!([{"op": "replace", "path": "members", "value": all}]);
                self.doors.scim.patch(&format!("/Groups/{}", self.groups[*group]), replace).await.status
            }
            Edit::Recreate(group) => {
                self.doors.scim.delete(&format!("/Groups/{}", self.groups[*group])).await.is(204);
                self.groups[*group] = self.doors.group(&format!("group {group}"), &[]).await;
                204
            }
        }
    }

    /// Everybody's groups, what they have by them, and who is found by them.
    async fn agrees(&self, model: &Model) {
        for (n, person) in self.people.iter().enumerate() {
            let expected: BTreeMap<String, String> = (0..GROUPS)
                .filter(|group| model.holds(*group, n))
                .map(|group| {
                    let is_direct = model.0[group].contains(&Member::Person(n));
                    let kind = if is_direct { "direct" } else { "indirect" };
                    (self.groups[group].clone(), kind.to_owned())
                })
                .collect();
            assert_eq!(groups_of(&self.doors, person).await, expected);
            assert_eq!(is_flagged(&self.doors, person).await, model.holds(0, n));
        }
        for (n, group) in self.groups.iter().enumerate() {
            let below: BTreeSet<String> =
                (0..PEOPLE).filter(|it| model.holds(n, *it)).map(|it| self.people[it].clone()).collect();
            assert_eq!(found(&self.doors, "/Users", &format!("groups.value eq \"{group}\"")).await, below);
            let inside: BTreeSet<String> = (0..GROUPS)
                .filter(|outer| model.0[*outer].contains(&Member::Group(n)))
                .map(|outer| self.groups[outer].clone())
                .collect();
            assert_eq!(found(&self.doors, "/Groups", &format!("members.value eq \"{group}\"")).await, inside);
        }
    }
}

#[test]
fn behaviour_85_whatever_is_edited_everybody_is_where_a_walk_down_the_groups_finds_them() {
    let config = Config { cases: 8, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let checked = TestRunner::new(config).run(&prop::collection::vec(edit(), 10..40), |edits| {
        runtime().block_on(async {
            let mut world = World::fresh().await;
            let mut model = Model::default();
            for (n, edit) in edits.iter().enumerate() {
                let expected = if model.apply(edit) { 204 } else { 400 };
                prop_assert_eq!(world.edit(edit).await, expected, "{:?}", edit);
                if n % 8 == 7 {
                    world.agrees(&model).await;
                }
            }
            world.agrees(&model).await;
            Ok(())
        })
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}
