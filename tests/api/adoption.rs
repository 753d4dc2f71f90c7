//! A local person who turns out to be one whom a directory manages: proposed, never linked, adopted when approved.

use serde_json::{Value, json};

use crate::support::dns::server;
use crate::support::http::{Doors, Reply, base, encoded, session_at, text};
use crate::support::{fresh_slug, run};

/// A tenant with a verified domain.
struct Acme {
    doors: Doors,
    domain: String,
}

impl Acme {
    async fn fresh() -> Self {
        let acme = Self { doors: Doors::fresh().await, domain: format!("{}.example", fresh_slug()) };
        let claim = acme.doors.api.post("/domains", json!({"name": acme.domain})).await.is(201).json();
        server().publish(&text(&claim["recordName"]), &[&text(&claim["recordValue"])]);
        let verify = format!("/domains/{}/verify", acme.domain);
        acme.doors.api.send("POST", &verify, |request| request).await.is(200);
        acme
    }

    fn address(&self, who: &str) -> String {
        format!("{who}@{}", self.domain)
    }

    async fn local(&self, body: Value) -> String {
        self.doors.api.post("/users", body).await.is(201).id()
    }

    async fn proposed(&self, query: &str) -> Vec<(String, String)> {
        let page = self.doors.api.get(&format!("/adoptions{query}")).await.is(200).json();
        let pair = |it: &Value| (text(&it["local"]), text(&it["user"]));
        page["items"].as_array().unwrap().iter().map(pair).collect()
    }

    async fn decide(&self, local: &str, user: &str, decision: &str) -> Reply {
        let body = json!({"local": local, "user": user, "decision": decision});
        self.doors.api.post("/adoptions", body).await
    }
}

/// Behaviour 101: the create succeeds as somebody new, whatever the names; the pair is proposed and nothing more.
#[test]
fn a_create_links_nobody_and_proposes_only_where_the_domain_is_verified() {
    run(async {
        let acme = Acme::fresh().await;
        let (hana, ken, eve) = (acme.address("hana"), acme.address("ken"), "eve@elsewhere.example");
        let by_name = acme.local(json!({"userName": hana.to_uppercase()})).await;
        let by_mail = acme.local(json!({"userName": "ken", "email": ken})).await;
        let outside = acme.local(json!({"userName": eve, "email": eve})).await;

        let pushed_hana = acme.doors.person(json!({"userName": "hana.k", "emails": [{"value": hana}]})).await;
        let pushed_ken = acme.doors.user(&ken).await;
        let pushed_eve = acme.doors.user(eve).await;
        let namesake = acme.doors.user("ken").await;

        let pairs = [(by_name.clone(), pushed_hana.clone()), (by_mail.clone(), pushed_ken.clone())];
        assert_eq!(acme.proposed("").await, pairs);
        for (local, pushed) in [(&by_name, &pushed_hana), (&by_mail, &pushed_ken), (&outside, &pushed_eve)] {
            assert_ne!(local, pushed);
            let shown = acme.doors.api.get(&format!("/users/{local}")).await.is(200).json();
            assert_eq!((&shown["active"], &shown["managedBy"]), (&json!(true), &Value::Null));
        }
        for (local, user) in [(&outside, &pushed_eve), (&by_mail, &namesake), (&pushed_ken, &by_mail)] {
            acme.decide(local, user, "approve").await.problem(404, "not_found");
        }
    });
}

#[test]
fn an_adopted_person_keeps_sessions_identities_and_addresses_and_both_ids_lead_to_them() {
    run(async {
        let acme = Acme::fresh().await;
        let doors = &acme.doors;
        let address = acme.address("hana");
        let connection = doors.connection("op", "https://idp.example").await;
        let old = acme.address("old-hana");
        let local = acme.local(json!({"userName": address, "email": old, "title": "Local"})).await;
        let cookie = doors.session(&local, connection).await;
        let body = json!({"userName": address, "externalId": "7", "title": "Pushed", "emails": [{"value": acme.address("new")}]});
        let pushed = doors.person(body).await;
        let staff = doors.group("staff", &[&pushed]).await;

        let adopted = acme.decide(&local, &pushed, "approve").await.is(200).json();

        assert_eq!((text(&adopted["id"]), &adopted["email"]), (pushed.clone(), &json!(old)));
        assert_eq!(adopted["managedBy"]["directory"], "directory");
        let seen = doors.scim.get(&format!("/Users/{pushed}")).await.is(200);
        let body = seen.json();
        assert_eq!((&body["externalId"], &body["title"]), (&json!("7"), &json!("Pushed")));
        assert_eq!(
            body["emails"],
            json!([{"value": old, "primary": true}]),
            "no address is rewritten by the link"
        );
        assert_eq!(seen.header("etag"), "W/\"2\"", "the client's copy is out of date, and it can tell");
        assert_eq!(body["groups"][0]["value"], staff.as_str());
        let session = session_at(base(), &cookie).await.is(200).json();
        assert_eq!(session["user"]["id"], pushed.as_str());
        assert_eq!(doors.api.get(&format!("/users/{local}")).await.is(200).json(), adopted);
        assert_eq!(doors.access(&local).await, doors.access(&pushed).await);
        assert_eq!(acme.proposed("").await, []);
        acme.decide(&local, &pushed, "approve").await.problem(404, "not_found");
        let trail = doors.audit(&pushed).await;
        let event = trail.iter().find(|it| it["action"] == "user.adopt").unwrap();
        assert_eq!(
            (&event["before"]["local"], &event["before"]["document"]["title"]),
            (&json!(local), &json!("Local"))
        );

        // From now on the directory manages them, addresses included, and a leaver leaves.
        let mail = json!([{"op": "replace", "path": "emails", "value": [{"value": acme.address("new")}]}]);
        doors.scim.patch(&format!("/Users/{pushed}"), mail).await.is(200);
        doors.set_active(&pushed, false).await;
        session_at(base(), &cookie).await.is(401);
    });
}

#[test]
fn the_seat_of_an_adopted_person_stays_theirs_and_the_other_is_passed_on() {
    run(async {
        let acme = Acme::fresh().await;
        let doors = &acme.doors;
        doors.seats(1).await;
        let (hana, ken) = (acme.address("hana"), acme.address("ken"));
        let local = acme.local(json!({"userName": hana})).await;
        let first_in_line = doors.user("first-in-line").await;
        let pushed = doors.user(&hana).await;
        assert_eq!(doors.access(&pushed).await["status"]["kind"], "waitingForSeat");

        acme.decide(&local, &pushed, "approve").await.is(200);

        assert_eq!(doors.access(&pushed).await["status"]["kind"], "granted", "it was their seat");
        assert_eq!(doors.access(&first_in_line).await["status"]["kind"], "waitingForSeat");
        doors.seats(4).await;
        let (local, pushed) = (acme.local(json!({"userName": ken})).await, doors.user(&ken).await);
        let next = doors.user("next").await;
        assert_eq!(doors.access(&next).await["status"]["kind"], "waitingForSeat");
        acme.decide(&local, &pushed, "approve").await.is(200);
        assert_eq!(doors.access(&next).await["status"]["kind"], "granted", "two seats became one");
        let pool = doors.api.get("/seat-pool").await.is(200).json();
        assert_eq!(pool["used"], 4, "{pool}");
        assert_eq!(pool["reconciled"], true, "{pool}");
    });
}

#[test]
fn who_is_inactive_in_the_directory_is_out_when_they_are_adopted() {
    run(async {
        let acme = Acme::fresh().await;
        let doors = &acme.doors;
        let connection = doors.connection("op", "https://idp.example").await;
        let address = acme.address("hana");
        let local = acme.local(json!({"userName": address})).await;
        let cookie = doors.session(&local, connection).await;
        let pushed = doors.person(json!({"userName": address, "active": false})).await;

        acme.decide(&local, &pushed, "approve").await.is(200);

        session_at(base(), &cookie).await.is(401);
        assert_eq!(doors.access(&pushed).await["status"]["kind"], "inactive");
    });
}

#[test]
fn a_declined_pair_is_remembered_and_may_still_be_approved() {
    run(async {
        let acme = Acme::fresh().await;
        let address = acme.address("hana");
        let local = acme.local(json!({"userName": address})).await;
        let pushed = acme.doors.user(&address).await;
        let pair = [(local.clone(), pushed.clone())];

        acme.decide(&local, &pushed, "decline").await.is(200);

        assert_eq!(acme.proposed("").await, []);
        assert_eq!(acme.proposed("?declined=true").await, pair);
        let title = json!([{"op": "replace", "path": "title", "value": "x"}]);
        acme.doors.scim.patch(&format!("/Users/{pushed}"), title).await.is(200);
        assert_eq!(acme.proposed("").await, [], "it is not proposed again");
        let actions: Vec<Value> =
            acme.doors.audit(&pushed).await.iter().map(|it| it["action"].clone()).collect();
        assert!(actions.contains(&json!("user.adopt.decline")), "{actions:?}");
        acme.decide(&local, &pushed, "approve").await.is(200);
        assert_eq!(acme.proposed("?declined=true").await, []);
    });
}

/// No directory's word ever counts for another tenant's people, or without the proof of the domain.
#[test]
fn a_domain_that_lapsed_or_is_another_tenants_proposes_nobody() {
    run(async {
        let acme = Acme::fresh().await;
        let elsewhere = Doors::fresh().await;
        let address = acme.address("hana");
        let local = elsewhere.api.post("/users", json!({"userName": address})).await.is(201).id();
        let pushed = elsewhere.user(&address).await;

        let page = elsewhere.api.get("/adoptions").await.is(200).json();

        assert_eq!(page["items"], json!([]), "the domain is not theirs");
        let body = json!({"local": local, "user": pushed, "decision": "approve"});
        elsewhere.api.post("/adoptions", body).await.problem(404, "not_found");
        let (mine, theirs) =
            (acme.local(json!({"userName": address})).await, acme.doors.user(&address).await);
        assert_eq!(acme.proposed("").await, [(mine.clone(), theirs.clone())]);
        acme.doors.api.delete(&format!("/domains/{}", acme.domain)).await.is(204);
        assert_eq!(acme.proposed("").await, []);
        acme.decide(&mine, &theirs, "approve").await.problem(404, "not_found");
        let still = acme
            .doors
            .scim
            .get(&format!("/Users?filter={}", encoded(&format!("userName eq \"{address}\""))))
            .await;
        assert_eq!(still.is(200).json()["totalResults"], 1);
    });
}
