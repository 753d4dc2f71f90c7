//! Random histories of a tenant of each product, two requests at a time. What the requests are answered, and how the tenant stands
//! after each pair, is what a small model says of one order of the two or of the other. Knows the model and what of a blueprint it
//! goes by; the interfaces say how the tenant stands.
//!
//! `USHER_HISTORIES` makes more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use domain::blueprint::{Assignment, Blueprint, ScopeKind, catalog};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::grant_rules::{House, flag, home, role};
use super::invitations::{Made, follow};
use crate::crash::chance::Chance;
use crate::support::http::{Reply, text};
use crate::support::passkey::{Authenticator, Named};
use crate::support::provider::Browser;
use crate::support::run;

const STEPS: usize = 40;
const SEED: u64 = 0x5EED_0003;

/// Those whom the directory manages, those who are added by hand, and those who are invited; by their numbers.
const MANAGED: std::ops::Range<usize> = 0..4;
const ADDED: std::ops::Range<usize> = 4..6;
const INVITED: std::ops::Range<usize> = 6..9;
const HOMES: [&str; 3] = ["Top", "Sales", "Osaka"];
/// The one place of each kind, where there is more than the environment.
const PLACE: &str = "place";

/// What of a blueprint the model goes by.
#[derive(Clone, Debug)]
struct Product {
    id: &'static str,
    /// The role of which one must remain.
    protected: String,
    protected_by: Protected,
    /// Whether whoever is invited has a seat from then on.
    counts_the_invited: bool,
    /// Whether whoever has no role but the default one needs no seat.
    default_is_free: bool,
    /// Whether whoever is not wanted any more before they have accepted is shut out, instead of gone.
    cancel_deactivates: bool,
}

/// How somebody comes to the protected role.
#[derive(Clone, Debug)]
enum Protected {
    /// By a flag and a home at the top; below it, the flag makes them another.
    ByFlag { flag: String, below: String },
    /// It is given at a place, and another there takes its place.
    Given { at: Value, other: Option<String> },
}

impl Product {
    fn of(id: &'static str) -> Self {
        let text = catalog().iter().find(|(known, _)| *known == id).unwrap().1;
        let blueprint = Blueprint::parse(text).unwrap();
        let [invariant] = blueprint.invariants() else { panic!("{id}: the model knows one invariant") };
        assert_eq!(invariant.minimum(), 1, "{id}");
        let protected = blueprint.role(invariant.role()).unwrap();
        let by_hand: Vec<_> = blueprint.roles().filter(|it| it.assignment() == Assignment::Given).collect();
        let protected_by = if protected.assignment() == Assignment::Derived {
            let default = blueprint.default_role().map(domain::blueprint::Role::id);
            let is_other = |id: &str| id != protected.id() && default != Some(id);
            let below =
                blueprint.roles().find(|it| it.assignment() == Assignment::Derived && is_other(it.id()));
            Protected::ByFlag { flag: "admin_flag".to_owned(), below: below.unwrap().id().to_owned() }
        } else {
            let word = protected.places().next().unwrap();
            let kind = blueprint.scopes().iter().find(|it| it.id() == word).unwrap().kind();
            let at = match kind {
                ScopeKind::Workspace => json!({"workspace": PLACE}),
                ScopeKind::OrgUnit => json!({"orgUnit": PLACE}),
                _ => json!("environment"),
            };
            let invited_as = blueprint.product().membership.invited_as.as_ref();
            let beside = |it: &&&domain::blueprint::Role| {
                let taken =
                    it.id() == protected.id() || invited_as.is_some_and(|role| role.get_ref() == it.id());
                !taken && !it.external() && it.can_be_held_at_a(word)
            };
            Protected::Given { at, other: by_hand.iter().find(beside).map(|it| it.id().to_owned()) }
        };
        let invitation = blueprint.product().invitation.as_ref().unwrap();
        Self {
            id,
            protected: protected.id().to_owned(),
            protected_by,
            counts_the_invited: blueprint.counts_the_invited(),
            default_is_free: blueprint.default_role().is_some_and(|role| {
                let class = blueprint.seat_class_of(role.id());
                class.is_some_and(|class| blueprint.is_free(class))
            }),
            cancel_deactivates: invitation.cancel_deactivates,
        }
    }
}

impl Product {
    /// Whether something else can take the place of the protected role.
    fn has_another(&self) -> bool {
        !matches!(&self.protected_by, Protected::Given { other: None, .. })
    }
}

/// Something that is asked of the tenant.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// They are provisioned, added or invited, by whoever they are.
    Come,
    SetActive(bool),
    Delete,
    Freeze,
    Thaw,
    GiveProtected,
    TakeProtected,
    /// Another home, or another role at the same place.
    Move(usize),
    Accept,
    Cancel,
    Seats(usize),
}

#[derive(Clone, Copy, Debug)]
struct Step {
    who: usize,
    deed: Deed,
}

impl Step {
    fn random(chance: &mut Chance, product: &Product) -> Self {
        if chance.within(0..12) == 0 {
            return Self { who: usize::MAX, deed: Deed::Seats(chance.index(7)) };
        }
        let who = chance.index(INVITED.end);
        let deed = match chance.index(if INVITED.contains(&who) { 22 } else { 13 }) {
            0..3 | 14..17 => Deed::Come,
            3 => Deed::SetActive(false),
            4 | 5 => Deed::SetActive(true),
            6 => Deed::Delete,
            7 => Deed::Freeze,
            8 => Deed::Thaw,
            12 if product.has_another() => Deed::Move(chance.index(HOMES.len())),
            9 | 10 | 12 => Deed::GiveProtected,
            11 => Deed::TakeProtected,
            13 => Deed::Cancel,
            _ => Deed::Accept,
        };
        Self { who, deed }
    }
}

/// What somebody was given by hand, as far as the model looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Protected,
    Other,
}

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each can be so or not whatever the others are")]
struct Person {
    active: bool,
    frozen: bool,
    invited: bool,
    /// Whether their link is good.
    can_accept: bool,
    given: Option<Given>,
    home: Option<&'static str>,
}

impl Person {
    fn is_in(&self) -> bool {
        self.active && !self.frozen
    }

    /// What they hold beside what everybody does.
    fn role(&self, product: &Product) -> Option<String> {
        let given = self.given.filter(|_| self.is_in() && !self.invited)?;
        match &product.protected_by {
            Protected::ByFlag { below, .. } => {
                self.home.map(|home| if home == "Top" { product.protected.clone() } else { below.clone() })
            }
            Protected::Given { .. } if given == Given::Protected => Some(product.protected.clone()),
            Protected::Given { other, .. } => other.clone(),
        }
    }
}

/// How the tenant stands: each person's status and role, how many seats are held, and who waits, in order.
type Standing = (BTreeMap<usize, (String, Option<String>)>, usize, Vec<usize>);

#[derive(Clone, Debug)]
struct Model {
    product: Product,
    people: BTreeMap<usize, Person>,
    seats: usize,
    held: BTreeSet<usize>,
    waiting: Vec<usize>,
}

impl Model {
    fn of(product: Product) -> Self {
        Self { product, people: BTreeMap::new(), seats: 0, held: BTreeSet::new(), waiting: Vec::new() }
    }

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
        let Some(before) = self.people.get(&who).cloned() else {
            return if matches!(deed, Deed::Accept) { 403 } else { 404 };
        };
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
            Deed::GiveProtected => {
                after.given = Some(Given::Protected);
                201
            }
            Deed::TakeProtected if before.given != Some(Given::Protected) => return 404,
            Deed::TakeProtected => {
                after.given = None;
                204
            }
            Deed::Move(to) => {
                match self.product.protected_by {
                    Protected::ByFlag { .. } => after.home = Some(HOMES[to]),
                    Protected::Given { .. } => after.given = Some(Given::Other),
                }
                201
            }
            Deed::Accept if !before.can_accept => return 403,
            Deed::Accept => {
                (after.invited, after.can_accept) = (false, false);
                200
            }
            Deed::Cancel if !before.can_accept => return 409,
            Deed::Delete | Deed::Cancel => {
                after.active = false;
                if matches!(deed, Deed::Cancel) && self.product.cancel_deactivates { 200 } else { 204 }
            }
            Deed::Come | Deed::Seats(_) => unreachable!(),
        };
        let by_directory = MANAGED.contains(&who) && matches!(deed, Deed::SetActive(_) | Deed::Delete);
        let is_protected =
            |person: &Person| person.role(&self.product).as_ref() == Some(&self.product.protected);
        let left = self.people.values().filter(|person| is_protected(person)).count();
        if is_protected(&before) && !is_protected(&after) && left == 1 && !by_directory {
            return 409;
        }
        after.can_accept &= after.is_in();
        let (was_counted, is_counted) = (self.is_counted(&before), self.is_counted(&after));
        self.people.insert(who, after);
        match (was_counted, is_counted) {
            (true, false) => self.leaves(who),
            (false, true) => self.claims(who),
            _ => {}
        }
        if answer == 204 && matches!(deed, Deed::Delete | Deed::Cancel) {
            self.people.remove(&who);
        }
        answer
    }

    /// Whether somebody needs a seat.
    fn is_counted(&self, person: &Person) -> bool {
        person.is_in()
            && (!person.invited || self.product.counts_the_invited)
            && (person.given.is_some() || !self.product.default_is_free)
    }

    fn comes(&mut self, who: usize) -> u16 {
        let invited = INVITED.contains(&who);
        let person = Person { active: true, invited, can_accept: invited, ..Person::default() };
        let full = self.held.len() >= self.seats;
        if self.people.contains_key(&who) || (invited && full && self.is_counted(&person)) {
            return 409;
        }
        let is_counted = self.is_counted(&person);
        self.people.insert(who, person);
        if is_counted {
            self.claims(who);
        }
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
                it if self.held.contains(who) || !self.is_counted(it) => "granted",
                _ => "waitingForSeat",
            };
            let role = person.role(&self.product).filter(|_| status == "granted");
            (*who, (status.to_owned(), role))
        };
        (self.people.iter().map(one).collect(), self.held.len(), self.waiting.clone())
    }
}

/// The tenant itself.
struct Tenant {
    product: Product,
    house: House,
    /// The newest id of each, of their invitation, and the secret of its link.
    ids: Mutex<BTreeMap<usize, String>>,
    invitations: Mutex<BTreeMap<usize, String>>,
    secrets: Mutex<BTreeMap<usize, String>>,
}

impl Tenant {
    async fn of(product: Product) -> Self {
        let house = match product.protected_by {
            Protected::ByFlag { .. } => House::of_branches().await,
            Protected::Given { .. } => House::of(product.id).await,
        };
        let tenant = Self {
            product,
            house,
            ids: Mutex::default(),
            invitations: Mutex::default(),
            secrets: Mutex::default(),
        };
        tenant.has_places().await;
        tenant
    }

    /// One place of each kind where somebody can be held, so that an invitation need not say where.
    async fn has_places(&self) {
        let text = catalog().iter().find(|(known, _)| *known == self.product.id).unwrap().1;
        let blueprint = Blueprint::parse(text).unwrap();
        if blueprint.scopes().iter().any(|scope| scope.kind() == ScopeKind::Workspace) {
            let new = json!({"key": PLACE, "name": PLACE});
            self.house.0.api.post("/workspaces", new).await.is(201);
        }
        if let Some(kind) = blueprint.units().next().filter(|_| !blueprint.has_homes()) {
            self.house.0.unit_of_kind(PLACE, Some("Top"), Some(kind.id())).await;
        }
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
            Deed::Accept => return self.accepts(who).await,
            Deed::SetActive(active) if managed => {
                let operation = json!([{"op": "replace", "path": "active", "value": active}]);
                scim.patch(&format!("/Users/{id}"), operation).await
            }
            Deed::SetActive(active) => self.ask("PATCH", &user, Some(json!({"active": active}))).await,
            Deed::Delete if managed => scim.delete(&format!("/Users/{id}")).await,
            Deed::Delete => self.ask("DELETE", &user, None).await,
            Deed::Freeze => self.ask("PUT", &format!("{user}/freeze"), Some(json!({}))).await,
            Deed::Thaw => self.ask("DELETE", &format!("{user}/freeze"), None).await,
            Deed::GiveProtected => self.gives(&user, self.protected()).await,
            Deed::Move(to) => self.gives(&user, self.other(to)).await,
            Deed::TakeProtected => {
                let grants = self.ask("GET", &format!("{user}/grants"), None).await;
                let grants = if grants.status == 200 { grants.json()["items"].clone() } else { json!([]) };
                let is_it = |grant: &&Value| match &self.product.protected_by {
                    Protected::ByFlag { .. } => grant["gives"].get("flags").is_some(),
                    Protected::Given { .. } => {
                        grant["gives"]["role"]["role"] == json!(self.product.protected)
                    }
                };
                let Some(grant) = grants.as_array().unwrap().iter().find(is_it) else { return 404 };
                self.ask("DELETE", &format!("{user}/grants/{}", text(&grant["id"])), None).await
            }
            Deed::Cancel => {
                let id = Self::known(&self.invitations, who);
                self.ask("DELETE", &format!("/invitations/{id}"), None).await
            }
        };
        reply.status
    }

    fn protected(&self) -> Value {
        match &self.product.protected_by {
            Protected::ByFlag { flag: id, .. } => flag(id),
            Protected::Given { at, .. } => role(&self.product.protected, at.clone()),
        }
    }

    /// What is given instead of the protected role.
    fn other(&self, to: usize) -> Value {
        match &self.product.protected_by {
            Protected::ByFlag { .. } => home(HOMES[to]),
            Protected::Given { at, other } => role(other.as_deref().unwrap(), at.clone()),
        }
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
                let made = Made::of(&body);
                self.secrets.lock().unwrap().insert(who, made.secret().to_owned());
                self.invitations.lock().unwrap().insert(who, made.id);
                made.user
            } else {
                text(&body["id"])
            };
            self.ids.lock().unwrap().insert(who, id);
        }
        reply.status
    }

    /// Follows the newest link, and registers a passkey if it leads to one.
    async fn accepts(&self, who: usize) -> u16 {
        let (named, slug) = (Named::get(), self.house.0.tenant.slug.as_str());
        let browser = Browser::at(&named.server);
        let Some(secret) = self.secrets.lock().unwrap().get(&who).cloned() else { return 403 };
        let page = follow(&browser, &named.server, slug, &secret).await;
        if page.status != 200 {
            return page.status;
        }
        let answer = Authenticator::at(&named.server).registers(&page);
        let fields = [("answer", answer.as_str()), ("name", "Mine")];
        browser.fill_in(&named.page(slug, "/registered"), &fields).await.status
    }

    /// How it stands by what the interfaces say; the books agree.
    async fn standing(&self) -> Standing {
        let ids = self.ids.lock().unwrap().clone();
        let watched = match &self.product.protected_by {
            Protected::ByFlag { below, .. } => vec![&self.product.protected, below],
            Protected::Given { other, .. } => other.iter().chain([&self.product.protected]).collect(),
        };
        let one = async |(who, id): (&usize, &String)| {
            let access = self.ask("GET", &format!("/users/{id}/access"), None).await;
            if access.status == 404 {
                return None;
            }
            let access = access.is(200).json();
            let roles = access["roles"].as_array().unwrap();
            let role = roles.iter().map(|held| text(&held["role"])).find(|role| watched.contains(&role));
            Some((*who, (text(&access["status"]["kind"]), role)))
        };
        let people = join_all(ids.iter().map(one)).await.into_iter().flatten().collect();
        let pool = self.ask("GET", "/seat-pool", None).await.is(200).json();
        assert_eq!(pool["reconciled"], true, "{pool}");
        let who = |waiting: &Value| *ids.iter().find(|(_, id)| **id == text(&waiting["user"])).unwrap().0;
        let waiting = pool["waiting"].as_array().unwrap().iter().map(who).collect();
        (people, usize::try_from(pool["used"].as_u64().unwrap()).unwrap(), waiting)
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests have no configuration to read this from")]
fn histories(otherwise: u64) -> u64 {
    std::env::var("USHER_HISTORIES").map_or(otherwise, |wanted| wanted.parse().unwrap())
}

/// So many histories of a product. Every pair of requests about two people comes to what one of its two orders does, in the model and
/// in the tenant.
fn happen(id: &'static str, count: u64) {
    run(async {
        let product = Product::of(id);
        let (mut refused, mut waited, mut accepted) = (0, 0, 0);
        for history in 0..histories(count) {
            let mut chance = Chance::new(SEED + history);
            let (tenant, mut model) = (Tenant::of(product.clone()).await, Model::of(product.clone()));
            let first = Step { who: usize::MAX, deed: Deed::Seats(3) };
            assert_eq!(tenant.take(first).await, model.take(first));
            for step in 0..STEPS {
                let one = Step::random(&mut chance, &product);
                let mut other = Step::random(&mut chance, &product);
                while other.who == one.who {
                    other = Step::random(&mut chance, &product);
                }

                let answered = tokio::join!(tenant.take(one), tenant.take(other));
                let stands = tenant.standing().await;
                for (asked, answer) in [(one, answered.0), (other, answered.1)] {
                    refused += usize::from(answer == 409);
                    accepted += usize::from(matches!(asked.deed, Deed::Accept) && answer == 200);
                }
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
                        "{id}, history {history}, step {step}: {one:?} and {other:?} were answered {answered:?} and came to {stands:?}\n{model:#?}"
                    ),
                };
            }
            let books = tenant.ask("POST", "/seat-pool/reconciliation", None).await.is(200).json();
            assert_eq!(books["differences"], json!([]), "{books}");
        }
        assert!(
            refused > 5 && waited > 5 && accepted > 0,
            "too little happened to prove anything: {refused}, {waited}, {accepted}"
        );
    });
}

/// BLF-15, BLF-20
#[test]
fn two_requests_at_once_come_to_what_one_after_the_other_would_where_position_makes_administrators() {
    happen("bellface", 3);
}

/// MOM-22
#[test]
fn two_requests_at_once_come_to_what_one_after_the_other_would_where_cancelling_deactivates() {
    happen("momos", 2);
}

/// LNC-12, LNC-26
#[test]
fn two_requests_at_once_come_to_what_one_after_the_other_would_where_invited_people_are_counted() {
    happen("linc_biz", 2);
}

/// CHT-07, CHT-32
#[test]
fn two_requests_at_once_come_to_what_one_after_the_other_would_where_invited_people_are_not_counted() {
    happen("channel_talk", 2);
}

/// RSP-14, RSP-30
#[test]
fn two_requests_at_once_come_to_what_one_after_the_other_would_where_roles_are_held_in_workspaces() {
    happen("respond_io", 2);
}
