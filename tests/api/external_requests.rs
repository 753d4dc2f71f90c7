//! People of other companies: who asks for them, who decides, what they join, and when it is over.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::{Clock as _, FixedClock};
use serde_json::{Value, json};
use usher::system::SystemClock;

use super::grant_rules::{House, allowed_by_none, role};
use super::invitations::{Made, accept, follow};
use crate::support::http::{Reply, text};
use crate::support::passkey::Named;
use crate::support::provider::Browser;
use crate::support::receiver::courier;
use crate::support::run;
use crate::support::smtp::MailServer;

const PATH: &str = "/external-requests";
const XENIA: &str = "xenia@partner.example";

fn unit(key: &str) -> Value {
    json!({"orgUnit": key})
}

/// Two teams, each with channels, a system administrator, and members.
struct Company {
    house: House,
    chief: String,
    hana: String,
}

impl Company {
    async fn get() -> Self {
        let house = House::of("linc_biz").await;
        for (team, channels) in [("Team", ["Blue", "Red"]), ("Other", ["Green", "Grey"])] {
            house.0.unit_of_kind(team, Some("Top"), Some("team")).await;
            for channel in channels {
                house.0.unit_of_kind(channel, Some(team), Some("channel")).await;
            }
        }
        let chief = house.has("chief", json!([role("system_admin", json!("environment"))])).await;
        let hana = house.has("hana", json!([role("member", unit("Team"))])).await;
        Self { house, chief, hana }
    }

    async fn asks(&self, actor: Option<&str>, more: Value) -> Reply {
        let mut body =
            json!({"at": unit("Blue"), "variant": "private", "addresses": [XENIA], "reason": "the new site"});
        for (name, value) in more.as_object().unwrap() {
            match value {
                Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
                value => body[name] = value.clone(),
            }
        }
        self.house.ask(actor, "POST", PATH, Some(body)).await
    }

    /// A request of hana's for one; its id.
    async fn waits(&self, more: Value) -> String {
        text(&self.asks(Some(&self.hana), more).await.is(201).json()["items"][0]["id"])
    }

    async fn decides(&self, actor: Option<&str>, id: &str, decision: &str) -> Reply {
        let body = json!({"decision": decision});
        self.house.ask(actor, "POST", &format!("{PATH}/{id}"), Some(body)).await
    }

    /// Hana asks, the chief approves: the invitation.
    async fn lets_in(&self, more: Value) -> Made {
        let id = self.waits(more).await;
        Made::of(&self.decides(Some(&self.chief), &id, "approve").await.is(200).json()["invited"])
    }

    /// The same, and it is accepted.
    async fn takes_in(&self, more: Value) -> String {
        let made = self.lets_in(more).await;
        accept(Named::get(), self.house.slug(), made.secret()).await;
        made.user
    }

    async fn seen_by(&self, actor: Option<&str>, query: &str) -> Vec<Value> {
        let list = self.house.ask(actor, "GET", &format!("{PATH}{query}"), None).await.is(200).json();
        list["items"].as_array().unwrap().clone()
    }

    async fn request(&self, id: &str) -> Value {
        self.house.0.api.get(&format!("{PATH}/{id}")).await.is(200).json()
    }

    async fn trail(&self, target: &str) -> Vec<String> {
        let events = self.house.0.audit(target).await;
        events.iter().map(|event| text(&event["action"])).collect()
    }

    /// Keys of the places where somebody holds the role.
    async fn places(&self, user: &str) -> Vec<String> {
        let access = self.house.0.access(user).await;
        let roles = access["roles"].as_array().unwrap().iter();
        roles
            .map(|held| {
                assert_eq!(held["role"], "external", "{access}");
                text(&held["scope"]["key"])
            })
            .collect()
    }

    /// Where changes go on from now.
    async fn now(&self) -> String {
        text(&self.house.0.api.get("/changes?after=now").await.is(200).json()["next"])
    }

    /// What was told since then under this name, as soon as it is so much.
    async fn heard(&self, since: &str, name: &str, count: usize) -> Vec<Value> {
        courier();
        let mut heard = Vec::new();
        for _ in 0..300 {
            let page = self.house.0.api.get(&format!("/changes?after={since}")).await.is(200).json();
            let all = page["changes"].as_array().unwrap().iter();
            heard = all.filter(|it| it["type"] == name).map(|it| it["data"].clone()).collect();
            if heard.len() >= count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(heard.len(), count, "{heard:?}");
        heard
    }
}

/// A clock that goes when it is told to, and an application that goes by it.
fn aged() -> (Arc<FixedClock>, Named) {
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    (clock.clone(), Named::at(clock))
}

fn in_days(days: i64) -> DateTime<Utc> {
    SystemClock.now() + TimeDelta::days(days)
}

/// LNC-12, LNC-13
#[test]
fn any_member_of_a_channel_asks_for_several_with_a_reason_and_asks_once() {
    run(async {
        let company = Company::get().await;
        let (hana, chief) = (Some(company.hana.as_str()), Some(company.chief.as_str()));
        let mina = company.house.has("mina", json!([role("member", unit("Team"))])).await;
        let ken = company.house.has("ken", json!([role("member", unit("Other"))])).await;
        let since = company.now().await;

        for (wrong, what) in [
            (json!({"reason": null}), "no reason"),
            (json!({"reason": "  "}), "an empty one"),
            (json!({"reason": "x".repeat(1_001)}), "a long one"),
            (json!({"variant": "public"}), "no such channel"),
            (json!({"variant": null}), "who knows which"),
            (json!({"addresses": []}), "nobody"),
            (json!({"addresses": vec!["a@partner.example"; 51]}), "too many"),
            (json!({"addresses": ["nonsense"]}), "no address"),
            (json!({"until": "2020-01-01T00:00:00Z"}), "it is over"),
            (json!({"at": unit("Team")}), "a whole team"),
            (json!({"at": "environment"}), "everything"),
            (json!({"at": unit("Nowhere")}), "no such place"),
        ] {
            let refused = company.asks(hana, wrong).await;
            assert_eq!(refused.status, 400, "{what}: {}", refused.text);
        }
        allowed_by_none(company.asks(Some(&ken), json!({})).await);
        assert_eq!(company.seen_by(None, "").await, Vec::<Value>::new(), "nothing was kept");

        let several = json!({"addresses": [XENIA, "yuri@partner.example", "XENIA@partner.example"]});
        let asked = company.asks(hana, several.clone()).await.is(201).json();
        let addresses: Vec<&Value> =
            asked["items"].as_array().unwrap().iter().map(|it| &it["address"]).collect();
        assert_eq!(addresses, [XENIA, "yuri@partner.example"]);
        let first = &asked["items"][0];
        assert_eq!(
            (&first["state"], &first["reason"], &first["requestedBy"], &first["at"]),
            (&json!("requested"), &json!("the new site"), &json!(company.hana), &unit("Blue"))
        );
        assert_eq!(company.asks(hana, several).await.is(200).json(), asked, "they wait already");

        // Somebody else learns that they wait, and not who asked or why.
        let also = company.asks(Some(&mina), json!({"reason": "mine"})).await.is(200).json();
        let also = &also["items"][0];
        assert_eq!(
            (&also["id"], &also["reason"], &also["requestedBy"]),
            (&first["id"], &json!(null), &json!(null))
        );
        company.asks(Some(&mina), json!({"at": unit("Red")})).await.is(201);

        assert_eq!(company.seen_by(hana, "").await.len(), 2);
        assert_eq!(company.seen_by(Some(&mina), "").await.len(), 1);
        assert_eq!(company.seen_by(Some(&ken), "").await, Vec::<Value>::new());
        assert_eq!(company.seen_by(chief, "?state=requested").await.len(), 3);
        assert_eq!(
            company.seen_by(None, "?count=1&offset=2").await,
            [company.request(&text(&first["id"])).await]
        );
        company.house.0.api.get(&format!("{PATH}?state=lost")).await.problem(400, "invalid_parameter");

        let told = company.heard(&since, "external.requested", 3).await;
        assert!(told.iter().all(|it| it["decides"] == json!(["system_admin"])), "{told:?}");
        assert!(told.iter().all(|it| it["notice"] == "bot_message"), "{told:?}");
        assert!(told.iter().all(|it| it["to"] == json!([company.chief])), "{told:?}");
        let one = told.iter().find(|it| it["externalRequest"] == first["id"]).unwrap();
        assert_eq!((&one["at"], &one["by"]), (&unit("Blue"), &json!(company.hana)));
        assert!(!json!(told).to_string().contains("partner.example"), "ids, no addresses");
        assert_eq!(company.trail(&text(&first["id"])).await, ["external_request.create"]);
    });
}

/// LNC-12, LNC-14, LNC-17
#[test]
fn a_system_admin_decides_and_nobody_else() {
    run(async {
        let company = Company::get().await;
        let (hana, chief) = (Some(company.hana.as_str()), Some(company.chief.as_str()));
        let lead = company.house.has("lead", json!([role("team_admin", unit("Team"))])).await;
        let ken = company.house.has("ken", json!([role("member", unit("Other"))])).await;
        let (wanted, unwanted) =
            (company.waits(json!({})).await, company.waits(json!({"addresses": ["yuri@x.example"]})).await);
        let since = company.now().await;

        for decision in ["approve", "reject"] {
            allowed_by_none(company.decides(hana, &wanted, decision).await);
            for stranger in [&lead, &ken] {
                company.decides(Some(stranger), &wanted, decision).await.problem(404, "not_found");
            }
        }
        company.decides(chief, &wanted, "perhaps").await.problem(400, "invalid_body");

        let approved = company.decides(chief, &wanted, "approve").await.is(200).json();
        let rejected = company.decides(chief, &unwanted, "reject").await.is(200).json();

        let made = Made::of(&approved["invited"]);
        assert_eq!(
            (&approved["request"]["state"], &approved["request"]["decidedBy"], &approved["request"]["user"]),
            (&json!("approved"), &json!("chief"), &json!(made.user))
        );
        assert_eq!((&rejected["request"]["state"], rejected.get("invited")), (&json!("rejected"), None));
        for id in [&wanted, &unwanted] {
            company.decides(chief, id, "approve").await.problem(409, "conflict");
        }
        assert_eq!(company.house.person(&made.user).await["status"]["id"], "invited");
        let people = company.house.0.api.get("/users?search=yuri").await.is(200).json();
        assert_eq!(people["items"], json!([]), "who was rejected is nobody");
        assert_eq!(company.trail(&wanted).await.last().map(String::as_str), Some("external_request.approve"));
        assert_eq!(
            company.trail(&unwanted).await.last().map(String::as_str),
            Some("external_request.reject")
        );
        let told = company.heard(&since, "external.decided", 2).await;
        let (yes, no) = (&told[0], &told[1]);
        assert_eq!((&yes["decision"], &yes["user"]), (&json!("approved"), &json!(made.user)));
        assert_eq!((&yes["invitation"], &yes["by"]), (&json!(made.id), &json!(company.hana)));
        assert_eq!((&no["decision"], no.get("user")), (&json!("rejected"), None));

        // Who was rejected can be asked for again; a program decides for itself, too.
        let again = company.waits(json!({"addresses": ["yuri@x.example"]})).await;
        company.decides(None, &again, "approve").await.is(200);
        // Whoever could invite anyway decides on what they asked themselves.
        let own = company.asks(chief, json!({"addresses": ["own@x.example"]})).await.is(201).json();
        company.decides(chief, &text(&own["items"][0]["id"]), "approve").await.is(200);
        let other = Company::get().await;
        other.house.0.api.get(&format!("{PATH}/{wanted}")).await.problem(404, "not_found");
        other.decides(None, &wanted, "reject").await.problem(404, "not_found");
    });
}

/// LNC-14: the bot writes to those who can decide, and to nobody else.
#[test]
fn the_product_is_told_who_can_decide_by_then() {
    run(async {
        let company = Company::get().await;
        let house = &company.house;
        let everywhere = |id: &str| json!([role(id, json!("environment"))]);
        let second = house.has("second", everywhere("system_admin")).await;
        let away = house.has("away", everywhere("system_admin")).await;
        house.ask(None, "PUT", &format!("/users/{away}/freeze"), Some(json!({}))).await.is(200);
        house.has("lead", json!([role("team_admin", unit("Team"))])).await;
        let since = company.now().await;

        company.waits(json!({})).await;

        let told = company.heard(&since, "external.requested", 1).await.remove(0);
        let mut both = [company.chief.clone(), second];
        both.sort();
        assert_eq!(told["to"], json!(both), "{told}");
    });
}

/// LNC-14
#[test]
fn whoever_is_approved_gets_a_mail_with_their_link() {
    run(async {
        let company = Company::get().await;
        let server = MailServer::start();
        let app = server.app();
        let (admin, slug) = (&company.house.0.tenant.admin, company.house.slug());
        let id = company.waits(json!({})).await.parse().unwrap();
        let decide = serde_json::from_value(json!({"decision": "approve", "language": "en"})).unwrap();

        let decided = app.decide_external(admin, slug, id, decide).await.unwrap();
        app.send_invitations(admin.scope().tenant()).await.unwrap();

        assert_eq!(decided.invited.unwrap().invitation.mail.state, "waiting");
        let mail = server.mails(1).pop().unwrap();
        assert!(mail.to_string().contains(XENIA), "{mail}");
        assert!(mail.to_string().contains("Subject: You are invited to"), "{mail}");
    });
}

/// LNC-11, LNC-15, LNC-19
#[test]
fn whoever_accepts_joins_that_channel_and_nothing_that_is_everybodys() {
    run(async {
        let company = Company::get().await;
        company.house.0.seats(5).await;
        let since = company.now().await;
        let made = company.lets_in(json!({})).await;
        let access = company.house.0.access(&made.user).await;
        assert_eq!((&access["status"]["kind"], &access["roles"]), (&json!("invited"), &json!([])));

        accept(Named::get(), company.house.slug(), made.secret()).await;

        let told = company.heard(&since, "invitation.accepted", 1).await.remove(0);
        assert_eq!(
            (&told["user"], &told["at"], &told["joins"], &told["effects"]),
            (&json!(made.user), &json!([unit("Blue")]), &json!(null), &json!(["tell_invitation_address"]))
        );
        assert_eq!(company.places(&made.user).await, ["Blue"]);
        assert_eq!(company.house.person(&made.user).await["status"]["id"], "active");
        assert_eq!(company.house.used().await, 3, "they are counted by this product");
    });
}

/// LNC-10
#[test]
fn a_plan_without_people_of_other_companies_has_none() {
    run(async {
        let company = Company::get().await;
        let plan = async |plan: &str| company.house.0.api.put("/offer", json!({"plan": plan})).await.is(200);
        let waits = company.waits(json!({})).await;

        plan("free").await;
        let other = json!({"addresses": ["yuri@partner.example"]});
        for actor in [None, Some(company.hana.as_str()), Some(company.chief.as_str())] {
            company.asks(actor, other.clone()).await.problem(409, "conflict");
        }
        for actor in [None, Some(company.chief.as_str())] {
            company.decides(actor, &waits, "approve").await.problem(409, "conflict");
        }
        assert_eq!(company.request(&waits).await["state"], "requested");
        plan("standard").await;
        company.asks(Some(&company.hana), other).await.is(201);
        company.decides(Some(&company.chief), &waits, "approve").await.is(200);

        let none = House::of("momos").await;
        let ask = json!({"at": "environment", "addresses": [XENIA]});
        none.0.api.post(PATH, ask).await.problem(409, "conflict");
    });
}

#[test]
fn at_the_limit_of_seats_a_request_waits_on() {
    run(async {
        let company = Company::get().await;
        company.house.0.seats(2).await;
        let waits = company.waits(json!({})).await;

        company.decides(None, &waits, "approve").await.problem(409, "no_seat");

        assert_eq!(company.request(&waits).await["state"], "requested");
        company.house.0.seats(3).await;
        company.decides(None, &waits, "approve").await.is(200);
        assert_eq!(company.house.used().await, 3);
    });
}

#[test]
fn when_their_time_is_over_they_are_out_with_everything_in_one_step() {
    run(async {
        let company = Company::get().await;
        let connection = company.house.0.connection("op", "https://idp.example").await;
        company.house.0.seats(3).await;
        let (clock, aged) = aged();
        let tenant = company.house.0.tenant.admin.scope().tenant();
        let until = in_days(3);
        let user = company.takes_in(json!({"until": until})).await;
        let id = text(&company.seen_by(None, "").await[0]["id"]);
        let cookie = company.house.0.session(&user, connection).await;
        let waiting = company.house.0.user("waiting").await;
        let alive = async || crate::support::http::session_at(&aged.server, &cookie).await.status;
        let since = company.now().await;

        clock.advance(TimeDelta::days(2));
        aged.app.end_externals(tenant).await.unwrap();
        assert_eq!(company.places(&user).await, ["Blue"]);
        assert_eq!(company.house.used().await, 3);
        clock.advance(TimeDelta::days(2));
        aged.app.end_externals(tenant).await.unwrap();

        assert_eq!(alive().await, 401);
        assert_eq!(company.places(&user).await, Vec::<String>::new());
        let person = company.house.person(&user).await;
        assert_eq!((&person["active"], &person["status"]["id"]), (&json!(false), &json!("disabled")));
        assert_eq!(company.house.status(&waiting).await, "granted", "the seat has passed on");
        assert_eq!(company.request(&id).await["state"], "ended");
        let told = company.heard(&since, "external.ended", 1).await;
        assert_eq!((&told[0]["user"], &told[0]["at"]), (&json!(user), &unit("Blue")));
        // One transaction: everything was said of one request.
        let trail = company.house.0.audit(&id).await;
        let ended = trail.iter().find(|event| event["action"] == "external_request.expire").unwrap();
        let mut same: Vec<String> = Vec::new();
        for event in company.house.0.audit(&user).await {
            if event["requestId"] == ended["requestId"] {
                same.push(text(&event["action"]));
            }
        }
        for action in ["user.deactivate", "seat.release", "access.change"] {
            assert!(same.iter().any(|it| it == action), "{action}: {same:?}");
        }
        aged.app.end_externals(tenant).await.unwrap();
        assert_eq!(company.house.0.audit(&id).await, trail, "once");
    });
}

#[test]
fn the_time_at_one_place_takes_nothing_of_another() {
    run(async {
        let company = Company::get().await;
        let (clock, aged) = aged();
        let tenant = company.house.0.tenant.admin.scope().tenant();
        let since = company.now().await;
        let user = company.takes_in(json!({"until": in_days(3)})).await;
        // They are here already: they have the next channel at once, without another invitation.
        let next = company.waits(json!({"at": unit("Red"), "addresses": ["Xenia@Partner.example"]})).await;
        let decided = company.decides(Some(&company.chief), &next, "approve").await.is(200).json();
        assert_eq!((decided.get("invited"), &decided["request"]["user"]), (None, &json!(user)));
        assert_eq!(company.places(&user).await, ["Blue", "Red"]);
        let told = company.heard(&since, "external.decided", 2).await.remove(1);
        assert_eq!((&told["user"], &told["at"], told.get("invitation")), (&json!(user), &unit("Red"), None));

        // Who is made like them is lent nothing.
        let like = json!({"userName": "zoe", "like": user});
        let zoe = company.house.ask(None, "POST", "/users", Some(like)).await.is(201).id();
        assert_eq!(company.places(&zoe).await, ["Red"]);

        clock.advance(TimeDelta::days(4));
        aged.app.end_externals(tenant).await.unwrap();

        assert_eq!(company.places(&user).await, ["Red"]);
        assert_eq!(company.house.person(&user).await["active"], true);
    });
}

#[test]
fn who_is_asked_for_again_stays_longer_and_who_was_out_comes_back() {
    run(async {
        let company = Company::get().await;
        let (clock, aged) = aged();
        let tenant = company.house.0.tenant.admin.scope().tenant();
        let user = company.takes_in(json!({"until": in_days(3)})).await;
        let first = text(&company.seen_by(None, "").await[0]["id"]);
        let longer = company.waits(json!({"until": in_days(10)})).await;
        company.decides(None, &longer, "approve").await.is(200);
        assert_eq!(company.request(&first).await["state"], "ended", "another has taken its place");

        clock.advance(TimeDelta::days(4));
        aged.app.end_externals(tenant).await.unwrap();
        assert_eq!(company.places(&user).await, ["Blue"]);
        clock.advance(TimeDelta::days(7));
        aged.app.end_externals(tenant).await.unwrap();
        assert_eq!(company.house.person(&user).await["active"], false);

        let again = company.waits(json!({"at": unit("Red")})).await;
        let decided = company.decides(None, &again, "approve").await.is(200).json();
        assert_eq!(decided["request"]["user"], json!(user));
        assert_eq!(company.places(&user).await, ["Red"]);
        assert_eq!(company.house.person(&user).await["status"]["id"], "active");
    });
}

#[test]
fn what_an_administrator_gave_or_took_by_hand_is_not_ended_again() {
    run(async {
        let company = Company::get().await;
        let (clock, aged) = aged();
        let tenant = company.house.0.tenant.admin.scope().tenant();
        let user = company.takes_in(json!({"until": in_days(3)})).await;
        let grants = format!("/users/{user}/grants");
        company.house.0.api.post(&grants, json!({"gives": role("external", unit("Blue"))})).await.is(201);

        clock.advance(TimeDelta::days(4));
        aged.app.end_externals(tenant).await.unwrap();

        assert_eq!(company.places(&user).await, ["Blue"], "for good, says the administrator");
        assert_eq!(company.seen_by(None, "?state=ended").await.len(), 1);
    });
}

#[test]
fn who_has_not_accepted_in_time_is_gone_and_a_request_that_nobody_decided_is_over() {
    run(async {
        let company = Company::get().await;
        company.house.0.seats(3).await;
        let (clock, aged) = aged();
        let tenant = company.house.0.tenant.admin.scope().tenant();
        let made = company.lets_in(json!({"until": in_days(3)})).await;
        let undecided = company.waits(json!({"addresses": ["yuri@x.example"], "until": in_days(3)})).await;

        clock.advance(TimeDelta::days(4));
        aged.app.end_externals(tenant).await.unwrap();

        company.house.0.api.get(&format!("/users/{}", made.user)).await.problem(404, "not_found");
        follow(&Browser::at(&aged.server), &aged.server, company.house.slug(), made.secret())
            .await
            .page(403, "not-accepted");
        assert_eq!(company.house.used().await, 2);
        assert_eq!(company.request(&undecided).await["state"], "ended");
        company.decides(None, &undecided, "approve").await.problem(409, "conflict");
        company.asks(None, json!({})).await.is(201);
    });
}

#[test]
fn whoever_was_shut_out_comes_back_to_the_place_that_was_asked_for_and_no_other() {
    run(async {
        let company = Company::get().await;
        let user = company.takes_in(json!({})).await;
        let out = json!({"active": false});
        company.house.ask(None, "PATCH", &format!("/users/{user}"), Some(out)).await.is(200);

        let again = company.waits(json!({"at": unit("Red")})).await;
        company.decides(None, &again, "approve").await.is(200);

        assert_eq!(company.places(&user).await, ["Red"]);
        assert_eq!(company.seen_by(None, "?state=ended").await.len(), 1);
    });
}

/// What is over ends without anybody asking.
#[test]
fn a_process_ends_a_stay_whose_time_is_over() {
    run(async {
        let company = Company::get().await;
        let past = Named::at(Arc::new(FixedClock::at(in_days(-3))));
        let admin = &company.house.0.tenant.admin;
        let ask = json!({
            "at": unit("Blue"), "variant": "private", "addresses": [XENIA], "reason": "x", "until": in_days(-1),
        });
        let asked = past.app.request_externals(admin, serde_json::from_value(ask).unwrap()).await.unwrap();
        let id = asked.items[0].id;

        let keeping = tokio::spawn(Arc::new(crate::support::new_app(2)).keep_invitations());

        let mut state = String::new();
        for _ in 0..300 {
            state = text(&company.request(&id.to_string()).await["state"]);
            if state == "ended" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        keeping.abort();
        assert_eq!(state, "ended");
    });
}

/// LNC-11
#[test]
fn nobody_of_the_house_is_let_in_as_a_stranger() {
    run(async {
        let company = Company::get().await;
        let there = json!({"userName": "mina@acme.example", "gives": [role("member", unit("Team"))]});
        let mina = company.house.0.api.post("/users", there).await.is(201).id();
        company.house.0.user("pushed@acme.example").await;
        for address in ["mina@acme.example", "pushed@acme.example"] {
            let waits = company.waits(json!({"addresses": [address]})).await;
            allowed_by_none(company.decides(Some(&company.hana), &waits, "approve").await);
            company.decides(Some(&company.chief), &waits, "approve").await.problem(409, "conflict");
            assert_eq!(company.request(&waits).await["state"], "requested");
        }
        // Not either when they were shut out: they would come back with what they had.
        let out = json!({"active": false});
        company.house.ask(None, "PATCH", &format!("/users/{mina}"), Some(out)).await.is(200);
        let waits = company.asks(None, json!({"addresses": ["mina@acme.example"]})).await.is(200).json();
        let waits = text(&waits["items"][0]["id"]);
        company.decides(Some(&company.chief), &waits, "approve").await.problem(409, "conflict");
        assert_eq!(company.house.person(&mina).await["active"], false);
        let access = company.house.0.access(&mina).await;
        assert!(!access.to_string().contains("external"), "{access}");
    });
}

/// LNC-20
#[test]
fn externals_see_no_request_and_learn_nothing_by_asking() {
    run(async {
        let company = Company::get().await;
        let xenia = company.takes_in(json!({})).await;
        let yuri = company.takes_in(json!({"addresses": ["yuri@other.example"], "at": unit("Blue")})).await;
        let waits = company.waits(json!({"addresses": ["zoe@other.example"]})).await;
        let xenia = Some(xenia.as_str());

        assert_eq!(company.seen_by(xenia, "").await, Vec::<Value>::new());
        let nobody = "00000000-0000-7000-8000-000000000000";
        for id in [waits.as_str(), nobody] {
            company.house.ask(xenia, "GET", &format!("{PATH}/{id}"), None).await.problem(404, "not_found");
            for decision in ["approve", "reject"] {
                company.decides(xenia, id, decision).await.problem(404, "not_found");
            }
        }
        // Somebody who waits, somebody who is there, nobody: the same refusal, in a channel that they share.
        let mut answers = Vec::new();
        for address in ["zoe@other.example", "yuri@other.example", "nobody@other.example"] {
            let refused = company.asks(xenia, json!({"addresses": [address]})).await;
            assert_eq!(refused.status, 403, "{}", refused.text);
            answers.push(refused.json()["detail"].clone());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        for query in ["", "&search=yuri", "&role=external", "&orgUnit=Blue"] {
            let seen = company.house.ask(xenia, "GET", &format!("/users?total=true{query}"), None).await;
            let seen = seen.is(200).json();
            assert_eq!((&seen["items"], &seen["total"]), (&json!([]), &json!(0)), "{query}");
        }
        let there = company.house.ask(xenia, "GET", &format!("/users/{yuri}"), None).await;
        let missing = company.house.ask(xenia, "GET", &format!("/users/{nobody}"), None).await;
        assert_eq!(there.problem(404, "not_found").json()["detail"], missing.json()["detail"]);
    });
}
