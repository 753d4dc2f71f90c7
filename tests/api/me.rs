//! `/scim/v2/Me` (RFC 7644 §3.11): a person who is signed in reads their own resource, and nobody else does.

use serde_json::json;

use crate::support::http::{COOKIE, Client, Doors, PUBLIC, Reply, SCIM_JSON, patch};
use crate::support::run;

/// A request with this session's cookie and no credential.
async fn ask(method: &str, path: &str, cookie: &str, tag: Option<&str>) -> Reply {
    Client::at("/scim/v2")
        .send(method, path, |request| {
            let request = request.header("cookie", format!("{COOKIE}={cookie}"));
            let request = if method == "PATCH" { request.json(&patch(json!([]))) } else { request };
            match tag {
                Some(tag) => request.header("if-none-match", tag),
                None => request,
            }
        })
        .await
}

async fn signed_in(doors: &Doors, user: &str) -> String {
    let connection = doors.connection("op", "https://idp.example").await;
    doors.session(user, connection).await
}

#[test]
fn who_is_signed_in_reads_themself_at_their_permanent_address() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.person(json!({"userName": "mina", "title": "Manager"})).await;
        doors.user("noor").await;
        let team = doors.group("team", &[&mina]).await;
        let cookie = signed_in(&doors, &mina).await;

        let own = ask("GET", "/Me", &cookie, None).await.is(200);

        let address = format!("{PUBLIC}/scim/v2/Users/{mina}");
        assert_eq!(own.header("content-type"), SCIM_JSON);
        assert_eq!((own.header("location"), own.header("etag")), (address.as_str(), "W/\"1\""));
        assert_eq!(own.json(), doors.scim.get(&format!("/Users/{mina}")).await.is(200).json());
        assert_eq!(own.json()["meta"]["location"], address);
        assert_eq!(own.json()["groups"][0]["value"], team);
        let shown = ask("GET", "/Me?attributes=title", &cookie, None).await.is(200).json();
        assert_eq!((&shown["title"], shown.get("userName")), (&json!("Manager"), None));
        let same = ask("GET", "/Me", &cookie, Some("W/\"1\"")).await.is(304);
        assert_eq!(same.header("location"), address);
    });
}

#[test]
fn nobody_writes_through_me() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;
        let cookie = signed_in(&doors, &mina).await;

        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let refused = ask(method, "/Me", &cookie, None).await.scim_error(403, None);
            assert!(refused.json()["detail"].as_str().unwrap().contains("directory"), "{}", refused.text);
            doors.scim.send(method, "/Me", |request| request).await.scim_error(501, None);
        }
        doors.scim.get("/Me").await.scim_error(501, None);
        assert_eq!(doors.scim.get(&format!("/Users/{mina}")).await.is(200).header("etag"), "W/\"1\"");
    });
}

#[test]
fn a_session_opens_nothing_but_me_and_nothing_when_its_person_is_shut_out() {
    run(async {
        let doors = Doors::fresh().await;
        let mina = doors.user("mina").await;
        let cookie = signed_in(&doors, &mina).await;

        ask("GET", "/Users", &cookie, None).await.scim_error(401, None);
        ask("GET", &format!("/Users/{mina}"), &cookie, None).await.scim_error(401, None);
        ask("GET", "/Me", "usher_ses_nonsense", None).await.scim_error(401, None);
        doors.set_active(&mina, false).await;

        ask("GET", "/Me", &cookie, None).await.scim_error(401, None);
    });
}
