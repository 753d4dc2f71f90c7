//! Who may do what to whom, product by product: a program asks for a person, and the blueprint's grant rules answer.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::http::{Doors, Reply, text};
use crate::support::people::Tenant;
use crate::support::{fresh_slug, run};

const PERSON: &str = "Usher-Acting-Person";

/// A tenant of a product, and what is done in it for people.
pub(super) struct House(pub(super) Doors);

impl House {
    pub(super) async fn of(blueprint: &str) -> Self {
        Self(Doors::of(Tenant::of_product(&fresh_slug(), blueprint).await).await)
    }

    /// An organisation of a top, a branch with a twig, and another branch.
    pub(super) async fn of_branches() -> Self {
        let house = Self::of("bellface").await;
        for (key, above) in [("Sales", "Top"), ("Osaka", "Sales"), ("HR", "Top")] {
            house.0.org_unit(key, Some(above)).await;
        }
        house
    }

    /// Two workspaces, `emea` and `apac`.
    pub(super) async fn of_workspaces() -> Self {
        let house = Self::of("respond_io").await;
        for key in ["emea", "apac"] {
            house.0.api.post("/workspaces", json!({"key": key, "name": key})).await.is(201);
        }
        house
    }

    /// An owner, a manager and an agent of `emea`, who are called so.
    pub(super) async fn staff(&self) -> [String; 3] {
        let one = async |name| self.has(name, json!([role(name, at("emea"))])).await;
        [one("owner").await, one("manager").await, one("agent").await]
    }

    /// Somebody to whom the operator gives this from the start; their id.
    pub(super) async fn has(&self, name: &str, gives: Value) -> String {
        self.invite(None, name, gives).await.is(201).id()
    }

    async fn invite(&self, actor: Option<&str>, name: &str, gives: Value) -> Reply {
        self.ask(actor, "POST", "/users", Some(json!({"userName": name, "gives": gives}))).await
    }

    pub(super) async fn give(&self, actor: Option<&str>, to: &str, gives: Value) -> Reply {
        self.ask(actor, "POST", &format!("/users/{to}/grants"), Some(json!({"gives": gives}))).await
    }

    pub(super) async fn change(&self, actor: Option<&str>, to: &str, change: Value) -> Reply {
        self.ask(actor, "PATCH", &format!("/users/{to}"), Some(change)).await
    }

    /// Takes away the one grant of this kind that somebody has.
    async fn take(&self, actor: Option<&str>, from: &str, kind: &str) -> Reply {
        let id = self.grant(from, kind).await;
        self.ask(actor, "DELETE", &format!("/users/{from}/grants/{id}"), None).await
    }

    async fn grant(&self, of: &str, kind: &str) -> String {
        let grants = self.0.api.get(&format!("/users/{of}/grants")).await.is(200).json();
        let mut found =
            grants["items"].as_array().unwrap().iter().filter(|it| it["gives"].get(kind).is_some());
        text(&found.next_back().unwrap()["id"])
    }

    pub(super) async fn ask(
        &self,
        actor: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let with = |request: reqwest::RequestBuilder| {
            let request = actor.into_iter().fold(request, |request, actor| request.header(PERSON, actor));
            body.into_iter().fold(request, |request, body| request.json(&body))
        };
        self.0.api.send(method, path, with).await
    }

    async fn roles(&self, of: &str) -> Vec<String> {
        let access = self.0.access(of).await;
        access["roles"].as_array().unwrap().iter().map(|held| text(&held["role"])).collect()
    }

    async fn home(&self, of: &str) -> String {
        text(&self.0.access(of).await["home"]["key"])
    }
}

pub(super) fn flag(id: &str) -> Value {
    json!({"flags": {"flags": [id]}})
}

pub(super) fn home(key: &str) -> Value {
    json!({"home": {"template": key}})
}

pub(super) fn role(id: &str, scope: Value) -> Value {
    let mut gives = json!({"role": {"role": id}});
    gives["role"]["scope"] = scope;
    gives
}

pub(super) fn at(workspace: &str) -> Value {
    json!({"workspace": workspace})
}

/// The rule that a refusal names.
#[track_caller]
fn forbidden_by(reply: Reply, rule: &str) {
    let said = reply.problem(403, "grant_rule").json();
    assert!(text(&said["detail"]).contains(rule), "{said}");
}

#[track_caller]
pub(super) fn allowed_by_none(reply: Reply) {
    forbidden_by(reply, "No grant rule allows");
}

/// BLF-02, BLF-04, BLF-09, BLF-12, BLF-13, BLF-14
#[test]
fn an_org_admin_reaches_their_subtree_from_source_to_target_and_nothing_else() {
    run(async {
        let house = House::of_branches().await;
        house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let ken = house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
        let mina = house.has("mina", json!([home("Osaka")])).await;
        let hugo = house.has("hugo", json!([home("HR")])).await;
        let nomad = house.has("nomad", json!([])).await;
        let ken = Some(ken.as_str());

        house.give(ken, &mina, flag("recolog")).await.is(201);
        assert_eq!(house.0.access(&mina).await["flags"][0]["flag"], "recolog");
        house.take(ken, &mina, "flags").await.is(204);
        for stranger in [&hugo, &nomad] {
            allowed_by_none(house.give(ken, stranger, flag("recolog")).await);
            allowed_by_none(house.give(ken, stranger, home("Sales")).await);
            allowed_by_none(house.change(ken, stranger, json!({"active": false})).await);
            allowed_by_none(house.change(ken, stranger, json!({"email": "x@acme.example"})).await);
        }
        for away in ["HR", "Top"] {
            allowed_by_none(house.give(ken, &mina, home(away)).await);
        }
        house.give(ken, &mina, home("Sales")).await.is(201);
        assert_eq!(house.home(&mina).await, "Sales");
        house.change(ken, &mina, json!({"email": "mina@acme.example"})).await.is(200);
        house.change(ken, &mina, json!({"active": false})).await.is(200);
        house.change(ken, &mina, json!({"active": true})).await.is(200);
        house.change(ken, &mina, json!({"title": "CEO"})).await.problem(403, "forbidden");
        allowed_by_none(house.ask(ken, "DELETE", &format!("/users/{mina}"), None).await);

        house.invite(ken, "new", json!([home("Osaka"), flag("recolog")])).await.is(201);
        for gives in [json!([home("HR")]), json!([home("Top"), flag("admin_flag")]), json!([])] {
            allowed_by_none(house.invite(ken, "never", gives).await);
        }
        allowed_by_none(house.give(Some(&mina), &mina, flag("recolog")).await);
        allowed_by_none(house.invite(Some(&mina), "never", json!([home("Sales")])).await);
    });
}

/// BLF-15, BLF-16, BLF-17, BLF-18, BLF-19
#[test]
fn nobody_changes_their_own_admin_right_and_the_home_decides_what_it_is() {
    run(async {
        let house = House::of_branches().await;
        let hana = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let ken = house.has("ken", json!([home("Osaka"), flag("admin_flag")])).await;
        let mina = house.has("mina", json!([home("Top")])).await;
        assert_eq!(
            (house.roles(&hana).await, house.roles(&ken).await),
            (vec!["admin".into()], vec!["org_admin".into()])
        );

        for own in [&hana, &ken] {
            forbidden_by(house.take(Some(own), own, "flags").await, "nobody_changes_their_own_admin_right");
            forbidden_by(
                house.give(Some(own), own, flag("admin_flag")).await,
                "nobody_changes_their_own_admin_right",
            );
            house.give(Some(own), own, flag("recolog")).await.is(201);
            house.take(Some(own), own, "flags").await.is(204);
        }
        house.give(Some(&hana), &mina, flag("admin_flag")).await.is(201);
        assert_eq!(house.roles(&mina).await, ["admin"], "as many as one likes");
        house.give(Some(&hana), &mina, home("HR")).await.is(201);
        assert_eq!(house.roles(&mina).await, ["org_admin"], "moved down");
        house.give(Some(&hana), &ken, home("Top")).await.is(201);
        assert_eq!(house.roles(&ken).await, ["admin"], "moved up");
        house.take(Some(&ken), &hana, "flags").await.is(204);
        assert_eq!(house.roles(&hana).await, ["general"]);
    });
}

/// BLF-20
#[test]
fn the_last_administrator_is_lost_neither_by_a_move_nor_by_demotion_nor_by_leaving() {
    run(async {
        let house = House::of_branches().await;
        let hana = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;

        for actor in [None, Some(hana.as_str())] {
            for refused in [
                house.give(actor, &hana, home("Sales")).await,
                house.take(actor, &hana, "home").await,
                house.change(actor, &hana, json!({"active": false})).await,
            ] {
                let said = refused.problem(409, "last_holder").json();
                assert!(text(&said["detail"]).contains("one_administrator_in_the_environment"), "{said}");
            }
        }
        house.take(None, &hana, "flags").await.problem(409, "last_holder");
        house.0.api.delete(&format!("/users/{hana}")).await.problem(409, "last_holder");
        assert_eq!((house.home(&hana).await, house.roles(&hana).await), ("Top".into(), vec!["admin".into()]));
    });
}

/// BLF-22, BLF-23
#[test]
fn who_approves_materials_can_upload_them() {
    run(async {
        let house = House::of_branches().await;
        let hana = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let mina = house.has("mina", json!([home("HR")])).await;
        let hana = Some(hana.as_str());

        for actor in [None, hana] {
            let said =
                house.give(actor, &mina, flag("materials.approve")).await.problem(409, "requires").json();
            assert!(text(&said["detail"]).contains("materials.upload"), "{said}");
        }
        house.give(hana, &mina, flag("materials.upload")).await.is(201);
        let upload = house.grant(&mina, "flags").await;
        house.give(hana, &mina, flag("materials.approve")).await.is(201);
        house.0.api.delete(&format!("/users/{mina}/grants/{upload}")).await.problem(409, "requires");
        house.take(hana, &mina, "flags").await.is(204);
        house.0.api.delete(&format!("/users/{mina}/grants/{upload}")).await.is(204);
        house.0.api.put("/offer", json!({"features": []})).await.is(200);
        house.give(hana, &mina, flag("materials.upload")).await.is(201);
        house.give(hana, &mina, flag("materials.approve")).await.is(201);
        assert_eq!(
            house.0.access(&mina).await["flags"].as_array().unwrap().len(),
            1,
            "there is no second step"
        );
    });
}

/// CHT-02, CHT-03, CHT-07, CHT-08, CHT-09, CHT-22, CHT-27, CHT-28, CHT-29
#[test]
fn owners_manage_the_staff_of_a_channel_and_there_is_always_one() {
    run(async {
        let house = House::of("channel_talk").await;
        let channel = || json!("environment");
        let owner = house.has("owner", json!([role("owner", channel())])).await;
        let staff = house.has("staff", json!([])).await;
        assert_eq!(house.roles(&staff).await, ["general"], "the default of those who join");

        allowed_by_none(house.give(Some(&staff), &owner, role("general", channel())).await);
        forbidden_by(
            house.give(Some(&staff), &staff, role("marketer", channel())).await,
            "others_do_not_change_themselves",
        );
        allowed_by_none(house.invite(Some(&staff), "never", json!([])).await);
        allowed_by_none(house.ask(Some(&staff), "DELETE", &format!("/users/{owner}"), None).await);
        house.give(Some(&owner), &staff, role("marketer", channel())).await.is(201);
        house.give(Some(&owner), &staff, role("cx_staff", channel())).await.is(201);
        assert_eq!(house.roles(&staff).await, ["cx_staff"], "one role, the last that was given");
        house.take(Some(&owner), &staff, "role").await.is(204);
        assert_eq!(house.roles(&staff).await, ["general"], "never without a role");

        house.give(Some(&owner), &owner, role("general", channel())).await.problem(409, "last_holder");
        house.take(None, &owner, "role").await.problem(409, "last_holder");
        let other = house.invite(Some(&owner), "other", json!([role("owner", channel())])).await.is(201).id();
        house.give(Some(&owner), &owner, role("general", channel())).await.is(201);
        house.ask(Some(&other), "DELETE", &format!("/users/{staff}"), None).await.is(204);
    });
}

/// RSP-01, RSP-09, RSP-13, RSP-14, RSP-16, RSP-17, RSP-18, RSP-19, RSP-20, RSP-29, RSP-31, RSP-33, RSP-34
#[test]
fn owners_manage_everybody_of_their_workspace_but_themselves_and_managers_its_agents() {
    run(async {
        let house = House::of_workspaces().await;
        let [owner, manager, agent] = house.staff().await;
        let (owner, manager) = (Some(owner.as_str()), Some(manager.as_str()));

        for invited in ["owner", "manager", "agent"] {
            house.invite(owner, &format!("{invited} 2"), json!([role(invited, at("emea"))])).await.is(201);
            allowed_by_none(house.invite(owner, "never", json!([role(invited, at("apac"))])).await);
            allowed_by_none(house.invite(Some(&agent), "never", json!([role(invited, at("emea"))])).await);
        }
        let new = house.invite(manager, "agent 3", json!([role("agent", at("emea"))])).await.is(201).id();
        allowed_by_none(house.invite(manager, "never", json!([role("manager", at("emea"))])).await);
        allowed_by_none(house.give(manager, &new, role("manager", at("emea"))).await);
        allowed_by_none(house.give(manager, owner.unwrap(), role("agent", at("emea"))).await);
        for own in [owner, manager] {
            let change = house.give(own, own.unwrap(), role("agent", at("emea"))).await;
            forbidden_by(change, "nobody_changes_or_revokes_themselves");
            forbidden_by(house.take(own, own.unwrap(), "role").await, "nobody_changes_or_revokes_themselves");
        }

        house.give(owner, &new, role("manager", at("emea"))).await.is(201);
        house.change(owner, &new, json!({"email": "new@acme.example"})).await.problem(403, "grant_rule");
        house.take(owner, &new, "role").await.is(204);
        assert_eq!(house.roles(&new).await, Vec::<String>::new());
        assert_eq!(house.0.api.get(&format!("/users/{new}")).await.is(200).json()["active"], true);
        let closed =
            json!({"restrictions": {"restrictions": ["no_workspace_settings"], "scope": at("emea")}});
        allowed_by_none(house.give(manager, manager.unwrap(), closed.clone()).await);
        house.give(owner, manager.unwrap(), closed).await.is(201);
        allowed_by_none(house.take(manager, &agent, "role").await);
        allowed_by_none(house.invite(manager, "never", json!([role("agent", at("emea"))])).await);
    });
}

/// MOM-03, MOM-05, MOM-06, MOM-11, MOM-12, MOM-13, MOM-15, MOM-16, MOM-17
#[test]
fn only_admins_invite_and_give_cases_and_owners_share_what_is_theirs() {
    run(async {
        let house = House::of("momos").await;
        house.0.unit_of_kind("Brand", Some("Top"), Some("brand")).await;
        house.0.unit_of_kind("Ginza", Some("Brand"), Some("location")).await;
        house.0.unit_of_kind("Ueno", Some("Brand"), Some("location")).await;
        let there = |key: &str| json!({"orgUnit": key});
        let admin = house.has("admin", json!([role("admin", json!("environment"))])).await;
        let owner = house.has("owner", json!([role("owner", there("Ginza"))])).await;
        let manager = house.has("manager", json!([role("manager", there("Ginza"))])).await;
        let viewer = house.has("viewer", json!([role("viewer", there("Ginza"))])).await;
        let (admin, owner, manager) = (Some(admin.as_str()), Some(owner.as_str()), Some(manager.as_str()));

        house.give(owner, &viewer, role("manager", there("Ginza"))).await.is(201);
        house.give(owner, &viewer, role("viewer", there("Ginza"))).await.is(201);
        allowed_by_none(house.give(owner, &viewer, role("viewer", there("Ueno"))).await);
        allowed_by_none(house.give(owner, &viewer, role("admin", json!("environment"))).await);
        allowed_by_none(house.give(manager, &viewer, role("manager", there("Ginza"))).await);
        for actor in [owner, manager] {
            allowed_by_none(house.invite(actor, "never", json!([role("viewer", there("Ginza"))])).await);
        }
        let inquiries =
            json!({"level": {"permission": "case.inquiry_type", "level": "reply", "of": "refunds"}});
        for gives in [flag("case.create"), flag("case.edit"), inquiries] {
            forbidden_by(house.give(owner, &viewer, gives.clone()).await, "only_admins_give_cases");
            forbidden_by(
                house.give(manager, manager.unwrap(), gives.clone()).await,
                "only_admins_give_cases",
            );
            house.give(admin, manager.unwrap(), gives).await.is(201);
        }
        house.invite(admin, "second", json!([role("admin", json!("environment"))])).await.is(201);
        house.give(admin, &viewer, role("owner", there("Brand"))).await.is(201);
    });
}

/// LNC-02, LNC-04, LNC-18
#[test]
fn system_admins_invite_and_promote_and_team_admins_see_to_their_team() {
    run(async {
        let house = House::of("linc_biz").await;
        house.0.unit_of_kind("Team", Some("Top"), Some("team")).await;
        house.0.unit_of_kind("Other", Some("Top"), Some("team")).await;
        let team = |key: &str| json!({"orgUnit": key});
        let site = || json!("environment");
        let admin = house.has("admin", json!([role("system_admin", site())])).await;
        let leader = house.has("leader", json!([role("team_admin", team("Team"))])).await;
        let member = house.has("member", json!([role("member", team("Team"))])).await;
        let other = house.has("other", json!([role("member", team("Other"))])).await;

        for actor in [&leader, &member] {
            allowed_by_none(house.invite(Some(actor), "never", json!([role("member", team("Team"))])).await);
            allowed_by_none(house.give(Some(actor), &member, role("system_admin", site())).await);
            allowed_by_none(house.change(Some(actor), &other, json!({"active": false})).await);
        }
        house.invite(Some(&admin), "new", json!([role("member", team("Team"))])).await.is(201);
        allowed_by_none(house.take(Some(&leader), &other, "role").await);
        allowed_by_none(house.take(Some(&member), &leader, "role").await);
        house.take(Some(&leader), &member, "role").await.is(204);
        house.give(Some(&leader), &member, role("member", team("Team"))).await.is(201);
        house.give(Some(&admin), &member, role("system_admin", site())).await.is(201);
        house.change(Some(&member), &other, json!({"active": false})).await.is(200);
    });
}

/// BLF-16, BLF-20: of two who take each other's right one comes too late, whoever else is there.
#[test]
fn of_two_administrators_who_demote_each_other_at_once_one_succeeds() {
    run(async {
        for others in [0, 1] {
            for _ in 0..5 {
                let house = House::of_branches().await;
                for n in 0..others {
                    house.has(&format!("other {n}"), json!([home("Top"), flag("admin_flag")])).await;
                }
                let (hana, ken) = (
                    house.has("hana", json!([home("Top"), flag("admin_flag")])).await,
                    house.has("ken", json!([home("Top"), flag("admin_flag")])).await,
                );

                let both = join_all(
                    [(&hana, &ken), (&ken, &hana)]
                        .map(|(actor, other)| house.take(Some(actor), other, "flags")),
                )
                .await;

                let mut statuses: Vec<u16> = both.iter().map(|reply| reply.status).collect();
                statuses.sort_unstable();
                assert_eq!(statuses, [204, 403], "{both:?}");
                let admins = house.0.api.get("/guards").await.is(200).json()["roles"][0]["holders"].clone();
                assert_eq!(admins, others + 1);
            }
        }
    });
}

/// BLF-12: whoever was moved out of the subtree is not fetched back by a request that came at the same moment.
#[test]
fn a_move_out_of_the_subtree_is_not_overtaken_by_a_move_inside() {
    run(async {
        for _ in 0..5 {
            let house = House::of_branches().await;
            let hana = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
            let ken = house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
            let mina = house.has("mina", json!([home("Osaka"), flag("admin_flag")])).await;

            let (out, inside) = tokio::join!(
                house.give(Some(&hana), &mina, home("HR")),
                house.give(Some(&ken), &mina, home("Sales"))
            );

            out.is(201);
            assert!(matches!(inside.status, 201 | 403), "{}", inside.text);
            assert_eq!(house.home(&mina).await, "HR");
        }
    });
}

#[test]
fn a_program_asks_for_people_of_its_tenant_who_are_active_and_for_nobody_where_nobody_is_asked() {
    run(async {
        let house = House::of_branches().await;
        let hana = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let gone = house.has("gone", json!([home("Top"), flag("admin_flag")])).await;
        let stranger = House::of_branches().await.has("x", json!([home("Top"), flag("admin_flag")])).await;
        house.change(None, &gone, json!({"active": false})).await.is(200);

        for nobody in [&gone, &stranger] {
            house.give(Some(nobody), &hana, flag("recolog")).await.problem(403, "forbidden");
        }
        house.give(Some("hana"), &hana, flag("recolog")).await.problem(400, "invalid_parameter");
        house.ask(Some(&hana), "GET", "/tombstones", None).await.problem(403, "forbidden");
        house.ask(Some(&hana), "GET", "/mapping-rules", None).await.problem(403, "forbidden");
        let given = house.give(Some(&hana), &gone, flag("recolog")).await.is(201).json();
        assert_eq!(given["givenBy"], "hana");
        let event = &house.0.audit(&text(&given["id"])).await[0];
        assert_eq!((&event["actor"]["kind"], &event["actor"]["user"]), (&json!("person"), &json!(hana)));
    });
}

/// R1: what the identity provider's groups decide is changed there.
#[test]
fn nothing_is_given_beside_what_a_mapping_rule_decides() {
    run(async {
        let house = House::of("channel_talk").await;
        let owners = json!({"role": {"role": "cx_staff"}});
        house.0.rule(1, json!({"group": "staff"}), owners).await;
        let mina = house.0.user("mina").await;
        let noor = house.0.user("noor").await;
        let group = house.0.group("staff", &[&mina]).await;

        let refused = house.give(None, &mina, role("marketer", json!("environment"))).await;
        refused.problem(409, "managed_by_directory");
        house.give(None, &noor, role("marketer", json!("environment"))).await.is(201);
        house.0.scim.delete(&format!("/Groups/{group}")).await.is(204);
        house.give(None, &mina, role("marketer", json!("environment"))).await.is(201);
        assert_eq!(house.roles(&mina).await, ["marketer"]);
        house.0.api.delete(&format!("/users/{mina}/grants/{noor}")).await.problem(404, "not_found");
    });
}
