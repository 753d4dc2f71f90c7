//! The books of a tenant's seats: months that are what happened, and a look that finds what somebody has forged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::tenants::{SeatLimit, SetSeatPool};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use domain::clock::{Clock as _, FixedClock};
use domain::id::{SeatPoolId, UserId};
use domain::seat::{AtLimit, Chosen, PoolClass};
use domain::seat_months::Month;
use futures_util::future::join_all;
use serde_json::{Value, json};
use store::seat_pools::{self, OfInvited, OfWaiting};
use store::seats::{self, Word};
use usher::system::{SystemClock, SystemEntropy};

use crate::support::http::{Doors, db, text};
use crate::support::receiver::courier;
use crate::support::{new_app_at, run, urls};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// How the pool stood after something happened.
#[derive(Debug, Clone, Copy)]
struct Stood {
    at: DateTime<Utc>,
    used: i32,
    purchased: i32,
    delta: i32,
}

/// Somebody comes, goes, or seats are bought, at moments that go on, through half a year.
async fn history(doors: &Doors, people: &[UserId], seed: u64) -> Vec<Stood> {
    let scope = doors.tenant.admin.scope();
    let mut dice = Dice(seed);
    let mut at: DateTime<Utc> = "2025-01-20T00:00:00Z".parse().unwrap();
    let (mut held, mut purchased, mut all) = (BTreeSet::new(), 0, Vec::new());
    for step in 0..160 {
        at += TimeDelta::minutes(i64::try_from(1 + dice.below(3400)).unwrap());
        let mut tx = db().begin(scope).await.unwrap();
        let mut delta = 0;
        let who = people[usize::try_from(dice.below(12)).unwrap()];
        match dice.below(10) {
            what if step == 0 || what == 0 => {
                purchased = i32::try_from(2 + dice.below(7)).unwrap();
                let fresh = SeatPoolId::generate(at, &SystemEntropy);
                let setting = seat_pools::Setting {
                    class: PoolClass::default(),
                    purchased,
                    chosen: Chosen { for_all: Some(AtLimit::Overage), ..Chosen::default() },
                    product: AtLimit::Overage,
                    to_those_in: AtLimit::Overage,
                    meanwhile: None,
                    waiting: OfWaiting::AsBefore,
                    invited: OfInvited::Counted,
                };
                seat_pools::set(&mut tx, fresh, setting, at).await.unwrap();
            }
            1..=5 => {
                delta = i32::from(held.insert(who));
                let asked = seats::ask(&mut tx, &[who]).await.unwrap();
                let over = AtLimit::Overage;
                let word = Word { at_limit: over, to_holders: over, meanwhile: None };
                let words = asked.short().map(|pool| (pool.id, word.clone())).collect();
                asked.answer(&mut tx, &words, at).await.unwrap();
            }
            _ => {
                delta = -i32::from(held.remove(&who));
                seats::release(&mut tx, who, "release", at).await.unwrap();
            }
        }
        tx.commit_trace_of_use().await.unwrap();
        all.push(Stood { at, used: i32::try_from(held.len()).unwrap(), purchased, delta });
    }
    all
}

/// A moment, how many seats were held then, and how many more than were bought.
type Point = (DateTime<Utc>, i32, Option<i32>);

/// What a month was, by going through everything that happened.
fn naive(all: &[Stood], month: Month, zone: FixedOffset) -> Value {
    let (from, to) = (month.begins(zone), month.later(1).begins(zone));
    let before = all.iter().rfind(|stood| stood.at < from);
    let within: Vec<&Stood> = all.iter().filter(|stood| stood.at >= from && stood.at < to).collect();
    let start = before.map_or(0, |stood| stood.used);
    let mut points: Vec<Point> = vec![(from, start, before.map(|stood| stood.used - stood.purchased))];
    points.extend(within.iter().map(|stood| (stood.at, stood.used, Some(stood.used - stood.purchased))));
    let first_of = |highest: i32, of: &dyn Fn(&Point) -> Option<i32>| {
        points
            .iter()
            .find(|point| of(point) == Some(highest))
            .map(|point| json!({"seats": highest, "at": point.0}))
    };
    let peak = points.iter().map(|point| point.1).max().unwrap();
    let over = points.iter().filter_map(|point| point.2).max().filter(|over| *over > 0);
    json!({
        "month": month.to_string(), "from": from, "to": to, "complete": true, "atStart": start,
        "atEnd": within.last().map_or(start, |stood| stood.used),
        "peak": first_of(peak, &|point| Some(point.1)),
        "overage": over.and_then(|over| first_of(over, &|point| point.2)),
        "purchased": within.last().copied().or(before).map(|stood| stood.purchased),
        "granted": within.iter().filter(|stood| stood.delta > 0).count(),
        "released": within.iter().filter(|stood| stood.delta < 0).count(),
    })
}

/// Whatever happened, each month says what it was, wherever months begin, and begins with what the one before ended with.
#[test]
fn months_say_what_a_history_of_chance_was() {
    run(async {
        for seed in [3, 14, 159] {
            let doors = Doors::fresh().await;
            let mut people = Vec::new();
            for n in 0..12 {
                let body = json!({"schemas": [USER], "userName": format!("person-{n}"), "active": false});
                people.push(doors.scim.post("/Users", body).await.is(201).id().parse().unwrap());
            }
            let all = history(&doors, &people, seed).await;

            for minutes_east in [0, 540, -300] {
                let path = format!("/seat-pool/months?until=2025-10&count=13&minutesEast={minutes_east}");
                let shown = doors.api.get(&path).await.is(200).json();
                let zone = FixedOffset::east_opt(minutes_east * 60).unwrap();
                let last: Month = "2025-10".parse().unwrap();
                let expected: Vec<Value> = (0..13).map(|ago| naive(&all, last.later(-ago), zone)).collect();
                assert_eq!(shown["items"], json!(expected), "seed {seed}, {minutes_east} minutes east");
                let overages = expected.iter().filter(|month| !month["overage"].is_null()).count();
                assert!(overages > 1, "a history that shows nothing");
            }
            let (mut after, mut lines) = (0, Vec::new());
            loop {
                let path = format!("/seat-pool/ledger?after={after}&count=50");
                let page = doors.api.get(&path).await.is(200).json()["items"].as_array().unwrap().clone();
                let Some(last) = page.last() else { break };
                after = last["seq"].as_i64().unwrap();
                lines.extend(page);
            }
            let moved = all.iter().filter(|stood| stood.delta != 0);
            let moved: Vec<_> = moved.map(|stood| (json!(stood.at), stood.delta, stood.used)).collect();
            let shown: Vec<_> = lines
                .iter()
                .map(|line| {
                    let number = |name: &str| i32::try_from(line[name].as_i64().unwrap()).unwrap();
                    (line["at"].clone(), number("delta"), number("usedAfter"))
                })
                .collect();
            assert_eq!(shown, moved);
        }
    });
}

/// LNC-26
#[test]
fn the_month_that_goes_on_counts_who_came_and_who_was_disabled() {
    run(async {
        let doors = Doors::fresh().await;
        doors.api.get("/seat-pool/months").await.problem(404, "not_found");
        doors.api.get("/seat-pool/ledger").await.problem(404, "not_found");
        doors.api.send("POST", "/seat-pool/reconciliation", |it| it).await.problem(404, "not_found");
        let set = SetSeatPool { purchased: 1, at_limit: Some(SeatLimit::Overage), ..SetSeatPool::default() };
        doors.tenant.app.set_seat_pool(&doors.tenant.admin, PoolClass::default(), set).await.unwrap();
        let [mina, ken, _] = [doors.user("mina").await, doors.user("ken").await, doors.user("hana").await];
        for leaver in [&mina, &ken] {
            doors.set_active(leaver, false).await;
        }

        let months = doors.api.get("/seat-pool/months?count=36").await.is(200).json();

        // The month may have ended meanwhile.
        let items = months["items"].as_array().unwrap();
        let month = items.iter().find(|month| month["granted"] != 0).unwrap();
        assert_eq!(items.len(), 36);
        assert_eq!(
            (&month["atStart"], &month["peak"]["seats"], &month["overage"]["seats"], &month["granted"]),
            (&json!(0), &json!(3), &json!(2), &json!(3))
        );
        assert_eq!(items[0]["atEnd"], 1);
        assert_eq!(items[1]["overage"], Value::Null);
        for wrong in ["until=2026-13", "until=1999-12", "until=", "count=0", "count=37", "minutesEast=900"] {
            doors.api.get(&format!("/seat-pool/months?{wrong}")).await.problem(400, "invalid_parameter");
        }
        assert_eq!(
            doors.api.get("/seat-pool/months?until=9999-12&count=1").await.is(200).json()["items"][0],
            items[0]
        );
    });
}

/// Says something in a tenant's rows as only somebody with the owner's role can.
async fn forge(doors: &Doors, statement: &str) {
    let mut owner = AsyncPgConnection::establish(&urls().owner).await.unwrap();
    let tenant = doors.tenant.admin.scope().tenant();
    let enter = format!("SELECT set_config('app.tenant_id', '{tenant}', false)");
    owner.batch_execute(&format!("{enter}; {statement}")).await.unwrap();
}

async fn compared(doors: &Doors) -> BTreeSet<String> {
    let check = doors.api.send("POST", "/seat-pool/reconciliation", |it| it).await.is(200).json();
    let shown = doors.api.get("/seat-pool").await.is(200).json();
    assert_eq!(shown["lastCheck"], check);
    check["differences"].as_array().unwrap().iter().map(|difference| text(&difference["what"])).collect()
}

async fn alarms(doors: &Doors) -> usize {
    let pool = text(&doors.api.get("/seat-pool").await.is(200).json()["id"]);
    doors.audit(&pool).await.iter().filter(|event| event["action"] == "seat_pool.differs").count()
}

/// What those who follow are told of it.
async fn told(doors: &Doors) -> Value {
    let (began, mut after) = (Instant::now(), String::new());
    loop {
        let page = doors.api.get(&format!("/changes?count=200&wait=1{after}")).await.is(200).json();
        let mut changes = page["changes"].as_array().unwrap().iter();
        if let Some(found) = changes.find(|change| change["type"] == "seat_pool.differs") {
            return found["data"].clone();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "nobody was told");
        after = format!("&after={}", text(&page["next"]));
    }
}

/// Whatever is forged in one of the books is found in another, and told once for each look.
#[test]
fn a_forged_book_is_found_and_reported_and_nothing_is_repaired() {
    run(async {
        courier();
        let forgeries: [(&str, &[&str]); 9] = [
            ("UPDATE seat_pool SET used = used - 1", &["holds", "ledger_sum"]),
            ("UPDATE seat_pool SET peak = 99", &["peak"]),
            (
                "DELETE FROM seat_ledger WHERE seq = 1",
                &[
                    "ledger_breaks",
                    "ledger_lines",
                    "ledger_sum",
                    "people_whose_seat_the_ledger_does_not_know",
                ],
            ),
            ("UPDATE seat_ledger SET used_after = 7 WHERE seq = 2", &["ledger_breaks", "peak"]),
            (
                "UPDATE seat_ledger SET user_id = gen_random_uuid() WHERE seq = 2",
                &["people_whose_seat_the_ledger_does_not_know"],
            ),
            (
                "DELETE FROM seat_hold WHERE user_id = (SELECT user_id FROM seat_ledger WHERE seq = 1)",
                &[
                    "active_people_without_a_seat_or_a_place_in_line",
                    "holds",
                    "people_whose_seat_the_ledger_does_not_know",
                ],
            ),
            (
                "UPDATE users SET active = false WHERE id = (SELECT user_id FROM seat_ledger WHERE seq = 1)",
                &["seats_of_people_who_are_not_active"],
            ),
            (
                "INSERT INTO seat_waiter (tenant_id, pool_id, n, user_id, since) \
                 SELECT tenant_id, pool_id, 99, user_id, at FROM seat_ledger WHERE seq = 1",
                &["people_who_wait_and_hold_a_seat"],
            ),
            (
                "UPDATE user_access SET seat_class = NULL WHERE user_id = (SELECT user_id FROM seat_ledger WHERE seq = 1)",
                &["people_who_count_elsewhere"],
            ),
        ];
        for (forgery, expected) in forgeries {
            let doors = Doors::fresh().await;
            doors.seats(2).await;
            for name in ["mina", "ken", "hana"] {
                doors.user(name).await;
            }
            assert_eq!(compared(&doors).await, BTreeSet::new(), "before {forgery}");

            forge(&doors, forgery).await;

            let expected: BTreeSet<String> = expected.iter().map(|what| (*what).to_owned()).collect();
            assert_eq!(compared(&doors).await, expected, "{forgery}");
            assert_eq!(compared(&doors).await, expected, "it is still so: {forgery}");
            assert_eq!(alarms(&doors).await, 2);
            let told = told(&doors).await;
            assert_eq!(told["differences"].as_array().unwrap().len(), expected.len(), "{told}");
        }
    });
}

/// Once a day by itself, by one of however many processes.
#[test]
fn the_books_are_compared_once_a_day_by_one_process() {
    run(async {
        let doors = Doors::fresh().await;
        doors.seats(2).await;
        doors.user("mina").await;
        forge(&doors, "UPDATE seat_pool SET used = used - 1").await;
        let tenant = doors.tenant.admin.scope().tenant();
        let now = SystemClock.now();
        let wants = async |hours: i64| {
            let since = now + TimeDelta::hours(hours - 24);
            store::seat_books::tenants(db().global().await.unwrap(), since).await.unwrap().contains(&tenant)
        };
        let day = async |hours: i64| {
            let looks = (0..6).map(|_| async {
                let clock = FixedClock::at(now + TimeDelta::hours(hours));
                new_app_at(1, Arc::new(clock)).reconcile_seats_of(tenant).await.unwrap()
            });
            join_all(looks).await.into_iter().filter(|differs| *differs).count()
        };

        assert!(wants(0).await);
        assert_eq!((day(0).await, alarms(&doors).await), (1, 1));
        assert!(!wants(23).await);
        assert_eq!((day(23).await, alarms(&doors).await), (0, 1));
        assert!(wants(25).await);
        assert_eq!((day(25).await, alarms(&doors).await), (1, 2));
        forge(&doors, "UPDATE seat_pool SET used = used + 1").await;
        assert_eq!((day(50).await, alarms(&doors).await), (0, 2));
        let last = doors.api.get("/seat-pool").await.is(200).json()["lastCheck"].clone();
        assert_eq!(last["differences"], json!([]));
    });
}
