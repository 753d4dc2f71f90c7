//! Apps as administrators register and change them.

use serde_json::json;

use super::world::{CALLBACK, World, error, register};
use crate::support::http::{Doors, text};
use crate::support::run;

#[test]
fn an_app_is_registered_shown_changed_and_deleted() {
    run(async {
        let doors = Doors::fresh().await;
        let new = json!({"name": "Schedule", "redirectUris": [CALLBACK], "backchannelLogoutUri": "https://rp.example/logout"});
        let created = doors.api.post("/apps", new).await.is(201).json();
        let id = text(&created["id"]);
        assert!(text(&created["clientSecret"]).starts_with("usher_app_"));

        let shown = doors.api.get(&format!("/apps/{id}")).await.is(200);
        assert!(!shown.text.contains(&text(&created["clientSecret"])));
        assert_eq!(shown.json()["redirectUris"], json!([CALLBACK]));
        let change = json!({"name": "Plans", "tokenSeconds": 600, "backchannelLogoutUri": ""});
        let changed = doors.api.change(&format!("/apps/{id}"), change).await.is(200).json();
        assert_eq!((&changed["name"], &changed["tokenSeconds"]), (&json!("Plans"), &json!(600)));
        assert_eq!(
            (&changed["backchannelLogoutUri"], &changed["redirectUris"]),
            (&json!(null), &json!([CALLBACK]))
        );

        doors.api.delete(&format!("/apps/{id}")).await.is(204);
        doors.api.get(&format!("/apps/{id}")).await.problem(404, "not_found");
        let trail: Vec<String> = doors.audit(&id).await.iter().map(|event| text(&event["action"])).collect();
        assert_eq!(trail, ["app.create", "app.update", "app.delete"]);
    });
}

/// RFC 9700 §2.1, RFC 8252 §7.1, RFC 6749 §3.1.2 ("MUST NOT include a fragment component").
#[test]
fn what_makes_no_sense_or_is_not_safe_is_not_registered() {
    run(async {
        let doors = Doors::fresh().await;
        for wrong in [
            json!({"redirectUris": []}),
            json!({"redirectUris": [], "proof": "none"}),
            json!({"redirectUris": ["http://rp.example/callback"]}),
            json!({"redirectUris": ["https://rp.example/callback#x"]}),
            json!({"redirectUris": ["https://*.rp.example/"]}),
            json!({"redirectUris": ["javascript:alert(1)"], "proof": "none"}),
            json!({"redirectUris": ["com.example.app:/callback"]}),
            json!({"redirectUris": [CALLBACK, CALLBACK]}),
            json!({"postLogoutRedirectUris": ["http://rp.example/"]}),
            json!({"backchannelLogoutUri": "http://169.254.169.254/latest"}),
            json!({"backchannelLogoutUri": "https://rp.example/logout#x"}),
            json!({"backchannelLogoutUri": "/logout"}),
            json!({"scopes": ["everything"]}),
            json!({"resources": ["/relative"]}),
            json!({"resources": ["https://api.example/#x"]}),
            json!({"tokenSeconds": 59}),
            json!({"ownTokens": true, "proof": "none"}),
            json!({"proof": "privateKey"}),
            json!({"jwks": {"keys": []}}),
            json!({"proof": "privateKey", "jwks": {"keys": []}}),
            json!({"name": ""}),
        ] {
            let mut new = json!({"name": "App", "redirectUris": [CALLBACK]});
            new.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            doors.api.post("/apps", new).await.problem(400, "invalid");
        }
        assert_eq!(doors.api.get("/apps").await.is(200).json()["items"], json!([]));
    });
}

#[test]
fn two_secrets_of_an_app_overlap_and_the_third_ends_the_first() {
    run(async {
        let world = World::new().await;
        let rotate = async |hours: u32| {
            let path = format!("/apps/{}/rotate-secret", world.app);
            text(
                &world.doors.api.post(&path, json!({"overlapHours": hours})).await.is(200).json()["clientSecret"],
            )
        };
        let works = async |secret: &str| {
            let holder = World { secret: Some(secret.to_owned()), ..world.another(json!({})).await };
            let holder = World { app: world.app.clone(), ..holder };
            let reply = holder.exchange(&world.code().await).await;
            if reply.status != 200 {
                error(&reply, 401, "invalid_client");
            }
            reply.status == 200
        };
        let first = world.secret.clone().unwrap();

        let second = rotate(24).await;
        assert!(works(&first).await && works(&second).await);
        let third = rotate(24).await;
        assert!(!works(&first).await && works(&second).await && works(&third).await);
        let fourth = rotate(0).await;
        assert!(!works(&second).await && !works(&third).await && works(&fourth).await);

        let (public, _) = register(&world.doors, json!({"proof": "none"})).await;
        world
            .doors
            .api
            .post(&format!("/apps/{public}/rotate-secret"), json!({}))
            .await
            .problem(409, "conflict");
    });
}
