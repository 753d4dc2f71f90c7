//! Asks the questions of one dialect. Knows steps, fixtures and cleaning up; does not know what a SCIM rule is.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use serde_json::{Map, Value, json};

use crate::catalogue::{Catalogue, Check, File, Step};
use crate::client::{Answer, Ask, Client};
use crate::expect::error_message;
use crate::features::Features;
use crate::native;
use crate::pointer::{find, put, remove};
use crate::vars::{Into, Vars, encoded};

/// Why a check ended before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The server does not have what is asked about.
    Skip(String),
    /// Another answer that is as good, and with which the check ends.
    Done,
    /// Something is not as expected.
    Fail(Box<Failure>),
}

/// A request, its answer, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failure {
    pub(crate) request: String,
    pub(crate) answer: String,
    pub(crate) wrong: Vec<String>,
}

impl From<String> for Stop {
    fn from(trouble: String) -> Self {
        Self::Fail(Box::new(Failure { wrong: vec![trouble], ..Failure::default() }))
    }
}

/// How a check ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Passed,
    Skipped(String),
    Failed(Box<Failure>),
}

/// One check in one dialect, and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) dialect: String,
    /// The section of an RFC, or the provider.
    pub(crate) group: String,
    pub(crate) is_transcript: bool,
    pub(crate) name: String,
    pub(crate) sentence: String,
    pub(crate) behaviours: Vec<u16>,
    pub(crate) outcome: Outcome,
}

/// A dialect's run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) entries: Vec<Entry>,
    /// What could not be deleted afterwards.
    pub(crate) left_behind: Vec<String>,
}

/// The state of one check.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) client: &'a Client,
    pub(crate) features: &'a Features,
    fixtures: BTreeMap<&'a str, &'a [Step]>,
    agent: Option<&'a str>,
    pub(crate) vars: Vars,
    made: Vec<String>,
}

/// URNs that files would otherwise repeat.
const URNS: [(&str, &str); 7] = [
    ("User", "urn:ietf:params:scim:schemas:core:2.0:User"),
    ("Group", "urn:ietf:params:scim:schemas:core:2.0:Group"),
    ("Enterprise", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
    ("PatchOp", "urn:ietf:params:scim:api:messages:2.0:PatchOp"),
    ("SearchRequest", "urn:ietf:params:scim:api:messages:2.0:SearchRequest"),
    ("BulkRequest", "urn:ietf:params:scim:api:messages:2.0:BulkRequest"),
    ("ListResponse", "urn:ietf:params:scim:api:messages:2.0:ListResponse"),
];

/// A word that no earlier run has used. `RandomState` is the one source of randomness in the standard library.
fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// Asks everything that is for `dialect`.
///
/// Not `whole`: without the checks that are the same in every dialect.
pub(crate) async fn run(catalogue: &Catalogue, client: &Client, dialect: &str, whole: bool) -> Run {
    let features = Features::read(client).await;
    let run = format!("c{:08x}-{dialect}", random() & 0xffff_ffff);
    let fixtures: BTreeMap<&str, &[Step]> =
        catalogue.fixtures.iter().map(|it| (it.name.as_str(), it.step.as_slice())).collect();
    let (mut entries, mut left_behind, mut number) = (Vec::new(), Vec::new(), 0_usize);
    for file in catalogue.files.iter().filter(|file| file.is_for(dialect)) {
        let checks =
            file.check.iter().filter(|check| check.is_for(dialect) && (whole || !file.is_same(check)));
        let checks = checks.collect::<Vec<_>>();
        if checks.is_empty() {
            continue;
        }
        number += 1;
        let mut shared = Session {
            client,
            features: &features,
            fixtures: fixtures.clone(),
            agent: file.agent.as_deref(),
            vars: Vars::default(),
            made: Vec::new(),
        };
        shared.name(&format!("{run}-{number}"), client.base());
        let ready = shared.prepare(&file.needs, &file.given).await;
        for check in checks {
            number += 1;
            let outcome = match &ready {
                Ok(()) | Err(Stop::Done) => {
                    let mut session =
                        Session { made: Vec::new(), vars: shared.vars.clone(), ..shared.shallow() };
                    if file.given.is_empty() {
                        session.name(&format!("{run}-{number}"), client.base());
                    }
                    let outcome = session.ask_all(check).await;
                    left_behind.extend(session.clean_up().await);
                    outcome
                }
                Err(Stop::Skip(why)) => Outcome::Skipped(why.clone()),
                Err(Stop::Fail(failure)) => Outcome::Failed(failure.clone()),
            };
            entries.push(entry(file, check, dialect, outcome));
        }
        left_behind.extend(shared.clean_up().await);
    }
    Run { entries, left_behind }
}

fn entry(file: &File, check: &Check, dialect: &str, outcome: Outcome) -> Entry {
    Entry {
        dialect: dialect.to_owned(),
        group: file.group(),
        is_transcript: file.provider.is_some(),
        name: check.name.clone(),
        sentence: check.sentence().to_owned(),
        behaviours: check.behaviours.clone(),
        outcome,
    }
}

impl<'a> Session<'a> {
    fn shallow(&self) -> Session<'a> {
        Session { fixtures: self.fixtures.clone(), vars: Vars::default(), made: Vec::new(), ..*self }
    }

    fn name(&mut self, unique: &str, base: &str) {
        let (high, low) = (random(), random());
        let guid = format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        );
        self.vars.set("unique", unique);
        self.vars.set("UNIQUE", unique.to_uppercase());
        self.vars.set("guid", guid);
        self.vars.set("base", base);
        for (name, urn) in URNS {
            self.vars.set(name, urn);
        }
    }

    async fn prepare(&mut self, needs: &[String], given: &[String]) -> Result<(), Stop> {
        if let Some(why) = needs.iter().find_map(|need| self.features.lacks(need)) {
            return Err(Stop::Skip(why));
        }
        for name in given {
            let steps = self.fixtures.get(name.as_str()).copied().unwrap_or_default();
            for step in steps {
                self.take(step).await?;
            }
        }
        Ok(())
    }

    async fn ask_all(&mut self, check: &Check) -> Outcome {
        let asked = async {
            self.prepare(&check.needs, &check.given).await?;
            for (name, value) in &check.row {
                let value = self.vars.fill_value(value)?;
                self.vars.set(name.clone(), value);
            }
            if let Some(native) = &check.native {
                return native::ask(native, self).await;
            }
            for step in &check.step {
                self.take(step).await?;
            }
            Ok(())
        };
        match asked.await {
            Ok(()) | Err(Stop::Done) => Outcome::Passed,
            Err(Stop::Skip(why)) => Outcome::Skipped(why),
            Err(Stop::Fail(failure)) => Outcome::Failed(failure),
        }
    }

    /// One step: sends, judges, keeps.
    async fn take(&mut self, step: &Step) -> Result<(), Stop> {
        let ask = self.request(step)?;
        let answer = self.send(&ask).await?;
        if step.skip_on.contains(&answer.status) {
            return Err(Stop::Skip(format!("the server answers {} to {}", answer.status, step.send)));
        }
        if step.done_on.contains(&answer.status) {
            let wrong = if answer.status < 400 { Vec::new() } else { error_message(&answer, "") };
            return Err(if wrong.is_empty() { Stop::Done } else { failed(&ask, &answer, wrong) });
        }
        let wrong = step.expect.judge(&answer, &self.vars)?;
        if !wrong.is_empty() {
            return Err(failed(&ask, &answer, wrong));
        }
        for (name, from) in &step.keep {
            let from = self.vars.fill(from.as_str().unwrap_or_default(), Into::Plain)?;
            let found = match from.strip_prefix('@') {
                Some(header) => answer.header(header).map(Value::from),
                None => find(&answer.body(), &from),
            };
            let found = found.ok_or_else(|| failed(&ask, &answer, vec![format!("{from} is not there")]))?;
            self.vars.set(name.clone(), found);
        }
        Ok(())
    }

    fn request(&self, step: &Step) -> Result<Ask, String> {
        let (path, query) = match step.send.split_once('?') {
            Some((path, query)) => (path, format!("?{}", self.vars.fill(query, Into::Address)?)),
            None => (step.send.as_str(), String::new()),
        };
        let path = self.vars.fill(path, Into::Plain)?;
        let (method, path) = path.split_once(' ').ok_or_else(|| format!("no method in {}", step.send))?;
        let target = address(&format!("{path}{query}"));
        let mut headers = Vec::new();
        if let Some(agent) = self.agent {
            headers.push(("User-Agent".to_owned(), agent.to_owned()));
        }
        for (name, value) in &step.headers {
            let value = self.vars.fill_value(value)?;
            headers.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        let whole = |text: &str| text.starts_with("${") && text.find('}') == Some(text.len() - 1);
        let into = |text: &str| if whole(text) { Into::Plain } else { Into::Json };
        let mut body = step.body.as_deref().map(|text| self.vars.fill(text, into(text))).transpose()?;
        if let Some(text) = body.as_mut().filter(|_| !step.put.is_empty() || !step.remove.is_empty()) {
            let mut document: Value = serde_json::from_str(text).map_err(|trouble| trouble.to_string())?;
            for pointer in &step.remove {
                remove(&mut document, pointer);
            }
            for (pointer, value) in &step.put {
                put(&mut document, &self.vars.fill(pointer, Into::Plain)?, self.vars.fill_value(value)?);
            }
            *text = document.to_string();
        }
        Ok(Ask { method: method.to_owned(), target, headers, body, anonymous: step.anonymous })
    }

    /// Sends a request and remembers what it made.
    pub(crate) async fn send(&mut self, ask: &Ask) -> Result<Answer, Stop> {
        let answer = self.client.send(ask).await.map_err(|trouble| {
            let wrong = vec![format!("no answer: {trouble}")];
            Stop::Fail(Box::new(Failure { request: ask.shown(), answer: String::new(), wrong }))
        })?;
        self.remember(ask, &answer);
        Ok(answer)
    }

    /// Remembers what an answer says was made, so that it is deleted at the end.
    pub(crate) fn remember(&mut self, ask: &Ask, answer: &Answer) {
        if ask.method != "POST" || !(200..300).contains(&answer.status) {
            return;
        }
        let path = ask.target.split('?').next().unwrap_or_default();
        let id = find(&answer.body(), "/id").and_then(|id| id.as_str().map(str::to_owned));
        match id {
            Some(id) if answer.status == 201 => self.made.push(format!("{path}/{id}")),
            _ => {
                let locations = find(&answer.body(), "/Operations/*/location").unwrap_or_default();
                let locations = locations.as_array().into_iter().flatten().filter_map(Value::as_str);
                self.made.extend(locations.map(str::to_owned));
            }
        }
    }

    /// Deletes what was made, the last first.
    async fn clean_up(mut self) -> Vec<String> {
        let mut left = Vec::new();
        while let Some(target) = self.made.pop() {
            let gone = self.client.send(&Ask::new("DELETE", target.as_str())).await;
            if !gone.is_ok_and(|answer| (200..300).contains(&answer.status) || answer.status == 404) {
                left.push(target);
            }
        }
        left
    }

    /// Makes `count` people with one request each, and gives their ids. For checks in Rust.
    pub(crate) async fn people(&mut self, count: usize) -> Result<Vec<String>, Stop> {
        let unique = self.vars.text("unique")?;
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("{unique}-many-{number}"),
            });
            ids.push(self.create("/Users", &body).await?);
        }
        Ok(ids)
    }

    /// Creates a resource and gives its id. For checks in Rust.
    pub(crate) async fn create(&mut self, endpoint: &str, body: &Value) -> Result<String, Stop> {
        let ask = Ask::new("POST", endpoint).with(body);
        let answer = self.send(&ask).await?;
        let id = find(&answer.body(), "/id").and_then(|id| id.as_str().map(str::to_owned));
        match id {
            Some(id) if answer.status == 201 => Ok(id),
            _ => Err(failed(
                &ask,
                &answer,
                vec![format!("status {} instead of 201 with an id", answer.status)],
            )),
        }
    }
}

/// A check that failed at this request.
pub(crate) fn failed(ask: &Ask, answer: &Answer, wrong: Vec<String>) -> Stop {
    Stop::Fail(Box::new(Failure { request: ask.shown(), answer: answer.shown(), wrong }))
}

/// A row's value as an object, for checks in Rust.
pub(crate) fn patch(operations: &Value) -> Value {
    let mut body = Map::new();
    body.insert("schemas".to_owned(), json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"]));
    body.insert("Operations".to_owned(), operations.clone());
    Value::Object(body)
}

/// An address with what may not be in one percent-encoded. What is encoded already, `+` and `&` stay.
fn address(target: &str) -> String {
    encoded(target, |byte| byte.is_ascii_alphanumeric() || b"-._~/?&=+%:,;@!$'()*".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_encoded_for_the_address() {
        assert_eq!(
            address("/Users?filter=emails[type eq \"work\"]&count=1"),
            "/Users?filter=emails%5Btype%20eq%20%22work%22%5D&count=1"
        );
        assert_eq!(address("/Users?filter=userName+eq+%22x%22&"), "/Users?filter=userName+eq+%22x%22&");
    }

    #[test]
    fn two_runs_have_different_names() {
        assert_ne!(random(), random());
    }
}
