//! What leavers leave behind: handed over by the product, seen until it is, and never in the way of whoever leaves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use super::grant_rules::{House, allowed_by_none, at, role};
use crate::support::http::{Doors, Reply, text};
use crate::support::receiver::courier;
use crate::support::{fresh_slug, new_app, new_app_at, run};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A tenant of a product that hands contacts over.
struct Office(House);

impl Office {
    async fn new() -> Self {
        courier();
        Self(House::of_workspaces().await)
    }

    fn doors(&self) -> &Doors {
        &self.0.0
    }

    /// What somebody has left, the oldest first.
    async fn left(&self, user: &str) -> Vec<Value> {
        let page = self.doors().api.get(&format!("/handovers?user={user}")).await.is(200).json();
        page["items"].as_array().unwrap().iter().rev().cloned().collect()
    }

    async fn only(&self, user: &str) -> Value {
        let all = self.left(user).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.into_iter().next().unwrap()
    }

    /// Whoever tells the product looks at this many minutes from now.
    async fn tells_after(&self, minutes: i64) {
        let clock = FixedClock::at(SystemClock.now() + TimeDelta::minutes(minutes));
        let tenant = self.doors().tenant.admin.scope().tenant();
        new_app_at(1, Arc::new(clock)).tell_handovers(tenant).await.unwrap();
    }

    /// What those who follow were told of somebody's handovers, once the last fact so far has left the outbox.
    async fn told(&self, user: &str, kind: &str) -> Vec<Value> {
        let mark = self.doors().user(&fresh_slug()).await;
        let (began, mut after, mut heard) = (Instant::now(), String::new(), Vec::new());
        while !heard.iter().any(|change: &Value| change["data"]["user"] == mark.as_str()) {
            assert!(began.elapsed() < Duration::from_secs(20), "{heard:#?}");
            let page =
                self.doors().api.get(&format!("/changes?wait=1&count=200{after}")).await.is(200).json();
            after = format!("&after={}", text(&page["next"]));
            heard.extend(page["changes"].as_array().unwrap().clone());
        }
        let about = |change: &Value| change["type"] == kind && change["data"]["user"] == user;
        heard.into_iter().filter(about).map(|change| change["data"].clone()).collect()
    }

    async fn reports(&self, handover: &Value, outcome: &str, answer: Option<&str>) -> Reply {
        let path = format!("/handovers/{}/outcome", text(&handover["id"]));
        self.doors().api.put(&path, json!({"outcome": outcome, "answer": answer})).await
    }

    async fn redirects(&self, actor: Option<&str>, handover: &Value, to: Value) -> Reply {
        let path = format!("/handovers/{}/receiver", text(&handover["id"]));
        self.0.ask(actor, "PUT", &path, Some(json!({"to": to}))).await
    }

    async fn retries(&self, handover: &Value) -> Reply {
        self.0.ask(None, "POST", &format!("/handovers/{}/retry", text(&handover["id"])), None).await
    }

    /// Takes somebody's role at a place away.
    async fn revokes(&self, actor: Option<&str>, user: &str, place: &str, to: Option<&str>) {
        let grants = self.doors().api.get(&format!("/users/{user}/grants")).await.is(200).json();
        let mut all = grants["items"].as_array().unwrap().iter();
        let grant = all.find(|grant| grant["gives"]["role"]["scope"] == at(place)).unwrap();
        let to = to.map(|to| format!("?handOverTo={to}")).unwrap_or_default();
        let path = format!("/users/{user}/grants/{}{to}", text(&grant["id"]));
        self.0.ask(actor, "DELETE", &path, None).await.is(204);
    }

    /// A group whose members have a role at a place; its id.
    async fn group(&self, name: &str, gives: Value, members: &[&str]) -> String {
        self.doors().rule(10, json!({"group": name}), gives).await;
        self.doors().group(name, members).await
    }

    async fn members(&self, group: &str, op: &str, user: &str) {
        let operation = match op {
            "add" => json!([{"op": "add", "path": "members", "value": [{"value": user}]}]),
            _ => json!([{"op": "remove", "path": format!("members[value eq \"{user}\"]")}]),
        };
        taken(&self.doors().scim.patch(&format!("/Groups/{group}"), operation).await);
    }

    async fn said(&self, user: &str) -> Vec<String> {
        let all = self.doors().audit(user).await;
        let all = all.iter().map(|event| text(&event["action"]));
        all.filter(|action| action.starts_with("user.handover")).collect()
    }
}

#[track_caller]
fn taken(reply: &Reply) {
    assert!((200..300).contains(&reply.status), "{} answered {}: {}", reply.asked, reply.status, reply.text);
}

fn due(handover: &Value) -> chrono::DateTime<chrono::Utc> {
    text(&handover["dueAt"]).parse().unwrap()
}

/// RSP-30, RSP-31, RSP-32
#[test]
fn whoever_is_revoked_leaves_one_workspace_and_what_they_had_there_is_taken_from_them() {
    run(async {
        let office = Office::new().await;
        let [owner, ..] = office.0.staff().await;
        let both = json!([role("agent", at("emea")), role("agent", at("apac"))]);
        let mina = office.0.has("mina", both).await;

        office.revokes(Some(&owner), &mina, "emea", None).await;

        let left = office.only(&mina).await;
        assert_eq!(
            (&left["state"], &left["at"], &left["thing"]),
            (&json!("open"), &at("emea"), &json!("contact"))
        );
        assert_eq!(left["openedBy"]["user"], owner.as_str());
        let access = office.doors().access(&mina).await;
        assert_eq!(access["status"]["kind"], "granted", "the organisation's access is kept");
        assert_eq!(access["roles"].as_array().unwrap().len(), 1);
        office.tells_after(1).await;
        let told = office.told(&mina, "handover.due").await.remove(0);
        assert_eq!((&told["handover"], &told["to"]), (&left["id"], &Value::Null));
        assert_eq!((&told["thing"], &told["place"]["key"]), (&json!("contact"), &json!("emea")));

        let done = office.reports(&left, "done", Some("41 contacts unassigned")).await.is(200).json();
        assert_eq!((&done["state"], &done["answer"]), (&json!("done"), &json!("41 contacts unassigned")));
        let again = office.reports(&left, "done", Some("0 contacts unassigned")).await.is(200).json();
        assert_eq!(again, done, "said twice, the first stays");
        office.reports(&left, "failed", None).await.problem(409, "conflict");
        office.retries(&left).await.problem(409, "conflict");
        office.redirects(None, &left, json!(owner)).await.problem(409, "conflict");
        let said = office.said(&mina).await;
        assert_eq!(said.first().map(String::as_str), Some("user.handover.open"));
        for step in ["user.handover.due", "user.handover.done"] {
            assert!(said.iter().any(|said| said == step), "{said:?}");
        }
    });
}

/// RSP-30
#[test]
fn what_is_left_goes_to_a_chosen_colleague_who_is_there_and_nobody_else() {
    run(async {
        let office = Office::new().await;
        let [owner, manager, agent] = office.0.staff().await;
        let stranger = office.0.has("stranger", json!([role("agent", at("apac"))])).await;
        let [mina, ken] = ["mina", "ken"].map(|name| office.0.has(name, json!([role("agent", at("emea"))])));
        let (mina, ken) = (mina.await, ken.await);

        office.revokes(Some(&manager), &mina, "emea", Some(&agent)).await;
        let left = office.only(&mina).await;
        assert_eq!((&left["state"], &left["to"]), (&json!("open"), &json!(agent)));

        for nobody in [stranger.as_str(), mina.as_str(), "00000000-0000-7000-8000-000000000000"] {
            office.redirects(None, &left, json!(nobody)).await.problem(409, "conflict");
        }
        office.redirects(Some(&agent), &left, json!(manager)).await.problem(404, "not_found");
        let other = json!([role("manager", at("apac"))]);
        let elsewhere = office.0.has("elsewhere", other).await;
        office.redirects(Some(&elsewhere), &left, json!(manager)).await.problem(404, "not_found");
        let seen = office.0.ask(Some(&elsewhere), "GET", "/handovers", None).await.is(200).json();
        assert_eq!(seen["items"], json!([]));
        let turned = office.redirects(Some(&owner), &left, json!(manager)).await.is(200).json();
        assert_eq!((&turned["to"], &turned["state"]), (&json!(manager), &json!("open")));

        // Whoever cannot receive it keeps nobody in.
        office.revokes(None, &ken, "emea", Some(&stranger)).await;
        assert_eq!(office.doors().access(&ken).await["roles"], json!([]));
        let failed = office.only(&ken).await;
        assert_eq!((&failed["state"], &failed["to"]), (&json!("failed"), &Value::Null));
        assert!(text(&failed["answer"]).contains("no role at that place"), "{failed}");
        assert_eq!(office.told(&ken, "handover.failed").await.len(), 1);
        let turned = office.redirects(None, &failed, json!(agent)).await.is(200).json();
        assert_eq!((&turned["to"], &turned["state"]), (&json!(agent), &json!("open")));

        // Whom the owner of one workspace does not see is nobody to them.
        let hugo = office.0.has("hugo", json!([role("agent", at("emea"))])).await;
        office.revokes(Some(&owner), &hugo, "emea", Some(&stranger)).await;
        let unseen = text(&office.only(&hugo).await["answer"]);
        assert!(unseen.starts_with("nobody of that id"), "{unseen}");

        // A manager revokes agents, and says nothing of what an owner has left.
        let second = office.0.has("second", json!([role("owner", at("emea"))])).await;
        office.revokes(Some(&owner), &second, "emea", None).await;
        let of_owner = office.only(&second).await;
        allowed_by_none(office.redirects(Some(&manager), &of_owner, json!(manager)).await);
        office.redirects(Some(&owner), &of_owner, json!(manager)).await.is(200);
    });
}

/// RSP-38
#[test]
fn whoever_is_frozen_because_a_new_address_took_their_place_hands_over_to_the_new() {
    run(async {
        let office = Office::new().await;
        let [old, new] = ["old@acme.example", "new@acme.example"]
            .map(|name| office.0.has(name, json!([role("agent", at("emea"))])));
        let (old, new) = (old.await, new.await);

        let body = json!({"because": "another address", "handOverTo": new});
        office.0.ask(None, "PUT", &format!("/users/{old}/freeze"), Some(body)).await.is(200);

        let left = office.only(&old).await;
        assert_eq!((&left["to"], &left["at"]), (&json!(new), &at("emea")));
        office.tells_after(1).await;
        assert_eq!(office.told(&old, "handover.due").await[0]["to"], json!(new));

        // Who is thawed before it is done keeps what they had, and the product hears so.
        office.0.ask(None, "DELETE", &format!("/users/{old}/freeze"), None).await.is(200);
        assert_eq!(office.only(&old).await["state"], "cancelled");
        assert_eq!(office.told(&old, "handover.cancelled").await.len(), 1);
        office.reports(&left, "done", None).await.problem(409, "conflict");
    });
}

/// R6, RSP-30: whoever ends somebody by hand, in whatever way, says to whom what they leave goes.
#[test]
fn whoever_is_deleted_or_stopped_by_hand_hands_over_to_whom_is_chosen_and_leaves_whoever_that_is() {
    run(async {
        let office = Office::new().await;
        let [_, _, agent] = office.0.staff().await;
        let stranger = office.0.has("stranger", json!([role("agent", at("apac"))])).await;
        let ask = async |method: &str, user: &str, query: &str, body: Option<Value>| {
            office.0.ask(None, method, &format!("/users/{user}{query}"), body).await
        };
        let mut leavers = Vec::new();
        for name in ["mina", "ken", "hugo", "yuki", "rei"] {
            leavers.push(office.0.has(name, json!([role("agent", at("emea"))])).await);
        }
        let [mina, ken, hugo, yuki, rei] = leavers.try_into().unwrap();

        taken(&ask("DELETE", &mina, &format!("?handOverTo={agent}"), None).await);
        taken(&ask("PATCH", &ken, "", Some(json!({"active": false, "handOverTo": agent}))).await);
        for leaver in [&mina, &ken] {
            let left = office.only(leaver).await;
            assert_eq!((&left["state"], &left["to"]), (&json!("open"), &json!(agent)), "{left}");
        }
        office.tells_after(1).await;
        assert_eq!(office.told(&mina, "handover.due").await[0]["to"], json!(agent));

        // Whoever cannot receive it keeps nobody in.
        taken(&ask("DELETE", &hugo, &format!("?handOverTo={stranger}"), None).await);
        let nobody = "00000000-0000-7000-8000-000000000000";
        taken(&ask("PATCH", &yuki, "", Some(json!({"active": false, "handOverTo": nobody}))).await);
        office.doors().api.get(&format!("/users/{hugo}")).await.problem(404, "not_found");
        assert_eq!(office.doors().access(&yuki).await["status"]["kind"], "inactive");
        for leaver in [&hugo, &yuki] {
            let left = office.only(leaver).await;
            assert_eq!((&left["state"], &left["to"]), (&json!("failed"), &Value::Null), "{left}");
            assert_eq!(office.told(leaver, "handover.failed").await.len(), 1);
        }

        // Whoever stays leaves nothing, and what is no id is no deletion.
        taken(&ask("PATCH", &rei, "", Some(json!({"title": "Chief", "handOverTo": agent}))).await);
        assert_eq!(office.left(&rei).await, Vec::<Value>::new());
        ask("DELETE", &rei, "?handOverTo=ken", None).await.problem(400, "invalid_parameter");
        assert_eq!(office.doors().access(&rei).await["status"]["kind"], "granted");
    });
}

/// BLF-07, RSP-30: one choice for all, and each line says what came of it.
#[test]
fn of_several_who_are_stopped_at_once_each_line_says_what_they_leave_and_to_whom_it_goes() {
    run(async {
        let office = Office::new().await;
        let [owner, _, agent] = office.0.staff().await;
        let both = json!([role("agent", at("emea")), role("agent", at("apac"))]);
        let mina = office.0.has("mina", both).await;
        let ken = office.0.has("ken", json!([role("agent", at("emea"))])).await;
        let api = &office.doors().api;
        let sheet = |query: String| async move {
            let names = "email\nmina\nnobody\nken\nagent\n";
            let with =
                |request: reqwest::RequestBuilder| request.header("content-type", "text/csv").body(names);
            api.send("POST", &format!("/freezes?handOverTo={query}"), with).await.is(200).json()["items"]
                .clone()
        };

        let tried = sheet(format!("{agent}&dryRun=true")).await;
        assert_eq!(tried[0]["outcome"], "would_be_frozen");
        assert_eq!(office.left(&mina).await, Vec::<Value>::new());

        let done = sheet(agent.clone()).await;

        assert_eq!(done[0]["left"], tried[0]["left"], "what was tried is what is done");
        assert_eq!(done[0]["left"].as_array().unwrap().len(), 2);
        assert_eq!((&done[1]["code"], &done[1]["left"]), (&json!("not_found"), &json!([])));
        let goes = |left: &Value| (left["at"].clone(), left["to"].clone(), text(&left["answer"]));
        let leaves_too = "who is to receive it leaves too".to_owned();
        assert_eq!(goes(&done[2]["left"][0]), (at("emea"), Value::Null, leaves_too));
        let own = goes(&done[3]["left"][0]);
        assert!(own.2.starts_with("who leaves cannot receive"), "{own:?}");
        assert_eq!(office.only(&ken).await["state"], "failed");

        // To somebody who stays.
        let rei = office.0.has("rei", json!([role("agent", at("emea"))])).await;
        let body = json!({"people": ["rei"], "handOverTo": owner});
        let row = api.post("/freezes", body).await.is(200).json()["items"][0].clone();
        assert_eq!(row["left"], json!([{"at": at("emea"), "thing": "contact", "to": owner, "answer": null}]));
        assert_eq!(office.only(&rei).await["to"], json!(owner));
    });
}

/// R4: identity providers move people between groups by taking them out and putting them in.
#[test]
fn a_move_between_groups_takes_nothing_from_anybody_and_a_departure_does_after_a_while() {
    run(async {
        let office = Office::new().await;
        let (mina, ken) = (office.doors().user("mina").await, office.doors().user("ken").await);
        let agents = office.group("agents", role("agent", at("emea")), &[&mina, &ken]).await;
        let managers = office.group("managers", role("manager", at("emea")), &[]).await;

        for person in [&mina, &ken] {
            office.members(&agents, "remove", person).await;
        }
        let opened = office.only(&mina).await;
        let wait = due(&opened) - text(&opened["openedAt"]).parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert_eq!((wait, &opened["state"]), (TimeDelta::minutes(15), &json!("open")));
        office.tells_after(14).await;
        office.members(&managers, "add", &mina).await;
        office.tells_after(16).await;

        assert_eq!(office.only(&mina).await["state"], "cancelled");
        assert_eq!(office.only(&ken).await["attempts"], 1);
        for kind in ["handover.due", "handover.cancelled"] {
            assert_eq!(office.told(&mina, kind).await, Vec::<Value>::new(), "nobody need hear of it");
        }
        assert_eq!(office.told(&ken, "handover.due").await.len(), 1);
        assert_eq!(office.said(&mina).await, ["user.handover.open", "user.handover.cancel"]);
    });
}

/// R6: for an identity provider's leaver the policy chooses.
#[test]
fn what_an_identity_providers_leaver_leaves_goes_where_the_policy_says() {
    run(async {
        let office = Office::new().await;
        let doors = office.doors();
        let person = async |name: &str, manager: Option<&str>| {
            let mut person = json!({"userName": name});
            if let Some(manager) = manager {
                person[ENTERPRISE] = json!({"manager": {"value": manager}});
            }
            doors.person(person).await
        };
        let boss = person("boss", None).await;
        let away = person("away", None).await;
        let mina = person("mina", Some(&boss)).await;
        let ken = person("ken", Some(&away)).await;
        let hugo = person("hugo", Some(&boss)).await;
        office.group("agents", role("agent", at("emea")), &[&boss, &mina, &ken, &hugo]).await;
        let before = doors.api.get("/handover-policy").await.is(200).json();
        assert_eq!(
            before,
            json!({"things": ["contact"], "byDirectory": "unassign", "person": null, "graceMinutes": 15})
        );

        let set = json!({"byDirectory": "manager", "graceMinutes": 60});
        let after = doors.api.put("/handover-policy", set).await.is(200).json();
        assert_eq!((&after["byDirectory"], &after["graceMinutes"]), (&json!("manager"), &json!(60)));
        for leaver in [&mina, &ken] {
            doors.set_active(leaver, false).await;
        }
        doors.scim.delete(&format!("/Users/{hugo}")).await.is(204);

        let to = async |user: &str| office.only(user).await["to"].clone();
        assert_eq!((to(&mina).await, to(&hugo).await), (json!(boss), json!(boss)));
        let unassigned = office.only(&ken).await;
        assert_eq!((&unassigned["state"], &unassigned["to"]), (&json!("open"), &Value::Null));
        assert!(text(&unassigned["answer"]).starts_with("to nobody: "), "{unassigned}");

        // Whoever is to receive it leaves too, before it is time.
        doors.set_active(&boss, false).await;
        office.tells_after(61).await;
        let failed = office.only(&mina).await;
        assert_eq!(
            (&failed["state"], &failed["answer"]),
            (&json!("failed"), &json!("who is to receive it is not active"))
        );
        assert_eq!(office.only(&ken).await["attempts"], 1);
        assert_eq!(office.only(&boss).await["state"], "open", "nothing kept them");

        for (wrong, code) in [
            (json!({"byDirectory": "person"}), (400, "invalid")),
            (json!({"byDirectory": "manager", "person": boss}), (400, "invalid")),
            (json!({"byDirectory": "unassign", "graceMinutes": 10_081}), (400, "invalid")),
            (json!({"byDirectory": "person", "person": boss}), (409, "conflict")),
        ] {
            doors.api.put("/handover-policy", wrong).await.problem(code.0, code.1);
        }
        let one = json!({"byDirectory": "person", "person": away});
        assert_eq!(doors.api.put("/handover-policy", one).await.is(200).json()["graceMinutes"], 15);
    });
}

/// A product that never answers is told less and less often, and then somebody is to look.
#[test]
fn a_handover_that_nobody_answers_is_told_again_and_again_and_then_fails_where_it_is_seen() {
    run(async {
        let office = Office::new().await;
        let mina = office.doors().user("mina").await;
        office.group("agents", role("agent", at("emea")), &[&mina]).await;
        office.doors().set_active(&mina, false).await;
        let mut minutes = 16;
        let mut waits = Vec::new();
        for told in 1..=12 {
            office.tells_after(minutes).await;
            let row = office.only(&mina).await;
            assert_eq!((&row["attempts"], &row["state"]), (&json!(told), &json!("open")));
            let next = (due(&row) - SystemClock.now()).num_seconds() / 60 + 1;
            waits.push(next - minutes);
            office.tells_after(next - 2).await;
            minutes = next + 1;
        }
        assert!(waits.is_sorted() && waits[0] <= 2 && waits[11] >= 300, "{waits:?}");

        office.tells_after(minutes).await;

        let failed = office.only(&mina).await;
        assert_eq!((&failed["state"], &failed["dueAt"]), (&json!("failed"), &Value::Null));
        assert_eq!(office.told(&mina, "handover.due").await.len(), 12);
        assert_eq!(office.told(&mina, "handover.failed").await.len(), 1);
        let found = office.doors().api.get("/handovers?state=failed").await.is(200).json();
        assert_eq!(found["items"][0]["id"], failed["id"]);
        let again = office.retries(&failed).await.is(200).json();
        assert_eq!((&again["state"], &again["attempts"]), (&json!("open"), &json!(0)));
        let words = office.reports(&again, "failed", Some("the inbox is locked")).await.is(200).json();
        assert_eq!((&words["state"], &words["answer"]), (&json!("failed"), &json!("the inbox is locked")));
        assert_eq!(office.reports(&words, "done", None).await.is(200).json()["state"], "done");
        office.doors().api.get("/handovers?state=lost").await.problem(400, "invalid_parameter");
    });
}

/// What a change of the policy takes from many can be taken back before anything is handed over.
#[test]
fn a_rule_that_is_taken_away_and_put_back_hands_nothing_over() {
    run(async {
        let office = Office::new().await;
        let doors = office.doors();
        let mina = doors.user("mina").await;
        let rule = doors.rule(10, json!({"group": "agents"}), role("agent", at("emea"))).await;
        doors.group("agents", &[&mina]).await;

        let path = format!("/mapping-rules/{rule}");
        doors.api.send("PATCH", &path, |it| it.json(&json!({"active": false}))).await.is(200);
        let opened = office.only(&mina).await;
        assert!(due(&opened) > SystemClock.now() + TimeDelta::minutes(10), "{opened}");
        doors.api.send("PATCH", &path, |it| it.json(&json!({"active": true}))).await.is(200);

        assert_eq!(office.only(&mina).await["state"], "cancelled");
    });
}

/// Whoever never came has nothing to leave, and two who turn out to be one leave nothing by it.
#[test]
fn an_invitation_taken_back_and_an_adoption_hand_nothing_over() {
    run(async {
        let office = Office::new().await;
        let doors = office.doors();
        let invite = json!({"address": "guest@acme.example", "gives": [role("agent", at("emea"))]});
        let invited = doors.api.post("/invitations", invite).await.is(201).json()["invitation"].clone();
        taken(&doors.api.delete(&format!("/invitations/{}", text(&invited["id"]))).await);
        assert_eq!(office.left(&text(&invited["user"])).await, Vec::<Value>::new());

        let domain = format!("{}.example", fresh_slug());
        doors.verified_domain(&domain).await;
        let email = format!("mina@{domain}");
        let gives = json!([role("agent", at("emea")), role("agent", at("apac"))]);
        let new = json!({"userName": email, "email": email, "gives": gives});
        let local = doors.api.post("/users", new).await.is(201).id();
        office.revokes(None, &local, "apac", None).await;
        let emails = json!([{"value": email}]);
        let pushed = doors.person(json!({"userName": email, "emails": emails})).await;
        let decide = json!({"local": local, "user": pushed, "decision": "approve"});
        doors.api.post("/adoptions", decide).await.is(200);

        assert_eq!(office.left(&local).await, Vec::<Value>::new());
        let goes_on = office.only(&pushed).await;
        assert_eq!((&goes_on["at"], &goes_on["state"]), (&at("apac"), &json!("open")));
    });
}

#[test]
fn a_product_that_hands_nothing_over_hears_of_nothing() {
    run(async {
        let house = House::of("momos").await;
        let policy = house.0.api.get("/handover-policy").await.is(200).json();
        assert_eq!(policy["things"], json!([]));
        let set = json!({"byDirectory": "unassign"});
        house.0.api.put("/handover-policy", set).await.problem(409, "conflict");
        let mina = house.0.user("mina").await;
        house.0.set_active(&mina, false).await;
        assert_eq!(house.0.api.get("/handovers").await.is(200).json()["items"], json!([]));
    });
}

/// What is due is told without anybody asking, by one process of several.
#[test]
fn of_several_processes_one_tells_what_is_due() {
    run(async {
        let office = Office::new().await;
        let mina = office.0.has("mina", json!([role("agent", at("emea"))])).await;
        office.revokes(None, &mina, "emea", None).await;

        let keeping: Vec<_> = (0..3).map(|_| tokio::spawn(Arc::new(new_app(2)).keep_handovers())).collect();
        let began = Instant::now();
        while office.only(&mina).await["attempts"] == 0 {
            assert!(began.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        keeping.iter().for_each(tokio::task::JoinHandle::abort);

        let told = office.told(&mina, "handover.due").await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["attempt"], 1);
    });
}
