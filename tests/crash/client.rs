//! One provisioning client. Knows SCIM requests, and remembers what came of each of its own; does not know processes.
//!
//! Its people and groups are its own, so that what it remembers is exactly what must be there; one group is shared by
//! all, and each client knows its own people in it. A request that has no answer is asked after when everything is back.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Counts;
use super::chance::Chance;
use super::journal::Journal;
use super::machine::{Machine, PATIENCE, SHARED, Tenant, says_when_to_return};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

pub struct Client {
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    /// The shared group, with this client's people only; its version counts this client's changes of it.
    pub shared: Group,
    pub journal: Journal,
    pub tally: Tally,
    number: u32,
    made: u32,
    chance: Chance,
    http: reqwest::Client,
    base: String,
    token: String,
    counts: Arc<Counts>,
    /// Changes when everything is back after a kill.
    calm: watch::Receiver<u32>,
}

#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub user_name: String,
    pub active: bool,
    /// Which of its documents the person has: it is in each e-mail address.
    pub revision: u32,
    pub version: u64,
}

#[derive(Clone)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub members: BTreeSet<String>,
    pub version: u64,
}

/// How many writes came to what.
#[derive(Default)]
pub struct Tally {
    pub answered: u32,
    pub unanswered: u32,
    /// Of those without an answer: Usher had begun with them.
    pub struck: u32,
    /// Of those without an answer: everything was there from beginning to end.
    pub unprovoked: u32,
    happened: u32,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// Nobody listened.
    Refused,
    /// The connection broke, or Usher said that it cannot say now.
    Broken,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.unanswered += other.unanswered;
        self.struck += other.struck;
        self.unprovoked += other.unprovoked;
        self.happened += other.happened;
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { answered, unanswered, struck, unprovoked, happened } = self;
        write!(
            f,
            "{answered} writes answered, {unanswered} not ({struck} under way, {unprovoked} without a kill, {happened} had happened)"
        )
    }
}

impl Person {
    fn document(&self) -> Value {
        json!({
            "schemas": [USER],
            "userName": self.user_name,
            "displayName": format!("{} in revision {}", self.user_name, self.revision),
            "active": self.active,
            "emails": self.emails(),
        })
    }

    fn emails(&self) -> Value {
        let address = |place| format!("{}-r{}@{place}.example", self.user_name, self.revision);
        json!([{"value": address("Work"), "type": "work", "primary": true}, {"value": address("home"), "type": "home"}])
    }

    /// What tells one state of the person from any other.
    fn state(&self) -> (u64, bool, Value) {
        (self.version, self.active, self.emails())
    }
}

/// The group that all clients share.
pub async fn make_shared_group(machine: &Machine, tenant: &Tenant) -> Group {
    let response = machine
        .http
        .post(format!("{}/scim/v2/Groups", machine.base))
        .bearer_auth(&tenant.scim_token)
        .json(&json!({"schemas": [GROUP], "displayName": SHARED}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 201, "{}", machine.last_words());
    let made: Value = response.json().await.unwrap();
    Group { id: id_of(&made), name: SHARED.to_owned(), members: BTreeSet::new(), version: 0 }
}

impl Client {
    pub fn new(
        number: u32,
        machine: &Machine,
        tenant: &Tenant,
        shared: Group,
        chance: Chance,
        (counts, calm): (Arc<Counts>, watch::Receiver<u32>),
    ) -> Self {
        Self {
            people: Vec::new(),
            groups: Vec::new(),
            shared,
            journal: Journal::default(),
            tally: Tally::default(),
            number,
            made: 0,
            chance,
            http: machine.http.clone(),
            base: format!("{}/scim/v2", machine.base),
            token: tenant.scim_token.clone(),
            counts,
            calm,
        }
    }

    /// One write, and what is to be found out about it.
    pub async fn step(&mut self) {
        match self.chance.within(0..100) {
            0..30 => self.create_person().await,
            30..50 => self.switch_person().await,
            50..58 => self.replace_person().await,
            58..62 => self.delete_person().await,
            62..67 => self.create_group().await,
            67..86 => self.change_group().await,
            _ => self.change_shared_group().await,
        }
    }

    async fn create_person(&mut self) {
        self.made += 1;
        let mut person = Person {
            id: String::new(),
            user_name: format!("c{}-person-{}", self.number, self.made),
            active: self.chance.within(0..10) > 0,
            revision: 0,
            version: 1,
        };
        let made = match self.write(Method::POST, "/Users", &person.document(), 201).await {
            Some(made) => made,
            None => match self.find("/Users", "userName", &person.user_name).await {
                Some(found) => {
                    self.repeat("/Users", &person.document()).await;
                    found
                }
                None => return,
            },
        };
        person.id = id_of(&made);
        assert_eq!(state_in(&made), person.state(), "half a person: {made}");
        self.people.push(person);
    }

    async fn switch_person(&mut self) {
        let Some(at) = self.anybody() else { return self.create_person().await };
        let mut after = self.people[at].clone();
        after.active = !after.active;
        after.version += 1;
        let patch = json!({
            "schemas": [PATCH],
            "Operations": [{"op": "replace", "path": "active", "value": after.active}],
        });
        self.change_person(Method::PATCH, at, after, &patch).await;
    }

    async fn replace_person(&mut self) {
        let Some(at) = self.anybody() else { return self.create_person().await };
        let mut after = self.people[at].clone();
        after.revision += 1;
        after.version += 1;
        let document = after.document();
        self.change_person(Method::PUT, at, after, &document).await;
    }

    async fn change_person(&mut self, method: Method, at: usize, after: Person, body: &Value) {
        let path = format!("/Users/{}", after.id);
        if let Some(answer) = self.write(method, &path, body, 200).await {
            assert_eq!(state_in(&answer), after.state(), "{answer}");
        } else {
            let found = self.look(&path).await.expect("a person whose creation was answered is gone");
            let before = self.people[at].state();
            if !self.happened(&path, &state_in(&found), &before, &after.state()) {
                return;
            }
        }
        self.people[at] = after;
    }

    async fn delete_person(&mut self) {
        let Some(at) = self.anybody() else { return self.create_person().await };
        let path = format!("/Users/{}", self.people[at].id);
        if self.write(Method::DELETE, &path, &Value::Null, 204).await.is_none() {
            let found = self.look(&path).await.map(|person| state_in(&person));
            let before = Some(self.people[at].state());
            if !self.happened(&path, &found, &before, &None) {
                return;
            }
        }
        let gone = self.people.swap_remove(at);
        for group in self.groups.iter_mut().chain([&mut self.shared]) {
            group.members.remove(&gone.id);
        }
    }

    async fn create_group(&mut self) {
        self.made += 1;
        let members: BTreeSet<String> = self.chance.some(&self.ids(), 5).into_iter().collect();
        let name = format!("c{}-group-{}", self.number, self.made);
        let body = json!({"schemas": [GROUP], "displayName": name, "members": references(&members)});
        let made = match self.write(Method::POST, "/Groups", &body, 201).await {
            Some(made) => made,
            None => match self.find("/Groups", "displayName", &name).await {
                Some(found) => {
                    self.repeat("/Groups", &body).await;
                    found
                }
                None => return,
            },
        };
        assert_eq!((version_of(&made), members_of(&made)), (1, members.clone()), "half a group: {made}");
        self.groups.push(Group { id: id_of(&made), name, members, version: 1 });
    }

    async fn change_group(&mut self) {
        if self.groups.is_empty() {
            return self.create_group().await;
        }
        let at = self.chance.index(self.groups.len());
        let before = self.groups[at].clone();
        let Some((after, change)) = self.moved(&before) else { return self.create_person().await };
        let path = format!("/Groups/{}", before.id);
        if self.write(Method::PATCH, &path, &change, 204).await.is_none() {
            let found = self.look(&path).await.expect("a group whose creation was answered is gone");
            let found = (version_of(&found), members_of(&found));
            let (was, is) = ((before.version, before.members), (after.version, after.members.clone()));
            if !self.happened(&path, &found, &was, &is) {
                return;
            }
        }
        self.groups[at] = after;
    }

    async fn change_shared_group(&mut self) {
        let before = self.shared.clone();
        let Some((after, change)) = self.moved(&before) else { return self.create_person().await };
        let path = format!("/Groups/{}", before.id);
        if self.write(Method::PATCH, &path, &change, 204).await.is_none() {
            let found = self.look(&path).await.expect("the shared group is gone");
            let mine: BTreeSet<String> = self.ids().into_iter().collect();
            let found = members_of(&found).intersection(&mine).cloned().collect();
            if !self.happened(&path, &found, &before.members, &after.members) {
                return;
            }
        }
        self.shared = after;
    }

    /// The group after some people came and others went, and the one PATCH that says so; nothing if nobody would move.
    fn moved(&mut self, before: &Group) -> Option<(Group, Value)> {
        let strangers: Vec<String> =
            self.ids().into_iter().filter(|id| !before.members.contains(id)).collect();
        let members: Vec<String> = before.members.iter().cloned().collect();
        let coming: BTreeSet<String> = self.chance.some(&strangers, 4).into_iter().collect();
        let going: BTreeSet<String> = self.chance.some(&members, 3).into_iter().collect();
        let mut operations = Vec::new();
        if !coming.is_empty() {
            operations.push(json!({"op": "add", "path": "members", "value": references(&coming)}));
        }
        if !going.is_empty() {
            let which: Vec<String> = going.iter().map(|id| format!("value eq \"{id}\"")).collect();
            operations.push(json!({"op": "remove", "path": format!("members[{}]", which.join(" or "))}));
        }
        if operations.is_empty() {
            return None;
        }
        let members = before.members.union(&coming).filter(|id| !going.contains(*id)).cloned().collect();
        let after = Group { members, version: before.version + 1, ..before.clone() };
        Some((after, json!({"schemas": [PATCH], "Operations": operations})))
    }

    fn anybody(&mut self) -> Option<usize> {
        (!self.people.is_empty()).then(|| self.chance.index(self.people.len()))
    }

    fn ids(&self) -> Vec<String> {
        self.people.iter().map(|person| person.id.clone()).collect()
    }

    /// Sends a write. Its answer must be the expected one; without an answer nothing is returned, when everything is
    /// back.
    async fn write(&mut self, method: Method, path: &str, body: &Value, expected: u16) -> Option<Value> {
        let calm_before = self.counts.calm();
        let answer = self.send(method.clone(), path, body).await;
        let told = match &answer {
            Ok((status, _)) => status.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        self.journal.note(format!("c{} {method} {path} {body} -> {told}", self.number));
        match answer {
            Ok((status, answer)) if status == expected => {
                self.tally.answered += 1;
                self.counts.answered.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
            Ok((status, answer)) => panic!("{method} {path} {body}: {status} {answer}"),
            Err(silence) => {
                self.tally.unanswered += 1;
                self.tally.struck += u32::from(silence == Silence::Broken);
                self.tally.unprovoked +=
                    u32::from(calm_before.is_some() && calm_before == self.counts.calm());
                let since = *self.calm.borrow();
                let calm = self.calm.wait_for(|times| *times != since);
                match tokio::time::timeout(PATIENCE * 2, calm).await {
                    Ok(calm) => drop(calm.unwrap()),
                    Err(late) => panic!("{method} {path} {body}: no answer, and nothing was killed: {late}"),
                }
                None
            }
        }
    }

    /// The answer, or nothing if the connection broke, or if Usher said that it cannot say now.
    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<(u16, Value), Silence> {
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        match request.send().await {
            Ok(answer) if answer.status().as_u16() == 503 => {
                assert!(says_when_to_return(&answer), "{method} {path}: {answer:?}");
                Err(Silence::Broken)
            }
            Ok(answer) => {
                let status = answer.status().as_u16();
                let text = answer.text().await.or(Err(Silence::Broken))?;
                Ok((status, serde_json::from_str(&text).unwrap_or_default()))
            }
            Err(late) if late.is_timeout() => panic!("{method} {path} hangs: {late}"),
            Err(refused) if refused.is_connect() => Err(Silence::Refused),
            Err(_) => Err(Silence::Broken),
        }
    }

    /// Reads until there is an answer. What is not there is nothing.
    async fn look(&mut self, path: &str) -> Option<Value> {
        loop {
            match self.send(Method::GET, path, &Value::Null).await {
                Ok((200, found)) => return Some(found),
                Ok((404, _)) => return None,
                Ok((status, answer)) => panic!("GET {path}: {status} {answer}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The one resource of this name, if it was made.
    async fn find(&mut self, path: &str, attribute: &str, name: &str) -> Option<Value> {
        let list = self.look(&format!("{path}?filter={attribute}%20eq%20%22{name}%22")).await.unwrap();
        self.journal
            .note(format!("c{} {attribute} {name} is there {} times", self.number, list["totalResults"]));
        match list["totalResults"].as_u64() {
            Some(0) => None,
            Some(1) => {
                self.tally.happened += 1;
                Some(list["Resources"][0].clone())
            }
            _ => panic!("twice there: {list}"),
        }
    }

    /// Sends again what was created without an answer, as provisioning clients do: it must not be there twice.
    async fn repeat(&mut self, path: &str, body: &Value) {
        if let Ok((status, answer)) = self.send(Method::POST, path, body).await {
            assert_eq!((status, &answer["scimType"]), (409, &json!("uniqueness")), "{answer}");
        }
    }

    /// Whether a write without an answer happened: wholly, or not at all.
    fn happened<T: PartialEq + Debug>(&mut self, what: &str, found: &T, before: &T, after: &T) -> bool {
        self.journal.note(format!("c{} {what} is {found:?}", self.number));
        assert!(found == before || found == after, "half there: {what}: {found:?}\n{before:?}\n{after:?}");
        let happened = found == after;
        self.tally.happened += u32::from(happened);
        happened
    }
}

fn references(members: &BTreeSet<String>) -> Value {
    members.iter().map(|id| json!({"value": id})).collect()
}

fn id_of(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

fn version_of(resource: &Value) -> u64 {
    let tag = resource["meta"]["version"].as_str().unwrap();
    tag.trim_start_matches("W/").trim_matches('"').parse().unwrap()
}

fn members_of(group: &Value) -> BTreeSet<String> {
    let members = group["members"].as_array().into_iter().flatten();
    members.map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

fn state_in(person: &Value) -> (u64, bool, Value) {
    (version_of(person), person["active"].as_bool().unwrap(), person["emails"].clone())
}
