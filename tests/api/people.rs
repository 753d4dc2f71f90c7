//! People as the products' pages list them: searched, filtered, counted, and no more of them than whoever acts may see.

use serde_json::{Value, json};

use super::grant_rules::{House, allowed_by_none, at, flag, home, role};
use crate::support::http::{Client, Doors, Reply, encoded, text};
use crate::support::run;

/// The user names in a list, in alphabetical order.
fn names(page: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        page["items"].as_array().unwrap().iter().map(|it| text(&it["userName"])).collect();
    names.sort();
    names
}

async fn found(api: &Client, query: &str) -> Vec<String> {
    names(&api.get(&format!("/users?{query}")).await.is(200).json())
}

async fn searched(api: &Client, words: &str) -> Vec<String> {
    found(api, &format!("search={}", encoded(words))).await
}

/// BLF-05, RSP-08
#[test]
fn every_word_of_a_search_is_found_in_a_name_or_an_address_whatever_its_width_and_case() {
    run(async {
        let doors = Doors::fresh().await;
        doors.person(json!({"userName": "a1", "displayName": "山田　太郎", "emails": [{"value": "T.Yamada@acme.example"}]})).await;
        doors.person(json!({"userName": "a2", "displayName": "山田 花子"})).await;
        doors.person(json!({"userName": "a3", "name": {"familyName": "ﾔﾏﾀﾞ", "givenName": "Ｔａｒｏ"}})).await;

        for (words, expected) in [
            ("山田", vec!["a1", "a2"]),
            ("山田 太郎", vec!["a1"]),
            ("太郎　山田", vec!["a1"]),
            ("田　YAMADA", vec!["a1"]),
            ("yamada@ACME", vec!["a1"]),
            ("花", vec!["a2"]),
            ("ヤマダ taro", vec!["a3"]),
            ("ﾀﾞ", vec!["a3"]),
            ("山田 taro", vec![]),
            ("　", vec!["a1", "a2", "a3"]),
            ("_", vec![]),
            ("%", vec![]),
        ] {
            assert_eq!(searched(&doors.api, words).await, expected, "{words:?}");
        }
        let too_many = "a b c d e f g h i j k";
        doors.api.get(&format!("/users?search={}", encoded(too_many))).await.is(400);
        doors.api.get(&format!("/users?search={}", "x".repeat(101))).await.is(400);
    });
}

/// BLF-05: within the list as it is shown.
#[test]
fn a_search_follows_what_people_are_called_and_the_filters() {
    run(async {
        let doors = Doors::fresh().await;
        let hana = doors
            .api
            .post("/users", json!({"userName": "hana", "displayName": "Hana Sato"}))
            .await
            .is(201)
            .id();
        doors.api.post("/users", json!({"userName": "ken", "displayName": "Ken Sato"})).await.is(201);

        doors
            .api
            .change(&format!("/users/{hana}"), json!({"displayName": "Hana Ito", "active": false}))
            .await
            .is(200);

        assert_eq!(searched(&doors.api, "sato").await, ["ken"]);
        assert_eq!(searched(&doors.api, "ito").await, ["hana"]);
        assert_eq!(found(&doors.api, "search=hana&active=true").await, Vec::<String>::new());
        assert_eq!(found(&doors.api, "search=hana&active=false&local=true").await, ["hana"]);
        doors.api.delete(&format!("/users/{hana}")).await.is(204);
        assert_eq!(searched(&doors.api, "hana").await, Vec::<String>::new());
    });
}

/// BLF-04, BLF-08
#[test]
fn a_list_is_limited_by_status_role_subtree_and_source() {
    run(async {
        let house = House::of_branches().await;
        house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
        let mina = house.has("mina", json!([home("Osaka")])).await;
        house.has("hugo", json!([home("HR")])).await;
        house.0.user("pushed").await;
        let api = &house.0.api;

        api.change(&format!("/users/{mina}"), json!({"active": false})).await.is(200);

        for (query, expected) in [
            ("orgUnit=Sales", vec!["ken", "mina"]),
            ("orgUnit=sales&active=true", vec!["ken"]),
            ("orgUnit=Sales&active=false", vec!["mina"]),
            ("orgUnit=Top", vec!["hana", "hugo", "ken", "mina"]),
            ("role=org_admin", vec!["ken"]),
            ("role=org_admin&orgUnit=HR", vec![]),
            ("directory=directory", vec!["pushed"]),
            ("local=true&active=false", vec!["mina"]),
        ] {
            assert_eq!(found(api, query).await, expected, "{query}");
        }
        let page = api.get("/users?orgUnit=Sales&total=true&count=1").await.is(200).json();
        assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(2), 1));
        let shown = api.get("/users?userName=mina").await.is(200).json()["items"][0].clone();
        assert_eq!((&shown["home"], &shown["active"]), (&json!("Osaka"), &json!(false)));
        assert!(shown["stoppedAt"].is_string(), "{shown}");
        for wrong in ["role=king", "orgUnit=Nowhere", "workspace=nowhere", "active=perhaps", "idleDays=0"] {
            api.get(&format!("/users?{wrong}")).await.is(400);
        }
    });
}

/// RSP-04, RSP-06
#[test]
fn a_list_says_who_was_here_when_and_is_limited_to_those_who_were_not() {
    run(async {
        let house = House::of("respond_io").await;
        let api = &house.0.api;
        api.post("/workspaces", json!({"key": "emea", "name": "EMEA"})).await.is(201);
        let olga = house.has("olga", json!([role("agent", at("emea"))])).await;
        house.has("never", json!([role("agent", at("emea"))])).await;
        let connection = house.0.connection("op", "https://idp.example").await;

        house.0.session(&olga, connection).await;

        assert_eq!(found(api, "workspace=emea&role=agent").await, ["never", "olga"]);
        assert_eq!(found(api, "workspace=emea&idleDays=1").await, ["never"]);
        let shown = api.get("/users?userName=olga").await.is(200).json()["items"][0].clone();
        assert!(shown["lastSeenAt"].is_string() && shown["lastLoginAt"].is_string(), "{shown}");
        assert_eq!(shown["roles"], json!([{"role": "agent", "at": {"workspace": "emea"}}]));
        for field in ["avatar", "displayName", "email"] {
            assert!(shown.get(field).is_some(), "{shown}");
        }
    });
}

async fn seen_by(house: &House, actor: &str, query: &str) -> Reply {
    house.ask(Some(actor), "GET", &format!("/users{query}"), None).await
}

/// BLF-02, BLF-04
#[test]
fn an_org_admin_lists_finds_and_counts_their_subtree_and_nobody_else() {
    run(async {
        let house = House::of_branches().await;
        let hana = house.has("hana", json!([home("Top"), flag("admin_flag")])).await;
        let ken = house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
        let mina = house.has("mina", json!([home("Osaka")])).await;
        let hugo = house.has("hugo", json!([home("HR")])).await;
        house.has("nomad", json!([])).await;
        let list =
            async |actor: &str, query: &str| names(&seen_by(&house, actor, query).await.is(200).json());

        assert_eq!(list(&ken, "").await, ["ken", "mina"]);
        assert_eq!(list(&ken, "?search=h").await, Vec::<String>::new());
        assert_eq!(list(&ken, "?orgUnit=Top").await, ["ken", "mina"]);
        assert_eq!(list(&ken, "?orgUnit=HR").await, Vec::<String>::new());
        assert_eq!(seen_by(&house, &ken, "?total=true").await.is(200).json()["total"], 2);
        assert_eq!(list(&hana, "").await, ["hana", "hugo", "ken", "mina", "nomad"]);
        assert_eq!(list(&mina, "").await, Vec::<String>::new());
        seen_by(&house, &ken, &format!("/{mina}")).await.is(200);
        for stranger in [&hana, &hugo] {
            seen_by(&house, &ken, &format!("/{stranger}")).await.problem(404, "not_found");
        }
        house.ask(None, "PATCH", &format!("/users/{mina}"), Some(json!({"active": false}))).await.is(200);
        assert_eq!(list(&ken, "?active=false").await, ["mina"], "who is stopped stays in the list");
    });
}

/// RSP-01, RSP-03
#[test]
fn owners_and_managers_list_their_workspace_and_agents_nobody() {
    run(async {
        let house = House::of_workspaces().await;
        let [owner, manager, agent] = house.staff().await;
        house.has("elsewhere", json!([role("owner", at("apac"))])).await;
        let list = async |actor: &str| names(&seen_by(&house, actor, "").await.is(200).json());

        assert_eq!(list(&owner).await, ["agent", "manager", "owner"]);
        assert_eq!(list(&manager).await, ["agent", "manager", "owner"]);
        assert_eq!(list(&agent).await, Vec::<String>::new());
    });
}

async fn sheet_for(house: &House, actor: Option<&str>, query: &str) -> Reply {
    house.ask(actor, "GET", &format!("/users.csv{query}"), None).await
}

/// The lines of a file, of which no cell has a comma.
fn lines(reply: &Reply) -> Vec<Vec<&str>> {
    let text = reply.text.strip_prefix('\u{feff}').unwrap_or(&reply.text);
    text.strip_suffix("\r\n").unwrap().split("\r\n").map(|line| line.split(',').collect()).collect()
}

/// BLF-06
#[test]
fn the_file_has_the_columns_of_the_page_in_its_order_and_words() {
    run(async {
        let house = House::of_branches().await;
        house.0.rule(1, json!({"attribute": {"path": "title", "value": "HR"}}), home("HR")).await;
        let body = json!({"userName": "hana", "displayName": "山田 花子", "email": "hana@acme.example",
            "department": "営業部", "gives": [home("Top"), flag("admin_flag"), flag("materials.upload"), flag("materials.approve")]});
        let hana = house.ask(None, "POST", "/users", Some(body)).await.is(201).id();
        let mina = house.has("mina", json!([home("Osaka"), flag("recolog")])).await;
        house.0.person(json!({"userName": "hugo", "title": "HR", "profileUrl": "https://card.example/hugo", "displayName": "=HYPERLINK(\"x\")"})).await;
        house.ask(None, "PATCH", &format!("/users/{mina}"), Some(json!({"active": false}))).await.is(200);
        let connection = house.0.connection("op", "https://idp.example").await;
        house.0.session(&hana, connection).await;

        let reply = sheet_for(&house, None, "?minutesEast=540").await.is(200);

        assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert!(reply.text.starts_with('\u{feff}') && reply.text.ends_with("\r\n"));
        let lines = lines(&reply);
        let headings = "氏名,部署名(名刺表示),所属組織名,メールアドレス,名刺プロフィールURL,管理者権限,レポート受信,資料アップ権限,アンケート,\
                        レコログ機能,レコログアプリバージョン,資料承認者,最終利用日,停止日,状態";
        assert_eq!(lines[0].join(","), headings);
        let of = |name: &str| lines.iter().find(|line| line[0].contains(name)).unwrap().clone();
        let admin = of("山田 花子");
        assert_eq!(
            admin[..12],
            [
                "山田 花子",
                "営業部",
                "Top",
                "hana@acme.example",
                "",
                "ON",
                "OFF",
                "ON",
                "OFF",
                "OFF",
                "不明",
                "◯"
            ]
        );
        assert_eq!((admin[12].len(), admin[13], admin[14]), ("2026-11-28 02:00:00".len(), "", ""));
        let stopped = of("mina");
        assert_eq!(stopped[..6], ["mina", "", "Top/Osaka", "", "", "OFF"]);
        assert_eq!((stopped[11], stopped[12], stopped[13].len(), stopped[14]), ("", "", 10, "停止済み"));
        let hugo = of("HYPERLINK");
        assert_eq!((hugo[0], hugo[4]), ("\"'=HYPERLINK(\"\"x\"\")\"", "https://card.example/hugo"));
        assert_eq!(sheet_for(&house, None, "?search=nobody").await.is(200).text.matches("\r\n").count(), 1);
        sheet_for(&house, None, "?encoding=utf-16").await.is(400);
    });
}

/// BLF-06
#[test]
fn the_file_can_be_had_in_shift_jis() {
    run(async {
        let house = House::of_branches().await;
        house.has("mina", json!([home("Osaka")])).await;

        let request = house.0.api.request("GET", "/users.csv?encoding=shift-jis");
        let response = request.send().await.unwrap();

        assert_eq!(response.headers()["content-type"], "text/csv; charset=shift_jis; header=present");
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.starts_with(&[0x8e, 0x81, 0x96, 0xbc, b',']), "{:?}", &bytes[..8]);
        assert!(bytes.ends_with(b"\r\n") && !bytes.starts_with(&[0xef, 0xbb, 0xbf]));
    });
}

/// BLF-02, BLF-04, BLF-06
#[test]
fn nobody_exports_whom_they_do_not_see() {
    run(async {
        let house = House::of_branches().await;
        let ken = house.has("ken", json!([home("Sales"), flag("admin_flag")])).await;
        let mina = house.has("mina", json!([home("Osaka")])).await;
        house.has("hugo", json!([home("HR")])).await;

        let reply = sheet_for(&house, Some(&ken), "").await.is(200);

        let names: Vec<&str> = lines(&reply).iter().skip(1).map(|line| line[0]).collect();
        assert_eq!(names, ["ken", "mina"]);
        allowed_by_none(sheet_for(&house, Some(&mina), "").await);
    });
}

/// RSP-12
#[test]
fn the_people_of_a_workspace_are_exported_with_what_they_are_there() {
    run(async {
        let house = House::of_workspaces().await;
        let both = json!([role("agent", at("emea")), role("owner", at("apac"))]);
        house.has("agent", both).await;
        let other = house.has("other", json!([role("agent", at("apac"))])).await;
        let manager = house.has("manager", json!([role("manager", at("emea"))])).await;
        house.has("elsewhere", json!([role("owner", at("apac"))])).await;

        let reply = sheet_for(&house, Some(&manager), "?workspace=emea&language=en").await.is(200);

        let lines = lines(&reply);
        assert_eq!(lines[0], ["Picture", "Name", "Role", "E-mail", "Presence", "Last seen"]);
        assert_eq!(
            lines[1..],
            [["", "agent", "Agent", "", "offline", ""], ["", "manager", "Manager", "", "offline", ""]]
        );
        allowed_by_none(sheet_for(&house, Some(&other), "?workspace=apac").await);
        sheet_for(&house, None, "?encoding=shift-jis").await.is(400);
    });
}

#[test]
fn a_file_longer_than_what_is_read_at_once_has_everybody_once() {
    run(async {
        let house = House::of_branches().await;
        let person = |n: usize| {
            json!({"method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data":
            {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("p{n}")}})
        };
        for from in [0, 600] {
            let operations: Vec<Value> = (from..from + 600).map(person).collect();
            let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
            house.0.scim.post("/Bulk", body).await.is(200);
        }

        let reply = sheet_for(&house, None, "").await.is(200);

        let names: std::collections::BTreeSet<&str> =
            lines(&reply).iter().skip(1).map(|line| line[0]).collect();
        assert_eq!((names.len(), reply.text.matches("\r\n").count()), (1_200, 1_201));
    });
}
