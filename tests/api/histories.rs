//! Random histories of a tenant, two requests at a time. What the requests are answered, and how the tenant stands after each pair, is
//! what a small model says of one order of the two or of the other. Knows the model; the interfaces say how the tenant stands.
//!
//! `USHER_HISTORIES` makes more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::grant_rules::{House, flag, home};
use crate::crash::chance::Chance;
use crate::support::http::{Reply, text};
use crate::support::run;

const HISTORIES: u64 = 4;
const STEPS: usize = 40;
const SEED: u64 = 0x5EED_0003;

/// Those whom the directory manages, those who are added by hand, and those who are invited; by their numbers.
const MANAGED: std::ops::Range<usize> = 0..4;
const ADDED: std::ops::Range<usize> = 4..7;
const INVITED: std::ops::Range<usize> = 7..9;
const HOMES: [&str; 3] = ["Top", "Sales", "Osaka"];

/// Something that is asked of the tenant.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// They are provisioned, added or invited, by whoever they are.
    Come,
    SetActive(bool),
    Delete,
    Freeze,
    Thaw,
    GiveAdmin,
    TakeAdmin,
    Move(&'static str),
    Cancel,
    Seats(usize),
}

#[derive(Clone, Copy, Debug)]
struct Step {
    who: usize,
    deed: Deed,
}

impl Step {
    fn random(chance: &mut Chance) -> Self {
        if chance.within(0..12) == 0 {
            return Self { who: usize::MAX, deed: Deed::Seats(chance.index(6)) };
        }
        let who = chance.index(INVITED.end);
        let deed = if INVITED.contains(&who) {
            [Deed::Come, Deed::Cancel, Deed::Delete][chance.index(3)]
        } else {
            match chance.index(13) {
                0..3 => Deed::Come,
                3 => Deed::SetActive(false),
                4 | 5 => Deed::SetActive(true),
                6 => Deed::Delete,
                7 => Deed::Freeze,
                8 => Deed::Thaw,
                9 | 10 => Deed::GiveAdmin,
                11 => Deed::TakeAdmin,
                _ => Deed::Move(HOMES[chance.index(HOMES.len())]),
            }
        };
        Self { who, deed }
    }
}

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each can be so or not whatever the others are")]
struct Person {
    active: bool,
    frozen: bool,
    invited: bool,
    flag: bool,
    home: Option<&'static str>,
}

impl Person {
    fn is_in(&self) -> bool {
        self.active && !self.frozen
    }

    /// What they hold beside what everybody does.
    fn role(&self) -> Option<&'static str> {
        let holds = self.is_in() && !self.invited && self.flag;
        self.home.filter(|_| holds).map(|home| if home == "Top" { "admin" } else { "org_admin" })
    }
}

/// How the tenant stands: each person's status and role, how many seats are held, and who waits, in order.
type Standing = (BTreeMap<usize, (String, Option<String>)>, usize, Vec<usize>);

#[derive(Clone, Debug, Default)]
struct Model {
    people: BTreeMap<usize, Person>,
    seats: usize,
    held: BTreeSet<usize>,
    waiting: Vec<usize>,
}

impl Model {
    /// Does it, or refuses. Returns what is answered.
    fn take(&mut self, Step { who, deed }: Step) -> u16 {
        if let Deed::Seats(seats) = deed {
            self.seats = seats;
            self.promote();
            return 200;
        }
        if matches!(deed, Deed::Come) {
            return self.comes(who);
        }
        let Some(before) = self.people.get(&who).cloned() else { return 404 };
        let mut after = before.clone();
        let answer = match deed {
            Deed::SetActive(active) => {
                after.active = active;
                200
            }
            Deed::Freeze | Deed::Thaw => {
                after.frozen = matches!(deed, Deed::Freeze);
                200
            }
            Deed::GiveAdmin => {
                after.flag = true;
                201
            }
            Deed::TakeAdmin if !before.flag => return 404,
            Deed::TakeAdmin => {
                after.flag = false;
                204
            }
            Deed::Move(home) => {
                after.home = Some(home);
                201
            }
            // Whoever is not wanted any more before they have accepted is gone, in this product.
            Deed::Cancel | Deed::Delete => {
                after.active = false;
                204
            }
            Deed::Come | Deed::Seats(_) => unreachable!(),
        };
        let by_directory = MANAGED.contains(&who) && matches!(deed, Deed::SetActive(_) | Deed::Delete);
        let admins = self.people.values().filter(|person| person.role() == Some("admin")).count();
        let loses = before.role() == Some("admin") && after.role() != Some("admin");
        if loses && admins == 1 && !by_directory {
            return 409;
        }
        self.people.insert(who, after.clone());
        match (before.is_in(), after.is_in()) {
            (true, false) => self.leaves(who),
            (false, true) => self.claims(who),
            _ => {}
        }
        if matches!(deed, Deed::Delete | Deed::Cancel) {
            self.people.remove(&who);
        }
        answer
    }

    fn comes(&mut self, who: usize) -> u16 {
        let invited = INVITED.contains(&who);
        let full = self.held.len() >= self.seats;
        if self.people.contains_key(&who) || (invited && full) {
            return 409;
        }
        self.people.insert(who, Person { active: true, invited, ..Person::default() });
        self.claims(who);
        201
    }

    fn claims(&mut self, who: usize) {
        self.waiting.push(who);
        self.promote();
    }

    fn leaves(&mut self, who: usize) {
        self.held.remove(&who);
        self.waiting.retain(|waiting| *waiting != who);
        self.promote();
    }

    fn promote(&mut self) {
        while self.held.len() < self.seats && !self.waiting.is_empty() {
            self.held.insert(self.waiting.remove(0));
        }
    }

    fn standing(&self) -> Standing {
        let one = |(who, person): (&usize, &Person)| {
            let status = match person {
                it if !it.is_in() => "inactive",
                it if it.invited => "invited",
                _ if self.held.contains(who) => "granted",
                _ => "waitingForSeat",
            };
            let role = person.role().filter(|_| status == "granted").map(str::to_owned);
            (*who, (status.to_owned(), role))
        };
        (self.people.iter().map(one).collect(), self.held.len(), self.waiting.clone())
    }
}

/// The tenant itself.
struct Tenant {
    house: House,
    /// The newest id of each, and of their invitation.
    ids: Mutex<BTreeMap<usize, String>>,
    invitations: Mutex<BTreeMap<usize, String>>,
}

impl Tenant {
    async fn new() -> Self {
        Self { house: House::of_branches().await, ids: Mutex::default(), invitations: Mutex::default() }
    }

    fn known(of: &Mutex<BTreeMap<usize, String>>, who: usize) -> String {
        of.lock().unwrap().get(&who).cloned().unwrap_or_else(|| uuid::Uuid::nil().to_string())
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.house.ask(None, method, path, body).await
    }

    /// Asks for it. Returns what is answered.
    async fn take(&self, Step { who, deed }: Step) -> u16 {
        let id = Self::known(&self.ids, who);
        let user = format!("/users/{id}");
        let managed = MANAGED.contains(&who);
        let scim = &self.house.0.scim;
        let reply = match deed {
            Deed::Seats(seats) => {
                let pool = json!({"purchased": seats, "atLimit": "waitlist"});
                self.ask("PUT", "/seat-pool", Some(pool)).await
            }
            Deed::Come => return self.comes(who).await,
            Deed::SetActive(active) if managed => {
                let operation = json!([{"op": "replace", "path": "active", "value": active}]);
                scim.patch(&format!("/Users/{id}"), operation).await
            }
            Deed::SetActive(active) => self.ask("PATCH", &user, Some(json!({"active": active}))).await,
            Deed::Delete if managed => scim.delete(&format!("/Users/{id}")).await,
            Deed::Delete => self.ask("DELETE", &user, None).await,
            Deed::Freeze => self.ask("PUT", &format!("{user}/freeze"), Some(json!({}))).await,
            Deed::Thaw => self.ask("DELETE", &format!("{user}/freeze"), None).await,
            Deed::GiveAdmin => self.gives(&user, flag("admin_flag")).await,
            Deed::Move(key) => self.gives(&user, home(key)).await,
            Deed::TakeAdmin => {
                let grants = self.ask("GET", &format!("{user}/grants"), None).await;
                let grants = if grants.status == 200 { grants.json()["items"].clone() } else { json!([]) };
                let flag = grants.as_array().unwrap().iter().find(|it| it["gives"].get("flags").is_some());
                let Some(flag) = flag else { return 404 };
                self.ask("DELETE", &format!("{user}/grants/{}", text(&flag["id"])), None).await
            }
            Deed::Cancel => {
                let id = Self::known(&self.invitations, who);
                self.ask("DELETE", &format!("/invitations/{id}"), None).await
            }
        };
        reply.status
    }

    async fn gives(&self, user: &str, gives: Value) -> Reply {
        self.ask("POST", &format!("{user}/grants"), Some(json!({"gives": gives}))).await
    }

    async fn comes(&self, who: usize) -> u16 {
        let name = format!("p{who}@acme.example");
        let reply = if MANAGED.contains(&who) {
            let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
            self.house.0.scim.post("/Users", body).await
        } else if ADDED.contains(&who) {
            self.ask("POST", "/users", Some(json!({"userName": name}))).await
        } else {
            self.ask("POST", "/invitations", Some(json!({"address": name, "mail": false}))).await
        };
        if reply.status == 201 {
            let body = reply.json();
            let id = if INVITED.contains(&who) {
                let invitation = &body["invitation"];
                self.invitations.lock().unwrap().insert(who, text(&invitation["id"]));
                text(&invitation["user"])
            } else {
                text(&body["id"])
            };
            self.ids.lock().unwrap().insert(who, id);
        }
        reply.status
    }

    /// How it stands by what the interfaces say; the books agree.
    async fn standing(&self) -> Standing {
        let ids = self.ids.lock().unwrap().clone();
        let mut people = BTreeMap::new();
        for (who, id) in &ids {
            let access = self.ask("GET", &format!("/users/{id}/access"), None).await;
            if access.status == 404 {
                continue;
            }
            let access = access.is(200).json();
            let roles = access["roles"].as_array().unwrap();
            let role = roles.iter().map(|held| text(&held["role"])).find(|role| role.ends_with("admin"));
            people.insert(*who, (text(&access["status"]["kind"]), role));
        }
        let pool = self.ask("GET", "/seat-pool", None).await.is(200).json();
        assert_eq!(pool["reconciled"], true, "{pool}");
        let who = |waiting: &Value| *ids.iter().find(|(_, id)| **id == text(&waiting["user"])).unwrap().0;
        let waiting = pool["waiting"].as_array().unwrap().iter().map(who).collect();
        (people, usize::try_from(pool["used"].as_u64().unwrap()).unwrap(), waiting)
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests have no configuration to read this from")]
fn histories() -> u64 {
    std::env::var("USHER_HISTORIES").map_or(HISTORIES, |wanted| wanted.parse().unwrap())
}

/// Every pair of requests about two people comes to what one of its two orders does, in the model and in the tenant.
#[test]
fn two_requests_at_once_come_to_what_one_after_the_other_would() {
    run(async {
        let (mut refused, mut waited) = (0, 0);
        for history in 0..histories() {
            let mut chance = Chance::new(SEED + history);
            let (tenant, mut model) = (Tenant::new().await, Model::default());
            let first = Step { who: usize::MAX, deed: Deed::Seats(3) };
            assert_eq!(tenant.take(first).await, model.take(first));
            for step in 0..STEPS {
                let one = Step::random(&mut chance);
                let mut other = Step::random(&mut chance);
                while other.who == one.who {
                    other = Step::random(&mut chance);
                }

                let answered = tokio::join!(tenant.take(one), tenant.take(other));
                let stands = tenant.standing().await;
                refused += usize::from(answered.0 == 409) + usize::from(answered.1 == 409);
                waited += usize::from(!stands.2.is_empty());

                let orders = [(one, other), (other, one)].map(|(before, after)| {
                    let mut model = model.clone();
                    let answers = (model.take(before), model.take(after));
                    (model, answers)
                });
                let [(one_first, said), (other_first, (late, early))] = orders;
                model = match [(one_first, said), (other_first, (early, late))]
                    .into_iter()
                    .find(|(model, said)| *said == answered && model.standing() == stands)
                {
                    Some((model, _)) => model,
                    None => panic!(
                        "history {history}, step {step}: {one:?} and {other:?} were answered {answered:?} and came to {stands:?}\n{model:#?}"
                    ),
                };
            }
            let books = tenant.ask("POST", "/seat-pool/reconciliation", None).await.is(200).json();
            assert_eq!(books["differences"], json!([]), "{books}");
        }
        assert!(refused > 10 && waited > 10, "too little happened to prove anything: {refused}, {waited}");
    });
}
