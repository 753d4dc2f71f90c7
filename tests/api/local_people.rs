//! People whom no identity provider manages, and the lock on those whom one does.

use serde_json::{Value, json};

use crate::support::http::{Doors, session_at, text};
use crate::support::run;

const DEPARTMENT: &str = "department";

async fn change(doors: &Doors, id: &str, body: Value) -> crate::support::http::Reply {
    doors.api.send("PATCH", &format!("/users/{id}"), |request| request.json(&body)).await
}

async fn local(doors: &Doors, body: Value) -> String {
    doors.api.post("/users", body).await.is(201).id()
}

#[test]
fn a_local_person_has_a_seat_access_and_an_audit_trail_like_everybody() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(1).await;
        doors
            .rule(
                1,
                json!({"attribute": {"path": "title", "value": "Auditor"}}),
                json!({"flags": {"flags": ["recolog"]}}),
            )
            .await;

        let hana = local(&doors, json!({"userName": "hana@acme.example", "title": "Auditor"})).await;
        let queued = doors.user("queued").await;

        let access = doors.access(&hana).await;
        assert_eq!(
            (&access["status"]["kind"], &access["flags"][0]["flag"]),
            (&json!("granted"), &json!("recolog"))
        );
        assert_eq!(doors.access(&queued).await["status"]["kind"], "waitingForSeat");
        let first = doors.audit(&hana).await.remove(0);
        assert_eq!((&first["action"], &first["actor"]["kind"]), (&json!("user.provision"), &json!("admin")));

        change(&doors, &hana, json!({"title": null})).await.is(200);
        assert_eq!(doors.access(&hana).await["flags"], json!([]));
    });
}

#[test]
fn who_is_shut_out_or_deleted_here_is_out_when_the_answer_is_out() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(1).await;
        let connection = doors.connection("op", "https://idp.example").await;
        let hana = local(&doors, json!({"userName": "hana"})).await;
        let next = local(&doors, json!({"userName": "next"})).await;
        let cookie = doors.session(&hana, connection).await;
        session_at(crate::support::http::base(), &cookie).await.is(200);

        let view = change(&doors, &hana, json!({"active": false})).await.is(200).json();

        assert_eq!(view["active"], false);
        session_at(crate::support::http::base(), &cookie).await.is(401);
        assert_eq!(doors.access(&next).await["status"]["kind"], "granted", "the seat was passed on");
        doors.api.delete(&format!("/users/{hana}")).await.is(204);
        doors.api.get(&format!("/users/{hana}")).await.problem(404, "not_found");
        doors.api.delete(&format!("/users/{hana}")).await.problem(404, "not_found");
    });
}

#[test]
fn a_local_person_is_shown_listed_and_changed_field_by_field() {
    run(async {
        let doors = Doors::fresh().await;
        let pushed = doors.user("pushed").await;
        let body = json!({"userName": "Hana", "givenName": "Hana", "email": "hana@acme.example", "displayName": "H"});
        let hana = local(&doors, body).await;

        let changed =
            change(&doors, &hana, json!({"displayName": "Hana K.", "email": null, DEPARTMENT: "Top"})).await;

        let expected = json!({"id": hana, "userName": "Hana", "displayName": "Hana K.", "email": null, "active": true,
            "managedBy": null, "frozen": null,
            "status": {"id": "active", "label": {"ja": "有効", "en": "Active", "fr": "Actif"}}});
        assert_eq!(changed.is(200).json(), expected);
        assert_eq!(doors.access(&hana).await["home"]["key"], Value::Null, "no rule speaks of departments");
        assert_eq!(doors.api.get(&format!("/users/{hana}")).await.is(200).json(), expected);
        let ids = async |query: &str| {
            let page = doors.api.get(&format!("/users{query}")).await.is(200).json();
            page["items"].as_array().unwrap().iter().map(|it| text(&it["id"])).collect::<Vec<_>>()
        };
        assert_eq!(ids("?local=true").await, [hana.as_str()]);
        assert_eq!(ids("?local=false").await, [pushed.as_str()]);
        assert_eq!(ids("?directory=directory").await, [pushed]);
        assert_eq!(ids("?userName=hana").await, [hana]);
        doors.api.get("/users?local=perhaps").await.problem(400, "invalid_parameter");
    });
}

/// Behaviour 87: the identity provider owns what it pushed, and the refusal says which one it is.
#[test]
fn whom_a_directory_manages_nobody_changes_here() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.person(json!({"userName": "mina", "active": false})).await;
        let before = doors.scim.get(&format!("/Users/{mina}")).await.is(200).text;

        let refusals = [
            change(&doors, &mina, json!({"displayName": "x"})).await,
            change(&doors, &mina, json!({"active": true})).await,
            change(&doors, &mina, json!({})).await,
            doors.api.delete(&format!("/users/{mina}")).await,
        ];

        for refusal in refusals {
            let detail = text(&refusal.problem(409, "managed_by_directory").json()["detail"]);
            assert!(detail.contains("\"Directory\" (directory)"), "{detail}");
        }
        assert_eq!(doors.scim.get(&format!("/Users/{mina}")).await.is(200).text, before);
        let shown = doors.api.get(&format!("/users/{mina}")).await.is(200).json();
        assert_eq!(shown["managedBy"], json!({"directory": "directory", "name": "Directory"}));
    });
}

#[test]
fn local_people_need_a_name_of_their_own_and_an_address_that_can_be_one() {
    run(async {
        let doors = Doors::fresh().await;
        doors.user("hana").await;
        local(&doors, json!({"userName": "Hana"})).await;

        for (body, status, code) in [
            (json!({"userName": "HANA"}), 409, "uniqueness"),
            (json!({"userName": ""}), 400, "invalidValue"),
            (json!({"userName": "x", "email": "nowhere"}), 400, "invalid"),
            (json!({"userName": "x", "externalId": "1"}), 400, "invalid_body"),
            (json!({"displayName": "x"}), 400, "invalid_body"),
        ] {
            doors.api.post("/users", body).await.problem(status, code);
        }
        let nobody = format!("/users/{}", uuid::Uuid::nil());
        doors.api.send("PATCH", &nobody, |it| it.json(&json!({}))).await.problem(404, "not_found");
    });
}

/// The directory of local people is no SCIM link: it is not listed, cannot be named and no credential opens it.
#[test]
fn no_credential_and_no_connection_leads_to_the_local_people() {
    run(async {
        let doors = Doors::fresh().await;
        local(&doors, json!({"userName": "hana"})).await;

        let listed = doors.api.get("/directories").await.is(200).json();
        let credential = doors.api.post("/credentials", json!({"directory": "@local"})).await;

        let slugs: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|it| &it["slug"]).collect();
        assert_eq!(slugs, ["directory"]);
        credential.problem(400, "invalid");
        doors.api.get("/directories/@local").await.problem(404, "not_found");
        let taken = doors.api.post("/directories", json!({"slug": "@local", "name": "x"})).await;
        taken.problem(400, "invalid");
        doors.api.post("/directories", json!({"slug": "local", "name": "x"})).await.is(201);
    });
}

/// Twelve at once make one directory of local people, and everybody is there.
#[test]
fn the_first_local_people_may_come_at_the_same_moment() {
    run(async {
        let doors = Doors::fresh().await;

        let all = (0..12).map(|n| {
            let api = doors.api.clone();
            async move { api.post("/users", json!({"userName": format!("p{n}")})).await.is(201).id() }
        });
        let ids = futures_util::future::join_all(all).await;

        let listed = doors.api.get("/users?local=true").await.is(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), ids.len());
    });
}
