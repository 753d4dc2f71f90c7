//! Seats of several classes: who needs which, what becomes of somebody who needs another than before, and that no pool is ever fuller
//! than it may be.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::grant_rules::{House, role};
use crate::crash::chance::Chance;
use crate::support::http::{Client, Doors, text};
use crate::support::run;

/// The class that the tenants here count by itself.
const EXTERNAL: &str = "?class=external";

/// A tenant whose partners are of the class `external`, by their title.
async fn partners() -> Doors {
    let house = House::of("linc_biz").await;
    let matches = json!({"attribute": {"path": "title", "value": "Partner"}});
    house.0.rule(10, matches, json!({"seatClass": "external"})).await;
    house.0
}

async fn partner(doors: &Doors, name: &str) -> String {
    doors.person(json!({"userName": name, "title": "Partner"})).await
}

/// Makes somebody a partner, or no partner any more.
async fn becomes(scim: &Client, user: &str, is_partner: bool) -> u16 {
    let title = if is_partner { "Partner" } else { "Clerk" };
    let operation = json!([{"op": "replace", "path": "title", "value": title}]);
    scim.patch(&format!("/Users/{user}"), operation).await.status
}

async fn set(doors: &Doors, class: &str, purchased: usize) -> Value {
    let pool = json!({"purchased": purchased, "atLimit": "waitlist"});
    doors.api.put(&format!("/seat-pool{class}"), pool).await.is(200).json()
}

/// How many seats of a pool are used, and who waits for one. The books agree.
async fn books(doors: &Doors, class: &str) -> (u64, Vec<String>) {
    let pool = doors.api.get(&format!("/seat-pool{class}")).await.is(200).json();
    let check = doors.api.send("POST", "/seat-pool/reconciliation", |it| it).await.is(200).json();
    assert_eq!((&pool["reconciled"], &check["differences"]), (&json!(true), &json!([])));
    let waiting = pool["waiting"].as_array().unwrap().iter().map(|it| text(&it["user"])).collect();
    (pool["used"].as_u64().unwrap(), waiting)
}

async fn kind(doors: &Doors, user: &str) -> String {
    text(&doors.access(user).await["status"]["kind"])
}

/// MOM-03: whoever has no access takes no seat, comes to need one with a role that is paid for, and gives it back with the role.
#[test]
fn whoever_has_only_a_role_that_is_not_paid_for_needs_no_seat_and_takes_none() {
    run(async {
        let doors = House::of("momos").await.0;
        doors.rule(10, json!({"group": "Viewers"}), role("viewer", json!("environment"))).await;
        let group = doors.group("Viewers", &[]).await;
        set(&doors, "", 1).await;
        let (hana, ken) = (doors.user("hana").await, doors.user("ken").await);
        let member = async |op: &str, user: &str| {
            let operation = if op == "add" {
                json!([{"op": "add", "path": "members", "value": [{"value": user}]}])
            } else {
                json!([{"op": "remove", "path": format!("members[value eq \"{user}\"]")}])
            };
            assert!(doors.scim.patch(&format!("/Groups/{group}"), operation).await.status < 300);
        };

        let access = doors.access(&hana).await;
        assert_eq!((&access["status"]["kind"], &access["seat"]["class"]), (&json!("granted"), &Value::Null));
        assert_eq!(access["seat"]["reasons"][0]["sentence"], "The role \"none\" gives it.");
        assert_eq!(access["reasons"][1]["because"], "seatNotNeeded");
        assert_eq!(books(&doors, "").await, (0, vec![]));

        member("add", &hana).await;
        member("add", &ken).await;
        assert_eq!(books(&doors, "").await, (1, vec![ken.clone()]));
        assert_eq!(doors.access(&hana).await["seat"]["class"], "user");
        assert_eq!(kind(&doors, &ken).await, "waitingForSeat");
        let used = async |role: &str| {
            let shown = doors.scim.get(&format!("/Roles/{role}")).await.is(200).json();
            shown.get("totalAssignmentsUsed").cloned()
        };
        assert_eq!((used("viewer").await, used("none").await), (Some(json!(1)), None));

        member("remove", &hana).await;
        assert_eq!(books(&doors, "").await, (1, vec![]));
        assert_eq!(
            (kind(&doors, &hana).await.as_str(), kind(&doors, &ken).await.as_str()),
            ("granted", "granted")
        );
        let trail = doors.audit(&hana).await;
        let seats: Vec<&str> = trail.iter().filter_map(|event| event["action"].as_str()).collect();
        assert!(seats.contains(&"seat.grant") && seats.contains(&"seat.release"), "{seats:?}");
        let ledger = doors.api.get("/seat-pool/ledger").await.is(200).json();
        let causes: Vec<String> =
            ledger["items"].as_array().unwrap().iter().map(|line| text(&line["cause"])).collect();
        assert_eq!(causes, ["claim", "class", "promotion"]);
    });
}

/// R11, LNC-26: those who are there go over to the new pool with their seats, and in their order.
#[test]
fn a_pool_of_a_class_takes_over_those_of_its_class_and_leaves_their_seats_to_the_others() {
    run(async {
        let doors = partners().await;
        set(&doors, "", 3).await;
        let mina = doors.user("mina").await;
        let seated = [partner(&doors, "p1").await, partner(&doors, "p2").await];
        let waiting = [partner(&doors, "p3").await, doors.user("ken").await, partner(&doors, "p4").await];
        assert_eq!(books(&doors, "").await, (3, waiting.to_vec()));

        let own = set(&doors, EXTERNAL, 1).await;

        assert_eq!((&own["class"], &own["used"], &own["peak"]), (&json!("external"), &json!(2), &json!(2)));
        assert_eq!(books(&doors, EXTERNAL).await, (2, vec![waiting[0].clone(), waiting[2].clone()]));
        assert_eq!(books(&doors, "").await, (2, vec![]), "ken has one of the seats that became free");
        for user in seated.iter().chain([&mina, &waiting[1]]) {
            assert_eq!(kind(&doors, user).await, "granted");
        }
        let pools = doors.api.get("/seat-pools").await.is(200).json();
        let classes: Vec<&Value> =
            pools["items"].as_array().unwrap().iter().map(|pool| &pool["class"]).collect();
        assert_eq!(classes, [&Value::Null, &json!("external")]);

        // Both seats beyond what was bought go before somebody else comes to one.
        doors.set_active(&seated[0], false).await;
        assert_eq!(books(&doors, EXTERNAL).await.0, 1);
        doors.set_active(&seated[1], false).await;
        assert_eq!(books(&doors, EXTERNAL).await, (1, vec![waiting[2].clone()]));
        let months = doors.api.get("/seat-pool/months?class=external&count=1").await.is(200).json();
        assert_eq!(months["items"][0]["overage"]["seats"], 1);
    });
}

/// R5: a directory's people keep what they have until their turn comes; whoever acts by hand is told that there is none.
#[test]
fn whoever_goes_over_to_a_full_class_keeps_access_and_seat_until_their_turn_comes() {
    run(async {
        let doors = partners().await;
        set(&doors, "", 1).await;
        set(&doors, EXTERNAL, 1).await;
        let (mina, ben) = (doors.user("mina").await, partner(&doors, "ben").await);
        let ken = doors.user("ken").await;
        assert_eq!(kind(&doors, &ken).await, "waitingForSeat");

        assert_eq!(becomes(&doors.scim, &mina, true).await, 200);

        assert_eq!(kind(&doors, &mina).await, "granted");
        let pool = doors.api.get("/seat-pool?class=external").await.is(200).json();
        assert_eq!(pool["waiting"][0]["user"], json!(mina));
        assert_eq!(pool["waiting"][0]["holds"], json!({"class": null}));
        assert_eq!(books(&doors, EXTERNAL).await, (1, vec![mina.clone()]));
        assert_eq!(books(&doors, "").await, (1, vec![ken.clone()]));

        // One leaves; the next comes to their seat, and somebody else to the one that this frees.
        doors.set_active(&ben, false).await;
        assert_eq!((books(&doors, EXTERNAL).await, books(&doors, "").await), ((1, vec![]), (1, vec![])));
        assert_eq!(kind(&doors, &ken).await, "granted");

        let tess = doors.api.post("/users", json!({"userName": "tess", "active": false})).await.is(201).id();
        set(&doors, "", 2).await;
        doors.api.put("/seat-pool?class=external", json!({"purchased": 1})).await.is(200);
        doors.api.change(&format!("/users/{tess}"), json!({"active": true})).await.is(200);
        let gives = json!({"gives": {"seatClass": "external"}});
        let grants = format!("/users/{tess}/grants");
        doors.api.post(&grants, gives.clone()).await.problem(409, "no_seat");
        assert_eq!(doors.api.get(&grants).await.is(200).json()["items"], json!([]));
        assert_eq!(doors.access(&tess).await.get("seat"), None, "any seat will do");
        assert_eq!((books(&doors, EXTERNAL).await.0, books(&doors, "").await.0), (1, 2));

        doors.set_active(&mina, false).await;
        let grant = doors.api.post(&grants, gives).await.is(201).id();
        assert_eq!(doors.access(&tess).await["seat"]["class"], "external");
        assert_eq!((books(&doors, EXTERNAL).await.0, books(&doors, "").await.0), (1, 1));
        doors.api.delete(&format!("{grants}/{grant}")).await.is(204);
        assert_eq!((books(&doors, EXTERNAL).await.0, books(&doors, "").await.0), (0, 2));
    });
}

#[test]
fn of_sixty_four_who_come_for_the_last_seat_of_a_class_one_has_it_and_the_others_wait() {
    run(async {
        let doors = partners().await;
        set(&doors, "", 0).await;
        set(&doors, EXTERNAL, 1).await;
        let arrivals = (0..64).map(|n| {
            let doors = doors.clone();
            tokio::spawn(async move { partner(&doors, &format!("partner-{n}")).await })
        });
        let people: Vec<String> = join_all(arrivals).await.into_iter().map(Result::unwrap).collect();

        let (used, waiting) = books(&doors, EXTERNAL).await;
        assert_eq!((used, waiting.len()), (1, 63));
        assert_eq!(books(&doors, "").await, (0, vec![]));
        let mut granted = people.clone();
        granted.retain(|user| !waiting.contains(user));
        for (place, user) in waiting.iter().enumerate().take(3) {
            doors.set_active(&granted[0], false).await;
            granted = vec![user.clone()];
            assert_eq!(kind(&doors, user).await, "granted", "{place}");
        }
    });
}

/// Who frees a seat and who goes over to its class at the same moment leave none free with somebody waiting.
#[test]
fn a_release_and_a_change_of_class_at_the_same_moment_leave_no_free_seat_with_somebody_waiting() {
    run(async {
        let doors = partners().await;
        set(&doors, "", 1).await;
        set(&doors, EXTERNAL, 1).await;
        let (mut partner, mut clerk) = (partner(&doors, "partner").await, doors.user("clerk").await);
        for round in 0..20 {
            let next = doors.user(&format!("next-{round}")).await;

            let (left, came) = tokio::join!(
                async { doors.set_active(&partner, false).await },
                becomes(&doors.scim, &clerk, true),
            );
            let ((), 200) = (left, came) else { panic!("{came}") };

            for class in ["", EXTERNAL] {
                assert_eq!(books(&doors, class).await, (1, vec![]), "round {round}, pool {class:?}");
            }
            (partner, clerk) = (clerk, next);
        }
    });
}

/// The preview of a change of the policy says how many seats it comes to.
#[test]
fn a_preview_says_the_seats_of_people_who_come_to_need_another() {
    run(async {
        let doors = House::of("momos").await.0;
        set(&doors, "", 2).await;
        for name in ["hana", "ken", "mina"] {
            doors.person(json!({"userName": name, "title": "Viewer"})).await;
        }
        let rule = json!({
            "priority": 10, "match": {"attribute": {"path": "title", "value": "Viewer"}},
            "gives": role("viewer", json!("environment")),
        });
        let changes = json!([{"addRule": rule}]);

        let said = doors.api.post("/change-sets/preview", json!({"changes": changes})).await.is(200).json();
        assert_eq!(said["seats"], json!({"before": 0, "after": 2}));
        assert_eq!(said["items"][0]["after"]["seatClass"], "user");
        assert_eq!(books(&doors, "").await, (0, vec![]), "a preview changes nothing");

        let body =
            json!({"changes": changes, "fingerprint": said["fingerprint"], "confirm": said["confirm"]});
        doors.api.post("/change-sets", body).await.is(200);
        let (used, waiting) = books(&doors, "").await;
        assert_eq!((used, waiting.len()), (2, 1));
    });
}

#[test]
fn seats_are_counted_by_classes_that_the_product_has_and_that_are_paid_for() {
    run(async {
        let pool = json!({"purchased": 1});
        let refused = async |doors: &Doors, class: &str| {
            let reply = doors.api.put(&format!("/seat-pool?class={class}"), pool.clone()).await;
            text(&reply.problem(400, "invalid").json()["detail"])
        };
        let momos = House::of("momos").await.0;
        assert!(refused(&momos, "no_access").await.contains("needs no seat"));
        assert!(refused(&momos, "golden").await.contains("user, no_access"));
        let one = Doors::fresh().await;
        assert!(refused(&one, "person").await.contains("several classes"));
        one.api.get("/seat-pool?class=person").await.problem(404, "not_found");
        one.api
            .post(
                "/mapping-rules",
                json!({"priority": 1, "match": {"group": "G"}, "gives": {"seatClass": "person"}}),
            )
            .await
            .problem(400, "invalid");
    });
}

/// What is asked of a tenant in a history.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Come(bool),
    Become(bool),
    SetActive(bool),
    Buy(usize, usize),
}

/// How the tenant stands: whether each person is in, and of both pools the seats that are used and who waits.
type Standing = (BTreeMap<usize, String>, [(usize, Vec<usize>); 2]);

/// Two pools, the common one and that of partners, as one would keep them by hand.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    bought: [usize; 2],
    /// Whether somebody is active, and in which pool they count.
    people: BTreeMap<usize, (bool, usize)>,
    held: BTreeMap<usize, usize>,
    lines: [Vec<usize>; 2],
}

impl Model {
    fn of(bought: [usize; 2]) -> Self {
        Self { bought, people: BTreeMap::new(), held: BTreeMap::new(), lines: [Vec::new(), Vec::new()] }
    }

    fn take(&mut self, who: usize, deed: Deed) -> u16 {
        let known = self.people.get(&who).copied();
        match (deed, known) {
            (Deed::Buy(pool, seats), _) => {
                self.bought[pool] = seats;
                self.promote(pool);
            }
            (Deed::Come(_), Some(_)) => return 409,
            (Deed::Come(is_partner), None) => {
                self.people.insert(who, (true, usize::from(is_partner)));
                self.asks(who);
                return 201;
            }
            (_, None) => return 404,
            (Deed::Become(is_partner), Some((active, _))) => {
                self.people.insert(who, (active, usize::from(is_partner)));
                self.asks(who);
            }
            (Deed::SetActive(active), Some((was, pool))) => {
                self.people.insert(who, (active, pool));
                match (was, active) {
                    (true, false) => {
                        self.lines.iter_mut().for_each(|line| line.retain(|it| *it != who));
                        if let Some(pool) = self.held.remove(&who) {
                            self.promote(pool);
                        }
                    }
                    (false, true) => self.asks(who),
                    _ => {}
                }
            }
        }
        200
    }

    fn free(&self, pool: usize) -> bool {
        self.held.values().filter(|it| **it == pool).count() < self.bought[pool]
    }

    fn asks(&mut self, who: usize) {
        let (active, pool) = self.people[&who];
        if !active {
            return;
        }
        let held = self.held.get(&who).copied();
        self.lines[1 - pool].retain(|it| *it != who);
        if held == Some(pool) || self.lines[pool].contains(&who) {
            return;
        }
        if self.free(pool) {
            self.held.insert(who, pool);
            if let Some(left) = held {
                self.promote(left);
            }
        } else {
            self.lines[pool].push(who);
        }
    }

    fn promote(&mut self, pool: usize) {
        while self.free(pool) && !self.lines[pool].is_empty() {
            let who = self.lines[pool].remove(0);
            if let Some(left) = self.held.insert(who, pool) {
                self.promote(left);
            }
        }
    }

    fn standing(&self) -> Standing {
        let status = |who: &usize, active: bool| match (active, self.held.contains_key(who)) {
            (false, _) => "inactive",
            (true, true) => "granted",
            (true, false) => "waitingForSeat",
        };
        let people = self.people.iter().map(|(who, (active, _))| (*who, status(who, *active).to_owned()));
        let pool =
            |pool: usize| (self.held.values().filter(|it| **it == pool).count(), self.lines[pool].clone());
        (people.collect(), [pool(0), pool(1)])
    }
}

/// The tenant of a history.
struct Real {
    doors: Doors,
    ids: std::sync::Mutex<BTreeMap<usize, String>>,
}

impl Real {
    async fn take(&self, who: usize, deed: Deed) -> u16 {
        let id = self.ids.lock().unwrap().get(&who).cloned();
        let id = id.unwrap_or_else(|| uuid::Uuid::nil().to_string());
        match deed {
            Deed::Buy(pool, seats) => {
                set(&self.doors, ["", EXTERNAL][pool], seats).await;
                200
            }
            Deed::Come(is_partner) => {
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("p{who}"),
                    "title": if is_partner { "Partner" } else { "Clerk" },
                });
                let reply = self.doors.scim.post("/Users", body).await;
                if reply.status == 201 {
                    self.ids.lock().unwrap().insert(who, reply.id());
                    return 201;
                }
                reply.status
            }
            Deed::Become(is_partner) => becomes(&self.doors.scim, &id, is_partner).await,
            Deed::SetActive(active) => {
                let operation = json!([{"op": "replace", "path": "active", "value": active}]);
                self.doors.scim.patch(&format!("/Users/{id}"), operation).await.status
            }
        }
    }

    async fn standing(&self) -> Standing {
        let ids = self.ids.lock().unwrap().clone();
        let mut people = BTreeMap::new();
        for (who, id) in &ids {
            people.insert(*who, kind(&self.doors, id).await);
        }
        let number = |user: &String| *ids.iter().find(|(_, id)| *id == user).unwrap().0;
        let mut pools = Vec::new();
        for class in ["", EXTERNAL] {
            let (used, waiting) = books(&self.doors, class).await;
            pools.push((usize::try_from(used).unwrap(), waiting.iter().map(number).collect()));
        }
        (people, pools.try_into().unwrap())
    }
}

/// Every pair of requests at once comes to what one of its two orders does, in the model and in the tenant, and the books agree
/// after each.
#[test]
fn random_histories_of_two_pools_come_to_what_a_model_of_them_does() {
    run(async {
        let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
        for seed in 0..3 {
            let mut chance = Chance::new(0x5EA7 + seed);
            let doors = partners().await;
            // Two orders may look the same and differ in who has a seat of which pool.
            let mut models = vec![Model::of([2, 1])];
            for (class, seats) in [("", 2), (EXTERNAL, 1)] {
                set(&doors, class, seats).await;
            }
            let real = Arc::new(Real { doors, ids: std::sync::Mutex::default() });
            for step in 0..40 {
                let deed = |chance: &mut Chance, who: usize| match chance.index(10) {
                    0 => (usize::MAX - who, Deed::Buy(chance.index(2), chance.index(4))),
                    1 | 2 => (who, Deed::SetActive(chance.index(3) > 0)),
                    3..=6 => (who, Deed::Become(chance.index(2) > 0)),
                    _ => (who, Deed::Come(chance.index(2) > 0)),
                };
                let first = chance.index(6);
                let second = (first + 1 + chance.index(5)) % 6;
                let (one, other) = (deed(&mut chance, first), deed(&mut chance, second));

                let answered = tokio::join!(real.take(one.0, one.1), real.take(other.0, other.1));
                let stands = real.standing().await;

                let mut next: Vec<Model> = Vec::new();
                for (model, turned) in models.iter().flat_map(|model| [(model, false), (model, true)]) {
                    let mut model = model.clone();
                    let (first, second) = if turned { (other, one) } else { (one, other) };
                    let (a, b) = (model.take(first.0, first.1), model.take(second.0, second.1));
                    let said = if turned { (b, a) } else { (a, b) };
                    if said == answered && model.standing() == stands && !next.contains(&model) {
                        next.push(model);
                    }
                }
                assert!(
                    !next.is_empty(),
                    "{seed}, {step}: {one:?} and {other:?} were answered {answered:?} and came to {stands:?}\n{models:?}"
                );
                models = next;
                let model = &models[0];
                let goes_on = |line: &Vec<usize>| line.iter().any(|who| model.held.contains_key(who));
                *tally.entry("goes on with a seat").or_default() +=
                    usize::from(model.lines.iter().any(goes_on));
                *tally.entry("waits").or_default() +=
                    usize::from(model.lines.iter().any(|line| !line.is_empty()));
            }
        }
        assert!(tally.values().all(|times| *times > 5), "too little happened: {tally:?}");
    });
}
