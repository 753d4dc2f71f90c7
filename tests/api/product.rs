//! What the products' pages state and a console shows by data alone: what there is to see and to press, in three languages, and that
//! what stands behind it can be asked for and done.

use serde_json::{Value, json};

use super::decisions::decide;
use super::grant_rules::{House, at, flag, home, role};
use crate::support::http::{Doors, text};
use crate::support::run;

async fn says(doors: &Doors) -> Value {
    doors.api.get("/blueprint").await.is(200).json()["says"].clone()
}

/// The words in which this language calls what stands here.
fn called(list: &Value, id: &str, language: &str) -> String {
    let found = list.as_array().unwrap().iter().find(|it| it["id"] == id);
    text(&found.unwrap_or_else(|| panic!("no {id}"))["label"][language])
}

/// BLF-01, BLF-25, MOM-01, MOM-24, RSP-02, RSP-07: roles and permissions by the names of the page; the columns and filters of its
/// list, what can be done in a row, where a profile opens.
#[test]
fn a_console_asks_for_all_that_it_shows_of_a_product() {
    run(async {
        let doors = House::of("bellface").await.0;
        let view = doors.api.get("/blueprint").await.is(200).json();
        assert_eq!((&view["id"], view["version"].is_string()), (&json!("bellface"), true));
        let bellface = says(&doors).await;
        let administrator = ["ja", "en", "fr"].map(|language| called(&bellface["role"], "admin", language));
        assert_eq!(administrator, ["管理者", "Administrator", "Administrateur"]);
        assert_eq!(called(&bellface["permission"], "users.stop", "ja"), "アカウントの停止");
        assert_eq!(bellface["role"][0]["grants"]["users.stop"], "yes");
        assert_eq!(bellface["directory"]["profile_opens"], "new_window");

        let respond = says(&House::of("respond_io").await.0).await;
        assert_eq!(respond["directory"]["row_actions"], json!(["edit", "revoke"]));
        assert_eq!(respond["directory"]["visible_to"], json!(["owner", "manager"]));

        let momos = says(&House::of("momos").await.0).await;
        let roles = momos["role"].as_array().unwrap();
        assert!(roles.iter().any(|role| role["id"] == "admin") && roles.len() > 3, "{roles:?}");
        for action in ["edit", "deactivate", "resend_invitation"] {
            assert!(
                momos["directory"]["row_actions"].as_array().unwrap().contains(&json!(action)),
                "{action}"
            );
        }
        for said in [&bellface, &respond, &momos] {
            assert!(said["invitation"]["asks"].as_array().is_some_and(|asked| !asked.is_empty()));
        }
    });
}

/// BLF-11, BLF-21, BLF-24: what an administrator may see of others' materials, and the rights that they give one by one; what rests
/// on the age of the contract is for the product to check.
#[test]
fn administrators_reach_others_materials_and_give_reports_and_surveys_one_by_one() {
    run(async {
        let house = House::of_branches().await;
        let top = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let below = house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
        let mina = house.has("mina", json!([home("Sales")])).await;
        let may = async |who: &str, what: &str| decide(&house.0, who, what, json!("environment")).await;

        let at_sales =
            async |who: &str, what: &str| decide(&house.0, who, what, json!({"orgUnit": "Sales"})).await;
        for (who, may_delete) in [(&top, true), (&below, false)] {
            let view = at_sales(who, "materials.view_others").await;
            assert_eq!(
                (&view["allowed"], &view["obligations"][0]["id"]),
                (&json!(true), &json!("own_uploads_of_target"))
            );
            assert_eq!(at_sales(who, "materials.delete_others").await["allowed"], may_delete);
        }
        assert_eq!(at_sales(&mina, "materials.view_others").await["allowed"], false);

        for what in ["report.receive", "survey.show_to_guest"] {
            assert_eq!(may(&mina, what).await["allowed"], false, "{what}");
            house.give(Some(&top), &mina, flag(what)).await.is(201);
            assert_eq!(may(&mina, what).await["allowed"], true, "{what}");
        }
        let obligations = may(&mina, "report.receive").await["obligations"].clone();
        assert_eq!(obligations[0]["id"], "contract_under_three_months");
        assert_eq!(may(&mina, "survey.show_to_guest").await["obligations"], json!([]));
    });
}

/// RSP-15, RSP-37: whoever has another address is added anew and holds the same; nobody's address is rewritten.
#[test]
fn another_address_is_another_person_who_holds_the_same() {
    run(async {
        let house = House::of_workspaces().await;
        let masked = json!({"restrictions": {"restrictions": ["mask_pii"], "scope": at("emea")}});
        let [owner, ..] = house.staff().await;
        let old = house.has("old@acme.example", json!([role("manager", at("emea")), masked.clone()])).await;
        let given = async |who: &str| {
            let grants = house.0.api.get(&format!("/users/{who}/grants")).await.is(200).json();
            let mut gives: Vec<String> =
                grants["items"].as_array().unwrap().iter().map(|grant| grant["gives"].to_string()).collect();
            gives.sort();
            gives
        };

        let change = json!({"email": "new@acme.example"});
        let refused = house.change(None, &old, change).await.problem(409, "conflict");
        assert!(refused.text.contains("like"), "{}", refused.text);
        let new = json!({"userName": "new@acme.example", "email": "new@acme.example", "like": old});
        let new = house.ask(Some(&owner), "POST", "/users", Some(new)).await.is(201).id();
        assert_eq!((given(&new).await, given(&new).await.len()), (given(&old).await, 2));
        let invited = json!({"address": "third@acme.example", "like": old, "mail": false});
        let invited = house.ask(Some(&owner), "POST", "/invitations", Some(invited)).await.is(201).json();
        assert_eq!(given(&text(&invited["invitation"]["user"])).await, given(&old).await);

        // What the caller could not give, they give nobody by a name either; and nobody unseen is a model.
        let manager = house.has("manager 2", json!([role("manager", at("emea"))])).await;
        let like = json!({"userName": "fourth", "like": old});
        house.ask(Some(&manager), "POST", "/users", Some(like)).await.problem(403, "grant_rule");
        let elsewhere = house.has("elsewhere", json!([role("agent", at("apac"))])).await;
        let like = json!({"userName": "fifth", "like": elsewhere});
        house.ask(Some(&manager), "POST", "/users", Some(like)).await.problem(404, "not_found");

        // Without a word about it, the least is proposed.
        assert_eq!(says(&house.0).await["membership"]["invited_as"], "agent");
        // The same in a product whose administrators change addresses.
        let other = House::of_branches().await;
        let mina = other.has("mina@acme.example", json!([home("Sales")])).await;
        let changed = other.change(None, &mina, json!({"email": "m@acme.example"})).await.is(200).json();
        assert_eq!(changed["email"], "m@acme.example");
    });
}

/// RSP-39: a person is one in all of the organisation; a workspace has no copy.
#[test]
fn details_are_edited_once_and_seen_in_every_workspace() {
    run(async {
        let house = House::of_workspaces().await;
        let everywhere = json!([role("agent", at("emea")), role("manager", at("apac"))]);
        let hana = house.has("hana@acme.example", everywhere).await;
        let owners = [
            house.has("owner emea", json!([role("owner", at("emea"))])).await,
            house.has("owner apac", json!([role("owner", at("apac"))])).await,
        ];

        house.change(None, &hana, json!({"displayName": "Hana Sato"})).await.is(200);

        for owner in &owners {
            let page = house.ask(Some(owner), "GET", "/users?search=hana", None).await.is(200).json();
            let shown = page["items"].as_array().unwrap();
            assert_eq!((shown.len(), &shown[0]["displayName"]), (1, &json!("Hana Sato")));
            let renamed = house.change(Some(owner), &hana, json!({"displayName": "Somebody"})).await;
            renamed.is(403);
        }
    });
}

/// LNC-22: a team admin is made by a system admin, and by nobody of the team.
#[test]
fn system_admins_make_team_admins() {
    run(async {
        let house = House::of("linc_biz").await;
        house.0.unit_of_kind("Team", Some("Top"), Some("team")).await;
        let team = json!({"orgUnit": "Team"});
        let admin = house.has("admin", json!([role("system_admin", json!("environment"))])).await;
        let leader = house.has("leader", json!([role("team_admin", team.clone())])).await;
        let ken = house.has("ken", json!([role("member", team.clone())])).await;
        let manages = async || decide(&house.0, &ken, "team.manage", team.clone()).await["allowed"].clone();

        house.give(Some(&leader), &ken, role("team_admin", team.clone())).await.problem(403, "grant_rule");
        house.give(Some(&ken), &ken, role("team_admin", team.clone())).await.problem(403, "grant_rule");
        assert_eq!(manages().await, false);
        house.give(Some(&admin), &ken, role("team_admin", team.clone())).await.is(201);
        assert_eq!(manages().await, true);
    });
}

/// LNC-09: whether somebody may add to a channel is asked for there; who is in it already, the product knows and shows.
#[test]
fn members_may_add_to_channels_of_their_team_and_externals_to_none() {
    run(async {
        let house = House::of("linc_biz").await;
        for team in ["Team", "Other"] {
            house.0.unit_of_kind(team, Some("Top"), Some("team")).await;
            house.0.unit_of_kind(&format!("{team} plans"), Some(team), Some("channel")).await;
        }
        let unit = |key: &str| json!({"orgUnit": key});
        let mina = house.has("mina", json!([role("member", unit("Team"))])).await;
        let xenia = house.has("xenia", json!([role("external", unit("Team plans"))])).await;
        let adds = async |who: &str, to: &str| {
            decide(&house.0, who, "channel.add_member", unit(to)).await["allowed"].clone()
        };

        assert_eq!(
            (adds(&mina, "Team plans").await, adds(&mina, "Other plans").await),
            (json!(true), json!(false))
        );
        assert_eq!(adds(&xenia, "Team plans").await, false);
    });
}

/// RSP-05, BLF-06: whom the product says to be there is there for a while, unless they are out; and with which version.
#[test]
fn who_is_there_now_is_seen_in_the_list_and_nobody_who_is_out() {
    run(async {
        let house = House::of_workspaces().await;
        let [owner, manager, agent] = house.staff().await;
        let doors = &house.0;
        let online = async || {
            let page = doors.api.get("/users").await.is(200).json();
            let mut there: Vec<String> = page["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| it["online"] == true)
                .map(|it| format!("{} {}", it["userName"].as_str().unwrap(), it["clientVersion"]))
                .collect();
            there.sort();
            there
        };
        let say = async |people: Value| doors.api.post("/presence", json!({"people": people})).await;
        assert_eq!(online().await, Vec::<String>::new());

        let there = json!([
            {"user": owner, "clientVersion": "4.2.0"}, {"user": agent}, {"user": agent, "clientVersion": "4.1\n.9"},
            {"user": uuid::Uuid::nil()},
        ]);
        assert_eq!(say(there).await.is(200).json(), json!({"noted": 2}));
        assert_eq!(online().await, [r#"agent "4.1 .9""#, r#"owner "4.2.0""#]);
        assert_eq!(say(json!([{"user": owner}])).await.is(200).json(), json!({"noted": 1}));
        assert_eq!(online().await, [r#"agent "4.1 .9""#, r#"owner "4.2.0""#]);

        house.ask(None, "PUT", &format!("/users/{agent}/freeze"), Some(json!({}))).await.is(200);
        assert_eq!(say(json!([{"user": agent}])).await.is(200).json(), json!({"noted": 0}));
        assert_eq!(online().await, [r#"owner "4.2.0""#]);
        let elsewhere = Doors::fresh().await;
        let body = json!({"people": [{"user": manager}]});
        assert_eq!(elsewhere.api.post("/presence", body).await.is(200).json(), json!({"noted": 0}));
        say(json!([])).await.problem(400, "invalid");
        say(json!([{"user": owner, "clientVersion": "x".repeat(101)}])).await.problem(400, "invalid");
    });
}
