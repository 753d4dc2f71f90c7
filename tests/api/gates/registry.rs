//! Gates as administrators set them up.

use serde_json::{Value, json};

use super::world::{WIKI, World, script};
use crate::support::http::{Doors, text};
use crate::support::run;

fn with(rule: &Value) -> Value {
    json!({"name": "Edge", "hosts": {WIKI: [rule]}})
}

#[test]
fn a_gate_is_set_up_shown_changed_and_taken_down_and_the_trail_says_so() {
    run(async {
        let doors = Doors::fresh().await;

        let made = doors.api.post("/gates", with(&json!({"path": "/"}))).await.is(201).json();

        let id = text(&made["id"]);
        let at = format!("/gates/{id}");
        assert!(text(&made["secret"]).starts_with("usher_gate_"));
        let shown = doors.api.get(&at).await.is(200).json();
        assert_eq!(shown["hosts"], json!({WIKI: [{"path": "/"}]}));
        assert_eq!(shown["secrets"].as_array().unwrap().len(), 1);
        assert!(shown.get("secret").is_none(), "it is shown once");
        assert_eq!(doors.api.get("/gates").await.is(200).json()["items"], json!([shown]));
        let public = with(&json!({"path": "/", "public": true}));
        assert_eq!(doors.api.put(&at, public).await.is(200).json()["hosts"][WIKI][0]["public"], true);
        doors.api.delete(&at).await.is(204);
        doors.api.get(&at).await.problem(404, "not_found");
        let trail: Vec<Value> = doors.audit(&id).await.iter().map(|event| event["action"].clone()).collect();
        assert_eq!(trail, ["gate.create", "gate.update", "gate.delete"]);
    });
}

#[test]
fn what_makes_no_sense_or_is_not_safe_is_not_set_up() {
    run(async {
        let doors = Doors::fresh().await;
        let rules = json!([{"path": "/"}]);
        for origin in [
            "wiki.example",
            "http://wiki.example",
            "https://wiki.example/",
            "https://wiki.example/path",
            "https://WIKI.example",
            "https://wiki.example:443",
            "https://user@wiki.example",
            "https://*.example",
            "javascript:alert(1)",
            "",
        ] {
            let wanted = json!({"name": "Edge", "hosts": {origin: rules}});
            doors.api.post("/gates", wanted).await.problem(400, "invalid");
        }
        for rule in [
            json!({"path": "admin"}),
            json!({"path": "/a/../b"}),
            json!({"path": "/a%2fb"}),
            json!({"path": "/a;b"}),
            json!({"path": "/", "roles": ["nobody-has-this"]}),
            json!({"path": "/", "permission": {"permission": "no.such"}}),
            json!({"path": "/", "permission": {"permission": "users.invite", "at": {"orgUnit": "nowhere"}}}),
            json!({"path": "/", "permission": {"permission": "users.invite", "level": "none such"}}),
            json!({"path": "/", "public": true, "orgLevel": 1}),
        ] {
            doors.api.post("/gates", with(&rule)).await.problem(400, "invalid");
        }
        for rule in [json!({"path": "/", "adminLevel": "king"}), json!({"path": "/", "role": "x"}), json!({})]
        {
            doors.api.post("/gates", with(&rule)).await.problem(400, "invalid_body");
        }
        let twice = json!({"name": "Edge", "hosts": {WIKI: [{"path": "/Admin"}, {"path": "/admin/"}]}});
        doors.api.post("/gates", twice).await.problem(400, "invalid");
    });
}

#[test]
fn while_a_secret_is_replaced_both_hold_and_afterwards_only_the_new_one() {
    run(async {
        let mut world = World::new().await;
        let rotate = format!("/gates/{}/rotate-secret", world.gate);
        let new = world.doors.api.post(&rotate, json!({})).await.is(200).json();
        let old = std::mem::replace(&mut world.secret, text(&new["secret"]));
        world.ask(&script("/assets/x")).await.is(200);
        world.secret = old;
        world.ask(&script("/assets/x")).await.is(200);

        let newest = world.doors.api.post(&rotate, json!({"overlapHours": 0})).await.is(200).json();

        world.ask(&script("/assets/x")).await.problem(401, "unauthenticated");
        world.secret = text(&new["secret"]);
        world.ask(&script("/assets/x")).await.problem(401, "unauthenticated");
        world.secret = text(&newest["secret"]);
        world.ask(&script("/assets/x")).await.is(200);
    });
}
